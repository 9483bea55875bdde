//! Paths that relations call for and `primary.xml` does not name: they stand in `filelists.xml` alone.

use std::collections::{HashMap, HashSet};

use mikron_package::{Checksum, PackageRecord, Relation, Requirement};
use mikron_rpm::FilelistsPackage;

use crate::universe::CompactIndex;

/// The paths that packages call for.
#[derive(Default)]
pub(super) struct Paths(HashSet<Box<str>>);

impl Paths {
    /// Notes what a package calls for.
    pub(super) fn note(&mut self, record: &PackageRecord) {
        for requirement in record.requirements() {
            match requirement {
                Requirement::One(relation) => self.want(relation),
                rich => rich.relations().into_iter().for_each(|r| self.want(r)),
            }
        }
    }

    fn want(&mut self, relation: &Relation) {
        let name = relation.name.as_str();
        if name.starts_with('/') && !self.0.contains(name) {
            self.0.insert(name.into());
        }
    }

    /// The paths that no package of an index provides, in order.
    pub(super) fn missing(self, index: &CompactIndex) -> Vec<String> {
        let mut missing: Vec<String> = self.0.into_iter().map(String::from).collect();
        missing.retain(|path| {
            let providers = index.providers(path.as_bytes());
            providers.is_ok_and(|providers| providers.is_empty())
        });
        missing.sort_unstable();
        missing
    }
}

/// Missing paths by the package that has them.
#[derive(Default)]
pub(super) struct Holders(HashMap<Vec<u8>, Vec<Box<str>>>);

impl Holders {
    /// Notes a path of a package.
    pub(super) fn add(&mut self, package: &FilelistsPackage, path: &str) {
        let key = package.pkgid.as_bytes();
        match self.0.get_mut(key) {
            Some(paths) => paths.push(path.into()),
            None => {
                self.0.insert(key.to_vec(), vec![path.into()]);
            }
        }
    }

    /// The paths of a package.
    pub(super) fn of(&self, record: &PackageRecord) -> &[Box<str>] {
        let key: &[u8] = match (&record.digest, &record.checksum) {
            (Some(digest), _) => digest.as_bytes(),
            (None, Some(Checksum::Sha512(bytes))) => bytes,
            _ => return &[],
        };
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
