//! Which files: the facts of all packages, the closure over them, and the proof that it is closed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_facts::{FileFacts, PackageFacts, ScriptFacts};
use mikron_matrix::{Violation, verify};
use mikron_package::{
    Digest, EntryKind, Family, PackageName, Platform, RootPath, SharedText, Sought, merged_usr,
};
use mikron_rootfs::{Installation, Part, Sources};
use mikron_select::{
    Edge, FileRef, Missing, PackageInput, Provided, SelectedFile, Selection, Want, Wanted, select,
};
use mikron_spec::Spec;

use crate::Error;
use crate::error::Unfound;
use crate::steps::base::{BASE, Lower};
use crate::steps::engines;
use crate::steps::facts::{Learner, is_declaration};
use crate::steps::own::OwnFiles;
use crate::steps::resolve::{Providers, Wish};
use crate::steps::resolved::{InBase, ResolvedPackage, Role};
use crate::steps::slices::Sliced;
use crate::steps::sought::{self, Kind, Need};
use crate::steps::tables::PlatformTables;
use crate::steps::wanted::{near, select_mode, started, wanted};

/// The packages of one platform with their facts, and what was chosen of them.
#[derive(Debug)]
pub(crate) struct Closure {
    /// One for each input of the selection, except the last, which stands for the files of the spec.
    pub(crate) packages: Vec<ResolvedPackage>,
    pub(crate) inputs: Vec<PackageInput>,
    pub(crate) selection: Selection,
    /// What the selection was made for.
    pub(crate) wanted: Wanted,
    /// What the chosen files need and the image would not have.
    pub(crate) violations: Vec<Violation>,
    /// What is known of installations.
    pub(crate) installation: Arc<Installation>,
    /// Files that finalizers read, chosen or not.
    templates: Vec<FileRef>,
    /// The facts of the packages as their archives have them; slices change those of the inputs.
    pub(crate) facts: Vec<Arc<PackageFacts>>,
    /// What slices take.
    pub(crate) sliced: Arc<Sliced>,
    /// Programs that may be meant where the one that the image starts is missing.
    near: Vec<String>,
    /// What files of the spec need and no package was found for.
    unfound: Vec<Unfound>,
    /// The image that is built upon.
    pub(crate) lower: Option<Arc<Lower>>,
}

/// Finds more packages, given those that there are.
pub(crate) type Find<'a> = dyn Fn(&[ResolvedPackage], &Wish) -> Result<Providers, Error> + 'a;

/// Closes over `packages`; where something is missing, or a rule looks for a package, `find` is asked for more.
///
/// # Errors
/// When facts cannot be learnt. That something is missing is said by [`Closure::closed`].
pub(crate) fn close(
    spec: &Spec,
    tables: &PlatformTables,
    packages: Vec<ResolvedPackage>,
    own: &OwnFiles,
    learner: &Learner<'_>,
    find: &Find<'_>,
) -> Result<Closure, Error> {
    let lower = learner.lower.clone();
    let mut packages = with_base(packages, lower.as_deref());
    join(&mut packages, lower.as_deref(), false);
    let mut facts = learner.learn(&packages)?;
    let mut unfound = Vec::new();
    let sliced = tables.slices.apply(&facts, learner.spool)?;
    let own = PackageInput::new(mikron_select::Role::Files, Arc::clone(&own.facts));
    let mut wanted = wanted(spec, tables)?;
    let input = |packages: &[ResolvedPackage], facts: &[Arc<PackageFacts>]| {
        inputs(packages, facts, &sliced, lower.as_deref())
    };
    let mut inputs = input(&packages, &facts)?;
    // What the packages need that were found for their own sake: looked into only when something is missing.
    let mut reserve: Vec<ResolvedPackage> = Vec::new();
    let mut asked = Asked::default();
    let selection = loop {
        learner.session.check()?;
        divert(&mut inputs);
        wanted.provided = provided(&inputs);
        inputs.push(own.clone());
        let selection = select(&inputs, &wanted)?;
        // Who mistypes a name need not wait for packages that do not have it either.
        let slip = near(&inputs, &wanted, &selection).is_some_and(|(slip, _)| slip);
        let mut more = Vec::new();
        let mut again = None;
        let libraries = asked.needs(&selection, &inputs, &wanted, slip, Kind::Libraries);
        let wish = if libraries.is_empty() {
            asked.more(&selection, &wanted, slip)
        } else {
            Wish::of(libraries)
        };
        if wish != Wish::default() {
            let found = find(&packages, &wish)?;
            reserve.extend(found.others);
            unfound.extend(found.unfound);
            (more, again) = (found.named, found.again);
        }
        more.retain(|m| packages.iter().all(|p| p.record.name != m.record.name));
        if more.is_empty() && again.is_none() && !selection.missing.is_empty() && !slip {
            more = std::mem::take(&mut reserve);
            more.retain(|m| packages.iter().all(|p| p.record.name != m.record.name));
        }
        if more.is_empty() && again.is_none() && wish.needs.is_empty() {
            let programs = asked.needs(&selection, &inputs, &wanted, slip, Kind::Programs);
            if !programs.is_empty() {
                let found = find(&packages, &Wish::of(programs))?;
                unfound.extend(found.unfound);
                again = found.again;
            }
            if again.is_none() {
                // What packages of the base lack of themselves is looked into when it is missing.
                let lacks = !selection.missing.is_empty() && !slip;
                if !lacks || !join(&mut packages, lower.as_deref(), true) {
                    break selection;
                }
                facts = learner.learn(&packages)?;
                inputs = input(&packages, &facts)?;
                continue;
            }
        }
        inputs.pop();
        if let Some(again) = again {
            more.extend(replaced(&mut packages, &mut facts, again, learner)?);
            inputs = input(&packages, &facts)?;
            more.retain(|m| packages.iter().all(|p| p.record.name != m.record.name));
        }
        let learnt = learner.learn(&more)?;
        inputs.extend(input(&more, &learnt)?);
        facts.extend(learnt);
        packages.extend(more);
    };
    let violations = verify(&selection, &inputs, &wanted);
    let near = near(&inputs, &wanted, &selection).map_or_else(Vec::new, |(_, near)| near);
    let templates = templates(&inputs);
    Ok(Closure {
        packages,
        inputs,
        selection,
        wanted,
        installation: Arc::clone(&tables.installation),
        violations,
        templates,
        facts,
        sliced: Arc::new(sliced),
        near,
        unfound,
        lower,
    })
}

/// The packages of a solution, and behind them those that the base has and nothing asks for, with what no package there has.
fn with_base(mut packages: Vec<ResolvedPackage>, lower: Option<&Lower>) -> Vec<ResolvedPackage> {
    let Some(lower) = lower else {
        return packages;
    };
    let known: BTreeSet<PackageName> = packages.iter().map(|p| p.record.name.clone()).collect();
    for facts in lower.packages() {
        let record = &facts.metadata.record;
        if !known.contains(&record.name) {
            packages.push(ResolvedPackage {
                record: record.clone(),
                family: Family::default(),
                source: BASE.to_owned(),
                role: Role::Provider,
                requires: Vec::new(),
                below: Some(InBase::default()),
            });
        }
    }
    packages
}

/// Lets the archives of packages be looked into that the base has in part: of those that something asks for, or of `all`. Whether there are
/// any more than before.
fn join(packages: &mut [ResolvedPackage], lower: Option<&Lower>, all: bool) -> bool {
    let mut more = false;
    for package in packages {
        let asked = all || package.role != Role::Provider;
        let part = lower.is_some_and(|lower| !lower.is_whole(&package.record.name));
        if let Some(below) = &mut package.below
            && asked
            && part
            && below.archive.is_some()
        {
            more |= !std::mem::replace(&mut below.joined, true);
        }
    }
    more
}

/// Puts the packages of a new solution in the place of the old ones, with their facts. Gives the providers that there were.
fn replaced(
    packages: &mut Vec<ResolvedPackage>,
    facts: &mut Vec<Arc<PackageFacts>>,
    again: Vec<ResolvedPackage>,
    learner: &Learner<'_>,
) -> Result<Vec<ResolvedPackage>, Error> {
    let old = std::mem::replace(packages, again);
    join(packages, learner.lower.as_deref(), false);
    let old_facts = std::mem::take(facts);
    let joined = |package: &ResolvedPackage| package.below.as_ref().map(|below| below.joined);
    let same =
        |a: &ResolvedPackage, b: &ResolvedPackage| a.record == b.record && joined(a) == joined(b);
    let is_known = |package: &ResolvedPackage| old.iter().position(|known| same(known, package));
    let new: Vec<ResolvedPackage> = packages
        .iter()
        .filter(|package| is_known(package).is_none())
        .cloned()
        .collect();
    let mut learnt = learner.learn(&new)?.into_iter();
    for package in packages.iter() {
        let known = is_known(package).map(|at| Arc::clone(&old_facts[at]));
        facts.extend(known.or_else(|| learnt.next()));
    }
    Ok(old
        .into_iter()
        .filter(|package| package.role == Role::Provider)
        .collect())
}

/// The files that scripts read, and those that finalizers read in any case.
fn templates(inputs: &[PackageInput]) -> Vec<FileRef> {
    // The last input stands for the files of the spec, which are in the tree in any case.
    let packages = inputs
        .split_last()
        .map_or(&[][..], |(_, packages)| packages);
    let mut sources = Sources::default();
    for package in packages {
        sources.add(&package.facts.metadata);
    }
    let of_finalizers = mikron_rootfs::sources(&mikron_rootfs::builtin_finalizers());
    let mut templates = Vec::new();
    for (package, input) in packages.iter().enumerate() {
        for (entry, file) in input.facts.files.iter().enumerate() {
            let path = &file.entry.path;
            let is_followed = |script: &ScriptFacts| {
                let calls = script.calls.iter().map(|call| call.command.as_str());
                script.is_shell() && sources.follows(path, calls)
            };
            let read = sources.contains(&file.entry)
                || of_finalizers.iter().any(|glob| glob.matches(path))
                || file.script.as_deref().is_some_and(is_followed);
            if read && file.entry.is_file() && file.digest.is_some() {
                templates.push(FileRef { package, entry });
            }
        }
    }
    templates
}

/// What was asked for already: nothing is asked for twice.
#[derive(Default)]
struct Asked {
    essential: bool,
    packages: BTreeSet<Vec<String>>,
    sought: BTreeSet<Sought>,
}

impl Asked {
    /// What files of the spec need and the sources were not asked for yet.
    fn needs(
        &mut self,
        selection: &Selection,
        inputs: &[PackageInput],
        wanted: &Wanted,
        slip: bool,
        kind: Kind,
    ) -> Vec<Need> {
        let mut needs = sought::needs(selection, inputs, wanted, kind);
        // A name that was mistyped is looked for nowhere else.
        let of_start = |need: &Need| {
            let (Sought::Path(name) | Sought::Command(name)) = &need.sought else {
                return false;
            };
            slip && wanted.programs.contains(name)
        };
        needs.retain(|need| !of_start(need) && self.sought.insert(need.sought.clone()));
        needs
    }

    /// What a selection asks for that was not asked for yet.
    fn more(&mut self, selection: &Selection, wanted: &Wanted, slip: bool) -> Wish {
        let of_any = |want: &Want| want.packages.is_empty();
        let mut missing = selection.missing.iter();
        let lacks = missing.any(|need| !(slip && started(need, wanted).is_some()))
            || selection.wants.iter().any(of_any);
        let mut wish = Wish {
            essential: lacks && !self.essential,
            ..Wish::default()
        };
        self.essential |= lacks;
        for want in selection.wants.iter().filter(|want| !of_any(want)) {
            if self.packages.insert(want.packages.clone()) {
                wish.packages.push(want.packages.clone());
            }
        }
        wish
    }
}

/// The paths that finalizers make: whatever the packages are, and the alternatives of these.
fn provided(inputs: &[PackageInput]) -> Vec<Provided> {
    let finalizers = mikron_rootfs::builtin_finalizers();
    let promised = finalizers.iter().flat_map(|finalizer| {
        let by = format!("the finalizer `{}`", finalizer.name());
        let paths = finalizer.promised().iter();
        paths.map(move |path| (*path, by.clone()))
    });
    let made = promised.filter_map(|(path, by)| {
        Some(Provided {
            path: RootPath::new(path.as_bytes()).ok()?,
            target: None,
            by,
        })
    });
    let metadata = inputs.iter().map(|input| &input.facts.metadata);
    let alternatives = mikron_rootfs::alternatives(metadata);
    let alternatives = alternatives.into_iter().map(|alternative| Provided {
        path: alternative.link,
        target: Some([b"/", alternative.path.as_bytes()].concat()),
        by: format!("update-alternatives of {}", alternative.package),
    });
    let own = inputs.iter().flat_map(|input| {
        let by = format!("the script of {}", input.name);
        input.facts.made.iter().map(move |link| Provided {
            path: link.path.clone(),
            target: Some([b"/", link.program.as_bytes()].concat()),
            by: by.clone(),
        })
    });
    made.chain(alternatives).chain(own).collect()
}

fn inputs(
    packages: &[ResolvedPackage],
    facts: &[Arc<PackageFacts>],
    sliced: &Sliced,
    lower: Option<&Lower>,
) -> Result<Vec<PackageInput>, Error> {
    let input = |(package, facts): (&ResolvedPackage, &Arc<PackageFacts>)| {
        let (role, select) = match &package.role {
            Role::Root {
                capabilities,
                whole,
                select,
            } => (
                mikron_select::Role::Root {
                    capabilities: capabilities.clone(),
                    whole: *whole,
                },
                Some(select_mode(*select)),
            ),
            Role::Sliced => (mikron_select::Role::Given, None),
            Role::Dependency | Role::Found => (mikron_select::Role::Dependency, None),
            Role::Provider => (mikron_select::Role::Provider, None),
        };
        let edge = |(to, relation): &(usize, String)| Edge {
            to: *to,
            relation: relation.clone(),
        };
        let cut = sliced.of(&package.record.name);
        let mut below = Arc::default();
        if package.below.is_some() {
            if cut.is_some() {
                return Err(Error::Unsupported {
                    what: format!(
                        "a slice of {}, which the base image has,",
                        package.record.name
                    ),
                    remedy: "name the package without a slice".to_owned(),
                });
            }
            let own = lower.and_then(|lower| lower.facts(&package.record.name));
            below = Arc::new((0..own.map_or(0, |own| own.files.len())).collect());
        }
        let facts = cut.map_or(facts, |(facts, _)| facts);
        Ok(PackageInput {
            below,
            given: cut.map(|(_, given)| given.clone()).unwrap_or_default(),
            requires: package.requires.iter().map(edge).collect(),
            select,
            ..PackageInput::new(role, Arc::clone(facts))
        })
    };
    packages.iter().zip(facts).map(input).collect()
}

/// Moves what packages bring to paths that other packages divert.
fn divert(inputs: &mut [PackageInput]) {
    let metadata = inputs.iter().map(|input| &input.facts.metadata);
    for diversion in mikron_rootfs::diversions(metadata) {
        for input in inputs.iter_mut() {
            let diverted = |file: &FileFacts| file.entry.path == diversion.from;
            let own = input.name.as_str() == diversion.package;
            if !own
                && let Some(at) = input.facts.files.iter().position(diverted)
                && !input.below.contains(&at)
            {
                let facts = Arc::make_mut(&mut input.facts);
                facts.files[at].entry.path = diversion.to.clone();
                for file in &mut facts.files {
                    if let EntryKind::Hardlink { target } = &mut file.entry.kind
                        && *target == diversion.from
                    {
                        *target = diversion.to.clone();
                    }
                }
            }
        }
    }
}

impl Closure {
    /// The closure, where nothing is missing (promise 4) but what files lack that no root reaches, and scripts that slices name;
    /// `strict` makes no difference between those and others.
    ///
    /// # Errors
    /// When something is.
    pub(crate) fn closed(self, platform: Platform, strict: bool) -> Result<Self, Error> {
        let mut missing = self.selection.missing.clone();
        missing.retain(|need| strict || !need.is_tolerated(&self.inputs));
        let mut violations = self.violations.clone();
        violations.retain(|violation| strict || !violation.is_tolerated(&self.inputs));
        if missing.is_empty() && violations.is_empty() {
            return Ok(self);
        }
        Err(Error::NotClosed {
            platform,
            unfound: self.unfound(&missing),
            missing,
            violations,
            near: self.near,
        })
    }

    /// What was looked for and is missing still.
    fn unfound(&self, missing: &[Missing]) -> Vec<Unfound> {
        let tokens = missing.iter().map(|need| need.token.to_string());
        let tokens: BTreeSet<String> = tokens.collect();
        let mut unfound = self.unfound.clone();
        unfound.retain(|need| tokens.contains(&need.sought.to_string()));
        unfound
    }

    /// Why each file was chosen, by its path in an image with merged /usr.
    pub(crate) fn reasons(&self) -> BTreeMap<Vec<u8>, String> {
        let reason = |file: &SelectedFile| {
            let by = file.reason.by().map(|by| {
                let path = &self.inputs[by.package].facts.files[by.entry].entry.path;
                format!("{path} ")
            });
            let text = format!("{}{}", by.unwrap_or_default(), file.reason);
            (merged_usr(file.path.as_bytes()).into_owned(), text)
        };
        self.selection.files.iter().map(reason).collect()
    }

    /// The packages alone.
    pub(crate) fn into_packages(self) -> Vec<ResolvedPackage> {
        self.packages
    }

    /// What the users of the image should know before they miss it: what unreached files lack, and that nothing can be started.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let missing = self.selection.missing.iter();
        let missing = missing.filter(|need| need.is_unreached());
        // What the proof finds by itself is for the most part the same.
        let is_known = |violation: &&Violation| {
            let mut missing = self.selection.missing.iter();
            missing.any(|need| need.by == Some(violation.file) && need.token == violation.token)
        };
        let violations = self.violations.iter();
        let violations = violations.filter(|v| v.is_unreached() && !is_known(v));
        let mut warnings: Vec<String> = missing
            .map(ToString::to_string)
            .chain(violations.map(ToString::to_string))
            .map(|text| {
                format!("{text} (no root reaches that file; `strict: true` makes this an error)")
            })
            .collect();
        let of_slice = |need: &&Missing| !need.is_unreached() && need.is_tolerated(&self.inputs);
        warnings.extend(self.selection.missing.iter().filter(of_slice).map(|need| {
            let by = need.chain.last().map_or_else(String::new, |step| step.path.to_string());
            format!(
                "{} is needed by {by}, which a slice names, and missing: {} (`strict: true` makes this an error)",
                need.token, need.cause
            )
        }));
        warnings.extend(engines::warnings(&self.inputs, &self.selection));
        let facts =
            |file: &SelectedFile| &self.inputs[file.file.package].facts.files[file.file.entry];
        let starts = |file: &SelectedFile| {
            let file = facts(file);
            let program = file.elf.as_ref().is_some_and(|elf| elf.is_executable());
            program || (file.script.is_some() && file.entry.mode & 0o111 != 0)
        };
        let own = self
            .inputs
            .last()
            .is_some_and(|own| !own.facts.files.is_empty());
        let files = &self.selection.files;
        if !files.is_empty() && !own && !files.iter().any(starts) {
            warnings.push(
                "the image has no program: nothing in it can be started (name a package that has one)"
                    .to_owned(),
            );
        }
        warnings
    }

    /// Whether a package is a root: the spec names it, files of it or none, or it stands in the place of one without files.
    pub(crate) fn is_root(&self, package: usize) -> bool {
        if matches!(self.packages[package].role, Role::Root { .. }) {
            return true;
        }
        let mut packages = self.selection.packages.iter();
        packages.any(|selected| selected.package == package && selected.root)
    }

    /// The chosen entries as parts of the tree, and those that finalizers read and take out again.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let names = self.names();
        let chosen = self.selection.files.iter();
        let chosen = chosen.filter(|file| !self.is_below(file.file));
        let mut parts: Vec<Part> = Vec::with_capacity(self.selection.files.len());
        parts.extend(chosen.filter_map(|file| self.part(file, false, &names)));
        let read = self.selection.inputs.iter();
        parts.extend(read.filter_map(|file| self.part(file, true, &names)));
        parts
    }

    /// Whether the image that is built upon has a file.
    fn is_below(&self, file: FileRef) -> bool {
        let input = self.inputs.get(file.package);
        input.is_some_and(|input| input.below.contains(&file.entry))
    }

    /// The chosen links that lead to nothing which a package has, as parts of the tree.
    pub(crate) fn dangling(&self) -> Vec<Part> {
        let links = self.selection.dangling.iter();
        let names = self.names();
        links
            .filter_map(|link| self.part(link, false, &names))
            .collect()
    }

    /// The names of the packages, each once for all parts.
    fn names(&self) -> Vec<SharedText> {
        let packages = self.packages.iter();
        packages
            .map(|package| package.record.name.as_str().into())
            .collect()
    }

    /// The files that finalizers read and that need not be chosen, wherever in the closure they lie.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (&FileFacts, Digest)> {
        self.templates.iter().filter_map(|file| {
            let facts = &self.inputs[file.package].facts.files[file.entry];
            Some((facts, facts.digest?))
        })
    }

    /// The files of a package that declare accounts and directories (sysusers.d(5), tmpfiles.d(5), systemd.exec(5)).
    pub(crate) fn declarations(
        &self,
        package: usize,
    ) -> impl Iterator<Item = (&RootPath, Digest)> + Clone {
        let facts = &self.inputs[package].facts;
        facts
            .files
            .iter()
            .filter(|file| is_declaration(&file.entry.path))
            .filter_map(|file| Some((&file.entry.path, file.digest?)))
    }

    fn part(&self, file: &SelectedFile, build_input: bool, names: &[SharedText]) -> Option<Part> {
        // The last input stands for the files of the spec, which the tree places by itself.
        let name = names.get(file.file.package)?.clone();
        let facts = &self.inputs[file.file.package].facts;
        let chosen = &facts.files[file.file.entry];
        let content = facts.digest(file.file.entry);
        let input = &self.inputs[file.file.package];
        let given = input.given.contains_key(&file.file.entry);
        let capability = if build_input && !given {
            "bundle"
        } else {
            input.capability_of(file.file.entry)
        };
        let part = Part::new(name, capability, chosen.entry.clone(), content);
        let EntryKind::Hardlink { target } = &chosen.entry.kind else {
            return Some(part);
        };
        let linked = facts
            .files
            .iter()
            .find(|f| f.entry.path == *target && f.entry.is_file());
        Some(match linked {
            Some(linked) => part.with_linked(linked.entry.clone()),
            None => part,
        })
    }

    /// The contents that layers and finalizers may ask for, with the package that each lies in; some more than once.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (usize, Digest)> + Clone {
        let chosen = self.selection.files.iter().chain(&self.selection.inputs);
        let files = chosen
            .map(|file| file.file)
            .chain(self.templates.iter().copied());
        // The last input stands for the files of the spec, which lie in no archive.
        let files =
            files.filter(|file| file.package < self.packages.len() && !self.is_below(*file));
        let digest = |file: FileRef| {
            let digest = self.inputs[file.package].facts.digest(file.entry)?;
            Some((file.package, digest))
        };
        let archived = (0..self.packages.len()).filter(|at| self.packages[*at].below.is_none());
        let declared = archived.flat_map(|package| {
            self.declarations(package)
                .map(move |(_, digest)| (package, digest))
        });
        files.filter_map(digest).chain(declared)
    }
}
