//! The compatibility matrix: required tokens against the capabilities that provide them.
//!
//! It stands beside the way from spec to image: [`matrix`] takes what [`mikron_select::select`] was given and what it gave, and lays
//! it out as one table that can be printed, serialized and asked ([`explain_token`]). Nothing is decided here. Rows are the
//! capabilities of all packages of the closure; a [`Need`] is a mark in the row of the capability that requires a token and
//! in the column of the one that provides it.

mod ask;
mod build;
mod chains;
mod clash;
mod needs;
mod resolve;

use mikron_package::{PackageName, Platform, RootPath, Version};
use serde::{Deserialize, Serialize};

pub use ask::{TokenAnswer, TokenProvider, TokenUser, explain_token};
pub use build::matrix;

use crate::{Origin, Strength};
use mikron_select::{LeftOutReason, Token};

/// Who requires what of whom in one closure.
///
/// The same closure gives the same matrix; packages stand in order of name, capabilities in order of package and name, needs
/// in order of capability and token. References between them are indexes into these lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// The platform.
    pub platform: Platform,
    /// All packages of the closure.
    pub packages: Vec<PackageRow>,
    /// All their capabilities.
    pub capabilities: Vec<CapabilityRow>,
    /// Everything that is required.
    pub needs: Vec<Need>,
    /// Tokens that capabilities of several packages provide.
    pub clashes: Vec<Clash>,
}

/// How much of something is in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// All of it.
    Chosen,
    /// Some of it.
    Partly,
    /// Nothing of it.
    LeftOut,
    /// Nothing of it, but it is read while the image is built.
    Read,
}

impl State {
    /// Whether anything of it is in the image.
    pub const fn is_in(self) -> bool {
        matches!(self, Self::Chosen | Self::Partly)
    }

    /// The state in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Partly => "partly chosen",
            Self::LeftOut => "left out",
            Self::Read => "read at build time",
        }
    }
}

/// What a package is to the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The spec names it.
    Root,
    /// Another package depends on it.
    Dependency,
    /// Its files are there for what names them (Essential packages).
    Provider,
    /// It stands for the files that the spec adds.
    Spec,
}

/// One package of the closure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRow {
    /// Name.
    pub name: PackageName,
    /// Version.
    pub version: Version,
    /// Architecture in the family's words.
    pub arch: String,
    /// What it is to the spec.
    pub standing: Standing,
    /// How much of it is in the image.
    pub state: State,
    /// Why it is in the image, or why not, in words.
    pub why: String,
    /// Why it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOutReason>,
    /// Number of its entries in the image that are not directories.
    pub files: usize,
    /// Sum of the sizes of its files in the image, in bytes.
    pub bytes: u64,
    /// Number of the others.
    pub files_left: usize,
    /// Their size in bytes.
    pub bytes_left: u64,
    /// Its dependencies, as they were solved.
    pub depends: Vec<Dependency>,
    /// The names that it can be depended on by: its own, and virtual packages.
    pub provides: Vec<Token>,
    /// Its capabilities, as indexes into [`Matrix::capabilities`].
    pub capabilities: Vec<usize>,
}

/// A dependency between packages. It is no reason to take files: what a file needs is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependency {
    /// The package that satisfies it, as an index into [`Matrix::packages`].
    pub package: usize,
    /// The relation as it stands in the package.
    pub relation: String,
}

/// One capability of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityRow {
    /// Its full name: `libssl3:libs`.
    pub name: String,
    /// Its package, as an index into [`Matrix::packages`].
    pub package: usize,
    /// Its name within the package: `libs`.
    pub capability: String,
    /// Where it comes from.
    pub origin: Origin,
    /// How much of it is in the image.
    pub state: State,
    /// Why it is in the image, or why not, in words.
    pub why: String,
    /// The shortest chain of capabilities from the spec to this one, which is the last link; empty when it is not in the image.
    pub chain: Vec<Link>,
    /// Number of its entries in the image that are not directories.
    pub files: usize,
    /// Sum of the sizes of its files in the image, in bytes.
    pub bytes: u64,
    /// Number of the others.
    pub files_left: usize,
    /// Their size in bytes.
    pub bytes_left: u64,
    /// What it provides, whole; in order and once each.
    pub provides: Vec<Token>,
}

/// One link of a chain: a capability, and what brought it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The capability, as an index into [`Matrix::capabilities`].
    pub capability: usize,
    /// What the link before it requires of it, or what the spec says: `soname(libssl.so.3)`.
    pub by: String,
}

/// One mark of the matrix: a token that a capability requires, and who provides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// The token.
    pub token: Token,
    /// How much it is required.
    pub strength: Strength,
    /// The capability that requires it, as an index into [`Matrix::capabilities`]; `None` for the spec.
    pub by: Option<usize>,
    /// The first file of the capability that requires it, of those in the image where there is one.
    pub file: Option<RootPath>,
    /// Number of files of the capability that require it.
    pub files: usize,
    /// Whether it is provided.
    pub state: NeedState,
    /// Who provides it.
    pub provider: Option<Provider>,
    /// Why it is missing, or why it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Whether something that is required is provided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeedState {
    /// What provides it is in the image.
    Met,
    /// What provides it is not in the image, and what requires it works without, or is a file that no root reaches.
    Waived,
    /// It would be required if the file were in the image.
    Idle,
    /// A file in the image requires it and nobody provides it: the image cannot be built.
    Missing,
}

impl NeedState {
    /// The state in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Waived => "does without",
            Self::Idle => "not in the image",
            Self::Missing => "missing",
        }
    }
}

/// Who provides a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// A capability.
    Capability {
        /// As an index into [`Matrix::capabilities`].
        row: usize,
        /// The file.
        path: RootPath,
    },
    /// A finalizer, or whatever makes it while the image is built or runs.
    Made {
        /// Who.
        by: String,
    },
    /// The machine that the image runs on.
    Platform,
}

impl Provider {
    /// The capability.
    pub const fn row(&self) -> Option<usize> {
        match self {
            Self::Capability { row, .. } => Some(*row),
            Self::Made { .. } | Self::Platform => None,
        }
    }
}

/// A token that several packages provide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clash {
    /// The token.
    pub token: Token,
    /// Who provides it; the first one wins.
    pub providers: Vec<Claimant>,
    /// By which order the first one wins.
    pub rule: String,
}

impl Clash {
    /// Whether more than one of them is in the image.
    pub fn is_in(&self) -> bool {
        self.providers.iter().filter(|one| one.chosen).count() > 1
    }
}

/// One of several providers of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimant {
    /// The capability, as an index into [`Matrix::capabilities`].
    pub row: usize,
    /// The file.
    pub path: RootPath,
    /// Whether the file is in the image.
    pub chosen: bool,
}

impl Matrix {
    /// What nobody provides though a file of the image requires it.
    pub fn missing(&self) -> impl Iterator<Item = &Need> {
        self.needs
            .iter()
            .filter(|need| need.state == NeedState::Missing)
    }

    /// A capability by its full name: `nginx:bins`.
    pub fn row(&self, name: &str) -> Option<usize> {
        self.capabilities.iter().position(|row| row.name == name)
    }
}
