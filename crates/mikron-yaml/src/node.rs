//! Documents as trees with the places of their parts: for questions that come before types, and for errors that types find.

use std::fmt;
use std::ops::Range;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_yaml::Spanned;

use crate::{Place, Span, YamlError};

/// A node of a document with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands; of an alias, where that does.
    pub span: Span,
    /// Of which document, for trees that are put together out of several; else 0.
    pub file: usize,
    /// What it is.
    pub shape: Shape,
    /// The bytes of the document that say it, of an alias those of its anchor.
    source: Range<usize>,
}

impl Node {
    /// Reads the document that is number `file` as a tree in which scalars are as they were written.
    ///
    /// ```
    /// use mikron_yaml::Node;
    /// let node = Node::parse("version: 1.10\n", 0)?;
    /// assert_eq!(node.get("version").and_then(Node::scalar), Some("1.10"));
    /// # Ok::<(), mikron_yaml::YamlError>(())
    /// ```
    ///
    /// # Errors
    /// As [`read`](crate::read()).
    pub fn parse(text: &str, file: usize) -> Result<Self, YamlError> {
        let mut root: Self = crate::read(text)?;
        root.as_written(text, file);
        Ok(root)
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        Place {
            file: self.file,
            span: self.span,
        }
    }

    /// A node that stands where `self` does and is something else.
    #[must_use]
    pub fn with(&self, shape: Shape) -> Self {
        Self {
            span: self.span,
            file: self.file,
            shape,
            source: self.source.clone(),
        }
    }

    /// Gives plain scalars the text that stands there, whatever YAML takes it for, and all nodes their document.
    fn as_written(&mut self, text: &str, file: usize) {
        self.file = file;
        self.span = self.span.on_its_line(text);
        match &mut self.shape {
            Shape::Scalar(scalar) => {
                let source = text.get(self.source.clone()).unwrap_or("").trim();
                if scalar.is_plain {
                    source.clone_into(&mut scalar.text);
                } else {
                    scalar.is_plain = source == scalar.text && is_word(source);
                }
            }
            Shape::List(items) => {
                for item in items {
                    item.as_written(text, file);
                }
            }
            Shape::Map(pairs) => {
                for (_, span, value) in pairs {
                    *span = span.on_its_line(text);
                    value.as_written(text, file);
                }
            }
        }
    }

    /// Whether nothing stands here: no value at all, `~` or `null` without quotes.
    pub fn is_null(&self) -> bool {
        matches!(&self.shape, Shape::Scalar(scalar) if scalar.is_plain && is_nothing(&scalar.text))
    }

    /// Whether both say the same, wherever they stand.
    pub fn is_equal(&self, other: &Self) -> bool {
        match (&self.shape, &other.shape) {
            (Shape::Scalar(a), Shape::Scalar(b)) => {
                let (is_null, is_other) = (self.is_null(), other.is_null());
                is_null == is_other && (is_null || a.text == b.text)
            }
            (Shape::List(a), Shape::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_equal(b))
            }
            (Shape::Map(a), Shape::Map(b)) => {
                let has = |(key, _, value): &(String, Span, Node)| {
                    b.iter()
                        .any(|(other, _, theirs)| key == other && value.is_equal(theirs))
                };
                a.len() == b.len() && a.iter().all(has)
            }
            _ => false,
        }
    }

    /// The value of `key` in a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Map(pairs) => pairs
                .iter()
                .find(|(name, ..)| name == key)
                .map(|(.., node)| node),
            _ => None,
        }
    }

    /// The text of a scalar; numbers and words as YAML understands them.
    pub fn scalar(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }
}

fn is_nothing(text: &str) -> bool {
    ["", "~", "null", "Null", "NULL"].contains(&text)
}

/// Whether a text of one line can stand without quotes wherever a value stands in a block, and is text then, or a number.
pub(crate) fn is_word(text: &str) -> bool {
    let first = |c: char| c.is_alphanumeric() || "/._$".contains(c);
    let breaks = [": ", " #", ":\t", "\t#"];
    text.starts_with(first)
        && !is_nothing(text)
        && !text.ends_with([':', ' ', '\t'])
        && !breaks.iter().any(|part| text.contains(part))
        && !text.chars().any(char::is_control)
}

/// Text, a number, a word, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scalar {
    /// What it says.
    pub text: String,
    /// Whether that is what stands there, without quotes, and YAML may take it for more than text.
    pub is_plain: bool,
}

impl Scalar {
    /// Another text in its place. It is plain where this is, and can be.
    #[must_use]
    pub fn saying(&self, text: String) -> Self {
        let is_plain = self.is_plain && is_word(&text);
        Self { text, is_plain }
    }
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Shape {
    /// One value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping: keys with their places, and values.
    Map(Vec<(String, Span, Node)>),
}

/// The place of the value that `path` leads to, or of its nearest existing ancestor. Items of lists go by their number, from 0.
///
/// ```
/// let place = mikron_yaml::locate_value("list:\n  - x\n  - y\n", &["list", "1"]);
/// assert_eq!(place.map(|span| span.line), Some(3));
/// ```
pub fn locate_value(text: &str, path: &[&str]) -> Option<Span> {
    locate(text, path, |node, step| match &node.shape {
        Shape::Map(_) => node.get(step).map(|value| (value.span, value)),
        Shape::List(items) => {
            let item = step.parse::<usize>().ok().and_then(|i| items.get(i));
            item.map(|item| (item.span, item))
        }
        Shape::Scalar(_) => None,
    })
}

/// The place of the key that `path` leads to, or of its nearest existing ancestor. Items of lists go by their text.
///
/// ```
/// let place = mikron_yaml::locate_key("map:\n  first: 1\n", &["map", "first"]);
/// assert_eq!(place.map(|span| span.column), Some(3));
/// ```
pub fn locate_key(text: &str, path: &[&str]) -> Option<Span> {
    locate(text, path, |node, step| match &node.shape {
        Shape::Map(pairs) => {
            let pair = pairs.iter().find(|(key, ..)| key == step);
            pair.map(|(_, place, value)| (*place, value))
        }
        Shape::List(items) => {
            let item = items.iter().find(|item| item.scalar() == Some(step));
            item.map(|item| (item.span, item))
        }
        Shape::Scalar(_) => None,
    })
}

fn locate(
    text: &str,
    path: &[&str],
    step_to: impl for<'n> Fn(&'n Node, &str) -> Option<(Span, &'n Node)>,
) -> Option<Span> {
    let root: Node = crate::read(text).ok()?;
    let mut node = &root;
    let mut span = None;
    for step in path {
        let Some((place, next)) = step_to(node, step) else {
            break;
        };
        node = next;
        span = Some(place);
    }
    span.map(|span| span.on_its_line(text))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Shape>::deserialize(deserializer)?;
        let defined = spanned.defined.span();
        let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let (start, length) = (number(defined.byte_offset()), number(defined.byte_len()));
        Ok(Self {
            span: spanned.referenced.into(),
            file: 0,
            shape: spanned.value,
            source: start..start.saturating_add(length),
        })
    }
}

fn scalar(text: impl Into<String>, is_plain: bool) -> Shape {
    let text = text.into();
    Shape::Scalar(Scalar { text, is_plain })
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Shape, E> {
                Ok(scalar(value.to_string(), true))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Shape, E> {
                Ok(scalar(value.to_string(), true))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Shape, E> {
                Ok(scalar(value.to_string(), true))
            }

            fn visit_i128<E: de::Error>(self, value: i128) -> Result<Shape, E> {
                Ok(scalar(value.to_string(), true))
            }

            fn visit_u128<E: de::Error>(self, value: u128) -> Result<Shape, E> {
                Ok(scalar(value.to_string(), true))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Shape, E> {
                Ok(scalar(value.to_string(), true))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Shape, E> {
                Ok(scalar(value, false))
            }

            fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Shape, E> {
                Ok(scalar(String::from_utf8_lossy(value), false))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Shape, E> {
                Ok(scalar("", true))
            }

            fn visit_none<E: de::Error>(self) -> Result<Shape, E> {
                Ok(scalar("", true))
            }

            fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Shape, D::Error> {
                Shape::deserialize(value)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Shape::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Shape, A::Error> {
                let mut map = Vec::new();
                while let Some((key, value)) = pairs.next_entry::<Spanned<String>, Node>()? {
                    map.push((key.value, key.referenced.into(), value));
                }
                Ok(Shape::Map(map))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_path() {
        let text = "a: 1\nlist:\n  - x\n  - { key: é, other: 'two words' }\n";
        let at = |path: &[&str]| locate_value(text, path).map(|s| (s.line, s.column, s.length));
        assert_eq!(at(&["a"]), Some((1, 4, 1)));
        assert_eq!(at(&["list", "0"]), Some((3, 5, 1)));
        assert_eq!(at(&["list", "1", "other"]), Some((4, 22, 11)));
        assert_eq!(at(&["list", "1", "missing"]), at(&["list", "1"]));
        assert_eq!(at(&["nothing"]), None);
    }

    #[test]
    fn keys_and_items_are_found_by_their_path() {
        let text = "a: 1\nlist:\n  - x\n  - other\nmap:\n  /usr/**: { mode: 0755 }\n  bare:\n";
        let at = |path: &[&str]| locate_key(text, path).map(|s| (s.line, s.column, s.length));
        assert_eq!(at(&["list", "other"]), Some((4, 5, 5)));
        assert_eq!(at(&["map", "/usr/**", "mode"]), Some((6, 14, 4)));
        assert_eq!(at(&["map", "bare"]), Some((7, 3, 4)));
        assert_eq!(at(&["map", "missing"]), at(&["map"]));
        assert_eq!(at(&["nothing"]), None);
    }
}
