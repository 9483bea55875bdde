//! What a package is, judged by its content and not by its name, section or architecture.

use std::collections::HashSet;

use mikron_facts::languages::code_of;
use mikron_facts::{Class, is_in_bin_dir};

use super::PackageInput;
use super::tree::parent;

/// What a package brings to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Nothing that is read at run time: metapackages, documentation. Its dependencies count as those of who depends on it.
    Transparent,
    /// Programs; its configuration and data serve them.
    Code,
    /// Libraries, and no programs.
    Library,
    /// Configuration, data, modules or code of an interpreted language, perhaps with a helper script or two.
    Data,
}

/// How much larger data are than the scripts beside them in a package that counts as data: tzdata, ca-certificates.
const DATA_OVER_SCRIPTS: u64 = 4;

/// A package's content in figures.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) nature: Nature,
    /// Whether it has a program that is no script.
    pub(super) compiled: bool,
    /// Whether one of those lies on `PATH`.
    pub(super) compiled_on_path: bool,
    pub(super) has_source: bool,
    /// Whether it has files that are read at run time and are no links.
    pub(super) own_files: bool,
    /// Whether it has links that are.
    pub(super) links: bool,
    /// The languages that it has code of, in the order of its files.
    pub(super) languages: Vec<&'static str>,
    /// Entries that are directories and hold nothing in this package.
    pub(super) empty_dirs: Vec<usize>,
}

impl Summary {
    pub(super) fn new(input: &PackageInput) -> Self {
        let (mut programs, mut compiled, mut compiled_on_path) = (false, false, false);
        let mut languages = Vec::new();
        let (mut links, mut own_files) = (false, false);
        let (mut scripts_size, mut data_size, mut source_size) = (0, 0, 0);
        let (mut libs, mut other) = (false, false);
        let mut parents: HashSet<&[u8]> = HashSet::new();
        let mut last: &[u8] = b"";
        for file in &input.facts.files {
            let path = file.entry.path.as_bytes();
            let above = parent(path);
            if above != last {
                parents.insert(above);
                last = above;
            }
            if file.entry.is_directory() {
                continue;
            }
            let size = file.entry.size();
            if file.class.is_run_time() {
                *(if file.link_target().is_some() {
                    &mut links
                } else {
                    &mut own_files
                }) = true;
            }
            if let Some(language) = code_of(file)
                && !languages.contains(&language)
            {
                languages.push(language);
            }
            match file.class {
                Class::Bins => {
                    let elf = file.elf.as_ref().is_some_and(|elf| elf.is_executable());
                    compiled |= elf;
                    compiled_on_path |= elf && is_in_bin_dir(path);
                    // Programs outside of the directories of PATH are no reason to call a package code, unless compiled.
                    programs |= elf || is_in_bin_dir(path);
                    scripts_size += size;
                }
                Class::Libs => libs = true,
                Class::Source => source_size += size,
                Class::Modules | Class::Config | Class::Data => {
                    other = true;
                    data_size += size;
                }
                _ => {}
            }
        }
        let empty_dir = |(_, file): &(usize, &mikron_facts::FileFacts)| {
            file.entry.is_directory()
                && !file.entry.path.is_root()
                && matches!(file.class, Class::Data | Class::Config)
                && !parents.contains(file.entry.path.as_bytes())
        };
        let empty_dirs: Vec<usize> = input
            .facts
            .files
            .iter()
            .enumerate()
            .filter(empty_dir)
            .map(|(i, _)| i)
            .collect();
        let helper_only = !compiled
            && source_size == 0
            && data_size >= DATA_OVER_SCRIPTS.saturating_mul(scripts_size);
        let nature = if programs && !(other && helper_only) {
            Nature::Code
        } else if libs {
            Nature::Library
        } else if other || source_size > 0 || scripts_size > 0 || !empty_dirs.is_empty() {
            Nature::Data
        } else {
            Nature::Transparent
        };
        Self {
            nature,
            compiled,
            compiled_on_path,
            own_files,
            links,
            languages,
            has_source: source_size > 0,
            empty_dirs,
        }
    }
}
