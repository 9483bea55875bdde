//! All packages that a build can choose from, as one set to solve over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Family, OddRecord, PackageName, PackageRecord, VersionOrder};

/// A package of a [`Universe`]: an opaque number, stable for as long as the universe lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageId(pub u32);

/// All indexes of one build and one family, as one set to solve over.
///
/// Implementations look records up lazily: a solver asks for a few hundred of a hundred thousand.
///
/// ```
/// use mikron_package::{MemoryUniverse, PackageRecord, Universe, Version};
/// # use mikron_package::{Family, VersionError, VersionOrder};
/// # struct Bytes;
/// # impl VersionOrder for Bytes {
/// #     fn compare(&self, a: &str, b: &str) -> std::cmp::Ordering { a.cmp(b) }
/// #     fn validate(&self, _: &str) -> Result<(), VersionError> { Ok(()) }
/// # }
/// let mut universe = MemoryUniverse::new(Family::DEB, "amd64", &Bytes);
/// let id = universe.add(PackageRecord::new("nginx".parse()?, Version::new("1.22"), "amd64"), 500);
/// assert_eq!(universe.named("nginx"), [id]);
/// # Ok::<(), mikron_package::NameError>(())
/// ```
pub trait Universe: Send + Sync {
    /// The family of all packages in it.
    fn family(&self) -> Family;

    /// The native architecture in the family's own words.
    fn architecture(&self) -> &str;

    /// How versions are ordered.
    fn order(&self) -> &dyn VersionOrder;

    /// The packages of exactly this name, in no particular order.
    fn named(&self, name: &str) -> Vec<PackageId>;

    /// The packages whose `Provides` has this name, in no particular order, without those of the name itself.
    fn providers(&self, name: &str) -> Vec<PackageId>;

    /// The record of a package. Records of ids that the universe did not hand out are unspecified, never a panic.
    fn record(&self, id: PackageId) -> PackageRecord;

    /// The pin priority of a package (apt_preferences(5)): of two versions the one of higher priority is preferred, then
    /// the later one. 500 unless a source says otherwise.
    fn priority(&self, id: PackageId) -> i32;

    /// The name of the source in the spec that the package comes from.
    fn source(&self, id: PackageId) -> &str;

    /// The packages that every installation is assumed to hold (`Essential: yes`), in order of name.
    fn essential(&self) -> Vec<PackageId>;

    /// Names that resemble `name`, best first, for "did you mean".
    fn similar(&self, name: &str) -> Vec<PackageName>;

    /// The records of this name that indexes hold and that were left out because they cannot be used, each with its source: the
    /// reason why a package is missing. A universe that has none keeps the default.
    fn odd(&self, _name: &str) -> Vec<(OddRecord, String)> {
        Vec::new()
    }

    /// The packages whose `obsoletes` has this name, in no particular order. A family without such a field keeps the default.
    fn obsoleters(&self, _name: &str) -> Vec<PackageId> {
        Vec::new()
    }

    /// The packages whose `install_if` has this name, in no particular order. A family without such a field keeps the default.
    fn triggered(&self, _name: &str) -> Vec<PackageId> {
        Vec::new()
    }
}

/// A universe of a few records held in memory, for tests and for embedding.
pub struct MemoryUniverse<'a> {
    family: Family,
    architecture: String,
    order: &'a dyn VersionOrder,
    packages: Vec<(PackageRecord, i32, String)>,
    named: BTreeMap<PackageName, Vec<PackageId>>,
    provided: BTreeMap<PackageName, Vec<PackageId>>,
    obsoleted: BTreeMap<PackageName, Vec<PackageId>>,
    triggers: BTreeMap<PackageName, Vec<PackageId>>,
}

impl<'a> MemoryUniverse<'a> {
    /// An empty universe.
    pub fn new(family: Family, architecture: &str, order: &'a dyn VersionOrder) -> Self {
        Self {
            family,
            architecture: architecture.to_owned(),
            order,
            packages: Vec::new(),
            named: BTreeMap::new(),
            provided: BTreeMap::new(),
            obsoleted: BTreeMap::new(),
            triggers: BTreeMap::new(),
        }
    }

    /// Adds a package with a pin priority; its source is called `memory`.
    pub fn add(&mut self, record: PackageRecord, priority: i32) -> PackageId {
        self.add_from(record, priority, "memory")
    }

    /// Adds a package with a pin priority and the name of its source.
    pub fn add_from(&mut self, record: PackageRecord, priority: i32, source: &str) -> PackageId {
        let id = PackageId(self.packages.len() as u32);
        self.named.entry(record.name.clone()).or_default().push(id);
        let note = |index: &mut BTreeMap<PackageName, Vec<PackageId>>, name: &PackageName| {
            let ids = index.entry(name.clone()).or_default();
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        };
        let provided = record.provides.iter().filter(|p| p.name != record.name);
        provided.for_each(|p| note(&mut self.provided, &p.name));
        let obsoleted = record.obsoletes.iter();
        obsoleted.for_each(|r| note(&mut self.obsoleted, &r.name));
        let triggers = record.install_if.iter();
        triggers.for_each(|r| note(&mut self.triggers, &r.name));
        self.packages.push((record, priority, source.to_owned()));
        id
    }
}

impl Universe for MemoryUniverse<'_> {
    fn family(&self) -> Family {
        self.family
    }
    fn architecture(&self) -> &str {
        &self.architecture
    }
    fn order(&self) -> &dyn VersionOrder {
        self.order
    }
    fn named(&self, name: &str) -> Vec<PackageId> {
        self.named.get(name).cloned().unwrap_or_default()
    }
    fn providers(&self, name: &str) -> Vec<PackageId> {
        self.provided.get(name).cloned().unwrap_or_default()
    }
    fn record(&self, id: PackageId) -> PackageRecord {
        match self.packages.get(id.0 as usize) {
            Some((record, _, _)) => record.clone(),
            None => PackageRecord::new(
                PackageName::new("unknown").expect("a literal that obeys the rules of names"),
                crate::Version::new("0"),
                "all",
            ),
        }
    }
    fn priority(&self, id: PackageId) -> i32 {
        self.packages
            .get(id.0 as usize)
            .map_or(500, |(_, priority, _)| *priority)
    }
    fn source(&self, id: PackageId) -> &str {
        self.packages
            .get(id.0 as usize)
            .map_or("", |(_, _, source)| source)
    }
    fn essential(&self) -> Vec<PackageId> {
        let essential = |id: &PackageId| self.packages[id.0 as usize].0.essential;
        self.named
            .values()
            .flatten()
            .copied()
            .filter(essential)
            .collect()
    }
    fn similar(&self, name: &str) -> Vec<PackageName> {
        let near = |n: &&PackageName| n.as_str().contains(name) || name.contains(n.as_str());
        self.named.keys().filter(near).take(5).cloned().collect()
    }
    fn obsoleters(&self, name: &str) -> Vec<PackageId> {
        self.obsoleted.get(name).cloned().unwrap_or_default()
    }
    fn triggered(&self, name: &str) -> Vec<PackageId> {
        self.triggers.get(name).cloned().unwrap_or_default()
    }
}
