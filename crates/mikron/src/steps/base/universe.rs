//! A universe in which the packages of a base are installed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_package::{
    Family, OddRecord, PackageId, PackageName, PackageRecord, Relation, Requirement, Universe,
    Version, VersionOrder,
};
use mikron_solve::{Asker, Root};

use super::BASE;

/// The packages of one family that a base has.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    pub(crate) family: Family,
    records: Arc<[PackageRecord]>,
}

impl Installed {
    /// These packages, of which those that are of no use on the architecture are left out.
    pub(crate) fn new<'r>(
        family: Family,
        architecture: &str,
        records: impl Iterator<Item = &'r PackageRecord>,
    ) -> Self {
        let runs = |record: &&PackageRecord| {
            [architecture, "all", "noarch"].contains(&record.arch.as_str())
        };
        let given = |record: &PackageRecord| PackageRecord {
            recommends: Vec::new(),
            install_if: Vec::new(),
            location: String::new(),
            digest: None,
            ..record.clone()
        };
        Self {
            family,
            records: records.filter(runs).map(given).collect(),
        }
    }

    /// The same, of which none requires anything: for a base that does not hold together by itself, which is not asked of it.
    pub(crate) fn alone(&self) -> Self {
        let alone = |record: &PackageRecord| PackageRecord {
            pre_depends: Vec::new(),
            depends: Vec::new(),
            ..record.clone()
        };
        Self {
            family: self.family,
            records: self.records.iter().map(alone).collect(),
        }
    }

    /// Their versions, which are the only ones that will do.
    pub(crate) fn versions(&self) -> BTreeMap<PackageName, Version> {
        let records = self.records.iter();
        records
            .map(|record| (record.name.clone(), record.version.clone()))
            .collect()
    }

    /// That they are there.
    pub(crate) fn roots(&self) -> impl Iterator<Item = Root> {
        self.records.iter().map(|record| Root {
            asker: Asker::Base(record.name.clone()),
            requirement: Requirement::One(Relation::named(record.name.clone())),
            source: Some(BASE.to_owned()),
        })
    }
}

/// What sources have, with the packages of a base beside it. Of a version that both have only that of the base is seen.
pub(crate) struct OnBase<'a> {
    inner: Arc<dyn Universe + 'a>,
    installed: Installed,
    by_name: BTreeMap<PackageName, u32>,
    provided: BTreeMap<PackageName, BTreeSet<u32>>,
}

impl<'a> OnBase<'a> {
    pub(crate) fn new(inner: Arc<dyn Universe + 'a>, installed: Installed) -> Self {
        let mut by_name = BTreeMap::new();
        let mut provided: BTreeMap<PackageName, BTreeSet<u32>> = BTreeMap::new();
        for (at, record) in (0_u32..).zip(installed.records.iter()) {
            by_name.insert(record.name.clone(), at);
            for relation in record.provides.iter().filter(|p| p.name != record.name) {
                provided
                    .entry(relation.name.clone())
                    .or_default()
                    .insert(at);
            }
        }
        Self {
            inner,
            installed,
            by_name,
            provided,
        }
    }

    /// The number of a package of the base: they count from the end.
    fn id(at: u32) -> PackageId {
        PackageId(u32::MAX - at)
    }

    fn own(&self, id: PackageId) -> Option<&PackageRecord> {
        self.installed.records.get((u32::MAX - id.0) as usize)
    }

    /// Whether the base has this very package.
    fn is_hidden(&self, id: PackageId) -> bool {
        let record = self.inner.record(id);
        let at = self.by_name.get(&record.name);
        let own = at.and_then(|at| self.installed.records.get(*at as usize));
        own.is_some_and(|own| own.version == record.version)
    }

    fn with_own(&self, mut ids: Vec<PackageId>, own: impl Iterator<Item = u32>) -> Vec<PackageId> {
        ids.retain(|id| !self.is_hidden(*id));
        ids.extend(own.map(Self::id));
        ids
    }
}

impl Universe for OnBase<'_> {
    fn family(&self) -> Family {
        self.inner.family()
    }
    fn architecture(&self) -> &str {
        self.inner.architecture()
    }
    fn order(&self) -> &dyn VersionOrder {
        self.inner.order()
    }
    fn named(&self, name: &str) -> Vec<PackageId> {
        let own = name.parse::<PackageName>().ok();
        let own = own.and_then(|name| self.by_name.get(&name).copied());
        self.with_own(self.inner.named(name), own.into_iter())
    }
    fn providers(&self, name: &str) -> Vec<PackageId> {
        let own = name.parse::<PackageName>().ok();
        let own = own.and_then(|name| self.provided.get(&name));
        self.with_own(
            self.inner.providers(name),
            own.into_iter().flatten().copied(),
        )
    }
    fn record(&self, id: PackageId) -> PackageRecord {
        match self.own(id) {
            Some(record) => record.clone(),
            None => self.inner.record(id),
        }
    }
    fn priority(&self, id: PackageId) -> i32 {
        match self.own(id) {
            Some(_) => 500,
            None => self.inner.priority(id),
        }
    }
    fn source(&self, id: PackageId) -> &str {
        match self.own(id) {
            Some(_) => BASE,
            None => self.inner.source(id),
        }
    }
    fn essential(&self) -> Vec<PackageId> {
        let mut ids = self.inner.essential();
        ids.retain(|id| !self.by_name.contains_key(&self.inner.record(*id).name));
        ids
    }
    fn similar(&self, name: &str) -> Vec<PackageName> {
        self.inner.similar(name)
    }
    fn odd(&self, name: &str) -> Vec<(OddRecord, String)> {
        self.inner.odd(name)
    }
    fn obsoleters(&self, name: &str) -> Vec<PackageId> {
        self.inner.obsoleters(name)
    }
    fn triggered(&self, name: &str) -> Vec<PackageId> {
        self.inner.triggered(name)
    }
}
