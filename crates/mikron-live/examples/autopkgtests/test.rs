//! One test: in the image that a user would build to run it, and in a full installation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mikron::Output;
use mikron_live::installed::Base;
use mikron_live::runtime::{Bundle, Run};
use tempfile::TempDir;

use super::common::builder;
use super::common::thousand::{Found, is_silent};
use super::source::Test;

/// Where the source package lies in both root filesystems.
const TREE: &str = "/autopkgtest/tree";

/// How long a test may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// By exit status 77 a test says that it was skipped.
const SKIPPED: i32 = 77;

/// Runs a test of an unpacked source package in both. `None` where this machine cannot.
///
/// The image has the packages and the scripts of `debian/tests` that the test is or names, as files of the spec with the test
/// for its entrypoint, so that what scripts call is Mikron's to find. The rest of the source comes when the image is unpacked.
pub(crate) fn compare(tree: &Path, test: &Test, base: &Base) -> Option<Found> {
    let dir = TempDir::new().unwrap();
    let spec = spec(tree, test);
    let builder = builder(&spec, dir.path())?;
    let layout = dir.path().join("layout");
    let built = builder
        .clone()
        .output(Output::layout(&layout, "latest"))
        .build();
    let report = match built {
        Ok(report) => report,
        Err(error) => return Some(Found::NotBuilt(error.to_string())),
    };
    let bundle = Bundle::extract(&layout)?;
    let (ended, said) = run(&bundle, tree, test);
    if ended == Some(0) {
        // No installation can do better.
        return Some(Found::Equal(report.size()));
    }
    let names: Vec<&str> = test.packages.iter().map(String::as_str).collect();
    let Some(installed) = base.install(&names) else {
        return Some(Found::Nothing("apt does not install it".into()));
    };
    let (theirs, they) = run(&bundle.with_rootfs(&installed.root())?, tree, test);
    Some(match theirs {
        Some(SKIPPED) | None => Found::Nothing("it is skipped, or never ends".into()),
        theirs if theirs == ended => {
            let last = they.lines().rfind(|line| !line.trim().is_empty());
            Found::Nothing(format!("both fail: {}", last.unwrap_or_default()))
        }
        _ => {
            let last: Vec<&str> = said.lines().rev().take(4).collect();
            let last = last.into_iter().rev().collect::<Vec<_>>().join(" / ");
            let lacking = vec![format!("exit {ended:?} instead of {theirs:?}: {last}")];
            let silent = is_silent(&builder, &report, &lacking);
            Found::Worse { lacking, silent }
        }
    })
}

/// The image that a user would ask for.
fn spec(tree: &Path, test: &Test) -> String {
    let script = fs::read(tree.join(&test.script)).unwrap_or_default();
    let script = String::from_utf8_lossy(&script);
    let beside = tree.join(&test.script).with_file_name("");
    let lines = files_of(&beside).into_iter().filter_map(|path| {
        let inside = path.strip_prefix(tree).unwrap();
        let name = path.file_name()?.to_string_lossy();
        let is_wanted = inside == test.script || script.contains(&*name);
        let (inside, from) = (inside.display(), path.display());
        is_wanted
            .then(|| format!("  - {{ path: '{TREE}/{inside}', from: '{from}', mode: '0755' }}\n"))
    });
    // Examples in the documentation, which nothing reads when it runs, are named by those who want them.
    let reads_docs = script.contains("/usr/share/doc");
    let docs = test.packages.iter().filter(|_| reads_docs);
    let docs = docs.map(|name| format!("'{name}:docs'"));
    let packages: Vec<String> = test.packages.iter().cloned().chain(docs).collect();
    format!(
        "mikron: 1\nname: autopkgtest\nsources:\n  debian: {{ deb: bookworm }}\npackages: [{}]\n\
         layers: {{ strategy: single, compression: none }}\n\
         image: {{ entrypoint: ['{TREE}/{}'], workdir: {TREE} }}\nfiles:\n{}",
        packages.join(", "),
        test.script.display(),
        lines.collect::<String>()
    )
}

/// The regular files of a directory, in order of name.
fn files_of(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()));
    files.sort();
    files
}

/// Copies the source into a root filesystem and runs the test there as autopkgtest does: its exit status, and what it said.
fn run(bundle: &Bundle, tree: &Path, test: &Test) -> (Option<i32>, String) {
    let to = bundle.rootfs().join(TREE.trim_start_matches('/'));
    fs::create_dir_all(&to).unwrap();
    let copied = Command::new("cp")
        .args(["--archive", "--no-target-directory"])
        .arg(tree)
        .arg(&to)
        .status();
    assert!(copied.unwrap().success(), "cp");
    for name in ["autopkgtest/tmp", "autopkgtest/artifacts", "root"] {
        fs::create_dir_all(bundle.rootfs().join(name)).unwrap();
    }
    let script = to.join(&test.script);
    let executable = Command::new("chmod").arg("755").arg(script).status();
    assert!(executable.unwrap().success(), "chmod");
    let env = [
        ("AUTOPKGTEST_TMP", "/autopkgtest/tmp"),
        ("ADTTMP", "/autopkgtest/tmp"),
        ("AUTOPKGTEST_ARTIFACTS", "/autopkgtest/artifacts"),
        ("HOME", "/root"),
        ("LANG", "C.UTF-8"),
    ];
    let how = Run {
        args: Some(vec![format!("{TREE}/{}", test.script.display())]),
        env: env
            .map(|(name, value)| (name.into(), value.into()))
            .to_vec(),
        tmpfs: vec!["/tmp".into()],
        ..Run::default()
    };
    match bundle.start(&how).finish_within(PATIENCE) {
        Some(finished) => (finished.status.code(), finished.text()),
        None => (None, String::new()),
    }
}
