//! Dynamic symbols in a form that a cache reads at the price of a copy.
//!
//! A library of 30,000 symbols takes 240 kB; nothing of it is decoded until a look-up asks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::blob::Blob;

/// Bits of a word that hold the hash of the name.
const NAME: u64 = !0xff_ffff;
/// The definition is not the default of its name: only those find it who ask for its version.
const HIDDEN: u64 = 1 << 23;
const VERSION: u64 = HIDDEN - 1;

/// FNV-1a with 64 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SymbolHash(u64);

impl SymbolHash {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Its upper half.
    pub(crate) const fn upper(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// The part of a word that stands for a version; 0 is the base, which every reference accepts.
fn version_bits(version: &str) -> u64 {
    let mut hash = SymbolHash::new();
    hash.update(version.as_bytes());
    ((hash.0 >> 32) & VERSION).max(1)
}

/// A symbol as it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolKey {
    name: u64,
    version: Option<u64>,
}

impl SymbolKey {
    /// A reference to `name`, bound to a version where the reference has one.
    pub fn new(name: &str, version: Option<&str>) -> Self {
        let mut hash = SymbolHash::new();
        hash.update(name.as_bytes());
        Self {
            name: hash.0 & NAME,
            version: version.map(version_bits),
        }
    }
}

/// The symbols that a shared object defines, as sorted 64-bit words: 40 bits of the name's hash, one that says whether only
/// its version finds it, 23 of the version's hash.
///
/// A symbol that is not defined is taken for a defined one in one of 10¹² comparisons.
///
/// ```
/// use mikron_facts::{Exports, SymbolKey};
/// let exports = Exports::of(&[("deflate", Some("ZLIB_1.2")), ("main", None)]);
/// assert!(exports.defines(SymbolKey::new("deflate", Some("ZLIB_1.2"))));
/// assert!(!exports.defines(SymbolKey::new("deflate", Some("ZLIB_1.3"))));
/// // Who asks for no version gets the default, and who asks for one accepts what has none.
/// assert!(exports.defines(SymbolKey::new("deflate", None)));
/// assert!(exports.defines(SymbolKey::new("main", Some("ANY_1"))));
/// assert!(!exports.defines(SymbolKey::new("inflate", None)));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exports(Blob);

impl Exports {
    /// Definitions by name and version, all of them the default of their name.
    pub fn of(symbols: &[(&str, Option<&str>)]) -> Self {
        let word = |(name, version): &(&str, Option<&str>)| {
            let mut hash = SymbolHash::new();
            hash.update(name.as_bytes());
            word(hash, *version, false)
        };
        Self::from_words(symbols.iter().map(word).collect())
    }

    pub(crate) fn from_words(mut words: Vec<u64>) -> Self {
        words.sort_unstable();
        words.dedup();
        Self(Blob(
            words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        ))
    }

    /// How many definitions there are.
    pub fn len(&self) -> usize {
        self.0.0.len() / 8
    }

    /// Whether nothing is defined.
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// Whether the loader would bind a reference to one of the definitions (glibc, `check_match` in `elf/dl-lookup.c`).
    pub fn defines(&self, key: SymbolKey) -> bool {
        let (words, _) = self.0.0.as_chunks::<8>();
        let from = words.partition_point(|word| u64::from_le_bytes(*word) & NAME < key.name);
        words[from..]
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .take_while(|word| word & NAME == key.name)
            .any(|word| match key.version {
                Some(version) => word & VERSION == version || word & VERSION == 0,
                None => word & HIDDEN == 0,
            })
    }
}

/// The word of one definition.
pub(crate) fn word(name: SymbolHash, version: Option<&str>, hidden: bool) -> u64 {
    name.0 & NAME | if hidden { HIDDEN } else { 0 } | version.map_or(0, version_bits)
}

impl fmt::Debug for Exports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exports({} symbols)", self.len())
    }
}

/// Undefined symbols by name and, where they are bound to one, version; one text, so that a cache reads it at once.
///
/// ```
/// use mikron_facts::Unresolved;
/// let mut unresolved = Unresolved::default();
/// unresolved.push("deflate", Some("ZLIB_1.2"));
/// unresolved.push("main", None);
/// let all: Vec<_> = unresolved.iter().collect();
/// assert_eq!(all, [("deflate", Some("ZLIB_1.2")), ("main", None)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unresolved(String);

impl Unresolved {
    /// Adds a symbol. Names that no compiler makes (with `@` or control characters) are left aside.
    pub fn push(&mut self, name: &str, version: Option<&str>) {
        let odd =
            |text: &str| text.is_empty() || text.contains(|c: char| c == '@' || c.is_control());
        if odd(name) || version.is_some_and(odd) {
            return;
        }
        self.0.push_str(name);
        if let Some(version) = version {
            self.0.push('@');
            self.0.push_str(version);
        }
        self.0.push('\n');
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The symbols in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.lines().map(|line| match line.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (line, None),
        })
    }
}
