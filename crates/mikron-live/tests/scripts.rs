//! What maintainer scripts of real packages make stands in their images as it stands in an installation (`examples/installed`
//! compares those path by path, this is what they were found to have), and nothing that only passes by.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{builder, extract_spec, spec_of};
use mikron_live::installed::Listing;
use mikron_live::runtime::Bundle;
use tempfile::TempDir;

/// A name that a script or dpkg gives a file on its way to its place.
fn is_passing(path: &str) -> bool {
    let ends = [".tmp", ".new", "-new", ".dpkg-tmp", ".dpkg-dist"];
    ends.iter().any(|end| path.ends_with(end)) || path.ends_with("/run/run")
}

/// The image of some packages, of which nothing is on its way.
fn image(packages: &str) -> Option<(Bundle, Listing)> {
    let bundle = extract_spec(&spec_of(packages, ""))?;
    let listing = Listing::of(&bundle.rootfs());
    let passing: Vec<_> = listing
        .found
        .keys()
        .filter(|path| is_passing(path))
        .collect();
    assert!(passing.is_empty(), "{packages}: {passing:?}");
    Some((bundle, listing))
}

/// Paths are there as the table says: `MODE OWNER:GROUP`, or not at all (`-`).
fn stands(packages: &str, expected: &[(&str, &str)]) {
    let Some((_bundle, listing)) = image(packages) else {
        return;
    };
    for (path, expected) in expected {
        let is = listing.found.get(*path).map_or("-".to_owned(), |found| {
            format!("{:o} {}:{}", found.mode, found.owner, found.group)
        });
        assert_eq!(is, *expected, "{packages}: {path}");
    }
}

#[test]
fn owners_and_modes_are_those_that_scripts_set() {
    stands(
        "bind9, chrony, dovecot-core, proftpd-core, libpam-modules",
        &[
            ("/var/cache/bind", "775 root:bind"),
            ("/etc/bind", "2755 root:bind"),
            ("/etc/bind/named.conf.options", "644 root:bind"),
            ("/etc/chrony/chrony.conf", "644 root:root"),
            ("/etc/chrony/chrony.keys", "640 root:_chrony"),
            ("/etc/dovecot/dovecot.conf", "644 root:root"),
            ("/etc/dovecot/dovecot-sql.conf.ext", "640 root:dovecot"),
            ("/etc/proftpd/ldap.conf", "600 root:root"),
            ("/etc/proftpd/proftpd.conf", "644 root:root"),
            ("/etc/proftpd/sql.conf", "600 root:root"),
            ("/etc/security/opasswd", "600 root:root"),
            ("/usr/local", "755 root:root"),
            // A secret is nobody's to share.
            ("/etc/bind/rndc.key", "-"),
        ],
    );
    stands(
        "freeradius, snmpd, stunnel4",
        &[
            ("/etc/freeradius", "2750 freerad:freerad"),
            ("/etc/freeradius/3.0/clients.conf", "640 freerad:freerad"),
            ("/etc/snmp/snmpd.conf", "640 root:Debian-snmp"),
            ("/var/lib/snmp", "755 Debian-snmp:Debian-snmp"),
            // The account is declared, and the script gives files to it.
            ("/run/stunnel4", "755 stunnel4:stunnel4"),
            ("/var/log/stunnel4", "755 stunnel4:stunnel4"),
            ("/usr/local", "755 root:root"),
        ],
    );
}

#[test]
fn queues_and_states_of_servers_are_there_with_their_owners() {
    stands(
        "postfix",
        &[
            ("/etc/postfix/master.cf", "644 root:root"),
            ("/var/spool/postfix/active", "700 postfix:root"),
            ("/var/spool/postfix/maildrop", "1730 postfix:postdrop"),
            ("/var/spool/postfix/public", "2710 postfix:postdrop"),
            ("/var/lib/postfix", "755 postfix:postfix"),
        ],
    );
    stands(
        "rabbitmq-server",
        &[
            ("/var/lib/rabbitmq", "755 rabbitmq:rabbitmq"),
            ("/var/log/rabbitmq", "755 rabbitmq:rabbitmq"),
            ("/etc/rabbitmq", "755 rabbitmq:rabbitmq"),
            ("/usr/bin/id", "755 root:root"),
            // Of erlang-base, by a path that `erl` puts together.
            ("/usr/lib/erlang/erts-13.1.5/bin/beam.smp", "755 root:root"),
        ],
    );
    stands(
        "vsftpd, knot, nagios-nrpe-server",
        &[
            ("/srv/ftp", "755 root:ftp"),
            ("/run/vsftpd/empty", "755 root:root"),
            ("/run/knot", "755 knot:knot"),
            ("/var/lib/nagios", "755 nagios:nagios"),
        ],
    );
}

#[test]
fn what_scripts_write_and_link_is_there() {
    stands(
        "r-base-core",
        &[
            ("/etc/R/Renviron", "644 root:root"),
            ("/usr/lib/R/etc/Renviron", "777 root:root"),
            ("/usr/bin/R", "755 root:root"),
        ],
    );
    stands(
        "nginx, libnginx-mod-stream, libnginx-mod-http-echo, ifupdown, samba-common",
        &[
            (
                "/etc/nginx/modules-enabled/50-mod-http-echo.conf",
                "777 root:root",
            ),
            (
                "/etc/nginx/modules-enabled/50-mod-stream.conf",
                "777 root:root",
            ),
            ("/etc/network/interfaces", "644 root:root"),
            ("/etc/samba/smb.conf", "644 root:root"),
        ],
    );
}

#[test]
fn accounts_of_scripts_are_there_whichever_package_they_are_of() {
    for (packages, user) in [
        // The script is that of exim4-config, which the image has nothing of.
        ("exim4-daemon-light", "Debian-exim"),
        ("vsftpd", "ftp"),
        ("openssh-server", "sshd"),
        ("tor", "debian-tor"),
    ] {
        let Some((_bundle, listing)) = image(packages) else {
            return;
        };
        let users = &listing.users;
        assert!(users.contains_key(user), "{packages}: {users:?}");
    }
}

#[test]
fn capabilities_of_files_are_those_that_scripts_set() {
    let Some((_bundle, listing)) = image("iputils-ping, mtr-tiny, fping") else {
        return;
    };
    for path in ["/usr/bin/ping", "/usr/bin/mtr-packet", "/usr/bin/fping"] {
        let found = listing.found.get(path);
        assert!(found.is_some_and(|f| !f.capability.is_empty()), "{path}");
    }
}

#[test]
fn guards_of_scripts_are_decided_and_one_answer_of_debconf_is_taken() {
    stands(
        "dash, openssl, tzdata",
        &[
            ("/etc/localtime", "777 root:root"),
            ("/usr/lib/ssl/ssl", "-"),
            ("/usr/share/man/man1/sh.1.gz", "-"),
            ("/usr/bin/sh", "777 root:root"),
        ],
    );
    // Of each question one link.
    stands(
        "fontconfig",
        &[
            ("/etc/fonts/conf.d/10-hinting-slight.conf", "777 root:root"),
            ("/etc/fonts/conf.d/10-hinting-full.conf", "-"),
            ("/etc/fonts/conf.d/10-hinting-medium.conf", "-"),
            ("/etc/fonts/conf.d/10-no-sub-pixel.conf", "-"),
            ("/etc/fonts/conf.d/70-yes-bitmaps.conf", "-"),
            // What the package of the fonts says of them.
            ("/etc/fonts/conf.d/57-dejavu-sans.conf", "777 root:root"),
        ],
    );
    for (packages, file, line) in [
        ("iperf3", "etc/default/iperf3", "START_DAEMON=\"no\""),
        ("sysstat", "etc/default/sysstat", "ENABLED=\"false\""),
    ] {
        let Some((bundle, _)) = image(packages) else {
            return;
        };
        let text = fs::read_to_string(bundle.rootfs().join(file)).unwrap();
        assert!(text.lines().any(|is| is == line), "{text}");
    }
}

#[test]
fn what_a_program_of_a_package_puts_together_is_there() {
    let Some((bundle, _)) = image("ghostscript") else {
        return;
    };
    // update-gsfontmap, a script of ghostscript's, over what packages of fonts and of poppler have.
    for (parts, whole) in [("fontmap.d", "Fontmap"), ("cidfmap.d", "cidfmap")] {
        let parts = fs::read_dir(bundle.rootfs().join("etc/ghostscript").join(parts)).unwrap();
        let mut parts: Vec<_> = parts.map(|part| part.unwrap().path()).collect();
        parts.sort();
        let joined = parts.iter().map(|part| fs::read(part).unwrap());
        let joined = joined.collect::<Vec<_>>().concat();
        let whole = bundle
            .rootfs()
            .join("var/lib/ghostscript/fonts")
            .join(whole);
        assert!(joined.len() > 1000 && fs::read(whole).unwrap() == joined);
    }
}

#[test]
fn a_module_of_apache_is_enabled_whichever_package_names_it() {
    stands(
        "apache2, libapache2-mod-php",
        &[("/etc/apache2/mods-enabled/php8.2.load", "777 root:root")],
    );
    stands(
        "apache2, libapache2-mod-wsgi-py3, libapache2-mod-fcgid",
        &[
            ("/etc/apache2/mods-enabled/wsgi.load", "777 root:root"),
            ("/etc/apache2/mods-enabled/fcgid.load", "777 root:root"),
        ],
    );
}

#[test]
fn a_file_that_another_package_diverts_goes_where_it_says() {
    stands(
        "gzip, zutils",
        &[
            ("/usr/bin/zcat", "755 root:root"),
            ("/usr/bin/zcat.gzip", "755 root:root"),
        ],
    );
    stands(
        "moreutils, parallel",
        &[
            ("/usr/bin/parallel", "755 root:root"),
            ("/usr/bin/parallel.moreutils", "755 root:root"),
        ],
    );
    stands(
        "perl, perl-doc",
        &[
            ("/usr/bin/perldoc", "755 root:root"),
            ("/usr/bin/perldoc.stub", "755 root:root"),
        ],
    );
}

#[test]
fn what_only_a_program_makes_at_installation_fails_the_build_by_name() {
    for (packages, step) in [
        ("aspell, aspell-en", "aspell-autobuildhash"),
        ("cracklib-runtime", "update-cracklib"),
        ("ispell, ingerman", "ispell-autobuildhash"),
    ] {
        let dir = tempfile::TempDir::new().unwrap();
        let Some(builder) = builder(&spec_of(packages, ""), dir.path()) else {
            return;
        };
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(step), "{packages}: {error}");
    }
}

/// Scripts that were read by hand.
const BY_HAND: &str = include_str!("scripts/by_hand.txt");

/// What is said of a script: the names of its commands by the finalizer that does them, and of those that nobody does.
fn said(script: &mikron::ScriptReport) -> String {
    let name = |effect: &str| {
        let command = effect.split(' ').next().unwrap_or_default();
        let name = command.rsplit('/').next().unwrap_or_default();
        name.replace(':', ">")
    };
    let mut by: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for effect in &script.covered {
        let finalizer = effect.rsplit('(').next().unwrap().trim_end_matches(')');
        by.entry(finalizer).or_default().insert(name(effect));
    }
    let undone: BTreeSet<String> = script.uncovered.iter().map(|effect| name(effect)).collect();
    let undone = Some(("not done", undone)).filter(|(_, names)| !names.is_empty());
    let parts = by.into_iter().chain(undone).map(|(who, names)| {
        let names: Vec<String> = names.into_iter().collect();
        format!("{who}: {}", names.join(" "))
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        "-".to_owned()
    } else {
        parts.join("; ")
    }
}

#[test]
fn of_scripts_that_were_read_by_hand_is_said_what_they_do() {
    let rows = BY_HAND.lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<[&str; 3]> = rows
        .map(|row| row.split(" | ").collect::<Vec<_>>().try_into().unwrap())
        .collect();
    assert!(rows.len() >= 50);
    let packages = rows
        .iter()
        .map(|[script, ..]| script.split(' ').next().unwrap());
    let packages: BTreeSet<&str> = packages.collect();
    let packages: Vec<&str> = packages.into_iter().collect();
    let dir = TempDir::new().unwrap();
    let Some(builder) = builder(&spec_of(&packages.join(", "), ""), dir.path()) else {
        return;
    };
    let platform = "linux/amd64".parse().unwrap();
    let scripts = builder.platform(platform).scripts().unwrap();
    let of = |script: &mikron::ScriptReport| {
        (
            format!("{} {}", script.package, script.script),
            said(script),
        )
    };
    let scripts: BTreeMap<String, String> = scripts[&platform].iter().map(of).collect();
    for [script, does, expected] in rows {
        let found = scripts.get(script).map(String::as_str);
        assert_eq!(found, Some(expected), "{script}, which does: {does}");
    }
}
