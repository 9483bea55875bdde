//! Wall time and peak memory of whole commands.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A command that failed while it was measured.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The command, or what was being done.
    pub what: String,
    /// What it wrote, or why it did not start.
    pub why: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl std::error::Error for Failed {}

impl Failed {
    /// Turns the error of something into this one.
    pub fn of<E: fmt::Display>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |error| Self {
            what,
            why: error.to_string(),
        }
    }
}

/// Runs a command that has to succeed.
///
/// # Errors
/// When it does not start, or fails; the error holds the end of what it wrote.
pub fn run(command: &mut Command) -> Result<Output, Failed> {
    let what = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(Failed::of(what.as_str()))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let start = text.len().saturating_sub(2000);
    let tail = text.get(start..).unwrap_or(&text);
    Err(Failed {
        what,
        why: format!("{}: {tail}", output.status),
    })
}

/// The wall time of a command.
///
/// # Errors
/// As [`run`].
pub fn wall(command: &mut Command) -> Result<Duration, Failed> {
    let begin = Instant::now();
    run(command)?;
    Ok(begin.elapsed())
}

/// The largest resident set of a command and its children in bytes, by GNU time, whose own is small enough not to count.
///
/// # Errors
/// As [`run`]; when GNU time is missing.
pub fn peak(command: &Command) -> Result<u64, Failed> {
    let report = tempfile::NamedTempFile::new().map_err(Failed::of("a temporary file"))?;
    let time: PathBuf = mikron_testkit::tools::tool("time").ok_or_else(|| Failed {
        what: "time".to_owned(),
        why: "GNU time is not installed".to_owned(),
    })?;
    let mut timed = Command::new(time);
    timed.args(["--format=%M", "--output"]).arg(report.path());
    timed.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    run(&mut timed)?;
    let text = std::fs::read_to_string(report.path()).map_err(Failed::of("the report of time"))?;
    let kibibytes: u64 = text
        .trim()
        .parse()
        .map_err(Failed::of("the report of time"))?;
    Ok(kibibytes * 1024)
}

/// The median of several durations, in seconds; 0 for none.
pub fn median(mut samples: Vec<Duration>) -> f64 {
    samples.sort();
    let middle = samples.len() / 2;
    match samples.as_slice() {
        [] => 0.0,
        all if all.len() % 2 == 0 => {
            f64::midpoint(all[middle - 1].as_secs_f64(), all[middle].as_secs_f64())
        }
        all => all[middle].as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let seconds = |list: &[u64]| median(list.iter().map(|s| Duration::from_secs(*s)).collect());
        assert!((seconds(&[5, 1, 3]) - 3.0).abs() < 1e-9);
        assert!((seconds(&[4, 1, 2, 9]) - 3.0).abs() < 1e-9);
        assert!(seconds(&[]).abs() < 1e-9);
    }

    #[test]
    fn a_failing_command_says_why() {
        let error = run(Command::new("sh").args(["-c", "echo no >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("no"), "{error}");
    }
}
