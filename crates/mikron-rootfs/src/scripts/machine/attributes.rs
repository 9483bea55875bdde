//! Owners, modes and capabilities of files.

use mikron_package::{CAPABILITY_XATTR, Entry, EntryKind, SharedText, file_capabilities};
use mikron_shell::Call;
use mikron_shell::run::{Known, Outcome, Step};

use super::input::operands;
use super::{Done, Fate, Machine, fate, open};
use crate::scripts::view::{Change, Found};

/// An owner that a command names: a number, and the name where it has to be looked up when all accounts are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) number: u32,
    pub(super) name: Option<SharedText>,
}

/// Gives a file to an owner.
pub(super) fn give(entry: &mut Entry, user: Id, group: Id) {
    (entry.uid, entry.user) = (user.number, user.name);
    (entry.gid, entry.group) = (group.number, group.name);
}

/// What a mode of chmod(1) makes of `before`: octal, or clauses like `u+rw,o-rwx`.
pub(super) fn mode(text: &str, before: u32, directory: bool) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let mode = u32::from_str_radix(text, 8).ok()?;
        return (mode <= 0o7777).then_some(mode);
    }
    let mut mode = before;
    for clause in text.split(',') {
        let end = clause.find(['+', '-', '='])?;
        let (who, mut rest) = clause.split_at(end);
        let all = who.is_empty() || who.contains('a');
        if !who.chars().all(|c| "ugoa".contains(c)) {
            return None;
        }
        let has = |class: char| all || who.contains(class);
        let mut mask = 0;
        for (class, bits) in [('u', 0o4700), ('g', 0o2070), ('o', 0o1007)] {
            if has(class) {
                mask |= bits;
            }
        }
        while let Some(operator) = rest.chars().next() {
            let end = rest[1..]
                .find(['+', '-', '='])
                .map_or(rest.len(), |at| at + 1);
            let letters = &rest[1..end];
            rest = &rest[end..];
            let mut bits = 0;
            for letter in letters.chars() {
                bits |= match letter {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if directory || mode & 0o111 != 0 => 0o111,
                    'X' => 0,
                    's' => 0o6000,
                    't' => 0o1000,
                    'u' => 0o111 * (mode >> 6 & 7),
                    'g' => 0o111 * (mode >> 3 & 7),
                    'o' => 0o111 * (mode & 7),
                    _ => return None,
                };
            }
            // The sticky bit is nobody's: `+t` sets it for whomever it names.
            let bits = bits
                & (mask
                    | if all || letters.contains('t') {
                        0o1000
                    } else {
                        0
                    });
            match operator {
                '+' => mode |= bits,
                '-' => mode &= !bits,
                '=' => mode = (mode & !(mask & 0o777)) | bits,
                _ => return None,
            }
        }
    }
    Some(mode)
}

impl Machine<'_, '_> {
    pub(super) fn attribute_command(
        &mut self,
        name: &str,
        step: &mut Step<'_>,
        call: &Call,
    ) -> Option<Done> {
        Some(match name {
            "chown" | "chgrp" => self.chown(step, call),
            "chmod" => self.chmod(step, call),
            "setcap" => self.setcap(step, call),
            "getcap" => self.getcap(step, call),
            "stat" => self.print_stat(step, call),
            "ls" => self.print_list(step, call)?,
            _ => return None,
        })
    }

    fn chown(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, operands) = operands(call, &["--reference", "--from"]);
        let mut paths = operands.as_slice();
        let (user, group) = if let Some(file) = arguments.value(&["--reference"]) {
            let Known::Is(found) = self.found(step, file, true) else {
                return open("the file whose owner it takes is not known");
            };
            let entry = found.entry;
            let id = |number, name| Some(Id { number, name });
            (
                id(entry.uid, entry.user.clone()),
                id(entry.gid, entry.group.clone()),
            )
        } else {
            let Some((first, rest)) = operands.split_first() else {
                return (Outcome::failed(), None);
            };
            paths = rest;
            let (user, group) = if call.name() == "chgrp" {
                ("", *first)
            } else {
                first.split_once([':', '.']).unwrap_or((first, ""))
            };
            // `user:` means the user's own group.
            let login = first
                .ends_with(':')
                .then(|| self.users.get(user).cloned())
                .flatten();
            let group = login.as_deref().unwrap_or(group);
            let (uid, gid) = (self.user(user), self.group(group));
            for (name, id) in [(user, &uid), (group, &gid)] {
                if !name.is_empty() && id.is_none() {
                    let fate = Fate::NoAccount(name.to_owned());
                    return (Outcome::failed(), Some(fate));
                }
            }
            (
                uid.filter(|_| !user.is_empty()),
                gid.filter(|_| !group.is_empty()),
            )
        };
        let own = move |entry: &mut Entry| {
            if let Some(user) = &user {
                (entry.uid, entry.user) = (user.number, user.name.clone());
            }
            if let Some(group) = &group {
                (entry.gid, entry.group) = (group.number, group.name.clone());
            }
        };
        let recursive = arguments.has(&["-R", "--recursive"]);
        let link = recursive || arguments.has(&["-h", "--no-dereference"]);
        self.change(step, paths, recursive, link, &own)
    }

    fn chmod(&mut self, step: &Step<'_>, call: &Call) -> Done {
        // A mode may begin with `-`: `chmod -x file`.
        let negative = |word: &&mikron_shell::Word| {
            let rest = word.text.strip_prefix('-');
            rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| "rwxXst".contains(c)))
        };
        let removed = call
            .arguments()
            .iter()
            .find(negative)
            .map(|word| word.text.as_str());
        let (arguments, operands) = operands(call, &["--reference"]);
        let mut paths = operands.as_slice();
        let text = if let Some(text) = removed {
            text
        } else {
            let Some((first, rest)) = operands.split_first() else {
                return (Outcome::failed(), None);
            };
            paths = rest;
            first
        };
        if arguments.has(&["--reference"]) || mode(text, 0, true).is_none() {
            return open("its mode is not read");
        }
        let apply = |entry: &mut Entry| {
            if !matches!(entry.kind, EntryKind::Symlink { .. }) {
                entry.mode = mode(text, entry.mode, entry.is_directory()).unwrap_or(entry.mode);
            }
        };
        let recursive = arguments.has(&["-R", "--recursive"]);
        self.change(step, paths, recursive, false, &apply)
    }

    /// Changes what lies at the paths. A directory of state that a script gives to someone belongs into the image.
    fn change(
        &mut self,
        step: &Step<'_>,
        paths: &[&str],
        recursive: bool,
        link: bool,
        apply: &dyn Fn(&mut Entry),
    ) -> Done {
        let mut changes = Vec::new();
        let mut good = true;
        for text in paths {
            match self.found(step, text, !link) {
                Known::Is(found) => {
                    self.bring_state(&found, apply);
                    let below = if recursive && found.entry.is_directory() {
                        self.view.below(&found.entry.path)
                    } else {
                        Vec::new()
                    };
                    changes.push(self.view.change(&found, apply));
                    for inner in below {
                        self.bring_state(&inner, apply);
                        changes.push(self.view.change(&inner, apply));
                    }
                }
                Known::Absent => {
                    good = false;
                    let reason = "what it changes is not in the image";
                    changes.push(Change::Nothing(reason.to_owned()));
                }
                Known::Unknown => {}
            }
        }
        (Outcome::told(good), fate(changes))
    }

    fn bring_state(&mut self, found: &Found, apply: &dyn Fn(&mut Entry)) {
        let state = ["var/", "srv/", "run/", "home/"];
        let path = found.entry.path.as_bytes();
        let mut changed = found.entry.clone();
        apply(&mut changed);
        if changed != found.entry && state.iter().any(|dir| path.starts_with(dir.as_bytes())) {
            self.view.bring(found);
        }
    }

    /// `setcap CAPABILITIES FILE` (setcap(8)).
    fn setcap(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, operands) = operands(call, &["-n"]);
        if arguments.has(&["-v"]) {
            return (Outcome::unknown(), None);
        }
        let mut changes = Vec::new();
        for pair in operands.chunks(2) {
            let [text, file] = pair else {
                return open("it names no file");
            };
            let removed = *text == "-r";
            let value = match file_capabilities(text.as_bytes()) {
                _ if removed => None,
                Ok(value) => Some(value),
                Err(_) => return open("its capabilities are not read"),
            };
            match self.found(step, file, true) {
                Known::Is(found) => changes.push(self.view.change(&found, &|entry: &mut Entry| {
                    let key = CAPABILITY_XATTR.to_vec();
                    match &value {
                        Some(value) => entry.xattrs.insert(key, value.clone()),
                        None => entry.xattrs.remove(&key),
                    };
                })),
                Known::Absent => {
                    let reason = "what it changes is not in the image";
                    changes.push(Change::Nothing(reason.to_owned()));
                }
                Known::Unknown => {}
            }
        }
        (Outcome::done(), fate(changes))
    }

    /// getcap(8) of files that have none prints nothing.
    fn getcap(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (_, paths) = operands(call, &[]);
        let plain = paths.iter().all(|path| match self.found(step, path, true) {
            Known::Is(found) => !found.entry.xattrs.contains_key(CAPABILITY_XATTR),
            Known::Absent => true,
            Known::Unknown => false,
        });
        (Outcome::printed(plain.then(String::new)), None)
    }

    fn print_stat(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let (arguments, paths) = operands(call, &["-c", "--format", "--printf"]);
        let Some(format) = arguments.value(&["-c", "--format", "--printf"]) else {
            return (Outcome::unknown(), None);
        };
        let follow = arguments.has(&["-L", "--dereference"]);
        let mut text = String::new();
        for path in paths {
            let found = match self.found(step, path, follow) {
                Known::Is(found) => found,
                Known::Absent => return (Outcome::failed(), None),
                Known::Unknown => return (Outcome::unknown(), None),
            };
            let Some(line) = self.format_stat(format, path, &found.entry) else {
                return (Outcome::printed(None), None);
            };
            text.push_str(&line);
            if !arguments.has(&["--printf"]) {
                text.push('\n');
            }
        }
        (Outcome::with(0, &text), None)
    }

    fn format_stat(&self, format: &str, path: &str, entry: &Entry) -> Option<String> {
        let mut text = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            match chars.next()? {
                'a' => text.extend([format!("{:o}", entry.mode)]),
                'n' => text.push_str(path),
                's' => text.push_str(&entry.size().to_string()),
                'U' => text.push_str(&self.user_name(entry)?),
                'G' => text.push_str(&self.group_name(entry)?),
                'u' => text.push_str(&number(entry.user.as_deref(), entry.uid)?),
                'g' => text.push_str(&number(entry.group.as_deref(), entry.gid)?),
                'F' => text.push_str(match entry.kind {
                    EntryKind::Directory => "directory",
                    EntryKind::Symlink { .. } => "symbolic link",
                    EntryKind::File { size: 0 } => "regular empty file",
                    EntryKind::File { .. } => "regular file",
                    _ => return None,
                }),
                '%' => text.push('%'),
                _ => return None,
            }
        }
        Some(text)
    }

    /// `ls DIR`, and `ls -l FILE` with the epoch for a time.
    fn print_list(&mut self, step: &Step<'_>, call: &Call) -> Option<Done> {
        let (arguments, paths) = operands(call, &[]);
        let [path] = paths.as_slice() else {
            return None;
        };
        let found = match self.found(step, path, true) {
            Known::Is(found) => found,
            Known::Absent => return Some((Outcome::failed(), None)),
            Known::Unknown => return Some((Outcome::unknown(), None)),
        };
        let directory = found.entry.is_directory() && !arguments.has(&["-d"]);
        let long = arguments.has(&["-l", "-n", "-g", "-o"]);
        let text = match (directory, long) {
            (true, false) => {
                let names = self.view.names(&found.entry.path);
                let shown = |name: &&String| arguments.has(&["-a", "-A"]) || !name.starts_with('.');
                let lines = names.iter().filter(shown).map(|name| format!("{name}\n"));
                lines.collect()
            }
            (false, false) => format!("{path}\n"),
            (false, true) => {
                let entry = &found.entry;
                let (user, group) = if arguments.has(&["-n"]) {
                    (
                        number(entry.user.as_deref(), entry.uid)?,
                        number(entry.group.as_deref(), entry.gid)?,
                    )
                } else {
                    (self.user_name(entry)?, self.group_name(entry)?)
                };
                let kind = if entry.is_directory() { 'd' } else { '-' };
                let size = entry.size();
                format!(
                    "{kind}{} 1 {user} {group} {size} Jan  1  1970 {path}\n",
                    letters(entry.mode)
                )
            }
            (true, true) => return None,
        };
        Some((Outcome::with(0, &text), None))
    }
}

/// The number of an owner; that of one who is to be looked up is not known yet.
fn number(name: Option<&str>, number: u32) -> Option<String> {
    let known = name.is_none() || number != 0 || name == Some("root");
    known.then(|| number.to_string())
}

fn letters(mode: u32) -> String {
    let bit = |shift: u32| "rwx".chars().nth(2 - (shift % 3) as usize).unwrap_or('-');
    let letter = |shift: u32| {
        if mode >> shift & 1 == 1 {
            bit(shift)
        } else {
            '-'
        }
    };
    (0..9).rev().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::mode;

    #[test]
    fn modes_are_read_as_chmod_reads_them() {
        for (text, before, after) in [
            ("640", 0o755, 0o640),
            ("2775", 0, 0o2775),
            ("g+rwx", 0o755, 0o775),
            ("g+s", 0o755, 0o2755),
            ("o-rwx,g-w", 0o777, 0o750),
            ("u=rw,go=", 0o777, 0o600),
            ("a+X", 0o744, 0o755),
            ("+t", 0o777, 0o1777),
            ("go=u-w", 0o700, 0o755),
            ("-x", 0o755, 0o644),
        ] {
            assert_eq!(mode(text, before, false), Some(after), "{text}");
        }
        assert_eq!(mode("q+x", 0, false), None);
        assert_eq!(mode("77777", 0, false), None);
    }
}
