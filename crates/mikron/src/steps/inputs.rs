//! What lies beside a spec: its tables, slices and lock, read before any source is asked.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use mikron_package::{Digest, Event, Limits, PackageName, Platform, Progress, Version};
use mikron_spec::{Change, Lock, LockedPlatform, Policy, SpecErrorKind, StaleLock};

use crate::Error;
use crate::files::Beside;
use crate::order::{Order, Update};
use crate::steps::base::Base;
use crate::steps::slices::Releases;
use crate::steps::tables::Tables;

/// What was read beside a spec.
pub(crate) struct Inputs {
    /// The platforms of the build, in their order.
    pub(crate) platforms: Vec<Platform>,
    pub(crate) tables: Tables,
    /// The chisel releases of the spec.
    pub(crate) releases: Releases,
    /// The lock, where there is a fresh one and it counts.
    pub(crate) lock: Option<Arc<Lock>>,
    /// The versions of a lock that does not count, which stay where they can.
    pub(crate) preferred: BTreeMap<Platform, Versions>,
}

/// Versions of packages.
pub(crate) type Versions = BTreeMap<PackageName, Version>;

impl Inputs {
    /// Reads everything but the files that the image will hold. The lock is read only where it `counts`.
    ///
    /// # Errors
    /// When the spec asks for what the policy forbids, or a file cannot be read or is not what it should be.
    pub(crate) fn read(
        order: &Order,
        beside: &Beside,
        policy: &Policy,
        limits: &Limits,
        progress: &dyn Progress,
        lock_counts: bool,
    ) -> Result<Self, Error> {
        let document = order.text.document();
        for path in &order.extends {
            if !policy.allows(path) {
                let message =
                    format!("the spec extends `{path}`, which lies outside its directory");
                let help = "extend a file beside or below the spec".to_owned();
                return Err(document
                    .error_of_file(SpecErrorKind::Forbidden(message), Some(help))
                    .into());
            }
            beside.resolve(path)?;
        }
        policy.check(&order.spec, &document)?;
        let platforms = platforms(&order.platforms, &order.spec.platforms)?;
        let releases = Releases::read(order, beside, progress, limits)?;
        let mut lock = None;
        let mut preferred = BTreeMap::new();
        if lock_counts {
            lock = usable_lock(order, beside, &platforms, limits, progress)?;
        } else if order.update != Update::Everything {
            preferred = versions(order, limits, progress);
        }
        Ok(Self {
            tables: Tables::read(&order.spec, beside, limits)?,
            platforms,
            releases,
            lock: lock.map(Arc::new),
            preferred,
        })
    }
}

/// Those of the spec's platforms that are asked for, each once, in order; where none is, all.
fn platforms(asked: &[Platform], known: &[Platform]) -> Result<Vec<Platform>, Error> {
    if let Some(platform) = asked.iter().find(|platform| !known.contains(platform)) {
        return Err(Error::UnknownPlatform {
            platform: *platform,
            known: known.to_vec(),
        });
    }
    let mut platforms = if asked.is_empty() { known } else { asked }.to_vec();
    platforms.sort();
    platforms.dedup();
    Ok(platforms)
}

/// The versions that the lock beside the spec has, whatever it was made for; none where there is no lock. Of one that cannot be read a
/// warning tells that nothing is kept.
fn versions(
    order: &Order,
    limits: &Limits,
    progress: &dyn Progress,
) -> BTreeMap<Platform, Versions> {
    let path = order.lock_file();
    let read = || {
        let bytes = crate::files::read_plain(&path, limits.lock)?;
        Ok(order.read_lock(&path, &bytes, limits)?)
    };
    let lock: Lock = match read() {
        Ok(lock) => lock,
        Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            return BTreeMap::new();
        }
        Err(error) => {
            let error = error.to_string();
            let message = format!(
                "the lock that is there cannot be read, and no version of it is kept: {}",
                error.lines().next().unwrap_or_default()
            );
            progress.event(&Event::Warning { message: &message });
            return BTreeMap::new();
        }
    };
    let of_one = |(platform, locked): (Platform, LockedPlatform)| {
        let mut packages = locked.packages;
        packages.retain(|package| !order.update.has(&package.name));
        let versions = packages
            .into_iter()
            .map(|package| (package.name, package.version));
        (platform, versions.collect())
    };
    lock.platforms.into_iter().map(of_one).collect()
}

/// The lock beside the spec, where it says what the spec says now. A stale one is an error where it was asked for, else a
/// warning.
fn usable_lock(
    order: &Order,
    beside: &Beside,
    platforms: &[Platform],
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<Option<Lock>, Error> {
    let path = order.lock_file();
    let locked = order.locked;
    let bytes = match crate::files::read_plain(&path, limits.index) {
        Ok(bytes) => bytes,
        Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            if locked {
                return Err(Error::NoLock {
                    lock: path,
                    spec: order.file.clone(),
                });
            }
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    beside.note(&path);
    let lock = order.read_lock(&path, &bytes, limits)?;
    match lock.check(order.whole_of.as_deref().unwrap_or(&order.spec)) {
        Ok(()) if platforms.iter().all(|p| lock.platforms.contains_key(p)) => Ok(Some(lock)),
        Err(stale) if locked => Err(Error::Stale { lock: path, stale }),
        Err(stale) => {
            let message = format!(
                "{}: {stale}\nit is resolved anew; `mikron lock` writes it",
                path.display()
            );
            progress.event(&Event::Warning { message: &message });
            Ok(None)
        }
        Ok(()) => Ok(None),
    }
}

/// Whether a lock was made upon the base that is there now. One that was not is an error where the lock was asked for, else a warning.
pub(crate) fn is_of_base(
    order: &Order,
    lock: &Lock,
    base: Option<&Base>,
    progress: &dyn Progress,
) -> Result<bool, Error> {
    let locked = lock.base.as_ref().map(|locked| locked.digest);
    let found = base.map(|base| base.digest);
    if locked == found {
        return Ok(true);
    }
    let text = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
    let stale = StaleLock {
        changes: vec![Change::BaseChanged {
            locked: text(locked),
            wanted: text(found),
        }],
    };
    let path = order.lock_file();
    if order.locked {
        return Err(Error::Stale { lock: path, stale });
    }
    let message = format!(
        "{}: {stale}\nit is resolved anew; `mikron lock` writes it",
        path.display()
    );
    progress.event(&Event::Warning { message: &message });
    Ok(false)
}
