//! What an index, or an archive's own metadata, says of one package.

use serde::{Deserialize, Serialize};

use crate::{Digest, PackageName, Relation, Requirement, Version};

/// The family of a package format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Debian and its relatives.
    Deb,
    /// Red Hat, SUSE and their relatives.
    Rpm,
    /// Alpine and its relatives.
    Apk,
}

/// How a package takes part in multi-arch (deb-control(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MultiArch {
    /// The default: satisfies relations of its own architecture only.
    #[default]
    No,
    /// Several architectures can be installed together.
    Same,
    /// Satisfies relations of every architecture.
    Foreign,
    /// Satisfies `:any` relations of every architecture.
    Allowed,
}

/// How important a package is to its distribution (deb-control(5)). Ordered from most to least important.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // the names are the field's own values
pub enum Priority {
    Required,
    Important,
    Standard,
    #[default]
    Optional,
    Extra,
}

/// Everything that solving and fetching need to know of one package.
///
/// ```
/// use mikron_package::{PackageRecord, Version};
/// let record = PackageRecord::new("nginx".parse()?, Version::new("1.22.1-9"), "amd64");
/// assert!(record.depends.is_empty());
/// # Ok::<(), mikron_package::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRecord {
    /// Binary package name.
    pub name: PackageName,
    /// Full version.
    pub version: Version,
    /// Architecture in the family's own words (`amd64`, `all`; `x86_64`, `noarch`).
    pub arch: String,
    /// Name of the source package, where it differs or where the index says it; else equal to `name`.
    pub source: PackageName,
    /// Version of the source package, where it differs from `version`.
    pub source_version: Option<Version>,
    /// Multi-arch behaviour.
    pub multi_arch: MultiArch,
    /// Whether every installation is assumed to hold it (`Essential: yes`).
    pub essential: bool,
    /// Importance.
    pub priority: Priority,
    /// Section (`libs`, `httpd`).
    pub section: Option<String>,
    /// What must be there before it is unpacked. To an image the same as `depends`, kept apart for explanations.
    pub pre_depends: Vec<Requirement>,
    /// What must be there.
    pub depends: Vec<Requirement>,
    /// What should be there; never followed.
    pub recommends: Vec<Requirement>,
    /// What must not be there.
    pub conflicts: Vec<Relation>,
    /// What must not be there configured; to an image the same as `conflicts`.
    pub breaks: Vec<Relation>,
    /// Whose files it may overwrite.
    pub replaces: Vec<Relation>,
    /// Virtual packages; a constraint can only be `=`.
    pub provides: Vec<Relation>,
    /// Where the archive lies, relative to the source's base; empty in an archive's own metadata.
    pub location: String,
    /// Size of the archive in bytes; 0 in an archive's own metadata.
    pub size: u64,
    /// Digest of the archive; `None` only in an archive's own metadata.
    pub digest: Option<Digest>,
    /// Installed size in bytes, as the distribution estimates it.
    pub installed_size: u64,
}

impl PackageRecord {
    /// A record with nothing but an identity.
    pub fn new(name: PackageName, version: Version, arch: &str) -> Self {
        Self {
            source: name.clone(),
            name,
            version,
            arch: arch.to_owned(),
            source_version: None,
            multi_arch: MultiArch::No,
            essential: false,
            priority: Priority::Optional,
            section: None,
            pre_depends: Vec::new(),
            depends: Vec::new(),
            recommends: Vec::new(),
            conflicts: Vec::new(),
            breaks: Vec::new(),
            replaces: Vec::new(),
            provides: Vec::new(),
            location: String::new(),
            size: 0,
            digest: None,
            installed_size: 0,
        }
    }

    /// `pre_depends`, then `depends`.
    pub fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.pre_depends.iter().chain(&self.depends)
    }
}
