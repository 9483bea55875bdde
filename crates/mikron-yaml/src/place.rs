//! Places in a text, and its lines.

use serde_yaml::Location;

/// A place in a text: line and column from 1, length in characters on that line. Line 0 is the file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The length.
    pub length: usize,
}

impl From<Location> for Span {
    fn from(location: Location) -> Self {
        let number = |n: u64| usize::try_from(n).unwrap_or(0);
        Self {
            line: number(location.line()),
            column: number(location.column()),
            length: number(location.span().len()),
        }
    }
}

impl Span {
    /// The place of a library's error or value in a text. What covers several lines is cut at the end of its first one.
    #[must_use]
    pub fn on_its_line(self, text: &str) -> Self {
        let line = line(text, self.line);
        let width = line.map_or(0, |line| line.trim_end().chars().count());
        let room = (width + 1).saturating_sub(self.column);
        Self {
            length: self.length.clamp(1, room.max(1)),
            ..self
        }
    }
}

/// A line of a text, counted from 1, without its end. Lines end as in YAML 1.2, 5.4: a carriage return alone is an end too.
pub fn line(text: &str, number: usize) -> Option<&str> {
    let mut rest = text;
    for _ in 1..number {
        let end = rest.find(['\n', '\r'])?;
        let length = if rest[end..].starts_with("\r\n") {
            2
        } else {
            1
        };
        rest = &rest[end + length..];
    }
    let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
    (number > 0).then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_yaml_has_it() {
        let text = "a\nb\r\nc\rd";
        let lines: Vec<_> = (0..6).map(|number| line(text, number)).collect();
        assert_eq!(
            lines,
            [None, Some("a"), Some("b"), Some("c"), Some("d"), None]
        );
        assert_eq!(line("", 1), Some(""));
    }
}
