//! Fedora and its relatives: the accounts of the package `setup`, which every installation has. Numbers up to 200 are allocated
//! globally, those up to 999 when a package is installed.

use super::{FamilyData, StaticGroup, StaticUser, TrustStore, group, script, user};
use crate::When::{After, AfterRemoval, Before, BeforeRemoval, Verification};
use crate::{Architecture, ScriptKind, Sought};

pub(super) static DATA: FamilyData = FamilyData {
    name: "rpm",
    architecture: Architecture::rpm,
    merged_usr: true,
    users: USERS,
    groups: GROUPS,
    scripts: SCRIPTS,
    programs: &[("bin", BIN), ("sbin", SBIN)],
    own_directories: DIRECTORIES,
    system_ids: 201..=999,
    nologin: "/usr/sbin/nologin",
    trust: TRUST,
    slices: false,
    provided_as,
};

/// What update-ca-trust(8) keeps. GnuTLS reads the same sources by itself, through p11-kit.
const TRUST: TrustStore = TrustStore {
    packaged: "usr/share/pki/ca-trust-source",
    anchors: "etc/pki/ca-trust/source/anchors",
    bundle: "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    links: &["etc/pki/tls/cert.pem", "etc/pki/tls/certs/ca-bundle.crt"],
    directory: None,
    java: "etc/pki/ca-trust/extracted/java/cacerts",
    alias: "",
};

/// A library as rpm's generator of dependencies writes it (elfdeps), a file by its path.
fn provided_as(sought: &Sought, architecture: Architecture) -> Vec<String> {
    let narrow = matches!(architecture, Architecture::ArmV7 | Architecture::I386);
    match sought {
        Sought::Library(name) if narrow => vec![name.clone()],
        Sought::Library(name) => vec![format!("{name}()(64bit)")],
        Sought::Path(path) => vec![path.clone()],
        Sought::Command(name) => ["/usr/bin", "/usr/sbin"]
            .map(|dir| format!("{dir}/{name}"))
            .into(),
    }
}

/// rpm tells a scriptlet how many versions of the package there will be (rpm-scriptlets(7)). A trigger of one package runs as the
/// other is installed, or goes.
const SCRIPTS: &[ScriptKind] = &[
    script("%pretrans", Before, &["1"]),
    script("%pre", Before, &["1"]),
    script("%post", After, &["1"]),
    script("%preun", BeforeRemoval, &[]),
    script("%postun", AfterRemoval, &[]),
    script("%posttrans", After, &["1"]),
    script("%preuntrans", BeforeRemoval, &[]),
    script("%postuntrans", AfterRemoval, &[]),
    script("%verifyscript", Verification, &[]),
    script("%triggerprein", Before, &["1"]),
    script("%triggerin", After, &["1"]),
    script("%triggerun", BeforeRemoval, &[]),
    script("%triggerpostun", AfterRemoval, &[]),
    script("%filetriggerprein", Before, &["1"]),
    script("%filetriggerin", After, &["1"]),
    script("%filetriggerun", BeforeRemoval, &[]),
    script("%filetriggerpostun", AfterRemoval, &[]),
    script("%transfiletriggerprein", Before, &["1"]),
    script("%transfiletriggerin", After, &["1"]),
    script("%transfiletriggerun", BeforeRemoval, &[]),
    script("%transfiletriggerpostun", AfterRemoval, &[]),
];

/// Programs of packages that every installation of Fedora has.
const BIN: &str = "
    bash rpm
";

/// The same for system administration.
const SBIN: &str = "
    alternatives groupadd groupdel groupmod update-alternatives useradd userdel usermod
";

/// What the packages that every installation has bring of directories.
const DIRECTORIES: &str = "
    etc/alternatives etc/cron.d etc/cron.daily etc/default etc/logrotate.d etc/pam.d etc/pki
    etc/profile.d etc/security etc/skel etc/sysconfig usr/games usr/include usr/libexec usr/local/etc
    usr/local/games usr/local/include usr/local/src var/lib/rpm-state var/local var/mail
";

const USERS: &[StaticUser] = &[
    user("root", 0, 0, "Super User", "/root"),
    user("bin", 1, 1, "bin", "/bin"),
    user("daemon", 2, 2, "daemon", "/sbin"),
    user("adm", 3, 4, "adm", "/var/adm"),
    user("lp", 4, 7, "lp", "/var/spool/lpd"),
    user("sync", 5, 0, "sync", "/sbin"),
    user("shutdown", 6, 0, "shutdown", "/sbin"),
    user("halt", 7, 0, "halt", "/sbin"),
    user("mail", 8, 12, "mail", "/var/spool/mail"),
    user("operator", 11, 0, "operator", "/root"),
    user("games", 12, 100, "games", "/usr/games"),
    user("ftp", 14, 50, "FTP User", "/var/ftp"),
    user("nobody", 65534, 65534, "Kernel Overflow User", "/"),
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
    group("mem", 8),
    group("kmem", 9),
    group("wheel", 10),
    group("cdrom", 11),
    group("mail", 12),
    group("man", 15),
    group("dialout", 18),
    group("floppy", 19),
    group("games", 20),
    group("utmp", 22),
    group("tape", 33),
    group("kvm", 36),
    group("video", 39),
    group("ftp", 50),
    group("lock", 54),
    group("audio", 63),
    group("users", 100),
    group("clock", 103),
    group("input", 104),
    group("render", 105),
    group("sgx", 106),
    group("nobody", 65534),
];
