//! How things are written for people: colour, sizes, tables, text from outside.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use annotate_snippets::Renderer;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::arguments::Color;

/// Writes a line to standard error. What nobody can be told is no reason to do nothing.
pub(crate) fn tell(text: &str) {
    let line = format!("{text}\n");
    let _ = io::Write::write_all(&mut io::stderr().lock(), line.as_bytes());
}

/// Whether diagnostics are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    color: bool,
}

impl Style {
    /// By option, by terminal, and by <https://no-color.org>.
    pub(crate) fn of(color: Color) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
                std::io::stderr().is_terminal() && !set("NO_COLOR") && !dumb
            }
        };
        Self { color }
    }

    pub(crate) fn renderer(self) -> Renderer {
        if self.color {
            Renderer::styled()
        } else {
            Renderer::plain()
        }
    }
}

/// A number of bytes in decimal units: `812 B`, `3.49 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let (mut whole, mut unit, mut divisor) = (bytes, "B", 1u64);
    for next in ["kB", "MB", "GB", "TB"] {
        if whole < 1000 {
            break;
        }
        divisor *= 1000;
        whole = bytes / divisor;
        unit = next;
    }
    // Rounding in whole numbers: a hundredth of the unit.
    let hundredths = bytes / (divisor / 100).max(1);
    match whole {
        _ if divisor == 1 => format!("{bytes} B"),
        0..10 => format!("{whole}.{:02} {unit}", hundredths % 100),
        10..100 => format!("{whole}.{} {unit}", hundredths % 100 / 10),
        _ => format!("{whole} {unit}"),
    }
}

/// A count with its noun: `1 file`, `2 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Text from an archive or a repository, fit for a terminal: control characters other than line ends and tabs are shown
/// as escapes, so that no file name can move the cursor.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        // Direction marks make a line read otherwise than it is (U+202A to U+202E, U+2066 to U+2069).
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (c.is_control() && c != '\n' && c != '\t') || turns {
            let _ = write!(safe, "{}", c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Bytes that are mostly text: as text where they are UTF-8, with escapes where not.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text).replace('\n', "\\n"),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

/// A table without lines, indented by two; columns named in `right` are set to the right.
pub(crate) fn table(rows: Vec<Vec<String>>, right: &[usize]) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for &i in right {
        if let Some(column) = table.column_mut(i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        let _ = writeln!(text, " {}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_down_to_three_digits() {
        let all = [
            0,
            999,
            1000,
            3_494_999,
            12_345_678,
            555_000_000,
            7_000_000_000,
            u64::MAX,
        ];
        let texts = all.map(size);
        let expected = [
            "0 B",
            "999 B",
            "1.00 kB",
            "3.49 MB",
            "12.3 MB",
            "555 MB",
            "7.00 GB",
            "18446744 TB",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn no_file_name_moves_the_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\tc"), "a\\u{1b}[2Jb\\u{d}\n\tc");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(bytes(b"a\xff\n"), "a\\xff\\n");
        assert_eq!(bytes("ä\n".as_bytes()), "ä\\n");
    }
}
