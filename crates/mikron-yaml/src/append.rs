//! Items for the lists of a document that people have written: everything else stays as it stands.

use std::fmt::Write as _;

use crate::{Node, Shape};

/// Adds items at the end of the list at a key of the document, in the form that the list has; where there is no such key, one at the end of the
/// document. `None` where something else than a list stands there, or the text is no document. What comes of a document of an unusual form
/// (a flow mapping, a list behind an alias) may be none: who needs to be sure reads it.
///
/// ```
/// # fn main() -> Result<(), &'static str> {
/// let text = "packages: [nginx]  # the server\nremove:\n  - /usr/share/doc\n";
/// let text = mikron_yaml::append(text, "packages", &["libgcc-s1:libs"]).ok_or("no list")?;
/// let text = mikron_yaml::append(&text, "remove", &["!/usr/share/doc/x"]).ok_or("no list")?;
/// assert_eq!(text, "packages: [nginx, \"libgcc-s1:libs\"]  # the server\nremove:\n  - /usr/share/doc\n  - \"!/usr/share/doc/x\"\n");
/// # Ok(())
/// # }
/// ```
pub fn append(text: &str, key: &str, items: &[&str]) -> Option<String> {
    let root: Node = crate::read(text).ok()?;
    let Shape::Map(pairs) = &root.shape else {
        return None;
    };
    let quoted: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    let Some((_, place, list)) = pairs.iter().find(|(name, ..)| name == key) else {
        let gap = if text.ends_with('\n') { "" } else { "\n" };
        return Some(format!("{text}{gap}{key}:\n{}", lines(&quoted, "  ")));
    };
    let Shape::List(there) = &list.shape else {
        return None;
    };
    let value = offset(text, list.span.line, list.span.column)?;
    if text[value..].starts_with('[') {
        let (before, after) = text.split_at(end_of_flow(text, value)?);
        let gap = match before.chars().next_back()? {
            '[' => "",
            ',' => " ",
            _ => ", ",
        };
        return Some(format!("{before}{gap}{}{after}", quoted.join(", ")));
    }
    let dash = there.first()?.span;
    let first = crate::line(text, dash.line)?;
    let indent: String = first.chars().take_while(|c| *c == ' ').collect();
    let end = end_of_block(text, place.line, &indent)?;
    let (before, after) = text.split_at(end);
    let gap = if before.ends_with('\n') { "" } else { "\n" };
    Some(format!("{before}{gap}{}{after}", lines(&quoted, &indent)))
}

fn lines(items: &[String], indent: &str) -> String {
    let line = |item: &String| format!("{indent}- {item}\n");
    items.iter().map(line).collect()
}

/// A text between quotes, which mean the same in blocks and in brackets (YAML 1.2, 7.3.1).
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The byte at which a place begins.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let of_line = crate::line(text, line)?;
    let start = of_line.as_ptr() as usize - text.as_ptr() as usize;
    let within = of_line.char_indices().nth(column.checked_sub(1)?)?.0;
    Some(start + within)
}

/// Where the list in the brackets that begin at `open` ends: behind the last character in it that is neither space nor comment.
fn end_of_flow(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut last = open;
    let mut quote = None;
    let mut comment = false;
    let mut before = ' ';
    let mut escaped = false;
    for (at, c) in text[open..].char_indices() {
        let at = open + at;
        if comment {
            comment = c != '\n';
        } else if let Some(mark) = quote {
            if escaped {
                escaped = false;
            } else if c == '\\' && mark == '"' {
                escaped = true;
            } else if c == mark {
                quote = None;
            }
        } else {
            match c {
                '"' | '\'' if " \n\t[{,:'".contains(before) => quote = Some(c),
                '#' if before.is_whitespace() => comment = true,
                '[' | '{' => depth += 1,
                ']' | '}' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(last);
                    }
                }
                _ => {}
            }
        }
        if !comment && !c.is_whitespace() {
            last = at + c.len_utf8();
        }
        before = c;
    }
    None
}

/// Behind the last line of the items of a block list, whose key is in line `key` and whose items stand behind `indent`.
fn end_of_block(text: &str, key: usize, indent: &str) -> Option<usize> {
    let mut at = 0;
    let mut end = None;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        at += line.len();
        if number < key {
            continue;
        }
        let content = line.trim();
        let depth = line.len() - line.trim_start_matches(' ').len();
        let is_item = depth == indent.len() && content.starts_with('-');
        if is_item || (depth > indent.len() && !content.is_empty()) {
            end = Some(at);
        } else if !content.is_empty() && !content.starts_with('#') {
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_item_comes_where_people_would_write_it() {
        let cases = [
            ("a: [x]\n", "a: [x, \"n\"]\n"),
            ("a: []\n", "a: [\"n\"]\n"),
            (
                "a: [ 'it''s # ]', y ] # z\n",
                "a: [ 'it''s # ]', y, \"n\" ] # z\n",
            ),
            (
                "a: [\n  x, # one ]\n  { y: [1] },\n]\nb: 1\n",
                "a: [\n  x, # one ]\n  { y: [1] }, \"n\"\n]\nb: 1\n",
            ),
            (
                "a:\n  - x # one\n  # two\n\n# of b\nb: 1\n",
                "a:\n  - x # one\n  - \"n\"\n  # two\n\n# of b\nb: 1\n",
            ),
            (
                "a:\n- x\n- |\n  y\nb: 1\n",
                "a:\n- x\n- |\n  y\n- \"n\"\nb: 1\n",
            ),
            ("a:\n  - x", "a:\n  - x\n  - \"n\"\n"),
            (
                "a:\n  - x:\n      y: 1\n",
                "a:\n  - x:\n      y: 1\n  - \"n\"\n",
            ),
            ("b: 1", "b: 1\na:\n  - \"n\"\n"),
        ];
        for (text, expected) in cases {
            let appended = append(text, "a", &["n"]).unwrap();
            assert_eq!(appended, expected);
            let root = Node::parse(&appended, 0).unwrap();
            let Shape::List(items) = &root.get("a").unwrap().shape else {
                panic!("{appended}");
            };
            assert_eq!(items.last().and_then(Node::scalar), Some("n"), "{appended}");
        }
    }

    #[test]
    fn what_is_no_list_takes_no_item() {
        for text in ["a: x\n", "a: { b: 1 }\n", "a:\n", "- a\n", "a: [\n"] {
            assert_eq!(append(text, "a", &["n"]), None, "{text}");
        }
    }

    #[test]
    fn quotes_hold_whatever_is_in_them() {
        let item = "!/a \"b\"\\\u{7}\n";
        let appended = append("a: []\n", "a", &[item]).unwrap();
        let root = Node::parse(&appended, 0).unwrap();
        let Shape::List(items) = &root.get("a").unwrap().shape else {
            panic!("{appended}");
        };
        assert_eq!(items[0].scalar(), Some(item));
    }
}
