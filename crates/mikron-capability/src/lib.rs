//! Which files: facts, capabilities, the closure and its reasons.
//!
//! This crate stands between the archives and the merged tree. [`scan`] reads an archive once, from front to back, and learns
//! its [`PackageFacts`]: every entry with its digest and [`Class`], and for ELF files and scripts what they need and
//! provide. Contents go into a [`Spool`] on the way, so that nothing has to be unpacked twice. [`select`] then takes, out
//! of the facts of all packages that were solved for, the files that an image needs: a [`Selection`], in which every file and
//! package carries its chain of reasons, and every package left out carries the reason why. [`verify`] proves a selection
//! closed, or says by [`Violation`] what is not.
//!
//! It knows neither deb nor rpm: archives come through [`mikron_package::ArchiveReader`].

mod classes;
mod code;
mod config;
mod definitions;
mod diff;
mod elf;
mod error;
mod explain;
mod facts;
mod library;
mod matrix;
mod rules;
mod scan;
mod script;
mod select;
mod spool;
mod tokens;
mod verify;
mod yaml;

pub use classes::{Class, classify};
pub use config::{How, Mention};
pub use definitions::{Definition, Definitions, Patterns, Requirement};
pub use diff::{
    Aspect, CapabilityDiff, Change, Diff, FileDiff, HeldFile, HeldPackage, Holdings, Inventory,
    PackageDiff, PlatformDiff, Side, diff,
};
pub use elf::{ReadAt, read_elf, read_elf_recording};
pub use error::{FactsError, RulesError, SelectError};
pub use explain::{Explanation, explain, why, why_not};
pub use facts::{
    ContentFacts, DlopenNote, DlopenPriority, ElfClass, ElfFacts, ElfKind, Endianness, Exports,
    FileFacts, ImportedSymbol, KernelVersion, LibcFlavour, MadeLink, NeededVersions, PackageFacts,
    SymbolKey, Unresolved, VersionNeed, Words, X86Level,
};
pub use library::{FunctionFacts, LibraryFacts};
pub use matrix::{
    CapabilityRow, Claimant, Clash, Dependency, Link, Matrix, Need, NeedState, PackageRow,
    Provider, Standing, State, TokenAnswer, TokenProvider, TokenUser, explain_token, matrix,
};
pub use mikron_package::{Glob, Globs};
pub use rules::{Apply, Bring, ByFamily, Importer, PackageNames, Rule, Rules, Symbols, When};
pub use scan::{fill, scan, scan_file, scan_recording};
pub use script::{ScriptCall, ScriptFacts};
pub use select::{
    CapabilityUse, Edge, FileRef, Given, LeftOut, LeftOutReason, LookedFor, Missing, MissingCause,
    ModuleLeftOut, PackageInput, ProgramCause, ProgramLeftOut, Provided, Reason, Role, Select,
    SelectedFile, SelectedPackage, Selection, Step, UnmetNote, Want, Wanted, Without, WithoutCause,
    select,
};
pub use spool::{Blob, Spool, SpoolWriter};
pub use tokens::{
    Capability, ModuleKind, Origin, Required, Strength, Token, TokenError, TokenErrorKind,
    capabilities, package_tokens,
};
pub use verify::{Violation, ViolationKind, verify};
