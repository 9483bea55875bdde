//! Compares what the probes of the battery use in a full installation with what the images have.
//!
//! `cargo run --release -p mikron-live --example trace_audit -- [second] [NAME…]` installs each service's packages over a minimal Debian,
//! has strace watch the probe do its work there, and prints every path that was opened or executed and that the image lacks,
//! with a verdict. It ends with 1 where a path has none. `second` is the battery's second list. Needs root.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

#[path = "../../tests/common/mod.rs"]
mod common;
mod verdicts;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::beside::{self, Beside};
use mikron_live::battery::{SECOND, SERVICES, Service, Stage};
use mikron_live::installed::Base;
use mikron_live::trace;
use tempfile::TempDir;

fn main() -> ExitCode {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut list = SERVICES;
    if wanted.first().is_some_and(|word| word == "second") {
        wanted.remove(0);
        list = SECOND;
    }
    let Some(base) = common::installed::base() else {
        return ExitCode::from(2);
    };
    let mut unexplained = 0;
    println!("| service | used | lacking | of them, by verdict |");
    println!("|---|---|---|---|");
    for service in beside::chosen(list, &wanted) {
        match audit(service, &base) {
            Some(audit) => unexplained += report(service.name, &audit),
            None => println!("| {} | | | not audited |", service.name),
        }
    }
    ExitCode::from(u8::from(unexplained > 0))
}

/// What the work of one service used in the full installation.
struct Audit {
    used: usize,
    lacking: Vec<String>,
}

/// Prints a row, and says how many paths have no verdict; those go to stderr.
fn report(name: &str, audit: &Audit) -> usize {
    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unexplained = 0;
    for path in &audit.lacking {
        if let Some(verdict) = verdicts::of(name, path) {
            *verdicts.entry(verdict.name).or_default() += 1;
        } else {
            eprintln!("{name}: {path} is used and lacks in the image");
            unexplained += 1;
        }
    }
    let list = verdicts
        .iter()
        .map(|(verdict, count)| format!("{count} {verdict}"));
    let mut list: Vec<String> = list.collect();
    if unexplained > 0 {
        list.push(format!("**{unexplained} unexplained**"));
    }
    println!(
        "| {name} | {} | {} | {} |",
        audit.used,
        audit.lacking.len(),
        list.join(", ")
    );
    unexplained
}

/// `None` where the image cannot be built, or the work fails in the full installation; stderr says which.
fn audit(service: &Service, base: &Base) -> Option<Audit> {
    let built = catch_unwind(|| common::extract_spec(&common::quick(service.spec)));
    let image = built.ok().flatten()?;
    let mut beside = Beside::of(service, &image, base)?;
    let full = beside.installed.root();
    let traces = TempDir::new().unwrap();
    beside.bundle.trace_into(traces.path());
    let stage = Stage::new(beside.bundle);
    let done = catch_unwind(AssertUnwindSafe(|| (service.probe)(&stage)));
    if done.is_err() {
        eprintln!("{}: the full installation fails at it", service.name);
    }
    let used = trace::used(traces.path());
    let image_root = image.rootfs();
    // What the work itself made, what the test brought and what the kernel shows is of no interest.
    let of_packages: Vec<String> = used
        .into_iter()
        .filter(|path| exists(&full, path))
        .collect();
    let lacking = of_packages.iter().filter(|path| !exists(&image_root, path));
    let lacking: Vec<String> = lacking.cloned().collect();
    Some(Audit {
        used: of_packages.len(),
        lacking,
    })
}

/// Whether a path exists in a root filesystem; links are followed inside of it, and what the kernel and engines bring does not count.
fn exists(root: &Path, path: &str) -> bool {
    let brought = [
        "/proc",
        "/dev",
        "/sys",
        "/tmp",
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
    ];
    if path == "/" || brought.iter().any(|dir| path.starts_with(dir)) {
        return false;
    }
    resolve(root, path, 0).is_some()
}

fn resolve(root: &Path, path: &str, depth: usize) -> Option<PathBuf> {
    if depth > 40 {
        return None;
    }
    let mut at = root.to_owned();
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    for (index, word) in words.iter().enumerate() {
        at = match *word {
            "." => at,
            ".." if at == root => at,
            ".." => at.parent()?.to_owned(),
            word => at.join(word),
        };
        let metadata = fs::symlink_metadata(&at).ok()?;
        if metadata.is_symlink() {
            let target = fs::read_link(&at).ok()?.display().to_string();
            let rest = words[index + 1..].join("/");
            let parent = at.parent()?.strip_prefix(root).ok()?.display().to_string();
            let next = if target.starts_with('/') {
                format!("{target}/{rest}")
            } else {
                format!("{parent}/{target}/{rest}")
            };
            return resolve(root, &next, depth + 1);
        }
    }
    Some(at)
}
