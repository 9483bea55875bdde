//! A dnf of its own over repositories of packages that are records only, a model of such a repository, and the experiments
//! that tell why dnf takes other packages than we do.
#![allow(dead_code)] // the survey and the test use different parts of it
#![allow(clippy::unwrap_used)] // the survey is an example, and clippy knows that of tests only

pub(crate) mod causes;
pub(crate) mod compare;
pub(crate) mod model;
pub(crate) mod repodata;
pub(crate) mod shrink;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::family::Package;

/// Packages as `name version`, in order.
pub(crate) type Set = BTreeSet<String>;

/// What dnf chooses for a request, or why it refuses.
pub(crate) type Answer = Result<Set, String>;

/// Requests to one repository.
pub(crate) struct Task {
    pub(crate) packages: Vec<Package>,
    pub(crate) cases: Vec<Vec<String>>,
}

/// What dnf chooses for each case of each task; `None` where there is no dnf, of which the reason was printed.
pub(crate) fn ask(tasks: &[Task]) -> Option<Vec<Vec<Answer>>> {
    let python = interpreter(&mikron_testkit::tools::tool("dnf")?)?;
    let dir = tempfile::tempdir().unwrap();
    let told: Vec<String> = tasks
        .iter()
        .enumerate()
        .map(|(number, task)| tell(&dir.path().join(number.to_string()), task))
        .collect();
    let file = dir.path().join("tasks.json");
    fs::write(&file, format!("[{}]", told.join(", "))).unwrap();
    let script = dir.path().join("oracle.py");
    fs::write(&script, include_str!("oracle.py")).unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    let output = Command::new(python)
        .args([&script, &file, &root])
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().map(answer);
    let answers: Vec<Vec<Answer>> = tasks
        .iter()
        .map(|task| lines.by_ref().take(task.cases.len()).collect())
        .collect();
    let is_whole = |(task, answers): (&Task, &Vec<Answer>)| task.cases.len() == answers.len();
    assert!(tasks.iter().zip(&answers).all(is_whole), "{errors}");
    Some(answers)
}

/// Writes the repositories of a task, and says as JSON where they are and what is asked.
fn tell(dir: &Path, task: &Task) -> String {
    let packages = &task.packages;
    let sources: BTreeSet<(&str, i32)> = packages.iter().map(|p| (p.2.as_str(), p.1)).collect();
    let mut repositories = Vec::new();
    for (source, priority) in sources {
        let path = dir.join(source);
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
    let cases: Vec<String> = task.cases.iter().map(case).collect();
    format!(
        "{{\"repositories\": [{}], \"cases\": [{}]}}",
        repositories.join(", "),
        cases.join(", "),
    )
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
fn answer(line: &str) -> Answer {
    let Some(list) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) else {
        return Err(line.trim_matches('"').replace("\\n", "\n"));
    };
    let items = list.split(", ").filter(|item| !item.is_empty());
    Ok(items
        .map(|item| item.trim_matches('"').to_owned())
        .collect())
}
