//! Capabilities by name: what `package:capability` stands for.

use std::collections::BTreeSet;

use mikron_package::RootPath;

use super::PackageInput;
use crate::{Class, Glob, SelectError};

/// A capability that is no class and no interpreter.
struct Definition {
    package: &'static str,
    name: &'static str,
    /// Entries that are part of the image.
    files: &'static [&'static str],
    /// Entries that a finalizer reads.
    inputs: &'static [&'static str],
}

/// Definitions that ship with the product.
const DEFINITIONS: &[Definition] = &[Definition {
    // The package has single certificates; the bundle is what update-ca-certificates(8) would make of them.
    package: "ca-certificates",
    name: "bundle",
    files: &["/etc/ssl/certs"],
    inputs: &["/usr/share/ca-certificates/**", "/etc/ca-certificates.conf"],
}];

/// The entries of a capability.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) files: Vec<usize>,
    pub(super) inputs: Vec<usize>,
}

/// The name of the capability that secondary scripts of a program belong to: `perl`, `sh`.
pub(super) fn interpreter_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Finds a capability of a package.
pub(super) fn find(input: &PackageInput, name: &str) -> Result<Part, SelectError> {
    let files = &input.facts.files;
    let entries = |which: &dyn Fn(&crate::FileFacts) -> bool| -> Vec<usize> {
        (0..files.len()).filter(|at| which(&files[*at])).collect()
    };
    let of_package = |d: &&Definition| d.package == input.name.as_str() && d.name == name;
    if let Some(definition) = DEFINITIONS.iter().find(of_package) {
        let matching = |patterns: &[&str]| -> Result<Vec<usize>, SelectError> {
            let globs: Vec<Glob> = patterns
                .iter()
                .map(|text| Glob::new(text))
                .collect::<Result<_, _>>()?;
            let fits = |path: &RootPath| globs.iter().any(|glob| glob.matches(path));
            Ok(entries(&|file| fits(&file.entry.path)))
        };
        let part = Part {
            files: matching(definition.files)?,
            inputs: matching(definition.inputs)?,
        };
        return Ok(Part {
            inputs: part
                .inputs
                .into_iter()
                .filter(|at| files[*at].entry.is_file())
                .collect(),
            ..part
        });
    }
    let found = match Class::from_name(name) {
        Some(class) => entries(&|file| file.class == class),
        None => entries(&|file| is_script_for(file, name)),
    };
    // A class that has nothing but directories is one that the package does not have, unless they are all it is.
    if found.is_empty() {
        return Err(SelectError::NoSuchCapability {
            package: input.name.clone(),
            capability: name.to_owned(),
            known: known(input),
        });
    }
    Ok(Part {
        files: found,
        inputs: Vec::new(),
    })
}

fn is_script_for(file: &crate::FileFacts, name: &str) -> bool {
    let program = file.script.as_ref().map(crate::ScriptFacts::program);
    file.class == Class::Bins && program.is_some_and(|p| interpreter_name(p) == name)
}

/// The capabilities that a package has, in order of name.
pub(super) fn known(input: &PackageInput) -> Vec<String> {
    let mut names = BTreeSet::new();
    for file in &input.facts.files {
        if file.entry.is_directory() {
            continue;
        }
        names.insert(file.class.name().to_owned());
        if let (Class::Bins, Some(script)) = (file.class, &file.script) {
            names.insert(interpreter_name(script.program()).to_owned());
        }
    }
    let own = DEFINITIONS
        .iter()
        .filter(|d| d.package == input.name.as_str());
    names.extend(own.map(|d| d.name.to_owned()));
    names.into_iter().collect()
}
