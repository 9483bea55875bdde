//! What a root filesystem on disk has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Largest `security.capability` of the kernel (capabilities(7)), with room.
const CAPABILITY: usize = 64;

/// Numbers that are given when a package is installed (Debian Policy 9.2.2).
const DYNAMIC: std::ops::RangeInclusive<u32> = 100..=999;

/// One path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `file`, `directory`, `link` or `other`.
    pub kind: &'static str,
    /// The low twelve bits of its mode.
    pub mode: u32,
    /// The owner's name, or number where that has none.
    pub owner: String,
    /// The group's name, or number where that has none.
    pub group: String,
    /// Where a link leads; empty for others.
    pub target: String,
    /// The size of a file; 0 for others.
    pub size: u64,
    /// The attribute `security.capability`, which setcap(8) sets.
    pub capability: Vec<u8>,
}

/// The paths of a root filesystem, and its accounts.
#[derive(Clone, Debug)]
pub struct Listing {
    pub(super) root: PathBuf,
    /// By path, from `/`.
    pub found: BTreeMap<String, Found>,
    /// What passwd(5) says of users, by name: home, shell, primary group, comment, and the number where it is fixed.
    pub users: BTreeMap<String, String>,
    /// Members of groups by name (group(5)).
    pub groups: BTreeMap<String, BTreeSet<String>>,
}

impl Listing {
    /// Lists a root filesystem. Devices' and kernel's directories are left out.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn of(root: &Path) -> Self {
        let passwd = Accounts::read(root, "passwd");
        let group = Accounts::read(root, "group");
        let mut listing = Self {
            root: root.to_owned(),
            found: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
        };
        for fields in &passwd.lines {
            if let [name, _, uid, gid, comment, home, shell] = fields.as_slice() {
                let uid: u32 = uid.parse().unwrap_or(u32::MAX);
                let group = group.name(gid.parse().unwrap_or(u32::MAX));
                // Which number of the range of systems an account gets depends on what was installed before.
                let number = if DYNAMIC.contains(&uid) {
                    "dynamic".to_owned()
                } else {
                    uid.to_string()
                };
                let text = format!("{home} {shell} {group} `{comment}` {number}");
                listing.users.insert(name.clone(), text);
            }
        }
        for fields in &group.lines {
            if let [name, _, _, members] = fields.as_slice() {
                let members = members.split(',').filter(|name| !name.is_empty());
                let members = members.map(str::to_owned).collect();
                listing.groups.insert(name.clone(), members);
            }
        }
        listing.walk(root, &passwd, &group);
        listing
    }

    fn walk(&mut self, dir: &Path, passwd: &Accounts, group: &Accounts) {
        let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        for entry in entries {
            let path = entry.expect("a readable directory").path();
            let inside = path.strip_prefix(&self.root).expect("it lies below");
            let name = format!("/{}", inside.as_os_str().to_string_lossy());
            let metadata = fs::symlink_metadata(&path).expect("nothing changes it");
            let kernel = ["/dev", "/proc", "/sys"].contains(&name.as_str());
            self.found
                .insert(name, Found::of(&path, &metadata, passwd, group));
            if metadata.is_dir() && !kernel {
                self.walk(&path, passwd, group);
            }
        }
    }

    /// The content of a file.
    pub(super) fn content(&self, path: &str) -> Vec<u8> {
        let path = self.root.join(path.trim_start_matches('/'));
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The paths that dpkg says are a package's (`/var/lib/dpkg/info/*.list`).
    pub(super) fn of_packages(&self) -> BTreeSet<String> {
        let lists = self.found.keys().filter(|path| {
            path.starts_with("/var/lib/dpkg/info/") && path.strip_suffix(".list").is_some()
        });
        let mut paths = BTreeSet::new();
        for list in lists {
            let text = self.content(list);
            for line in String::from_utf8_lossy(&text).lines() {
                paths.insert(self.resolved(line));
            }
        }
        paths
    }

    /// A path whose first directory may be a link of a merged /usr.
    fn resolved(&self, path: &str) -> String {
        let mut parts = path.trim_start_matches('/').splitn(2, '/');
        let (first, rest) = (parts.next().unwrap_or_default(), parts.next());
        match (self.found.get(&format!("/{first}")), rest) {
            (Some(found), Some(rest)) if found.kind == "link" => {
                format!("/{}/{rest}", found.target.trim_start_matches('/'))
            }
            _ => path.to_owned(),
        }
    }
}

impl Found {
    fn of(path: &Path, metadata: &Metadata, passwd: &Accounts, group: &Accounts) -> Self {
        let kind = metadata.file_type();
        let target = fs::read_link(path).unwrap_or_default();
        let mut capability = vec![0; CAPABILITY];
        let of_file = kind
            .is_file()
            .then(|| rustix::fs::lgetxattr(path, "security.capability", &mut capability[..]));
        let length = of_file.and_then(Result::ok).unwrap_or(0);
        capability.truncate(length);
        Self {
            kind: match () {
                () if kind.is_dir() => "directory",
                () if kind.is_symlink() => "link",
                () if kind.is_file() => "file",
                () if kind.is_fifo() => "pipe",
                () => "other",
            },
            mode: metadata.mode() & 0o7777,
            owner: passwd.name(metadata.uid()),
            group: group.name(metadata.gid()),
            target: String::from_utf8_lossy(target.as_os_str().as_bytes()).into_owned(),
            size: if kind.is_file() { metadata.size() } else { 0 },
            capability,
        }
    }
}

/// The lines of passwd(5) or group(5).
struct Accounts {
    lines: Vec<Vec<String>>,
}

impl Accounts {
    fn read(root: &Path, file: &str) -> Self {
        let text = fs::read_to_string(root.join("etc").join(file)).unwrap_or_default();
        let fields = |line: &str| line.split(':').map(str::to_owned).collect();
        Self {
            lines: text.lines().map(fields).collect(),
        }
    }

    fn name(&self, number: u32) -> String {
        let number = number.to_string();
        let line = self.lines.iter().find(|line| line.get(2) == Some(&number));
        let name = line.and_then(|line| line.first()).cloned();
        // The first account is the same everywhere, and need not stand in a file.
        let root = || (number == "0").then(|| "root".to_owned());
        name.or_else(root).unwrap_or(number)
    }
}
