//! Which of the symbols that an ELF file imports its facts record.

use std::collections::HashSet;

use mikron_package::{Digest, Hasher};

/// Symbols that facts record without a rule: `inspect` shows who loads libraries by name.
const ALSO_RECORDED: [&str; 2] = ["dlopen", "dlmopen"];

/// The imported symbols that facts record, because rules ask for them.
///
/// ```
/// use mikron_facts::Symbols;
/// let symbols = Symbols::new(["pthread_exit"]);
/// assert!(symbols.contains(b"pthread_exit") && !symbols.contains(b"pthread_exit_"));
/// assert!(symbols.contains(b"dlopen"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    names: HashSet<Vec<u8>>,
}

impl Symbols {
    /// Recorded names are shorter than so many bytes: longer ones need not be read.
    pub const LONGEST: usize = 64;

    /// These, and those that facts record without a rule.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().chain(ALSO_RECORDED);
        Self {
            names: names.map(|symbol| symbol.as_bytes().to_vec()).collect(),
        }
    }

    /// Whether facts record an undefined symbol of this name.
    pub fn contains(&self, name: &[u8]) -> bool {
        name.len() < Self::LONGEST && self.names.contains(name)
    }

    /// A digest of all names: facts that were learnt with other symbols say something else.
    pub fn digest(&self) -> Digest {
        let mut names: Vec<&Vec<u8>> = self.names.iter().collect();
        names.sort_unstable();
        let mut hasher = Hasher::default();
        for name in names {
            hasher.update(name);
            hasher.update(b"\0");
        }
        hasher.finish()
    }
}
