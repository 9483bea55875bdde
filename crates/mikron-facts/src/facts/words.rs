//! The words in a file that may be the names of programs which it starts, and of files that it opens.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SymbolHash;
use super::blob::Blob;
use crate::code::program_hash;

/// The words among a file's constants, as sorted hashes of 32 bits.
///
/// A word is the first of a command line or the last component of a path; a path of several components is one, too, without the
/// slashes at its ends, and a command with arguments behind it, as itself and ` -`. Of ten thousand words, one question in 400,000 finds one that is not there.
///
/// ```
/// use mikron_facts::Words;
/// let words: Words = ["gpgconf", "gpg-agent"].into_iter().collect();
/// assert!(words.contains("gpg-agent"));
/// assert!(!words.contains("gpgsm"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words(Blob);

impl Words {
    /// The longest name of a program that is looked for.
    pub(crate) const LONGEST: usize = 48;

    /// Whether the file holds this word.
    pub fn contains(&self, word: &str) -> bool {
        self.has(hash(word.as_bytes()))
    }

    /// Whether code names a program that it starts.
    pub fn starts(&self, program: &str) -> bool {
        self.has(program_hash(program.as_bytes()))
    }

    fn has(&self, wanted: u32) -> bool {
        let (hashes, _) = self.0.0.as_chunks::<4>();
        let place = hashes.binary_search_by_key(&wanted, |bytes| u32::from_le_bytes(*bytes));
        place.is_ok()
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.0.0.len() / 4
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// The hashes of the words, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let (hashes, _) = self.0.0.as_chunks::<4>();
        hashes.iter().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(crate) fn of_hashes(mut hashes: Vec<u32>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        let bytes = hashes.iter().flat_map(|hash| hash.to_le_bytes());
        Self(Blob(bytes.collect()))
    }
}

impl<'a> FromIterator<&'a str> for Words {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        Self::of_hashes(
            words
                .into_iter()
                .map(|word| hash(word.as_bytes()))
                .collect(),
        )
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.len())
    }
}

/// The upper half of the hash of a word.
pub fn hash(word: &[u8]) -> u32 {
    let mut hash = SymbolHash::new();
    hash.update(word);
    hash.upper()
}

/// The hash of the name of a machine's tool among words: two letters alone are one (`as`, `ld`), where they are no name of a program
/// otherwise.
pub fn tool_hash(name: &[u8]) -> u32 {
    if name.len() == 2 {
        hash(&[b"@", name].concat())
    } else {
        hash(name)
    }
}
