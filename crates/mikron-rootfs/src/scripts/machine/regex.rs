//! Regular expressions of grep(1) and sed(1) (POSIX.1-2024, XBD 9) in the form of the crate that matches them.

use regex::{Regex, RegexBuilder};

/// Largest compiled expression, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Compiles a basic (`extended` false) or extended expression; `None` for what is not read (back-references).
pub(super) fn compile(text: &str, extended: bool, ignore_case: bool) -> Option<Regex> {
    let pattern = translate(text, extended)?;
    RegexBuilder::new(&pattern)
        .case_insensitive(ignore_case)
        .multi_line(false)
        .size_limit(MAX_SIZE)
        .build()
        .ok()
}

/// Compiles a text that stands for itself (`grep -F`).
pub(super) fn fixed(text: &str, ignore_case: bool) -> Option<Regex> {
    let mut builder = RegexBuilder::new(&regex::escape(text));
    builder.case_insensitive(ignore_case).build().ok()
}

fn translate(text: &str, extended: bool) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    // Whether an expression begins here: there `*` is a character, and `^` an anchor.
    let mut first = true;
    while let Some(c) = chars.next() {
        let was_first = std::mem::replace(&mut first, false);
        match c {
            '\\' => {
                let escaped = chars.next()?;
                match escaped {
                    '(' | '|' if !extended => {
                        out.push(escaped);
                        first = true;
                    }
                    ')' | '{' | '}' | '+' | '?' if !extended => out.push(escaped),
                    '1'..='9' => return None,
                    '<' | '>' | 'b' => out.push_str("(?-u:\\b)"),
                    'w' => out.push_str("[0-9A-Za-z_]"),
                    'W' => out.push_str("[^0-9A-Za-z_]"),
                    's' => out.push_str("[\\t\\n\\x0b\\x0c\\r ]"),
                    'S' => out.push_str("[^\\t\\n\\x0b\\x0c\\r ]"),
                    'n' => out.push_str("\\n"),
                    't' => out.push_str("\\t"),
                    other => out.push_str(&regex::escape(&other.to_string())),
                }
            }
            '[' => bracket(&mut chars, &mut out)?,
            '*' if was_first => out.push_str("\\*"),
            '*' | '.' => out.push(c),
            '^' if was_first || extended => {
                out.push('^');
                first = true;
            }
            '$' => {
                let mut ahead = chars.clone();
                let end = match (ahead.next(), ahead.next()) {
                    (None, _) => true,
                    (Some('\\'), Some(')' | '|')) => !extended,
                    _ => extended,
                };
                out.push_str(if end { "$" } else { "\\$" });
            }
            '(' | '|' if extended => {
                out.push(c);
                first = true;
            }
            ')' | '+' | '?' | '{' | '}' if extended => out.push(c),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    Some(out)
}

/// A bracket expression, behind its `[`.
fn bracket(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Option<()> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if chars.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
    loop {
        match chars.next()? {
            ']' => {
                out.push(']');
                return Some(());
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                while let Some(c) = chars.next() {
                    out.push(c);
                    if c == ':' && chars.peek() == Some(&']') {
                        out.extend(chars.next());
                        break;
                    }
                }
            }
            // GNU tools read these escapes in brackets too.
            '\\' if matches!(chars.peek(), Some('n' | 't')) => {
                out.push('\\');
                out.extend(chars.next());
            }
            c @ ('[' | '\\' | '&' | '~') => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn basic_and_extended_expressions_match_as_in_grep() {
        for (text, extended, line, so) in [
            ("^a.c$", false, "abc", true),
            ("a+", false, "a+", true),
            ("a\\+b", false, "aab", true),
            ("\\(a\\|b\\)c", false, "bc", true),
            ("(a|b)c", true, "bc", true),
            ("(a|b)c", false, "bc", false),
            ("*x", false, "*x", true),
            ("[[:space:]]*#", false, "  #", true),
            ("[]a]", false, "]", true),
            ("a\\{2\\}", false, "aa", true),
            ("^[^:]*:", false, "x:y", true),
            ("\\<word\\>", false, "a word b", true),
            ("a$b", false, "a$b", true),
            ("x\\.y", true, "xzy", false),
            ("[\\.]", false, "\\", true),
        ] {
            let found = compile(text, extended, false).map(|regex| regex.is_match(line));
            assert_eq!(found, Some(so), "{text} {line}");
        }
        assert!(compile("\\(a\\)\\1", false, false).is_none());
        assert!(compile("FOO", false, true).is_some_and(|regex| regex.is_match("foo")));
    }
}
