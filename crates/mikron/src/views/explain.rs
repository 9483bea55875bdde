//! Why each file and package is in the image, and why others are not.

use std::collections::{BTreeMap, BTreeSet};

use mikron_facts::{Class, library_names};
use mikron_matrix::{Explanation, HeldFile, Inventory, explain};
use mikron_package::{
    Contents as _, EntryKind, PackageName, PackageRecord, Platform, Requirement, RootPath, Version,
};
use mikron_select::{
    LeftOut, ModuleLeftOut, ProgramCause, Reason, SelectedFile, SelectedPackage, Step, UnmetNote,
    Wanted, Without,
};
use mikron_spec::Spec;
use serde::Serialize;

use crate::Error;
use crate::run::Run;
use crate::steps::closure::Closure;
use crate::steps::own::OwnFiles;
use crate::steps::resolved::{ResolvedPackage, Role};

/// The selection of each platform, with every reason.
#[derive(Debug)]
pub struct Explanations {
    spec: Spec,
    pub(crate) platforms: BTreeMap<Platform, Closure>,
    /// The libraries that files of the spec name.
    named: Vec<Hint>,
}

/// The selection of one platform at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// The platform.
    pub platform: Platform,
    /// The packages that files were chosen from, in order of name.
    pub packages: Vec<SelectedPackage>,
    /// The packages of the dependency closure that no file was chosen from, in order of name.
    pub left_out: Vec<LeftOut>,
    /// The parts of packages that the spec names of which files were left out, in order of package and capability.
    pub parts_left_out: Vec<PartLeftOut>,
    /// The packages that nothing names and that were found for what files of the spec need, or for what the image starts.
    pub found: Vec<FoundPackage>,
    /// Libraries that files of the spec name among their constants and the image does not have: they may load them at run time.
    pub hints: Vec<Hint>,
    /// What packages of the image recommend and the image does not hold, in order of name: it is never followed.
    pub recommended: Vec<Recommended>,
    /// Needs that are known by the rules and left out.
    pub without: Vec<Without>,
    /// Modules that cannot be loaded in the image and were left out.
    pub modules: Vec<ModuleLeftOut>,
    /// Libraries that chosen files would load by dlopen(3), and do without.
    pub unmet: Vec<UnmetNote>,
    /// What a build warns of: needs of files that nothing reaches, and an image without a program.
    pub warnings: Vec<String>,
}

/// What was left out of one capability of a package that the spec names; `PACKAGE:CAPABILITY` among its packages brings it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartLeftOut {
    /// The package.
    pub package: PackageName,
    /// The capability: a class by name, the interpreter of secondary scripts, or a slice.
    pub capability: String,
    /// The files and links that are left out, in the package's order.
    pub files: Vec<String>,
}

/// A package that was found in the sources by what it has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FoundPackage {
    /// The package.
    pub package: PackageName,
    /// Its file that is needed.
    pub path: String,
    /// The file of the spec that needs it; `None` where the image starts it.
    pub by: Option<String>,
    /// Why: `is linked with libpq.so.5`.
    pub because: String,
}

/// A library that a file may load, as it names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hint {
    /// The file of the spec.
    pub path: String,
    /// The library: `libsnappy.so.1`.
    pub library: String,
}

/// A weak dependency (`Recommends`) that the image does not meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Recommended {
    /// The package that recommends.
    pub by: PackageName,
    /// What it recommends, as the package has it.
    pub relation: String,
}

/// What is known of one path or package, on one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The platform.
    pub platform: Platform,
    /// What was asked for.
    pub about: String,
    /// What is known.
    pub explanation: Explanation,
    /// Of a path that is in the image though nothing was chosen for it: who made it ("the finalizer `accounts`", "the spec", "the
    /// layout"). It takes the tree to know that: [`Answer::look_up`] fills it in.
    pub origin: Option<String>,
    /// The rules among its reasons, and what defines that something is left out, each with why it exists.
    pub because: BTreeMap<String, String>,
    /// For a package: which of the solution's packages require it, with the requirement, in order of name.
    pub required_by: Vec<(PackageName, String)>,
    /// For a package: its version.
    pub version: Option<Version>,
    /// For a package: whether the spec names it.
    pub root: bool,
    /// For a package: whether nothing names it, and it was found for what files of the spec need or the image starts.
    pub found: bool,
    /// For a package with a capability: the chosen files of that capability.
    pub files: Vec<String>,
}

/// Selects, and keeps the reasons.
pub(crate) fn explanations(run: &Run<'_>) -> Result<Explanations, Error> {
    let own = run.files()?;
    let pins = run.pins()?;
    let mut platforms = BTreeMap::new();
    for platform in &run.inputs.platforms {
        platforms.insert(*platform, run.close(*platform, &pins, &own)?);
    }
    Ok(Explanations {
        spec: run.order.spec.clone(),
        platforms,
        named: named(run, &own)?,
    })
}

/// The libraries that programs and code of the spec name among their constants, beside those that they are linked with.
fn named(run: &Run<'_>, own: &OwnFiles) -> Result<Vec<Hint>, Error> {
    let mut hints = Vec::new();
    for facts in &own.facts.files {
        let Some(digest) = facts.digest else { continue };
        let elf = facts.elf.as_deref();
        if elf.is_none() && facts.script.is_none() && facts.class != Class::Source {
            continue;
        }
        let path = facts.entry.path.to_string();
        let content = own.open(&digest, &run.spool);
        let content = content.unwrap_or_else(|| run.spool.open(&digest));
        let names = content.and_then(library_names);
        let names = names.map_err(Error::io("read", path.clone()))?;
        let is_linked = |name: &String| {
            elf.is_some_and(|elf| elf.needed.contains(name) || elf.soname.as_ref() == Some(name))
        };
        hints.extend(
            names
                .into_iter()
                .filter(|name| !is_linked(name))
                .map(|library| Hint {
                    path: path.clone(),
                    library,
                }),
        );
    }
    Ok(hints)
}

/// Those that the image does not have.
fn hints(closure: &Closure, named: &[Hint]) -> Vec<Hint> {
    let files = closure
        .selection
        .files
        .iter()
        .filter_map(|file| file.path.file_name());
    let there: BTreeSet<&[u8]> = files.collect();
    let mut hints = named.to_vec();
    hints.retain(|hint| !there.contains(hint.library.as_bytes()));
    hints
}

impl Explanations {
    /// The spec that is explained.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Every platform at a glance.
    pub fn overviews(&self) -> Vec<Overview> {
        let overview = |(platform, closure): (&Platform, &Closure)| {
            let mut packages: Vec<SelectedPackage> = closure
                .selection
                .packages
                .iter()
                .filter(|package| package.package < closure.packages.len())
                .cloned()
                .collect();
            packages.sort_by(|a, b| a.name.cmp(&b.name));
            let mut left_out = closure.selection.left_out.clone();
            left_out.sort_by(|a, b| a.name.cmp(&b.name));
            Overview {
                platform: *platform,
                recommended: recommended(closure, &packages),
                found: found(closure),
                hints: hints(closure, &self.named),
                parts_left_out: parts_left_out(closure, &packages),
                packages,
                left_out,
                without: closure.selection.without.clone(),
                modules: closure.selection.modules_left_out.clone(),
                unmet: closure.selection.unmet_notes.clone(),
                warnings: closure.warnings(),
            }
        };
        self.platforms.iter().map(overview).collect()
    }

    /// Explains a path (`/usr/sbin/nginx`), a package (`nginx`), a capability (`nginx:bins`) or a slice (`nginx_bins`) on every platform.
    pub fn about(&self, what: &str) -> Vec<Answer> {
        let answer = |(platform, closure): (&Platform, &Closure)| answer(*platform, closure, what);
        self.platforms.iter().map(answer).collect()
    }
}

impl Answer {
    /// Looks in the tree of the image ([`Builder::inventory`](crate::Builder::inventory)) for who made a path that no package was
    /// chosen for.
    ///
    /// ```no_run
    /// let builder = mikron::Builder::from_file("image.yaml")?;
    /// let inventory = builder.inventory()?;
    /// for mut answer in builder.explain()?.about("/etc/passwd") {
    ///     answer.look_up(&inventory);
    ///     println!("{:?}", answer.origin);
    /// }
    /// # Ok::<(), mikron::Error>(())
    /// ```
    pub fn look_up(&mut self, inventory: &Inventory) {
        if matches!(self.explanation, Explanation::Chosen(_)) {
            return;
        }
        let Ok(asked) = RootPath::new(self.about.as_bytes()) else {
            return;
        };
        let layout = || "the layout".to_owned();
        if asked.is_root() {
            self.origin = Some(layout());
            return;
        }
        let held = inventory.platforms.get(&self.platform);
        let Some(files) = held.and_then(|held| held.files.as_ref()) else {
            return;
        };
        if let Some(file) = real(files, asked).and_then(|path| files.get(&path)) {
            self.origin = Some(file.origin.clone().unwrap_or_else(layout));
        }
    }
}

/// The path with the links of directories before its last component followed, as far as they lead.
fn real(files: &BTreeMap<RootPath, HeldFile>, asked: RootPath) -> Option<RootPath> {
    // As many as the kernel follows (path_resolution(7)).
    const LINKS: usize = 40;
    let mut path = asked;
    for _ in 0..LINKS {
        let text = path.as_bytes().to_vec();
        let slashes = text.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let followed = slashes.map(|(at, _)| at).find_map(|at| {
            let link = RootPath::new(&text[..at]).ok()?;
            let target = match &files.get(&link)?.kind {
                EntryKind::Symlink { target } => link.resolve_link(target).ok()?,
                _ => return None,
            };
            RootPath::new([target.as_bytes(), &text[at..]].concat().as_slice()).ok()
        });
        match followed {
            Some(further) => path = further,
            None => return Some(path),
        }
    }
    None
}

/// What is left out of those of the chosen packages that are roots.
fn parts_left_out(closure: &Closure, chosen: &[SelectedPackage]) -> Vec<PartLeftOut> {
    let files = closure.selection.files.iter();
    let taken: BTreeSet<(usize, usize)> = files
        .map(|file| (file.file.package, file.file.entry))
        .collect();
    let of_one = |package: &SelectedPackage| {
        let input = &closure.inputs[package.package];
        let mut parts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (entry, file) in input.facts.files.iter().enumerate() {
            if !file.entry.is_directory() && !taken.contains(&(package.package, entry)) {
                let part = parts.entry(input.capability_of(entry)).or_default();
                part.push(file.entry.path.to_string());
            }
        }
        let part = |(capability, files): (&str, Vec<String>)| PartLeftOut {
            package: package.name.clone(),
            capability: capability.to_owned(),
            files,
        };
        parts.into_iter().map(part).collect::<Vec<_>>()
    };
    let roots = chosen.iter().filter(|package| package.root);
    roots.flat_map(of_one).collect()
}

/// What packages were found for.
fn found(closure: &Closure) -> Vec<FoundPackage> {
    let own = closure.packages.len();
    let files = closure.selection.files.iter().filter(|file| {
        let package = closure.packages.get(file.file.package);
        package.is_some_and(|package| package.role == Role::Found)
    });
    let of_file = |file: &SelectedFile| {
        let by = file.reason.by();
        let of_spec = by.map_or(matches!(*file.reason, Reason::Entrypoint { .. }), |by| {
            by.package == own
        });
        of_spec.then(|| FoundPackage {
            package: closure.packages[file.file.package].record.name.clone(),
            path: file.path.to_string(),
            by: by.map(|by| {
                closure.inputs[by.package].facts.files[by.entry]
                    .entry
                    .path
                    .to_string()
            }),
            because: file.reason.to_string(),
        })
    };
    let mut all: Vec<FoundPackage> = files.filter_map(of_file).collect();
    all.sort();
    all
}

/// What chosen packages recommend and none of them is or provides.
fn recommended(closure: &Closure, chosen: &[SelectedPackage]) -> Vec<Recommended> {
    let records = chosen.iter().filter_map(|package| {
        let facts = closure.facts.get(package.package)?;
        Some(&facts.metadata.record)
    });
    let records: Vec<&PackageRecord> = records.collect();
    let names = records.iter().flat_map(|record| {
        let provided = record.provides.iter().map(|provided| &provided.name);
        std::iter::once(&record.name).chain(provided)
    });
    let names: BTreeSet<&PackageName> = names.collect();
    let is_there = |wanted: &Requirement| {
        let relations = wanted.relations();
        relations
            .iter()
            .any(|relation| names.contains(&relation.name))
    };
    let of_one = |record: &&PackageRecord| {
        let open = record.recommends.iter().filter(|wanted| !is_there(wanted));
        let by = record.name.clone();
        let open = open.map(move |wanted| Recommended {
            by: by.clone(),
            relation: wanted.to_string(),
        });
        open.collect::<Vec<_>>()
    };
    let mut all: Vec<Recommended> = records.iter().flat_map(of_one).collect();
    all.sort();
    all
}

/// What is known of one path, package or capability on one platform.
/// Why the rules and the definition exist that an explanation names.
fn because(explanation: &Explanation, wanted: &Wanted) -> BTreeMap<String, String> {
    let named: Vec<(String, &str)> = match explanation {
        Explanation::Chosen(steps) | Explanation::BuildInput(steps) => {
            let of_step = |step: &Step| match &step.reason {
                Reason::Rule { rule, .. } => {
                    Some((rule.clone(), &*wanted.rules.get(rule)?.because))
                }
                _ => None,
            };
            steps.iter().filter_map(of_step).collect()
        }
        Explanation::FileLeftOut {
            package,
            because: Some(ProgramCause::Done { capability }),
            ..
        } => {
            let definition = wanted.definitions.get(package.as_str(), capability);
            let named = definition.map(|d| (capability.clone(), &*d.because));
            named.into_iter().collect()
        }
        _ => Vec::new(),
    };
    let owned = |(name, because): (String, &str)| (name, because.to_owned());
    named.into_iter().map(owned).collect()
}

fn answer(platform: Platform, closure: &Closure, what: &str) -> Answer {
    let is_package = |name: &str| {
        let named = |package: &ResolvedPackage| package.record.name.as_str() == name;
        closure.packages.iter().any(named)
    };
    let sliced = what.split_once('_').map(|(name, _)| name);
    let sliced = sliced.filter(|name| is_package(name) && !is_package(what));
    let (name, capability) = match (what.split_once(':'), sliced) {
        _ if what.starts_with('/') => (what, None),
        (Some((name, capability)), _) => (name, Some(capability)),
        // A slice is a capability that bears the name of its package.
        (None, Some(name)) => (name, Some(what)),
        (None, None) => (what, None),
    };
    let index = closure
        .packages
        .iter()
        .position(|p| p.record.name.as_str() == name);
    let mut required_by = Vec::new();
    if let Some(index) = index {
        for package in &closure.packages {
            let edges = package.requires.iter().filter(|(to, _)| *to == index);
            required_by
                .extend(edges.map(|(_, relation)| (package.record.name.clone(), relation.clone())));
        }
        required_by.sort();
    }
    let files: Vec<String> = match (index, capability) {
        (Some(index), Some(capability)) => {
            let of_capability = closure.selection.files.iter().filter(|file| {
                let facts = &closure.inputs[file.file.package].facts.files[file.file.entry];
                file.file.package == index
                    && closure.inputs[index].capability_of(file.file.entry) == capability
                    && !facts.entry.is_directory()
            });
            of_capability.map(|file| file.path.to_string()).collect()
        }
        _ => Vec::new(),
    };
    // A capability has reasons of its own, which are those of its files; of one that is left out those for leaving it out.
    let reasons = files.first().cloned().or_else(|| {
        let at = index?;
        let facts = &closure.inputs[at].facts.files;
        let mut of_capability = facts.iter().enumerate().filter(|(entry, file)| {
            let own = closure.inputs[at].capability_of(*entry);
            Some(own) == capability && !file.entry.is_directory()
        });
        of_capability
            .next()
            .map(|(_, file)| file.entry.path.to_string())
    });
    // What the package does not have has none.
    let is_known = capability.is_none() || index.is_none() || reasons.is_some();
    let reasons = reasons.as_deref().unwrap_or(name);
    let explanation = if is_known {
        explain(&closure.selection, &closure.inputs, reasons)
    } else {
        Explanation::Unknown
    };
    Answer {
        platform,
        about: what.to_owned(),
        because: because(&explanation, &closure.wanted),
        explanation,
        origin: None,
        required_by,
        version: index
            .filter(|_| is_known)
            .map(|i| closure.packages[i].record.version.clone()),
        found: index.is_some_and(|i| closure.packages[i].role == Role::Found),
        root: index.is_some_and(|i| match closure.packages[i].role {
            Role::Root { .. } => capability.is_none() || !files.is_empty(),
            Role::Sliced => {
                let mut given = closure.inputs[i].given.values();
                given.any(|given| given.through.is_empty())
            }
            _ => false,
        }),
        files,
    }
}
