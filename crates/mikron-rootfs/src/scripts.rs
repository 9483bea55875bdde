//! Promise 7: every maintainer script that was not run, and what became of its effects.

mod calls;
mod classify;

use std::collections::BTreeMap;

use mikron_package::{ArchiveMetadata, Script};
use serde::Serialize;

use crate::finalize::{CallSite, Package, Report};
use crate::tree::Tree;
use mikron_shell::Call;

pub use calls::scan;

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
        let open = |effect: &&Effect| effect.outcome == Outcome::NotCovered;
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
    NotCovered,
}

/// A maintainer script with its calls.
#[derive(Clone, Debug)]
pub(crate) struct ScannedScript {
    pub(crate) package: String,
    pub(crate) script: String,
    /// Why none of its calls matters, where that is so.
    pub(crate) irrelevant: Option<&'static str>,
    pub(crate) calls: Vec<Call>,
}

impl ScannedScript {
    /// Reads the scripts of one package.
    pub(crate) fn of(metadata: &ArchiveMetadata) -> Vec<Self> {
        let read = |script: &Script| {
            let irrelevant = classify::whole_script(&script.name, &script.text);
            Self {
                package: metadata.record.name.to_string(),
                script: script.name.clone(),
                irrelevant,
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
        // dpkg says what is done, rpm how many versions there will be, apk which version it is.
        let argument = match self.script.as_bytes() {
            [b'%', ..] => "1",
            [b'.', ..] => "1.0-r0",
            [b'p', b'r', b'e', ..] => "install",
            _ => "configure",
        };
        self.calls
            .iter()
            .enumerate()
            .filter(move |(_, call)| call.runs_with(argument))
            .map(|(call_number, call)| {
                let site = CallSite {
                    package: self.package.clone(),
                    script: self.script.clone(),
                    call: call_number,
                };
                (site, call)
            })
    }
}

/// Reads the scripts of all packages.
pub(crate) fn scan_all(packages: &[Package]) -> Vec<ScannedScript> {
    let of_package = |package: &Package| ScannedScript::of(&package.metadata);
    packages.iter().flat_map(of_package).collect()
}

/// Joins the scripts with what the finalizers say they covered.
pub(crate) fn report(
    scripts: &[ScannedScript],
    reports: &[Report],
    tree: &Tree,
) -> Vec<ScriptReport> {
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
    let mut all = Vec::new();
    for script in scripts {
        let effects = script.installing().filter_map(|(site, call)| {
            let outcome = if let Some(finalizer) = covered.get(&site) {
                Outcome::Covered {
                    finalizer: (*finalizer).to_owned(),
                }
            } else if let Some(reason) = irrelevant.get(&site) {
                Outcome::Irrelevant {
                    reason: (*reason).to_owned(),
                }
            } else {
                classify::call(call, tree)?
            };
            Some(Effect {
                line: call.line,
                command: call.text(),
                outcome,
            })
        });
        all.push(ScriptReport {
            package: script.package.clone(),
            script: script.script.clone(),
            irrelevant: script.irrelevant.map(str::to_owned),
            effects: effects.collect(),
        });
    }
    all
}
