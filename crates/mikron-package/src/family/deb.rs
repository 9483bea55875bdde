//! Debian: the accounts of base-passwd's master files, whose numbers are the same on every Debian system and its derivatives
//! (Debian Policy 9.2.2: 0–99 are allocated globally, 100–999 when a package is installed; 100 is the group `users`).

use super::{FamilyData, StaticGroup, StaticUser, TrustStore, group, script, user};
use crate::When::{After, AfterRemoval, Before, BeforeRemoval, Questions};
use crate::{Architecture, ScriptKind};

pub(super) static DATA: FamilyData = FamilyData {
    name: "deb",
    architecture: Architecture::deb,
    merged_usr: true,
    users: USERS,
    groups: GROUPS,
    scripts: SCRIPTS,
    programs: &[("bin", BIN), ("sbin", SBIN)],
    own_directories: DIRECTORIES,
    system_ids: 101..=999,
    nologin: "/usr/sbin/nologin",
    trust: TrustStore {
        links: &["usr/lib/ssl/cert.pem"],
        ..TrustStore::PLAIN
    },
    slices: true,
    provided_as: |_, _| Vec::new(),
};

/// What dpkg tells a script says what is done (Debian Policy 6.5).
const SCRIPTS: &[ScriptKind] = &[
    script("preinst", Before, &["install"]),
    script("postinst", After, &["configure", ""]),
    script("prerm", BeforeRemoval, &[]),
    script("postrm", AfterRemoval, &[]),
    script("config", Questions, &["configure", ""]),
];

/// Programs of packages that every Debian system has (Debian Policy 3.8).
const BIN: &str = "
    bash dash deb-systemd-helper deb-systemd-invoke debconf debconf-set-selections dpkg dpkg-deb
    dpkg-divert dpkg-maintscript-helper dpkg-query dpkg-realpath dpkg-statoverride dpkg-trigger ischroot
    perl run-parts savelog tempfile update-alternatives which.debianutils
";

/// The same for system administration.
const SBIN: &str = "
    add-shell groupadd groupdel groupmod invoke-rc.d pam-auth-update remove-shell service
    start-stop-daemon tarcat update-passwd update-rc.d useradd userdel usermod
";

/// What the packages that every installation has bring of directories.
const DIRECTORIES: &str = "
    etc/alternatives etc/cron.d etc/cron.daily etc/default etc/init.d etc/logrotate.d etc/pam.d
    etc/profile.d etc/security etc/skel usr/games usr/include usr/local/games usr/local/include
    usr/local/src usr/local/etc var/backups var/lib/dpkg var/local var/mail
";

const USERS: &[StaticUser] = &[
    user("root", 0, 0, "root", "/root"),
    user("daemon", 1, 1, "daemon", "/usr/sbin"),
    user("bin", 2, 2, "bin", "/bin"),
    user("sys", 3, 3, "sys", "/dev"),
    user("sync", 4, 65534, "sync", "/bin"),
    user("games", 5, 60, "games", "/usr/games"),
    user("man", 6, 12, "man", "/var/cache/man"),
    user("lp", 7, 7, "lp", "/var/spool/lpd"),
    user("mail", 8, 8, "mail", "/var/mail"),
    user("news", 9, 9, "news", "/var/spool/news"),
    user("uucp", 10, 10, "uucp", "/var/spool/uucp"),
    user("proxy", 13, 13, "proxy", "/bin"),
    user("www-data", 33, 33, "www-data", "/var/www"),
    user("backup", 34, 34, "backup", "/var/backups"),
    user("list", 38, 38, "Mailing List Manager", "/var/list"),
    user("irc", 39, 39, "ircd", "/run/ircd"),
    user("_apt", 42, 65534, "", "/nonexistent"),
    user("nobody", 65534, 65534, "nobody", "/nonexistent"),
];

const GROUPS: &[StaticGroup] = &[
    group("root", 0),
    group("daemon", 1),
    group("bin", 2),
    group("sys", 3),
    group("adm", 4),
    group("tty", 5),
    group("disk", 6),
    group("lp", 7),
    group("mail", 8),
    group("news", 9),
    group("uucp", 10),
    group("man", 12),
    group("proxy", 13),
    group("kmem", 15),
    group("dialout", 20),
    group("fax", 21),
    group("voice", 22),
    group("cdrom", 24),
    group("floppy", 25),
    group("tape", 26),
    group("sudo", 27),
    group("audio", 29),
    group("dip", 30),
    group("www-data", 33),
    group("backup", 34),
    group("operator", 37),
    group("list", 38),
    group("irc", 39),
    group("src", 40),
    group("shadow", 42),
    group("utmp", 43),
    group("video", 44),
    group("sasl", 45),
    group("plugdev", 46),
    group("staff", 50),
    group("games", 60),
    group("users", 100),
    group("nogroup", 65534),
];
