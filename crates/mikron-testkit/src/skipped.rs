//! What a run of the tests did not ask, and why: said at once, and kept for the end of the run.
//!
//! The end is the test of the package `skipped`: cargo runs the packages of a workspace in the order of their names, and it
//! prints what those before it have left here. A run is told from others by the process that started the test programs (cargo).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What may be skipped in CI too: how the reason begins, and why that is no loss.
const ALLOWED: &[(&str, &str)] = &[(
    "the tool `apk` is not installed",
    "no registry that CI reaches has it: recorded answers of another implementation stand for it",
)];

/// Says that the calling test returns without having asked, so that whoever runs the tests sees it.
///
/// # Panics
/// When `CI=true`, unless it is allowed (`ALLOWED`): there, a skipped test is a failed one.
pub fn skip(reason: &str) {
    let allowed = ALLOWED.iter().any(|(start, _)| reason.starts_with(start));
    let in_ci = std::env::var("CI").as_deref() == Ok("true");
    assert!(allowed || !in_ci, "skipped in CI: {reason}");
    // Not by a macro, whose text the test harness keeps to itself where a test passes.
    let line = format!("skipped: {reason}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(file) = file() {
        let _ = record(&file, reason);
    }
}

/// One skipped test of one program, with its reason: a line of the file.
fn record(file: &Path, reason: &str) -> std::io::Result<()> {
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    let thread = std::thread::current();
    // Threads that a test starts have no name.
    let test = thread.name().filter(|name| *name != "main").unwrap_or("…");
    let reason = reason.lines().next().unwrap_or_default();
    let line = format!("{}\t{test}\t{reason}\n", program().unwrap_or_default());
    // In one piece, so that the lines of several threads stay whole.
    let mut file = File::options().append(true).create(true).open(file)?;
    file.write_all(line.as_bytes())
}

/// The name of the test program behind that of its package, without the hash that cargo gives it.
fn program() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let name = program.file_name()?.to_str()?;
    let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
    let package = std::env::var("CARGO_PKG_NAME").map(|package| package + "/");
    Some(package.unwrap_or_default() + name)
}

/// The directory of those files, beside what cargo builds.
fn directory() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    // target/debug/deps/program-hash
    Some(program.ancestors().nth(3)?.join("tmp/skipped"))
}

/// The file of this run.
fn file() -> Option<PathBuf> {
    Some(directory()?.join(started(std::os::unix::process::parent_id())?))
}

/// The name of a process that no other one has: numbers are given again, and not at the same time (proc(5), field 22).
fn started(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{process}-{ticks}"))
}

/// What was skipped in a run: for each reason, the tests of each program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Skipped {
    /// Takes what the test programs of this run have left; files of runs that have ended otherwise go as well.
    pub fn take() -> Self {
        let Some(file) = file() else {
            return Self::default();
        };
        let skipped = Self::read(&fs::read_to_string(&file).unwrap_or_default());
        let _ = fs::remove_file(&file);
        for entry in fs::read_dir(file.with_file_name(""))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            let process = name
                .split('-')
                .next()
                .and_then(|number| number.parse().ok());
            if process.is_some_and(|process| started(process).as_ref() != Some(&name)) {
                let _ = fs::remove_file(entry.path());
            }
        }
        skipped
    }

    /// The same; what is shown is kept beside, in the file `last`, for whoever wants it at the very end of a longer run.
    pub fn take_and_keep() -> Self {
        let skipped = Self::take();
        if let Some(directory) = directory() {
            let _ = fs::create_dir_all(&directory);
            let _ = fs::write(directory.join("last"), skipped.to_string());
        }
        skipped
    }

    /// Reads lines of `program TAB test TAB reason`.
    pub fn read(text: &str) -> Self {
        let mut skipped = Self::default();
        for line in text.lines() {
            let mut parts = line.splitn(3, '\t');
            if let (Some(program), Some(test), Some(reason)) =
                (parts.next(), parts.next(), parts.next())
            {
                let of_reason = skipped.0.entry(reason.to_owned()).or_default();
                let tests = of_reason.entry(program.to_owned()).or_default();
                tests.insert(test.to_owned());
            }
        }
        skipped
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "no test was skipped");
        }
        let programs = || self.0.values().flatten();
        let tests: BTreeSet<_> = programs()
            .flat_map(|(program, tests)| tests.iter().map(move |test| (program, test)))
            .collect();
        writeln!(f, "{} tests were skipped:", tests.len())?;
        for (reason, programs) in &self.0 {
            writeln!(f, "  {reason}")?;
            for (program, tests) in programs {
                let mut names = String::new();
                for test in tests.iter().take(3) {
                    let _ = write!(names, " {test}");
                }
                let more = tests.len().saturating_sub(3);
                if more > 0 {
                    let _ = write!(names, " and {more} more");
                }
                writeln!(f, "    {program}:{names}")?;
            }
            if let Some((_, why)) = ALLOWED.iter().find(|(start, _)| reason.starts_with(start)) {
                writeln!(f, "    (no loss: {why})")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_listed_by_reason_and_program_and_each_once() {
        let text = "run\ta\tno mirror\nrun\ta\tno mirror\nrun\tb\tno mirror\nrun\tc\tno mirror\nrun\td\tno mirror\n\
                    oci\ta\tno mirror\nversion\tx\tthe tool `apk` is not installed\nbroken line\n";
        let said = Skipped::read(text).to_string();
        let expected = "6 tests were skipped:\n  no mirror\n    oci: a\n    run: a b c and 1 more\n  \
                        the tool `apk` is not installed\n    version: x\n    (no loss: ";
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(Skipped::read("").to_string(), "no test was skipped\n");
    }

    #[test]
    fn a_run_is_told_from_a_later_one_of_the_same_number() {
        let own = started(std::process::id()).expect("it runs");
        assert!(own.starts_with(&format!("{}-", std::process::id())));
        assert_eq!(started(u32::MAX), None);
    }
}
