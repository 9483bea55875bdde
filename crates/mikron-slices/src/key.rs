//! Names of slices: `nginx_bins`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use mikron_package::PackageName;
use serde::{Deserialize, Serialize};

use crate::{SliceError, SliceErrorKind};
use mikron_yaml::shown;

/// The full name of a slice: package and slice with `_` between.
///
/// Chisel's rules hold. A package is two or more of `a-z 0-9 . + -`, begins with a letter or digit, and no `-` stands at its
/// end or beside another. A slice is three or more of `a-z 0-9 -`, begins with a letter, and its `-` follow the same rule.
/// Packages of a store carry their kind in front (`bin/hello_bins`).
///
/// ```
/// use mikron_slices::SliceKey;
/// let key: SliceKey = "libc6_libs".parse()?;
/// assert_eq!((key.package().as_str(), key.slice()), ("libc6", "libs"));
/// assert!("libc6".parse::<SliceKey>().is_err());
/// # Ok::<(), mikron_slices::SliceError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SliceKey {
    package: PackageName,
    slice: Arc<str>,
    store: Option<Arc<str>>,
}

impl SliceKey {
    /// A key from its two parts.
    ///
    /// # Errors
    /// [`SliceErrorKind::Name`] when a part breaks its rules.
    pub fn new(package: &str, slice: &str) -> Result<Self, SliceError> {
        Self::of_package(&package_name(package)?, slice)
    }

    pub(crate) fn of_package(package: &PackageName, slice: &str) -> Result<Self, SliceError> {
        if !is_slice_name(slice) {
            let error = SliceError::new(SliceErrorKind::Name {
                name: shown(slice),
                what: "a name for a slice",
            });
            return Err(
                error.help("at least three of `a-z`, `0-9` and single `-`, with a letter in front")
            );
        }
        Ok(Self {
            package: package.clone(),
            slice: slice.into(),
            store: None,
        })
    }

    /// The package.
    pub fn package(&self) -> &PackageName {
        &self.package
    }

    /// The slice within the package: the capability, in Mikron's words.
    pub fn slice(&self) -> &str {
        &self.slice
    }

    /// The kind of store that the package comes from, for a reference such as `bin/hello_bins`.
    pub fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }
}

impl FromStr for SliceKey {
    type Err = SliceError;

    fn from_str(text: &str) -> Result<Self, SliceError> {
        let wrong = || {
            SliceError::new(SliceErrorKind::Name {
                name: shown(text),
                what: "a reference to a slice",
            })
            .help("write package and slice with `_` between, as in `libc6_libs`")
        };
        let (store, rest) = match text.split_once('/') {
            Some((store, rest)) => (Some(store), rest),
            None => (None, text),
        };
        let (package, slice) = rest.split_once('_').ok_or_else(wrong)?;
        let store = match store {
            Some(store) if !is_package_name(store) && !is_letter_or_digit(store) => {
                return Err(wrong());
            }
            store => store.map(Arc::from),
        };
        let key = Self::new(package, slice).map_err(|_| wrong())?;
        Ok(Self { store, ..key })
    }
}

impl TryFrom<String> for SliceKey {
    type Error = SliceError;

    fn try_from(text: String) -> Result<Self, SliceError> {
        text.parse()
    }
}

impl From<SliceKey> for String {
    fn from(key: SliceKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for SliceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(store) = &self.store {
            write!(f, "{store}/")?;
        }
        write!(f, "{}_{}", self.package, self.slice)
    }
}

impl fmt::Debug for SliceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads the name of a package by chisel's rules.
pub(crate) fn package_name(name: &str) -> Result<PackageName, SliceError> {
    let wrong = || {
        SliceError::new(SliceErrorKind::Name {
            name: shown(name),
            what: "a name for a package",
        })
        .help("at least two of `a-z`, `0-9`, `.`, `+` and single `-`, with a letter or digit in front")
    };
    if !is_package_name(name) {
        return Err(wrong());
    }
    PackageName::new(name).map_err(|_| wrong())
}

fn is_letter_or_digit(text: &str) -> bool {
    matches!(text.as_bytes(), [b'a'..=b'z' | b'0'..=b'9'])
}

/// A first byte of its own kind, then at least `more` others of which `-` stands alone and not at the end.
fn follows(name: &str, first: fn(u8) -> bool, other: fn(u8) -> bool, more: usize) -> bool {
    let Some((head, rest)) = name.as_bytes().split_first() else {
        return false;
    };
    let dashes_stand_alone = !rest.ends_with(b"-") && !rest.windows(2).any(|pair| pair == b"--");
    let others = rest.iter().filter(|b| **b != b'-').count();
    first(*head)
        && dashes_stand_alone
        && others >= more
        && rest.iter().all(|b| *b == b'-' || other(*b))
}

fn is_package_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let other = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'+';
    follows(name, plain, other, 1)
}

fn is_slice_name(name: &str) -> bool {
    let other = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    follows(name, |b| b.is_ascii_lowercase(), other, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_packages_follow_the_rules() {
        for good in [
            "7zip",
            "libstdc++6",
            "python3.12-minimal",
            "x11",
            "gcc-13-base",
        ] {
            assert!(is_package_name(good), "{good}");
        }
        for bad in ["", "a", "-a1", "a--b", "ab-", "Ab", "a_b", ".ab", "a b"] {
            assert!(!is_package_name(bad), "{bad}");
        }
    }

    #[test]
    fn names_of_slices_follow_the_rules() {
        for good in ["bins", "data-with-certs", "lib", "a1-2"] {
            assert!(is_slice_name(good), "{good}");
        }
        for bad in ["", "ab", "1abc", "ab-", "a--bc", "a.bc", "Bins", "a-b"] {
            assert!(!is_slice_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_reference_has_a_package_and_a_slice() {
        let key: SliceKey = "python3.12_core".parse().unwrap();
        assert_eq!(key.to_string(), "python3.12_core");
        let stored: SliceKey = "bin/hello_bins".parse().unwrap();
        assert_eq!(stored.store(), Some("bin"));
        for bad in [
            "",
            "nginx",
            "nginx_",
            "_bins",
            "nginx_bins_more",
            "a/b/c_bins",
            "/nginx_bins",
        ] {
            assert!(bad.parse::<SliceKey>().is_err(), "{bad}");
        }
    }
}
