//! find(1) with tests of names and types, and xargs(1).

use mikron_package::{Entry, EntryKind};
use mikron_shell::Call;
use mikron_shell::run::{FileKind, Known, Outcome, Step};

use super::{Done, Machine, fate, kind_of, open};
use crate::scripts::view::Found;
use crate::statics::Statics;

/// Largest number of commands that one call runs.
const MAX_COMMANDS: usize = 500;

/// What find does with what it finds.
enum Action {
    Print,
    Delete,
    /// The command, and whether it takes all paths at once.
    Run(Vec<String>, bool),
}

impl Machine<'_, '_> {
    pub(super) fn find_command(&mut self, step: &Step<'_>, call: &Call) -> Done {
        let words = call.arguments().iter().map(|word| word.text.as_str());
        let follows = |word: &&str| matches!(*word, "-H" | "-L" | "-P");
        let words: Vec<&str> = words.skip_while(follows).collect();
        let first = words
            .iter()
            .position(|word| word.starts_with(['-', '(', '!']));
        let (roots, tests) = words.split_at(first.unwrap_or(words.len()));
        let roots = if roots.is_empty() { &["."][..] } else { roots };
        let queries = tests.split(|word| matches!(*word, "-o" | "-or"));
        let Some(queries) = queries.map(Query::read).collect::<Option<Vec<Query>>>() else {
            return open("its tests are not read");
        };
        // Of several with actions of their own, all print.
        let Some((query, others)) = queries.split_first() else {
            return open("its tests are not read");
        };
        if !others.is_empty() && !queries.iter().all(Query::prints) {
            return open("its tests are not read");
        }
        let mut paths = Vec::new();
        let mut good = true;
        for root in roots {
            let found = match self.found(step, root, false) {
                Known::Is(found) => found,
                Known::Absent => {
                    good = false;
                    continue;
                }
                Known::Unknown => return open("what is there is not known"),
            };
            let base = found.entry.path.as_bytes().len();
            let mut all = vec![found.clone()];
            if found.entry.is_directory() {
                all.extend(self.view.below(&found.entry.path));
            }
            for found in all {
                let rest =
                    String::from_utf8_lossy(&found.entry.path.as_bytes()[base..]).into_owned();
                let depth = rest.split('/').filter(|name| !name.is_empty()).count();
                let Some(admitted) = Query::any_admits(&queries, self, &found, depth) else {
                    return open("the numbers of accounts are not known");
                };
                if !admitted {
                    continue;
                }
                let rest = rest.trim_start_matches('/');
                let shown = if rest.is_empty() {
                    (*root).to_owned()
                } else {
                    format!("{}/{rest}", root.trim_end_matches('/'))
                };
                paths.push((found, shown));
            }
        }
        let mut outcome = Outcome::told(good);
        let end = query.end;
        match query.clone().action() {
            Action::Print => {
                let lines = paths.iter().map(|(_, shown)| format!("{shown}{end}"));
                outcome.output = Some(lines.collect());
                (outcome, None)
            }
            Action::Delete => {
                let removed = paths.iter().rev();
                let changes = removed.map(|(found, _)| self.view.remove(&found.entry.path));
                let changes = changes.collect();
                (outcome, fate(changes))
            }
            Action::Run(command, at_once) => {
                let shown: Vec<String> = paths.into_iter().map(|(_, shown)| shown).collect();
                outcome.commands = commands(&command, &shown, at_once);
                (outcome, None)
            }
        }
    }

    pub(super) fn xargs(step: &mut Step<'_>, call: &Call) -> Done {
        let mut words = call
            .arguments()
            .iter()
            .map(|word| word.text.clone())
            .peekable();
        let (mut each, mut replaced, mut separated) = (None, None, false);
        while let Some(option) = words.next_if(|word| word.starts_with('-')) {
            match option.as_str() {
                "-n" | "-L" => each = words.next().and_then(|n| n.parse::<usize>().ok()),
                "-I" => replaced = words.next(),
                "-0" | "--null" => separated = true,
                "-r" | "--no-run-if-empty" | "-t" => {}
                _ => return open("its options are not read"),
            }
        }
        let command: Vec<String> = words.collect();
        let Some(text) = step.input.rest() else {
            return open("what it reads is not known");
        };
        let items: Vec<String> = if separated {
            text.split('\0').map(str::to_owned).collect()
        } else if replaced.is_some() {
            text.lines().map(str::to_owned).collect()
        } else {
            text.split_whitespace().map(str::to_owned).collect()
        };
        let items: Vec<String> = items.into_iter().filter(|item| !item.is_empty()).collect();
        let mut outcome = Outcome::done();
        outcome.commands = if let Some(mark) = replaced {
            let one = |item: &String| {
                command
                    .iter()
                    .map(|word| word.replace(&mark, item))
                    .collect()
            };
            items.iter().take(MAX_COMMANDS).map(one).collect()
        } else if items.is_empty() {
            Vec::new()
        } else {
            let size = each.unwrap_or(items.len()).max(1);
            let with = |items: &[String]| [command.as_slice(), items].concat();
            items.chunks(size).take(MAX_COMMANDS).map(with).collect()
        };
        (outcome, None)
    }
}

fn commands(command: &[String], paths: &[String], at_once: bool) -> Vec<Vec<String>> {
    if at_once {
        let words = command.iter().filter(|word| *word != "{}").cloned();
        let all: Vec<String> = words.chain(paths.iter().cloned()).collect();
        return if paths.is_empty() {
            Vec::new()
        } else {
            vec![all]
        };
    }
    let with = |path: &String| {
        command
            .iter()
            .map(|word| word.replace("{}", path))
            .collect()
    };
    paths.iter().take(MAX_COMMANDS).map(with).collect()
}

/// The tests of one call, all of which have to hold.
#[derive(Clone, Default)]
struct Query {
    tests: Vec<(bool, Test)>,
    depth: (usize, usize),
    command: Option<(Vec<String>, bool)>,
    delete: bool,
    /// What stands behind each path that is printed.
    end: char,
}

#[derive(Clone, Copy)]
enum Whose {
    User,
    Group,
}

#[derive(Clone)]
enum Test {
    Name(String),
    Type(char),
    User(String),
    Group(String),
    /// The number of the owner or the group, where that is known.
    Number(Whose, Option<u32>),
    Mode(u32, char),
    Empty,
}

impl Query {
    fn read(words: &[&str]) -> Option<Self> {
        let mut query = Self {
            depth: (0, usize::MAX),
            end: '\n',
            ..Self::default()
        };
        let mut words = words.iter().copied();
        let mut negated = false;
        while let Some(word) = words.next() {
            let test = match word {
                "!" | "-not" => {
                    negated = !negated;
                    continue;
                }
                "-name" => Test::Name(words.next()?.to_owned()),
                "-type" => Test::Type(words.next()?.chars().next()?),
                "-user" => Test::User(words.next()?.to_owned()),
                "-group" => Test::Group(words.next()?.to_owned()),
                "-uid" => number(Whose::User, words.next()?)?,
                "-gid" => number(Whose::Group, words.next()?)?,
                "-empty" => Test::Empty,
                "-perm" => {
                    let text = words.next()?;
                    let how = text
                        .chars()
                        .next()
                        .filter(|c| "-/".contains(*c))
                        .unwrap_or('=');
                    let digits = text.trim_start_matches(['-', '/']);
                    Test::Mode(u32::from_str_radix(digits, 8).ok()?, how)
                }
                "-maxdepth" | "-mindepth" => {
                    let depth = words.next()?.parse().ok()?;
                    if word == "-maxdepth" {
                        query.depth.1 = depth;
                    } else {
                        query.depth.0 = depth;
                    }
                    continue;
                }
                "-print0" => {
                    query.end = '\0';
                    continue;
                }
                "-print" | "-xdev" | "-mount" | "-depth" | "-a" | "-and" => continue,
                "-delete" => {
                    query.delete = true;
                    continue;
                }
                "-exec" | "-execdir" => {
                    let mut command = Vec::new();
                    let at_once = loop {
                        match words.next()? {
                            ";" => break false,
                            "+" => break true,
                            word => command.push(word.to_owned()),
                        }
                    };
                    query.command = Some((command, at_once));
                    continue;
                }
                _ => return None,
            };
            query.tests.push((negated, test));
            negated = false;
        }
        Some(query)
    }

    fn action(self) -> Action {
        match self.command {
            Some((command, at_once)) => Action::Run(command, at_once),
            None if self.delete => Action::Delete,
            None => Action::Print,
        }
    }

    /// Whether it does nothing but print what it finds.
    fn prints(&self) -> bool {
        self.command.is_none() && !self.delete
    }

    /// Whether one of several admits what was found; `None` where that depends on numbers that are not given yet.
    fn any_admits(
        queries: &[Self],
        machine: &Machine<'_, '_>,
        found: &Found,
        depth: usize,
    ) -> Option<bool> {
        let mut any = false;
        for query in queries {
            any |= query.admits(machine, found, depth)?;
        }
        Some(any)
    }

    fn admits(&self, machine: &Machine<'_, '_>, found: &Found, depth: usize) -> Option<bool> {
        let entry = &found.entry;
        if depth < self.depth.0 || depth > self.depth.1 {
            return Some(false);
        }
        for (negated, test) in &self.tests {
            let so = match test {
                Test::Name(pattern) => {
                    let name = entry.path.file_name().unwrap_or_default();
                    mikron_shell::fits(pattern, &String::from_utf8_lossy(name))
                }
                Test::Type(kind) => match kind_of(entry) {
                    FileKind::File => *kind == 'f',
                    FileKind::Directory => *kind == 'd',
                    FileKind::Link => *kind == 'l',
                    FileKind::Other => false,
                },
                Test::User(name) => machine.user_name(entry).as_deref() == Some(name),
                Test::Group(name) => machine.group_name(entry).as_deref() == Some(name),
                Test::Number(whose, number) => {
                    is_number(machine.statics(), entry, *whose, *number)?
                }
                Test::Mode(mode, '-') => entry.mode & mode == *mode,
                Test::Mode(mode, '/') => entry.mode & mode != 0,
                Test::Mode(mode, _) => entry.mode == *mode,
                Test::Empty => match entry.kind {
                    EntryKind::Directory => machine.view.names(&entry.path).is_empty(),
                    EntryKind::File { size } => size == 0,
                    _ => false,
                },
            };
            if so == *negated {
                return Some(false);
            }
        }
        Some(true)
    }
}

/// Whether all words of a call of find(1) are known but for numbers of accounts that a command tells: `-uid "$(id -u mysql)"`.
pub(super) fn is_known(call: &Call) -> bool {
    let words = call.arguments();
    let of_account = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        let asks = before.is_some_and(|word| matches!(word.text.as_str(), "-uid" | "-gid"));
        asks && words[at].text == TOLD
    };
    (0..words.len()).all(|at| words[at].literal || of_account(at))
}

/// What a command says that is not known.
const TOLD: &str = "$(…)";

/// A test for a number; one that a command tells is that of an account that an installation makes: others are known.
fn number(whose: Whose, word: &str) -> Option<Test> {
    let number = match word {
        TOLD => None,
        _ => Some(word.parse().ok()?),
    };
    Some(Test::Number(whose, number))
}

/// Whether an entry has this number of its owner or group. Those of accounts that an installation makes are given at the end, from
/// 100 on.
fn is_number(statics: &Statics, entry: &Entry, whose: Whose, wanted: Option<u32>) -> Option<bool> {
    let fixed = |name: &str| match whose {
        Whose::User => statics.user(name).map(|user| user.uid),
        Whose::Group => statics.group(name).map(|group| group.gid),
    };
    let (name, written) = match whose {
        Whose::User => (&entry.user, entry.uid),
        Whose::Group => (&entry.group, entry.gid),
    };
    let own = name.as_deref().map_or(Some(written), fixed);
    let is_fixed = |number: u32| !(100..65534).contains(&number);
    match (own, wanted) {
        (Some(own), Some(wanted)) => Some(own == wanted),
        (Some(known), None) | (None, Some(known)) if is_fixed(known) => Some(false),
        _ => None,
    }
}
