//! Short texts that very many values have alike: owners of files, names of packages and capabilities.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// So many texts are remembered by a thread.
const REMEMBERED: usize = 8;

thread_local! {
    static RECENT: RefCell<Vec<SharedText>> = const { RefCell::new(Vec::new()) };
}

/// A text whose clones share its bytes. One that is made again shortly after an equal one shares its bytes too, so that
/// `root` stands once in memory, and not once for every file of an archive.
///
/// ```
/// use mikron_package::SharedText;
/// let owner = SharedText::from("root");
/// assert_eq!(owner, *"root");
/// assert_eq!(owner.len(), 4);
/// ```
///
/// It takes the room of one pointer: it stands in every part and node of a tree, and is hardly ever read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharedText(Arc<Box<str>>);

impl SharedText {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        RECENT.with_borrow_mut(|recent| {
            if let Some(known) = recent.iter().find(|known| &**known.0 == text) {
                return known.clone();
            }
            if recent.len() == REMEMBERED {
                recent.remove(0);
            }
            let new = Self(Arc::new(text.into()));
            recent.push(new.clone());
            new
        })
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for SharedText {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<SharedText> for String {
    fn from(text: SharedText) -> Self {
        text.as_str().to_owned()
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SharedText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SharedText {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for SharedText {
    fn eq(&self, other: &str) -> bool {
        **self.0 == *other
    }
}

impl PartialEq<&str> for SharedText {
    fn eq(&self, other: &&str) -> bool {
        **self.0 == **other
    }
}

impl PartialEq<SharedText> for String {
    fn eq(&self, other: &SharedText) -> bool {
        **self == **other.0
    }
}

impl PartialEq<String> for SharedText {
    fn eq(&self, other: &String) -> bool {
        **self.0 == **other
    }
}

impl fmt::Display for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self.0, f)
    }
}

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SharedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

struct Text;

impl de::Visitor<'_> for Text {
    type Value = SharedText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SharedText, E> {
        Ok(SharedText::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_that_are_made_one_after_the_other_are_one() {
        let (first, other) = (SharedText::from("root"), SharedText::from("adm"));
        let again = SharedText::from("root".to_owned());
        assert!(Arc::ptr_eq(&first.0, &again.0));
        assert_ne!(first, other);
    }

    #[test]
    fn no_more_than_a_few_are_remembered() {
        for n in 0..1000 {
            let _ = SharedText::from(n.to_string());
        }
        RECENT.with_borrow(|recent| assert_eq!(recent.len(), REMEMBERED));
    }
}
