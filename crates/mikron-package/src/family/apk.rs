//! Alpine: the accounts of the package `alpine-baselayout-data`, which every installation has. Packages lie in /bin, /lib and
//! /sbin as well as below /usr; where a release links them, a package brings the links.

use super::{FamilyData, StaticGroup, StaticUser, TrustStore, group, script, user};
use crate::When::{After, AfterRemoval, AfterUpgrade, Before, BeforeRemoval, BeforeUpgrade};
use crate::{Architecture, ScriptKind, Sought};

pub(super) static DATA: FamilyData = FamilyData {
    name: "apk",
    architecture: Architecture::apk,
    merged_usr: false,
    users: USERS,
    groups: GROUPS,
    scripts: SCRIPTS,
    programs: &[("bin", BIN), ("sbin", SBIN)],
    own_directories: DIRECTORIES,
    system_ids: 101..=999,
    nologin: "/sbin/nologin",
    trust: TrustStore {
        links: &["etc/ssl/cert.pem"],
        ..TrustStore::PLAIN
    },
    slices: false,
    provided_as,
};

/// Libraries and commands as abuild writes them (APKINDEX, "p:"); a path is known where it is that of a command.
fn provided_as(sought: &Sought, _: Architecture) -> Vec<String> {
    let in_bin = |path: &str| path.contains("/bin/") || path.contains("/sbin/");
    match sought {
        Sought::Library(name) => vec![format!("so:{name}")],
        Sought::Path(path) if !in_bin(path) => Vec::new(),
        Sought::Path(_) | Sought::Command(_) => vec![format!("cmd:{}", sought.file_name())],
    }
}

/// apk tells a script the version that is installed (apk-package(5)).
const SCRIPTS: &[ScriptKind] = &[
    script(".pre-install", Before, &["1.0-r0"]),
    script(".post-install", After, &["1.0-r0"]),
    script(".pre-deinstall", BeforeRemoval, &[]),
    script(".post-deinstall", AfterRemoval, &[]),
    script(".pre-upgrade", BeforeUpgrade, &[]),
    script(".post-upgrade", AfterUpgrade, &[]),
    script(".trigger", After, &["1.0-r0"]),
];

/// Programs of packages that every installation of Alpine has.
const BIN: &str = "
    ash busybox run-parts
";

/// The same for system administration.
const SBIN: &str = "
    add-shell addgroup adduser apk delgroup deluser remove-shell start-stop-daemon
";

/// What the packages that every installation has bring of directories.
const DIRECTORIES: &str = "
    etc/apk etc/conf.d etc/crontabs etc/init.d etc/logrotate.d etc/modprobe.d etc/network etc/periodic
    etc/profile.d etc/secfixes.d lib/apk lib/apk/db usr/libexec var/empty var/local var/mail
";

const USERS: &[StaticUser] = &[
    user("root", 0, 0, "root", "/root"),
    user("bin", 1, 1, "bin", "/bin"),
    user("daemon", 2, 2, "daemon", "/sbin"),
    user("lp", 4, 7, "lp", "/var/spool/lpd"),
    user("sync", 5, 0, "sync", "/sbin"),
    user("shutdown", 6, 0, "shutdown", "/sbin"),
    user("halt", 7, 0, "halt", "/sbin"),
    user("mail", 8, 12, "mail", "/var/mail"),
    user("news", 9, 13, "news", "/usr/lib/news"),
    user("uucp", 10, 14, "uucp", "/var/spool/uucppublic"),
    user("cron", 16, 16, "cron", "/var/spool/cron"),
    user("ftp", 21, 21, "", "/var/lib/ftp"),
    user("sshd", 22, 22, "sshd", "/dev/null"),
    user("games", 35, 35, "games", "/usr/games"),
    user("ntp", 123, 123, "NTP", "/var/empty"),
    user("guest", 405, 100, "guest", "/dev/null"),
    user("nobody", 65534, 65534, "nobody", "/"),
];

const GROUPS: &[StaticGroup] = &[
    group("root", 0),
    group("bin", 1),
    group("daemon", 2),
    group("sys", 3),
    group("adm", 4),
    group("tty", 5),
    group("disk", 6),
    group("lp", 7),
    group("kmem", 9),
    group("wheel", 10),
    group("floppy", 11),
    group("mail", 12),
    group("news", 13),
    group("uucp", 14),
    group("cron", 16),
    group("audio", 18),
    group("cdrom", 19),
    group("dialout", 20),
    group("ftp", 21),
    group("sshd", 22),
    group("input", 23),
    group("tape", 26),
    group("video", 27),
    group("netdev", 28),
    group("kvm", 34),
    group("games", 35),
    group("shadow", 42),
    group("www-data", 82),
    group("users", 100),
    group("ntp", 123),
    group("abuild", 300),
    group("utmp", 406),
    group("ping", 999),
    group("nogroup", 65533),
    group("nobody", 65534),
];
