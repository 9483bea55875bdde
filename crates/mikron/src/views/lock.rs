//! The lock of a spec: what its sources publish now, and what the image takes of it.

use std::collections::BTreeSet;

use mikron_package::{Digest, PackageName};
use mikron_select::Reason;
use mikron_spec::{Lock, LockedBase, LockedPackage, LockedPlatform, SelectionSummary};

use crate::Error;
use crate::order::Update;
use crate::run::{Pins, Run, timestamp};
use crate::steps::closure::Closure;
use crate::steps::resolved::Role;
use crate::views::pair::Pair;

/// Resolves against what the sources publish now, for all platforms of the spec.
pub(crate) fn lock(run: &Run<'_>) -> Result<Lock, Error> {
    let spec = &run.order.spec;
    let own = run.files()?;
    let published = run.refresh(&spec.platforms)?;
    let mut lock = Lock::new(spec);
    lock.epoch = timestamp(published.epoch())?;
    lock.sources = published.locked();
    lock.base = run.base.as_ref().map(|base| LockedBase {
        image: base.image.clone(),
        digest: base.digest,
    });
    let pins = Pins::Fresh(Box::new(published));
    let pair = Pair::of(run)?;
    for platform in &spec.platforms {
        let closure = run.close(*platform, &pins, &own)?;
        if let Some(pair) = &pair {
            pair.check(run, *platform, &closure)?;
        }
        lock.platforms.insert(*platform, locked_platform(&closure));
    }
    if let Update::Packages(names) = &run.order.update {
        let locked = lock.platforms.values().flat_map(|locked| &locked.packages);
        let locked: BTreeSet<&PackageName> = locked.map(|package| &package.name).collect();
        for name in names.iter().filter(|name| !locked.contains(name)) {
            let message = format!("nothing is updated of `{name}`: the lock has no such package");
            run.session.warn(&message);
        }
    }
    Ok(lock)
}

/// The packages of a closure as the lock has them. Of providers only those that gave something.
fn locked_platform(closure: &Closure) -> LockedPlatform {
    let mut packages: Vec<LockedPackage> = Vec::new();
    for (i, package) in closure.packages.iter().enumerate() {
        let mut list = String::new();
        let mut files = 0;
        for file in closure
            .selection
            .files
            .iter()
            .filter(|file| file.file.package == i && *file.reason != Reason::Below)
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
        let archive = match &package.below {
            // What the base lacks of a package is looked for in its archive when the lock counts, too.
            Some(below) => below.archive.as_deref().filter(|_| below.joined),
            None if files == 0 && !reads && package.role == Role::Provider => None,
            None => Some(package),
        };
        let Some((archive, digest)) = archive.and_then(|one| Some((one, one.record.digest?)))
        else {
            continue;
        };
        packages.push(LockedPackage {
            name: package.record.name.clone(),
            version: package.record.version.clone(),
            arch: package.record.arch.clone(),
            role: match package.role {
                Role::Root { .. } | Role::Sliced => mikron_spec::Role::Root,
                Role::Dependency => mikron_spec::Role::Dependency,
                // It is in the solution because it is in the base.
                Role::Provider if package.below.is_some() => mikron_spec::Role::Dependency,
                Role::Provider => mikron_spec::Role::Provider,
                Role::Found => mikron_spec::Role::Found,
            },
            source: archive.source.clone(),
            location: archive.record.location.clone(),
            size: archive.record.size,
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
