//! Documents as trees with the places of their parts: for questions that come before types, and for errors that types find.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_yaml::Spanned;

use crate::Span;

/// A node of a document with its place.
#[derive(Debug)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub shape: Shape,
}

impl Node {
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
            Shape::Scalar(text) => Some(text),
            _ => None,
        }
    }
}

/// What a node is.
#[derive(Debug)]
pub enum Shape {
    /// Text, a number, a word, or nothing.
    Scalar(String),
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
        Ok(Self {
            span: spanned.referenced.into(),
            shape: spanned.value,
        })
    }
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
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_i128<E: de::Error>(self, value: i128) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_u128<E: de::Error>(self, value: u128) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_string()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Shape, E> {
                Ok(Shape::Scalar(value.to_owned()))
            }

            fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Shape, E> {
                Ok(Shape::Scalar(String::from_utf8_lossy(value).into_owned()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Shape, E> {
                Ok(Shape::Scalar(String::new()))
            }

            fn visit_none<E: de::Error>(self) -> Result<Shape, E> {
                Ok(Shape::Scalar(String::new()))
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
