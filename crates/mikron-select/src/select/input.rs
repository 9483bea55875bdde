//! What a selection is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_facts::{PackageFacts, X86Level};
use mikron_package::{
    Globs, PackageName, Platform, RootPath, Version, is_below_usr, merged_usr as merged,
};
use serde::{Deserialize, Serialize};

use crate::{Definitions, Rules};

/// How much of the packages is taken (`select` in a spec).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Select {
    /// The files that are reached from the roots.
    #[default]
    Minimal,
    /// The run-time classes of roots and dependencies.
    Package,
    /// Roots and dependencies whole.
    Full,
}

/// What a package is to the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The spec names it.
    Root {
        /// The capabilities that the spec names (`ca-certificates:bundle`).
        capabilities: Vec<String>,
        /// Whether it is named without capabilities, too: it gives all that it needs at run time.
        whole: bool,
    },
    /// The spec names parts of it that are defined elsewhere: [`PackageInput::given`]. Nothing else is taken of it but what
    /// files of the image need.
    Given,
    /// A root needs it.
    Dependency,
    /// Its files are there for what names them, and never as a whole: `Essential` packages, which no dependency names.
    Provider,
    /// Files that the spec adds by itself. All of them are taken, and they stand before those of packages.
    Files,
}

impl Role {
    /// A root without named capabilities.
    pub const fn root() -> Self {
        Self::Root {
            capabilities: Vec::new(),
            whole: true,
        }
    }

    /// A root of which nothing but capabilities is named.
    pub const fn capabilities(capabilities: Vec<String>) -> Self {
        Self::Root {
            capabilities,
            whole: false,
        }
    }

    /// Whether the spec names the package as a whole.
    pub(crate) const fn is_whole_root(&self) -> bool {
        matches!(self, Self::Root { whole: true, .. })
    }
}

/// One solved package with its facts.
#[derive(Clone, Debug)]
pub struct PackageInput {
    /// Name.
    pub name: PackageName,
    /// Version.
    pub version: Version,
    /// Architecture in the family's words.
    pub arch: String,
    /// Name of the source package: siblings of one source belong together.
    pub source: PackageName,
    /// What it is to the image.
    pub role: Role,
    /// What its archive holds.
    pub facts: Arc<PackageFacts>,
    /// The packages that satisfy its dependencies.
    pub requires: Vec<Edge>,
    /// How much of it is taken, where the spec says so for this package alone.
    pub select: Option<Select>,
    /// The entries that are taken because somebody else has chosen them already, by their index in the facts.
    pub given: BTreeMap<usize, Given>,
    /// The entries that are in the image before anything is chosen, by their index in the facts: what an image below has. They meet
    /// needs, and what they need themselves is not asked.
    pub below: Arc<BTreeSet<usize>>,
}

/// An entry that is taken without being looked for: a slice has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The capability that it belongs to, as reports show it: `nginx_bins`.
    pub capability: String,
    /// The capabilities that lead to it, from the one that the spec names; empty where that is this one.
    pub through: Vec<String>,
    /// Whether it is only read while the image is built, and not part of it.
    pub build_input: bool,
}

impl PackageInput {
    /// A package as its own archive describes it, without edges.
    pub fn new(role: Role, facts: Arc<PackageFacts>) -> Self {
        let record = &facts.metadata.record;
        Self {
            name: record.name.clone(),
            version: record.version.clone(),
            arch: record.arch.clone(),
            source: record.source.clone(),
            role,
            facts,
            requires: Vec::new(),
            select: None,
            given: BTreeMap::new(),
            below: Arc::default(),
        }
    }

    /// The name of the capability that an entry belongs to: the one that it is given by, else its class.
    pub fn capability_of(&self, entry: usize) -> &str {
        match self.given.get(&entry) {
            Some(given) => &given.capability,
            None => self.facts.files[entry].class.name(),
        }
    }
}

/// A dependency that was solved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Index of the package that satisfies it.
    pub to: usize,
    /// The relation as it stands in the package: `media-types | mime-support`.
    pub relation: String,
}

/// A path that a finalizer will make: an alternative, an account file, the CA bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provided {
    /// The path.
    pub path: RootPath,
    /// Where it points, when it is a symbolic link; the target is followed like that of a packaged link.
    pub target: Option<Vec<u8>>,
    /// What makes it, for explanations: `update-alternatives of mawk`.
    pub by: String,
}

/// What the spec wants beside its packages.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// How much of the packages is taken.
    pub select: Select,
    /// The platform of the image. Only files of its machine are started from.
    pub platform: Platform,
    /// Programs that the image must be able to start, by path or name: the first word of the entrypoint, or else of cmd.
    pub programs: Vec<String>,
    /// Further words of entrypoint and cmd. Those that are absolute paths of packaged files bring these in.
    pub mentions: Vec<String>,
    /// Paths that links of the spec lead to, from `/`. Packaged files there come into the image, and who links to a script turns it
    /// on: a plugin, a hook.
    pub links: Vec<String>,
    /// Paths that must not be in the image. What is removed provides nothing.
    pub remove: Globs,
    /// Paths that finalizers will make.
    pub provided: Vec<Provided>,
    /// Whether `/bin`, `/sbin`, `/lib*` are links into `/usr` in the image.
    pub merged_usr: bool,
    /// The capabilities that are defined by hand.
    pub definitions: Arc<Definitions>,
    /// The rules for needs that files do not say of themselves.
    pub rules: Arc<Rules>,
    /// Rules that hold although they hold only when asked for.
    pub with: Vec<String>,
    /// Rules that do not hold.
    pub without: Vec<String>,
    /// The oldest processor that an image for x86-64 has to run on.
    pub x86_level: X86Level,
    /// Directories of `LD_LIBRARY_PATH` in the environment of the image.
    pub library_path: Vec<String>,
}

impl Wanted {
    /// A minimal selection for a platform, with merged /usr and the built-in rules, and nothing beside the packages.
    pub fn new(platform: Platform) -> Self {
        Self {
            select: Select::Minimal,
            platform,
            programs: Vec::new(),
            mentions: Vec::new(),
            links: Vec::new(),
            remove: Globs::default(),
            provided: Vec::new(),
            merged_usr: true,
            definitions: Definitions::builtin(),
            rules: Rules::builtin(),
            with: Vec::new(),
            without: Vec::new(),
            x86_level: X86Level::V1,
            library_path: Vec::new(),
        }
    }

    /// Whether the spec removes a path, by its own name or by the second one that merged /usr gives it.
    pub fn removes(&self, path: &RootPath) -> bool {
        let other = self.merged_usr.then(|| other_name(path)).flatten();
        let names: Vec<&RootPath> = std::iter::once(path).chain(&other).collect();
        self.remove.matches_any(&names)
    }
}

/// The second name that merged /usr gives a path: `/usr/lib/x` is `/lib/x`, and the other way about.
fn other_name(path: &RootPath) -> Option<RootPath> {
    let bytes = path.as_bytes();
    let below = bytes
        .strip_prefix(b"usr/")
        .filter(|rest| is_below_usr(rest));
    match below {
        Some(below) => RootPath::new(below).ok(),
        None if is_below_usr(bytes) => RootPath::new(&merged(bytes)).ok(),
        None => None,
    }
}
