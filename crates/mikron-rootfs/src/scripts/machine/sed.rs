//! sed(1): substitutions, deletions, printing and added lines, with addresses.

use regex::Regex;

use super::regex::compile;

/// A script of sed.
pub(super) struct Script {
    commands: Vec<Command>,
    quiet: bool,
}

struct Command {
    first: Option<Address>,
    last: Option<Address>,
    negated: bool,
    action: Action,
    /// Whether a range has begun.
    open: bool,
}

enum Address {
    Line(usize),
    Last,
    Match(Regex),
}

enum Action {
    Substitute {
        pattern: Regex,
        with: Vec<Piece>,
        all: bool,
        nth: usize,
        print: bool,
    },
    Delete,
    Print,
    Quit,
    Append(String),
    Insert(String),
    Change(String),
    Number,
}

/// A piece of a replacement.
enum Piece {
    Text(String),
    Group(usize),
}

impl Script {
    /// Reads a script; `None` for commands that are not read.
    pub(super) fn read(texts: &[&str], extended: bool, quiet: bool) -> Option<Self> {
        let text = texts.join("\n");
        let mut reader = Reader {
            rest: &text,
            extended,
        };
        let mut commands = Vec::new();
        loop {
            reader.rest = reader.rest.trim_start_matches([' ', '\t', '\n', ';']);
            if reader.rest.is_empty() {
                return Some(Self { commands, quiet });
            }
            if reader.rest.starts_with('#') {
                let end = reader.rest.find('\n').unwrap_or(reader.rest.len());
                reader.rest = &reader.rest[end..];
                continue;
            }
            commands.push(reader.command()?);
        }
    }

    /// What becomes of a text.
    pub(super) fn apply(&mut self, text: &str) -> String {
        let mut out = String::new();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let count = lines.len();
        for (at, line) in lines.into_iter().enumerate() {
            let (mut space, end) = match line.strip_suffix('\n') {
                Some(line) => (line.to_owned(), "\n"),
                None => (line.to_owned(), ""),
            };
            let (mut behind, mut deleted, mut quits) = (String::new(), false, false);
            for command in &mut self.commands {
                if !command.applies(at + 1, at + 1 == count, &space) {
                    continue;
                }
                match &command.action {
                    Action::Substitute {
                        pattern,
                        with,
                        all,
                        nth,
                        print,
                    } => {
                        if let Some(changed) = substitute(pattern, with, *all, *nth, &space) {
                            space = changed;
                            if *print {
                                out.push_str(&space);
                                out.push('\n');
                            }
                        }
                    }
                    Action::Delete => deleted = true,
                    Action::Print => {
                        out.push_str(&space);
                        out.push('\n');
                    }
                    Action::Quit => quits = true,
                    Action::Append(text) => {
                        behind.push_str(text);
                        behind.push('\n');
                    }
                    Action::Insert(text) => {
                        out.push_str(text);
                        out.push('\n');
                    }
                    Action::Change(text) => {
                        out.push_str(text);
                        out.push('\n');
                        deleted = true;
                    }
                    Action::Number => out.extend([(at + 1).to_string(), "\n".to_owned()]),
                }
                if deleted || quits {
                    break;
                }
            }
            if !deleted && !self.quiet {
                out.push_str(&space);
                out.push_str(if behind.is_empty() { end } else { "\n" });
            }
            out.push_str(&behind);
            if quits {
                break;
            }
        }
        out
    }
}

fn substitute(
    pattern: &Regex,
    with: &[Piece],
    all: bool,
    nth: usize,
    space: &str,
) -> Option<String> {
    let mut out = String::new();
    let mut copied = 0;
    for (number, found) in pattern.captures_iter(space).enumerate() {
        if number + 1 < nth {
            continue;
        }
        let whole = found.get(0)?;
        out.push_str(&space[copied..whole.start()]);
        for piece in with {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(group) => {
                    out.push_str(found.get(*group).map_or("", |group| group.as_str()));
                }
            }
        }
        copied = whole.end();
        if !all {
            break;
        }
    }
    if copied == 0 && out.is_empty() && !pattern.is_match(space) {
        return None;
    }
    out.push_str(&space[copied..]);
    Some(out)
}

impl Command {
    fn applies(&mut self, number: usize, last: bool, space: &str) -> bool {
        let fits = |address: &Address| match address {
            Address::Line(line) => *line == number,
            Address::Last => last,
            Address::Match(regex) => regex.is_match(space),
        };
        let so = match (&self.first, &self.last) {
            (None, _) => true,
            (Some(first), None) => fits(first),
            (Some(_), Some(end)) if self.open => {
                self.open = match end {
                    Address::Line(line) => *line > number,
                    other => !fits(other),
                };
                true
            }
            (Some(first), Some(end)) => {
                let begins = fits(first);
                self.open = begins && !matches!(end, Address::Line(line) if *line <= number);
                begins
            }
        };
        so != self.negated
    }
}

struct Reader<'a> {
    rest: &'a str,
    extended: bool,
}

impl Reader<'_> {
    fn take(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn command(&mut self) -> Option<Command> {
        let first = self.address()?;
        self.blanks();
        let mut last = None;
        if self.rest.starts_with(',') {
            self.take();
            self.blanks();
            last = Some(self.address()??);
        }
        self.blanks();
        let mut negated = false;
        while self.rest.starts_with('!') {
            self.take();
            negated = !negated;
            self.blanks();
        }
        let action = match self.take()? {
            's' => self.substitution()?,
            'd' => Action::Delete,
            'p' => Action::Print,
            'q' => Action::Quit,
            '=' => Action::Number,
            'a' => Action::Append(self.text()?),
            'i' => Action::Insert(self.text()?),
            'c' => Action::Change(self.text()?),
            _ => return None,
        };
        self.blanks();
        let ends = self.rest.is_empty() || self.rest.starts_with([';', '\n', '#']);
        ends.then_some(Command {
            first,
            last,
            negated,
            action,
            open: false,
        })
    }

    /// An address, where one stands here.
    #[expect(
        clippy::option_option,
        reason = "what cannot be read, and what does not stand there"
    )]
    fn address(&mut self) -> Option<Option<Address>> {
        let Some(c) = self.rest.chars().next() else {
            return Some(None);
        };
        if c == '$' {
            self.take();
            return Some(Some(Address::Last));
        }
        if c.is_ascii_digit() {
            let end = self
                .rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(self.rest.len());
            let number = self.rest[..end].parse().ok()?;
            self.rest = &self.rest[end..];
            return Some(Some(Address::Line(number)));
        }
        if c != '/' && c != '\\' {
            return Some(None);
        }
        self.take();
        let delimiter = if c == '\\' { self.take()? } else { c };
        let text = self.until(delimiter)?;
        let ignore_case = self.rest.starts_with('I');
        if ignore_case {
            self.take();
        }
        let regex = compile(&text, self.extended, ignore_case)?;
        Some(Some(Address::Match(regex)))
    }

    /// The text up to a delimiter, which a backslash makes a character like others.
    fn until(&mut self, delimiter: char) -> Option<String> {
        let mut text = String::new();
        let mut bracket = false;
        loop {
            match self.take()? {
                c if c == delimiter && !bracket => return Some(text),
                '\\' => match self.take()? {
                    c if c == delimiter => text.push(c),
                    c => text.extend(['\\', c]),
                },
                c => {
                    bracket = (bracket || c == '[') && c != ']';
                    text.push(c);
                }
            }
        }
    }

    fn substitution(&mut self) -> Option<Action> {
        let delimiter = self.take()?;
        let pattern = self.until(delimiter)?;
        let with = self.replacement(delimiter)?;
        let (mut all, mut nth, mut print, mut ignore_case) = (false, 1, false, false);
        while let Some(c) = self.rest.chars().next() {
            match c {
                'g' => all = true,
                'p' => print = true,
                'i' | 'I' => ignore_case = true,
                '1'..='9' => nth = c.to_digit(10)? as usize,
                _ => break,
            }
            self.take();
        }
        Some(Action::Substitute {
            pattern: compile(&pattern, self.extended, ignore_case)?,
            with,
            all,
            nth,
            print,
        })
    }

    fn replacement(&mut self, delimiter: char) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        loop {
            let group = match self.take()? {
                c if c == delimiter => {
                    pieces.push(Piece::Text(text));
                    return Some(pieces);
                }
                '&' => 0,
                '\\' => match self.take()? {
                    c @ '0'..='9' => c.to_digit(10)? as usize,
                    'n' => {
                        text.push('\n');
                        continue;
                    }
                    't' => {
                        text.push('\t');
                        continue;
                    }
                    // Changes of case are not read.
                    'U' | 'L' | 'u' | 'l' | 'E' => return None,
                    c => {
                        text.push(c);
                        continue;
                    }
                },
                c => {
                    text.push(c);
                    continue;
                }
            };
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Group(group));
        }
    }

    /// The text of `a`, `i` and `c`, to the end of the line.
    fn text(&mut self) -> Option<String> {
        self.blanks();
        if self.rest.starts_with('\\') {
            self.take();
            self.rest = self.rest.strip_prefix('\n').unwrap_or(self.rest);
        }
        let mut text = String::new();
        loop {
            if self.rest.starts_with('\n') {
                return Some(text);
            }
            match self.take() {
                None => return Some(text),
                Some('\\') => match self.take()? {
                    't' => text.push('\t'),
                    c => text.push(c),
                },
                Some(c) => text.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::Script;

    #[test]
    fn scripts_do_what_sed_does() {
        let text = "one\ntwo three\n# four\nfive=5\n\nlast";
        let scripts: &[(&[&str], bool, bool)] = &[
            (&["s/o/0/"], false, false),
            (&["s/o/0/g;s/e$/E/"], false, false),
            (&["s,\\(t\\)w,<\\1&>,"], false, false),
            (&["s/(t)(.)/\\2\\1/2"], true, false),
            (&["/^#/d"], false, false),
            (&["/^#/!d"], false, false),
            (&["2,4d"], false, false),
            (&["/two/,/five/s/^/+/"], false, false),
            (&["$d"], false, false),
            (&["s/ONE/1/i", "2q"], false, false),
            (&["s/five=\\(.*\\)/\\1/p"], false, true),
            (&["/one/a\\\nafter"], false, false),
            (&["1i before"], false, false),
            (&["/two/c changed", "$p"], false, false),
            (&["s/[/]x//;s/x*/-/g"], false, false),
            (&["2,1p", "5,$s/^$/empty/"], false, true),
        ];
        for (script, extended, quiet) in scripts {
            let mut command = Command::new("sed");
            if *extended {
                command.arg("-E");
            }
            if *quiet {
                command.arg("-n");
            }
            for text in *script {
                command.args(["-e", text]);
            }
            let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
            let Ok(mut child) = child else { return };
            child
                .stdin
                .take()
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
            let expected = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
            let mut own = Script::read(script, *extended, *quiet).unwrap();
            assert_eq!(own.apply(text), expected, "{script:?}");
        }
        for script in ["y/a/b/", "s/a/\\Ub/", "b end", "s/a", "{p}", "w /x"] {
            assert!(Script::read(&[script], false, false).is_none(), "{script}");
        }
    }
}
