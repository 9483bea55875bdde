//! Promise 7: every maintainer script that was not run, and what became of its effects.

mod classify;
mod diversions;
mod machine;
mod run;
mod sources;
mod triggers;
mod view;

use std::collections::BTreeMap;

use mikron_package::{ArchiveMetadata, Script};
use serde::Serialize;

use crate::calls::scan;
use crate::finalize::{Context, Report};
use crate::runs::{CallSite, Fate, Record, ScriptRun, site};
use crate::tree::Tree;
use mikron_shell::Call;

pub use diversions::{Diversion, diversions};
pub(crate) use run::run_all;
pub use sources::Sources;

/// One maintainer script and what became of its effects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScriptReport {
    /// The package.
    pub package: String,
    /// The script: `postinst`.
    pub script: String,
    /// Why the script as a whole does not matter in an image, where that is so; then no effects are listed.
    pub irrelevant: Option<String>,
    /// Its calls that have lasting effects, in order.
    pub effects: Vec<Effect>,
}

impl ScriptReport {
    /// The effects that nothing covers.
    pub fn uncovered(&self) -> impl Iterator<Item = &Effect> {
        let open = |effect: &&Effect| matches!(effect.outcome, Outcome::NotCovered { .. });
        self.effects.iter().filter(open)
    }
}

/// One call with a lasting effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Line of the script, from 1.
    pub line: u32,
    /// The command, as one line of text.
    pub command: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A finalizer produced it.
    Covered {
        /// The finalizer.
        finalizer: String,
    },
    /// It has no place in an image.
    Irrelevant {
        /// Why not.
        reason: String,
    },
    /// Nothing produced it.
    NotCovered {
        /// Why not, where more is known than that nothing here can.
        reason: Option<String>,
    },
}

/// A maintainer script with the calls that stand in it, before anything is known of files: for those who select them.
#[derive(Clone, Debug)]
pub(crate) struct ScannedScript {
    pub(crate) package: String,
    pub(crate) script: String,
    /// What it is told first when its package is installed anew.
    pub(crate) argument: String,
    pub(crate) calls: Vec<Call>,
}

impl ScannedScript {
    /// Reads the scripts of one package.
    pub(crate) fn of(metadata: &ArchiveMetadata) -> Vec<Self> {
        let read = |script: &Script| {
            let irrelevant = classify::whole_script(script);
            Self {
                package: metadata.record.name.to_string(),
                script: script.name.clone(),
                argument: script.arguments.first().cloned().unwrap_or_default(),
                calls: if irrelevant.is_some() {
                    Vec::new()
                } else {
                    scan(&script.text)
                },
            }
        };
        metadata.scripts.iter().map(read).collect()
    }

    /// The calls that run when the package is installed anew, with their sites.
    pub(crate) fn installing(&self) -> impl Iterator<Item = (CallSite, &Call)> {
        self.calls
            .iter()
            .enumerate()
            .filter(|(_, call)| call.runs_with(&self.argument))
            .map(|(number, call)| (site(&self.package, &self.script, number), call))
    }
}

/// Joins the scripts with what the finalizers say they covered.
pub(crate) fn report(context: &Context<'_>, reports: &[Report], tree: &Tree) -> Vec<ScriptReport> {
    let mut covered: BTreeMap<&CallSite, &str> = BTreeMap::new();
    let mut irrelevant: BTreeMap<&CallSite, &str> = BTreeMap::new();
    for report in reports {
        for site in &report.covered {
            covered.entry(site).or_insert(&report.finalizer);
        }
        for (site, reason) in &report.irrelevant {
            irrelevant.entry(site).or_insert(reason);
        }
    }
    let outcome = |site: &CallSite, record: &Record| {
        if let Some(finalizer) = covered.get(site) {
            return Some(Outcome::Covered {
                finalizer: (*finalizer).to_owned(),
            });
        }
        if let Some(reason) = irrelevant.get(site) {
            return Some(Outcome::Irrelevant {
                reason: (*reason).to_owned(),
            });
        }
        Some(match &record.fate {
            Fate::Done => Outcome::Covered {
                finalizer: "scripts".to_owned(),
            },
            Fate::Nothing(reason) => Outcome::Irrelevant {
                reason: reason.clone(),
            },
            Fate::Open(reason) | Fate::Undecided(reason) => Outcome::NotCovered {
                reason: Some(reason.clone()),
            },
            Fate::NoAccount(name) => Outcome::NotCovered {
                reason: Some(format!("there is no `{name}`")),
            },
            Fate::Elsewhere => return classify::call(&record.call, tree, context.installation),
        })
    };
    let of_script = |script: &ScriptRun| {
        let effect = |(number, record): (usize, &Record)| {
            let site = site(&script.package, &script.script, number);
            let call = &record.call;
            let kept = || classify::changes_what_the_spec_brings(call, tree, context.installation);
            let outcome = match outcome(&site, record)? {
                Outcome::NotCovered { .. } if kept() => Outcome::Irrelevant {
                    reason: "the spec brings what it changes".to_owned(),
                },
                outcome => outcome,
            };
            Some(Effect {
                line: call.line,
                command: call.text(),
                outcome,
            })
        };
        ScriptReport {
            package: script.package.clone(),
            script: script.script.clone(),
            irrelevant: script.irrelevant.map(str::to_owned),
            effects: script
                .records
                .iter()
                .enumerate()
                .filter_map(effect)
                .collect(),
        }
    };
    let mut scripts: Vec<ScriptReport> = context.scripts().iter().map(of_script).collect();
    scripts.extend(triggers::reports(context, &scripts, tree));
    scripts.sort_by(|a, b| a.package.cmp(&b.package));
    scripts
}
