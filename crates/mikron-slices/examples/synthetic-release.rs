//! Writes a release as large as the public ones, and says how long it takes to read and to check:
//! `synthetic-release DIRECTORY [PACKAGES]`.

#![allow(missing_docs)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use mikron_package::Limits;
use mikron_slices::Release;

#[path = "../tests/slices/synthetic.rs"]
mod synthetic;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(directory) = arguments.next() else {
        eprintln!("usage: synthetic-release DIRECTORY [PACKAGES]");
        return ExitCode::from(2);
    };
    let packages = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(605);
    if let Err(error) = synthetic::write(Path::new(&directory), packages) {
        eprintln!("{directory}: {error}");
        return ExitCode::FAILURE;
    }
    for _ in 0..20 {
        let start = Instant::now();
        match Release::read(Path::new(&directory), &Limits::default()) {
            Ok(release) => println!("{} slices read in {:?}", release.len(), start.elapsed()),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if let Ok(release) = Release::read(Path::new(&directory), &Limits::default()) {
        let start = Instant::now();
        let errors = release.check();
        println!("checked in {:?}: {} errors", start.elapsed(), errors.len());
    }
    ExitCode::SUCCESS
}
