//! `params`: values that a spec leaves open, and `${NAME}` in its place.

use std::collections::{BTreeMap, BTreeSet};

use mikron_yaml::{Node, Place, Shape, YamlErrorKind};

use crate::error::SpecErrorKind;
use crate::text::shown;

/// What is wrong at a node, and what would have been right.
pub(crate) type Fault = (SpecErrorKind, Option<String>);

/// The values of all parameters of a spec and of those that it extends.
#[derive(Debug, Default)]
pub(crate) struct Params {
    values: BTreeMap<String, Option<String>>,
    used: BTreeSet<String>,
}

impl Params {
    /// Takes the defaults that a spec declares; those of a later one win.
    pub(crate) fn declare(&mut self, params: &Node) -> Result<(), (Place, Fault)> {
        let Shape::Map(pairs) = &params.shape else {
            let expected = "a mapping of names and defaults".to_owned();
            let kind = YamlErrorKind::WrongType {
                expected,
                found: None,
            };
            let help = "write `params: { NAME: default }`, or `NAME: ~` for one without".to_owned();
            return Err((params.place(), (kind.into(), Some(help))));
        };
        for (name, _, value) in pairs {
            if name.is_empty() || name_at(name).len() < name.len() {
                let message = format!("`{}` cannot be the name of a parameter", shown(name));
                let help = "use letters, digits and `_`, and no digit first".to_owned();
                return Err((value.place(), (SpecErrorKind::Invalid(message), Some(help))));
            }
            let Some(text) = value.scalar() else {
                let expected = "text".to_owned();
                let kind = YamlErrorKind::WrongType {
                    expected,
                    found: None,
                };
                return Err((value.place(), (kind.into(), None)));
            };
            let text = (!value.is_null()).then(|| text.to_owned());
            self.values.insert(name.clone(), text);
        }
        Ok(())
    }

    /// Takes a value that was given from outside.
    pub(crate) fn give(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match self.values.get_mut(name) {
            Some(known) => {
                *known = Some(value.to_owned());
                Ok(())
            }
            None => Err(self.unknown(name)),
        }
    }

    /// Whether a spec declares a parameter.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether a parameter stands for something somewhere.
    pub(crate) fn is_used(&self, name: &str) -> bool {
        self.used.contains(name)
    }

    fn unknown(&self, name: &str) -> Fault {
        let known = || self.values.keys().map(String::as_str);
        let help = match mikron_yaml::nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.values.is_empty() => {
                format!("declare it: `params: {{ {}: default }}`", shown(name))
            }
            None => format!(
                "known are {}; for the text itself write `$${{`",
                mikron_yaml::list(known())
            ),
        };
        let kind = SpecErrorKind::Dangling {
            what: "parameter",
            name: shown(name),
            known: known().map(str::to_owned).collect(),
        };
        (kind, Some(help))
    }

    /// Puts values in the place of `${NAME}` in all values below a node; keys stay.
    pub(crate) fn put_in(&mut self, node: &mut Node) -> Result<(), (Place, Fault)> {
        let place = node.place();
        match &mut node.shape {
            Shape::Scalar(scalar) if scalar.text.contains("${") => {
                let text = self.expand(&scalar.text).map_err(|fault| (place, fault))?;
                *scalar = scalar.saying(text);
                Ok(())
            }
            Shape::Scalar(_) => Ok(()),
            Shape::List(items) => items.iter_mut().try_for_each(|item| self.put_in(item)),
            Shape::Map(pairs) => pairs
                .iter_mut()
                .try_for_each(|(.., value)| self.put_in(value)),
        }
    }

    fn expand(&mut self, text: &str) -> Result<String, Fault> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if let Some(before) = rest[..start].strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = &rest[start + 2..];
                continue;
            }
            out.push_str(&rest[..start]);
            let inner = &rest[start + 2..];
            let name = name_at(inner);
            let (default, end) = match inner[name.len()..].strip_prefix(":-") {
                Some(behind) => match behind.find('}') {
                    Some(end) => (Some(&behind[..end]), &behind[end..]),
                    None => (None, ""),
                },
                None => (None, &inner[name.len()..]),
            };
            let (false, Some(behind)) = (name.is_empty(), end.strip_prefix('}')) else {
                let message = "`${` begins no parameter here".to_owned();
                let help = "write `${NAME}` or `${NAME:-default}`, and `$${` for the text itself";
                return Err((SpecErrorKind::Invalid(message), Some(help.to_owned())));
            };
            let Some(value) = self.values.get(name) else {
                return Err(self.unknown(name));
            };
            let value = value
                .as_deref()
                .filter(|value| default.is_none() || !value.is_empty());
            let Some(value) = value.or(default) else {
                let message = format!("the parameter `{}` has no value", shown(name));
                let help = format!(
                    "give it one with `--param {0}=VALUE`, or write `${{{0}:-default}}`",
                    shown(name)
                );
                return Err((SpecErrorKind::Invalid(message), Some(help)));
            };
            out.push_str(value);
            self.used.insert(name.to_owned());
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// The name that a text begins with.
fn name_at(text: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return "";
    }
    &text[..text.find(|c| !is_part(c)).unwrap_or(text.len())]
}
