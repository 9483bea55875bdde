//! Trees as documents again, one key or item a line, and where each line of them comes from.

use std::fmt::Write as _;

use crate::{Node, Scalar, Shape, Span};

/// A document that was written from a tree, and the places that its lines come from.
#[derive(Clone, Debug, Default)]
pub struct Flat {
    /// The document.
    pub text: String,
    /// Its lines, in order.
    pub lines: Vec<Line>,
}

/// Where a line of a [`Flat`] comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    /// The mapping that begins with this line.
    map: Option<Place>,
    /// Its key.
    key: Option<Place>,
    /// Its value.
    value: Option<Place>,
    /// The column where the value begins, from 1.
    column: usize,
    /// Whether a comment may stand behind it.
    pub is_open: bool,
}

/// A place in one of several documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which document.
    pub file: usize,
    /// Where in it.
    pub span: Span,
}

impl Line {
    /// The place of what the line says.
    pub fn place(&self) -> Option<Place> {
        self.key.or(self.map).or(self.value)
    }
}

impl Flat {
    /// Writes a tree. What is plain stays so; what stands in quotes or in blocks is text in the new document, too.
    ///
    /// ```
    /// use mikron_yaml::{Flat, Node};
    /// let node = Node::parse("{ a: 'x', list: [1.10, { b: no }], text: \"two\\nlines\\n\" }", 0)?;
    /// let flat = Flat::of(&node);
    /// assert_eq!(flat.text, "a: \"x\"\nlist:\n  - 1.10\n  - b: no\ntext: |\n  two\n  lines\n");
    /// # Ok::<(), mikron_yaml::YamlError>(())
    /// ```
    pub fn of(root: &Node) -> Self {
        let mut flat = Self::default();
        match &root.shape {
            Shape::Map(pairs) if !pairs.is_empty() => flat.map(root, pairs, 0, false),
            Shape::List(items) if !items.is_empty() => flat.list(items, 0),
            _ => flat.value(root, Line::default(), 0),
        }
        flat
    }

    /// Where what stands at `span` comes from.
    pub fn origin(&self, span: Span) -> Option<Place> {
        let line = self.lines.get(span.line.checked_sub(1)?)?;
        if span.column >= line.column {
            return line.value.or(line.place());
        }
        // A mapping begins where its first key does; what is said of a key is as long as the key.
        let is_key = line.key.is_some_and(|key| key.span.length == span.length);
        if is_key { line.key } else { line.map }.or(line.place())
    }

    fn map(&mut self, node: &Node, pairs: &[(String, Span, Node)], depth: usize, is_item: bool) {
        for (number, (key, span, value)) in pairs.iter().enumerate() {
            let is_first = number == 0;
            if is_first && is_item {
                self.indent(depth - 1);
                self.text.push_str("- ");
            } else {
                self.indent(depth);
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
            if key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
                && key.chars().all(plain)
            {
                self.text.push_str(key);
            } else {
                push_quoted(&mut self.text, key);
            }
            self.text.push(':');
            let file = value.file;
            let key = Some(Place { file, span: *span });
            let line = Line {
                map: is_first.then(|| node.place()),
                key,
                ..Line::default()
            };
            self.value(value, line, depth + 1);
        }
    }

    fn list(&mut self, items: &[Node], depth: usize) {
        for item in items {
            match &item.shape {
                Shape::Map(pairs) if !pairs.is_empty() => {
                    self.map(item, pairs, depth + 1, true);
                }
                _ => {
                    self.indent(depth);
                    self.text.push('-');
                    self.value(item, Line::default(), depth + 1);
                }
            }
        }
    }

    /// Writes what stands behind a key or a dash, and what is below it at `depth`.
    fn value(&mut self, node: &Node, line: Line, depth: usize) {
        let start = self.text.rfind('\n').map_or(0, |end| end + 1);
        let mut line = Line {
            value: Some(node.place()),
            column: self.text[start..].chars().count() + 2,
            is_open: true,
            ..line
        };
        match &node.shape {
            Shape::Scalar(scalar) => {
                self.text.push(' ');
                if let Some(mark) = block_mark(scalar) {
                    self.end(mark, line);
                    line.column = 1;
                    line.is_open = false;
                    for part in scalar.text.lines() {
                        if !part.is_empty() {
                            self.indent(depth);
                        }
                        self.end(part, line);
                    }
                } else if scalar.is_plain && !scalar.text.is_empty() {
                    self.end(&scalar.text, line);
                } else if scalar.is_plain {
                    self.end("~", line);
                } else {
                    push_quoted(&mut self.text, &scalar.text);
                    self.end("", line);
                }
            }
            Shape::List(items) if items.is_empty() => self.end(" []", line),
            Shape::Map(pairs) if pairs.is_empty() => self.end(" {}", line),
            Shape::List(items) => {
                self.end("", line);
                self.list(items, depth);
            }
            Shape::Map(pairs) => {
                self.end("", line);
                self.map(node, pairs, depth, false);
            }
        }
    }

    fn indent(&mut self, depth: usize) {
        self.text.extend(std::iter::repeat_n("  ", depth));
    }

    fn end(&mut self, text: &str, line: Line) {
        self.text.push_str(text);
        self.text.push('\n');
        self.lines.push(line);
    }
}

/// How a text of several lines begins as a block (YAML 1.2, 8.1.2), where a block says the same.
fn block_mark(scalar: &Scalar) -> Option<&'static str> {
    let text = &scalar.text;
    let inner = text.strip_suffix('\n').unwrap_or(text);
    let is_good = |line: &str| {
        !line.ends_with([' ', '\t']) && line.chars().all(|c| c == '\t' || is_printable(c))
    };
    let first = inner.starts_with([' ', '\t', '\n']);
    let fits = !scalar.is_plain && inner.contains('\n') && !first && !inner.ends_with('\n');
    (fits && inner.split('\n').all(is_good)).then_some(if inner.len() < text.len() {
        "|"
    } else {
        "|-"
    })
}

/// Whether a character stands for itself in any YAML document, and ends no line.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Writes a text in double quotes (YAML 1.2, 7.3.1).
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = write!(out, "\\u{code:04x}");
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Flat {
        Flat::of(&Node::parse(text, 3).expect("YAML"))
    }

    #[test]
    fn a_tree_that_is_written_says_the_same() {
        let texts = [
            "a: ~\nb:\nc: ''\nd: 0755\ne: \"0755\"\nf: no\ng: 1.10\n",
            "a: &x [1, 'two', { b: 3, c: [[], {}] }]\nd: *x\n",
            "t: |-\n  a: b\nu: |-\n  null\nv: |-\n  12\nw: >\n  one\n",
            "a: &x { k: v }\nb: *x\nc: { <<: *x, l: w }\n",
            "list:\n  - [a, b]\n  - - c\n  - { x: { y: z }, w: [1] }\n",
            "t: \"tab\\there\\r\\n\\u0085 \\u2028 é 😀\"\n",
            "t: |\n  a\n\n    b\n  c\nu: >\n  folded\n  text\nv: |-\n  x\n  y\nw: |+\n  x\n\n\n",
            "t: plain text\n  over lines\n'quoted: key': 'it''s'\n\"1\": x\n",
            "e: []\nf: {}\n",
            "[]",
            "x",
        ];
        for text in texts {
            let before = Node::parse(text, 0).expect("YAML");
            let flat = Flat::of(&before);
            let after =
                Node::parse(&flat.text, 0).unwrap_or_else(|error| panic!("{error}\n{}", flat.text));
            assert!(before.is_equal(&after), "{text}\n{}", flat.text);
            assert_eq!(flat.text.lines().count(), flat.lines.len(), "{}", flat.text);
            assert_eq!(Flat::of(&after).text, flat.text);
        }
    }

    #[test]
    fn places_lead_back_to_where_things_stood() {
        let text = "a: 'x'\nlist: [one, { key: value, other: [z] }]\ntext: |\n  first\n  second\n";
        let flat = flat(text);
        let at = |path: &[&str]| {
            let place = crate::locate_value(&flat.text, path).and_then(|span| flat.origin(span));
            place.map(|place| {
                (
                    place.file,
                    place.span.line,
                    place.span.column,
                    place.span.length,
                )
            })
        };
        assert_eq!(at(&["a"]), Some((3, 1, 4, 3)));
        assert_eq!(at(&["list", "0"]), Some((3, 2, 8, 3)));
        assert_eq!(at(&["list", "1"]).map(|at| (at.1, at.2)), Some((2, 13)));
        assert_eq!(at(&["list", "1", "key"]), Some((3, 2, 20, 5)));
        assert_eq!(at(&["list", "1", "other", "0"]), Some((3, 2, 35, 1)));
        assert_eq!(at(&["text"]).map(|at| at.1), Some(4));
        let key = crate::locate_key(&flat.text, &["list"]).and_then(|span| flat.origin(span));
        assert_eq!(key.map(|place| place.span.column), Some(1));
    }
}
