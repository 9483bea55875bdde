//! Paths that relations call for and `primary.xml` does not name: they stand in `filelists.xml` alone.

use std::collections::{HashMap, HashSet};

use mikron_package::{Checksum, PackageRecord, Relation, Requirement};
use mikron_rpm::FilelistsPackage;

/// What is gathered while packages pass by.
#[derive(Default)]
pub(super) struct Paths {
    wanted: HashSet<Box<str>>,
    named: HashSet<Box<str>>,
}

impl Paths {
    /// Notes what a package calls for, and what it offers.
    pub(super) fn note(&mut self, record: &PackageRecord) {
        for requirement in record.requirements() {
            match requirement {
                Requirement::One(relation) => self.want(relation),
                rich => rich.relations().into_iter().for_each(|r| self.want(r)),
            }
        }
        for provided in &record.provides {
            let name = provided.name.as_str();
            if name.starts_with('/') && !self.named.contains(name) {
                self.named.insert(name.into());
            }
        }
    }

    fn want(&mut self, relation: &Relation) {
        let name = relation.name.as_str();
        if name.starts_with('/') && !self.wanted.contains(name) {
            self.wanted.insert(name.into());
        }
    }

    /// The paths that nothing so far names.
    pub(super) fn missing(self) -> HashSet<Box<str>> {
        let Self { wanted, named } = self;
        wanted
            .into_iter()
            .filter(|path| !named.contains(path))
            .collect()
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
