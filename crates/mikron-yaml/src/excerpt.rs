//! A line of a document with carets under what a message is about.

use std::borrow::Cow;
use std::fmt;

use crate::{Span, line};

/// Longest part of a line that is shown, in characters.
const WIDTH: usize = 400;

/// A place in a document and the line that it stands on.
///
/// ```
/// use mikron_yaml::{Excerpt, locate_value};
/// let text = "name: web\nports: [many]\n";
/// let excerpt = Excerpt::new(text, locate_value(text, &["ports", "0"]));
/// assert_eq!(excerpt.place("web.yaml"), "web.yaml:2:9");
/// assert_eq!(excerpt.to_string(), "  |\n2 | ports: [many]\n  |         ^^^^");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// Line, counted from 1; 0 when the document as a whole is meant.
    pub line: usize,
    /// Column in characters, counted from 1; 0 when the document as a whole is meant.
    pub column: usize,
    /// Length of what is meant in characters; at least 1 where there is a line.
    pub length: usize,
    /// The line without its end, at most 400 characters; empty when the document as a whole is meant.
    pub snippet: String,
}

impl Excerpt {
    /// The excerpt of `text` at `span`; nothing where there is no span.
    pub fn new(text: &str, span: Option<Span>) -> Self {
        Self::with(text, span, |line| Cow::Borrowed(line))
    }

    /// As [`Excerpt::new`], with `show` between the line and who reads it: what hides secrets has to see them whole.
    pub fn with(text: &str, span: Option<Span>, show: impl FnOnce(&str) -> Cow<'_, str>) -> Self {
        let Some(span) = span.filter(|span| span.line > 0) else {
            return Self::default();
        };
        let snippet = line(text, span.line).unwrap_or("");
        let snippet = show(snippet.trim_start_matches('\u{feff}'));
        Self {
            line: span.line,
            column: span.column,
            length: span.length.max(1),
            snippet: snippet.chars().take(WIDTH).collect(),
        }
    }

    /// What stands behind a sentence about this place: the line with its carets, and what would have been right.
    pub fn below(&self, help: Option<&str>) -> String {
        let line = Some(format!("\n{self}")).filter(|_| self.line > 0);
        let help = help.map(|help| format!("\nhelp: {help}"));
        [line, help].into_iter().flatten().collect()
    }

    /// `file:line:column`, or the file alone.
    pub fn place(&self, file: &str) -> String {
        if self.line > 0 {
            format!("{file}:{}:{}", self.line, self.column)
        } else {
            file.to_owned()
        }
    }
}

/// The line under its number and the carets under the line; nothing for a document as a whole.
impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return Ok(());
        }
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let before = " ".repeat(self.column.saturating_sub(1).min(WIDTH));
        let room = self.snippet.chars().count().saturating_sub(before.len());
        let carets = "^".repeat(self.length.clamp(1, room.max(1)));
        write!(f, "{margin} |\n{number} | {}", self.snippet)?;
        write!(f, "\n{margin} | {before}{carets}")
    }
}
