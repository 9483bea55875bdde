//! Modules that cannot be loaded in the image, and libraries that files would load if they were there.
//!
//! Both are judged over a finished selection: [`super::select`] closes once more without the modules found here.

use std::collections::{HashMap, HashSet};

use mikron_facts::{Class, DlopenNote, DlopenPriority};
use mikron_package::RootPath;
use serde::{Deserialize, Serialize};

use super::{FileRef, MissingCause, PackageInput, Reason, Selection, Token};

/// A module that is left out because what it needs is nobody's dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleLeftOut {
    /// The module.
    pub file: FileRef,
    /// Its path.
    pub path: RootPath,
    /// What it needs, by itself or through a library of its own.
    pub token: Token,
    /// Why that is missing.
    pub cause: MissingCause,
}

/// A library that a chosen file would load with dlopen(3), does without, and does not find in the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmetNote {
    /// The file.
    pub file: FileRef,
    /// Its path.
    pub path: RootPath,
    /// What it says of the library.
    pub note: DlopenNote,
}

/// Whether a file came with the bulk of its package: nobody asked for it by path, name or capability.
fn in_bulk(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Root { .. }
            | Reason::Meta { .. }
            | Reason::Package { .. }
            | Reason::Data { .. }
            | Reason::Sibling { .. }
            | Reason::Program { .. }
            | Reason::Interpreted { .. }
            | Reason::Named { .. }
    )
}

/// Plugins that came with the bulk of their package and need, by themselves or through a library that only they need, what
/// nobody provides. The archive has such: iproute2 has a plugin for a library that it does not depend on.
pub(super) fn unloadable(selection: &Selection, packages: &[PackageInput]) -> Vec<ModuleLeftOut> {
    if selection.missing.is_empty() {
        return Vec::new();
    }
    let facts = |file: FileRef| &packages[file.package].facts.files[file.entry];
    let mut reasons: HashMap<FileRef, &Reason> = HashMap::with_capacity(selection.files.len());
    // What is named by others is a private library and no plugin: without it they do not start.
    let mut private: HashSet<&[u8]> = HashSet::new();
    for chosen in &selection.files {
        reasons.insert(chosen.file, &*chosen.reason);
        if let Some(elf) = &facts(chosen.file).elf {
            let libraries = elf.needed.iter().chain(&elf.filters);
            private.extend(libraries.map(String::as_bytes));
        }
    }
    let is_plugin = |file: &FileRef| {
        let facts = facts(*file);
        let name = facts.entry.path.file_name().unwrap_or_default();
        let soname = facts.elf.as_ref().and_then(|elf| elf.soname.as_deref());
        let named = matches!(reasons.get(file), Some(Reason::Named { .. }));
        (named || facts.class == Class::Modules)
            && facts.elf.is_some()
            && reasons.get(file).is_some_and(|reason| in_bulk(reason))
            && !private.contains(name)
            && !soname.is_some_and(|soname| private.contains(soname.as_bytes()))
    };
    let above = |file: &FileRef| match reasons.get(file) {
        Some(Reason::Needed { by, .. } | Reason::Link { by }) => Some(*by),
        _ => None,
    };
    let mut found: Vec<ModuleLeftOut> = Vec::new();
    for missing in &selection.missing {
        let (Token::Soname(_), Some(by)) = (&missing.token, missing.by) else {
            continue;
        };
        let mut chain = std::iter::successors(Some(by), above).take(packages.len() + 64);
        if let Some(file) = chain.find(is_plugin)
            && !found.iter().any(|known| known.file == file)
        {
            found.push(ModuleLeftOut {
                file,
                path: facts(file).entry.path.clone(),
                token: missing.token.clone(),
                cause: missing.cause.clone(),
            });
        }
    }
    found
}

/// What chosen files would load and can do without, as far as none of its names is among the chosen files.
pub(super) fn unmet_notes(selection: &Selection, packages: &[PackageInput]) -> Vec<UnmetNote> {
    let mut found: Vec<UnmetNote> = Vec::new();
    for chosen in &selection.files {
        let facts = &packages[chosen.file.package].facts.files[chosen.file.entry];
        let notes = facts.elf.iter().flat_map(|elf| &elf.dlopen);
        for note in notes.filter(|note| note.priority != DlopenPriority::Required) {
            found.push(UnmetNote {
                file: chosen.file,
                path: chosen.path.clone(),
                note: note.clone(),
            });
        }
    }
    if !found.is_empty() {
        let names = selection.files.iter().filter_map(|f| f.path.file_name());
        let names: HashSet<&[u8]> = names.collect();
        found.retain(|unmet| {
            let mut sonames = unmet.note.sonames.iter();
            !sonames.any(|soname| names.contains(soname.as_bytes()))
        });
    }
    found
}
