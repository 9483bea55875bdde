//! What chosen configuration includes, by path, by directory or by pattern, wherever among the packages of the image it lies.
//!
//! What other packages put into such a directory is a hook to most images (`/etc/logrotate.d/nginx`), and of the class that says
//! so; where the program that reads it is in the image, it is configuration.

use mikron_facts::{Class, How};
use mikron_package::Glob;

use super::state::{Included, State};
use super::tree::parent;
use super::{FileRef, Found, Reason, Role};

/// Takes what a chosen file includes by path, and notes what it includes by pattern.
pub(super) fn note_included(state: &mut State<'_>, by: FileRef) {
    let facts = state.facts(by);
    note_pam(state, by);
    let own = state.path(by).into_owned();
    let own = String::from_utf8_lossy(&own).into_owned();
    for mention in facts.mentions.iter().filter(|m| m.how == How::Includes) {
        let name = mention.name.as_str();
        if name.starts_with('/') {
            include(state, by, name.trim_matches('/'));
            continue;
        }
        // What is relative is so to the directory of the file, or to that of the server, which lies above.
        let mut dir = parent(own.as_bytes());
        while dir.contains(&b'/') || dir == b"etc" {
            let dir_text = String::from_utf8_lossy(dir).into_owned();
            if include(
                state,
                by,
                &format!("{dir_text}/{}", name.trim_end_matches('/')),
            ) {
                break;
            }
            dir = parent(dir);
        }
    }
}

/// Takes the configuration of a program that asks PAM (pam.conf(5)): of the service that is called like it, and for logins. Of
/// a package that only gives what others name nothing else brings it (`su`).
fn note_pam(state: &mut State<'_>, by: FileRef) {
    let facts = state.facts(by);
    let asks = |elf: &mikron_facts::ElfFacts| {
        let mut imports = elf.imports.iter();
        imports.any(|import| import.name == "pam_start")
    };
    let program = facts.class == Class::Bins && facts.elf.as_deref().is_some_and(asks);
    let Some(name) = facts.entry.path.file_name().filter(|_| program) else {
        return;
    };
    let name = String::from_utf8_lossy(name).into_owned();
    let source = &state.known.packages[by.package].source;
    for service in [format!("etc/pam.d/{name}"), format!("etc/pam.d/{name}-l")] {
        if let Some(Found::Entry(file)) = state.end(service.as_bytes())
            && state.known.packages[file.package].source == *source
        {
            let name = format!("/{service}");
            let _ = state.choose_path(service.as_bytes(), &Reason::Included { by, name });
        }
    }
}

/// Takes what lies at one path, or notes a pattern. Says whether any package has such a file.
fn include(state: &mut State<'_>, by: FileRef, path: &str) -> bool {
    let mut pattern = path.to_owned();
    if !path.contains(['*', '?', '[']) {
        match state.end(path.as_bytes()) {
            Some(Found::Entry(file)) if !state.facts(file).entry.is_directory() => {
                let name = format!("/{path}");
                if is_includable(state, file) {
                    let _ = state.choose_path(path.as_bytes(), &Reason::Included { by, name });
                }
                return true;
            }
            Some(Found::Provided(_)) => return true,
            Some(_) => pattern.push_str("/*"),
            None => return false,
        }
    }
    let Ok(glob) = Glob::new(&pattern) else {
        return false;
    };
    let fits = |package: &usize| matching(state, *package, &glob).next().is_some();
    if !(0..state.known.packages.len()).any(|package| fits(&package)) {
        return false;
    }
    state.waiting.included.push(Included {
        by,
        glob,
        searched: vec![false; state.known.packages.len()],
    });
    true
}

/// The files of a package that a pattern includes.
fn matching<'s>(
    state: &'s State<'_>,
    package: usize,
    glob: &'s Glob,
) -> impl Iterator<Item = FileRef> + 's {
    let files = state.files(package).map(|(file, _)| file);
    files.filter(|file| glob.matches_bytes(&state.path(*file)) && is_includable(state, *file))
}

/// Whether configuration takes in a file: no program, no library, and nothing of a package that only gives what others name.
fn is_includable(state: &State<'_>, file: FileRef) -> bool {
    let facts = state.facts(file);
    let role = &state.known.packages[file.package].role;
    !facts.entry.is_directory()
        && matches!(role, Role::Root { .. } | Role::Dependency)
        && !matches!(facts.class, Class::Bins | Class::Libs | Class::Modules)
}

/// Takes what patterns include of packages that have come into the image.
pub(super) fn take_included(state: &mut State<'_>) {
    let mut included = std::mem::take(&mut state.waiting.included);
    for pattern in &mut included {
        for package in 0..state.known.packages.len() {
            let there = state.chosen.first[package].is_some() && !state.is_limited(package);
            if !there || std::mem::replace(&mut pattern.searched[package], true) {
                continue;
            }
            let files: Vec<FileRef> = matching(state, package, &pattern.glob).collect();
            for file in files {
                let (by, name) = (pattern.by, format!("/{}", pattern.glob.as_str()));
                state.choose_in_bulk(file, Reason::Included { by, name });
            }
        }
    }
    state.waiting.included = included;
}
