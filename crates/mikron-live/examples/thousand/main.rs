//! A thousand packages that nobody chose: `packages: [NAME]`, minimal, beside a full installation, asked the same.
//!
//! ```text
//! cargo run --release -p mikron-live --example thousand -- run [FAMILY…] [--sample N] [--only NAME]… [--images] [--interpreter]
//! cargo run --release -p mikron-live --example thousand -- draw CONTENTS CONTENTS PACKAGES > packages.txt
//! ```
//!
//! `--images` asks the images alone, which is quick, and prints what is not well in them; `--interpreter` adds the interpreter
//! to every package of code. The list in `packages.txt` was drawn from the archive by a fixed seed; a package whose own dependencies bring no
//! interpreter has one beside it, in both. `--sample N` takes the first `N` of each family. What a package is asked comes
//! from its own files (`mikron_live::oracle`). Everything runs as root under crun with no network but loopback.
//!
//! What is compared: packages of code have to load what they offer without a word. Where an image does so, no installation
//! can do better, and none is made; in all other cases the packages are installed by apt, scripts and all and without what they
//! recommend, over a minimal Debian, and asked twice. Programs have to end in the same way and say the same but for numbers
//! (only the end counts where two runs say different things), services have to listen on the same ports and sockets. An image
//! that does more than the installation counts as equal. "Silent" is an image that does less where neither `left out`,
//! `without`, modules nor libraries of `mikron explain` nor the scripts of the build's report name a word of its complaint.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

#[path = "../../tests/common/mod.rs"]
mod common;
mod draw;

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use common::thousand::{Drawn, Found, compare};
use mikron_live::oracle::Family;

const PACKAGES: &str = include_str!("packages.txt");

/// So many packages are looked at at once.
const AT_ONCE: usize = 2;

/// Counts of a family.
#[derive(Clone, Copy, Default)]
struct Count {
    equal: usize,
    listed: usize,
    silent: usize,
    not_built: usize,
    nothing: usize,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("draw") if args.len() == 4 => draw::print(&args[1..3], &args[3]),
        Some("run") => {
            let flag = |name: &str| args.iter().any(|arg| arg == name);
            let wanted = wanted(&args[1..], flag("--interpreter"));
            let counts = run(&wanted, flag("--images"));
            print(&counts);
        }
        _ => {
            eprintln!(
                "usage: thousand run [FAMILY…] [--sample N] [--only NAME]… [--images] [--interpreter] | draw CONTENTS CONTENTS PACKAGES"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// The lines of the list that the arguments ask for.
fn wanted(args: &[String], interpreter: bool) -> Vec<Drawn> {
    let (mut families, mut names, mut sample) = (Vec::new(), Vec::new(), usize::MAX);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--sample" => sample = words.next().and_then(|n| n.parse().ok()).expect("a number"),
            "--only" => names.extend(words.next().cloned()),
            "--images" | "--interpreter" => {}
            family => families.push(Family::named(family).expect("a family")),
        }
    }
    let mut taken: BTreeMap<Family, usize> = BTreeMap::new();
    let lines = PACKAGES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(Drawn::read);
    let is_wanted = |drawn: &Drawn| {
        let count = taken.entry(drawn.family).or_default();
        *count += 1;
        let of_family = families.is_empty() || families.contains(&drawn.family);
        let of_name = names.is_empty() || names.iter().any(|name| name == drawn.name());
        of_family && of_name && *count <= sample
    };
    let mut drawn: Vec<Drawn> = lines.filter(is_wanted).collect();
    for drawn in drawn
        .iter_mut()
        .filter(|drawn| interpreter && drawn.packages.len() == 1)
    {
        if let Family::Code(language) = drawn.family {
            drawn.packages.push(language.interpreter(&[]));
        }
    }
    drawn
}

/// Looks at all, and prints a line each.
fn run(wanted: &[Drawn], alone: bool) -> BTreeMap<Family, Count> {
    let next = AtomicUsize::new(0);
    let counts: Mutex<BTreeMap<Family, Count>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(drawn) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    // One that panics is no reason to end an hour's work.
                    let found = catch_unwind(|| compare(drawn, alone));
                    let found = found.unwrap_or_else(|_| Some(Found::Nothing("a panic".into())));
                    let Some(found) = found else {
                        return;
                    };
                    let mut counts = counts.lock().unwrap();
                    let count = counts.entry(drawn.family).or_default();
                    let (of, line) = match found {
                        Found::Equal(bytes) => (&mut count.equal, format!("equal, {bytes} bytes")),
                        Found::Worse {
                            lacking,
                            silent: true,
                        } => (&mut count.silent, format!("SILENT {}", short(&lacking))),
                        Found::Worse { lacking, .. } => {
                            (&mut count.listed, format!("WORSE {}", short(&lacking)))
                        }
                        Found::NotBuilt(why) => {
                            (&mut count.not_built, format!("NOT BUILT {}", short(&[why])))
                        }
                        Found::Nothing(why) => {
                            (&mut count.nothing, format!("nothing: {}", short(&[why])))
                        }
                    };
                    *of += 1;
                    let seconds = start.elapsed().as_secs_f32();
                    let packages = drawn.packages.join(" ");
                    println!(
                        "{} {packages}: {line} ({seconds:.1} s)",
                        drawn.family.name()
                    );
                }
            });
        }
    });
    counts.into_inner().unwrap()
}

/// Reasons on one line.
fn short(reasons: &[String]) -> String {
    let line = reasons.join(" || ").replace('\n', " / ");
    match line.char_indices().nth(600) {
        Some((at, _)) => line[..at].to_owned() + "…",
        None => line,
    }
}

fn print(counts: &BTreeMap<Family, Count>) {
    println!("\n| family | equal | worse, listed | silent | not built | of | not asked |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let mut all = Count::default();
    let row = |name: &str, count: &Count| {
        let of = count.equal + count.listed + count.silent + count.not_built;
        println!(
            "| {name} | {} ({}.{} %) | {} | {} | {} | {of} | {} |",
            count.equal,
            count.equal * 100 / of.max(1),
            count.equal * 1000 / of.max(1) % 10,
            count.listed,
            count.silent,
            count.not_built,
            count.nothing
        );
    };
    for (family, count) in counts {
        row(family.name(), count);
        all.equal += count.equal;
        all.listed += count.listed;
        all.silent += count.silent;
        all.not_built += count.not_built;
        all.nothing += count.nothing;
    }
    row("all", &all);
}
