//! apk-tools (apk-package(5), apk-world(5)).
//!
//! - A `provides` with a version makes the package an owner of the name, as a package of that name would be: of all that have
//!   or provide the name, one only is there. Without a version several can provide it side by side.
//! - A name is filled by the latest version of *it*, whoever has it; then by `provider_priority`, then by name.
//! - What provides a name without a version and has no `provider_priority` does not come in for that name, unless nothing else
//!   provides it: it must be there for another reason (the solver of apk-tools 2.12.10 and later).
//! - A source of negative priority is a tagged one (`@edge`): it serves the roots that name it, and what comes from it.
//! - `install_if` brings a package in as soon as all of it holds, nothing of what it names behind a `!` is there, and the
//!   package can be had. `replaces` is about files.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{PackageId, PackageName, PackageRecord, Relation, Version};

use super::{Ban, Reach, Rules};
use crate::RelationKind;
use crate::catalog::Catalog;
use crate::terms::{Candidate, Kept, View};

/// The rules of apk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Apk;

impl Rules for Apk {
    /// Tagged sources are judged by view.
    fn bars(&self, _priority: i32) -> bool {
        false
    }

    fn found(&self, catalog: &Catalog<'_>, relation: &Relation, view: &View) -> Vec<Candidate> {
        let providers = catalog.provider_names(&relation.name);
        let own = catalog.versions(&relation.name);
        let sole = providers.len() + usize::from(!own.is_empty()) == 1;
        let names = std::iter::once(&relation.name).chain(&providers);
        let mut found: Vec<Found> = Vec::new();
        for name in names {
            for &id in &*catalog.versions(name) {
                if catalog.fits(id, relation, view) {
                    let record = catalog.record(id);
                    let version = offered(catalog, relation, &record);
                    let alone = version.is_some()
                        || sole
                        || record
                            .provider_priority
                            .is_some_and(|priority| priority > 0);
                    found.push(Found { id, version, alone });
                }
            }
        }
        found.sort_by(|a, b| compare(catalog, a, b));
        let candidate = |found: Found| Candidate {
            id: found.id,
            alone: found.alone,
        };
        found.into_iter().map(candidate).collect()
    }

    fn bans(&self, record: &PackageRecord) -> Vec<Ban> {
        let conflicts = record.conflicts.iter();
        let mut bans: Vec<Ban> = conflicts
            .map(|relation| Ban::answers(RelationKind::Conflicts, relation))
            .collect();
        let share = |name: &PackageName, versioned| Ban {
            kind: RelationKind::Provides,
            relation: Relation::named(name.clone()),
            reach: Reach::Shares { versioned },
        };
        bans.push(share(&record.name, true));
        let provides = record.provides.iter().filter(|p| p.name != record.name);
        bans.extend(provides.map(|p| share(&p.name, p.constraint.is_some())));
        bans
    }

    fn unasked(&self, catalog: &Catalog<'_>, kept: &Kept) -> Vec<PackageId> {
        let mut triggered: BTreeMap<PackageName, Vec<PackageId>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for &id in kept.values() {
            let record = catalog.record(id);
            let provided = record.provides.iter().map(|p| &p.name);
            for name in std::iter::once(&record.name).chain(provided) {
                for id in catalog.triggered(name) {
                    let record = catalog.record(id);
                    if kept.contains_key(&record.name) || !seen.insert(id) {
                        continue;
                    }
                    let native = catalog.architecture(&record) == catalog.native();
                    if native
                        && catalog.priority(id) >= 0
                        && catalog.versions(&record.name).contains(&id)
                        && catalog.brings(kept, &record)
                    {
                        triggered.entry(record.name.clone()).or_default().push(id);
                    }
                }
            }
        }
        let sorted = |mut ids: Vec<PackageId>| {
            ids.sort_by(|&a, &b| catalog.compare(a, b));
            ids
        };
        triggered.into_values().flat_map(sorted).collect()
    }
}

struct Found {
    id: PackageId,
    /// At which version it has the name.
    version: Option<Version>,
    alone: bool,
}

/// The version at which a package has a name: the latest that answers the relation.
fn offered(catalog: &Catalog<'_>, relation: &Relation, record: &PackageRecord) -> Option<Version> {
    let order = catalog.order();
    let own = (record.name == relation.name && catalog.answers_by_name(relation, record))
        .then(|| record.version.clone());
    let provided = record
        .provides
        .iter()
        .filter(|p| {
            p.name == relation.name
                && order.answers(p.constraint.as_ref(), relation.constraint.as_ref())
        })
        .filter_map(|p| p.constraint.as_ref().map(|c| c.version.clone()));
    own.into_iter()
        .chain(provided)
        .max_by(|a, b| order.compare(a.as_str(), b.as_str()))
}

fn compare(catalog: &Catalog<'_>, a: &Found, b: &Found) -> Ordering {
    let (ra, rb) = (catalog.record(a.id), catalog.record(b.id));
    let priority = |record: &PackageRecord| record.provider_priority.unwrap_or(0);
    let by_version = match (&a.version, &b.version) {
        (Some(va), Some(vb)) => catalog.order().compare(vb.as_str(), va.as_str()),
        (va, vb) => vb.is_some().cmp(&va.is_some()),
    };
    let same_name = || {
        if ra.name == rb.name {
            catalog.compare_versions(b.id, a.id)
        } else {
            Ordering::Equal
        }
    };
    (catalog.is_preferred(&rb).cmp(&catalog.is_preferred(&ra)))
        // What may not come in for this alone is for last.
        .then_with(|| b.alone.cmp(&a.alone))
        .then_with(|| catalog.priority(b.id).cmp(&catalog.priority(a.id)))
        .then(by_version)
        .then_with(same_name)
        .then_with(|| priority(&rb).cmp(&priority(&ra)))
        .then_with(|| ra.name.cmp(&rb.name))
        .then_with(|| catalog.compare(a.id, b.id))
}
