//! A hundred programs that nobody chose: each has to run in its minimal image as it does with everything installed.
//!
//! ```text
//! cargo run --release -p mikron-live --example hundred [-- BASE [NAME…]]
//! cargo run --release -p mikron-live --example hundred -- draw CONTENTS PACKAGES > programs.txt
//! ```
//!
//! The list in `programs.txt` was drawn from the archive by a fixed seed. `BASE` is a minimal Debian below the closures
//! (`mmdebstrap --variant=minbase`): without it, packages of which every system has a copy are missing there. Needs root.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

#[path = "../../tests/common/mod.rs"]
mod common;
mod draw;

use std::path::PathBuf;
use std::process::ExitCode;

use common::compare::{Ended, Verdict, compare};

const PROGRAMS: &str = include_str!("programs.txt");

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, contents, packages] = args.as_slice()
        && command == "draw"
    {
        draw::print(contents, packages);
        return ExitCode::SUCCESS;
    }
    let base = args.first().map(PathBuf::from);
    let wanted = args.get(1..).unwrap_or_default();
    let (mut well, mut refused, mut failed) = (0, 0, 0);
    for line in PROGRAMS.lines().filter(|line| !line.starts_with('#')) {
        let (package, program) = line.split_once(' ').expect("a package and a program");
        if !wanted.is_empty() && !wanted.iter().any(|name| name == package) {
            continue;
        }
        match compare(package, program, base.as_deref()) {
            Some(Verdict::AsWell { image, bytes }) => {
                if image.ended == Ended::Well {
                    well += 1;
                } else {
                    refused += 1;
                }
                println!(
                    "{package} {program}: as well ({:?}), {bytes} bytes",
                    image.ended
                );
            }
            Some(Verdict::NotBuilt(error)) => {
                failed += 1;
                println!("{package} {program}: NOT BUILT: {error}");
            }
            Some(Verdict::Worse {
                argument,
                image,
                whole,
            }) => {
                failed += 1;
                println!(
                    "{package} {program} {argument}: WORSE\n  image: {image:?}\n  whole: {whole:?}"
                );
            }
            None => return ExitCode::FAILURE,
        }
    }
    println!("{well} run, {refused} fail in the same way in both, {failed} are worse");
    ExitCode::from(u8::from(failed > 0))
}
