//! Who provides a token, over all inputs: the same look-ups as those of the selection.

use std::collections::{BTreeMap, HashMap};

use mikron_facts::{ElfFacts, FileFacts};
use mikron_package::RootPath;
use mikron_select::{
    FileRef, Found, Loader, Lookup, PATH, PackageInput, Token, Tree, Wanted, is_made_at_run_time,
    runs_on,
};

/// What was found for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Files that provide it together: the links on the way and, last, what they lead to.
    Files(Vec<FileRef>),
    /// A package as a whole.
    Package(usize),
    /// Somebody makes it.
    Made(String),
    /// The machine.
    Platform,
    /// It is of no concern: of another machine than the image.
    Foreign,
    /// Nobody.
    Nobody,
}

/// Looks tokens up.
pub(super) struct Resolver<'a> {
    packages: &'a [PackageInput],
    wanted: &'a Wanted,
    tree: Tree<'a>,
    loader: Loader<'a>,
    by_name: HashMap<&'a [u8], Vec<FileRef>>,
    accounts: BTreeMap<&'a Token, usize>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        packages: &'a [PackageInput],
        wanted: &'a Wanted,
        accounts: &'a [(usize, Token)],
    ) -> Self {
        let removed = |file: FileRef| {
            let path = &packages[file.package].facts.files[file.entry].entry.path;
            wanted.removes(path)
        };
        let tree = Tree::new(packages, wanted, &|file| !removed(file));
        let mut by_token = BTreeMap::new();
        for (package, token) in accounts {
            by_token.entry(token).or_insert(*package);
        }
        Self {
            packages,
            wanted,
            loader: Loader::new(packages),
            by_name: tree.shared_objects(),
            tree,
            accounts: by_token,
        }
    }

    fn facts(&self, file: FileRef) -> &'a FileFacts {
        &self.packages[file.package].facts.files[file.entry]
    }

    /// Who provides `token` to the file `by`.
    pub(super) fn find(&self, token: &Token, by: FileRef) -> Answer {
        let elf = self.facts(by).elf.as_deref();
        match token {
            Token::Soname(name) => match elf {
                Some(elf) => self.library(name, elf, by).unwrap_or(Answer::Nobody),
                None => self.named(name, None),
            },
            Token::SymbolVersion(name, version) => {
                let Some(elf) = elf else {
                    return Answer::Nobody;
                };
                match self.library(name, elf, by) {
                    Some(Answer::Files(files)) => self.defining(files, version),
                    Some(other) => other,
                    None => Answer::Nobody,
                }
            }
            Token::Path(path) => self.path(path, by),
            Token::Command(name) => self.command(name),
            Token::User(_) | Token::Group(_) => match self.accounts.get(token) {
                Some(package) => Answer::Package(*package),
                // Names below 100 are Debian's own (base-passwd), and the spec has its accounts: both are made.
                None => Answer::Made("the finalizer `accounts`".to_owned()),
            },
            Token::Kernel(_) | Token::Cpu(_) => Answer::Platform,
            Token::Symbol(_) | Token::PkgConfig(_) | Token::Package(..) | Token::Module(..) => {
                Answer::Nobody
            }
        }
    }

    /// What the spec itself names.
    pub(super) fn program(&self, word: &str) -> Answer {
        if word.contains('/') {
            self.at(word.as_bytes())
        } else {
            self.command(word)
        }
    }

    fn library(&self, name: &str, elf: &ElfFacts, by: FileRef) -> Option<Answer> {
        if !runs_on(elf, self.wanted.platform) {
            return Some(Answer::Foreign);
        }
        let path = self.tree.normal(self.facts(by).entry.path.as_bytes());
        match self.loader.find(&self.tree, name, elf, &path, &[]) {
            Lookup::Found { resolved, file, .. } => {
                let mut files = resolved.links;
                files.push(file);
                Some(Answer::Files(files))
            }
            Lookup::Provided => Some(Answer::Made("a finalizer".to_owned())),
            // By the run path of whoever loads it, or loaded by the program before: a private library.
            Lookup::Absent(_) => match self.named(name, Some(by)) {
                Answer::Nobody => None,
                other => Some(other),
            },
        }
    }

    /// A file of this name wherever it lies, of the same source as `by` where there is one.
    fn named(&self, name: &str, by: Option<FileRef>) -> Answer {
        let Some(candidates) = self.by_name.get(name.as_bytes()) else {
            return Answer::Nobody;
        };
        let source = |file: FileRef| &self.packages[file.package].source;
        let near = |file: &&FileRef| by.is_some_and(|by| source(by) == source(**file));
        let file = candidates.iter().find(near).or(candidates.first());
        file.map_or(Answer::Nobody, |file| {
            let path = self.facts(*file).entry.path.as_bytes();
            self.at(path)
        })
    }

    fn defining(&self, files: Vec<FileRef>, version: &str) -> Answer {
        let defines = |file: &FileRef| {
            let elf = self.facts(*file).elf.as_deref();
            elf.is_some_and(|elf| elf.version_definitions.iter().any(|v| v == version))
        };
        if files.last().is_some_and(defines) {
            Answer::Files(files)
        } else {
            Answer::Nobody
        }
    }

    fn path(&self, path: &str, by: FileRef) -> Answer {
        let from_link = self.facts(by).link_target().is_some();
        let normal = path.strip_prefix('/').unwrap_or(path).as_bytes();
        match self.at(normal) {
            Answer::Nobody if from_link && is_made_at_run_time(normal) => {
                Answer::Made("the container engine, or a program at run time".to_owned())
            }
            other => other,
        }
    }

    fn command(&self, name: &str) -> Answer {
        let paths = PATH.iter().map(|dir| format!("{dir}/{name}"));
        paths
            .map(|path| self.at(path.as_bytes()))
            .find(|answer| *answer != Answer::Nobody)
            .unwrap_or(Answer::Nobody)
    }

    fn at(&self, path: &[u8]) -> Answer {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let Ok(resolved) = self.tree.resolve(path) else {
            return Answer::Nobody;
        };
        match resolved.end {
            Found::Entry(file) => {
                let mut files = resolved.links;
                files.push(file);
                Answer::Files(files)
            }
            Found::Provided(index) => Answer::Made(self.wanted.provided[index].by.clone()),
            Found::Implied => Answer::Made("a directory of other files".to_owned()),
        }
    }

    /// What lies at a path before everything else that does.
    pub(super) fn holder(&self, path: &RootPath) -> Option<FileRef> {
        match self.tree.at(&self.tree.normal(path.as_bytes())) {
            Some(Found::Entry(file)) => Some(file),
            _ => None,
        }
    }
}
