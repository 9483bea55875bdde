//! A full installation with what a spec brings, to do the same work in.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::runtime::{Bundle, Overlay};

/// A full installation under an overlay, so that the work leaves it as it was. The overlay ends with this value.
pub struct Installation {
    overlay: Overlay,
}

/// Names and numbers of passwd(5) or group(5).
fn accounts(rootfs: &Path, file: &str) -> Vec<(String, u32, String)> {
    let text = fs::read_to_string(rootfs.join("etc").join(file)).unwrap_or_default();
    let account = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let number = fields.nth(1)?.parse().ok()?;
        Some((name, number, line.to_owned()))
    };
    text.lines().filter_map(account).collect()
}

/// Adds the accounts of the image that the installation lacks; gives what the image's numbers are there.
fn adopt(image: &Path, full: &Path, file: &str) -> Vec<(u32, u32)> {
    let there = accounts(full, file);
    let mut lines = String::new();
    let mut numbers = Vec::new();
    for (name, number, line) in accounts(image, file) {
        if let Some((_, other, _)) = there.iter().find(|(other, ..)| *other == name) {
            numbers.push((number, *other));
        } else {
            lines = lines + &line + "\n";
        }
    }
    let path = full.join("etc").join(file);
    let text = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, text + &lines).expect("a writable file");
    numbers
}

fn mapped(numbers: &[(u32, u32)], number: u32) -> u32 {
    let found = numbers.iter().find(|(from, _)| *from == number);
    found.map_or(number, |(_, to)| *to)
}

impl Installation {
    /// Puts an overlay over an installed root filesystem, and into it the files and accounts that the spec of an image
    /// brings. Gives a bundle that runs it as the image is run.
    ///
    /// # Panics
    /// When the overlay cannot be mounted.
    pub fn over(full: &Path, image: &Bundle, files: &[String]) -> Option<(Self, Bundle)> {
        let overlay = Overlay::over(full);
        let root = overlay.root();
        let installation = Self { overlay };
        let image_root = image.rootfs();
        let users = adopt(&image_root, &root, "passwd");
        let groups = adopt(&image_root, &root, "group");
        make_at_boot(&root);
        for file in files {
            bring(&image_root, &root, file, &users, &groups);
        }
        let bundle = image.with_rootfs(&root)?;
        let (uid, gid) = bundle.user();
        let user = (mapped(&users, uid), mapped(&groups, gid));
        Some((installation, bundle.with_user(user)))
    }

    /// The root filesystem.
    pub fn rootfs(&self) -> PathBuf {
        self.overlay.root()
    }
}

/// Makes the directories below `/run` that packages ask for in tmpfiles.d(5), as a machine does when it starts.
pub(crate) fn make_at_boot(root: &Path) {
    let owners = ["passwd", "group"].map(|file| accounts(root, file));
    let files = fs::read_dir(root.join("usr/lib/tmpfiles.d"));
    for file in files.into_iter().flatten().flatten() {
        let text = fs::read_to_string(file.path()).unwrap_or_default();
        for line in text.lines() {
            let [kind, path, mode, user, group] = line.split_whitespace().collect::<Vec<_>>()[..]
                .first_chunk::<5>()
                .copied()
                .unwrap_or_default();
            let path = path.strip_prefix("/var").unwrap_or(path);
            if !matches!(kind, "d" | "D") || !path.starts_with("/run/") {
                continue;
            }
            let target = root.join(&path[1..]);
            fs::create_dir_all(&target).expect("a writable directory");
            if let Ok(mode) = u32::from_str_radix(mode, 8) {
                fs::set_permissions(&target, Permissions::from_mode(mode)).expect("it is ours");
            }
            let number = |of: &[(String, u32, String)], wanted: &str| {
                of.iter()
                    .find(|(name, ..)| name == wanted)
                    .map(|(_, number, _)| *number)
            };
            chown(&target, number(&owners[0], user), number(&owners[1], group)).expect("root may");
        }
    }
}

/// Copies one path of a spec with its directories, owned by the accounts of the same names.
fn bring(from: &Path, to: &Path, path: &str, users: &[(u32, u32)], groups: &[(u32, u32)]) {
    let relative = path.trim_start_matches('/');
    // A link on the way (/var/run) leads out of the root: it is followed inside.
    let source = from.join(relative);
    let Ok(metadata) = fs::symlink_metadata(&source) else {
        return;
    };
    let target = to.join(relative.replacen("var/run/", "run/", 1));
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).expect("a writable directory");
    }
    if metadata.is_dir() {
        fs::create_dir_all(&target).expect("a writable directory");
        fs::set_permissions(&target, metadata.permissions()).expect("it is ours");
    } else {
        let copied = Command::new("cp")
            .args(["--archive", "--force"])
            .arg(&source)
            .arg(&target)
            .status()
            .expect("cp starts");
        assert!(copied.success(), "{path} is not copied");
    }
    if !metadata.is_symlink() {
        let (uid, gid) = (
            mapped(users, metadata.uid()),
            mapped(groups, metadata.gid()),
        );
        chown(&target, Some(uid), Some(gid)).expect("we are root");
    }
}
