//! The state of a selection: what is looked at, what was chosen of it, and what each pass remembers.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use mikron_package::Glob;

use super::names::Names;
use super::packages::Summary;
use super::roots::{Heir, heirs};
use super::{
    FileRef, Loader, MissingCause, PackageInput, Reason, Token, Tree, Want, Wanted, Without, rules,
};

/// The directories of `PATH` in which commands are looked for.
pub const PATH: [&str; 6] = [
    "usr/local/sbin",
    "usr/local/bin",
    "usr/sbin",
    "usr/bin",
    "sbin",
    "bin",
];

/// What the passes work on.
pub(super) struct State<'a> {
    pub(super) known: Known<'a>,
    pub(super) chosen: Chosen,
    pub(super) started: Started,
    pub(super) waiting: Waiting,
    pub(super) languages: Languages,
    pub(super) lacking: Lacking,
    pub(super) seen: Seen,
    /// What files may name among their constants, and what they have named.
    pub(super) names: Names,
}

/// What is looked at. No pass changes it.
pub(super) struct Known<'a> {
    pub(super) packages: &'a [PackageInput],
    pub(super) wanted: &'a Wanted,
    pub(super) tree: Tree<'a>,
    pub(super) loader: Loader<'a>,
    pub(super) rules: rules::Index<'a>,
    pub(super) summaries: Vec<Summary>,
    /// What stands in for roots without files, by package.
    pub(super) heirs: Vec<Option<Heir>>,
    /// What the selection must do without.
    pub(super) removed: HashSet<FileRef>,
    /// The libraries by name, made when one is looked for where the loader does not look.
    pub(super) by_name: OnceCell<HashMap<&'a [u8], Vec<FileRef>>>,
}

/// What was chosen, and why.
pub(super) struct Chosen {
    /// By package and entry.
    pub(super) reasons: Vec<Vec<Option<Arc<Reason>>>>,
    /// The first file of each package that is no directory.
    pub(super) first: Vec<Option<FileRef>>,
    pub(super) bulk: Vec<Bulk>,
    /// Files that are to be walked, with the run paths that they inherit.
    pub(super) queue: VecDeque<(FileRef, Arc<[String]>)>,
    /// What is only read while the image is built.
    pub(super) inputs: Vec<(FileRef, Arc<Reason>)>,
    pub(super) dangling: Vec<(FileRef, Arc<Reason>)>,
    pub(super) loader_dirs: Vec<String>,
}

/// How a package takes part beyond single files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bulk {
    /// Not at all, so far.
    None,
    /// Its configuration, data and modules; its code where `source` says so or the interpreter is there.
    Data { source: bool },
    /// As a root.
    Root,
    /// All of it that the mode of the selection takes.
    Whole,
}

/// What is started.
#[derive(Default)]
pub(super) struct Started {
    /// Programs that the image starts, with the links on the way to them.
    pub(super) programs: Vec<FileRef>,
    /// Scripts that the entrypoint or another script names.
    pub(super) scripts: HashSet<FileRef>,
}

/// What is taken when something else is there.
pub(super) struct Waiting {
    /// Scripts that wait for their interpreter.
    pub(super) secondary: Vec<Secondary>,
    /// Packages whose sources wait for an interpreter.
    pub(super) sources: Vec<bool>,
    /// Packages that are taken for their code in a language as soon as its interpreter is there.
    pub(super) code: Vec<(usize, &'static str, Reason)>,
    /// What chosen configuration includes by patterns.
    pub(super) included: Vec<Included>,
    /// Programs of roots whose work the build does, each with the capability that is defined so: for who starts or names them.
    pub(super) done: Vec<(FileRef, String)>,
    /// Packages whose programs on `PATH` are taken when a program of the same source names them, each with why it takes part.
    pub(super) companions: Vec<(usize, Reason)>,
}

/// A script that is taken when its interpreter is in the image anyway.
pub(super) struct Secondary {
    pub(super) file: FileRef,
    pub(super) program: String,
}

/// A pattern that a chosen file includes.
pub(super) struct Included {
    pub(super) by: FileRef,
    pub(super) glob: Glob,
    /// The packages that were searched: each when it comes into the image.
    pub(super) searched: Vec<bool>,
}

/// The interpreted languages of the image.
#[derive(Default)]
pub(super) struct Languages {
    pub(super) interpreters: BTreeMap<&'static str, FileRef>,
    /// Packages of interpreters that roots brought which are code: they count as the roots' own.
    pub(super) engines: BTreeSet<usize>,
    /// Packages of which a script in a language was chosen.
    pub(super) spoken: BTreeSet<(usize, &'static str)>,
    /// Packages that were taken for their code.
    pub(super) coded: Vec<usize>,
}

/// What is not there.
#[derive(Default)]
pub(super) struct Lacking {
    pub(super) missing: BTreeMap<(Token, Option<FileRef>), MissingCause>,
    pub(super) wants: Vec<Want>,
    /// What rules would bring that do not hold, by rule.
    pub(super) without: BTreeMap<usize, Without>,
    /// The commands that scripts call and that are not in the image.
    pub(super) uncalled: BTreeMap<FileRef, Vec<String>>,
}

/// What a pass has dealt with, and need not look at again.
pub(super) struct Seen {
    /// The files that were walked, and with which run paths of others, where they inherit some.
    pub(super) walked: Vec<Vec<bool>>,
    pub(super) walked_below: HashSet<(FileRef, Arc<[String]>)>,
    /// What files found by run paths that they inherit: looked at by themselves, private libraries miss it.
    pub(super) inherited: HashSet<(FileRef, String)>,
    /// The chosen files that the rules have seen, and how many they are.
    pub(super) examined: Vec<Vec<bool>>,
    pub(super) examinations: usize,
    /// Packages whose dependencies were followed.
    pub(super) followed: Vec<bool>,
    /// Packages whose units were looked at.
    pub(super) served: Vec<bool>,
    /// The capabilities that were taken, by package and name.
    pub(super) taken: HashSet<(usize, String)>,
}

impl<'a> State<'a> {
    /// Nothing chosen yet, of packages that have none of the files in `removed`, nor what the spec removes.
    pub(super) fn new(
        packages: &'a [PackageInput],
        wanted: &'a Wanted,
        mut removed: HashSet<FileRef>,
    ) -> Self {
        if !wanted.remove.is_empty() {
            for (package, input) in packages.iter().enumerate() {
                for (entry, file) in input.facts.files.iter().enumerate() {
                    let path = &file.entry.path;
                    // What lies below stays there.
                    if !input.below.contains(&entry) && wanted.removes(path) {
                        removed.insert(FileRef { package, entry });
                    }
                }
            }
        }
        let tree = Tree::new(packages, wanted, &|file| !removed.contains(&file));
        let summaries: Vec<Summary> = packages.iter().map(Summary::new).collect();
        let heirs = heirs(packages, &summaries, &tree);
        let nature = |package: usize| summaries[package].nature;
        let names = Names::new(packages, &wanted.provided, nature, |path| {
            tree.normal(path).into_owned()
        });
        let of_each = packages.len();
        let no_file = || -> Vec<Vec<bool>> {
            let files = packages.iter().map(|package| &package.facts.files);
            files.map(|files| vec![false; files.len()]).collect()
        };
        Self {
            known: Known {
                packages,
                wanted,
                tree,
                loader: Loader::new(packages),
                rules: rules::Index::new(&wanted.rules),
                summaries,
                heirs,
                removed,
                by_name: OnceCell::new(),
            },
            chosen: Chosen {
                reasons: packages
                    .iter()
                    .map(|p| vec![None; p.facts.files.len()])
                    .collect(),
                first: vec![None; of_each],
                bulk: vec![Bulk::None; of_each],
                queue: VecDeque::new(),
                inputs: Vec::new(),
                dangling: Vec::new(),
                loader_dirs: Vec::new(),
            },
            started: Started::default(),
            waiting: Waiting {
                secondary: Vec::new(),
                sources: vec![false; of_each],
                code: Vec::new(),
                included: Vec::new(),
                done: Vec::new(),
                companions: Vec::new(),
            },
            languages: Languages::default(),
            lacking: Lacking::default(),
            seen: Seen {
                walked: no_file(),
                walked_below: HashSet::new(),
                inherited: HashSet::new(),
                examined: no_file(),
                examinations: 0,
                followed: vec![false; of_each],
                served: vec![false; of_each],
                taken: HashSet::new(),
            },
            names,
        }
    }
}
