//! printf(1), and the escapes that it shares with echo(1).

use crate::call::Word;

/// What printf prints; `None` for conversions that are not read, and beyond `limit` bytes.
pub(super) fn printf(arguments: &[Word], limit: usize) -> Option<String> {
    let mut arguments = arguments.iter().map(|word| word.text.as_str());
    let format = arguments.next().filter(|text| *text != "--");
    let format = format.or_else(|| arguments.next())?;
    let mut text = String::new();
    // The format is used again until no arguments are left.
    loop {
        let left = arguments.len();
        once(format, &mut arguments, &mut text)?;
        if arguments.len() == 0 || arguments.len() == left {
            return Some(text);
        }
        if text.len() > limit {
            return None;
        }
    }
}

fn once<'a>(
    format: &str,
    arguments: &mut impl Iterator<Item = &'a str>,
    text: &mut String,
) -> Option<()> {
    let format = unescaped(&format.replace("\\\"", "\""));
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = chars.next_if(|c| "-0 #+.".contains(*c) || c.is_ascii_digit()) {
            flags.push(flag);
        }
        let value = match chars.next()? {
            '%' => {
                text.push('%');
                continue;
            }
            's' => arguments.next().unwrap_or_default().to_owned(),
            'b' => unescaped(arguments.next().unwrap_or_default()),
            'c' => arguments.next()?.chars().take(1).collect(),
            'd' | 'i' | 'u' => {
                let number: i64 = arguments.next().unwrap_or("0").trim().parse().ok()?;
                number.to_string()
            }
            'x' => format!("{:x}", arguments.next()?.trim().parse::<i64>().ok()?),
            'o' => format!("{:o}", arguments.next()?.trim().parse::<i64>().ok()?),
            _ => return None,
        };
        let left = flags.contains('-');
        let zero = flags.starts_with('0');
        let digits = flags.trim_start_matches(['-', '0', '+', ' ', '#']);
        if digits.contains('.') {
            return None;
        }
        let width: usize = if digits.is_empty() {
            0
        } else {
            digits.parse().ok()?
        };
        let padding = width.min(1024).saturating_sub(value.chars().count());
        let pad = if zero && !left { "0" } else { " " }.repeat(padding);
        if left {
            text.extend([value, pad]);
        } else {
            text.extend([pad, value]);
        }
    }
    Some(())
}

/// A text with its escapes replaced (XCU, printf, extended description).
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('\\') | None => out.push('\\'),
            Some(first @ '0'..='7') => {
                let mut value = first.to_digit(8).unwrap_or(0);
                for _ in 0..3 {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    chars.next();
                    value = (value * 8 + digit) & 0xff;
                }
                out.extend(char::from_u32(value));
            }
            Some(other) => out.extend(['\\', other]),
        }
    }
    out
}
