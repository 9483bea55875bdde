//! Directories, owners, modes and links that maintainer scripts make by literal calls, and tmpfiles.d(5).

use mikron_package::{Entry, EntryKind, MemoryContents, RootPath};

use super::declarations::{self, field};
use super::options::Arguments;
use crate::accounts::{Database, group_path, passwd_path};
use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::part::Owner;
use crate::tree::Tree;
use mikron_shell::Call;

/// Carries out literal calls of mkdir, install -d, touch, chown, chgrp, chmod, dpkg-statoverride and ln -s from
/// postinst scripts, in their order, and the lines of tmpfiles.d(5) files. What a call would change is changed only where
/// it lies in the image; nothing that a package or the spec brought is written over.
#[derive(Clone, Copy, Debug, Default)]
pub struct DirectoriesFinalizer;

/// What became of a call.
enum Done {
    Yes,
    /// It would change nothing in this image.
    Nothing(String),
    /// It is not understood.
    No,
}

impl Finalizer for DirectoriesFinalizer {
    fn name(&self) -> &'static str {
        "directories"
    }

    fn run(
        &self,
        context: &Context<'_>,
        tree: &mut Tree,
        contents: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        let passwd = context
            .read(tree, contents, &passwd_path())?
            .unwrap_or_default();
        let group = context
            .read(tree, contents, &group_path())?
            .unwrap_or_default();
        let mut run = Run {
            accounts: Database::parse(&passwd, &group),
            tree,
            contents,
            report: Report::new(self.name()),
        };
        for script in context
            .scripts
            .iter()
            .filter(|script| !script.script.contains("pre"))
        {
            for (site, call) in script.installing() {
                match run.call(call)? {
                    Done::Yes => {
                        run.report.covered.insert(site);
                    }
                    Done::Nothing(reason) => {
                        run.report.irrelevant.insert(site, reason);
                    }
                    Done::No => {}
                }
            }
        }
        for line in declarations::lines(context, run.tree, run.contents, "tmpfiles.d")? {
            run.tmpfile(&line)?;
        }
        Ok(run.report)
    }
}

struct Run<'a> {
    accounts: Database,
    tree: &'a mut Tree,
    contents: &'a mut MemoryContents,
    report: Report,
}

impl Run<'_> {
    fn call(&mut self, call: &Call) -> Result<Done, RootfsError> {
        if !call.writes.is_empty() {
            return Ok(Done::No);
        }
        match call.name() {
            "mkdir" => self.mkdir(call),
            "install" => self.install(call),
            "touch" => self.touch(call),
            "chown" | "chgrp" => Ok(self.chown(call)),
            "chmod" => Ok(self.chmod(call)),
            "dpkg-statoverride" => Ok(self.statoverride(call)),
            "ln" => self.link(call),
            "systemd-tmpfiles" => Ok(Done::Yes),
            _ => Ok(Done::No),
        }
    }

    fn mkdir(&mut self, call: &Call) -> Result<Done, RootfsError> {
        let arguments = Arguments::of(call, &["-m", "--mode"]);
        let Some(paths) = paths(&arguments) else {
            return Ok(Done::No);
        };
        let asked = arguments.has(&["-m", "--mode"]);
        let mode = octal(arguments.value(&["-m", "--mode"]));
        if asked && mode.is_none() {
            return Ok(Done::No);
        }
        for path in paths {
            self.directory(&path, mode.unwrap_or(0o755), (0, 0), false)?;
        }
        Ok(Done::Yes)
    }

    fn install(&mut self, call: &Call) -> Result<Done, RootfsError> {
        let valued = [
            "-m", "--mode", "-o", "--owner", "-g", "--group", "-t", "-S", "--suffix",
        ];
        let arguments = Arguments::of(call, &valued);
        if !arguments.has(&["-d", "--directory"]) {
            return Ok(Done::No);
        }
        let Some(paths) = paths(&arguments) else {
            return Ok(Done::No);
        };
        let mode = arguments.value(&["-m", "--mode"]).unwrap_or("755");
        let owner = arguments.value(&["-o", "--owner"]).unwrap_or("root");
        let group = arguments.value(&["-g", "--group"]).unwrap_or("root");
        let (Some(mode), Some(uid), Some(gid)) =
            (octal(Some(mode)), self.uid(owner), self.gid(group))
        else {
            return Ok(Done::No);
        };
        for path in paths {
            self.directory(&path, mode, (uid, gid), true)?;
        }
        Ok(Done::Yes)
    }

    /// Makes a directory; one that is there already gets the attributes when `set` says so.
    fn directory(
        &mut self,
        path: &RootPath,
        mode: u32,
        owner: (u32, u32),
        set: bool,
    ) -> Result<(), RootfsError> {
        let Ok(at) = self.tree.follow(path, true) else {
            return Ok(());
        };
        if let Some(node) = self.tree.get_mut(&at) {
            let nobodys = node.owner == Owner::Layout;
            if node.entry.is_directory() && node.owner != Owner::Spec && (set || nobodys) {
                node.entry.mode = mode;
                (node.entry.uid, node.entry.gid) = owner;
                if nobodys {
                    node.owner = Owner::finalizer(&self.report.finalizer);
                }
                self.report.made.push(at);
            }
            return Ok(());
        }
        if at.is_root() || self.blocked(&at) {
            return Ok(());
        }
        let mut entry = Entry::new(at, EntryKind::Directory, mode);
        (entry.uid, entry.gid) = owner;
        entry.mtime = self.tree.epoch();
        self.report.place(self.tree, entry, None)
    }

    /// Whether something that is no directory lies above a path.
    fn blocked(&self, path: &RootPath) -> bool {
        let mut above = path.ancestors().filter_map(|above| self.tree.get(&above));
        above.any(|node| !node.entry.is_directory())
    }

    fn touch(&mut self, call: &Call) -> Result<Done, RootfsError> {
        let arguments = Arguments::of(call, &["-d", "-r", "-t", "--date", "--reference"]);
        let Some(paths) = paths(&arguments) else {
            return Ok(Done::No);
        };
        for path in paths {
            let there = self.tree.lookup(&path).is_some();
            let Ok(at) = self.tree.follow(&path, false) else {
                return Ok(Done::No);
            };
            if !there && !self.blocked(&at) {
                self.report
                    .write(self.tree, self.contents, at, Vec::new(), 0o644)?;
            }
        }
        Ok(Done::Yes)
    }

    fn chown(&mut self, call: &Call) -> Done {
        let arguments = Arguments::of(call, &[]);
        let Some((first, rest)) = arguments.operands.split_first() else {
            return Done::No;
        };
        if arguments.has(&["--reference", "--from"]) {
            return Done::No;
        }
        if !first.literal || rest.is_empty() {
            return Done::No;
        }
        let (user, group) = if call.name() == "chgrp" {
            ("", first.text.as_str())
        } else {
            first.text.split_once(':').unwrap_or((&first.text, ""))
        };
        let uid = if user.is_empty() {
            None
        } else {
            self.uid(user)
        };
        let gid = if group.is_empty() {
            None
        } else {
            self.gid(group)
        };
        if (!user.is_empty() && uid.is_none()) || (!group.is_empty() && gid.is_none()) {
            return Done::No;
        }
        let recursive = arguments.has(&["-R", "--recursive"]);
        self.change(rest, recursive, |entry| {
            entry.uid = uid.unwrap_or(entry.uid);
            entry.gid = gid.unwrap_or(entry.gid);
        })
    }

    fn chmod(&mut self, call: &Call) -> Done {
        let arguments = Arguments::of(call, &[]);
        let Some((mode, rest)) = arguments.operands.split_first() else {
            return Done::No;
        };
        let Some(mode) = octal(Some(&mode.text)).filter(|_| mode.literal && !rest.is_empty())
        else {
            return Done::No;
        };
        let recursive = arguments.has(&["-R", "--recursive"]);
        self.change(rest, recursive, |entry| entry.mode = mode)
    }

    fn statoverride(&mut self, call: &Call) -> Done {
        let arguments = Arguments::of(call, &[]);
        let [user, group, mode, path] = arguments.operands.as_slice() else {
            return Done::No;
        };
        let known =
            arguments.has(&["--add"]) && [user, group, mode].iter().all(|word| word.literal);
        let ids = (
            self.uid(&user.text),
            self.gid(&group.text),
            octal(Some(&mode.text)),
        );
        let (Some(uid), Some(gid), Some(mode), true) = (ids.0, ids.1, ids.2, known) else {
            return Done::No;
        };
        self.change(&[*path], false, |entry| {
            (entry.uid, entry.gid, entry.mode) = (uid, gid, mode);
        })
    }

    /// Changes attributes of what is in the tree. The spec's own files stay as they are.
    fn change(
        &mut self,
        words: &[&mikron_shell::Word],
        recursive: bool,
        apply: impl Fn(&mut Entry),
    ) -> Done {
        let Some(paths) = literal_paths(words) else {
            return Done::No;
        };
        let mut any = false;
        for path in paths {
            let Ok(at) = self.tree.follow(&path, true) else {
                continue;
            };
            let mut all = vec![at.clone()];
            if recursive {
                all.extend(self.tree.below(&at).map(|node| node.entry.path.clone()));
            }
            for path in all {
                if let Some(node) = self.tree.get_mut(&path) {
                    any = true;
                    let link = matches!(node.entry.kind, EntryKind::Symlink { .. });
                    if node.owner != Owner::Spec && !link {
                        apply(&mut node.entry);
                        // By name and by number would contradict each other.
                        node.entry.user = None;
                        node.entry.group = None;
                        if node.owner == Owner::Layout {
                            node.owner = Owner::finalizer(&self.report.finalizer);
                        }
                        self.report.made.push(path);
                    }
                }
            }
        }
        if any {
            Done::Yes
        } else {
            Done::Nothing("what it changes is not in the image".to_owned())
        }
    }

    fn link(&mut self, call: &Call) -> Result<Done, RootfsError> {
        let arguments = Arguments::of(call, &["-t", "-S"]);
        let (Some([target, at]), true) = (
            arguments
                .literal_operands()
                .as_deref()
                .and_then(|o| <[&str; 2]>::try_from(o).ok()),
            arguments.has(&["-s", "--symbolic"]),
        ) else {
            return Ok(Done::No);
        };
        if !at.starts_with('/') {
            return Ok(Done::No);
        }
        let Ok(mut at) = RootPath::new(at.as_bytes()) else {
            return Ok(Done::No);
        };
        // ln(1): a link in a directory has the name of its target.
        let no_target_directory =
            arguments.has(&["-n", "-T", "--no-dereference", "--no-target-directory"]);
        let directory = self
            .tree
            .lookup(&at)
            .is_some_and(|node| node.entry.is_directory());
        if directory && !no_target_directory {
            let name = target
                .rsplit('/')
                .find(|name| !name.is_empty())
                .unwrap_or_default();
            at = at.join(name.as_bytes())?;
        }
        let Ok(place) = self.tree.follow(&at, false) else {
            return Ok(Done::No);
        };
        if self.tree.get(&place).is_some() {
            return Ok(Done::Nothing("something lies there already".to_owned()));
        }
        let leads_to = place.resolve_link(target.as_bytes())?;
        if self.tree.lookup(&leads_to).is_none() {
            return Ok(Done::Nothing(format!("{leads_to} is not in the image")));
        }
        if self.blocked(&place) {
            return Ok(Done::No);
        }
        let target = target.as_bytes().to_vec();
        let mut entry = Entry::new(place, EntryKind::Symlink { target }, 0o777);
        entry.mtime = self.tree.epoch();
        self.report.place(self.tree, entry, None)?;
        Ok(Done::Yes)
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
                let Ok(at) = self.tree.follow(&path, false) else {
                    return Ok(());
                };
                if self.tree.get(&at).is_some() || self.blocked(&at) {
                    return Ok(());
                }
                let text = line.get(6).cloned().unwrap_or_default().into_bytes();
                self.report.write(
                    self.tree,
                    self.contents,
                    at.clone(),
                    text,
                    mode.unwrap_or(0o644),
                )?;
                if let Some(node) = self.tree.get_mut(&at) {
                    (node.entry.uid, node.entry.gid) = (uid, gid);
                }
                Ok(())
            }
            "L" | "L+" | "L?" => {
                let (Ok(at), Some(target)) = (self.tree.follow(&path, false), field(line, 6))
                else {
                    return Ok(());
                };
                let leads_to = at.resolve_link(target.as_bytes())?;
                let there = self.tree.get(&at).is_some();
                if there || self.tree.lookup(&leads_to).is_none() || self.blocked(&at) {
                    return Ok(());
                }
                let target = target.as_bytes().to_vec();
                let mut entry = Entry::new(at, EntryKind::Symlink { target }, 0o777);
                entry.mtime = self.tree.epoch();
                self.report.place(self.tree, entry, None)
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

fn paths(arguments: &Arguments<'_>) -> Option<Vec<RootPath>> {
    literal_paths(&arguments.operands).filter(|paths| !paths.is_empty())
}

/// The words as absolute paths other than the root.
fn literal_paths(words: &[&mikron_shell::Word]) -> Option<Vec<RootPath>> {
    let path = |word: &&mikron_shell::Word| {
        let absolute = word.literal && word.text.starts_with('/');
        let path = RootPath::new(word.text.as_bytes()).ok();
        path.filter(|path| absolute && !path.is_root())
    };
    words.iter().map(path).collect()
}
