//! Facts: what one pass over an archive learns, and how a cache keeps it.

use std::ops::Deref;

use mikron_package::{
    ArchiveMetadata, Digest, Entry, EntryKind, PackageName, PackageRecord, RootPath, Version,
};
use serde::{Deserialize, Serialize};

use crate::{Class, FactsError, LibraryFacts, Mention, ScriptFacts, VersionFacts};

mod blob;
mod elf;
mod symbols;
mod words;

pub use elf::{
    DlopenNote, DlopenPriority, ElfClass, ElfFacts, ElfKind, Endianness, ImportedSymbol,
    KernelVersion, LibcFlavour, NeededVersions, VersionNeed, X86Level,
};
pub use symbols::{Exports, SymbolKey, Unresolved};
pub(crate) use symbols::{SymbolHash, word};
pub use words::{Words, hash as word_hash, tool_hash};

/// Everything that one pass over an archive learns.
///
/// ```
/// use mikron_facts::{FileFacts, PackageFacts};
/// use mikron_package::{Entry, EntryKind, RootPath};
/// let entry = Entry::new(RootPath::new(b"/var/log/nginx")?, EntryKind::Directory, 0o755);
/// let facts = PackageFacts::of_files("nginx".parse()?, vec![FileFacts::new(entry)]);
/// assert_eq!(PackageFacts::decode(&facts.encode()?)?, facts);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFacts {
    /// What the archive says of itself.
    pub metadata: ArchiveMetadata,
    /// All entries in the archive's order.
    pub files: Vec<FileFacts>,
    /// Links that the package's scripts would have one of its programs make, and that only the program knows.
    pub made: Vec<MadeLink>,
    /// What is odd about the archive and was passed over, as sentences.
    pub notes: Vec<String>,
}

/// A symbolic link that a program of a package would make when it is told to install itself (`busybox --install -s`). It gives
/// way to every file that lies at its path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MadeLink {
    /// The link.
    pub path: RootPath,
    /// The program, which it points to.
    pub program: RootPath,
}

impl PackageFacts {
    /// The version of the encoding. It changes with every change of the facts' shape or meaning (classes included), so that
    /// a cache never hands out facts that mean something else.
    pub const ENCODING: u32 = 15;

    /// Facts of files that come from no archive: those that a spec adds.
    pub fn of_files(name: PackageName, files: Vec<FileFacts>) -> Self {
        let metadata = ArchiveMetadata {
            record: PackageRecord::new(name, Version::new("0"), "all"),
            fields: Vec::new(),
            scripts: Vec::new(),
            config_files: Vec::new(),
            ghosts: Vec::new(),
            extra: Vec::new(),
        };
        Self {
            metadata,
            files,
            made: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Encodes the facts for a cache: the version of the encoding, then postcard.
    ///
    /// # Errors
    /// [`FactsError::Encoding`] when a value cannot be expressed, which facts that [`crate::scan`] made never do.
    pub fn encode(&self) -> Result<Vec<u8>, FactsError> {
        let mut bytes = Self::ENCODING.to_le_bytes().to_vec();
        let body = postcard::to_stdvec(self).map_err(|_| FactsError::Encoding {
            reason: "cannot be written",
        })?;
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// Decodes what [`PackageFacts::encode`] wrote.
    ///
    /// # Errors
    /// [`FactsError::Encoding`] when the bytes are of another version, damaged, or too long.
    pub fn decode(bytes: &[u8]) -> Result<Self, FactsError> {
        let wrong = |reason| FactsError::Encoding { reason };
        let (version, body) = bytes
            .split_first_chunk::<4>()
            .ok_or_else(|| wrong("are shorter than their version"))?;
        if u32::from_le_bytes(*version) != Self::ENCODING {
            return Err(wrong("are of another version"));
        }
        let (mut facts, rest): (Self, _) =
            postcard::take_from_bytes(body).map_err(|_| wrong("are damaged"))?;
        facts.files.shrink_to_fit();
        if rest.is_empty() {
            Ok(facts)
        } else {
            Err(wrong("have trailing bytes"))
        }
    }

    /// The digest of an entry's content, hard links resolved.
    pub fn digest(&self, entry: usize) -> Option<Digest> {
        self.files.get(entry).and_then(|file| file.digest)
    }
}

/// What is known of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// The entry as the archive has it.
    pub entry: Entry,
    /// Digest of the content: of regular files, and of hard links to one (that file's).
    pub digest: Option<Digest>,
    /// The class of the entry.
    pub class: Class,
    /// What the content says, as fields of the file: `file.elf`. Most files say nothing.
    pub content: Option<Box<ContentFacts>>,
}

/// What the content of a file says; nothing in most files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentFacts {
    /// What an ELF file says.
    pub elf: Option<Box<ElfFacts>>,
    /// What a script says.
    pub script: Option<Box<ScriptFacts>>,
    /// What a file that nobody starts gives to the shell scripts that read it.
    pub library: Option<Box<LibraryFacts>>,
    /// Names in code that loads libraries or starts programs by name: its quoted texts, and the calls by which it loads libraries;
    /// in a typelib the libraries that it describes.
    pub names: Option<Words>,
    /// Directories that a file of `/etc/ld.so.conf.d` adds to the loader's search (ldconfig(8)).
    pub loader_dirs: Vec<String>,
    /// What configuration includes, and what a unit of a service starts.
    pub mentions: Vec<Mention>,
    /// What it says of the version of an interpreter.
    pub versions: Option<Box<VersionFacts>>,
    /// What is odd about the content: broken ELF structure, with the reason.
    pub note: Option<Box<str>>,
}

impl ContentFacts {
    /// What a content says that says nothing.
    const NONE: Self = Self {
        elf: None,
        script: None,
        library: None,
        names: None,
        loader_dirs: Vec::new(),
        mentions: Vec::new(),
        versions: None,
        note: None,
    };
}

impl Deref for FileFacts {
    type Target = ContentFacts;

    fn deref(&self) -> &ContentFacts {
        static NONE: ContentFacts = ContentFacts::NONE;
        self.content.as_deref().unwrap_or(&NONE)
    }
}

impl FileFacts {
    /// Facts of an entry whose content is empty or not looked into.
    pub fn new(entry: Entry) -> Self {
        let class = crate::classify(&entry, None);
        Self {
            entry,
            digest: None,
            class,
            content: None,
        }
    }

    /// Whether the entry is a program that a person or another program can start: an executable ELF file or a script with
    /// an execute bit.
    pub fn is_program(&self) -> bool {
        let executable = self.entry.mode & 0o111 != 0;
        executable
            && (self.script.is_some() || self.elf.as_ref().is_some_and(|elf| elf.is_executable()))
    }

    /// The target of a symbolic link as the archive has it.
    pub fn link_target(&self) -> Option<&[u8]> {
        match &self.entry.kind {
            EntryKind::Symlink { target } => Some(target),
            _ => None,
        }
    }

    /// The target of a hard link.
    pub fn hard_link_target(&self) -> Option<&RootPath> {
        match &self.entry.kind {
            EntryKind::Hardlink { target } => Some(target),
            _ => None,
        }
    }
}
