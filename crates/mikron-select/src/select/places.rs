//! Which entry stands at which path.
//!
//! Of very many files the look-up by path would be the largest thing that a build holds. So it has no paths of its own: the
//! entries have them, and a place of eight bytes says which entry it is.

use std::hash::BuildHasher as _;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use mikron_package::is_below_usr;

use super::merged;
use super::{FileRef, PackageInput, Wanted};

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// An entry of an input.
    Entry(FileRef),
    /// A path that a finalizer makes, by its index.
    Provided(usize),
    /// A directory that no input has as an entry and that holds something.
    Implied,
}

/// An index from normal paths to entries of packages and to what finalizers make.
pub(super) struct Places<'a> {
    of: Paths<'a>,
    hasher: DefaultHashBuilder,
    table: HashTable<Place>,
}

/// Who has the paths.
#[derive(Clone, Copy)]
struct Paths<'a> {
    packages: &'a [PackageInput],
    wanted: &'a Wanted,
}

/// An entry of a package, or what a finalizer makes. The limits of archives keep both numbers far below their types' ends.
#[derive(Clone, Copy)]
struct Place {
    /// [`PROVIDED`] for a finalizer's.
    package: u32,
    index: u32,
}

/// No package has this number.
const PROVIDED: u32 = u32::MAX;

impl<'a> Places<'a> {
    /// An empty index with room for all entries.
    pub(super) fn new(packages: &'a [PackageInput], wanted: &'a Wanted) -> Self {
        let entries: usize = packages.iter().map(|p| p.facts.files.len()).sum();
        Self {
            of: Paths { packages, wanted },
            hasher: DefaultHashBuilder::default(),
            table: HashTable::with_capacity(entries + wanted.provided.len()),
        }
    }

    /// What stands at a normal path.
    pub(super) fn get(&self, path: &[u8]) -> Option<Found> {
        let place = self
            .table
            .find(self.hasher.hash_one(path), |place| self.of.is(*place, path));
        place.map(|place| place.found())
    }

    /// Puts something at the normal path that it has, in place of what was there.
    pub(super) fn put(&mut self, path: &[u8], found: Found) {
        let (of, hasher) = (self.of, &self.hasher);
        let Some(place) = Place::of(found) else {
            return;
        };
        let hash = hasher.hash_one(path);
        let again = |place: &Place| {
            let path = of.path(*place);
            if of.is_below_usr(path) {
                hasher.hash_one(&*merged(path))
            } else {
                hasher.hash_one(path)
            }
        };
        match self.table.entry(hash, |held| of.is(*held, path), again) {
            Entry::Occupied(mut held) => *held.get_mut() = place,
            Entry::Vacant(room) => {
                room.insert(place);
            }
        }
    }
}

impl Paths<'_> {
    /// The path of a place as its owner writes it.
    fn path(&self, place: Place) -> &[u8] {
        match place.found() {
            Found::Provided(index) => self.wanted.provided[index].path.as_bytes(),
            Found::Entry(file) => {
                let files = &self.packages[file.package].facts.files;
                files[file.entry].entry.path.as_bytes()
            }
            Found::Implied => b"",
        }
    }

    /// Whether a place has this normal path.
    fn is(&self, place: Place, normal: &[u8]) -> bool {
        let path = self.path(place);
        if self.is_below_usr(path) {
            normal.strip_prefix(b"usr/") == Some(path)
        } else {
            normal == path
        }
    }

    /// Whether the normal path has `usr/` before this one.
    fn is_below_usr(&self, path: &[u8]) -> bool {
        self.wanted.merged_usr && is_below_usr(path)
    }
}

impl Place {
    fn of(found: Found) -> Option<Self> {
        let (package, index) = match found {
            Found::Entry(file) => (file.package as u32, file.entry),
            Found::Provided(index) => (PROVIDED, index),
            Found::Implied => return None,
        };
        let index = index as u32;
        Some(Self { package, index })
    }

    fn found(self) -> Found {
        let index = self.index as usize;
        if self.package == PROVIDED {
            return Found::Provided(index);
        }
        Found::Entry(FileRef {
            package: self.package as usize,
            entry: index,
        })
    }
}
