//! tmpfiles.d(5) and units: what a package declares of directories, files and links that are there before it starts.

use mikron_package::{Entry, EntryKind, RootPath};

use super::declarations::{self, field};
use super::units::{self, Unit};
use crate::accounts::{Database, group_path, passwd_path};
use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::part::Owner;

/// Carries out the lines of tmpfiles.d(5) files, and makes the directories that the units of roots ask for (`StateDirectory=` and its
/// like, systemd.exec(5)). Nothing that a package or the spec brought is written over.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("tmpfiles", run).reads(&["scripts", "/etc/passwd", "/etc/group"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let passwd = work.read(&passwd_path())?.unwrap_or_default();
    let group = work.read(&group_path())?.unwrap_or_default();
    let lines = declarations::lines(work, "tmpfiles.d")?;
    let units = units::units(work.context);
    let mut run = Run {
        accounts: Database::parse(&passwd, &group),
        work,
    };
    for line in lines {
        run.tmpfile(&line)?;
    }
    for unit in units {
        run.directories_of(&unit)?;
    }
    Ok(())
}

struct Run<'w, 'a> {
    accounts: Database,
    work: &'w mut Work<'a>,
}

impl Run<'_, '_> {
    /// Makes a directory; one that is there already gets the attributes when `set` says so.
    fn directory(
        &mut self,
        path: &RootPath,
        mode: u32,
        owner: (u32, u32),
        set: bool,
    ) -> Result<(), RootfsError> {
        let Ok(at) = self.work.tree.follow(path, true) else {
            return Ok(());
        };
        if let Some(node) = self.work.tree.get_mut(&at) {
            let nobodys = node.owner == Owner::Layout;
            if node.entry.is_directory() && node.owner != Owner::Spec && (set || nobodys) {
                node.entry.mode = mode;
                (node.entry.uid, node.entry.gid) = owner;
                if nobodys {
                    node.owner = Owner::finalizer(&self.work.report.finalizer);
                }
                self.work.report.made.push(at);
            }
            return Ok(());
        }
        if at.is_root() || self.blocked(&at) {
            return Ok(());
        }
        let mut entry = Entry::new(at, EntryKind::Directory, mode);
        (entry.uid, entry.gid) = owner;
        self.work.place(entry, None)
    }

    /// The directories of a service, with its owner. Those that are there already have one.
    fn directories_of(&mut self, unit: &Unit) -> Result<(), RootfsError> {
        let user = unit.user.as_deref().unwrap_or("root");
        let primary = |line: &crate::accounts::PasswdLine| line.gid;
        let own = self.accounts.users.get(user).map(primary);
        let gid = unit.group.as_deref().map_or(own, |name| self.gid(name));
        // What belongs to an account that nobody makes is not made either.
        let (Some(uid), Some(gid), false) = (self.uid(user), gid, unit.dynamic) else {
            return Ok(());
        };
        for (path, mode) in &unit.directories {
            if let Ok(path) = RootPath::new(path.as_bytes()) {
                self.directory(&path, *mode, (uid, gid), false)?;
            }
        }
        Ok(())
    }

    /// Whether something that is no directory lies above a path.
    fn blocked(&self, path: &RootPath) -> bool {
        let mut above = path
            .ancestors()
            .filter_map(|above| self.work.tree.get(&above));
        above.any(|node| !node.entry.is_directory())
    }

    /// One line of tmpfiles.d(5): type, path, mode, user, group, age, argument.
    fn tmpfile(&mut self, line: &declarations::Line) -> Result<(), RootfsError> {
        let (Some(kind), Some(path)) = (field(line, 0), field(line, 1)) else {
            return Ok(());
        };
        // `%` is a specifier of the running system.
        let Ok(path) = RootPath::new(path.as_bytes()) else {
            return Ok(());
        };
        if path.is_root() || line[1].contains('%') || !line[1].starts_with('/') {
            return Ok(());
        }
        let mode = octal(field(line, 2).map(|mode| mode.trim_start_matches(['~', ':'])));
        let (user, group) = (
            field(line, 3).unwrap_or("root"),
            field(line, 4).unwrap_or("root"),
        );
        let (Some(uid), Some(gid)) = (self.uid(user), self.gid(group)) else {
            return Ok(());
        };
        match kind.trim_end_matches(['!', '-', '=', '~', '^', '$']) {
            "d" | "D" | "v" | "q" | "Q" => {
                self.directory(&path, mode.unwrap_or(0o755), (uid, gid), true)
            }
            "f" | "f+" | "F" => {
                let Ok(at) = self.work.tree.follow(&path, false) else {
                    return Ok(());
                };
                if self.work.tree.get(&at).is_some() || self.blocked(&at) {
                    return Ok(());
                }
                let text = line.get(6).cloned().unwrap_or_default().into_bytes();
                self.work.write(at.clone(), text, mode.unwrap_or(0o644))?;
                if let Some(node) = self.work.tree.get_mut(&at) {
                    (node.entry.uid, node.entry.gid) = (uid, gid);
                }
                Ok(())
            }
            "L" | "L+" | "L?" => {
                let (Ok(at), Some(target)) = (self.work.tree.follow(&path, false), field(line, 6))
                else {
                    return Ok(());
                };
                let leads_to = at.resolve_link(target.as_bytes())?;
                let there = self.work.tree.get(&at).is_some();
                if there || self.work.tree.lookup(&leads_to).is_none() || self.blocked(&at) {
                    return Ok(());
                }
                let target = target.as_bytes().to_vec();
                let entry = Entry::new(at, EntryKind::Symlink { target }, 0o777);
                self.work.place(entry, None)
            }
            _ => Ok(()),
        }
    }

    fn uid(&self, name: &str) -> Option<u32> {
        self.accounts.uid(name, "").ok()
    }

    fn gid(&self, name: &str) -> Option<u32> {
        self.accounts.gid(name, "").ok()
    }
}

/// An octal mode, at most 7777.
fn octal(text: Option<&str>) -> Option<u32> {
    let mode = u32::from_str_radix(text?, 8).ok()?;
    (mode <= 0o7777).then_some(mode)
}
