//! Whether the bases that come with the product are what they say: each in its four flavours, on both suites and two architectures.
//!
//! ```text
//! cargo run --release -p mikron-live --example bases -- [BASE …]
//! ```
//!
//! Every base is built twice, the second time by a builder that remembers no build, and must come to the same bytes; the layout must pass the
//! validator; the flavours of debug must have a shell and the others none, but for that of postgresql, whose initdb
//! starts the server by one. A line tells what each image
//! weighs: packages, regular files, files that can be executed, and files that change who runs them.

use std::collections::BTreeMap;
use std::process::ExitCode;

use mikron::matrix::{HeldFile, Holdings};
use mikron::oci::validate;
use mikron::package::{EntryKind, Limits, RootPath};
use mikron::source::Environment;
use mikron::{BuildReport, Output, layout_inventory};
use tempfile::TempDir;

#[path = "../tests/common/mod.rs"]
mod common;

const SUITES: [&str; 2] = ["bookworm", "trixie"];

fn main() -> ExitCode {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let bases = mikron::spec::builtins().filter(|name| *name != "flavours");
    let bases = bases.filter(|name| named.is_empty() || named.iter().any(|one| one == name));
    let mut faults = Vec::new();
    println!(
        "| base | suite | flavour | platform | compressed | packages | files | executable | setuid |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for base in bases {
        for suite in SUITES {
            // It is in trixie alone.
            if (base, suite) == ("valkey", "bookworm") {
                continue;
            }
            if let Err(fault) = all_flavours(base, suite) {
                eprintln!("{base} {suite}: {fault}");
                faults.push(format!("{base} {suite}"));
            }
        }
    }
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nnot what they say: {}", faults.join(", "));
    ExitCode::FAILURE
}

fn all_flavours(base: &str, suite: &str) -> Result<(), String> {
    let version = match (base, suite) {
        ("postgresql", "trixie") => ", VERSION: 17",
        _ => "",
    };
    let spec = common::quick(&format!(
        "mikron: 1\nextends: [builtin/{base}]\nparams: {{ SUITE: {suite}{version} }}\nplatforms: [linux/amd64, linux/arm64]\n"
    ));
    let dir = TempDir::new().map_err(|error| error.to_string())?;
    let layout = dir.path().join("layout");
    let builder = common::builder(&spec, dir.path()).ok_or("there is no mirror")?;
    let output = |name: &str| Output::layout(dir.path().join(name), "latest");
    let built = builder.clone().output(output("layout")).build_all();
    let built = built.map_err(|error| error.to_string())?;
    // Who has no program is nobody who can be told from others, and no build of it is remembered.
    let forgetful = Environment::empty();
    let again = builder.environment(forgetful).output(output("again"));
    let again = again.build_all().map_err(|error| error.to_string())?;
    let digests = |reports: &[BuildReport]| reports.iter().map(|r| r.digest).collect::<Vec<_>>();
    if digests(&built) != digests(&again) {
        return Err("the second build comes to other bytes".to_owned());
    }
    validate(&layout, &Limits::default()).map_err(|faults| format!("{faults:?}"))?;
    for report in &built {
        let flavour = report.variant.as_deref().unwrap_or("latest");
        let held = layout_inventory(&layout, flavour).map_err(|error| error.to_string())?;
        for of_platform in &report.platforms {
            let Holdings { packages, files } = &held.platforms[&of_platform.platform];
            let files = files.as_ref().ok_or("no files are known")?;
            let shell = has_shell(files);
            if shell != (flavour.starts_with("debug") || base == "postgresql") {
                return Err(format!("{flavour}: has a shell: {shell}"));
            }
            let count = |of: &dyn Fn(&HeldFile) -> bool| files.values().filter(|f| of(f)).count();
            let is_file = |file: &HeldFile| matches!(file.kind, EntryKind::File { .. });
            println!(
                "| {base} | {suite} | {flavour} | {} | {:.2} MB | {} | {} | {} | {} |",
                of_platform.platform,
                megabytes(of_platform.size),
                packages.as_ref().map_or(0, BTreeMap::len),
                count(&is_file),
                count(&|file| is_file(file) && file.mode & 0o111 != 0),
                count(&|file| is_file(file) && file.mode & 0o6000 != 0),
            );
        }
    }
    Ok(())
}

/// Whether a shell lies where shells are looked for.
fn has_shell(files: &BTreeMap<RootPath, HeldFile>) -> bool {
    let names = [
        "/bin/sh",
        "/usr/bin/sh",
        "/usr/bin/dash",
        "/usr/bin/bash",
        "/busybox/sh",
    ];
    let mut paths = names
        .iter()
        .filter_map(|name| RootPath::new(name.as_bytes()).ok());
    paths.any(|path| files.contains_key(&path))
}

#[allow(clippy::cast_precision_loss)] // sizes of images
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
