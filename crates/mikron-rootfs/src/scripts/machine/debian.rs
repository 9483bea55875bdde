//! dpkg's tools, ucf and update-alternatives.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use mikron_package::{Entry, EntryKind, VersionOrder};
use mikron_shell::Call;
use mikron_shell::run::{Known, Outcome, Step};

use super::input::operands;
use super::{Done, Fate, Machine, fate, open};
use crate::scripts::view::Change;

/// What dpkg knows.
pub(in crate::scripts) struct Dpkg {
    /// The packages of the solution, with their versions.
    pub(in crate::scripts) packages: BTreeMap<String, String>,
    /// The architecture.
    pub(in crate::scripts) architecture: String,
    pub(in crate::scripts) order: Option<&'static dyn VersionOrder>,
    /// Diversions by path: the package, and where the file goes.
    pub(in crate::scripts) diversions: BTreeMap<String, (String, String)>,
    /// Overrides of owners and modes, by path, as dpkg-statoverride(1) lists them.
    pub(in crate::scripts) overrides: BTreeMap<String, String>,
    /// The package whose script runs.
    pub(in crate::scripts) package: String,
}

impl Machine<'_, '_> {
    pub(super) fn debian_command(
        &mut self,
        name: &str,
        step: &mut Step<'_>,
        call: &Call,
    ) -> Option<Done> {
        Some(match name {
            "dpkg" => (self.dpkg_command(call), None),
            "dpkg-query" => (self.dpkg_query(call), None),
            "dpkg-divert" => self.divert(step, call),
            "dpkg-statoverride" => self.statoverride(step, call),
            "dpkg-realpath" => {
                let (_, paths) = operands(call, &["--root"]);
                let path = self.view.resolve(paths.last()?, true)?;
                (Outcome::with(0, &format!("{path}\n")), None)
            }
            // Units are for a service manager, and a new installation takes them as enabled.
            "deb-systemd-helper" => {
                let (_, words) = operands(call, &[]);
                let asks = words.first().is_some_and(|verb| {
                    matches!(*verb, "was-enabled" | "debian-installed" | "is-enabled")
                });
                let reason = "an image has no service manager".to_owned();
                let fate = (!asks).then_some(Fate::Nothing(reason));
                (Outcome::done(), fate)
            }
            "ucf" => self.ucf(step, call),
            "ucfr" => {
                let reason = "an image has no database of ucf".to_owned();
                (Outcome::done(), Some(Fate::Nothing(reason)))
            }
            "update-alternatives" => self.alternatives(call),
            "systemd-tmpfiles" => (Outcome::done(), Some(Fate::Done)),
            // A new server has no module that a script would find enabled, and serves in the way that it comes with.
            "a2query" if call.arguments().iter().any(|word| word.text == "-M") => {
                (Outcome::with(0, "event\n"), None)
            }
            "a2query" => (Outcome::failed(), None),
            "ucfq" | "dpkg-architecture" | "dpkg-vendor" => (Outcome::unknown(), None),
            "dpkg-maintscript-helper" => {
                let reason = "changes files of an earlier version".to_owned();
                (Outcome::done(), Some(Fate::Nothing(reason)))
            }
            _ => return None,
        })
    }

    fn dpkg_command(&self, call: &Call) -> Outcome {
        let words: Vec<&str> = call
            .arguments()
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        match words.as_slice() {
            ["--compare-versions", a, operator, b] => {
                let Some(order) = self.dpkg.order else {
                    return Outcome::unknown();
                };
                match compare(order, a, operator, b) {
                    Some(so) => Outcome::told(so),
                    None => Outcome::unknown(),
                }
            }
            ["--print-architecture"] => Outcome::with(0, &format!("{}\n", self.dpkg.architecture)),
            ["--print-foreign-architectures"] => Outcome::done(),
            [
                "-s" | "--status" | "-l" | "-L" | "--list" | "--listfiles",
                names @ ..,
            ] => {
                let installed = names.iter().all(|name| self.has(name));
                Outcome {
                    output: (!installed).then(String::new),
                    ..Outcome::told(installed)
                }
            }
            [word, ..] if word.starts_with("--assert-") || word.starts_with("--validate-") => {
                Outcome::done()
            }
            _ => Outcome::unknown(),
        }
    }

    fn has(&self, name: &str) -> bool {
        let name = name.split(':').next().unwrap_or_default();
        self.dpkg.packages.contains_key(name)
    }

    fn dpkg_query(&self, call: &Call) -> Outcome {
        let (arguments, names) = operands(call, &["-f", "--showformat"]);
        if arguments.has(&["-S", "--search"]) {
            return Outcome::unknown();
        }
        let installed = !names.is_empty() && names.iter().all(|name| self.has(name));
        let format = arguments.value(&["-f", "--showformat"]);
        let output = match (installed, format, names.as_slice()) {
            (false, _, _) => Some(String::new()),
            (true, Some(format), [name]) => {
                let name = name.split(':').next().unwrap_or_default();
                let version = self.dpkg.packages.get(name);
                let text = format
                    .replace("${Status}", "install ok installed")
                    .replace("${db:Status-Abbrev}", "ii ")
                    .replace("${db:Status-Status}", "installed")
                    .replace("${Package}", name)
                    .replace("${Version}", version.map_or("", String::as_str))
                    .replace("\\n", "\n");
                (!text.contains("${")).then_some(text)
            }
            _ => None,
        };
        Outcome {
            output,
            ..Outcome::told(installed)
        }
    }

    /// dpkg-divert(1). What packages bring to a diverted path was moved when the tree was made.
    fn divert(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let valued = [
            "--package",
            "--divert",
            "--listpackage",
            "--truename",
            "--list",
            "--admindir",
        ];
        let (arguments, paths) = operands(call, &valued);
        if let Some(path) = arguments.value(&["--listpackage"]) {
            let diverted = self.dpkg.diversions.get(path);
            let text = diverted
                .map(|(package, _)| format!("{package}\n"))
                .unwrap_or_default();
            return (Outcome::with(0, &text), None);
        }
        if let Some(path) = arguments.value(&["--truename"]) {
            let diverted = self.dpkg.diversions.get(path);
            let text = diverted.map_or(path, |(_, to)| to.as_str());
            return (Outcome::with(0, &format!("{text}\n")), None);
        }
        if call.arguments().iter().any(|word| word.text == "--list") {
            let lines = self.dpkg.diversions.iter();
            let lines =
                lines.map(|(from, (by, to))| format!("diversion of {from} to {to} by {by}\n"));
            return (Outcome::with(0, &lines.collect::<String>()), None);
        }
        let Some(path) = paths.last() else {
            return (Outcome::failed(), None);
        };
        if arguments.has(&["--remove"]) {
            self.dpkg.diversions.remove(*path);
            let reason = "removes what an earlier version left behind";
            return (Outcome::done(), Some(Fate::Nothing(reason.to_owned())));
        }
        let package = arguments
            .value(&["--package"])
            .unwrap_or(if arguments.has(&["--local"]) {
                "LOCAL"
            } else {
                &self.dpkg.package
            });
        let to = arguments
            .value(&["--divert"])
            .map_or_else(|| format!("{path}.distrib"), str::to_owned);
        let diverted = (package.to_owned(), to.clone());
        self.dpkg.diversions.insert((*path).to_owned(), diverted);
        let mut changes = vec![Change::Nothing(
            "what packages bring there was moved as they were merged".to_owned(),
        )];
        // A file that a script made is moved now.
        let made = match self.found(step, path, false) {
            Known::Is(found) => self
                .view
                .tree
                .get(&found.entry.path)
                .filter(|node| node.owner.package().is_none())
                .map(|_| found),
            _ => None,
        };
        if let (Some(found), true) = (made, arguments.has(&["--rename"]))
            && let Some(at) = self.view.resolve(&to, false)
        {
            self.view.remove(&found.entry.path);
            let entry = Entry {
                path: at,
                ..found.entry
            };
            changes.push(self.view.place(entry, found.content));
        }
        (Outcome::done(), fate(changes))
    }

    fn statoverride(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, words) = operands(call, &["--admindir", "--root"]);
        if arguments.has(&["--list"]) {
            let listed = match words.first() {
                Some(path) => self
                    .dpkg
                    .overrides
                    .get(*path)
                    .cloned()
                    .into_iter()
                    .collect(),
                None => self.dpkg.overrides.values().cloned().collect::<Vec<_>>(),
            };
            let text: String = listed
                .iter()
                .flat_map(|line| [line.as_str(), "\n"])
                .collect();
            return (Outcome::with(i32::from(listed.is_empty()), &text), None);
        }
        if arguments.has(&["--remove"]) {
            let there = words
                .first()
                .is_some_and(|path| self.dpkg.overrides.remove(*path).is_some());
            return (Outcome::told(there), None);
        }
        let [user, group, mode, path] = words.as_slice() else {
            return (Outcome::failed(), None);
        };
        let line = format!("{user} {group} {mode} {path}");
        self.dpkg.overrides.insert((*path).to_owned(), line);
        let (Some(uid), Some(gid)) = (self.user(user), self.group(group)) else {
            return open("its owner is not known");
        };
        let Some(mode) = super::attributes::mode(mode, 0, false) else {
            return open("its mode is not read");
        };
        let apply = move |entry: &mut Entry| {
            super::attributes::give(entry, uid.clone(), gid.clone());
            entry.mode = mode;
        };
        let change = match self.found(step, path, true) {
            Known::Is(found) => {
                self.view.bring(&found);
                self.view.change(&found, &apply)
            }
            _ => Change::Nothing("what it changes is not in the image".to_owned()),
        };
        (Outcome::done(), fate(vec![change]))
    }

    /// `ucf SOURCE TARGET` (ucf(1)): on a new installation a copy.
    fn ucf(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let valued = [
            "--debconf-template",
            "--src-dir",
            "--sum-file",
            "--state-dir",
            "-s",
        ];
        let (arguments, words) = operands(call, &valued);
        if arguments.has(&["-p", "--purge"]) {
            let reason = "an image has no database of ucf".to_owned();
            return (Outcome::done(), Some(Fate::Nothing(reason)));
        }
        let [from, to] = words.as_slice() else {
            return (Outcome::failed(), None);
        };
        let Some(path) = Self::path(step, to) else {
            return open("the working directory is not known");
        };
        let Some(at) = self.view.resolve(&path, true) else {
            return open("its path leads nowhere");
        };
        let there = self.view.at(&at);
        let found = match self.found(step, from, true) {
            Known::Is(found) => found,
            Known::Absent => return (Outcome::failed(), None),
            Known::Unknown => return open("what it copies is not known"),
        };
        if there.is_some_and(|there| there.in_image && there.entry.is_file()) {
            let reason = "something lies there already".to_owned();
            return (Outcome::done(), Some(Fate::Nothing(reason)));
        }
        let mut entry = Entry::new(at, found.entry.kind.clone(), found.entry.mode & 0o777);
        if let EntryKind::Hardlink { .. } = entry.kind {
            entry.kind = EntryKind::File {
                size: found.entry.size(),
            };
        }
        if found.content.is_none() {
            self.view.pretend(entry);
            return (
                Outcome::done(),
                Some(Fate::Open(format!("what {from} holds is not known"))),
            );
        }
        let change = self.view.place(entry, found.content);
        (Outcome::done(), fate(vec![change]))
    }

    /// update-alternatives(1). Its links are made when all candidates are known; scripts find them at once.
    fn alternatives(&mut self, call: &Call) -> Done {
        let words: Vec<&str> = call
            .arguments()
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        let asks = ["--list", "--query", "--display", "--get-selections"];
        if let Some(at) = words.iter().position(|word| asks.contains(word)) {
            let name = words.get(at + 1).copied().unwrap_or_default();
            let there = self.view.find(&format!("/etc/alternatives/{name}"), false);
            let outcome = match there {
                Known::Absent => Outcome::with(2, ""),
                _ => Outcome::unknown(),
            };
            return (outcome, None);
        }
        let starts = ["--install", "--slave", "--follower"];
        for (at, _) in words
            .iter()
            .enumerate()
            .filter(|(_, word)| starts.contains(word))
        {
            let Some([link, name, path]) = words.get(at + 1..at + 4) else {
                continue;
            };
            let middle = format!("/etc/alternatives/{name}");
            for (at, to) in [(middle.as_str(), *path), (*link, middle.as_str())] {
                if let Some(at) = self.view.resolve(at, false)
                    && self.view.at(&at).is_none()
                {
                    let target = to.as_bytes().to_vec();
                    self.view
                        .pretend(Entry::new(at, EntryKind::Symlink { target }, 0o777));
                }
            }
        }
        (Outcome::done(), Some(Fate::Elsewhere))
    }
}

/// `dpkg --compare-versions`: an empty version is earlier than any other, or later where the operator ends in `-nl`.
fn compare(order: &dyn VersionOrder, a: &str, operator: &str, b: &str) -> Option<bool> {
    let (operator, later) = match operator.strip_suffix("-nl") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let ordering = match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) if later => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, true) if later => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => order.compare(a, b),
    };
    Some(match operator {
        "lt" | "<<" => ordering.is_lt(),
        "le" | "<=" | "<" => ordering.is_le(),
        "eq" | "=" => ordering.is_eq(),
        "ne" => ordering.is_ne(),
        "ge" | ">=" | ">" => ordering.is_ge(),
        "gt" | ">>" => ordering.is_gt(),
        _ => return None,
    })
}
