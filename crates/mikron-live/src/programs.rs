//! Programs of one's own in eight languages, each with the spec of its image: the directory `programs` of this crate.
//!
//! Each is a server that answers a request over HTTP with what a library says that its spec does not name. `build.sh` makes it, where it
//! lies, with the compilers of the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mikron_testkit::tools::{skip, tool};
use tempfile::TempDir;

/// A program with the spec of its image.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The name of its directory.
    pub name: &'static str,
    /// What its build takes of the machine.
    tools: &'static [&'static str],
    /// What it answers, at the beginning.
    pub answer: &'static str,
}

/// All of them.
#[rustfmt::skip]
pub const PROGRAMS: [Program; 9] = [
    program("rust",      &["rustc", "gcc"],               "OpenSSL 3."),
    program("cpp",       &["g++"],                        "hello by Boost"),
    program("go-cgo",    &["go", "gcc"],                  "zlib 1."),
    program("go-static", &["go"],                         "a static program"),
    program("python",    &["python3"],                    "trace 6, libpq "),
    program("java",      &["javac", "gcc"],               "zlib 1."),
    program("node",      &["gcc"],                        "SQLite 3."),
    program("php",       &["gcc", "php-config"],          "bzip2 1."),
    program("ruby",      &["gcc", "make", "gem"],         "expat_2."),
];

const fn program(
    name: &'static str,
    tools: &'static [&'static str],
    answer: &'static str,
) -> Program {
    Program {
        name,
        tools,
        answer,
    }
}

impl Program {
    /// One of [`PROGRAMS`] by its name.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(name: &str) -> Self {
        let mut all = PROGRAMS.into_iter();
        all.find(|program| program.name == name)
            .expect("a program of that name")
    }

    /// The text of its spec.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn spec(&self) -> String {
        fs::read_to_string(self.sources().join("image.yaml")).expect("its spec")
    }

    /// Builds it in a directory of its own, and gives that. `None` where the machine lacks something, which was printed.
    ///
    /// # Panics
    /// When files cannot be copied.
    pub fn build(&self) -> Option<TempDir> {
        for name in self.tools {
            tool(name)?;
        }
        let dir = TempDir::new().expect("a temporary directory");
        copy(&self.sources(), dir.path());
        let mut command = Command::new("sh");
        let made = command
            .arg("build.sh")
            .current_dir(dir.path())
            .output()
            .expect("sh starts");
        if !made.status.success() {
            let what = [made.stdout, made.stderr].concat();
            let what = String::from_utf8_lossy(&what).into_owned();
            skip(&format!("{} cannot be built here: {what}", self.name));
            return None;
        }
        Some(dir)
    }

    fn sources(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("programs")
            .join(self.name)
    }
}

/// Copies files and directories.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            fs::create_dir(&to).expect("a new directory");
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}
