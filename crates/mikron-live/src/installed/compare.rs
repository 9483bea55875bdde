//! Where an image is not as the installation.

use std::collections::BTreeSet;
use std::fmt;

use super::listing::{Found, Listing};

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A file here is a directory or a link there.
    Type,
    /// Permission bits.
    Mode,
    /// Owner or group.
    Owner,
    /// Where a link leads.
    Target,
    /// The bytes of a file.
    Content,
    /// Capabilities of a program (capabilities(7)).
    Capability,
    /// An account of that name with another home, another shell or other members.
    Account,
    /// The image has it and the installation has not.
    Surplus,
    /// A script made it, no package ships it, and the image has it not.
    Lacking,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::Type,
        Self::Mode,
        Self::Owner,
        Self::Target,
        Self::Content,
        Self::Capability,
        Self::Account,
        Self::Surplus,
        Self::Lacking,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Target => "target",
            Self::Content => "content",
            Self::Capability => "capability",
            Self::Account => "account",
            Self::Surplus => "surplus",
            Self::Lacking => "lacking",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// What differs.
    pub kind: Kind,
    /// The path, or `user NAME` and `group NAME`.
    pub subject: String,
    /// What the image has; empty where it has nothing.
    pub image: String,
    /// What the installation has; empty where it has nothing.
    pub installed: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10} {}", self.kind.name(), self.subject)?;
        match (self.image.as_str(), self.installed.as_str()) {
            ("", "") => Ok(()),
            ("", there) => write!(f, "  installed: {there}"),
            (here, "") => write!(f, "  image: {here}"),
            (here, there) => write!(f, "  image: {here}  installed: {there}"),
        }
    }
}

/// Paths that are not compared, and why.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// A path with all that is below it; or the end of a name, behind `*`.
    pub paths: &'static [&'static str],
    /// Why they differ rightly.
    pub reason: &'static str,
}

/// All paths that are not compared.
pub const NOISE: &[Noise] = &[
    Noise {
        paths: &["/var/lib/dpkg", "/var/lib/ucf", "/var/cache/debconf"],
        reason: "what dpkg, ucf and debconf remember; an image has a record of its own",
    },
    Noise {
        paths: &["/etc/apt", "/var/cache/apt", "/var/lib/apt", "/var/log/apt"],
        reason: "apt's, which installed the packages",
    },
    Noise {
        paths: &["/var/log"],
        reason: "written while the installation ran; the directory itself is in every image",
    },
    Noise {
        paths: &[
            "/etc/machine-id",
            "/etc/hostname",
            "/etc/resolv.conf",
            "/etc/hosts",
        ],
        reason: "of one machine",
    },
    Noise {
        paths: &["/dev", "/proc", "/sys"],
        reason: "the kernel's and the engine's",
    },
    Noise {
        paths: &["/run"],
        reason: "made at each start: an image has what units and tmpfiles.d(5) ask for, an installation that was not started has not",
    },
    Noise {
        paths: &["/etc/ld.so.cache", "/var/cache/ldconfig"],
        reason: "the dynamic loader finds all without its cache",
    },
    Noise {
        paths: &["*.pyc", "*__pycache__", "/var/lib/python"],
        reason: "byte code, which Python makes where it lacks",
    },
    Noise {
        paths: &[
            "/etc/passwd",
            "/etc/group",
            "/etc/shadow",
            "/etc/gshadow",
            "/etc/passwd-",
            "/etc/group-",
            "/etc/shadow-",
            "/etc/gshadow-",
            "/etc/subuid",
            "/etc/subgid",
            "/etc/subuid-",
            "/etc/subgid-",
            "/etc/.pwd.lock",
        ],
        reason: "accounts are compared by name",
    },
    Noise {
        paths: &[
            "/etc/systemd/system",
            "/etc/systemd/user",
            "/etc/rc0.d",
            "/etc/rc1.d",
            "/etc/rc2.d",
            "/etc/rc3.d",
            "/etc/rc4.d",
            "/etc/rc5.d",
            "/etc/rc6.d",
            "/etc/rcS.d",
            "/var/lib/systemd",
        ],
        reason: "links by which an init system starts services; an image has none",
    },
    Noise {
        paths: &[
            "/usr/share/info/dir",
            "/usr/share/info/dir.old",
            "/var/cache/man",
        ],
        reason: "indexes of documentation",
    },
    Noise {
        paths: &["/var/lib/mikron", "/etc/os-release"],
        reason: "the image's own",
    },
];

fn noise(path: &str) -> bool {
    let mut all = NOISE.iter().flat_map(|noise| noise.paths);
    all.any(|one| match one.strip_prefix('*') {
        Some(end) => path.ends_with(end),
        None => path
            .strip_prefix(one)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    })
}

/// Where what stands in an image is not as in an installation, in order of kind and path; and how many paths were compared.
pub fn differences(image: &Listing, installed: &Listing) -> (usize, Vec<Difference>) {
    let mut all = Vec::new();
    let mut compared = 0;
    for (path, here) in image.found.iter().filter(|(path, _)| !noise(path)) {
        compared += 1;
        let mut differs = |kind, here: String, there: String| {
            all.push(Difference {
                kind,
                subject: path.clone(),
                image: here,
                installed: there,
            });
        };
        let Some(there) = installed.found.get(path) else {
            differs(Kind::Surplus, describe(here), String::new());
            continue;
        };
        if here.kind != there.kind {
            differs(Kind::Type, describe(here), describe(there));
            continue;
        }
        if here.target != there.target {
            differs(Kind::Target, here.target.clone(), there.target.clone());
        }
        if here.kind != "link" && here.mode != there.mode {
            let octal = |found: &Found| format!("{:04o}", found.mode);
            differs(Kind::Mode, octal(here), octal(there));
        }
        let owners = |found: &Found| format!("{}:{}", found.owner, found.group);
        if owners(here) != owners(there) {
            differs(Kind::Owner, owners(here), owners(there));
        }
        if here.capability != there.capability {
            let hex = |found: &Found| format!("{:02x?}", found.capability);
            differs(Kind::Capability, hex(here), hex(there));
        }
        let same = here.size == there.size
            && (here.kind != "file" || image.content(path) == installed.content(path));
        if !same {
            let bytes = |found: &Found| format!("{} bytes", found.size);
            differs(Kind::Content, bytes(here), bytes(there));
        }
    }
    let groups = image.groups.iter().filter_map(|(name, here)| {
        let there = installed.groups.get(name)?;
        // Members that the image has no account for are no loss.
        let of_users = |members: &BTreeSet<String>| -> Vec<String> {
            let members = members
                .iter()
                .filter(|name| image.users.contains_key(*name));
            members.cloned().collect()
        };
        let (here, there) = (of_users(here), of_users(there));
        (here != there).then(|| Difference {
            kind: Kind::Account,
            subject: format!("group {name}"),
            image: format!("{here:?}"),
            installed: format!("{there:?}"),
        })
    });
    let users = image.users.iter().filter_map(|(name, here)| {
        // An image without a shell has none for root either.
        let there = installed.users.get(name).filter(|_| name != "root")?;
        (here != there).then(|| Difference {
            kind: Kind::Account,
            subject: format!("user {name}"),
            image: here.clone(),
            installed: there.clone(),
        })
    });
    all.extend(groups.chain(users));
    all.sort();
    (compared, all)
}

/// What scripts of the packages made in an installation, which neither its base nor the image has, in order: accounts, and
/// paths that no package ships.
pub fn lacking(image: &Listing, installed: &Listing, base: &Listing) -> Vec<Difference> {
    let shipped = installed.of_packages();
    let paths = installed.found.iter().filter(|(path, _)| {
        !noise(path)
            && !shipped.contains(*path)
            && !base.found.contains_key(*path)
            && !image.found.contains_key(*path)
    });
    let paths = paths.map(|(path, there)| (path.clone(), describe(there)));
    let users = installed
        .users
        .iter()
        .filter(|(name, _)| !base.users.contains_key(*name) && !image.users.contains_key(*name));
    let users = users.map(|(name, there)| (format!("user {name}"), there.clone()));
    let groups = installed
        .groups
        .iter()
        .filter(|(name, _)| !base.groups.contains_key(*name) && !image.groups.contains_key(*name));
    let groups = groups.map(|(name, there)| (format!("group {name}"), format!("{there:?}")));
    let mut all: Vec<Difference> = paths
        .chain(users)
        .chain(groups)
        .map(|(subject, installed)| Difference {
            kind: Kind::Lacking,
            subject,
            image: String::new(),
            installed,
        })
        .collect();
    all.sort();
    all
}

/// Type, mode and owner, or target.
fn describe(found: &Found) -> String {
    if found.kind == "link" {
        format!("link to {}", found.target)
    } else {
        format!(
            "{} {:04o} {}:{}",
            found.kind, found.mode, found.owner, found.group
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    fn write(root: &Path, path: &str, text: &str, mode: u32) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    fn root(passwd: &str) -> TempDir {
        let root = TempDir::new().expect("a directory");
        write(root.path(), "etc/passwd", passwd, 0o644);
        write(root.path(), "etc/group", "adm:x:4:syslog\n", 0o644);
        write(root.path(), "etc/a", "text", 0o644);
        root
    }

    #[test]
    fn what_is_the_same_in_both_differs_in_nothing() {
        let (image, installed) = (
            root("a:x:101:4::/:/bin/sh\n"),
            root("a:x:109:4::/:/bin/sh\n"),
        );
        let [image, installed] = [&image, &installed].map(|root| Listing::of(root.path()));
        assert_eq!(differences(&image, &installed).1, []);
        assert_eq!(lacking(&image, &installed, &image), []);
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let (image, installed) = (
            root("a:x:1:1::/home:/bin/sh\n"),
            root("a:x:1:1::/:/bin/sh\nb:x:2:2::/:/bin/sh\n"),
        );
        let base = root("");
        let (here, there) = (image.path(), installed.path());
        write(here, "etc/a", "tExt", 0o644);
        write(here, "etc/mode", "", 0o600);
        write(there, "etc/mode", "", 0o640);
        write(here, "etc/type", "", 0o644);
        fs::create_dir(there.join("etc/type")).expect("a directory");
        symlink("x", here.join("etc/link")).expect("a link");
        symlink("y", there.join("etc/link")).expect("a link");
        write(here, "etc/more", "", 0o644);
        write(there, "usr/bin/shipped", "", 0o644);
        write(there, "var/lib/made", "", 0o644);
        write(
            there,
            "var/lib/dpkg/info/a.list",
            "/bin/shipped\n/usr\n/var\n/var/lib\n",
            0o644,
        );
        symlink("usr/bin", there.join("bin")).expect("a link");
        write(there, "lib/x.pyc", "", 0o644);
        let [image, installed, base] =
            [&image, &installed, &base].map(|root| Listing::of(root.path()));
        let told: Vec<String> = differences(&image, &installed)
            .1
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "type       /etc/type  image: file 0644 root:root  installed: directory 0755 root:root",
                "mode       /etc/mode  image: 0600  installed: 0640",
                "target     /etc/link  image: x  installed: y",
                "content    /etc/a  image: 4 bytes  installed: 4 bytes",
                "account    user a  image: /home /bin/sh 1 `` 1  installed: / /bin/sh 1 `` 1",
                "surplus    /etc/more  image: file 0644 root:root",
            ]
        );
        let missing: Vec<String> = lacking(&image, &installed, &base)
            .into_iter()
            .map(|one| one.subject)
            .collect();
        assert_eq!(
            missing,
            ["/bin", "/lib", "/usr/bin", "/var/lib/made", "user b"]
        );
    }
}
