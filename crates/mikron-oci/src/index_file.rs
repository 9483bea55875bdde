//! `index.json` of a layout: what stands in it is kept, whoever wrote it; only our own reference changes.

use serde_json::{Map, Value};

use crate::json::{self, JsonError};
use crate::{Descriptor, StoreError};

/// The annotation that holds a tag (OCI image-spec, annotations).
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Refuses what is no tag (OCI distribution-spec, "Pulling manifests").
pub(crate) fn check_tag(tag: &str) -> Result<(), StoreError> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let good = tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-');
    if good {
        Ok(())
    } else {
        Err(StoreError::BadTag {
            tag: tag.chars().take(200).collect(),
        })
    }
}

/// An `index.json` as a JSON tree: fields that we do not know survive.
pub(crate) struct IndexFile(Map<String, Value>);

impl IndexFile {
    /// An index without manifests.
    pub(crate) fn empty() -> Self {
        let mut map = Map::new();
        map.insert("schemaVersion".to_owned(), 2.into());
        map.insert(
            "mediaType".to_owned(),
            "application/vnd.oci.image.index.v1+json".into(),
        );
        map.insert("manifests".to_owned(), Value::Array(Vec::new()));
        Self(map)
    }

    /// Reads an index.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        use serde::de::Error as _;
        match json::parse(bytes)? {
            Value::Object(map) if map.get("manifests").is_some_and(Value::is_array) => {
                Ok(Self(map))
            }
            _ => Err(
                serde_json::Error::custom("an image index with `manifests` was expected").into(),
            ),
        }
    }

    fn manifests(&mut self) -> &mut Vec<Value> {
        let manifests = self
            .0
            .entry("manifests")
            .or_insert_with(|| Value::Array(Vec::new()));
        if !manifests.is_array() {
            *manifests = Value::Array(Vec::new());
        }
        manifests.as_array_mut().expect("made an array above")
    }

    /// Makes `tag` refer to `target`. References that we write stand in the order of their tags, so that the bytes do not
    /// depend on who came first.
    pub(crate) fn set(&mut self, tag: &str, target: &Descriptor) {
        let manifests = self.manifests();
        manifests.retain(|other| ref_name(other) != Some(tag));
        let place = manifests
            .iter()
            .position(|other| ref_name(other).is_some_and(|r| r > tag));
        let entry = target.clone().annotated(REF_NAME, tag);
        manifests.insert(place.unwrap_or(manifests.len()), entry.into());
    }

    /// The file as it is written.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, JsonError> {
        json::canonical(&self.0)
    }
}

fn ref_name(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REF_NAME)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blob;
    use crate::descriptor::MANIFEST;

    fn target(bytes: &[u8]) -> Descriptor {
        Descriptor::new(MANIFEST, Blob::of(bytes))
    }

    #[test]
    fn references_do_not_depend_on_the_order_in_which_they_came() {
        let (mut a, mut b) = (IndexFile::empty(), IndexFile::empty());
        for tag in ["x", "y", "z"] {
            a.set(tag, &target(tag.as_bytes()));
        }
        for tag in ["z", "x", "y", "x"] {
            b.set(tag, &target(tag.as_bytes()));
        }
        assert_eq!(a.to_bytes().unwrap(), b.to_bytes().unwrap());
    }

    #[test]
    fn what_others_wrote_is_kept() {
        let text =
            br#"{"manifests":[{"digest":"sha256:x","future":1}],"other":true,"schemaVersion":2}"#;
        let mut index = IndexFile::parse(text).unwrap();
        index.set("a", &target(b"a"));
        let text = String::from_utf8(index.to_bytes().unwrap()).unwrap();
        assert!(
            text.contains(r#""future":1"#) && text.contains(r#""other":true"#),
            "{text}"
        );
    }

    #[test]
    fn a_malformed_tag_is_refused() {
        for tag in ["", ".a", "-a", "a/b", "a b", "ä", "a\n", &"a".repeat(129)] {
            assert!(check_tag(tag).is_err(), "{tag}");
        }
        for tag in ["latest", "1.22-nonroot", "_x", "A"] {
            assert!(check_tag(tag).is_ok(), "{tag}");
        }
    }
}
