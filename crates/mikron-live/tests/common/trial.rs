//! Commands that are tried in an image and in the whole closure.

use std::env;
use std::fs;
use std::time::Duration;

use mikron_run::Runtime;
use mikron_testkit::tools::{find, tool};
use mikron_try::{Comparison, Trial, amend};
use tempfile::TempDir;

/// What comes of a trial.
pub(crate) struct Outcome {
    /// Where what is lacking comes from.
    pub(crate) lacking: Vec<String>,
    /// The lines that bring it.
    pub(crate) lines: Vec<String>,
    /// Whether the image is whole with these lines; none where there were none.
    pub(crate) mended: Option<bool>,
}

/// Tries a command in an example with a further line, and once more with the lines that bring what is lacking. `None` where this machine
/// cannot; the reason was printed.
pub(crate) fn play(example: &str, line: &str, command: &[&str]) -> Option<Outcome> {
    if find("crun").is_none() {
        tool("runc")?;
    }
    let path = env::var_os("PATH").unwrap();
    let path = env::join_paths(env::split_paths(&path).chain(["/usr/sbin".into()]));
    let runtime = Runtime::find(&path.unwrap()).unwrap();
    let dir = TempDir::new().unwrap();
    let tried = |spec: &str| -> Option<Comparison> {
        let trial = Trial {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            // Servers run until then; what ends by itself has the time that it takes.
            timeout: Duration::from_secs(if command.is_empty() { 3 } else { 60 }),
            ..Trial::new(super::builder(spec, dir.path())?)
        };
        Some(
            trial
                .run(&runtime)
                .unwrap_or_else(|error| panic!("{error}")),
        )
    };
    let spec = super::example_with(&format!("{example}.yaml"), &format!("{line}\n"));
    let compared = tried(&spec)?;
    let origins = compared.lacking.iter().chain(&compared.perhaps);
    let lacking = origins.map(|one| one.origin.clone()).collect();
    let lines = compared.lines.iter();
    let lines: Vec<String> = lines
        .map(|line| format!("{}: {}", line.key, line.value))
        .collect();
    let mut mended = None;
    if !lines.is_empty() {
        let file = dir.path().join("image.yaml");
        amend(&file, &mikron::Reading::default(), &compared.lines).unwrap();
        let spec = fs::read_to_string(&file).unwrap();
        mended = Some(tried(&spec)?.is_whole());
    }
    Some(Outcome {
        lacking,
        lines,
        mended,
    })
}
