//! What holds over all packages of a repository: how many there are, and that no two archives have one checksum.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use mikron_package::{Checksum, LimitExceeded, Limits, PackageRecord};

use super::RepomdErrorKind;

/// Counts packages, and tells which were there already.
#[derive(Debug, Default)]
pub struct Census {
    promised: Option<u64>,
    found: u64,
    /// By checksum, the package that has it.
    seen: HashMap<Vec<u8>, Box<str>>,
}

impl Census {
    /// Takes what the root promises.
    pub fn promise(&mut self, packages: Option<u64>) {
        self.promised = packages;
    }

    /// Counts one package.
    ///
    /// # Errors
    /// When there are more than were promised, or than the limits allow.
    pub fn count(&mut self, limits: &Limits) -> Result<(), RepomdErrorKind> {
        self.found += 1;
        LimitExceeded::check("entries", self.found, limits.entries)?;
        match self.promised {
            Some(promised) if promised < self.found => Err(RepomdErrorKind::Count {
                promised,
                found: self.found,
            }),
            _ => Ok(()),
        }
    }

    /// Whether a package was not there yet. One archive may lie in two places.
    ///
    /// # Errors
    /// When another package has the same checksum: two archives do not.
    pub fn is_new(&mut self, record: &PackageRecord) -> Result<bool, RepomdErrorKind> {
        let key = match (&record.digest, &record.checksum) {
            (Some(digest), _) => digest.as_bytes().to_vec(),
            (None, Some(Checksum::Sha512(bytes))) => bytes.to_vec(),
            _ => Vec::new(),
        };
        let identity = format!("{}-{}.{}", record.name, record.version, record.arch);
        match self.seen.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(identity.into());
                Ok(true)
            }
            Entry::Occupied(entry) if **entry.get() == *identity => Ok(false),
            Entry::Occupied(entry) => Err(RepomdErrorKind::DuplicatePackage {
                first: entry.get().to_string(),
            }),
        }
    }

    /// Ends the count.
    ///
    /// # Errors
    /// When there were fewer than promised.
    pub fn finish(&self) -> Result<(), RepomdErrorKind> {
        match self.promised {
            Some(promised) if promised != self.found => Err(RepomdErrorKind::Count {
                promised,
                found: self.found,
            }),
            _ => Ok(()),
        }
    }
}
