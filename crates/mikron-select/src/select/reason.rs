//! Why a file is in the image, and the chain of such reasons back to the spec.

use std::fmt;

use mikron_facts::Class;
use mikron_package::{PackageName, RootPath};
use serde::{Deserialize, Serialize};

use super::{FileRef, PackageInput, Select};

/// Whether a chain begins with a file that came with a whole package, and for nothing else.
pub fn came_whole(chain: &[Step]) -> bool {
    let first = chain.first().map(|step| &step.reason);
    matches!(first, Some(Reason::Package { .. }))
}

/// Why a file was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The image that is built upon has it.
    Below,
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
        /// What sets it off: `imports pthread_exit`; empty where the file itself does, by its path.
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
            Self::Below
            | Self::Spec
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
            Self::Below => f.write_str("the base image has it"),
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
            Self::Rule { rule, trigger, .. } if trigger.is_empty() => {
                write!(f, "sets off the rule {rule}")
            }
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
