//! Small programs that only answer.

use mikron_shell::Call;
use mikron_shell::run::{Known, Outcome, Step};

use super::input::{Read, operands};
use super::{Done, Machine, open};
use crate::scripts::view::Change;
use md5::{Digest as _, Md5};
use mikron_package::{Entry, EntryKind};

/// File systems of the kernel (proc(5), sysfs(5), hier(7)).
const KERNEL: [&str; 5] = ["/proc", "/sys", "/dev", "/dev/pts", "/run"];

impl Machine<'_, '_> {
    /// Small programs that answer from what is known.
    pub(super) fn program(&mut self, name: &str, step: &mut Step<'_>, call: &Call) -> Option<Done> {
        let (arguments, paths) = operands(call, &["-s", "--suffix", "-m", "-e"]);
        let say = |text: String| Some((Outcome::with(0, &(text + "\n")), None));
        match name {
            "find" => Some(self.find_command(step, call)),
            "xargs" => Some(Self::xargs(step, call)),
            "id" => self.id(call),
            "whoami" | "logname" => say("root".to_owned()),
            "uname" if arguments.has(&["-s"]) || call.arguments().is_empty() => {
                say("Linux".to_owned())
            }
            // Nothing is mounted but what the kernel has wherever packages are installed.
            "mountpoint" if paths.iter().any(|path| KERNEL.contains(path)) => {
                Some((Outcome::done(), None))
            }
            // No terminal, no other root: it is neither a chroot nor a running system that scripts look at.
            "tty" | "runlevel" | "mountpoint" | "pidof" | "pgrep" | "ischroot" => {
                Some((Outcome::failed(), None))
            }
            "readlink" | "realpath" => self.readlink(name, step, call),
            "cmp" | "diff" => self.compare(step, &paths),
            "md5sum" | "sha256sum" => self.digest(name, step, call),
            // Its configuration as it is in effect: the directives of the file.
            "chronyd" if call.arguments().iter().any(|word| word.text == "-p") => {
                let text = self.view.text("/etc/chrony/chrony.conf");
                let Known::Is(text) = text else { return None };
                let comment = |line: &&str| {
                    !line.starts_with(['#', '!', '%', ';']) && !line.trim().is_empty()
                };
                let lines = text.lines().filter(comment).flat_map(|line| [line, "\n"]);
                Some((Outcome::with(0, &lines.collect::<String>()), None))
            }
            "rndc-confgen" => Some(self.secret(call, "/etc/bind/rndc.key", 0o640)),
            "ssh-keygen" => {
                let (arguments, _) = operands(call, &["-f", "-t", "-b", "-N", "-C"]);
                let file = arguments.value(&["-f"])?.to_owned();
                Some(self.secret(call, &file, 0o600))
            }
            "openssl" => {
                let word = |name: &str| {
                    let at = call.arguments().iter().position(|word| word.text == name)?;
                    call.arguments().get(at + 1).map(|word| word.text.clone())
                };
                let file = word("-keyout").or_else(|| word("-out"))?;
                Some(self.secret(call, &file, 0o600))
            }
            _ => None,
        }
    }

    /// A program that makes a secret. An image must not hold one, since everyone who has the image would have it; scripts that ask
    /// find that it is there.
    fn secret(&mut self, _: &Call, path: &str, mode: u32) -> Done {
        let Some(at) = self.view.resolve(path, true) else {
            return open("its path leads nowhere");
        };
        if self.view.at(&at).is_none() {
            self.view
                .pretend(Entry::new(at, EntryKind::File { size: 1 }, mode));
        }
        let reason = format!(
            "makes a secret, {path}, which no image should hold: make it where the image runs"
        );
        (Outcome::done(), super::fate(vec![Change::Failed(reason)]))
    }

    fn readlink(&mut self, name: &str, step: &Step<'_>, call: &Call) -> Option<Done> {
        let (arguments, paths) = operands(call, &[]);
        let canonical = name == "realpath"
            || arguments.has(&[
                "-f",
                "-e",
                "-m",
                "--canonicalize",
                "--canonicalize-existing",
            ]);
        let mut text = String::new();
        for path in paths {
            let found = self.found(step, path, canonical);
            match (found, canonical) {
                (Known::Is(found), true) => text.push_str(&found.entry.path.to_text()),
                (Known::Absent, true) if !arguments.has(&["-e"]) => {
                    let at = self.view.resolve(&Self::path(step, path)?, true)?;
                    text.push_str(&at.to_text());
                }
                (Known::Is(found), false) => match &found.entry.kind {
                    EntryKind::Symlink { target } => {
                        text.push_str(&String::from_utf8_lossy(target));
                    }
                    _ => return Some((Outcome::failed(), None)),
                },
                (Known::Absent, _) => return Some((Outcome::failed(), None)),
                (Known::Unknown, _) => return Some((Outcome::unknown(), None)),
            }
            if !arguments.has(&["-n", "--no-newline"]) {
                text.push('\n');
            }
        }
        Some((Outcome::with(0, &text), None))
    }

    /// md5sum(1) and sha256sum(1).
    fn digest(&self, name: &str, step: &mut Step<'_>, call: &Call) -> Option<Done> {
        let (arguments, files) = operands(call, &[]);
        if arguments.has(&["-c", "--check"]) {
            return None;
        }
        let shown = if files.is_empty() {
            vec!["-"]
        } else {
            files.clone()
        };
        let texts = match self.read_all(step, &files) {
            Read::Texts(texts) => texts,
            Read::Absent => return Some((Outcome::failed(), None)),
            Read::Unknown => return Some((Outcome::printed(None), None)),
        };
        let line = |(text, file): (&String, &str)| {
            let digest = if name == "md5sum" {
                let bytes = Md5::digest(text.as_bytes());
                let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                hex.concat()
            } else {
                let digest = mikron_package::Digest::of(text.as_bytes()).to_string();
                digest.trim_start_matches("sha256:").to_owned()
            };
            [digest, format!("  {file}\n")].concat()
        };
        let lines: Vec<String> = texts.iter().zip(shown).map(line).collect();
        Some((Outcome::with(0, &lines.concat()), None))
    }

    fn compare(&mut self, step: &Step<'_>, paths: &[&str]) -> Option<Done> {
        let [a, b] = paths else {
            return None;
        };
        let (a, b) = (self.found(step, a, true), self.found(step, b, true));
        let outcome = match (a, b) {
            (Known::Is(a), Known::Is(b)) => match (a.content, b.content) {
                (Some(a), Some(b)) => Outcome {
                    output: (a == b).then(String::new),
                    ..Outcome::told(a == b)
                },
                _ => Outcome::unknown(),
            },
            (Known::Absent, _) | (_, Known::Absent) => Outcome::with(2, ""),
            _ => Outcome::unknown(),
        };
        Some((outcome, None))
    }
}
