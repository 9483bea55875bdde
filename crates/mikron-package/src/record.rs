//! What an index, or an archive's own metadata, says of one package.

use serde::{Deserialize, Serialize};

use crate::{Digest, PackageName, Relation, Requirement, Version};

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

/// How an index proves an archive where it does not give the SHA-256 of its bytes. The archive is checked against it once, when
/// it is fetched; from then on it is known by the SHA-256 that it turned out to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checksum {
    /// The SHA-1 of an apk's control member, compressed (`C:Q1…` of APKINDEX). The control member holds the SHA-256 of the data.
    ApkControl([u8; 20]),
    /// The SHA-512 of the whole archive (`<checksum type="sha512">` of primary.xml).
    #[serde(with = "wide")]
    Sha512([u8; 64]),
}

/// An array that serde has no impl for.
mod wide {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 64], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 64], D::Error> {
        let bytes = Vec::<u8>::deserialize(from)?;
        let found = bytes.len();
        <[u8; 64]>::try_from(bytes)
            .map_err(|_| D::Error::invalid_length(found, &"the 64 bytes of a SHA-512"))
    }
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
    /// Where it would be of use (rpm's `Supplements`); never followed.
    #[serde(default)]
    pub supplements: Vec<Requirement>,
    /// What might be of use (rpm's `Suggests`); never followed.
    #[serde(default)]
    pub suggests: Vec<Requirement>,
    /// Where it might be of use (rpm's `Enhances`); never followed.
    #[serde(default)]
    pub enhances: Vec<Requirement>,
    /// What brings it in without anybody asking for it: apk takes it as soon as all of these are there (`install_if`).
    #[serde(default)]
    pub install_if: Vec<Relation>,
    /// What keeps `install_if` from bringing it in (`!name` there).
    #[serde(default)]
    pub install_if_not: Vec<Relation>,
    /// What must not be there.
    pub conflicts: Vec<Relation>,
    /// What must not hold beside it: rpm's rich `Conflicts`.
    #[serde(default)]
    pub rich_conflicts: Vec<Requirement>,
    /// Whose place it takes (rpm's `Obsoletes`): matched by name alone, never by what a package provides.
    #[serde(default)]
    pub obsoletes: Vec<Relation>,
    /// What must not be there configured; to an image the same as `conflicts`.
    pub breaks: Vec<Relation>,
    /// Whose files it may overwrite.
    pub replaces: Vec<Relation>,
    /// Virtual packages, and for rpm the paths that relations may call for. A constraint is `=` in deb and apk; rpm knows
    /// ranges.
    pub provides: Vec<Relation>,
    /// Which of several providers of one virtual package is taken: the highest (apk's `provider_priority`). `None`: it is
    /// never taken for the virtual package alone.
    #[serde(default)]
    pub provider_priority: Option<u32>,
    /// Which of two packages that may overwrite each other's files has the last word: the higher one (apk's
    /// `replaces_priority`).
    #[serde(default)]
    pub replaces_priority: u32,
    /// Where the archive lies, relative to the source's base; empty in an archive's own metadata.
    pub location: String,
    /// Size of the archive in bytes; 0 in an archive's own metadata.
    pub size: u64,
    /// Digest of the archive; `None` in an archive's own metadata, and where the index has only a [`Checksum`].
    pub digest: Option<Digest>,
    /// What the index proves an archive by where that is no SHA-256 of it.
    #[serde(default)]
    pub checksum: Option<Checksum>,
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
            supplements: Vec::new(),
            suggests: Vec::new(),
            enhances: Vec::new(),
            install_if: Vec::new(),
            install_if_not: Vec::new(),
            conflicts: Vec::new(),
            rich_conflicts: Vec::new(),
            obsoletes: Vec::new(),
            breaks: Vec::new(),
            replaces: Vec::new(),
            provides: Vec::new(),
            provider_priority: None,
            replaces_priority: 0,
            location: String::new(),
            size: 0,
            digest: None,
            checksum: None,
            installed_size: 0,
        }
    }

    /// `pre_depends`, then `depends`.
    pub fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.pre_depends.iter().chain(&self.depends)
    }
}
