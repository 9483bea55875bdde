//! Drawing packages from the archive's own lists by a fixed seed, so that nobody chooses them.

use std::collections::{BTreeMap, BTreeSet};

/// A sequence of numbers that a seed decides (xorshift, Marsaglia 2003).
#[derive(Clone, Debug)]
pub struct Lot(u64);

impl Lot {
    /// Begins with a seed that is not 0.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    ///
    /// # Panics
    /// When `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("it is below a usize")
    }
}

/// Which package depends on which, by a Packages file: the first alternative of each dependency.
#[derive(Clone, Debug, Default)]
pub struct Relations<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Relations<'a> {
    /// Reads a Packages file, decompressed.
    pub fn read(packages: &'a str) -> Self {
        let mut found = BTreeMap::new();
        for stanza in packages.split("\n\n") {
            let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name));
            let Some(package) = field("Package: ") else {
                continue;
            };
            let depends = [field("Depends: "), field("Pre-Depends: ")];
            let names = depends
                .into_iter()
                .flatten()
                .flat_map(|relations| relations.split(','));
            let names = names.filter_map(|one| one.trim().split([' ', ':', '|', '(']).next());
            found.insert(package, names.collect());
        }
        Self(found)
    }

    /// Whether there is a package of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The packages that packages bring, themselves among them; virtual ones count as one.
    pub fn closure<'b>(&'b self, names: impl IntoIterator<Item = &'b str>) -> BTreeSet<&'b str> {
        let mut seen = BTreeSet::new();
        let mut todo: Vec<&str> = names.into_iter().collect();
        while let Some(name) = todo.pop() {
            if seen.insert(name) {
                todo.extend(self.0.get(name).into_iter().flatten());
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_follows_first_alternatives() {
        let packages = "Package: a\nDepends: b (>= 1) | x, c:any\n\nPackage: b\nPre-Depends: d\n\nPackage: c\n";
        let relations = Relations::read(packages);
        let closure: Vec<&str> = relations.closure(["a"]).into_iter().collect();
        assert_eq!(closure, ["a", "b", "c", "d"]);
        assert!(relations.has("c") && !relations.has("d"));
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let (mut one, mut two) = (Lot::new(7), Lot::new(7));
        for end in 1..50 {
            let drawn = one.below(end);
            assert!(drawn < end && drawn == two.below(end));
        }
    }
}
