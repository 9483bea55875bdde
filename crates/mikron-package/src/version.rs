//! Versions. Their order belongs to the family, so it is a trait.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Constraint, Operator};

/// A version as its family writes it (`1:1.22.1-9+deb12u1`). Equality is by text; order needs a [`VersionOrder`].
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(SmolStr);

impl Version {
    /// A version from text, unchecked: [`VersionOrder::validate`] checks it by the rules of a family.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How one family orders its versions (deb-version(7), rpm-version(7), apk's own).
///
/// ```
/// use std::cmp::Ordering;
/// use mikron_package::{VersionError, VersionOrder};
///
/// struct Numbers;
/// impl VersionOrder for Numbers {
///     fn compare(&self, a: &str, b: &str) -> Ordering {
///         a.parse::<u64>().ok().cmp(&b.parse().ok())
///     }
///     fn validate(&self, version: &str) -> Result<(), VersionError> {
///         version.parse::<u64>().map(drop).map_err(|_| VersionError {
///             version: version.to_owned(),
///             reason: "is not a number",
///         })
///     }
/// }
/// assert_eq!(Numbers.compare("9", "10"), Ordering::Less);
/// ```
pub trait VersionOrder: Send + Sync {
    /// Compares two versions. Total over all texts: what `validate` would refuse still gets a stable place.
    fn compare(&self, a: &str, b: &str) -> Ordering;

    /// Checks that `version` is well-formed.
    ///
    /// # Errors
    /// When it is not; the error says why.
    fn validate(&self, version: &str) -> Result<(), VersionError>;

    /// Whether `version` begins with `start` in whole parts: apk's `~`. The families that have no such operator keep the
    /// default, under which only the version itself does.
    fn begins_with(&self, version: &str, start: &str) -> bool {
        self.compare(version, start).is_eq()
    }

    /// Whether what a package is or provides answers to a relation of the same name. `offered` is the version of the
    /// `Provides`, or the package's own; the default is the rule of dpkg and apk: an unversioned `Provides` satisfies no
    /// versioned relation.
    fn answers(&self, offered: Option<&Constraint>, wanted: Option<&Constraint>) -> bool {
        match (offered, wanted) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(offered), Some(wanted)) => {
                let version = offered.version.as_str();
                match wanted.operator {
                    Operator::Begins => self.begins_with(version, wanted.version.as_str()),
                    operator => operator.accepts(self.compare(version, wanted.version.as_str())),
                }
            }
        }
    }
}

impl<T: VersionOrder + ?Sized> VersionOrder for &T {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        (**self).compare(a, b)
    }
    fn validate(&self, version: &str) -> Result<(), VersionError> {
        (**self).validate(version)
    }
    fn begins_with(&self, version: &str, start: &str) -> bool {
        (**self).begins_with(version, start)
    }
    fn answers(&self, offered: Option<&Constraint>, wanted: Option<&Constraint>) -> bool {
        (**self).answers(offered, wanted)
    }
}

/// A malformed version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the version `{}` {reason}", .version.escape_debug())]
pub struct VersionError {
    /// The text that stood there.
    pub version: String,
    /// What is wrong, as the end of the sentence "the version …".
    pub reason: &'static str,
}
