//! What a lock says of packages, and the packages that it speaks of.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use mikron_capability::PackageFacts;
use mikron_package::{
    Digest, Event, Family, Limits, PackageRecord, Platform, Relation, Requirement, Version,
};
use mikron_spec::{Lock, LockedPackage, LockedPlatform, SelectionSummary, Spec};

use crate::Error;
use crate::builder::Builder;
use crate::closure::Closure;
use crate::resolve::{ResolvedPackage, Role};

/// The packages of a closure as the lock has them. Of providers only those that gave something.
pub(crate) fn locked_platform(closure: &Closure) -> LockedPlatform {
    let mut packages: Vec<LockedPackage> = Vec::new();
    for (i, package) in closure.packages.iter().enumerate() {
        let mut list = String::new();
        let mut files = 0;
        for file in closure
            .selection
            .files
            .iter()
            .filter(|file| file.file.package == i)
        {
            files += 1;
            list.push_str(&file.path.to_string());
            list.push('\n');
        }
        let reads = closure
            .selection
            .inputs
            .iter()
            .any(|file| file.file.package == i);
        if files == 0 && !reads && package.role == Role::Provider {
            continue;
        }
        let Some(digest) = package.record.digest else {
            continue;
        };
        packages.push(LockedPackage {
            name: package.record.name.clone(),
            version: package.record.version.clone(),
            arch: package.record.arch.clone(),
            role: match package.role {
                Role::Root { .. } | Role::Sliced => mikron_spec::Role::Root,
                Role::Dependency => mikron_spec::Role::Dependency,
                Role::Provider => mikron_spec::Role::Provider,
            },
            source: package.source.clone(),
            suite: String::new(),
            location: package.record.location.clone(),
            size: package.record.size,
            digest,
            selection: Some(SelectionSummary {
                files,
                digest: Digest::of(list.as_bytes()),
            }),
        });
    }
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    LockedPlatform { packages }
}

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
        mikron_spec::Role::Root | mikron_spec::Role::Dependency => Role::Dependency,
    };
    let source = spec.sources.get(&locked.source);
    ResolvedPackage {
        record,
        family: source.map_or(Family::Deb, |source| source.family),
        source: locked.source.clone(),
        role,
        requires: Vec::new(),
    }
}

/// The lock beside the spec, where it says what the spec says now. A stale one is an error where it was asked for, else a
/// warning.
pub(crate) fn usable_lock(
    builder: &Builder,
    platforms: &[Platform],
    limits: &Limits,
) -> Result<Option<Lock>, Error> {
    let path = builder.lock_file();
    let locked = builder.options.locked;
    let bytes = match crate::files::read_capped(&path, limits.index) {
        Ok(bytes) => bytes,
        Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            if locked {
                return Err(Error::NoLock {
                    lock: path,
                    spec: builder.file.clone(),
                });
            }
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let text = crate::files::text(&path, bytes)?;
    let lock = Lock::parse(&path.display().to_string(), &text, limits)?;
    match lock.check(&builder.spec) {
        Ok(()) if platforms.iter().all(|p| lock.platforms.contains_key(p)) => Ok(Some(lock)),
        Err(stale) if locked => Err(Error::Stale { lock: path, stale }),
        Err(stale) => {
            let message = format!(
                "{}: {stale}; resolving anew (write it again with `mikron lock`)",
                path.display()
            );
            builder
                .options
                .progress
                .event(&Event::Warning { message: &message });
            Ok(None)
        }
        Ok(()) => Ok(None),
    }
}
