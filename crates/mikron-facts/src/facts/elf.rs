//! What an ELF file says of itself, as far as loading and the proof of a selection ask for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Exports, Unresolved, Words};

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
    /// `DT_FILTER`: libraries that are loaded with it and answer for its symbols; loading fails without them.
    pub filters: Vec<String>,
    /// `DT_AUXILIARY`: the same, but the file does without them.
    pub auxiliaries: Vec<String>,
    /// `DT_RPATH`, split at colons.
    pub rpath: Vec<String>,
    /// `DT_RUNPATH`, split at colons. Where there is one, `rpath` is ignored (ld.so(8)).
    pub runpath: Vec<String>,
    /// Whether `DF_BIND_NOW` or `DF_1_NOW` is set.
    pub bind_now: bool,
    /// `DF_1_NODEFLIB`: the default directories are not searched for what it needs.
    pub no_default_dirs: bool,
    /// `DT_VERNEED`: required symbol versions, in order.
    pub version_needs: Vec<NeededVersions>,
    /// `DT_VERDEF`: defined symbol versions in order, without the base.
    pub version_definitions: Vec<String>,
    /// Undefined symbols that [`crate::Symbols`] ask for, in order of name.
    pub imports: Vec<ImportedSymbol>,
    /// Symbols that a shared object defines; `None` for other files, and for tables of over a million symbols.
    pub exports: Option<Exports>,
    /// Non-weak undefined symbols of an executable that binds at once; empty for others.
    pub unresolved: Unresolved,
    /// Words among the constants of an executable or shared object, by which it may name what it starts and opens; `None` for
    /// other files, and where texts cannot be told apart.
    pub words: Option<Words>,
    /// `.note.dlopen` entries (UAPI "ELF dlopen metadata").
    pub dlopen: Vec<DlopenNote>,
    /// What is wrong with its notes. Nothing else of the file depends on them.
    pub broken_note: Option<String>,
    /// `.note.ABI-tag`: the oldest Linux that it runs on (LSB core, "ABI note tag").
    pub minimum_kernel: Option<KernelVersion>,
    /// `.note.gnu.property`: the processor that its code needs (x86-64 psABI, "Program property").
    pub x86_level: Option<X86Level>,
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

    /// Whether code of both can share a process: same word size, byte order, machine and calling convention.
    pub fn fits(&self, other: &Self) -> bool {
        let same = (self.class, self.endianness, self.machine)
            == (other.class, other.endianness, other.machine);
        // Where a file does not say which convention it keeps, it keeps none that matters.
        let agree = |mask: u32| {
            let (a, b) = (self.flags & mask, other.flags & mask);
            a == b || a == 0 || b == 0
        };
        same && match self.machine {
            EM_ARM => agree(EF_ARM_ABI_FLOAT),
            EM_PPC64 => agree(EF_PPC64_ABI),
            EM_RISCV => self.flags & EF_RISCV_ABI == other.flags & EF_RISCV_ABI,
            _ => true,
        }
    }

    /// The C library that it is made for, by its loader, its libraries and their symbol versions; `None` where nothing tells.
    pub fn libc(&self) -> Option<LibcFlavour> {
        let named = |name: &str| {
            let name = name.rsplit('/').next().unwrap_or(name);
            if name.starts_with("ld-musl-") || name.starts_with("libc.musl-") || name == "libc.so" {
                Some(LibcFlavour::Musl)
            } else if name == "libc.so.6" || name == "libc.so.6.1" || name.starts_with("ld-linux") {
                Some(LibcFlavour::Glibc)
            } else {
                None
            }
        };
        let by_name = self
            .interpreter
            .iter()
            .chain(&self.needed)
            .chain(&self.soname);
        by_name.map(String::as_str).find_map(named).or_else(|| {
            let mut versions = self.version_needs.iter().flat_map(|need| &need.versions);
            versions
                .any(|version| version.name.starts_with("GLIBC_"))
                .then_some(LibcFlavour::Glibc)
        })
    }

    /// Whether it is loaded with all its symbols bound: it asks for it, or its loader knows nothing else (musl).
    pub fn binds_at_once(&self) -> bool {
        self.bind_now || self.libc() == Some(LibcFlavour::Musl)
    }
}

const EM_PPC64: u16 = 21;
const EM_ARM: u16 = 40;
const EM_RISCV: u16 = 243;
/// Soft and hard float ("ELF for the Arm Architecture", `e_flags`).
const EF_ARM_ABI_FLOAT: u32 = 0x600;
/// The version of the ABI (OpenPOWER ELFv2).
const EF_PPC64_ABI: u32 = 3;
/// Float registers and the embedded variant (RISC-V ELF psABI, `e_flags`).
const EF_RISCV_ABI: u32 = 0xe;

/// Which C library code is made for. Code of both cannot share a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LibcFlavour {
    /// The GNU C library.
    Glibc,
    /// musl.
    Musl,
}

impl fmt::Display for LibcFlavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
        })
    }
}

/// A version of Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KernelVersion {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third.
    pub patch: u32,
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A micro-architecture level of x86-64 (x86-64 psABI, "Machine").
///
/// ```
/// use mikron_facts::X86Level;
/// assert!(X86Level::V2 < X86Level::V3);
/// assert_eq!(X86Level::V3.to_string(), "x86-64-v3");
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum X86Level {
    /// Every x86-64 processor.
    #[default]
    V1,
    /// With SSE4.2 and POPCNT, about 2009.
    V2,
    /// With AVX2 and FMA, about 2013.
    V3,
    /// With AVX-512.
    V4,
}

impl fmt::Display for X86Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x86-64-v{}", *self as u8 + 1)
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
