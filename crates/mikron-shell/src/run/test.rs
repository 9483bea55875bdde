//! `test`, `[` (XCU, test) and `[[` (bash, ksh).

use super::expand::Escape;
use super::runner::Runner;
use super::{FileKind, Known};
use crate::ast::Test;
use crate::call::Word;
use crate::pattern::fits;

impl Runner<'_> {
    /// Whether the operands of `test` hold; `None` where that is not known. What is no expression does not hold.
    pub(super) fn test(&mut self, operands: &[Word]) -> Option<bool> {
        let text = |at: usize| operands.get(at).map_or("", |word| word.text.as_str());
        match operands.len() {
            0 => Some(false),
            1 => filled(&operands[0]),
            2 if text(0) == "!" => self.test(&operands[1..]).map(|so| !so),
            2 => self.unary(text(0), &operands[1]),
            3 if is_binary(text(1)) => self.binary(&operands[0], text(1), &operands[2]),
            3 if text(0) == "!" => self.test(&operands[1..]).map(|so| !so),
            3 if text(0) == "(" => self.test(&operands[1..2]),
            4 if text(0) == "!" => self.test(&operands[1..]).map(|so| !so),
            _ => self.deep(operands),
        }
    }

    /// The older form with `-a` and `-o`, the first of which binds closer.
    fn deep(&mut self, operands: &[Word]) -> Option<bool> {
        for (operator, either) in [("-o", true), ("-a", false)] {
            let at = (1..operands.len().saturating_sub(1)).find(|at| {
                let before = operands[at - 1].text.as_str();
                operands[*at].text == operator && !is_binary(before)
            });
            if let Some(at) = at {
                let left = self.test(&operands[..at]);
                let right = self.test(&operands[at + 1..]);
                return match (left, right) {
                    (Some(so), _) | (_, Some(so)) if so == either => Some(either),
                    (Some(_), Some(_)) => Some(!either),
                    _ => None,
                };
            }
        }
        match operands {
            [not, rest @ ..] if not.text == "!" => self.test(rest).map(|so| !so),
            [open, inner @ .., close] if open.text == "(" && close.text == ")" => self.test(inner),
            _ => None,
        }
    }

    pub(super) fn expression(&mut self, test: &Test) -> Option<bool> {
        match test {
            Test::Word(word) => {
                let word = self.single(word);
                filled(&word)
            }
            Test::Unary(operator, word) => {
                let word = self.single(word);
                self.unary(operator, &word)
            }
            Test::Binary(left, operator, right) => {
                let left = self.single(left);
                if matches!(operator.as_str(), "=" | "==" | "!=") {
                    let pattern = self.pattern(right, Escape::Pattern);
                    let known = left.literal && pattern.literal;
                    return known.then(|| fits(&pattern.text, &left.text) == (operator != "!="));
                }
                let right = self.single(right);
                self.binary(&left, operator, &right)
            }
            Test::Not(test) => self.expression(test).map(|so| !so),
            Test::All(tests) => self.joined(tests, false),
            Test::Any(tests) => self.joined(tests, true),
        }
    }

    fn joined(&mut self, tests: &[Test], either: bool) -> Option<bool> {
        let mut all = Some(!either);
        for test in tests {
            match self.expression(test) {
                Some(so) if so == either => return Some(either),
                Some(_) => {}
                None => all = None,
            }
        }
        all
    }

    fn unary(&mut self, operator: &str, word: &Word) -> Option<bool> {
        match operator {
            "-n" => return filled(word),
            "-z" => return filled(word).map(|so| !so),
            // There is no terminal.
            "-t" => return Some(false),
            _ => {}
        }
        if !word.literal {
            return None;
        }
        if word.text.is_empty() {
            return Some(false);
        }
        let path = self.absolute(&word.text)?;
        let link = matches!(operator, "-L" | "-h");
        let stat = match self.host.stat(&path, !link) {
            Known::Is(stat) => stat,
            Known::Absent => return Some(false),
            Known::Unknown => return None,
        };
        Some(match operator {
            // Scripts run as root, for whom everything can be read and written.
            "-e" | "-a" | "-r" | "-w" => true,
            "-f" => stat.kind == FileKind::File,
            "-d" => stat.kind == FileKind::Directory,
            "-L" | "-h" => stat.kind == FileKind::Link,
            "-x" => stat.kind == FileKind::Directory || stat.mode & 0o111 != 0,
            "-s" => return stat.size.map(|size| size > 0),
            "-u" => stat.mode & 0o4000 != 0,
            "-g" => stat.mode & 0o2000 != 0,
            "-k" => stat.mode & 0o1000 != 0,
            "-b" | "-c" | "-p" | "-S" if stat.kind != FileKind::Other => false,
            _ => return None,
        })
    }

    fn binary(&mut self, left: &Word, operator: &str, right: &Word) -> Option<bool> {
        if matches!(operator, "-nt" | "-ot" | "-ef") {
            return self.files(left, operator, right);
        }
        if !left.literal || !right.literal {
            return None;
        }
        let (a, b) = (left.text.as_str(), right.text.as_str());
        match operator {
            "=" | "==" => return Some(a == b),
            "!=" => return Some(a != b),
            "<" => return Some(a < b),
            ">" => return Some(a > b),
            _ => {}
        }
        // What is no number is an error, and does not hold.
        let (Ok(a), Ok(b)) = (a.trim().parse::<i64>(), b.trim().parse::<i64>()) else {
            return Some(false);
        };
        Some(match operator {
            "-eq" => a == b,
            "-ne" => a != b,
            "-lt" => a < b,
            "-le" => a <= b,
            "-gt" => a > b,
            "-ge" => a >= b,
            _ => return None,
        })
    }

    /// Comparisons of two files: times are not known, but what is not there is neither newer nor the same.
    fn files(&mut self, left: &Word, operator: &str, right: &Word) -> Option<bool> {
        if !left.literal || !right.literal {
            return None;
        }
        let (a, b) = (self.absolute(&left.text)?, self.absolute(&right.text)?);
        let (a, b) = (self.host.stat(&a, true), self.host.stat(&b, true));
        match (a, b, operator) {
            (Known::Is(a), Known::Is(b), "-ef") => Some(a.real == b.real),
            (Known::Absent, _, "-ef" | "-nt") | (_, Known::Absent, "-ef" | "-ot") => Some(false),
            (Known::Is(_), Known::Absent, "-nt") | (Known::Absent, Known::Is(_), "-ot") => {
                Some(true)
            }
            _ => None,
        }
    }
}

/// Whether a word has text. One with some that is known has.
fn filled(word: &Word) -> Option<bool> {
    word.literal.then_some(!word.text.is_empty())
}

fn is_binary(operator: &str) -> bool {
    matches!(
        operator,
        "=" | "=="
            | "!="
            | "<"
            | ">"
            | "-eq"
            | "-ne"
            | "-lt"
            | "-le"
            | "-gt"
            | "-ge"
            | "-nt"
            | "-ot"
            | "-ef"
    )
}
