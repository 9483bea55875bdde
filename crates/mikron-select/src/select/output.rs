//! What a selection is: files with reasons, packages, and what was left out.

use std::fmt;
use std::sync::Arc;

use mikron_package::{PackageName, RootPath, Version};
use serde::{Deserialize, Serialize};

use super::{Missing, ModuleLeftOut, ProgramLeftOut, Reason, Step, UnmetNote, Want, Without};

/// One entry of one input package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileRef {
    /// Index of the package among the inputs.
    pub package: usize,
    /// Index of the entry among the package's [`mikron_facts::PackageFacts::files`].
    pub entry: usize,
}

/// The files chosen for an image, and why; the packages left out, and why; what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The chosen entries by path; directories that hold them are among them where their package has them.
    pub files: Vec<SelectedFile>,
    /// Entries that finalizers read while the image is built and that are not part of it (the certificates of a CA bundle).
    pub inputs: Vec<SelectedFile>,
    /// The packages that files were chosen from, in the order of the inputs; what an image below has of them counts nowhere.
    pub packages: Vec<SelectedPackage>,
    /// The packages that no file was chosen from, in the order of the inputs.
    pub left_out: Vec<LeftOut>,
    /// Links that point to what no input has. They came with their packages, nothing names them, and they are left out (of a
    /// full selection they are part).
    pub dangling: Vec<SelectedFile>,
    /// What chosen files need and nobody provides.
    pub missing: Vec<Missing>,
    /// Needs that are known by the rules and not met: what was not asked for, switched off, or found nowhere.
    pub without: Vec<Without>,
    /// Packages that rules look for and that are not among the inputs. Whoever can find them adds them and selects again.
    pub wants: Vec<Want>,
    /// Directories in which chosen libraries lie and that the loader only knows through `/etc/ld.so.cache`: a finalizer has to
    /// write one.
    pub loader_dirs: Vec<String>,
    /// Modules that came with their packages and cannot be loaded, since nothing brings what they need.
    pub modules_left_out: Vec<ModuleLeftOut>,
    /// Programs of packages that are in the image, left out.
    pub programs_left_out: Vec<ProgramLeftOut>,
    /// Libraries that chosen files would load with dlopen(3), do without, and do not find.
    pub unmet_notes: Vec<UnmetNote>,
}

/// A chosen entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedFile {
    /// Which entry.
    pub file: FileRef,
    /// Its path as the archive has it.
    pub path: RootPath,
    /// Why it was chosen. All files of a package that is taken whole share one.
    pub reason: Arc<Reason>,
}

/// A package that files were chosen from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedPackage {
    /// Index among the inputs.
    pub package: usize,
    /// Name.
    pub name: PackageName,
    /// Version.
    pub version: Version,
    /// Number of chosen entries that are not directories.
    pub files: usize,
    /// Sum of the sizes of the chosen files in bytes.
    pub bytes: u64,
    /// Whether it is a root: the spec names it, or a package without files of its own in whose place it stands.
    pub root: bool,
    /// What was taken of each of its capabilities, in order of name.
    pub capabilities: Vec<CapabilityUse>,
    /// The chain of reasons that brought the package in, from a root to its first file.
    pub chain: Vec<Step>,
}

/// How much of a capability was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityUse {
    /// The capability: a [`mikron_facts::Class`] by name, or the interpreter of secondary scripts (`perl`).
    pub name: String,
    /// Number of chosen entries that are not directories.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// Number of the others.
    pub files_left: usize,
    /// Their size in bytes.
    pub bytes_left: u64,
}

/// A package that no file was chosen from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Index among the inputs.
    pub package: usize,
    /// Name.
    pub name: PackageName,
    /// Size of its files in bytes.
    pub bytes: u64,
    /// Why.
    pub reason: LeftOutReason,
    /// Who depends on it: package and relation.
    pub required_by: Vec<(PackageName, String)>,
}

/// Why a package was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOutReason {
    /// It has libraries, and nothing that was chosen needs one.
    OnlyUnneededLibraries,
    /// It has programs, and nothing that was chosen names one; its data serve only those.
    UnnamedPrograms {
        /// Some of them.
        programs: Vec<String>,
    },
    /// It has code of an interpreter that is not in the image.
    InterpreterAbsent {
        /// The interpreter: `python3`.
        interpreter: String,
    },
    /// It has nothing but documentation, licences and translations.
    Documentation,
    /// It has nothing but what the host's service manager or package manager reads, or what compilers need.
    NoRunTimeFiles,
    /// It is `Essential` or the like, and nothing needs its files.
    ProviderUnneeded,
    /// Only packages that are left out themselves depend on it.
    Unreached,
    /// All that would have been taken is removed by the spec.
    Removed,
    /// It is empty.
    Empty,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyUnneededLibraries => f.write_str("only libraries that nothing needs"),
            Self::UnnamedPrograms { programs } => {
                write!(
                    f,
                    "programs that no chosen file names ({})",
                    programs.join(", ")
                )
            }
            Self::InterpreterAbsent { interpreter } => {
                write!(f, "code for {interpreter}, which is not in the image")
            }
            Self::Documentation => f.write_str("only documentation"),
            Self::NoRunTimeFiles => f.write_str("nothing that is read at run time"),
            Self::ProviderUnneeded => {
                f.write_str("essential to the distribution, and nothing needs its files")
            }
            Self::Unreached => f.write_str("only packages that are left out depend on it"),
            Self::Removed => f.write_str("removed by the spec"),
            Self::Empty => f.write_str("empty"),
        }
    }
}
