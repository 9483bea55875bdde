//! What became of the maintainer scripts, which are not run.

use std::collections::BTreeSet;

use mikron_package::{PackageName, Platform};
use mikron_rootfs::{Outcome, Rootfs};

use crate::Error;
use crate::report::ScriptReport;
use crate::steps::closure::Closure;
use crate::steps::resolved::Role;

/// Every script of the packages of an image, with what of it somebody brought about, what means nothing in an image, and what
/// nobody did.
pub(crate) fn reports(closure: &Closure, rootfs: &Rootfs) -> Vec<ScriptReport> {
    let asked_for: BTreeSet<&str> = closure
        .packages
        .iter()
        .filter(|package| matches!(package.role, Role::Root { .. } | Role::Sliced))
        .map(|package| package.record.name.as_str())
        .collect();
    let report = |script: &mikron_rootfs::ScriptReport| {
        let mut report = ScriptReport {
            package: PackageName::new(&script.package).ok()?,
            script: script.script.clone(),
            root: asked_for.contains(script.package.as_str()),
            covered: Vec::new(),
            irrelevant: script.irrelevant.iter().cloned().collect(),
            uncovered: Vec::new(),
        };
        for effect in &script.effects {
            match &effect.outcome {
                Outcome::Covered { finalizer } => {
                    report
                        .covered
                        .push(format!("{} ({finalizer})", effect.command));
                }
                Outcome::Irrelevant { reason } => {
                    report
                        .irrelevant
                        .push(format!("{} ({reason})", effect.command));
                }
                Outcome::NotCovered { reason } => report.uncovered.push(match reason {
                    Some(reason) => format!("{} ({reason})", effect.command),
                    None => effect.command.clone(),
                }),
            }
        }
        Some(report)
    };
    rootfs.scripts.iter().filter_map(report).collect()
}

/// Nothing, where all that scripts would do is done or means nothing.
///
/// # Errors
/// When something is not, which a strict spec does not take.
pub(crate) fn covered(platform: Platform, scripts: &[ScriptReport]) -> Result<(), Error> {
    let open = scripts.iter().filter(|script| !script.uncovered.is_empty());
    let open: Vec<ScriptReport> = open.cloned().collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(Error::Scripts {
        platform,
        scripts: open,
    })
}
