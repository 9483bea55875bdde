//! `mikron lock`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mikron::Update;
use mikron::package::{Limits, PackageName};
use mikron::spec::Lock;
use serde::Serialize;

use super::{builder, print, print_json};
use crate::arguments::Lock as Arguments;
use crate::failure::Failure;
use crate::text::{Style, count, printable};

/// What `mikron lock --json` prints.
#[derive(Serialize)]
struct Report {
    /// The lock file.
    file: String,
    /// The digest of what it pins.
    digest: String,
    /// Number of packages by platform.
    packages: std::collections::BTreeMap<String, usize>,
    /// What is otherwise than in the lock that was there before, one line each.
    changes: Vec<String>,
    /// Whether there was none before.
    #[serde(skip)]
    is_first: bool,
    /// The locks of the spec's variants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variants: Vec<Report>,
}

pub(crate) fn run(arguments: &Arguments, quiet: bool, style: Style) -> Result<(), Failure> {
    if arguments.common.spec.as_os_str() == "-" {
        return Err(Failure::Command {
            message: "a spec from standard input has no place for a lock".to_owned(),
            help: "write the spec to a file: its lock lies beside it".to_owned(),
        });
    }
    let builder = builder(&arguments.common, quiet, style)?.update(update(arguments)?);
    let mut reports = Vec::new();
    for builder in builder.all()? {
        reports.push(write(&builder)?);
    }
    if arguments.common.shared.json {
        let mut reports = reports.into_iter();
        let first = reports.next().map(|mut first| {
            first.variants = reports.collect();
            first
        });
        return print_json(&first);
    }
    print(&reports.iter().map(Report::text).collect::<String>())
}

/// Writes the lock of one image.
fn write(builder: &mikron::Builder) -> Result<Report, Failure> {
    let before = before(builder);
    let (file, lock) = builder
        .write_lock()
        .map_err(|error| Failure::of(error, builder))?;
    let changes = before.as_ref().map(|before| {
        let changes = before.diff(&lock).to_string();
        changes.lines().map(str::to_owned).collect()
    });
    let packages = lock
        .platforms
        .iter()
        .map(|(p, locked)| (p.to_string(), locked.packages.len()));
    Ok(Report {
        file: file.display().to_string(),
        digest: lock.digest().to_string(),
        packages: packages.collect(),
        is_first: before.is_none(),
        changes: changes.unwrap_or_default(),
        variants: Vec::new(),
    })
}

impl Report {
    fn text(&self) -> String {
        let mut text = format!("{} {}\n", printable(&self.file), self.digest);
        for (platform, number) in &self.packages {
            let _ = writeln!(text, "  {platform}: {}", count(*number, "package"));
        }
        for change in &self.changes {
            let _ = writeln!(text, "{}", printable(change));
        }
        if !self.is_first && self.changes.is_empty() {
            text.push_str("nothing has changed\n");
        }
        text
    }
}

/// What `--update` asks for.
fn update(arguments: &Arguments) -> Result<Update, Failure> {
    let Some(names) = &arguments.update else {
        return Ok(Update::Nothing);
    };
    // What clap gives where the option stands alone.
    if names.as_slice() == ["*"] {
        return Ok(Update::Everything);
    }
    let names = names.iter().map(|name| PackageName::new(name));
    let names: Result<BTreeSet<PackageName>, _> = names.collect();
    let names = names.map_err(|error| Failure::Command {
        message: format!("--update: {error}"),
        help: "write the names of packages with commas between them".to_owned(),
    })?;
    Ok(Update::Packages(names))
}

/// The lock that is replaced, where there is one that can be read.
fn before(builder: &mikron::Builder) -> Option<Lock> {
    let file = builder.lock_file();
    let limits = Limits::default();
    let small = std::fs::metadata(&file).is_ok_and(|m| m.is_file() && m.len() <= 64 << 20);
    let text = small
        .then(|| std::fs::read_to_string(&file).ok())
        .flatten()?;
    Lock::parse(&file.display().to_string(), &text, &limits).ok()
}
