//! What a selection is made for: what the spec wants beside its packages, and what is meant where its program is missing.

use std::collections::BTreeSet;
use std::sync::Arc;

use mikron_facts::{Class, FileFacts};
use mikron_package::{Globs, merged_usr};
use mikron_select::{Missing, PATH, PackageInput, SelectError, Selection, Token, Wanted};
use mikron_spec::{FileContent, FileEntry, Select, Spec};

use crate::Error;
use crate::steps::tables::PlatformTables;

/// What the spec wants beside its packages.
///
/// # Errors
/// When a `remove` pattern is malformed.
pub(crate) fn wanted(spec: &Spec, tables: &PlatformTables) -> Result<Wanted, Error> {
    let mut words = spec.image.entrypoint.iter().chain(&spec.image.cmd).cloned();
    let programs = words.next().map(|program| behind_links(spec, program));
    let programs = programs.into_iter().collect();
    let library_path = spec.image.env.get("LD_LIBRARY_PATH");
    let library_path = library_path
        .into_iter()
        .flat_map(|dirs| dirs.split([':', ';']));
    Ok(Wanted {
        select: select_mode(spec.selection()),
        programs,
        mentions: words.collect(),
        links: spec.files.iter().filter_map(linked).collect(),
        remove: Globs::new(&spec.remove).map_err(SelectError::from)?,
        library_path: library_path
            .filter(|dir| !dir.is_empty())
            .map(str::to_owned)
            .collect(),
        definitions: Arc::clone(&tables.definitions),
        rules: Arc::clone(&tables.rules),
        with: spec.with.clone(),
        without: spec.without.clone(),
        merged_usr: mikron_rootfs::merges_usr(&crate::steps::universes::families(spec)),
        ..Wanted::new(tables.platform)
    })
}

/// What a program is behind the links of the spec: the image has them, and no package does.
fn behind_links(spec: &Spec, mut program: String) -> String {
    let real = |path: &str| merged_usr(path.trim_start_matches('/').as_bytes()).into_owned();
    // Each leads further at most once.
    for _ in &spec.files {
        let names: Vec<Vec<u8>> = if program.contains('/') {
            vec![real(&program)]
        } else {
            PATH.iter()
                .map(|dir| real(&format!("{dir}/{program}")))
                .collect()
        };
        let is_it = |file: &&FileEntry| names.contains(&real(&file.path.to_string()));
        let link = spec
            .files
            .iter()
            .find(is_it)
            .map(|file| (&file.path, &file.content));
        let Some((path, FileContent::Symlink(target))) = link else {
            break;
        };
        let Ok(target) = path.resolve_link(target.as_bytes()) else {
            break;
        };
        program = target.to_string();
    }
    program
}

/// Where a link of the spec leads, from `/`.
fn linked(file: &FileEntry) -> Option<String> {
    let FileContent::Symlink(target) = &file.content else {
        return None;
    };
    let path = file.path.to_string();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    Some(if target.starts_with('/') {
        target.clone()
    } else {
        format!("/{}/{target}", parent.trim_start_matches('/'))
    })
}

/// The program that the image starts, where a need is that.
pub(crate) fn started<'a>(need: &'a Missing, wanted: &Wanted) -> Option<&'a str> {
    let (Token::Path(name) | Token::Command(name)) = &need.token else {
        return None;
    };
    (need.by.is_none() && wanted.programs.contains(name)).then_some(name)
}

/// Where the program that the image starts is missing: the one of the spec's packages, or of what they depend on themselves, that its
/// name resembles, and that it does; or else a few of those that the spec's packages have.
pub(crate) fn near(
    inputs: &[PackageInput],
    wanted: &Wanted,
    selection: &Selection,
) -> Option<(bool, Vec<String>)> {
    const SHOWN: usize = 6;
    let mut missing = selection.missing.iter();
    let asked = missing.find_map(|need| started(need, wanted))?;
    let of_class = |file: &&FileFacts| file.class == Class::Bins && !file.entry.is_directory();
    let programs_of = |input: &PackageInput| -> Vec<String> {
        let programs = input.facts.files.iter().filter(of_class);
        programs.map(|file| file.entry.path.to_string()).collect()
    };
    let is_root = |input: &&PackageInput| matches!(input.role, mikron_select::Role::Root { .. });
    let roots = || inputs.iter().filter(is_root);
    let own: BTreeSet<String> = roots().flat_map(programs_of).collect();
    let direct = roots().flat_map(|root| root.requires.iter());
    let direct = direct.filter_map(|edge| inputs.get(edge.to));
    let mut programs = own.clone();
    programs.extend(direct.flat_map(programs_of));
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let name = last(asked);
    let names: Vec<String> = programs.iter().map(|path| last(path)).collect();
    // Shells and short names resemble one another and are no slips.
    let is_plain = name.chars().count() >= 4 && !name.ends_with("sh");
    let near = match names.iter().find(|known| **known == name) {
        Some(same) => Some(same.as_str()),
        None => mikron_yaml::nearest(&name, names.iter().map(String::as_str)).filter(|_| is_plain),
    };
    let Some(near) = near else {
        return Some((false, own.into_iter().take(SHOWN).collect()));
    };
    let found = programs.iter().find(|path| last(path) == near);
    Some((true, found.cloned().into_iter().collect()))
}

/// How much of a package is taken, in the words of the selection.
pub(crate) fn select_mode(select: Select) -> mikron_select::Select {
    match select {
        Select::Minimal => mikron_select::Select::Minimal,
        Select::Package => mikron_select::Select::Package,
        Select::Full => mikron_select::Select::Full,
    }
}
