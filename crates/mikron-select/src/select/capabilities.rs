//! Capabilities by name: what `package:capability` stands for.

use std::collections::{BTreeMap, BTreeSet};

use mikron_facts::Class;

use super::PackageInput;
use crate::{Definitions, Requirement, SelectError};

/// The entries of a capability.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) files: Vec<usize>,
    pub(super) inputs: Vec<usize>,
    pub(super) requires: Vec<Requirement>,
}

/// The name of the capability that secondary scripts of a program belong to: `perl`, `sh`.
pub(super) fn interpreter_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// The automatic capability that a file is counted to: the interpreter of a script among the programs, else its class.
pub fn capability_of(file: &mikron_facts::FileFacts) -> &str {
    match (&file.script, file.class) {
        (Some(script), Class::Bins) => interpreter_name(script.program()),
        (_, class) => class.name(),
    }
}

/// The capabilities that definitions and slices give a package, each with the entries that are part of the image or read for it.
pub fn defined(input: &PackageInput, definitions: &Definitions) -> Vec<(String, Vec<usize>)> {
    let own = definitions.of(input.name.as_str());
    let with_entries = own.filter_map(|definition| {
        let part = find(input, &definition.capability, definitions).ok()?;
        let mut entries = part.files;
        entries.extend(part.inputs);
        entries.sort_unstable();
        entries.dedup();
        Some((definition.capability.clone(), entries))
    });
    let mut all: Vec<(String, Vec<usize>)> = with_entries.collect();
    let mut given: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (entry, by) in &input.given {
        given.entry(&by.capability).or_default().push(*entry);
    }
    all.extend(
        given
            .into_iter()
            .map(|(name, entries)| (name.to_owned(), entries)),
    );
    all
}

/// Finds a capability of a package: one that is defined, a class, or the scripts of an interpreter.
pub(super) fn find(
    input: &PackageInput,
    name: &str,
    definitions: &Definitions,
) -> Result<Part, SelectError> {
    let files = &input.facts.files;
    let entries = |which: &dyn Fn(&mikron_facts::FileFacts) -> bool| -> Vec<usize> {
        (0..files.len()).filter(|at| which(&files[*at])).collect()
    };
    if let Some(definition) = definitions.get(input.name.as_str(), name) {
        let paths = files.iter().map(|file| &file.entry.path);
        let idle = definition.files.idle(&paths);
        if let Some(glob) = idle.or_else(|| definition.reads.idle(&paths)) {
            return Err(SelectError::IdleGlob {
                package: input.name.clone(),
                capability: name.to_owned(),
                glob: glob.as_str().to_owned(),
            });
        }
        return Ok(Part {
            files: entries(&|file| definition.files.fits(&file.entry.path)),
            inputs: entries(&|file| {
                file.entry.is_file() && definition.reads.fits(&file.entry.path)
            }),
            requires: definition.requires.clone(),
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
            known: known(input, definitions),
        });
    }
    Ok(Part {
        files: found,
        ..Part::default()
    })
}

fn is_script_for(file: &mikron_facts::FileFacts, name: &str) -> bool {
    let program = file
        .script
        .as_deref()
        .map(mikron_facts::ScriptFacts::program);
    file.class == Class::Bins && program.is_some_and(|p| interpreter_name(p) == name)
}

/// The capabilities that a package has, in order of name.
pub(super) fn known(input: &PackageInput, definitions: &Definitions) -> Vec<String> {
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
    let own = definitions.of(input.name.as_str());
    names.extend(own.map(|definition| definition.capability.clone()));
    names.into_iter().collect()
}
