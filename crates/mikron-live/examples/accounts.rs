//! Accounts of images beside those of real installations, for packages that create users.
//!
//! ```text
//! cargo run --release -p mikron-live --example accounts [-- PACKAGE[,PACKAGE…]…]
//! ```
//!
//! Each argument, or each line of `PACKAGES`, is one image and one installation of all its packages (by apt-get over a minimal Debian that
//! mmdebstrap makes once). Of every user that the installation has and its base has not the image's line of passwd(5) is compared: home, shell,
//! primary group, comment, and whether the number is one of those for systems; of groups the members. Needs root.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

#[path = "../tests/common/mod.rs"]
mod common;

use std::process::ExitCode;

use common::{builder, spec_of};
use mikron::Output;
use mikron_live::installed::Listing;
use mikron_live::runtime::extract;
use tempfile::TempDir;

/// Packages whose scripts or sysusers.d(5) files create users; those of one line can be installed beside each other.
const PACKAGES: &[&str] = &[
    "openssh-server,dbus,chrony,memcached,haproxy,redis-server,dnsmasq-base,unbound,bind9,nsd,tcpdump,uuid-runtime,rtkit,polkitd,avahi-daemon",
    "postfix,opendkim,opendmarc,postgrey,dovecot-core,mosquitto,stunnel4,tor,privoxy,znc,ngircd,prosody,coturn,icecast2,usbmuxd",
    "varnish,vsftpd,snmpd,nslcd,knot,pdns-server,gearman-job-server,beanstalkd,prometheus-node-exporter,munin-common,nagios-nrpe-server,freeradius,minidlna,transmission-daemon,frr,systemd-resolved,systemd-timesyncd,ulogd2,pgbouncer",
];

fn main() -> ExitCode {
    let mut lines: Vec<String> = std::env::args().skip(1).collect();
    if lines.is_empty() {
        lines.extend(PACKAGES.iter().map(|&line| line.to_owned()));
    }
    let Some(base) = common::installed::base() else {
        return ExitCode::FAILURE;
    };
    let (mut packages, mut users, mut same, mut failed) = (0, 0, 0, 0);
    for line in &lines {
        let names: Vec<&str> = line.split(',').collect();
        let dir = TempDir::new().unwrap();
        let layout = dir.path().join("layout");
        let spec = spec_of(&names.join(", "), "");
        let built = builder(&spec, dir.path())
            .unwrap()
            .platform("linux/amd64".parse().unwrap())
            .output(Output::layout(&layout, "latest"))
            .build();
        if let Err(error) = built {
            println!("{line}: NOT BUILT: {error}");
            failed += 1;
            continue;
        }
        let root = dir.path().join("root");
        let (Some(_), Some(installed)) = (extract(&layout, &root), base.install(&names)) else {
            failed += 1;
            continue;
        };
        packages += names.len();
        let (image, there, minimal) = (Listing::of(&root), installed.listing(), installed.base());
        for (name, expected) in &there.users {
            if minimal.users.contains_key(name) {
                continue;
            }
            users += 1;
            match image.users.get(name) {
                Some(found) if found == expected => same += 1,
                Some(found) => println!("user {name}: {found}  installed: {expected}"),
                None => println!("user {name}: not in the image  installed: {expected}"),
            }
        }
        for (name, expected) in &there.groups {
            if minimal.groups.get(name) == Some(expected) {
                continue;
            }
            match image.groups.get(name) {
                Some(found) if found == expected => {}
                found => println!("group {name}: {found:?}  installed: {expected:?}"),
            }
        }
    }
    println!(
        "{packages} packages, {users} users of installations: {same} are the same in the image; {failed} lines not compared"
    );
    ExitCode::from(u8::from(failed > 0))
}
