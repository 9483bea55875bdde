//! Commands that make, move and remove files.

use mikron_package::{Digest, Entry, EntryKind, RootPath};
use mikron_shell::Call;
use mikron_shell::run::{Known, Outcome, Step};

use super::input::operands;
use super::{Done, Machine, fate, open};
use crate::finalizers::options::Arguments;
use crate::scripts::view::{Change, Found};

impl Machine<'_, '_> {
    pub(super) fn file_command(
        &mut self,
        name: &str,
        step: &mut Step<'_>,
        call: &Call,
    ) -> Option<Done> {
        Some(match name {
            "mkdir" => self.mkdir(step, call),
            "install" => self.install(step, call),
            "cp" => self.copy(step, call),
            "mv" => self.rename(step, call),
            "rm" | "unlink" => self.delete(step, call),
            "rmdir" => self.rmdir(step, call),
            "ln" => self.link(step, call),
            "touch" => self.touch(step, call),
            "truncate" => self.truncate(step, call),
            "mktemp" | "tempfile" => self.mktemp(step, call),
            _ => return None,
        })
    }

    fn mkdir(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, paths) = operands(call, &["-m", "--mode"]);
        let parents = arguments.has(&["-p", "--parents"]);
        let mode = match arguments.value(&["-m", "--mode"]) {
            Some(text) => match super::attributes::mode(text, 0o777, true) {
                Some(mode) => mode,
                None => return open("its mode is not read"),
            },
            None => 0o777 & !step.umask,
        };
        let mut changes = Vec::new();
        let mut good = true;
        for text in paths {
            let Some(path) = Self::path(step, text) else {
                return open("the working directory is not known");
            };
            match self.view.find(&path, true) {
                Known::Is(found) if parents && found.entry.is_directory() => {
                    changes.push(self.state(&found));
                }
                Known::Is(_) => good = false,
                _ => {
                    let Some(at) = self.view.resolve(&path, true) else {
                        return open("its path leads nowhere");
                    };
                    if parents {
                        changes.extend(self.above(&at, 0o777 & !step.umask));
                    }
                    changes.push(
                        self.view
                            .place(Entry::new(at, EntryKind::Directory, mode), None),
                    );
                }
            }
        }
        let failed = changes
            .iter()
            .any(|change| matches!(change, Change::Failed(_)));
        (Outcome::told(good && !failed), fate(changes))
    }

    /// A directory that a script asks for belongs into the image, whoever else brings it.
    fn state(&mut self, found: &Found) -> Change {
        if found.in_image || self.view.bring(found) {
            Change::Made
        } else {
            Change::Nothing("it is there already".to_owned())
        }
    }

    /// Makes the directories above a path.
    fn above(&mut self, at: &RootPath, mode: u32) -> Vec<Change> {
        let missing: Vec<RootPath> = at
            .ancestors()
            .filter(|above| !above.is_root())
            .take_while(|above| self.view.at(above).is_none())
            .collect();
        let make = |path: RootPath| {
            self.view
                .place(Entry::new(path, EntryKind::Directory, mode), None)
        };
        missing.into_iter().rev().map(make).collect()
    }

    fn install(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let valued = [
            "-m",
            "--mode",
            "-o",
            "--owner",
            "-g",
            "--group",
            "-t",
            "--target-directory",
            "-S",
            "--suffix",
        ];
        let (arguments, paths) = operands(call, &valued);
        let text = arguments.value(&["-m", "--mode"]).unwrap_or("755");
        let Some(mode) = super::attributes::mode(text, 0, true) else {
            return open("its mode is not read");
        };
        let user = arguments
            .value(&["-o", "--owner"])
            .map(|name| self.user(name));
        let group = arguments
            .value(&["-g", "--group"])
            .map(|name| self.group(name));
        if matches!(user, Some(None)) || matches!(group, Some(None)) {
            return open("its owner is not known");
        }
        let (user, group) = (user.flatten(), group.flatten());
        let own = move |entry: &mut Entry| {
            entry.mode = mode;
            let (user, group) = (user.clone(), group.clone());
            super::attributes::give(entry, user.unwrap_or_default(), group.unwrap_or_default());
        };
        let mut changes = Vec::new();
        if arguments.has(&["-d", "--directory"]) {
            for text in paths {
                let Some(path) = Self::path(step, text) else {
                    return open("the working directory is not known");
                };
                if let Known::Is(found) = self.view.find(&path, true) {
                    self.view.bring(&found);
                    changes.push(self.view.change(&found, &own));
                    continue;
                }
                let Some(at) = self.view.resolve(&path, true) else {
                    return open("its path leads nowhere");
                };
                changes.extend(self.above(&at, 0o755));
                let mut entry = Entry::new(at, EntryKind::Directory, mode);
                own(&mut entry);
                changes.push(self.view.place(entry, None));
            }
            return (Outcome::done(), fate(changes));
        }
        let Some((sources, target)) = targets(&arguments, &paths) else {
            return open("it names no target");
        };
        if arguments.has(&["-D"])
            && let Some(path) = Self::path(step, target)
            && let Some(at) = self.view.resolve(&path, true)
        {
            changes.extend(self.above(&at, 0o755));
        }
        for source in sources {
            match self.source(step, source) {
                Known::Is(found) => {
                    let mut copy = found.entry.clone();
                    own(&mut copy);
                    changes.push(self.put(step, &found, copy, target, &arguments));
                }
                Known::Absent => return (Outcome::failed(), None),
                Known::Unknown => return open("what it copies is not known"),
            }
        }
        (Outcome::done(), fate(changes))
    }

    /// What is copied: `/dev/null` is an empty file.
    fn source(&mut self, step: &Step<'_>, text: &str) -> Known<Found> {
        if text == "/dev/null" {
            let content = self.view.contents.add(Vec::new());
            let entry = Entry::new(RootPath::root(), EntryKind::File { size: 0 }, 0o666);
            return Known::Is(Found {
                entry,
                content: Some(content),
                in_image: false,
            });
        }
        self.found(step, text, true)
    }

    /// Puts a copy at the target, or below it where it is a directory.
    fn put(
        &mut self,
        step: &Step<'_>,
        source: &Found,
        mut copy: Entry,
        target: &str,
        arguments: &Arguments<'_>,
    ) -> Change {
        let exactly = arguments.has(&["-T", "--no-target-directory"]);
        let Some(at) = self.target(step, target, source, exactly) else {
            return Change::Failed("its target is not known".to_owned());
        };
        let there = self.view.at(&at);
        if there.is_some() && arguments.has(&["-n", "--no-clobber"]) {
            return Change::Nothing("something lies there already".to_owned());
        }
        if at.as_bytes().starts_with(b"etc/apparmor.d/") {
            self.view.pretend(Entry { path: at, ..copy });
            return Change::Nothing("an image brings no kernel policy".to_owned());
        }
        copy.path = at;
        copy.xattrs.clear();
        if copy.is_file() && source.content.is_none() {
            let path = source.entry.path.clone();
            self.view.pretend(copy);
            return Change::Failed(format!("what {path} holds is not known"));
        }
        self.view.place(copy, source.content)
    }

    /// Where a copy goes.
    fn target(
        &self,
        step: &Step<'_>,
        target: &str,
        source: &Found,
        exactly: bool,
    ) -> Option<RootPath> {
        let path = Self::path(step, target)?;
        let at = self.view.resolve(&path, true)?;
        let directory = self
            .view
            .at(&at)
            .is_some_and(|found| found.entry.is_directory());
        if directory && !exactly {
            let below = at.join(source.entry.path.file_name()?).ok()?;
            return Some(below);
        }
        Some(at)
    }

    fn copy(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, paths) = operands(call, &["-t", "--target-directory", "-S", "--suffix"]);
        let Some((sources, target)) = targets(&arguments, &paths) else {
            return open("it names no target");
        };
        let links = arguments.has(&["-l", "--link", "-s", "--symbolic-link"]);
        if links {
            return open("it makes links");
        }
        let whole = arguments.has(&["-r", "-R", "-a", "--recursive", "--archive"]);
        let follow = !arguments.has(&["-a", "-d", "-P", "--archive", "--no-dereference"]);
        let attributes = arguments.has(&["-a", "-p", "--archive", "--preserve"]);
        let mut changes = Vec::new();
        let mut good = true;
        for source in sources {
            let found = if *source == "/dev/null" {
                self.source(step, source)
            } else {
                self.found(step, source, follow)
            };
            let found = match found {
                Known::Is(found) => found,
                Known::Absent => {
                    good = false;
                    continue;
                }
                Known::Unknown => return open("what it copies is not known"),
            };
            if found.entry.is_directory() && !whole {
                good = false;
                continue;
            }
            let mut copy = found.entry.clone();
            plain(&mut copy, attributes, step.umask);
            let below = if found.entry.is_directory() {
                self.view.below(&found.entry.path)
            } else {
                Vec::new()
            };
            let exactly = arguments.has(&["-T", "--no-target-directory"]);
            let to = self.target(step, target, &found, exactly);
            changes.push(self.put(step, &found, copy, target, &arguments));
            let (Some(to), from) = (to, found.entry.path.as_bytes().len()) else {
                continue;
            };
            for inner in below {
                let rest = inner.entry.path.as_bytes()[from..].to_vec();
                let Ok(path) = to.join(&rest) else { continue };
                let mut copy = inner.entry.clone();
                plain(&mut copy, attributes, step.umask);
                copy.path = path;
                if copy.is_file() && inner.content.is_none() {
                    changes.push(Change::Failed(format!(
                        "what {} holds is not known",
                        inner.entry.path
                    )));
                } else {
                    changes.push(self.view.place(copy, inner.content));
                }
            }
        }
        (Outcome::told(good), fate(changes))
    }

    fn rename(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, paths) = operands(call, &["-t", "--target-directory", "-S", "--suffix"]);
        let Some((sources, target)) = targets(&arguments, &paths) else {
            return open("it names no target");
        };
        let mut changes = Vec::new();
        let mut good = true;
        for source in sources {
            let found = match self.found(step, source, false) {
                Known::Is(found) => found,
                Known::Absent => {
                    good = false;
                    continue;
                }
                Known::Unknown => return open("what it moves is not known"),
            };
            let exactly = arguments.has(&["-T", "--no-target-directory"]);
            let Some(path) = Self::path(step, target) else {
                return open("its target is not known");
            };
            // A link at the target is replaced and not followed, unless it leads to a directory.
            let followed = self.target(step, target, &found, exactly);
            let plain = self.view.resolve(&path, false);
            let below = followed.clone().filter(|at| {
                let parent = at.parent();
                self.view.resolve(&path, true) == parent
            });
            let Some(at) = below.or(plain) else {
                return open("its target is not known");
            };
            if at == found.entry.path {
                continue;
            }
            if self.view.at(&at).is_some() && arguments.has(&["-n", "--no-clobber"]) {
                continue;
            }
            let inner = if found.entry.is_directory() {
                self.view.below(&found.entry.path)
            } else {
                Vec::new()
            };
            let from = found.entry.path.clone();
            let moved = found.in_image || found.content.is_some() || !found.entry.is_file();
            let removed = self.view.remove(&from);
            if !moved {
                self.view.pretend(Entry {
                    path: at,
                    ..found.entry
                });
                changes.push(Change::Nothing(
                    "what it moves is not in the image".to_owned(),
                ));
                continue;
            }
            if !found.in_image && found.entry.is_directory() {
                changes.push(removed);
            }
            let entry = Entry {
                path: at.clone(),
                ..found.entry
            };
            changes.push(self.view.place(entry, found.content));
            for inner in inner {
                let rest = inner.entry.path.as_bytes()[from.as_bytes().len()..].to_vec();
                if let Ok(path) = at.join(&rest)
                    && (inner.in_image || inner.content.is_some())
                {
                    changes.push(self.view.place(
                        Entry {
                            path,
                            ..inner.entry
                        },
                        inner.content,
                    ));
                }
            }
        }
        (Outcome::told(good), fate(changes))
    }

    fn delete(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, paths) = operands(call, &[]);
        let force = arguments.has(&["-f", "--force"]);
        let whole = arguments.has(&["-r", "-R", "--recursive"]);
        let mut changes = Vec::new();
        let mut good = true;
        for text in paths {
            match self.found(step, text, false) {
                Known::Is(found) if found.entry.is_directory() && !whole => good = false,
                Known::Is(found) => changes.push(self.view.remove(&found.entry.path)),
                Known::Absent => {
                    good &= force;
                    let reason = "removes what an earlier version left behind";
                    changes.push(Change::Nothing(reason.to_owned()));
                }
                Known::Unknown => {}
            }
        }
        (Outcome::told(good), fate(changes))
    }

    fn rmdir(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, paths) = operands(call, &[]);
        let forgiving = arguments.has(&["--ignore-fail-on-non-empty"]);
        let mut changes = Vec::new();
        let mut good = true;
        for text in paths {
            match self.found(step, text, false) {
                Known::Is(found)
                    if found.entry.is_directory()
                        && self.view.names(&found.entry.path).is_empty() =>
                {
                    changes.push(self.view.remove(&found.entry.path));
                }
                Known::Is(_) => good &= forgiving,
                Known::Absent => {
                    good = false;
                    let reason = "removes what an earlier version left behind";
                    changes.push(Change::Nothing(reason.to_owned()));
                }
                Known::Unknown => {}
            }
        }
        (Outcome::told(good), fate(changes))
    }

    fn link(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, paths) = operands(call, &["-t", "--target-directory", "-S", "--suffix"]);
        let (sources, at) = match paths.as_slice() {
            [one] => (vec![*one], "."),
            _ => match targets(&arguments, &paths) {
                Some((sources, at)) => (sources.to_vec(), at),
                None => return open("it names no target"),
            },
        };
        let symbolic = arguments.has(&["-s", "--symbolic"]);
        let force = arguments.has(&["-f", "--force"]);
        let exactly = arguments.has(&["-T", "--no-target-directory"]);
        let no_follow = exactly || arguments.has(&["-n", "--no-dereference"]);
        let mut changes = Vec::new();
        let mut good = true;
        for source in sources {
            let Some(path) = Self::path(step, at) else {
                return open("the working directory is not known");
            };
            let Some(mut place) = self.view.resolve(&path, !no_follow) else {
                return open("its path leads nowhere");
            };
            let there = self.view.at(&place);
            if there.is_some_and(|found| found.entry.is_directory()) && !exactly {
                let name = source.rsplit('/').find(|name| !name.is_empty());
                match place.join(name.unwrap_or_default().as_bytes()) {
                    Ok(below) => place = below,
                    Err(error) => return open(&error.to_string()),
                }
            } else if let Some(unfollowed) = self.view.resolve(&path, false) {
                place = unfollowed;
            }
            let there = self.view.at(&place);
            if there.is_some_and(|there| !force || there.entry.is_directory()) {
                good = false;
                changes.push(Change::Nothing("something lies there already".to_owned()));
                continue;
            }
            if symbolic {
                let target = source.as_bytes().to_vec();
                let entry = Entry::new(place, EntryKind::Symlink { target }, 0o777);
                changes.push(self.view.place(entry, None));
                continue;
            }
            match self.found(step, source, false) {
                Known::Is(found) if found.content.is_some() => {
                    let entry = Entry {
                        path: place,
                        ..found.entry
                    };
                    changes.push(self.view.place(entry, found.content));
                }
                Known::Is(found) => {
                    self.view.pretend(Entry {
                        path: place,
                        ..found.entry
                    });
                    changes.push(Change::Nothing(
                        "what it links is not in the image".to_owned(),
                    ));
                }
                Known::Absent => good = false,
                Known::Unknown => return open("what it links is not known"),
            }
        }
        (Outcome::told(good), fate(changes))
    }

    fn touch(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let valued = ["-d", "-r", "-t", "--date", "--reference", "--time"];
        let (arguments, paths) = operands(call, &valued);
        let mut changes = Vec::new();
        for text in paths {
            let Some(path) = Self::path(step, text) else {
                return open("the working directory is not known");
            };
            let there = !matches!(self.view.find(&path, true), Known::Absent);
            if there || arguments.has(&["-c", "--no-create", "-h", "--no-dereference"]) {
                changes.push(Change::Nothing(
                    "times in an image are all the same".to_owned(),
                ));
            } else {
                changes.push(self.write_file(&path, Vec::new(), 0o666 & !step.umask));
            }
        }
        (Outcome::done(), fate(changes))
    }

    fn truncate(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, paths) = operands(call, &["-s", "--size", "-r", "--reference"]);
        if arguments.value(&["-s", "--size"]) != Some("0") {
            return open("its size is not read");
        }
        let mut changes = Vec::new();
        for text in paths {
            if let Some(path) = Self::path(step, text) {
                changes.push(self.write_file(&path, Vec::new(), 0o666 & !step.umask));
            }
        }
        (Outcome::done(), fate(changes))
    }

    fn mktemp(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let valued = ["-p", "--suffix", "-d", "-s", "-m", "-n"];
        let tempfile = call.name() == "tempfile";
        let (arguments, paths) = operands(call, if tempfile { &valued } else { &valued[..2] });
        let directory = match (tempfile, paths.first()) {
            (false, Some(template)) if template.contains('/') => {
                let parent = template.rsplit_once('/').map_or("", |(parent, _)| parent);
                Self::path(step, if parent.is_empty() { "/" } else { parent })
            }
            (false, Some(_)) if !arguments.has(&["-t", "-p", "--tmpdir"]) => {
                step.directory.map(str::to_owned)
            }
            (false, _) => Some(
                arguments
                    .value(&["-p", "--tmpdir"])
                    .unwrap_or("/tmp")
                    .to_owned(),
            ),
            (true, _) => Some(arguments.value(&["-d"]).unwrap_or("/tmp").to_owned()),
        };
        let suffix = arguments.value(&["--suffix"]).or_else(|| {
            let template = paths.first()?;
            template.rsplit_once("XXX").map(|(_, suffix)| suffix)
        });
        let path = directory.and_then(|directory| self.temporary(&directory, suffix.unwrap_or("")));
        let Some(at) = path else {
            return open("the working directory is not known");
        };
        let shown = at.to_text().into_owned();
        let change = if !tempfile && arguments.has(&["-d", "--directory"]) {
            self.view
                .place(Entry::new(at, EntryKind::Directory, 0o700), None)
        } else {
            let content: Digest = self.view.contents.add(Vec::new());
            let entry = Entry::new(at, EntryKind::File { size: 0 }, 0o600);
            self.view.place(entry, Some(content))
        };
        if matches!(change, Change::Failed(_)) {
            return (Outcome::unknown(), fate(vec![change]));
        }
        (Outcome::with(0, &format!("{shown}\n")), None)
    }
}

/// The sources and the target of a copy.
fn targets<'a, 'b>(
    arguments: &Arguments<'a>,
    paths: &'b [&'a str],
) -> Option<(&'b [&'a str], &'a str)> {
    if let Some(directory) = arguments.value(&["-t", "--target-directory"]) {
        return Some((paths, directory));
    }
    let (target, sources) = paths.split_last()?;
    (!sources.is_empty()).then_some((sources, *target))
}

/// A copy belongs to root unless attributes are kept.
fn plain(copy: &mut Entry, attributes: bool, umask: u32) {
    if !attributes {
        (copy.uid, copy.gid) = (0, 0);
        (copy.user, copy.group) = (None, None);
        copy.mode &= 0o777 & !umask;
    }
}
