//! Commands over texts: what they print is known where what they read is.

use mikron_shell::Call;
use mikron_shell::run::{Known, Outcome, Step};

use super::filters::{cut, sort, translate, uniq, wc};
use super::input::{Read, operands};
use super::regex::{compile, fixed};
use super::sed::Script;
use super::{Done, Machine, fate, open};
use crate::finalizers::options::Arguments;
use crate::scripts::view::Change;

impl Machine<'_, '_> {
    pub(super) fn text_command(
        &mut self,
        name: &str,
        step: &mut Step<'_>,
        call: &Call,
    ) -> Option<Done> {
        Some(match name {
            "cat" => self.filter(step, call, &[], |_, text| Some(text.to_owned())),
            "head" | "tail" => self.ends(name == "tail", step, call),
            "cut" => self.filter(step, call, &["-d", "-f", "-c", "-b"], cut),
            "sort" => self.filter(step, call, &["-k", "-t", "-o"], sort),
            "uniq" => self.filter(step, call, &["-f", "-s", "-w"], uniq),
            "tac" => self.filter(step, call, &[], |_, text| {
                Some(text.split_inclusive('\n').rev().collect())
            }),
            "tr" => {
                let (arguments, sets) = operands(call, &[]);
                let text = step.input.rest();
                let text = text.and_then(|text| translate(&arguments, &sets, &text));
                (Outcome::printed(text), None)
            }
            "wc" => self.filter(step, call, &[], wc),
            "grep" | "egrep" | "fgrep" => self.grep(name, step, call),
            "sed" => self.sed(step, call),
            "awk" | "mawk" | "gawk" => self.awk(step, call),
            "tee" => self.tee(step, call),
            "basename" => (self::basename(call), None),
            "dirname" => {
                let (_, paths) = operands(call, &[]);
                let parent = |path: &&str| {
                    let path = path.trim_end_matches('/');
                    match path.rsplit_once('/') {
                        Some(("", _)) => "/".to_owned(),
                        Some((parent, _)) => parent.trim_end_matches('/').to_owned(),
                        None => ".".to_owned(),
                    }
                };
                let lines: Vec<String> = paths.iter().map(parent).collect();
                (Outcome::with(0, &(lines.join("\n") + "\n")), None)
            }
            "seq" => (seq(call), None),
            "expr" => (expr(call), None),
            _ => return None,
        })
    }

    /// A command that reads files or its input and prints what it makes of the text.
    fn filter(
        &self,
        step: &mut Step<'_>,
        call: &Call,
        valued: &[&str],
        with: impl Fn(&Arguments<'_>, &str) -> Option<String>,
    ) -> Done {
        let (arguments, files) = operands(call, valued);
        let outcome = match self.read_all(step, &files) {
            Read::Texts(texts) => Outcome::printed(with(&arguments, &texts.concat())),
            Read::Absent => Outcome::failed(),
            Read::Unknown => Outcome::unknown(),
        };
        (outcome, None)
    }

    fn ends(&self, tail: bool, step: &mut Step<'_>, call: &Call) -> Done {
        // `head -1` is the old form of `head -n 1`.
        let old = call.arguments().iter().find_map(|word| {
            let digits = word.text.strip_prefix('-')?;
            digits.parse::<usize>().ok()
        });
        let (arguments, _) = operands(call, &["-n", "-c", "--lines", "--bytes"]);
        let by_bytes = arguments.value(&["-c", "--bytes"]).map(str::to_owned);
        let lines = arguments
            .value(&["-n", "--lines"])
            .unwrap_or("10")
            .to_owned();
        self.filter(
            step,
            call,
            &["-n", "-c", "--lines", "--bytes"],
            move |_, text| {
                if let Some(bytes) = &by_bytes {
                    let count: usize = bytes.parse().ok()?;
                    let at = if tail {
                        text.len().saturating_sub(count)
                    } else {
                        count.min(text.len())
                    };
                    let (head, rest) = text.split_at_checked(at)?;
                    return Some(if tail { rest } else { head }.to_owned());
                }
                let all: Vec<&str> = text.split_inclusive('\n').collect();
                let count = if let Some(count) = old {
                    count
                } else {
                    let (sign, digits) = match lines.strip_prefix(['+', '-']) {
                        Some(digits) => (lines.chars().next(), digits),
                        None => (None, lines.as_str()),
                    };
                    let count: usize = digits.parse().ok()?;
                    match (sign, tail) {
                        (Some('+'), true) => all.len().saturating_sub(count.saturating_sub(1)),
                        (Some('-'), false) => all.len().saturating_sub(count),
                        _ => count,
                    }
                };
                let count = count.min(all.len());
                Some(if tail {
                    all[all.len() - count..].concat()
                } else {
                    all[..count].concat()
                })
            },
        )
    }

    fn grep(&self, name: &str, step: &mut Step<'_>, call: &Call) -> Done {
        let valued = ["-e", "-f", "-m", "-A", "-B", "-C", "--regexp"];
        let (arguments, mut files) = operands(call, &valued);
        let unread = ["-f", "-A", "-B", "-C", "-P", "-r", "-R", "-z", "-Z", "-L"];
        if arguments.has(&unread) {
            return (Outcome::unknown(), None);
        }
        let pattern = match arguments.value(&["-e", "--regexp"]) {
            Some(pattern) => pattern,
            None if files.is_empty() => return (Outcome::failed(), None),
            None => files.remove(0),
        };
        let ignore_case = arguments.has(&["-i", "--ignore-case", "-y"]);
        let extended = name == "egrep" || arguments.has(&["-E", "--extended-regexp"]);
        let regex = if name == "fgrep" || arguments.has(&["-F", "--fixed-strings"]) {
            fixed(pattern, ignore_case)
        } else {
            compile(pattern, extended, ignore_case)
        };
        let Some(regex) = regex else {
            return (Outcome::unknown(), None);
        };
        let quiet = arguments.has(&["-q", "--quiet", "--silent"]);
        let texts = match self.read_all(step, &files) {
            Read::Texts(texts) => texts,
            Read::Absent => return (Outcome::with(2, ""), None),
            Read::Unknown => return (Outcome::unknown(), None),
        };
        let whole = arguments.has(&["-x", "--line-regexp"]);
        let word = arguments.has(&["-w", "--word-regexp"]);
        let inverted = arguments.has(&["-v", "--invert-match"]);
        let only = arguments.has(&["-o", "--only-matching"]);
        let named = files.len() > 1 && !arguments.has(&["-h"]) || arguments.has(&["-H"]);
        let mut out = String::new();
        let mut count = 0;
        for (number, text) in texts.iter().enumerate() {
            let mut here = 0;
            for line in text.lines() {
                let mut found = regex.find_iter(line).filter(|found| {
                    let letter =
                        |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                    let alone = !letter(line[..found.start()].chars().next_back())
                        && !letter(line[found.end()..].chars().next());
                    (!word || alone) && (!whole || found.len() == line.len())
                });
                let first = found.next();
                if first.is_some() == inverted {
                    continue;
                }
                here += 1;
                let file = files.get(number).filter(|_| named);
                let prefix = file.map(|file| format!("{file}:")).unwrap_or_default();
                let matches: Vec<&str> = match (first, only) {
                    (Some(first), true) => std::iter::once(first)
                        .chain(found)
                        .map(|found| found.as_str())
                        .collect(),
                    _ => vec![line],
                };
                for text in matches {
                    out.extend([prefix.as_str(), text, "\n"]);
                }
            }
            count += here;
            if arguments.has(&["-l", "--files-with-matches"]) && here > 0 {
                count = 1;
                out = files
                    .get(number)
                    .map_or_else(String::new, |file| format!("{file}\n"));
            }
        }
        if arguments.has(&["-c", "--count"]) {
            out = format!("{count}\n");
        }
        let out = if quiet { "" } else { out.as_str() };
        (Outcome::with(i32::from(count == 0), out), None)
    }

    fn sed(&mut self, step: &mut Step<'_>, call: &Call) -> Done {
        let (arguments, mut files) = operands(call, &["-e", "--expression", "-f", "--file"]);
        let in_place = call.arguments().iter().any(|word| {
            let text = word.text.as_str();
            text.starts_with("--in-place")
                || text.starts_with("-i")
                || (text.starts_with('-') && !text.starts_with("--") && text.ends_with('i'))
        });
        let mut texts = arguments.all(&["-e", "--expression"]);
        if texts.is_empty() && !arguments.has(&["-f", "--file"]) {
            if files.is_empty() {
                return (Outcome::failed(), None);
            }
            texts.push(files.remove(0));
        }
        let extended = arguments.has(&["-E", "-r", "--regexp-extended"]);
        let quiet = arguments.has(&["-n", "--quiet", "--silent"]);
        let unread = arguments.has(&["-f", "--file", "-z"]);
        let script = || Script::read(&texts, extended, quiet).filter(|_| !unread);
        if !in_place {
            let Some(mut script) = script() else {
                // What it prints is not known; that it ends well is.
                step.input.rest();
                return (Outcome::printed(None), None);
            };
            return self.filter_files(step, &files, |text| script.apply(&text));
        }
        let mut changes = Vec::new();
        for file in files {
            let Some(mut script) = script() else {
                changes.push(Change::Failed("its script is not read".to_owned()));
                continue;
            };
            let Some(path) = Self::path(step, file) else {
                return open("the working directory is not known");
            };
            changes.push(match self.view.text(&path) {
                Known::Is(text) => {
                    let edited = script.apply(&text);
                    if edited == text {
                        Change::Nothing("it changes nothing".to_owned())
                    } else {
                        self.write_file(&path, edited.into_bytes(), 0o644)
                    }
                }
                Known::Absent => Change::Nothing("what it changes is not there".to_owned()),
                Known::Unknown => match self.view.find(&path, true) {
                    Known::Is(found) if !found.in_image => {
                        Change::Nothing("what it changes is not in the image".to_owned())
                    }
                    _ => Change::Failed("what it changes is not known".to_owned()),
                },
            });
        }
        (Outcome::done(), fate(changes))
    }

    fn filter_files(
        &self,
        step: &mut Step<'_>,
        files: &[&str],
        with: impl FnOnce(String) -> String,
    ) -> Done {
        let outcome = match self.read_all(step, files) {
            Read::Texts(texts) => Outcome::with(0, &with(texts.concat())),
            Read::Absent => Outcome::failed(),
            Read::Unknown => Outcome::unknown(),
        };
        (outcome, None)
    }

    /// `awk '{print $N}'`, with a separator and a pattern before it.
    fn awk(&self, step: &mut Step<'_>, call: &Call) -> Done {
        let (arguments, mut files) = operands(call, &["-F", "-v", "-f"]);
        if files.is_empty() || arguments.has(&["-v", "-f"]) {
            step.input.rest();
            return (Outcome::unknown(), None);
        }
        let program = files.remove(0);
        let separator = arguments.value(&["-F"]).map(str::to_owned);
        let Some(print) = Print::read(program) else {
            step.input.rest();
            // How it ends is the program's own affair where it says `exit`.
            let ended = if program.contains("exit") {
                Outcome::unknown()
            } else {
                Outcome::printed(None)
            };
            return (ended, None);
        };
        self.filter_files(step, &files, |text| {
            print.apply(&text, separator.as_deref())
        })
    }

    fn tee(&mut self, step: &mut Step<'_>, call: &Call) -> Done {
        let (arguments, files) = operands(call, &[]);
        let Some(text) = step.input.rest() else {
            return open("what it writes is not known");
        };
        let mut changes = Vec::new();
        for file in files.iter().filter(|file| !file.starts_with("/dev/")) {
            let Some(path) = Self::path(step, file) else {
                return open("the working directory is not known");
            };
            let before = match self.view.text(&path) {
                Known::Is(before) if arguments.has(&["-a", "--append"]) => before,
                _ => String::new(),
            };
            let bytes = (before + &text).into_bytes();
            changes.push(self.write_file(&path, bytes, 0o666 & !step.umask));
        }
        (Outcome::with(0, &text), fate(changes))
    }
}

/// A program of awk that prints fields.
struct Print {
    pattern: Option<regex::Regex>,
    fields: Vec<usize>,
}

impl Print {
    fn read(program: &str) -> Option<Self> {
        let program = program.trim();
        let (pattern, body) = match program.strip_prefix('/') {
            Some(rest) => {
                let (pattern, body) = rest.split_once('/')?;
                (Some(compile(pattern, true, false)?), body.trim())
            }
            None => (None, program),
        };
        let body = body.strip_prefix('{')?.strip_suffix('}')?.trim();
        let body = body.trim_end_matches(';').trim().strip_prefix("print")?;
        let field = |text: &str| text.trim().strip_prefix('$')?.parse().ok();
        let fields = if body.trim().is_empty() {
            vec![0]
        } else {
            body.split(',').map(field).collect::<Option<_>>()?
        };
        Some(Self { pattern, fields })
    }

    fn apply(&self, text: &str, separator: Option<&str>) -> String {
        let mut out = String::new();
        for line in text.lines() {
            if self
                .pattern
                .as_ref()
                .is_some_and(|pattern| !pattern.is_match(line))
            {
                continue;
            }
            let fields: Vec<&str> = match separator {
                Some(separator) if separator != " " => line.split(separator).collect(),
                _ => line.split_whitespace().collect(),
            };
            let shown: Vec<&str> = self
                .fields
                .iter()
                .map(|field| match field {
                    0 => line,
                    number => fields.get(number - 1).copied().unwrap_or_default(),
                })
                .collect();
            out.push_str(&shown.join(" "));
            out.push('\n');
        }
        out
    }
}

fn basename(call: &Call) -> Outcome {
    let (arguments, mut paths) = operands(call, &["-s", "--suffix"]);
    let mut suffix = arguments.value(&["-s", "--suffix"]);
    if suffix.is_none() && paths.len() == 2 && !arguments.has(&["-a", "--multiple"]) {
        suffix = paths.pop();
    }
    let name = |path: &&str| {
        let name = path
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        let cut = suffix.and_then(|suffix| name.strip_suffix(suffix));
        let cut = cut.filter(|cut| !cut.is_empty());
        format!("{}\n", cut.unwrap_or(name))
    };
    let text: String = paths.iter().map(name).collect();
    Outcome::with(0, &text)
}

fn seq(call: &Call) -> Outcome {
    let numbers: Option<Vec<i64>> = call
        .arguments()
        .iter()
        .map(|word| word.text.parse().ok())
        .collect();
    let (first, step, last) = match numbers.as_deref() {
        Some([last]) => (1, 1, *last),
        Some([first, last]) => (*first, 1, *last),
        Some([first, step, last]) if *step != 0 => (*first, *step, *last),
        _ => return Outcome::printed(None),
    };
    let mut text = String::new();
    let mut at = first;
    while (if step > 0 { at <= last } else { at >= last }) && text.len() < 1 << 16 {
        text.extend([at.to_string(), "\n".to_owned()]);
        at = at.saturating_add(step);
    }
    Outcome::with(0, &text)
}

/// The forms of expr(1) with three operands.
fn expr(call: &Call) -> Outcome {
    let (_, words) = operands(call, &[]);
    let [left, operator, right] = words.as_slice() else {
        return Outcome::unknown();
    };
    if *operator == ":" {
        let Some(regex) = compile(&format!("^{}", right.trim_start_matches('^')), false, false)
        else {
            return Outcome::unknown();
        };
        let found = regex.captures(left);
        let text = match &found {
            Some(found) if found.len() > 1 => {
                found.get(1).map_or("", |group| group.as_str()).to_owned()
            }
            Some(found) => found[0].chars().count().to_string(),
            None => "0".to_owned(),
        };
        let nothing = text.is_empty() || text == "0";
        return Outcome::with(i32::from(nothing), &format!("{text}\n"));
    }
    let numbers = (left.parse::<i64>(), right.parse::<i64>());
    let truth = |so: bool| i64::from(so);
    let value = match (numbers, *operator) {
        ((Ok(a), Ok(b)), "+") => a.checked_add(b),
        ((Ok(a), Ok(b)), "-") => a.checked_sub(b),
        ((Ok(a), Ok(b)), "*") => a.checked_mul(b),
        ((Ok(a), Ok(b)), "/") => a.checked_div(b),
        ((Ok(a), Ok(b)), "%") => a.checked_rem(b),
        ((Ok(a), Ok(b)), "<") => Some(truth(a < b)),
        ((Ok(a), Ok(b)), "<=") => Some(truth(a <= b)),
        ((Ok(a), Ok(b)), ">") => Some(truth(a > b)),
        ((Ok(a), Ok(b)), ">=") => Some(truth(a >= b)),
        (_, "=") => Some(truth(left == right)),
        (_, "!=") => Some(truth(left != right)),
        _ => None,
    };
    match value {
        Some(value) => Outcome::with(i32::from(value == 0), &format!("{value}\n")),
        None => Outcome::unknown(),
    }
}
