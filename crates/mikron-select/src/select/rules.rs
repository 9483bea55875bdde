//! The rules, as a selection looks them up.

use std::collections::HashMap;

use mikron_facts::{ElfFacts, FileFacts};
use mikron_package::Glob;

use super::merged;
use crate::rules::Rule;

/// The rules, found by what can set them off.
pub(super) struct Index<'a> {
    pub(super) rules: Vec<&'a Rule>,
    pub(super) by_import: HashMap<&'a str, Vec<usize>>,
    pub(super) by_soname: HashMap<&'a str, Vec<usize>>,
    pub(super) by_name: Vec<(&'a str, usize)>,
    pub(super) by_path: Vec<(&'a Glob, usize)>,
    /// Rules that were applied once and whose outcome does not depend on the file that sets them off.
    pub(super) settled: Vec<bool>,
    /// The files that rules keep to themselves ([`Bring::alone`]).
    pub(super) alone: Vec<&'a Glob>,
}

impl<'a> Index<'a> {
    pub(super) fn new(rules: &'a crate::Rules) -> Self {
        let mut index = Self {
            rules: rules.iter().collect(),
            by_import: HashMap::new(),
            by_soname: HashMap::new(),
            by_name: Vec::new(),
            by_path: Vec::new(),
            settled: vec![false; rules.iter().count()],
            alone: Vec::new(),
        };
        for (number, rule) in rules.iter().enumerate() {
            for symbol in &rule.when.imports {
                index.by_import.entry(symbol).or_default().push(number);
            }
            for soname in &rule.when.soname {
                index.by_soname.entry(soname).or_default().push(number);
            }
            for name in &rule.when.names {
                index.by_name.push((name, number));
            }
            for glob in &rule.when.path {
                index.by_path.push((glob, number));
            }
            let alone = rule.brings.iter().filter(|bring| bring.alone);
            index
                .alone
                .extend(alone.filter_map(|bring| bring.path.as_ref()));
        }
        index
    }

    /// Whether a rule keeps a library of this name to itself.
    pub(super) fn keeps_library(&self, name: &[u8]) -> bool {
        let brings = self.rules.iter().flat_map(|rule| &rule.brings);
        let mut alone = brings
            .filter(|bring| bring.alone)
            .filter_map(|bring| bring.soname.as_ref());
        alone.any(|soname| soname.as_bytes() == name)
    }

    /// Whether a rule keeps the file at a path to itself. Rules name paths with merged /usr, whatever the layout.
    pub(super) fn keeps(&self, path: &[u8]) -> bool {
        let path = &merged(path);
        self.alone.iter().any(|glob| glob.matches_bytes(path))
    }
}

/// Whether a file has a name among its constants.
pub(super) fn names(facts: &FileFacts, elf: Option<&ElfFacts>, name: &str) -> bool {
    let constants = [elf.and_then(|elf| elf.words.as_ref()), facts.names.as_ref()];
    constants
        .into_iter()
        .flatten()
        .any(|words| words.contains(name))
}
