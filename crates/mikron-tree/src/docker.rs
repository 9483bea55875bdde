//! `.dockerignore`: what a build context leaves out (Docker's documentation of it, "Dockerfile reference").

use mikron_package::RootPath;
use regex::bytes::Regex;

/// The patterns of a `.dockerignore`, in order.
#[derive(Debug, Default)]
pub(crate) struct DockerIgnore(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    keeps: bool,
}

impl DockerIgnore {
    /// Reads the file. What is wrong is told as a sentence.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|error| format!("not UTF-8: {error}"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (keeps, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim_start()),
                None => (false, line),
            };
            // A line of `.` alone means nothing, and what climbs out of the context matches nothing in it.
            let Some(pattern) = cleaned(pattern).filter(|pattern| !pattern.is_empty()) else {
                continue;
            };
            let regex = Regex::new(&expression(&pattern));
            let regex =
                regex.map_err(|_| format!("line {}: `{line}` is no pattern", number + 1))?;
            patterns.push(Pattern { regex, keeps });
        }
        Ok(Self(patterns))
    }

    /// Whether it leaves a path out: the last pattern decides that matches the path or a directory above it.
    pub(crate) fn leaves_out(&self, path: &RootPath) -> bool {
        let path = path.as_bytes();
        let matches = |pattern: &&Pattern| {
            let ends = (0..path.len()).filter(|at| path[*at] == b'/');
            let mut ends = ends.chain([path.len()]);
            ends.any(|end| pattern.regex.is_match(&path[..end]))
        };
        let last = self.0.iter().rev().find(matches);
        last.is_some_and(|pattern| !pattern.keeps)
    }
}

/// A pattern without `.`, doubled slashes and what `..` takes back. `None` when it climbs above its beginning.
fn cleaned(pattern: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The regular expression that a pattern stands for: `*` and `?` stay within a name, `**` does not.
fn expression(pattern: &str) -> String {
    let mut out = String::from("^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.peek() == Some(&'*') => {
                rest.next();
                rest.next_if_eq(&'/');
                let end = rest.peek().is_none();
                out.push_str(if end { "(?s-u:.*)" } else { "((?s-u:.*)/)?" });
            }
            '*' => out.push_str("(?-u:[^/])*"),
            '?' => out.push_str("([^/]|(?-u:[^/]))"),
            '\\' => out.push_str(&literal(rest.next().unwrap_or('\\'))),
            '[' => {
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                while let Some(c) = rest.next_if(|c| *c != ']') {
                    match c {
                        '\\' => out.push_str(&literal(rest.next().unwrap_or('\\'))),
                        '-' => out.push('-'),
                        c => out.push_str(&literal(c)),
                    }
                }
                // Without its end the expression is none.
                out.push_str(if rest.next().is_some() { "]" } else { "" });
            }
            c => out.push_str(&literal(c)),
        }
    }
    out.push('$');
    out
}

/// A character as an expression over bytes has it.
fn literal(c: char) -> String {
    regex::escape(c.encode_utf8(&mut [0; 4]))
}
