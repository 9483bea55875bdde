//! Names of packages.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The name of a package or of a virtual package: `nginx`, `libssl3`, `g++-12`.
///
/// Cheap to clone, and without memory of its own up to 23 bytes: an index has millions. The characters of all three families are accepted (deb-control(5) is the narrowest); white space, `/`,
/// commas and control characters never are.
///
/// ```
/// use mikron_package::PackageName;
/// let name: PackageName = "libstdc++6".parse()?;
/// assert_eq!(name.as_str(), "libstdc++6");
/// assert!("a/b".parse::<PackageName>().is_err());
/// # Ok::<(), mikron_package::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(SmolStr);

impl PackageName {
    /// A name from text.
    ///
    /// # Errors
    /// When the text is empty, longer than 512 bytes, or holds a character that no family allows.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if !is_plain(name) {
            return Err(NameError {
                name: name.chars().take(100).collect(),
            });
        }
        Ok(Self(name.into()))
    }

    /// What a relation of rpm or apk calls for where that need not be a package: a path (`/bin/sh`), a soname with its
    /// version (`libc.so.6(GLIBC_2.34)(64bit)`), a token of a language (`perl(Foo::Bar)`, `python3dist(a[b])`).
    ///
    /// ```
    /// use mikron_package::PackageName;
    /// let path = PackageName::wanted("/bin/sh")?;
    /// assert!(!path.is_plain() && PackageName::new(path.as_str()).is_err());
    /// # Ok::<(), mikron_package::NameError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is empty, longer than 4096 bytes, or holds white space or control characters.
    pub fn wanted(text: &str) -> Result<Self, NameError> {
        // Nearly all names are plain ASCII, and an index has millions: one look at their bytes tells.
        let plain = text.bytes().fold(true, |all, b| all & b.is_ascii_graphic());
        let refused = |c: char| c.is_control() || c.is_whitespace();
        if text.is_empty() || text.len() > 4096 || (!plain && text.chars().any(refused)) {
            return Err(NameError {
                name: text.chars().take(100).collect(),
            });
        }
        Ok(Self(text.into()))
    }

    /// Whether it can be the name of a package, and not only what a relation calls for.
    pub fn is_plain(&self) -> bool {
        is_plain(&self.0)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_graphic() && !"/\\,;|&<>[]!\"'`*?$#".contains(c);
    !name.is_empty() && name.len() <= 512 && name.chars().all(allowed)
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for PackageName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for PackageName {
    type Err = NameError;
    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

/// As [`PackageName::wanted`]: records hold names of both kinds. What a file says of a package's own name is to be asked for
/// with [`PackageName::is_plain`].
impl TryFrom<String> for PackageName {
    type Error = NameError;
    fn try_from(name: String) -> Result<Self, NameError> {
        Self::wanted(&name)
    }
}

impl From<PackageName> for String {
    fn from(name: PackageName) -> Self {
        name.as_str().to_owned()
    }
}

/// A text that is not a package name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a package name", .name.escape_debug())]
pub struct NameError {
    /// The first hundred characters of what stood there.
    pub name: String,
}
