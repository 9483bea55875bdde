//! What came of running maintainer scripts, call by call.

use std::collections::BTreeSet;

use mikron_shell::Call;
use serde::Serialize;

use crate::accounts::Accounts;

/// One call in one maintainer script.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CallSite {
    /// The package.
    pub package: String,
    /// The script, `postinst` say.
    pub script: String,
    /// The number of the call in the script, from 0.
    pub call: usize,
}

pub(crate) fn site(package: &str, script: &str, call: usize) -> CallSite {
    CallSite {
        package: package.to_owned(),
        script: script.to_owned(),
        call,
    }
}

/// What came of running the scripts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    /// The scripts, in order of package.
    pub(crate) scripts: Vec<ScriptRun>,
    /// The accounts that were asked for, and whether by a package that counts.
    pub(crate) accounts: Vec<(bool, Accounts)>,
    /// Names of accounts that files were given to.
    pub(crate) mentioned: BTreeSet<String>,
}

/// One script that was run, or has no place in an image.
#[derive(Clone, Debug)]
pub(crate) struct ScriptRun {
    pub(crate) package: String,
    pub(crate) script: String,
    /// Why none of its calls matters, where that is so.
    pub(crate) irrelevant: Option<&'static str>,
    pub(crate) records: Vec<Record>,
}

/// A call with a lasting effect, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) call: Call,
    pub(crate) fate: Fate,
}

/// What became of a call when its script was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its effect is in the image.
    Done,
    /// It has no effect in this image.
    Nothing(String),
    /// It cannot be carried out.
    Open(String),
    /// It fails, as there is no account of this name so far.
    NoAccount(String),
    /// It is not known whether it would run.
    Undecided(String),
    /// It is for a finalizer to say.
    Elsewhere,
}

/// The calls of scripts that run when their packages are installed anew.
pub(crate) fn calls(scripts: &[ScriptRun]) -> impl Iterator<Item = (&ScriptRun, CallSite, &Call)> {
    let of = |script| {
        let calls = ScriptRun::installing(script);
        calls.map(move |(site, call)| (script, site, call))
    };
    scripts.iter().flat_map(of)
}

impl ScriptRun {
    /// The calls that run, with their sites.
    pub(crate) fn installing(&self) -> impl Iterator<Item = (CallSite, &Call)> {
        let runs = |record: &Record| !matches!(record.fate, Fate::Undecided(_));
        let records = self.records.iter().enumerate();
        records
            .filter(move |(_, record)| runs(record))
            .map(|(number, record)| (site(&self.package, &self.script, number), &record.call))
    }
}
