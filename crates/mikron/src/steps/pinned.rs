//! What a lock says of packages, and the packages that it speaks of.

use std::collections::BTreeSet;
use std::sync::Arc;

use mikron_facts::PackageFacts;
use mikron_package::{Family, PackageRecord, Relation, Requirement, Version};
use mikron_spec::{LockedPackage, Spec};

use crate::steps::resolved::{ResolvedPackage, Role};

/// Lets records provide the paths that others of them call for: what an index says of files, the archives say by having them.
pub(crate) fn provide_paths(
    records: &mut [(PackageRecord, Family, String)],
    facts: &[&Arc<PackageFacts>],
) {
    let mut wanted = BTreeSet::new();
    for (record, _, _) in records.iter() {
        let named = record.requirements().flat_map(Requirement::relations);
        let paths = named.filter(|relation| relation.name.as_str().starts_with('/'));
        wanted.extend(paths.map(|relation| relation.name.clone()));
    }
    if wanted.is_empty() {
        return;
    }
    for ((record, _, _), facts) in records.iter_mut().zip(facts) {
        for file in &facts.files {
            let path = file.entry.path.to_text();
            let known = |provided: &Relation| provided.name.as_str() == path;
            if let Some(path) = wanted.get(&*path)
                && !record.provides.iter().any(known)
            {
                record.provides.push(Relation::named(path.clone()));
            }
        }
    }
}

/// A locked package before its archive was read: no relations.
pub(crate) fn pinned(spec: &Spec, locked: &LockedPackage) -> ResolvedPackage {
    let version = Version::new(locked.version.as_str());
    let record = PackageRecord {
        location: locked.location.clone(),
        size: locked.size,
        digest: Some(locked.digest),
        ..PackageRecord::new(locked.name.clone(), version, &locked.arch)
    };
    let role = match locked.role {
        mikron_spec::Role::Provider => Role::Provider,
        mikron_spec::Role::Found => Role::Found,
        mikron_spec::Role::Root | mikron_spec::Role::Dependency => Role::Dependency,
    };
    let source = spec.sources.get(&locked.source);
    ResolvedPackage {
        record,
        family: source.map_or_else(Family::default, |source| source.family),
        source: locked.source.clone(),
        role,
        requires: Vec::new(),
        below: None,
    }
}
