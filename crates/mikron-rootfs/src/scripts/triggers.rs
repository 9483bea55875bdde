//! What the triggers of dpkg (deb-triggers(5)) come to in an image.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{RootPath, Script};

use super::{Effect, Outcome, ScriptReport, classify};
use crate::calls::scan;
use crate::finalize::{Context, Package};
use crate::tree::Tree;

/// The control member that declares them, and what a report calls it.
const TRIGGERS: &str = "triggers";

/// One line of a package's declaration.
struct Declared {
    line: u32,
    is_interest: bool,
    directive: String,
    name: String,
}

fn declared(package: &Package) -> Vec<Declared> {
    let members = package.metadata.extra.iter();
    let text = members.filter(|(name, _)| name == TRIGGERS);
    let text: String = text
        .map(|(_, text)| String::from_utf8_lossy(text))
        .collect();
    let lines = text.lines().zip(1..).filter_map(|(text, line)| {
        let mut words = text.split('#').next()?.split_whitespace();
        let (directive, name) = (words.next()?, words.next()?);
        Some(Declared {
            line,
            is_interest: directive.starts_with("interest"),
            directive: directive.to_owned(),
            name: name.to_owned(),
        })
    });
    lines.collect()
}

/// A report for each package that declares some. `scripts` are those of what the scripts did at configuration: what a package does when it is
/// triggered it mostly does then, too.
pub(super) fn reports(
    context: &Context<'_>,
    scripts: &[ScriptReport],
    tree: &Tree,
) -> Vec<ScriptReport> {
    let all: Vec<(&Package, Vec<Declared>)> = context
        .packages
        .iter()
        .map(|package| (package, declared(package)))
        .filter(|(_, declared)| !declared.is_empty())
        .collect();
    let named = |is_interest: bool| -> BTreeMap<&str, &str> {
        let of = all.iter().flat_map(|(package, declared)| {
            let some = declared
                .iter()
                .filter(move |one| one.is_interest == is_interest);
            some.map(move |one| (one.name.as_str(), package.name()))
        });
        of.collect()
    };
    let (interested, mut asking) = (named(true), BTreeSet::new());
    asking.extend(named(false).into_keys().map(str::to_owned));
    for (_, _, call) in crate::runs::calls(context.scripts()) {
        if call.name() == "dpkg-trigger" {
            asking.extend(call.arguments().iter().map(|word| word.text.clone()));
        }
    }
    let done = Done::of(scripts);
    let irrelevant = |reason: &str| Outcome::Irrelevant {
        reason: reason.to_owned(),
    };
    let report = |(package, declared): &(&Package, Vec<Declared>)| {
        let outcome = |one: &Declared| {
            if !one.is_interest {
                return match interested.get(one.name.as_str()) {
                    Some(other) => irrelevant(&format!("{other} does what it asks for")),
                    None => irrelevant("no package of the image takes it"),
                };
            }
            if !is_activated(one, tree, &asking) {
                return irrelevant("nothing in the image sets it off");
            }
            let postinst = package.metadata.scripts.iter();
            let postinst = postinst.filter(|script| script.name == "postinst");
            done.triggered(package.name(), postinst, context, tree)
        };
        let effects = declared.iter().map(|one| Effect {
            line: one.line,
            command: format!("{} {}", one.directive, one.name),
            outcome: outcome(one),
        });
        ScriptReport {
            package: package.name().to_owned(),
            script: TRIGGERS.to_owned(),
            irrelevant: None,
            effects: effects.collect(),
        }
    };
    all.iter().map(report).collect()
}

/// Whether files of the image, or another package, set a trigger off.
fn is_activated(one: &Declared, tree: &Tree, asking: &BTreeSet<String>) -> bool {
    if asking.contains(&one.name) {
        return true;
    }
    let Ok(path) = RootPath::new(one.name.as_bytes()) else {
        return false;
    };
    one.name.starts_with('/')
        && tree
            .follow(&path, false)
            .is_ok_and(|path| tree.below(&path).any(|node| !node.entry.is_directory()))
}

/// What became of commands that scripts called, by their names.
struct Done<'a> {
    covered: BTreeMap<&'a str, &'a str>,
    others: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Done<'a> {
    fn of(scripts: &'a [ScriptReport]) -> Self {
        let mut done = Self {
            covered: BTreeMap::new(),
            others: BTreeSet::new(),
        };
        for script in scripts {
            for effect in &script.effects {
                let command = effect.command.split(' ').next().unwrap_or_default();
                let name = command.rsplit('/').next().unwrap_or_default();
                if let Outcome::Covered { finalizer } = &effect.outcome {
                    done.covered.entry(name).or_insert(finalizer);
                } else {
                    done.others.insert((&script.package, name));
                }
            }
        }
        done
    }

    /// What a package's script comes to when it is told that it is triggered.
    fn triggered<'s>(
        &self,
        package: &str,
        scripts: impl Iterator<Item = &'s Script>,
        context: &Context<'_>,
        tree: &Tree,
    ) -> Outcome {
        let mut outcome = Outcome::Irrelevant {
            reason: "what it does has no place in an image".to_owned(),
        };
        for call in scripts.flat_map(|script| scan(&script.text)) {
            let name = call.name();
            let judged = classify::call(&call, tree, context.installation);
            if !call.runs_with("triggered")
                || call.unreachable
                || !matches!(judged, Some(Outcome::NotCovered { .. }))
            {
                continue;
            }
            if let Some(finalizer) = self.covered.get(name) {
                outcome = Outcome::Covered {
                    finalizer: (*finalizer).to_owned(),
                };
            } else if self.others.contains(&(package, name)) {
                outcome = Outcome::Irrelevant {
                    reason: format!("calls `{name}`, as at configuration"),
                };
            } else {
                let reason = Some(format!("line {} of postinst: {}", call.line, call.text()));
                return Outcome::NotCovered { reason };
            }
        }
        outcome
    }
}
