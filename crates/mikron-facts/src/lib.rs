//! What the files of a package say.
//!
//! [`scan`] reads an archive once, from front to back, and learns its [`PackageFacts`]: every entry with its digest and
//! [`Class`], and for ELF files, scripts, code and configuration what they need, provide and name. Contents go into a [`Spool`]
//! on the way, so that nothing has to be unpacked twice. Nothing is decided here: what an image takes of these files is the
//! matter of mikron-select.
//!
//! It knows neither deb nor rpm: archives come through [`mikron_package::ArchiveReader`].

mod classes;
mod code;
mod config;
mod elf;
mod error;
mod facts;
mod imports;
mod java;
pub mod languages;
mod library;
mod library_names;
mod made_for;
mod scan;
mod script;
mod spool;
mod versions;
mod wheel;

pub use classes::{Class, classify, is_in_bin_dir, is_library_place};
pub use code::program_hash;
pub use config::{How, Mention};
pub use elf::{ReadAt, read_elf};
pub use error::FactsError;
pub use facts::{
    ContentFacts, DlopenNote, DlopenPriority, ElfClass, ElfFacts, ElfKind, Endianness, Exports,
    FileFacts, ImportedSymbol, KernelVersion, LibcFlavour, MadeLink, NeededVersions, PackageFacts,
    SymbolKey, Unresolved, VersionNeed, Words, X86Level, tool_hash, word_hash,
};
pub use imports::Symbols;
pub use library::{FunctionFacts, LibraryFacts};
pub use library_names::library_names;
pub use made_for::{Interface, MadeFor, made_for, offered_by};
pub use scan::{FileScanner, fill, is_musl_path_file, scan, scan_file};
pub use script::{SHELLS, ScriptCall, ScriptFacts};
pub use spool::{Blob, Spool, SpoolWriter};
pub use versions::VersionFacts;
pub use wheel::wheel_fits;
