//! The sources of families that the spec does not know by itself: their keys, and who checks them.

use std::collections::BTreeMap;

use mikron_package::Family;
use mikron_yaml::{Node, Shape, YamlErrorKind};
use serde::Serialize;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess};

use crate::error::{Document, SpecError, SpecErrorKind};
use crate::source::Source;
use crate::text::ValueError;

/// What a source of a family may say, beside the keys that every source has (`keys`, `priority`, `allow`). The key of its place is
/// the name of the family.
///
/// ```
/// use mikron_package::{Family, FamilyData, Limits};
/// use mikron_spec::{SourceForm, Spec};
/// static PACMAN: FamilyData = FamilyData { name: "pacman", ..FamilyData::PLAIN };
/// static FORM: SourceForm = SourceForm {
///     family: Family::new(&PACMAN),
///     keys: &["repository"],
///     check: |source| match source.own.contains_key("repository") {
///         true => Ok(()),
///         false => Err(("a pacman source needs a repository".into(), "add `repository: core`".into())),
///     },
/// };
/// let text = "mikron: 1\nname: a\nsources:\n  arch: { pacman: https://example.org, repository: core, allow: [unsigned] }\n";
/// let spec = Spec::parse_with(&[&FORM], "a.yaml", text, &Limits::default())?;
/// assert_eq!(spec.sources["arch"].own["repository"].one(), Some("core"));
///
/// let error = Spec::parse_with(&[&FORM], "a.yaml", &text.replace("core", "[]").replace("repository", "suite"), &Limits::default());
/// assert!(error.is_err());
/// # Ok::<(), mikron_spec::SpecError>(())
/// ```
pub struct SourceForm {
    /// The family.
    pub family: Family,
    /// Its own keys; their values stand in [`Source::own`].
    pub keys: &'static [&'static str],
    /// Checks a source, when all that the spec knows of it is in order. What is wrong is a message and what would have been right.
    pub check: fn(&Source) -> Result<(), (String, String)>,
}

/// The value of a key of a family's own: texts as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum OwnValue {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl OwnValue {
    /// The text, where it is one.
    pub fn one(&self) -> Option<&str> {
        match self {
            Self::One(text) => Some(text),
            Self::Many(_) => None,
        }
    }

    fn of(node: &Node) -> Option<Self> {
        match &node.shape {
            Shape::Scalar(scalar) => Some(Self::One(scalar.text.clone())),
            Shape::List(items) => {
                let texts = items.iter().map(|item| item.scalar().map(str::to_owned));
                texts.collect::<Option<_>>().map(Self::Many)
            }
            Shape::Map(_) => None,
        }
    }
}

/// A mapping without the keys that are not known, which go elsewhere.
pub(crate) struct Known<'o, A> {
    pub(crate) map: A,
    pub(crate) keys: &'static [&'static str],
    /// `None` for a value that no own key has.
    pub(crate) others: &'o mut BTreeMap<String, Option<OwnValue>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Known<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            if self.keys.contains(&key.as_str()) {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            let value = self.map.next_value::<Node>()?;
            self.others.insert(key, OwnValue::of(&value));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// Gives every source that has keys beyond those of the spec to the family that knows them.
pub(crate) fn settle(
    sources: &mut BTreeMap<String, Source>,
    forms: &[&SourceForm],
    document: &Document<'_>,
    above: &[&str],
) -> Result<(), SpecError> {
    for (name, source) in sources {
        let mut path = above.to_vec();
        path.push(name.as_str());
        let form = forms
            .iter()
            .copied()
            .find(|form| source.unsettled.contains_key(form.family.name()));
        let known = |key: &str| {
            form.is_some_and(|form| form.keys.contains(&key) || form.family.name() == key)
        };
        for (key, value) in &source.unsettled {
            let mut at = path.clone();
            at.push(key);
            if !known(key) {
                let mut expected: Vec<&str> = Source::KEYS.to_vec();
                expected.extend(form.iter().flat_map(|form| form.keys));
                let (kind, help) = YamlErrorKind::unknown_key(key, &expected);
                let place = mikron_yaml::locate_key(document.text, &at);
                return Err(document.error(place, kind.into(), help));
            }
            if value.is_none() {
                let kind = YamlErrorKind::WrongType {
                    expected: "text or a list of texts".to_owned(),
                    found: None,
                };
                return Err(document.error_at(&at, kind.into(), None));
            }
        }
        let invalid = |error: ValueError| {
            document.error_at(&path, SpecErrorKind::Invalid(error.message), error.help)
        };
        if let Some(form) = form {
            source.settle(form).map_err(invalid)?;
        }
    }
    Ok(())
}
