//! What is looked for in all packages that there are, whatever their names are.

use std::fmt;

/// Something that a file needs and that some package has.
///
/// ```
/// use mikron_package::Sought;
/// assert_eq!(Sought::Path("/usr/bin/python3".into()).file_name(), "python3");
/// assert_eq!(Sought::Library("libpq.so.5".into()).to_string(), "soname(libpq.so.5)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sought {
    /// A library, by the name that the loader looks for.
    Library(String),
    /// A command on `PATH`.
    Command(String),
    /// A program or a loader, by its path from `/`.
    Path(String),
}

impl Sought {
    /// The name of the file.
    pub fn file_name(&self) -> &str {
        let (Self::Library(name) | Self::Command(name) | Self::Path(name)) = self;
        name.rsplit('/').next().unwrap_or(name)
    }
}

impl fmt::Display for Sought {
    /// As a token: `soname(libpq.so.5)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(name) => write!(f, "soname({name})"),
            Self::Command(name) => write!(f, "command({name})"),
            Self::Path(path) => write!(f, "path({path})"),
        }
    }
}
