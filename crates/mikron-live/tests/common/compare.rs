//! One program in a minimal image, and the same in everything that its package depends on.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mikron::Output;
use mikron_live::runtime::{Bundle, Overlay, Run};
use tempfile::TempDir;

use super::{archive, builder};

/// How long a program may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often both are run to see whether they say the same.
const ATTEMPTS: usize = 6;

/// How a program ended, as far as it can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It said that all is well.
    Well,
    /// It said that something is not.
    Badly(i32),
    /// It did not end.
    Never,
}

/// A run: how it ended, and what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) ended: Ended,
    pub(crate) output: String,
}

/// What a comparison found.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Both did the same, or the image did better.
    AsWell { image: Ran, bytes: u64 },
    /// The image is not built.
    NotBuilt(String),
    /// The image does worse.
    Worse {
        argument: &'static str,
        image: Ran,
        whole: Ran,
    },
}

/// Runs the program with an argument until it ends.
fn run(bundle: &Bundle, program: &str, argument: &str) -> Ran {
    let how = Run {
        args: Some(vec![program.to_owned(), argument.to_owned()]),
        env: vec![("HOME".into(), "/".into())],
        ..Run::default()
    };
    let finished = bundle.start(&how).finish_within(PATIENCE);
    let Some(finished) = finished else {
        return Ran {
            ended: Ended::Never,
            output: String::new(),
        };
    };
    let ended = match finished.status.code() {
        Some(0) => Ended::Well,
        code => Ended::Badly(code.unwrap_or(-1)),
    };
    // Times and process numbers differ from run to run.
    let output = finished.text().replace(|c: char| c.is_ascii_digit(), "0");
    Ran { ended, output }
}

/// Runs the program in both until both have said the same, and gives what the image said; and what the whole said, where that is
/// better.
///
/// What a program says may depend on which of its processes is first. And one that says something else at each run (the memory
/// of the machine) is compared by how it ends alone.
fn run_both(image: &Bundle, whole: &Bundle, program: &str, argument: &str) -> (Ran, Option<Ran>) {
    let (mut ours, mut theirs): (Vec<Ran>, Vec<Ran>) = (Vec::new(), Vec::new());
    for _ in 0..ATTEMPTS {
        let (new, of_whole) = (run(image, program, argument), run(whole, program, argument));
        let better = new.ended == Ended::Well && of_whole.ended != Ended::Well;
        ours.push(new.clone());
        theirs.push(of_whole);
        if better || ours.iter().any(|run| theirs.contains(run)) {
            return (new, None);
        }
    }
    let distinct = |at: usize| !theirs[..at].contains(&theirs[at]);
    let varies = (0..theirs.len()).all(distinct);
    let (ours, theirs) = (ours.remove(0), theirs.remove(0));
    if varies && ours.ended == theirs.ended {
        (ours, None)
    } else {
        (ours, Some(theirs))
    }
}

/// Builds the minimal image of a package and has its program show its version and its help, there and in the whole
/// dependency closure over a base system. `None` where this machine cannot.
pub(crate) fn compare(package: &str, program: &str, base: Option<&Path>) -> Option<Verdict> {
    let dir = TempDir::new().unwrap();
    let spec = format!(
        "mikron: 1\nname: program\nsources:\n  debian: {{ deb: bookworm }}\npackages: ['{package}']\n\
         image: {{ entrypoint: ['{program}'] }}\nlayers: {{ compression: 'zstd:1' }}\n"
    );
    let builder = builder(&spec, dir.path())?;
    let layout = dir.path().join("layout");
    let report = builder
        .clone()
        .output(Output::layout(&layout, "latest"))
        .build();
    let report = match report {
        Ok(report) => report,
        Err(error) => return Some(Verdict::NotBuilt(error.to_string())),
    };
    let image = Bundle::extract(&layout)?;
    let lock = builder
        .lock()
        .unwrap_or_else(|error| panic!("{package}: {error}"));
    let mounted = base.map(Overlay::over);
    let whole_root = mounted
        .as_ref()
        .map_or_else(|| dir.path().join("whole"), Overlay::root);
    std::fs::create_dir_all(&whole_root).unwrap();
    for package in lock
        .platforms
        .values()
        .flat_map(|platform| &platform.packages)
    {
        let archive = archive(&package.digest.hex());
        extract(&archive, &whole_root);
    }
    let whole = image.with_rootfs(&whole_root)?;
    let mut verdict = None;
    for argument in ["--version", "--help"] {
        let (ours, theirs) = run_both(&image, &whole, program, argument);
        if let Some(theirs) = theirs {
            verdict = Some(Verdict::Worse {
                argument,
                image: ours,
                whole: theirs,
            });
            break;
        }
        if verdict.is_none() || ours.ended == Ended::Well {
            verdict = Some(Verdict::AsWell {
                image: ours,
                bytes: report.size(),
            });
        }
    }
    drop(whole);
    drop(mounted);
    verdict
}

/// Extracts a `.deb` as dpkg does, through links to directories.
fn extract(archive: &Path, into: &Path) {
    let mut dpkg = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(archive)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let tar = Command::new("tar")
        .args([
            "--extract",
            "--keep-directory-symlink",
            "--preserve-permissions",
            "--directory",
        ])
        .arg(into)
        .stdin(dpkg.stdout.take().unwrap())
        .status()
        .unwrap();
    assert!(
        dpkg.wait().unwrap().success() && tar.success(),
        "{}",
        archive.display()
    );
}
