//! A dnf of its own over a repository of packages that are records only, and a model of such a repository.
#![allow(dead_code)] // the survey and the test use different parts of it
#![allow(clippy::unwrap_used)] // the survey is an example, and clippy knows that of tests only

pub(crate) mod compare;
pub(crate) mod model;
pub(crate) mod repodata;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::family::Package;

/// Packages as `name version`, in order.
pub(crate) type Set = BTreeSet<String>;

/// What dnf chooses for each case; `None` where there is no dnf, of which the reason was printed.
pub(crate) fn ask(packages: &[Package], cases: &[Vec<String>]) -> Option<Vec<Result<Set, String>>> {
    let python = interpreter(&mikron_testkit::tools::tool("dnf")?)?;
    let dir = tempfile::tempdir().unwrap();
    let sources: BTreeSet<(&str, i32)> = packages.iter().map(|p| (p.2.as_str(), p.1)).collect();
    let mut repositories = Vec::new();
    for (source, priority) in sources {
        let path = dir.path().join(source);
        repodata::write(
            &path,
            packages.iter().filter(|p| p.2 == source).map(|p| &p.0),
        );
        // Of dnf's priorities the lower one wins.
        let lower = 1000 - priority;
        repositories.push(format!(
            "[{source:?}, {:?}, {lower}]",
            path.to_str().unwrap()
        ));
    }
    let case = |specs: &Vec<String>| format!("{specs:?}");
    let cases_json: Vec<String> = cases.iter().map(case).collect();
    let task = dir.path().join("task.json");
    let text = format!(
        "{{\"repositories\": [{}], \"cases\": [{}]}}",
        repositories.join(", "),
        cases_json.join(", "),
    );
    fs::write(&task, text).unwrap();
    let script = dir.path().join("oracle.py");
    fs::write(&script, include_str!("oracle.py")).unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    let output = Command::new(python)
        .args([&script, &task, &root])
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<_> = text.lines().map(answer).collect();
    assert_eq!(answers.len(), cases.len(), "{errors}");
    Some(answers)
}

/// The Python that dnf runs on: its modules are in no other.
fn interpreter(dnf: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(dnf).ok()?;
    let python = PathBuf::from(text.strip_prefix("#!")?.lines().next()?.trim());
    if python.is_file() {
        return Some(python);
    }
    mikron_testkit::tools::skip("dnf names no Python that is there");
    None
}

/// A JSON list of texts without escapes, or a JSON text.
fn answer(line: &str) -> Result<Set, String> {
    let Some(list) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) else {
        return Err(line.trim_matches('"').replace("\\n", "\n"));
    };
    let items = list.split(", ").filter(|item| !item.is_empty());
    Ok(items
        .map(|item| item.trim_matches('"').to_owned())
        .collect())
}
