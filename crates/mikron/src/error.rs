//! Everything that can go wrong in a build, as data.

use std::io;
use std::path::PathBuf;

use mikron_facts::{FactsError, LibcFlavour};
use mikron_matrix::Violation;
use mikron_oci::{ImageError, LayerError, StoreError};
use mikron_package::{
    ArchiveError, DatabaseError, Family, IdentityMismatch, PackageName, Platform, PlatformError,
    Sought, Version,
};
use mikron_rootfs::RootfsError;
use mikron_select::{Missing, RulesError, SelectError};
#[cfg(feature = "slices")]
use mikron_slices::SliceError;
use mikron_solve::SolveError;
use mikron_spec::{SpecError, StaleLock};

use crate::Output;
use crate::report::ScriptReport;

/// Why a build, a lock or an explanation failed. Nothing was published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {error}", .path.display())]
    Io {
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The spec or the lock is not right.
    #[error(transparent)]
    Spec(Box<SpecError>),
    /// The spec names a file that it may not.
    #[error(transparent)]
    Outside(#[from] mikron_spec::OutsideRoot),
    /// The spec has changed since it was locked.
    #[error("{}: {stale}", .lock.display())]
    Stale {
        /// The lock file.
        lock: PathBuf,
        /// What has changed.
        stale: StaleLock,
    },
    /// `--locked` was asked for and there is no lock.
    #[error("{} does not exist; make it with `mikron lock {}`", .lock.display(), .spec.display())]
    NoLock {
        /// The lock file.
        lock: PathBuf,
        /// The spec.
        spec: PathBuf,
    },
    /// The spec asks for something that this version does not do.
    #[error("{what} is not supported: {remedy}")]
    Unsupported {
        /// What.
        what: String,
        /// What can be done.
        remedy: String,
    },
    /// A setting cannot be what it is to be, or cannot be written.
    #[error("{what}\nhelp: {remedy}")]
    Setting {
        /// What is wrong.
        what: String,
        /// What can be done.
        remedy: String,
    },
    /// There is nowhere to keep what is fetched and learnt.
    #[error("no directory for the cache is known\nhelp: set MIKRON_CACHE, or HOME")]
    NoCache,
    /// `SOURCE_DATE_EPOCH` is no date that a calendar has.
    #[error(
        "SOURCE_DATE_EPOCH=`{}` is no date\nhelp: write seconds since 1970 as a decimal number",
        .0.escape_debug()
    )]
    SourceDateEpoch(String),
    /// A source is of a family that nobody handed to the session.
    #[error(
        "the source `{source_name}` is of the family {family}, which this program does not know\nhelp: hand the family to the builder"
    )]
    UnknownFamily {
        /// The source.
        source_name: String,
        /// Its family.
        family: Family,
    },
    /// The name is that of no package; packages may provide it.
    #[error("no package is named {0}\nhelp: name a package that provides it")]
    NoSuchPackage(PackageName),
    /// The spec asks for something that this program was built without.
    #[error(
        "this program was built without {what} (the feature `{feature}` of the crate `mikron`)"
    )]
    NotBuiltIn {
        /// What.
        what: &'static str,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// A platform that the spec does not list.
    #[error("{platform} is not a platform of the spec (it has {})", list(.known))]
    UnknownPlatform {
        /// The platform that was asked for.
        platform: Platform,
        /// Those of the spec.
        known: Vec<Platform>,
    },
    /// A text that is no platform.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// An index or an archive cannot be had, or cannot be trusted.
    #[error(transparent)]
    Source(#[from] SourceFault),
    /// An archive is not where it was published: no location has it any more.
    #[error("{package} {version} of the source `{source_name}` is gone: {error}\nhelp: {}", remedies.join("\nhelp: "))]
    Vanished {
        /// The package.
        package: PackageName,
        /// The version that was published.
        version: Version,
        /// The source that published it.
        source_name: String,
        /// What was tried.
        error: Box<mikron_source::download::DownloadError>,
        /// What can be done, the likeliest first.
        remedies: Vec<String>,
    },
    /// One of the spec's variants cannot be built.
    #[error("variant {variant}: {error}")]
    Variant {
        /// The variant.
        variant: String,
        /// Why not.
        error: Box<Error>,
    },
    /// An output holds one image, and the spec has variants.
    #[error("`{0}` holds one image, and the spec has variants")]
    SeveralVariants(crate::Output),
    /// The spec has no such variant.
    #[error("the spec has no variant `{variant}`")]
    UnknownVariant {
        /// The variant.
        variant: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// Libraries in an image to build in are of other versions than in the one that runs what it builds.
    #[error("{platform}: what is linked here would run with other libraries in `{pair}`:{}", disagreements(.differing))]
    Pair {
        /// What the spec calls the other one.
        pair: String,
        /// The platform.
        platform: Platform,
        /// The packages: at least one.
        differing: Vec<Disagreement>,
    },
    /// The image that is to run what another one builds is itself for building.
    #[error("`{pair}` is an image to build in too, and runs nothing that this one builds")]
    PairOfBuilds {
        /// What the spec calls the other one.
        pair: String,
    },
    /// The image that is to run what another one builds is not made for its platform.
    #[error("{platform} is not a platform of `{pair}`, which is to run what is built (it has {})", list(.known))]
    PairWithoutPlatform {
        /// What the spec calls the other one.
        pair: String,
        /// The platform that is built on.
        platform: Platform,
        /// Those of the other one.
        known: Vec<Platform>,
    },
    /// The packages cannot be had together.
    #[error("{platform}: {error}")]
    Solve {
        /// The platform that was solved for.
        platform: Platform,
        /// Why not.
        error: SolveError,
    },
    /// Sources of several families have a package, and the spec does not say which is meant.
    #[error(
        "the package {package} is in sources of several families ({}); write `{{ name: {package}, source: … }}`",
        .families.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    SeveralFamilies {
        /// The package.
        package: PackageName,
        /// The families that have it.
        families: Vec<Family>,
    },
    /// Two families bring packages of one name into one image.
    #[error(
        "both `{}` and `{}` bring a package {package}; one image cannot hold both: take what needs it from one of them",
        .sources[0], .sources[1]
    )]
    SameName {
        /// The package.
        package: PackageName,
        /// The sources that it comes from.
        sources: [String; 2],
    },
    /// An archive cannot be read.
    #[error(transparent)]
    Archive(Box<ArchiveError>),
    /// The facts of an archive cannot be learnt.
    #[error("{package}: {error}")]
    Facts {
        /// The package.
        package: PackageName,
        /// Why not.
        error: Box<FactsError>,
    },
    /// An archive is not what its index says.
    #[error(transparent)]
    Identity(#[from] IdentityMismatch),
    /// A table of rules cannot be used, or the spec switches a rule that does not exist.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A table of what installations do cannot be read.
    #[error(transparent)]
    Installation(#[from] mikron_yaml::TableError),
    #[cfg(feature = "slices")]
    /// Definitions of slices cannot be used, or do not fit together or to the packages: at least one error.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Slices(Vec<SliceError>),
    #[cfg(feature = "slices")]
    /// The package of a slice is not part of the solution: another one that provides it is.
    #[error("there is no package `{package}` to take slices of: another one provides it")]
    SliceOfOther {
        /// The package that the definitions name.
        package: PackageName,
    },
    /// Nothing can be selected.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The selection is not closed: something that it needs is nowhere (promise 4).
    #[error("{platform}: the image would not be closed: {}", open_ends(.missing, .violations))]
    NotClosed {
        /// The platform.
        platform: Platform,
        /// What no package provides.
        missing: Vec<Missing>,
        /// What the selected files contradict.
        violations: Vec<Violation>,
        /// Where the program that the image starts is missing: those of the spec's packages, or the one that its name resembles.
        near: Vec<String>,
        /// What was looked for in all sources, since a file of the spec needs it or the image starts it.
        unfound: Vec<Unfound>,
    },
    /// The spec is strict, and maintainer scripts would do what nobody does in their stead.
    #[error("{platform}: the spec is strict, and scripts that do not run would also do this: {}", uncovered(.scripts))]
    Scripts {
        /// The platform.
        platform: Platform,
        /// The scripts with such effects.
        scripts: Vec<ScriptReport>,
    },
    /// The packages do not merge into one tree.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// A package database cannot be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A layer cannot be made.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Config, manifest or index cannot be made.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The output cannot be written or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An output holds the image of one platform, and there are several.
    #[error(
        "`{output}` takes the image of one platform, and the spec has {}\nhelp: name one with `--platform {}`, or write a layout (`oci:DIR`), which holds all",
        list(.platforms), .platforms[0]
    )]
    SeveralPlatforms {
        /// The output.
        output: Output,
        /// The platforms that would be built: two at least.
        platforms: Vec<Platform>,
    },
    /// A container engine did not take the image.
    #[error(transparent)]
    Engine(#[from] mikron_engine::EngineError),
    /// The root file system cannot be written.
    #[error(transparent)]
    Unpack(#[from] mikron_unpack::UnpackError),
    /// The build was cancelled.
    #[error("it was cancelled; nothing was written")]
    Cancelled,
}

impl Error {
    /// For `map_err` behind a call on a file.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io {
            action,
            path,
            error,
        }
    }

    #[cfg(feature = "slices")]
    /// Errors of a chisel release, with its directory before the names of its files.
    pub(crate) fn slices(release: &str, errors: impl IntoIterator<Item = SliceError>) -> Self {
        let named = |error| of_release(release, error);
        Self::Slices(errors.into_iter().map(named).collect())
    }
}

#[cfg(feature = "slices")]
/// An error of a chisel release, with its directory before the name of its file.
pub(crate) fn of_release(release: &str, mut error: SliceError) -> SliceError {
    error.file = if error.file.is_empty() {
        release.to_owned()
    } else {
        format!("{release}/{}", error.file)
    };
    error
}

impl From<SpecError> for Error {
    fn from(error: SpecError) -> Self {
        Self::Spec(Box::new(error))
    }
}

impl From<ArchiveError> for Error {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(Box::new(error))
    }
}

/// A package with a library, in one version where programs are built and in another where they run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The package.
    pub package: PackageName,
    /// A library of it, by its soname.
    pub library: String,
    /// Its version in the image to build in.
    pub here: Version,
    /// Its version in the image that runs what is built, or the one that its sources would give.
    pub there: Version,
}

/// Something that a file of the spec needs, or that the image starts, and that is not in the image: no package could be chosen for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfound {
    /// What was looked for.
    pub sought: Sought,
    /// The path of the file that needs it; `None` for what the image starts.
    pub by: Option<String>,
    /// The C library that the file is made for, where it is made for one.
    pub libc: Option<LibcFlavour>,
    /// Why no package was chosen.
    pub cause: UnfoundCause,
}

/// Why no package was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnfoundCause {
    /// The spec has no sources.
    NoSource,
    /// The lock has no package that was found for it: the file is another than when the lock was made.
    Locked,
    /// No package of the sources has it, as far as they say.
    Nobody {
        /// Sources that do not say which files their packages have.
        unlisted: Vec<String>,
    },
    /// Packages have it where nobody looks.
    Elsewhere(Vec<Candidate>),
    /// Several packages have it, and nothing says which is meant.
    Several(Vec<Candidate>),
}

/// A package that has what is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The package.
    pub package: PackageName,
    /// Where its file lies; `None` where its record says that it has it, and no more.
    pub path: Option<String>,
}

/// What can go wrong with a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceFault {
    /// A repository cannot be had or trusted.
    #[error(transparent)]
    Repository(#[from] mikron_source::SourceError),
    /// An archive cannot be had.
    #[error(transparent)]
    Download(#[from] mikron_source::download::DownloadError),
    /// Indexes do not go together.
    #[error(transparent)]
    Universe(#[from] mikron_source::universe::UniverseError),
    /// Keys cannot be read.
    #[error(transparent)]
    Trust(#[from] mikron_source::trust::TrustError),
    /// An Alpine key cannot be read.
    #[error(transparent)]
    Key(#[from] mikron_apk::KeyError),
    /// The cache cannot be read or written.
    #[error(transparent)]
    Cache(#[from] mikron_source::cache::CacheError),
    /// A source without keys that does not say that it wants none.
    #[error(
        "the source `{0}` names no keys\nhelp: name them with `keys`, or write `allow: [unsigned]`"
    )]
    WithoutKeys(String),
    /// A package of a solution that no repository of its source says how to get.
    #[error(
        "the source `{source_name}` does not say where {package} lies, or by which digest it is known"
    )]
    NoArchive {
        /// The source.
        source_name: String,
        /// The package.
        package: PackageName,
    },
    /// A date of an index that no calendar has.
    #[error("an index is of {0} seconds since 1970, which is no date")]
    Date(i64),
    /// A preset that does not exist.
    #[error(transparent)]
    Preset(#[from] mikron_source::preset::UnknownPreset),
}

fn uncovered(scripts: &[ScriptReport]) -> String {
    let line = |script: &ScriptReport| {
        let ScriptReport {
            package,
            script,
            uncovered,
            ..
        } = script;
        format!("\n  {package} {script}: {}", uncovered.join("; "))
    };
    scripts.iter().map(line).collect()
}

/// How many libraries are named where many disagree.
const SHOWN: usize = 10;

fn disagreements(differing: &[Disagreement]) -> String {
    let line = |one: &Disagreement| {
        let Disagreement {
            package,
            library,
            here,
            there,
        } = one;
        format!("\n{library} of {package}: {here} here, {there} there")
    };
    let lines: String = differing.iter().take(SHOWN).map(line).collect();
    match differing.len().saturating_sub(SHOWN) {
        0 => lines,
        more => format!("{lines}\nand {more} more"),
    }
}

fn list(platforms: &[Platform]) -> String {
    platforms
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn open_ends(missing: &[Missing], violations: &[Violation]) -> String {
    let all: Vec<String> = missing
        .iter()
        .map(ToString::to_string)
        .chain(violations.iter().map(ToString::to_string))
        .collect();
    match all.as_slice() {
        [one] => one.clone(),
        several => format!("\n  {}", several.join("\n  ")),
    }
}
