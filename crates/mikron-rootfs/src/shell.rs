//! A static reading of shell scripts: which commands a maintainer script calls, with which words, under which condition.
//!
//! Nothing is run and nothing is promised for scripts that build commands at run time: words that depend on more than a
//! variable assigned once are marked as not literal, and whoever uses a [`Call`] looks at that mark. The grammar is that
//! of POSIX (Shell Command Language, 2.3 and 2.9), as far as it takes to find the simple commands.

mod lexer;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use lexer::{Lexer, Token};

/// How deep command substitutions are followed.
const MAX_DEPTH: usize = 8;

/// How many enclosing conditions, and how many values in one of them, a call remembers.
const MAX_GUARDS: usize = 32;

/// One word of a command, quotes taken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// The text; what is not known stands as it was written (`$1`, `${HOME}`, `$(…)`).
    pub text: String,
    /// Whether the text is all known.
    pub literal: bool,
}

/// One simple command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The line of the script, from 1.
    pub line: u32,
    /// The command's name and arguments, assignments and redirections left out. Empty for a lone redirection.
    pub words: Vec<Word>,
    /// Files that its output is written to, other than /dev/null and other descriptors.
    pub writes: Vec<Word>,
    /// The values of `$1` under which it runs: one set of patterns for each enclosing `case` or `if` over `$1`.
    pub guards: Vec<Vec<String>>,
}

impl Call {
    /// The command's name without its directory; empty where it is not known.
    pub fn name(&self) -> &str {
        match self.words.first() {
            Some(word) if word.literal => word.text.rsplit('/').next().unwrap_or_default(),
            _ => "",
        }
    }

    /// The arguments.
    pub fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The arguments as text, where all of them are known.
    pub fn literal_arguments(&self) -> Option<Vec<&str>> {
        let known = |word: &Word| word.literal;
        let all = self.arguments().iter().all(known);
        all.then(|| self.arguments().iter().map(|w| w.text.as_str()).collect())
    }

    /// Whether it runs when the script's first argument is `argument`.
    pub fn runs_with(&self, argument: &str) -> bool {
        let fits = |pattern: &String| pattern == "*" || pattern == argument;
        self.guards.iter().all(|guard| guard.iter().any(fits))
    }

    /// The command as one line of text, for people.
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        let mut text = words.join(" ");
        for file in &self.writes {
            text.push_str(" > ");
            text.push_str(&file.text);
        }
        text
    }
}

/// Finds the simple commands of a shell script, in order. Total over all inputs: what is no shell yields few or strange
/// calls, never an error.
///
/// ```
/// let calls = mikron_rootfs::scan(
///     b"#!/bin/sh\nset -e\nUSER=web\nif [ \"$1\" = configure ]; then\n  adduser --system $USER\nfi\n",
/// );
/// let call = calls.iter().find(|call| call.name() == "adduser").expect("it is called");
/// assert_eq!(call.literal_arguments(), Some(vec!["--system", "web"]));
/// assert_eq!(call.line, 5);
/// assert!(call.runs_with("configure") && !call.runs_with("triggered"));
/// ```
pub fn scan(script: &[u8]) -> Vec<Call> {
    let text = String::from_utf8_lossy(script);
    let mut scanner = Scanner::default();
    // Where dpkg unpacks to: the root itself (dpkg(1), DPKG_ROOT).
    scanner
        .variables
        .insert("DPKG_ROOT".to_owned(), Some(String::new()));
    scanner.run(&text, 1, 0);
    let Scanner {
        mut calls,
        functions,
        ..
    } = scanner;
    calls.retain(|call| !functions.contains(call.name()) || !call.writes.is_empty());
    calls
}

#[derive(Default)]
struct Scanner {
    calls: Vec<Call>,
    variables: BTreeMap<String, Option<String>>,
    functions: BTreeSet<String>,
}

/// A construct that is open.
enum Open {
    /// `case`: whether it is over `$1`, whether patterns are read, and those of the present arm.
    Case {
        over_argument: bool,
        in_patterns: bool,
        patterns: Vec<String>,
    },
    /// `if`: whether its condition is read, and the values of `$1` that the condition compares with.
    If {
        in_condition: bool,
        values: Vec<String>,
    },
}

impl Scanner {
    fn run(&mut self, text: &str, first_line: u32, depth: usize) {
        let mut lexer = Lexer::new(text, first_line);
        let mut open: Vec<Open> = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        let mut writes: Vec<Word> = Vec::new();
        let mut line = first_line;
        // The word after `case`, and what follows `for`, up to `in` and `do`.
        let mut case_word: Option<Option<Word>> = None;
        let mut skip_for = false;
        let mut inner: Vec<(String, u32)> = Vec::new();
        loop {
            let (token, at) = lexer.next(&self.variables, &mut inner);
            if depth < MAX_DEPTH {
                for (text, line) in std::mem::take(&mut inner) {
                    self.run(&text, line, depth + 1);
                }
            }
            inner.clear();
            if let Some(Open::Case {
                in_patterns: in_patterns @ true,
                patterns,
                ..
            }) = open.last_mut()
            {
                match token {
                    Token::Word(word) if word.text == "esac" && patterns.is_empty() => {
                        open.pop();
                    }
                    Token::Word(word) if patterns.len() < MAX_GUARDS => patterns.push(word.text),
                    Token::Close => *in_patterns = false,
                    Token::End => break,
                    _ => {}
                }
                continue;
            }
            match token {
                Token::Word(word) => {
                    if let Some(subject) = &mut case_word {
                        if subject.is_some() && word.text == "in" {
                            let over_argument = subject
                                .take()
                                .is_some_and(|w| w.text == "$1" || w.text == "${1}");
                            open.push(Open::Case {
                                over_argument,
                                in_patterns: true,
                                patterns: Vec::new(),
                            });
                            case_word = None;
                        } else {
                            *subject = Some(word);
                        }
                        continue;
                    }
                    if skip_for {
                        continue;
                    }
                    if words.is_empty() {
                        line = at;
                        match word.text.as_str() {
                            "if" => {
                                open.push(Open::If {
                                    in_condition: true,
                                    values: Vec::new(),
                                });
                                continue;
                            }
                            "elif" => {
                                if let Some(Open::If {
                                    in_condition,
                                    values,
                                }) = open.last_mut()
                                {
                                    *in_condition = true;
                                    values.clear();
                                }
                                continue;
                            }
                            "then" | "else" => {
                                if let Some(Open::If {
                                    in_condition,
                                    values,
                                }) = open.last_mut()
                                {
                                    if word.text == "else" {
                                        values.clear();
                                    }
                                    *in_condition = false;
                                }
                                continue;
                            }
                            "fi" => {
                                if matches!(open.last(), Some(Open::If { .. })) {
                                    open.pop();
                                }
                                continue;
                            }
                            "case" => {
                                case_word = Some(None);
                                continue;
                            }
                            "esac" => {
                                if matches!(open.last(), Some(Open::Case { .. })) {
                                    open.pop();
                                }
                                continue;
                            }
                            "for" => {
                                skip_for = true;
                                continue;
                            }
                            "while" | "until" | "do" | "done" | "!" | "{" | "}" | "function" => {
                                continue;
                            }
                            _ => {}
                        }
                        if let Some((name, value)) = assignment(&word) {
                            self.assign(name, value, word.literal);
                            continue;
                        }
                    }
                    words.push(word);
                }
                Token::Write(file) => {
                    if words.is_empty() {
                        line = at;
                    }
                    if file.text != "/dev/null" && !file.text.starts_with("/dev/std") {
                        writes.push(file);
                    }
                }
                Token::Open => {
                    // `name ()` defines a function; its body is read where it stands.
                    if let [name] = words.as_slice()
                        && lexer.peek_close()
                    {
                        self.functions.insert(name.text.clone());
                        words.clear();
                        continue;
                    }
                    self.finish(&mut words, &mut writes, line, &mut open);
                }
                Token::Separator | Token::Close => {
                    skip_for = false;
                    self.finish(&mut words, &mut writes, line, &mut open);
                }
                Token::EndOfArm => {
                    skip_for = false;
                    self.finish(&mut words, &mut writes, line, &mut open);
                    while matches!(open.last(), Some(Open::If { .. })) {
                        open.pop();
                    }
                    if let Some(Open::Case {
                        in_patterns,
                        patterns,
                        ..
                    }) = open.last_mut()
                    {
                        *in_patterns = true;
                        patterns.clear();
                    }
                }
                Token::End => {
                    self.finish(&mut words, &mut writes, line, &mut open);
                    break;
                }
            }
        }
    }

    /// Ends the present simple command.
    fn finish(
        &mut self,
        words: &mut Vec<Word>,
        writes: &mut Vec<Word>,
        line: u32,
        open: &mut [Open],
    ) {
        if words.is_empty() && writes.is_empty() {
            return;
        }
        let words = std::mem::take(words);
        let writes = std::mem::take(writes);
        if let Some(Open::If {
            in_condition: true,
            values,
        }) = open.last_mut()
            && values.len() < MAX_GUARDS
        {
            values.extend(compared_with_argument(&words));
        }
        let guards = open
            .iter()
            .filter_map(|open| match open {
                Open::Case {
                    over_argument: true,
                    patterns,
                    ..
                } => Some(patterns.clone()),
                Open::If {
                    in_condition: false,
                    values,
                } if !values.is_empty() => Some(values.clone()),
                _ => None,
            })
            .take(MAX_GUARDS)
            .collect();
        self.calls.push(Call {
            line,
            words,
            writes,
            guards,
        });
    }

    /// Remembers a variable; one that is assigned different values is not known any more.
    fn assign(&mut self, name: &str, value: &str, literal: bool) {
        let value = literal.then(|| value.to_owned());
        self.variables
            .entry(name.to_owned())
            .and_modify(|known| {
                if *known != value {
                    *known = None;
                }
            })
            .or_insert(value);
    }
}

/// `NAME=value`, split.
fn assignment(word: &Word) -> Option<(&str, &str)> {
    let (name, value) = word.text.split_once('=')?;
    let name_like =
        |(i, b): (usize, u8)| b == b'_' || b.is_ascii_alphabetic() || (i > 0 && b.is_ascii_digit());
    let good = !name.is_empty() && name.bytes().enumerate().all(name_like);
    good.then_some((name, value))
}

/// The value in `[ "$1" = value ]`, also with the sides swapped.
fn compared_with_argument(words: &[Word]) -> Option<String> {
    let equals = words.iter().position(|w| w.text == "=" || w.text == "==")?;
    let (left, right) = (words.get(equals.checked_sub(1)?)?, words.get(equals + 1)?);
    let argument = |word: &Word| word.text == "$1" || word.text == "${1}" || word.text == "${1:-}";
    if words
        .first()
        .is_none_or(|w| !matches!(w.text.as_str(), "[" | "test" | "[["))
    {
        return None;
    }
    if argument(left) && right.literal {
        Some(right.text.clone())
    } else if argument(right) && left.literal {
        Some(left.text.clone())
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
