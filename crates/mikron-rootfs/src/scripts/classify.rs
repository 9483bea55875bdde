//! What a call in a maintainer script means to an image.

use mikron_package::{RootPath, Script, When};

use super::Outcome;
use super::view::OF_THE_HOST;
use crate::installation::Installation;
use crate::part::Owner;
use crate::tree::Tree;
use mikron_shell::{Call, Word};

/// Why a whole script does not matter in an image.
pub(super) fn whole_script(script: &Script) -> Option<&'static str> {
    match script.when {
        When::BeforeRemoval | When::AfterRemoval => {
            Some("runs only when the package is upgraded or removed")
        }
        When::Questions => Some("asks questions (debconf), which an image has no one to answer"),
        When::BeforeUpgrade | When::AfterUpgrade => Some("runs only when the package is upgraded"),
        When::Verification => Some("runs only when the package is verified"),
        When::Before | When::After if script.text.iter().all(u8::is_ascii_whitespace) => {
            Some("is empty")
        }
        When::Before | When::After => None,
    }
}

/// The interpreter of a script that is not for a shell.
pub(super) fn other_interpreter(text: &[u8]) -> Option<String> {
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line.strip_prefix(b"#!")?).into_owned();
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let interpreter = match name(first).as_str() {
        "env" | "busybox" => name(words.next()?),
        _ => name(first),
    };
    let shell = matches!(
        interpreter.as_str(),
        "sh" | "bash" | "dash" | "ash" | "ksh" | "mksh"
    );
    (!shell).then_some(interpreter)
}

/// What becomes of a call that no finalizer spoke of; `None` when it has no lasting effect at all.
pub(super) fn call(call: &Call, tree: &Tree, installation: &Installation) -> Option<Outcome> {
    let name = call.name();
    if let Some(row) = installation.without_effect(call, tree) {
        let reason = row.because.clone();
        return Some(Outcome::Irrelevant { reason });
    }
    let reads_only = |name: &str| installation.reads_only.has(name);
    let of_the_host = |word: &Word| {
        let path = word.text.strip_prefix('/').filter(|_| word.literal);
        path.is_some_and(|path| OF_THE_HOST.contains(&path))
    };
    if !call.writes.is_empty() && call.writes.iter().all(of_the_host) && reads_only(name) {
        return Some(Outcome::Irrelevant {
            reason: "what runs an image makes this file".to_owned(),
        });
    }
    match name {
        "rm" | "rmdir" | "unlink" => return Some(removal(call, tree)),
        "chmod" | "chown" | "chgrp" | "mv" | "setcap" | "setfacl" if all_absent(call, tree) => {
            return Some(Outcome::Irrelevant {
                reason: "what it changes is not in the image".to_owned(),
            });
        }
        // Questions have no effect.
        "update-alternatives"
            if has(
                call,
                &["--list", "--query", "--display", "--get-selections"],
            ) =>
        {
            return None;
        }
        "update-alternatives" if has(call, &["--remove", "--remove-all", "--quiet-remove"]) => {
            return Some(Outcome::Irrelevant {
                reason: "removes a link that a new image does not have".to_owned(),
            });
        }
        "update-alternatives" if has(call, &["--auto"]) => {
            return Some(Outcome::Irrelevant {
                reason: "in a new image every alternative is chosen by itself".to_owned(),
            });
        }
        "." | "source" if is_library(call, installation) => return None,
        "exec" if call.arguments().is_empty() && call.writes.is_empty() => return None,
        "ldconfig" => return Some(loader_cache(tree)),
        "dpkg-divert" | "dpkg-statoverride"
            if has(call, &["--list", "--remove", "--listpackage", "--truename"]) =>
        {
            return None;
        }
        "sed" if !call.arguments().iter().any(in_place) && call.writes.is_empty() => return None,
        "find"
            if !has(call, &["-exec", "-execdir", "-delete", "-ok"]) && call.writes.is_empty() =>
        {
            return None;
        }
        // `perl -e ""` looks whether perl is there.
        _ if call.writes.is_empty() && runs_nothing(call) => return None,
        _ if reads_only(name) && call.writes.is_empty() => return None,
        "" if call.writes.is_empty() && call.words.first().is_none_or(test_like) => return None,
        _ => {}
    }
    // What is written beside descriptors and temporary files lasts.
    Some(Outcome::NotCovered { reason: None })
}

/// Whether all that a call changes are files that the spec brings: they stay as they are.
pub(super) fn changes_what_the_spec_brings(
    call: &Call,
    tree: &Tree,
    installation: &Installation,
) -> bool {
    let of_spec = |word: &Word| {
        let path = RootPath::new(word.text.as_bytes()).ok();
        let node = path
            .filter(|_| word.literal)
            .and_then(|path| tree.get(&path));
        node.is_some_and(|node| node.owner == Owner::Spec)
    };
    let named: Vec<&Word> = match call.name() {
        "touch" | "truncate" | "chmod" | "chown" | "chgrp" | "rm" | "unlink" => {
            let words = call.arguments().iter();
            words
                .filter(|word| word.text.contains(['/', '$']))
                .collect()
        }
        name if installation.reads_only.has(name) => Vec::new(),
        _ => return false,
    };
    let changed: Vec<&Word> = named.into_iter().chain(&call.writes).collect();
    !changed.is_empty() && changed.into_iter().all(of_spec)
}

/// Whether a call reads functions that are commands here.
fn is_library(call: &Call, installation: &Installation) -> bool {
    let file = call.arguments().first();
    let name = file.and_then(|word| word.text.rsplit('/').next());
    name.is_some_and(|name| installation.libraries.has(name))
}

fn test_like(word: &Word) -> bool {
    word.text.is_empty() || word.text == "[" || word.text == "[["
}

/// Whether a call is an interpreter with an empty program.
fn runs_nothing(call: &Call) -> bool {
    let interpreter = matches!(call.name(), "perl" | "python3" | "ruby" | "sh");
    let arguments = call.literal_arguments().unwrap_or_default();
    let program = arguments
        .iter()
        .position(|word| matches!(*word, "-e" | "-c"));
    let program = program.and_then(|at| arguments.get(at + 1));
    interpreter
        && program.is_some_and(|text| text.trim().is_empty() || *text == ":" || *text == "1")
}

fn has(call: &Call, options: &[&str]) -> bool {
    call.arguments()
        .iter()
        .any(|word| options.contains(&word.text.as_str()))
}

fn in_place(word: &Word) -> bool {
    word.text == "--in-place" || word.text.starts_with("--in-place=") || {
        let short = word
            .text
            .strip_prefix('-')
            .filter(|rest| !rest.starts_with('-'));
        short.is_some_and(|letters| letters.starts_with('i') || letters.starts_with("ni"))
    }
}

/// Whether a call names paths, and none of them is in the image. The target of `mv` counts as one.
fn all_absent(call: &Call, tree: &Tree) -> bool {
    let mut any = false;
    let absent = call.arguments().iter().all(|word| {
        if !word.text.contains(['/', '$']) {
            return true;
        }
        any = true;
        let path = RootPath::new(word.text.as_bytes());
        let known = word.literal && word.text.starts_with('/');
        known && path.is_ok_and(|path| tree.lookup(&path).is_none())
    });
    any && absent
}

/// Removing what is not in the image has no effect.
fn removal(call: &Call, tree: &Tree) -> Outcome {
    let mut targets = call
        .arguments()
        .iter()
        .filter(|word| !word.text.starts_with('-'));
    let absent = |word: &Word| {
        let path = RootPath::new(word.text.as_bytes());
        !word.literal || path.is_ok_and(|path| tree.lookup(&path).is_none())
    };
    if targets.all(absent) {
        Outcome::Irrelevant {
            reason: "removes what an earlier version left behind".to_owned(),
        }
    } else {
        Outcome::NotCovered { reason: None }
    }
}

/// The loader finds libraries in its default directories without a cache (ld.so(8)); a directory of its own needs one.
fn loader_cache(tree: &Tree) -> Outcome {
    let Ok(dir) = RootPath::new(b"etc/ld.so.conf.d") else {
        return Outcome::NotCovered { reason: None };
    };
    let own = tree.below(&dir).filter(|node| {
        let name = node.entry.path.file_name().unwrap_or_default();
        // `x86_64-linux-gnu.conf` and `libc.conf` name the default directories only.
        name != b"libc.conf" && !name.windows(6).any(|w| w == b"-linux")
    });
    if own.count() == 0 {
        Outcome::Irrelevant {
            reason: "the loader searches its default directories without a cache".to_owned(),
        }
    } else {
        Outcome::NotCovered { reason: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan;
    use mikron_package::{Entry, EntryKind};

    fn outcome(script: &str, tree: &Tree) -> Option<Outcome> {
        let calls = scan(script.as_bytes());
        assert_eq!(calls.len(), 1, "{calls:?}");
        call(&calls[0], tree, &Installation::builtin())
    }

    #[test]
    fn a_command_that_only_reads_has_no_effect_until_it_writes_a_file() {
        let tree = Tree::default();
        assert_eq!(outcome("grep -q x /etc/passwd", &tree), None);
        assert_eq!(outcome("sed s/a/b/ /etc/x", &tree), None);
        assert_eq!(
            outcome("echo x > /etc/y", &tree),
            Some(Outcome::NotCovered { reason: None })
        );
        assert_eq!(
            outcome("sed -i s/a/b/ /etc/x", &tree),
            Some(Outcome::NotCovered { reason: None })
        );
        assert_eq!(
            outcome("> /var/log/x", &tree),
            Some(Outcome::NotCovered { reason: None })
        );
        assert_eq!(
            outcome("find /x -delete", &tree),
            Some(Outcome::NotCovered { reason: None })
        );
    }

    #[test]
    fn services_questions_and_upgrades_have_no_place_in_an_image() {
        let tree = Tree::default();
        for script in [
            "systemctl daemon-reload",
            "db_get x/y",
            "update-rc.d nginx defaults",
            "dpkg-maintscript-helper rm_conffile /etc/x 1 -- $@",
            "deb-systemd-helper unmask nginx.service",
            "py3compile -p python3-six",
            "update-alternatives --auto editor",
        ] {
            assert!(
                matches!(outcome(script, &tree), Some(Outcome::Irrelevant { .. })),
                "{script}"
            );
        }
        assert_eq!(
            outcome("/usr/lib/x/setup --now", &tree),
            Some(Outcome::NotCovered { reason: None })
        );
        assert_eq!(
            outcome("$PROGRAM x", &tree),
            Some(Outcome::NotCovered { reason: None })
        );
    }

    #[test]
    fn removing_what_is_in_the_image_is_an_effect_and_removing_leftovers_is_none() {
        let mut tree = Tree::new(0);
        let path = RootPath::new(b"/etc/kept").unwrap();
        tree.insert(
            Entry::new(path, EntryKind::Directory, 0o755),
            None,
            crate::Owner::Spec,
        )
        .unwrap();
        assert!(matches!(
            outcome("rm -f /etc/old", &tree),
            Some(Outcome::Irrelevant { .. })
        ));
        assert_eq!(
            outcome("rm -rf /etc/kept", &tree),
            Some(Outcome::NotCovered { reason: None })
        );
    }

    #[test]
    fn changing_what_is_not_in_the_image_has_no_effect() {
        let tree = Tree::default();
        for script in [
            "chmod +x /etc/init.d/x",
            "mv /etc/x /etc/x.old",
            "chown a:b /var/x",
        ] {
            assert!(
                matches!(outcome(script, &tree), Some(Outcome::Irrelevant { .. })),
                "{script}"
            );
        }
        for script in ["chmod +x $FILE", "chown a:b", "mv /etc/x \"$1\""] {
            assert_eq!(
                outcome(script, &tree),
                Some(Outcome::NotCovered { reason: None }),
                "{script}"
            );
        }
    }

    #[test]
    fn what_the_spec_brings_stays_as_it_is() {
        let mut tree = Tree::new(0);
        let target = b"/dev/stdout".to_vec();
        let path = RootPath::new(b"/var/log/access.log").unwrap();
        let link = Entry::new(path, EntryKind::Symlink { target }, 0o777);
        tree.insert(link, None, Owner::Spec).unwrap();
        let installation = Installation::builtin();
        let is_kept = |script: &str| {
            let calls = scan(script.as_bytes());
            changes_what_the_spec_brings(&calls[0], &tree, &installation)
        };
        for script in [
            "touch /var/log/access.log",
            "chown www-data:adm /var/log/access.log",
            "echo x > /var/log/access.log",
        ] {
            assert!(is_kept(script), "{script}");
        }
        for script in [
            "touch /var/log/access.log /var/log/error.log",
            "rm -f $LOG",
            "make-log /var/log/access.log",
            "touch",
        ] {
            assert!(!is_kept(script), "{script}");
        }
    }

    #[test]
    fn an_interpreter_that_is_only_looked_for_has_no_effect() {
        let tree = Tree::default();
        for script in ["perl -e '' 2>/dev/null", "perl -e \"\"", "python3 -c ''"] {
            assert_eq!(outcome(script, &tree), None, "{script}");
        }
        for script in [
            "perl -e 'unlink \"/x\"'",
            "perl -e \"$x\"",
            "perl -e '' >/etc/x",
        ] {
            assert_eq!(
                outcome(script, &tree),
                Some(Outcome::NotCovered { reason: None }),
                "{script}"
            );
        }
    }

    #[test]
    fn ldconfig_matters_only_where_a_package_brings_library_directories_of_its_own() {
        let mut tree = Tree::new(0);
        assert!(matches!(
            outcome("ldconfig", &tree),
            Some(Outcome::Irrelevant { .. })
        ));
        let path = RootPath::new(b"/etc/ld.so.conf.d/own.conf").unwrap();
        tree.insert(
            Entry::new(path, EntryKind::File { size: 0 }, 0o644),
            None,
            crate::Owner::Spec,
        )
        .unwrap();
        assert_eq!(
            outcome("ldconfig", &tree),
            Some(Outcome::NotCovered { reason: None })
        );
    }
}
