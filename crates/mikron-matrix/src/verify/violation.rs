//! What is wrong with a selection, as data and as a sentence with its remedy.

use std::fmt;

use mikron_facts::{LibcFlavour, X86Level};
use mikron_package::{PackageName, Platform, RootPath};
use mikron_select::{FileRef, PackageInput, Step, Token, came_whole, is_script_of_slice};
use serde::{Deserialize, Serialize};

/// Something that a chosen file needs and that the image does not have, or that contradicts another.
///
/// `{}` gives one line with file, token and remedy; `{:#}` adds the chain from a root to the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The file that needs it.
    pub file: FileRef,
    /// Its path.
    pub path: RootPath,
    /// What it needs.
    pub token: Token,
    /// What is wrong.
    pub kind: ViolationKind,
    /// The chain from a root to the file.
    pub chain: Vec<Step>,
}

/// What is wrong with a selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ViolationKind {
    /// No chosen library of this name lies where the loader looks.
    Library,
    /// The library lies where the loader does not look.
    Elsewhere {
        /// Where.
        library: RootPath,
    },
    /// What would be loaded, or started as interpreter, is of another machine, word size or calling convention.
    LibraryMachine {
        /// What was found.
        library: RootPath,
    },
    /// The library that would be loaded does not define the symbol version.
    SymbolVersion {
        /// That library.
        library: RootPath,
        /// The latest of the versions of that name that it defines (`GLIBC_2.36`), where it defines any.
        latest: Option<String>,
    },
    /// No library that the program loads defines a symbol that it binds at once.
    Symbol {
        /// How many more of its symbols nobody defines.
        others: usize,
    },
    /// A library that is loaded is made for another C library than the program.
    Libc {
        /// The library.
        library: RootPath,
        /// What the program is made for.
        program: LibcFlavour,
        /// What the library is made for.
        found: LibcFlavour,
    },
    /// The file says that it cannot do without a library that it loads with dlopen(3).
    Dlopen {
        /// What the library is for, in the file's words.
        feature: Option<String>,
    },
    /// The interpreter is not in the image.
    Interpreter,
    /// The symbolic link leads nowhere.
    DanglingLink,
    /// The program is of another machine than the image.
    Machine,
    /// The image starts the file, and nobody may execute it.
    NotExecutable,
    /// The code needs a better processor than the image is for.
    Processor {
        /// What it needs.
        needs: X86Level,
        /// What the image is for.
        platform: X86Level,
    },
    /// Code is made for another version of its interpreter than the image has.
    Interface {
        /// The interpreter, and what of it the version counts.
        of: String,
        /// The version that the code is made for.
        wanted: String,
        /// Those that the image has.
        found: Vec<String>,
        /// How many more files are made for that version.
        others: usize,
    },
    /// Modules come from a wheel that is made for another machine or C library than the image.
    Wheel {
        /// What the wheel is made for.
        tags: Vec<String>,
        /// What the image is for.
        platform: Platform,
        /// The C library of the image, where it has one.
        libc: Option<LibcFlavour>,
    },
    /// Another package gives the path another content.
    TwoOwners {
        /// The package of `file`.
        package: PackageName,
        /// The other package.
        other: PackageName,
    },
}

impl Violation {
    /// Whether the file is reached by no root, and what is wrong with it harms nothing that is: it came because the spec takes
    /// packages whole. Two contents for one path are no such thing.
    pub fn is_unreached(&self) -> bool {
        let clash = matches!(
            self.kind,
            ViolationKind::TwoOwners { .. } | ViolationKind::NotExecutable
        );
        !clash && came_whole(&self.chain)
    }

    /// Whether an image may be so unless its spec is strict ([`mikron_select::Missing::is_tolerated`]).
    pub fn is_tolerated(&self, packages: &[PackageInput]) -> bool {
        self.is_unreached() || is_script_of_slice(packages, self.file, &self.chain)
    }
}

impl ViolationKind {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Library | Self::Interpreter => "add the package that has it to `packages`",
            Self::Elsewhere { .. } => {
                "add its directory to `LD_LIBRARY_PATH` in `image.env`, or link to it with `files`"
            }
            Self::LibraryMachine { .. } | Self::Machine => {
                "take the package of the platform's architecture"
            }
            Self::SymbolVersion { .. } => {
                "take it from a newer release, or build the program where its libraries are no newer than those of the image"
            }
            Self::Symbol { .. } => {
                "take program and libraries from one release, or add the package that has the symbol"
            }
            Self::Libc { .. } => "take both from one distribution",
            Self::Dlopen { .. } => "add the package that has the library to `packages`",
            Self::DanglingLink => "add what it points to, or remove the link with `remove`",
            Self::NotExecutable => {
                "`chmod +x` what it is `from`, or give it `mode: \"0755\"` in `files`"
            }
            Self::Processor { .. } => {
                "take a build for the platform's processors, or raise the platform's level"
            }
            Self::Interface { .. } => {
                "install or compile it for the version that the image has, or take the interpreter that it is made for"
            }
            Self::Wheel { .. } => {
                "install the modules on a machine like the image, or for one (`pip install --platform`)"
            }
            Self::TwoOwners { .. } => {
                "take one of the packages, or `remove` the path and add it with `files`"
            }
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, token, .. } = self;
        match &self.kind {
            ViolationKind::Library => write!(f, "{path} needs {token}, which is not in the image"),
            ViolationKind::Elsewhere { library } => write!(
                f,
                "{path} needs {token}, and {library} lies where the loader does not look"
            ),
            ViolationKind::LibraryMachine { library } => {
                write!(
                    f,
                    "{path} needs {token}, and {library} is of another machine"
                )
            }
            ViolationKind::SymbolVersion {
                library,
                latest: None,
            } => write!(f, "{path} needs {token}, which {library} does not define"),
            ViolationKind::SymbolVersion {
                library,
                latest: Some(latest),
            } => write!(
                f,
                "{path} needs {token}, and {library} has no more than {latest}"
            ),
            ViolationKind::Symbol { others: 0 } => {
                write!(
                    f,
                    "{path} needs {token}, which no library that it loads defines"
                )
            }
            ViolationKind::Symbol { others } => write!(
                f,
                "{path} needs {token} and {others} more symbols, which no library that it loads defines"
            ),
            ViolationKind::Libc {
                library,
                program,
                found,
            } => write!(
                f,
                "{path} is made for {program} and loads {token}, and {library} is made for {found}"
            ),
            ViolationKind::Dlopen { feature: None } => {
                write!(
                    f,
                    "{path} cannot do without {token}, which is not in the image"
                )
            }
            ViolationKind::Dlopen {
                feature: Some(feature),
            } => write!(
                f,
                "{path} cannot do without {token} ({feature}), which is not in the image"
            ),
            ViolationKind::Interface {
                of,
                wanted,
                found,
                others,
            } => {
                let found = found.join(" and ");
                let more = match others {
                    0 => "is".to_owned(),
                    1 => "and one more file are".to_owned(),
                    others => format!("and {others} more files are"),
                };
                write!(
                    f,
                    "{path} {more} made for {of} {wanted}, and the image has {found}"
                )
            }
            ViolationKind::Wheel {
                tags,
                platform,
                libc,
            } => {
                let libc = libc.map_or_else(String::new, |libc| format!(" with {libc}"));
                write!(
                    f,
                    "{path} is of a wheel for {}, and the image is for {platform}{libc}",
                    tags.join(" or ")
                )
            }
            ViolationKind::Interpreter => {
                write!(f, "{path} is run by {token}, which is not in the image")
            }
            ViolationKind::DanglingLink => {
                write!(f, "{path} links to {token}, which is not in the image")
            }
            ViolationKind::Machine => write!(
                f,
                "{path} is a program for another machine than the image's platform"
            ),
            ViolationKind::NotExecutable => {
                write!(
                    f,
                    "{path} is what the image starts, and nobody may execute it"
                )
            }
            ViolationKind::Processor { needs, platform } => write!(
                f,
                "{path} needs a processor of {needs}, and the image is for {platform}"
            ),
            ViolationKind::TwoOwners { package, other } => {
                write!(f, "{package} and {other} give {path} different contents")
            }
        }?;
        write!(f, ": {}", self.kind.remedy())?;
        if f.alternate() {
            for step in &self.chain {
                write!(f, "\n  {step}")?;
            }
        }
        Ok(())
    }
}
