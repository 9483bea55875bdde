//! Runs the maintainer scripts of a new installation over the virtual tree, in the order of dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_package::{ArchiveMetadata, Requirement, Script, When};
use mikron_shell::run::{Invocation, Runner, Step};
use mikron_shell::{Call, Word};

use super::classify;
use super::machine::{Debconf, Dpkg, Machine, call_of};
use super::view::{PATH, View};
use crate::finalize::{Context, Work};
use crate::runs::{Fate, Record, Runs, ScriptRun};

/// The control member that holds the templates of debconf's questions.
const TEMPLATES: &str = "templates";

/// One package of the solution.
struct Installed<'a> {
    metadata: &'a Arc<ArchiveMetadata>,
    /// Whether something is taken of it.
    selected: bool,
    /// Whether what its scripts do is done in the image.
    real: bool,
}

/// Runs all scripts. What they make goes into the tree and the contents.
pub(crate) fn run_all(work: &mut Work<'_>) -> Runs {
    let context = work.context;
    let packages = in_order(context);
    let mut debconf = Debconf::default();
    let mut dpkg = Dpkg {
        packages: BTreeMap::new(),
        architecture: String::new(),
        order: context.packages.first().map(|package| package.order),
        diversions: BTreeMap::new(),
        overrides: BTreeMap::new(),
        package: String::new(),
    };
    for package in &packages {
        let record = &package.metadata.record;
        let version = record.version.as_str().to_owned();
        dpkg.packages.insert(record.name.to_string(), version);
        if record.arch != "all" && record.arch != "noarch" {
            dpkg.architecture.clone_from(&record.arch);
        }
        let templates = package.metadata.extra.iter();
        for (_, text) in templates.filter(|(name, _)| name == TEMPLATES) {
            debconf.add(text);
        }
    }
    let view = View::new(work);
    let mut machine = Machine::new(view, debconf, dpkg);
    let mut scripts = Vec::new();
    for package in packages {
        let name = package.metadata.record.name.to_string();
        machine.view.real = package.real;
        machine.dpkg.package.clone_from(&name);
        for script in installing(&package.metadata.scripts) {
            let irrelevant = classify::whole_script(script);
            let asks = script.when == When::Questions;
            machine.silent = asks;
            if irrelevant.is_none() || asks {
                let mut extra = package.metadata.extra.iter();
                let templates = extra.find(|(name, _)| name == TEMPLATES);
                let templates = templates.map(|(_, text)| text.as_slice());
                run_one(&mut machine, &name, script, templates);
            }
            let records = std::mem::take(&mut machine.records);
            if package.selected || (package.real && !records.is_empty()) {
                scripts.push(ScriptRun {
                    package: name.clone(),
                    script: script.name.clone(),
                    irrelevant,
                    records,
                });
            }
        }
    }
    scripts.sort_by(|a, b| a.package.cmp(&b.package));
    Runs {
        scripts,
        accounts: machine.wishes,
        mentioned: machine.mentioned,
    }
}

/// The scripts in the order in which an installation would run them: questions come first.
fn installing(scripts: &[Script]) -> Vec<&Script> {
    let rank = |script: &&Script| match script.when {
        When::Questions => 0,
        When::Before | When::BeforeUpgrade | When::BeforeRemoval => 1,
        When::After | When::AfterUpgrade | When::AfterRemoval | When::Verification => 2,
    };
    let mut scripts: Vec<&Script> = scripts.iter().collect();
    scripts.sort_by_key(rank);
    scripts
}

fn run_one(
    machine: &mut Machine<'_, '_>,
    package: &str,
    script: &Script,
    templates: Option<&[u8]>,
) {
    if let Some(interpreter) = classify::other_interpreter(&script.text) {
        let word = Word {
            text: script.name.clone(),
            literal: true,
        };
        let step = Step {
            line: 1,
            words: &[word],
            writes: &[],
            directory: None,
            umask: 0o022,
            input: &mut mikron_shell::run::Input::empty(),
            assignments: &[],
        };
        let call: Call = call_of(&step);
        let fate = Fate::Open(format!("it is written for {interpreter}"));
        machine.records.push(Record { call, fate });
        return;
    }
    let before = script.when == When::Before;
    machine.view.hidden = before.then(|| package.to_owned());
    let path = format!("/var/lib/dpkg/info/{package}.{}", script.name);
    let architecture = machine.dpkg.architecture.clone();
    let environment = [
        // Where dpkg unpacks to: the root itself (dpkg(1), DPKG_ROOT).
        ("DPKG_ROOT", ""),
        ("DPKG_MAINTSCRIPT_PACKAGE", package),
        ("DPKG_MAINTSCRIPT_NAME", script.name.as_str()),
        ("DPKG_MAINTSCRIPT_ARCH", architecture.as_str()),
        ("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1"),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
        ("HOME", "/root"),
        ("PATH", PATH),
    ];
    let invocation = Invocation {
        name: &path,
        arguments: &script.arguments,
        environment: &environment,
        ..Invocation::default()
    };
    let mut runner = Runner::new(machine, &invocation);
    let ended = runner.script(&script.text);
    if runner.exhausted() {
        let reason = "it takes too long to be followed to its end";
        machine.gives_up(&script.name, templates, reason);
    } else if let Some(status @ 1..) = ended {
        // Something was answered otherwise than by an installation, which succeeds.
        let reason = format!("it ends with status {status} here, and would not where it is run");
        machine.gives_up(&script.name, None, &reason);
    }
    machine.settle();
    machine.clean();
    machine.view.hidden = None;
}

/// The packages of the solution, what a package depends on before the package itself.
fn in_order<'a>(context: &Context<'a>) -> Vec<Installed<'a>> {
    let selected = context
        .packages
        .iter()
        .map(|package| (&package.metadata, true));
    let further = context
        .further
        .iter()
        .map(|package| (&package.metadata, false));
    let all: Vec<(&Arc<ArchiveMetadata>, bool)> = selected.chain(further).collect();
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, (metadata, _)) in all.iter().enumerate() {
        for provided in &metadata.record.provides {
            by_name.entry(provided.name.as_str()).or_insert(at);
        }
    }
    for (at, (metadata, _)) in all.iter().enumerate() {
        by_name.insert(metadata.record.name.as_str(), at);
    }
    let needs = |at: usize| -> Vec<usize> {
        let record = &all[at].0.record;
        let requirements = record.requirements().flat_map(Requirement::relations);
        let found = requirements.filter_map(|relation| by_name.get(relation.name.as_str()));
        found.copied().collect()
    };
    // A package that nothing is taken of does its part where something that is taken of the same source needs it.
    let mut siblings = BTreeSet::new();
    for (at, (metadata, _)) in all
        .iter()
        .enumerate()
        .filter(|(_, (_, selected))| *selected)
    {
        let same = |other: &usize| all[*other].0.record.source == metadata.record.source;
        siblings.extend(needs(at).into_iter().filter(same));
    }
    let mut order = Vec::new();
    let mut seen = vec![false; all.len()];
    for start in 0..all.len() {
        // Each step of the way: the package, and what it needs that was not looked at yet.
        let mut way: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut next = Some(start).filter(|start| !seen[*start]);
        loop {
            if let Some(at) = next.take() {
                seen[at] = true;
                let mut open = needs(at);
                open.reverse();
                way.push((at, open));
            }
            let Some((at, open)) = way.last_mut() else {
                break;
            };
            match open.pop() {
                Some(need) if !seen[need] => next = Some(need),
                Some(_) => {}
                None => {
                    order.push(*at);
                    way.pop();
                }
            }
        }
    }
    let installed = |at: usize| Installed {
        metadata: all[at].0,
        selected: all[at].1,
        real: all[at].1 || siblings.contains(&at),
    };
    order.into_iter().map(installed).collect()
}
