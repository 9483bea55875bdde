//! Facts: what one pass over an archive learns, and how a cache keeps it.

use mikron_package::{
    ArchiveMetadata, Digest, Entry, EntryKind, PackageName, PackageRecord, RootPath, Version,
};
use serde::{Deserialize, Serialize};

use crate::{Class, FactsError};

/// Everything that one pass over an archive learns.
///
/// ```
/// use mikron_capability::{FileFacts, PackageFacts};
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
}

impl PackageFacts {
    /// The version of the encoding. It changes with every change of the facts' shape or meaning (classes included), so that
    /// a cache never hands out facts that mean something else.
    pub const ENCODING: u32 = 1;

    /// Facts of files that come from no archive: those that a spec adds.
    pub fn of_files(name: PackageName, files: Vec<FileFacts>) -> Self {
        let metadata = ArchiveMetadata {
            record: PackageRecord::new(name, Version::new("0"), "all"),
            fields: Vec::new(),
            scripts: Vec::new(),
            config_files: Vec::new(),
            extra: Vec::new(),
        };
        Self { metadata, files }
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
        let (facts, rest) = postcard::take_from_bytes(body).map_err(|_| wrong("are damaged"))?;
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
    /// What an ELF file says.
    pub elf: Option<Box<ElfFacts>>,
    /// What a `#!` line says.
    pub script: Option<ScriptFacts>,
    /// Directories that a file of `/etc/ld.so.conf.d` adds to the loader's search (ldconfig(8)).
    pub loader_dirs: Vec<String>,
    /// What is odd about the content: broken ELF structure, with the reason.
    pub note: Option<String>,
}

impl FileFacts {
    /// Facts of an entry whose content is empty or not looked into.
    pub fn new(entry: Entry) -> Self {
        let class = crate::classify(&entry, None);
        Self {
            entry,
            digest: None,
            class,
            elf: None,
            script: None,
            loader_dirs: Vec::new(),
            note: None,
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

/// The `#!` line of a script (execve(2), "Interpreter scripts").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptFacts {
    /// The interpreter as it stands there: `/bin/sh`.
    pub interpreter: String,
    /// The rest of the line, trimmed; the kernel hands it over as one argument.
    pub arguments: String,
}

impl ScriptFacts {
    /// Reads a `#!` line from the first bytes of a file. Like the kernel it looks at 255 bytes at most.
    ///
    /// ```
    /// use mikron_capability::ScriptFacts;
    /// let script = ScriptFacts::parse(b"#! /usr/bin/env python3\nprint()\n").expect("a script");
    /// assert_eq!(script.program(), "python3");
    /// assert!(ScriptFacts::parse(b"#!\n").is_none());
    /// ```
    pub fn parse(head: &[u8]) -> Option<Self> {
        let line = head.strip_prefix(b"#!")?;
        let line = &line[..line.len().min(253)];
        let line = line.split(|b| *b == b'\n').next()?;
        let text = std::str::from_utf8(line)
            .ok()?
            .trim_matches([' ', '\t', '\r']);
        let (interpreter, arguments) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if interpreter.is_empty() || interpreter.contains('\0') {
            return None;
        }
        Some(Self {
            interpreter: interpreter.to_owned(),
            arguments: arguments.trim().to_owned(),
        })
    }

    /// The program that runs the script in the end: the interpreter's path, or for `env` the name of the command that it
    /// looks for on `PATH` (env(1)).
    pub fn program(&self) -> &str {
        if matches!(self.interpreter.as_str(), "/usr/bin/env" | "/bin/env") {
            let word = |w: &&str| !w.starts_with('-') && !w.contains('=');
            if let Some(command) = self.arguments.split_whitespace().find(word) {
                return command;
            }
        }
        &self.interpreter
    }
}

/// Word size of an ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ElfClass {
    /// 32 bits.
    Elf32,
    /// 64 bits.
    Elf64,
}

/// Byte order of an ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Endianness {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// The type of an ELF file (`e_type`), position-independent executables told apart from libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ElfKind {
    /// `ET_REL`: an object file or a kernel module.
    Relocatable,
    /// `ET_EXEC`: an executable at a fixed address.
    Executable,
    /// `ET_DYN` with `DF_1_PIE`, or with an interpreter and no soname.
    PositionIndependent,
    /// `ET_DYN` otherwise: a shared object.
    Shared,
    /// `ET_CORE`, or a value of the system or processor range.
    Other,
}

/// What an ELF file says of itself (System V gABI; LSB core, "Symbol Versioning").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfFacts {
    /// Word size.
    pub class: ElfClass,
    /// Byte order.
    pub endianness: Endianness,
    /// `e_machine`.
    pub machine: u16,
    /// `e_flags`: tells ABIs of one machine apart (Arm hard float, RISC-V).
    pub flags: u32,
    /// Type.
    pub kind: ElfKind,
    /// Whether it has a dynamic section. An executable without is static.
    pub dynamic: bool,
    /// `PT_INTERP`: the loader.
    pub interpreter: Option<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// `DT_RPATH`, split at colons.
    pub rpath: Vec<String>,
    /// `DT_RUNPATH`, split at colons. Where there is one, `rpath` is ignored (ld.so(8)).
    pub runpath: Vec<String>,
    /// Whether `DF_BIND_NOW` or `DF_1_NOW` is set.
    pub bind_now: bool,
    /// `DT_VERNEED`: required symbol versions, in order.
    pub version_needs: Vec<NeededVersions>,
    /// `DT_VERDEF`: defined symbol versions in order, without the base.
    pub version_definitions: Vec<String>,
    /// Undefined symbols that a rule asks for ([`crate::Rules`]), in order of name.
    pub imports: Vec<ImportedSymbol>,
    /// `.note.dlopen` entries (UAPI "ELF dlopen metadata").
    pub dlopen: Vec<DlopenNote>,
}

impl ElfFacts {
    /// Whether the kernel starts it: fixed or position-independent executables.
    pub fn is_executable(&self) -> bool {
        matches!(
            self.kind,
            ElfKind::Executable | ElfKind::PositionIndependent
        )
    }

    /// Whether it is an executable that needs no loader.
    pub fn is_static(&self) -> bool {
        self.is_executable() && self.interpreter.is_none()
    }

    /// Whether code of both can share a process: same word size, byte order and machine.
    pub fn fits(&self, other: &Self) -> bool {
        (self.class, self.endianness, self.machine)
            == (other.class, other.endianness, other.machine)
    }
}

/// The symbol versions that one file requires of one library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededVersions {
    /// The library (`vn_file`).
    pub library: String,
    /// The versions, in order.
    pub versions: Vec<VersionNeed>,
}

/// One required symbol version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionNeed {
    /// Its name (`GLIBC_2.34`).
    pub name: String,
    /// `VER_FLG_WEAK`: the loader only warns when it is not defined.
    pub weak: bool,
}

/// An undefined symbol that a rule asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImportedSymbol {
    /// Its name.
    pub name: String,
    /// Whether it binds weakly.
    pub weak: bool,
}

/// One entry of a `.note.dlopen` note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DlopenNote {
    /// Names that are tried in order.
    pub sonames: Vec<String>,
    /// What the library is for.
    pub feature: Option<String>,
    /// The same for people.
    pub description: Option<String>,
    /// How much it is needed.
    pub priority: DlopenPriority,
}

/// How much a library is needed that is loaded by dlopen(3).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum DlopenPriority {
    /// Core functionality needs it.
    Required,
    /// The default: installed unless size matters.
    #[default]
    Recommended,
    /// Rarely used.
    Suggested,
}
