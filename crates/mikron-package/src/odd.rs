//! Records of an index that cannot be used, while the index itself is sound.
//!
//! One version that breaks its family's rules is no reason to refuse the other ten thousand packages: such a record is left
//! out, named in a warning, and named again where something needs the package. What is wrong with the index as a whole (its
//! digest, its syntax, a limit) is an error of the reader, and never lands here.

use serde::{Deserialize, Serialize};

/// A record that was left out, with why.
///
/// ```
/// use mikron_package::OddRecord;
/// let odd = OddRecord::new("mad", "0.99f7-r0", "x86_64", "the version has a letter in the wrong place");
/// assert_eq!(odd.to_string(), "mad 0.99f7-r0 (the version has a letter in the wrong place)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OddRecord {
    /// The name as it stands there, a hundred characters at most; empty where it could not be read.
    pub name: String,
    /// The version as it stands there, likewise.
    pub version: String,
    /// The architecture as it stands there, likewise.
    pub arch: String,
    /// What is wrong, without a place: an index says the same however it was read.
    pub reason: String,
}

impl OddRecord {
    /// A record with what could be read of its identity. Long texts are cut, and the rest is escaped for messages.
    pub fn new(name: &str, version: &str, arch: &str, reason: &str) -> Self {
        let short = |text: &str, most: usize| -> String {
            let head = text.chars().take(most);
            head.flat_map(char::escape_debug).take(2 * most).collect()
        };
        Self {
            name: short(name, 100),
            version: short(version, 100),
            arch: short(arch, 100),
            // An error's text is escaped where it quotes.
            reason: reason.chars().take(400).collect(),
        }
    }
}

impl std::fmt::Display for OddRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match &*self.name {
            "" => "a record without a name",
            name => name,
        };
        f.write_str(name)?;
        if !self.version.is_empty() {
            write!(f, " {}", self.version)?;
        }
        write!(f, " ({})", self.reason)
    }
}

/// The odd records of an index: all of them counted, the first ten thousand kept.
///
/// ```
/// use mikron_package::{OddRecord, OddRecords};
/// let mut odd = OddRecords::default();
/// odd.add(OddRecord::new("a", "1", "all", "Size: the field is missing"));
/// assert_eq!((odd.count(), odd.named("a").count(), odd.named("b").count()), (1, 1, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OddRecords {
    count: u64,
    kept: Vec<OddRecord>,
}

impl OddRecords {
    /// What is kept at most: an index of nothing but odd records takes no more memory than this.
    const MOST: usize = 10_000;

    /// Adds one.
    pub fn add(&mut self, record: OddRecord) {
        self.count += 1;
        if self.kept.len() < Self::MOST {
            self.kept.push(record);
        }
    }

    /// Adds those of `other` of which `wanted` is true.
    pub fn extend(&mut self, other: Self, wanted: impl Fn(&OddRecord) -> bool) {
        // Those that were only counted are taken for wanted: nothing is known of them.
        self.count += other.count.saturating_sub(other.kept.len() as u64);
        other
            .kept
            .into_iter()
            .filter(wanted)
            .for_each(|record| self.add(record));
    }

    /// Puts them in order.
    pub fn sort(&mut self) {
        self.kept.sort();
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Those that were kept.
    pub fn iter(&self) -> impl Iterator<Item = &OddRecord> {
        self.kept.iter()
    }

    /// Those of this name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a OddRecord> {
        self.iter().filter(move |record| record.name == name)
    }
}
