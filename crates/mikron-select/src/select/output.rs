//! What a selection is: files with reasons, packages, and what was left out or is missing.

use std::fmt;
use std::sync::Arc;

use mikron_facts::Class;
use mikron_package::{PackageName, RootPath, Version};
use serde::{Deserialize, Serialize};

use super::{ModuleLeftOut, PackageInput, ProgramLeftOut, Select, UnmetNote};
use crate::Token;

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
    /// The packages that files were chosen from, in the order of the inputs.
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
    /// The capability: a [`Class`] by name, or the interpreter of secondary scripts (`perl`).
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

/// A need that is known by a rule and left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Without {
    /// The rule.
    pub rule: String,
    /// The file that set it off; the first of several.
    pub by: FileRef,
    /// Its path.
    pub path: RootPath,
    /// What set it off: `imports iconv_open`.
    pub trigger: String,
    /// Why it is left out.
    pub cause: WithoutCause,
    /// Why it is needed.
    pub because: String,
    /// What stops working.
    pub effect: String,
}

impl fmt::Display for Without {
    /// The need as a sentence, with the remedy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            effect,
            path,
            trigger,
            cause,
            ..
        } = self;
        write!(f, "without: {effect} ({path} {trigger}; ")?;
        match cause {
            WithoutCause::NotAsked => write!(f, "`with: [{rule}]` brings it)"),
            WithoutCause::Off => write!(f, "the spec switches the rule {rule} off)"),
            WithoutCause::Absent { what } => write!(f, "no package has {what})"),
            WithoutCause::NotFollowed => f.write_str("name the packages that have them)"),
        }
    }
}

/// Why a known need is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutCause {
    /// The rule holds only when the spec asks for it.
    NotAsked,
    /// The spec switches the rule off.
    Off,
    /// Commands that no package of the closure has, or that are interpreters of another language, which scripts do not bring.
    NotFollowed,
    /// No package has it.
    Absent {
        /// What the rule would bring.
        what: String,
    },
}

/// Something that a rule looks for in a package that is not among the inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// Names that the package may have, by family; empty where any package will do.
    pub packages: Vec<String>,
    /// What is looked for in it.
    pub looked_for: LookedFor,
}

/// What a [`Want`] looks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookedFor {
    /// The package itself.
    Package,
    /// A command on `PATH`.
    Command(String),
}

/// What a chosen file needs and nobody provides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What is needed.
    pub token: Token,
    /// The file that needs it; `None` for what the spec itself names.
    pub by: Option<FileRef>,
    /// Why it is not provided.
    pub cause: MissingCause,
    /// The chain from a root to the file that needs it.
    pub chain: Vec<Step>,
}

impl Missing {
    /// Whether the file that needs it is reached by no root: it came because the spec takes packages whole.
    pub fn is_unreached(&self) -> bool {
        came_whole(&self.chain)
    }

    /// Whether an image may lack it unless its spec is strict: no root reaches the file that needs it, or that is a script which
    /// a slice names.
    pub fn is_tolerated(&self, packages: &[PackageInput]) -> bool {
        let of_slice = |by| is_script_of_slice(packages, by, &self.chain);
        self.is_unreached() || self.by.is_some_and(of_slice)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is needed by ", self.token)?;
        match self.chain.last() {
            Some(step) => write!(f, "{} ({})", step.path, step.package)?,
            None => f.write_str("the spec")?,
        }
        write!(f, " and missing: {}", self.cause)
    }
}

/// Whether a chain begins with a file that came with a whole package, and for nothing else.
pub fn came_whole(chain: &[Step]) -> bool {
    let first = chain.first().map(|step| &step.reason);
    matches!(first, Some(Reason::Package { .. }))
}

/// Whether a file is a script that a slice of the spec names: slices are cut where their definitions say, as chisel cuts them,
/// and who takes one without an interpreter has chosen so. What the entrypoint needs is needed all the same.
pub fn is_script_of_slice(packages: &[PackageInput], file: FileRef, chain: &[Step]) -> bool {
    let starts = |step: &Step| matches!(step.reason, Reason::Entrypoint { .. });
    packages.get(file.package).is_some_and(|input| {
        let facts = input.facts.files.get(file.entry);
        input.given.contains_key(&file.entry)
            && facts.is_some_and(|facts| facts.script.is_some())
            && !chain.iter().any(starts)
    })
}

/// Why something is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingCause {
    /// No input has it.
    Absent,
    /// The spec removes it.
    Removed {
        /// The path that is removed.
        path: RootPath,
    },
    /// It lies where the loader does not look.
    Elsewhere {
        /// Where.
        paths: Vec<RootPath>,
    },
    /// What would be loaded is of another machine or word size.
    WrongMachine {
        /// What was found.
        path: RootPath,
    },
    /// A symbolic link on the way points at itself in the end.
    LinkLoop,
}

impl fmt::Display for MissingCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no package of the closure has it"),
            Self::Removed { path } => write!(f, "the spec removes {path}"),
            Self::Elsewhere { paths } => {
                f.write_str("it lies where the loader does not look:")?;
                paths.iter().try_for_each(|path| write!(f, " {path}"))
            }
            Self::WrongMachine { path } => write!(f, "{path} is of another machine"),
            Self::LinkLoop => f.write_str("a symbolic link leads back to itself"),
        }
    }
}

/// Why a file was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The spec adds it.
    Spec,
    /// The spec's entrypoint or cmd names it.
    Entrypoint {
        /// As it is named there.
        word: String,
    },
    /// A link of the spec leads to it.
    Linked {
        /// The path that the link leads to.
        path: String,
    },
    /// The spec names its package.
    Root {
        /// What kind of content it is.
        class: Class,
    },
    /// The spec names this capability of its package, or one that requires it.
    Capability {
        /// The capability.
        capability: String,
        /// The capabilities that lead to it, from the one that the spec names; empty where the spec names it itself.
        through: Vec<String>,
    },
    /// The definition of a capability that is taken requires it.
    Defined {
        /// Package and capability.
        capability: String,
        /// The requirement as it stands there.
        requirement: String,
    },
    /// The spec names a package without run-time files that depends on this one.
    Meta {
        /// That package.
        package: PackageName,
        /// The relation.
        relation: String,
    },
    /// The spec takes packages whole or by run-time classes.
    Package {
        /// Which of both.
        select: Select,
    },
    /// A file is linked with it.
    Needed {
        /// The file.
        by: FileRef,
        /// The name in its dynamic section.
        soname: String,
    },
    /// It is the loader of an ELF file.
    Interpreter {
        /// The file.
        by: FileRef,
    },
    /// It is the interpreter of a script.
    Script {
        /// The script.
        by: FileRef,
        /// As it is named there.
        program: String,
    },
    /// A shell script calls it or reads commands from it, or a program names it.
    Called {
        /// The script.
        by: FileRef,
        /// As it is named there.
        command: String,
    },
    /// A chosen symbolic link points to it or passes through it.
    Link {
        /// The link.
        by: FileRef,
    },
    /// It is the file that a hard link is a second name of.
    HardLink {
        /// The link.
        by: FileRef,
    },
    /// A rule brings it ([`crate::Rules`]).
    Rule {
        /// The name of the rule.
        rule: String,
        /// The file that sets the rule off.
        by: FileRef,
        /// What sets it off: `imports pthread_exit`.
        trigger: String,
    },
    /// A file says that it loads this with dlopen(3).
    Dlopen {
        /// The file.
        by: FileRef,
        /// The name in its note.
        soname: String,
    },
    /// A file has its name, or that of the directory it lies in, among its constants.
    Named {
        /// The file.
        by: FileRef,
        /// The name.
        name: String,
    },
    /// Configuration includes it.
    Included {
        /// The configuration.
        by: FileRef,
        /// The path or pattern as it stands there.
        name: String,
    },
    /// A unit of a service of its own package, or of one of the same source, starts it.
    Service {
        /// The unit: `/lib/systemd/system/nginx.service`.
        unit: RootPath,
        /// The program as it is named there.
        program: String,
    },
    /// Run-time data that a package in the image depends on.
    Data {
        /// A chosen file of that package.
        by: FileRef,
        /// The relation.
        relation: String,
    },
    /// Part of the same source as a package in the image that depends on it.
    Sibling {
        /// A chosen file of that package.
        by: FileRef,
        /// The relation.
        relation: String,
    },
    /// Configuration and data of a package one of whose programs was chosen.
    Program {
        /// The program.
        by: FileRef,
    },
    /// It interprets a language that a root is code of.
    Code {
        /// The code.
        by: FileRef,
        /// The interpreter, which stands for the language: `python3`.
        interpreter: String,
    },
    /// Code of an interpreted language or a secondary script, whose interpreter is in the image anyway.
    Interpreted {
        /// The interpreter.
        by: FileRef,
    },
    /// It is the directory of a chosen entry.
    Directory {
        /// The entry.
        by: FileRef,
    },
}

impl Reason {
    /// The file that this reason leads back to; `None` when it is the spec.
    pub const fn by(&self) -> Option<FileRef> {
        match self {
            Self::Spec
            | Self::Entrypoint { .. }
            | Self::Linked { .. }
            | Self::Root { .. }
            | Self::Capability { .. }
            | Self::Defined { .. }
            | Self::Meta { .. }
            | Self::Package { .. }
            | Self::Service { .. } => None,
            Self::Needed { by, .. }
            | Self::Interpreter { by }
            | Self::Script { by, .. }
            | Self::Called { by, .. }
            | Self::Link { by }
            | Self::HardLink { by }
            | Self::Rule { by, .. }
            | Self::Dlopen { by, .. }
            | Self::Named { by, .. }
            | Self::Included { by, .. }
            | Self::Data { by, .. }
            | Self::Sibling { by, .. }
            | Self::Program { by }
            | Self::Code { by, .. }
            | Self::Interpreted { by }
            | Self::Directory { by } => Some(*by),
        }
    }
}

impl fmt::Display for Reason {
    /// The reason as the end of the sentence "it is in the image because …", `by` left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec => f.write_str("the spec adds it"),
            Self::Entrypoint { word } => write!(f, "the entrypoint names `{word}`"),
            Self::Linked { path } => write!(f, "a link of the spec leads to `{path}`"),
            Self::Root { class } => write!(f, "the spec names its package ({})", class.name()),
            Self::Capability {
                capability,
                through,
            } => match through.split_first() {
                None => write!(f, "the spec names its capability `{capability}`"),
                Some((named, between)) => {
                    write!(f, "the spec names the capability `{named}`")?;
                    for needed in between.iter().chain([capability]) {
                        write!(f, ", which requires `{needed}`")?;
                    }
                    Ok(())
                }
            },
            Self::Defined {
                capability,
                requirement,
            } => write!(f, "the definition of {capability} requires {requirement}"),
            Self::Meta { package, relation } => {
                write!(
                    f,
                    "the spec names {package}, which has no files and depends on {relation}"
                )
            }
            Self::Package {
                select: Select::Full,
            } => f.write_str("the spec takes packages whole"),
            Self::Package { .. } => f.write_str("the spec takes the run-time files of packages"),
            Self::Needed { soname, .. } => write!(f, "is linked with {soname}"),
            Self::Interpreter { .. } => f.write_str("is loaded by it"),
            Self::Script { program, .. } => write!(f, "is a script for {program}"),
            Self::Called { command, .. } => write!(f, "calls {command}"),
            Self::Link { .. } => f.write_str("links to it"),
            Self::HardLink { .. } => f.write_str("is a second name of it"),
            Self::Rule { rule, trigger, .. } => write!(f, "{trigger} (rule {rule})"),
            Self::Dlopen { soname, .. } => write!(f, "loads {soname} at run time"),
            Self::Named { name, .. } => write!(f, "names {name} among its constants"),
            Self::Included { name, .. } => write!(f, "includes {name}"),
            Self::Service { unit, program } => write!(f, "the unit {unit} names {program}"),
            Self::Data { relation, .. } => {
                write!(f, "its package depends on the data of {relation}")
            }
            Self::Sibling { relation, .. } => write!(
                f,
                "its package is of the same source and depends on {relation}"
            ),
            Self::Program { .. } => f.write_str("is a program of the same package"),
            Self::Code { interpreter, .. } => write!(f, "is code for {interpreter}"),
            Self::Interpreted { .. } => f.write_str("interprets it"),
            Self::Directory { .. } => f.write_str("lies in it"),
        }
    }
}

/// One step of a chain: a file, and why it is in the image. The first step's reason is the spec; that of each other is the
/// step before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The file's package.
    pub package: PackageName,
    /// The file.
    pub path: RootPath,
    /// Why it was chosen.
    pub reason: Reason,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.path, self.package, self.reason)
    }
}

/// The chain from a root to `file`, by the reasons that `reason_of` knows.
pub fn chain<'r>(
    packages: &[PackageInput],
    file: FileRef,
    reason_of: impl Fn(FileRef) -> Option<&'r Reason>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut next = Some(file);
    while let Some(file) = next {
        let Some(reason) = reason_of(file) else { break };
        let package = &packages[file.package];
        steps.push(Step {
            package: package.name.clone(),
            path: package.facts.files[file.entry].entry.path.clone(),
            reason: reason.clone(),
        });
        // A file is only ever chosen because of one that was chosen before: there is no cycle. The bound is a second lock.
        next = reason.by().filter(|by| *by != file && steps.len() < 10_000);
    }
    steps.reverse();
    steps
}
