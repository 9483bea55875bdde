//! Text from outside, fit for HTML.

use std::fmt;

/// Text that is written escaped: as content of an element and as value of a quoted attribute (HTML, 13.1.2). Characters that
/// cannot be seen or that turn the direction of a line are written as their numbers.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' => {
                    write!(f, "{}", c.escape_unicode())?;
                }
                c if c.is_control() => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A number of bytes in decimal units, rounded down: `812 B`, `3.4 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut divisor, mut unit) = (1u64, "B");
    for next in units {
        if bytes / divisor < 1000 {
            break;
        }
        divisor *= 1000;
        unit = next;
    }
    let whole = bytes / divisor;
    if divisor == 1 || whole >= 100 {
        return format!("{whole} {unit}");
    }
    format!("{whole}.{} {unit}", bytes / (divisor / 10) % 10)
}

/// A number with its noun.
pub(crate) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_text_or_attribute() {
        let text = Text("</script><img src=x onerror='a' \"b\">&\u{202e}\u{0}\n").to_string();
        assert!(
            !text.contains(['<', '>', '"', '\'', '\u{202e}', '\u{0}', '\n']),
            "{text}"
        );
        assert!(text.starts_with("&lt;/script&gt;"), "{text}");
    }

    #[test]
    fn sizes_are_rounded_down() {
        let texts = [0, 999, 1000, 1999, 99_999, 123_456, 3_494_999, u64::MAX].map(size);
        let expected = [
            "0 B", "999 B", "1.0 kB", "1.9 kB", "99.9 kB", "123 kB", "3.4 MB", "18.4 EB",
        ];
        assert_eq!(texts, expected);
    }
}
