//! How small the images of the battery are: each beside its whole dependency closure as Debian ships it.
//!
//! `cargo run --release -p mikron-live --example battery [-- NAME…]` prints a table in Markdown. Images are packed in zstd -19 as
//! their specs say, closures by package in zstd -19, with documentation and without. Takes minutes the first time.
//!
//! `cargo run --release -p mikron-live --example battery -- second [quick] [NAME…]` builds the services of the second list, has each
//! work in its image and in a full installation, and prints how both end. It ends with 1 where they differ. Needs root. `quick`
//! packs in `zstd:1` whatever the specs say.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

#[path = "../../tests/common/mod.rs"]
mod common;
mod second;

use std::path::PathBuf;
use std::process::ExitCode;

use mikron::Output;
use mikron::spec::Role;
use mikron_live::battery::{PackageSizes, SERVICES, Service};
use tempfile::TempDir;

/// What is printed of one service.
struct Row {
    name: &'static str,
    packages: usize,
    image: u64,
    whole: u64,
    without_documentation: u64,
}

fn main() -> ExitCode {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.first().is_some_and(|word| word == "second") {
        wanted.remove(0);
        let quick = wanted.first().is_some_and(|word| word == "quick");
        return second::run(&wanted[usize::from(quick)..], quick);
    }
    let rows: Vec<Row> = common::beside::chosen(SERVICES, &wanted)
        .filter_map(row)
        .collect();
    print(&rows);
    ExitCode::SUCCESS
}

/// Builds and measures one service. `None` where that fails, which is said on stderr.
fn row(service: &Service) -> Option<Row> {
    let name = service.name;
    let dir = TempDir::new().unwrap();
    let platform = "linux/amd64".parse().unwrap();
    let builder = common::builder(service.spec, dir.path())?.platform(platform);
    let layout = Output::layout(dir.path().join("layout"), "latest");
    let lock = builder.lock();
    let report = builder.output(layout).build();
    let (report, lock) = match (report, lock) {
        (Ok(report), Ok(lock)) => (report, lock),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("{name}: {error}");
            return None;
        }
    };
    // Essential packages that give single files are no part of the dependency closure.
    let closure = lock.platforms[&platform].packages.iter();
    let closure = closure.filter(|package| package.role != Role::Provider);
    let archives: Vec<(String, PathBuf)> = closure
        .map(|package| {
            let hex = package.digest.hex();
            let path = common::archive(&hex);
            (hex, path)
        })
        .collect();
    let mut sizes = PackageSizes::open(&common::cache().join("battery-sizes"));
    sizes.measure(&archives);
    let of_all = archives.iter().filter_map(|(digest, _)| sizes.get(digest));
    let (whole, without_documentation) = of_all.fold((0, 0), |(whole, without), size| {
        (whole + size.whole, without + size.without_documentation)
    });
    eprintln!("{name} is measured");
    Some(Row {
        name,
        packages: archives.len(),
        image: report.size(),
        whole,
        without_documentation,
    })
}

/// Parts in a thousand, as a percentage with one digit.
fn percent(part: u64, of: u64) -> String {
    let thousandths = part * 1000 / of.max(1);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

fn print(rows: &[Row]) {
    println!(
        "| service | image | packages | closure | image of it | without documentation | image of it |"
    );
    println!("|---|---|---|---|---|---|---|");
    for row in rows {
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            row.image,
            row.packages,
            row.whole,
            percent(row.image, row.whole),
            row.without_documentation,
            percent(row.image, row.without_documentation)
        );
    }
    let median = |of: &dyn Fn(&Row) -> u64| {
        let mut all: Vec<u64> = rows
            .iter()
            .map(|row| row.image * 1000 / of(row).max(1))
            .collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    println!();
    println!(
        "Median of {}: {} of the closure, {} of the closure without documentation.",
        rows.len(),
        percent(median(&|row| row.whole), 1000),
        percent(median(&|row| row.without_documentation), 1000)
    );
}
