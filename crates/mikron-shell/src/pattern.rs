//! Patterns of the shell (XCU 2.14), as `case`, `${x%…}` and the names of files use them.

/// Whether a pattern with `*`, `?`, `[…]` and `\` fits a text. The last `*` is tried again when what follows it does not fit, so time
/// is bounded by the product of the lengths.
///
/// ```
/// assert!(mikron_shell::fits("*.c[ho]", "main.co") && !mikron_shell::fits("a?", "a"));
/// ```
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        let step = match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, seen));
                at += 1;
                continue;
            }
            Some(b'?') => Some(1),
            Some(b'[') => one_of(&pattern[at..], text[seen]),
            Some(b'\\') if at + 1 < pattern.len() => (pattern[at + 1] == text[seen]).then_some(2),
            Some(byte) => (*byte == text[seen]).then_some(1),
            None => None,
        };
        if let Some(step) = step {
            at += step;
            seen += 1;
        } else if let Some((behind, from)) = star {
            (at, seen) = (behind, from + 1);
            star = Some((behind, from + 1));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// A text as a pattern that fits nothing else.
pub(crate) fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '!' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// The text that a pattern without special characters stands for.
pub(crate) fn literal(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' => return None,
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    Some(text)
}

/// Cuts the piece that fits off the beginning or the end (XCU 2.6.2).
pub(crate) fn trim<'a>(text: &'a str, pattern: &str, suffix: bool, longest: bool) -> &'a str {
    let cuts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let fits_at = |at: &usize| {
        let piece = if suffix { &text[*at..] } else { &text[..*at] };
        fits(pattern, piece)
    };
    // The first cut gives the longest suffix and the shortest prefix.
    let found = if suffix == longest {
        { cuts }.find(fits_at)
    } else {
        let all: Vec<usize> = cuts.collect();
        all.into_iter().rev().find(|at| fits_at(at))
    };
    match found {
        Some(at) if suffix => &text[..at],
        Some(at) => &text[at..],
        None => text,
    }
}

/// The length of the bracket expression that `pattern` begins with, where it fits; a `[` that is never closed fits itself.
fn one_of(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = 1 + usize::from(negated);
    let mut at = first;
    let mut found = false;
    loop {
        match pattern.get(at) {
            None => return (byte == b'[').then_some(1),
            Some(b']') if at > first => return (found != negated).then_some(at + 1),
            Some(b'[') if pattern.get(at + 1) == Some(&b':') => {
                let rest = &pattern[at + 2..];
                let Some(end) = rest.windows(2).position(|two| two == b":]") else {
                    found |= byte == b'[';
                    at += 1;
                    continue;
                };
                found |= in_class(&rest[..end], byte);
                at += end + 4;
            }
            Some(_) => {
                let (low, behind) = member(pattern, at);
                let range = pattern.get(behind) == Some(&b'-')
                    && !matches!(pattern.get(behind + 1), None | Some(b']'));
                if range {
                    let (high, behind) = member(pattern, behind + 1);
                    found |= (low..=high).contains(&byte);
                    at = behind;
                } else {
                    found |= low == byte;
                    at = behind;
                }
            }
        }
    }
}

/// One character of a bracket expression, and where the next one begins.
fn member(pattern: &[u8], at: usize) -> (u8, usize) {
    match (pattern.get(at), pattern.get(at + 1)) {
        (Some(b'\\'), Some(escaped)) => (*escaped, at + 2),
        (Some(byte), _) => (*byte, at + 1),
        (None, _) => (0, at + 1),
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    match class {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"digit" => byte.is_ascii_digit(),
        b"lower" => byte.is_ascii_lowercase(),
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_the_standard_says() {
        for (pattern, text) in [
            ("*", ""),
            ("configure", "configure"),
            ("abort-*", "abort-upgrade"),
            ("*-*e", "abort-upgrade"),
            ("?[a-c]", "xb"),
            ("[!a]", "b"),
            ("[", "["),
            ("[]x]", "]"),
            ("[[:digit:]]*", "4a"),
            ("\\*", "*"),
            ("[\\]a]", "]"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "x"),
            ("a", "ab"),
            ("[a-c]", "d"),
            ("*x", "y"),
            ("[!a]", "a"),
            ("\\*", "x"),
            ("[![:space:]]", " "),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn trimming_takes_the_shortest_or_the_longest_piece() {
        let name = "a/b/c.tar.gz";
        assert_eq!(trim(name, "*/", false, false), "b/c.tar.gz");
        assert_eq!(trim(name, "*/", false, true), "c.tar.gz");
        assert_eq!(trim(name, ".*", true, false), "a/b/c.tar");
        assert_eq!(trim(name, ".*", true, true), "a/b/c");
        assert_eq!(
            trim("äö", "?", false, false),
            "äö",
            "bytes, and no half characters"
        );
    }
}
