//! Debian's own tests (`debian/tests`, autopkgtest) of source packages that nobody chose, in minimal images.
//!
//! ```text
//! cargo run --release -p mikron-live --example autopkgtests -- run [--sample N] [--only SOURCE]…
//! cargo run --release -p mikron-live --example autopkgtests -- draw SOURCES PACKAGES > sources.txt
//! ```
//!
//! The list in `sources.txt` was drawn from the archive by a fixed seed, among the sources whose tests need nothing but their own
//! packages and ask nothing of the machine. For each test an image is built of the packages that it needs, minimal, with the
//! test's script as its entrypoint; the script is run in it under crun in the tree of its source, as root and with no network but
//! loopback. Where it succeeds no installation can do better; else the packages are installed by apt over a minimal Debian, and
//! the exit statuses are compared. Tests that fail in both, are skipped, or ask for more than that are counted with their reason.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

#[path = "../../tests/common/mod.rs"]
mod common;
mod draw;
mod source;
mod test;

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

use common::thousand::Found;
use tempfile::TempDir;

const SOURCES: &str = include_str!("sources.txt");

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.first().map(String::as_str) {
        Some("draw") if args.len() == 3 => {
            draw::print(&args[1], &args[2]);
            Some(())
        }
        Some("run") => run(&args[1..]),
        _ => {
            eprintln!(
                "usage: autopkgtests run [--sample N] [--only SOURCE]… | draw SOURCES PACKAGES"
            );
            return ExitCode::from(2);
        }
    };
    done.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// Runs the tests of the sources that the arguments ask for, and prints a line each and the figures.
fn run(args: &[String]) -> Option<()> {
    let (mut names, mut sample) = (Vec::new(), usize::MAX);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--sample" => sample = words.next().and_then(|n| n.parse().ok()).expect("a number"),
            "--only" => names.extend(words.next()),
            other => panic!("no argument: {other}"),
        }
    }
    let lines = SOURCES.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.map(|line| line.split_whitespace().map(str::to_owned).collect());
    let wanted = |line: &Vec<String>| names.is_empty() || names.contains(&&line[0]);
    let lines: Vec<Vec<String>> = lines.filter(wanted).take(sample).collect();
    let list = source::sources(&common::cache().join("sources"))?;
    let base = common::installed::base()?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &lines {
        let (name, own) = (&line[0], &line[1..]);
        let dir = TempDir::new().unwrap();
        let tree = dir.path().join("tree");
        let tests = match source::unpack(&list, name, &tree) {
            Ok(()) => source::tests(&tree, own),
            Err(why) => vec![Err(why)],
        };
        for test in tests {
            let start = Instant::now();
            let (called, found) = match test {
                Err(why) => (String::new(), Found::Nothing(why)),
                Ok(test) => {
                    // One that panics is no reason to end an hour's work.
                    let found = catch_unwind(|| test::compare(&tree, &test, &base));
                    let found = found.unwrap_or_else(|_| Some(Found::Nothing("a panic".into())));
                    (test.name, found?)
                }
            };
            let (kind, line) = match found {
                Found::Equal(bytes) => ("equal", format!("equal, {bytes} bytes")),
                Found::Worse { lacking, silent } => {
                    let kind = if silent { "silent" } else { "worse, listed" };
                    (kind, format!("{kind}: {}", lacking.join(" || ")))
                }
                Found::NotBuilt(why) => (
                    "not built",
                    format!("NOT BUILT {}", why.replace('\n', " / ")),
                ),
                Found::Nothing(why) => ("not applicable", format!("not applicable: {why}")),
            };
            *counts.entry(kind).or_default() += 1;
            let seconds = start.elapsed().as_secs_f32();
            println!("{name} {called}: {line} ({seconds:.1} s)");
        }
    }
    println!("\n{} sources: {counts:?}", lines.len());
    Some(())
}
