//! What solving gives: packages, and what each is to the image.

use mikron_package::{Family, PackageRecord};
use mikron_spec::Select;

/// What a package is to the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The spec names it with these capabilities, and `whole` where it names it without some, too.
    Root {
        capabilities: Vec<String>,
        whole: bool,
        select: Select,
    },
    /// Slices of it are taken, and nothing else but what files need.
    Sliced,
    /// A root needs it.
    Dependency,
    /// An Essential package, or what one needs: it gives files that nothing else has.
    Provider,
    /// A file of the spec needs something that only it has, or the image starts a program of it.
    Found,
}

/// One package of a solution.
#[derive(Clone, Debug)]
pub(crate) struct ResolvedPackage {
    pub(crate) record: PackageRecord,
    pub(crate) family: Family,
    pub(crate) source: String,
    pub(crate) role: Role,
    /// What it requires of others of the solution: their index, and the requirement as the package has it.
    pub(crate) requires: Vec<(usize, String)>,
    /// Where the image that is built upon has the package.
    pub(crate) below: Option<InBase>,
}

/// A package of the image that is built upon.
#[derive(Clone, Debug, Default)]
pub(crate) struct InBase {
    /// The same version in a source, whose archive has what the base may lack of it.
    pub(crate) archive: Option<Box<ResolvedPackage>>,
    /// Whether that is looked into.
    pub(crate) joined: bool,
}
