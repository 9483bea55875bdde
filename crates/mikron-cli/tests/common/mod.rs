//! Runs the command in a directory of its own, against a small repository.
#![allow(dead_code, clippy::unwrap_used)] // each test binary uses some of it

pub(crate) mod repositories;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::repository::{RepositoryBuilder, TestKey};
use tempfile::TempDir;

/// A directory with a repository, a spec and a cache.
pub(crate) struct Home {
    dir: TempDir,
}

/// What a run of the command came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// All of it, for a snapshot.
    pub(crate) fn text(&self) -> String {
        format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            self.code,
            self.out,
            in_order(&self.err)
        )
    }
}

/// Lines of progress, each run of them sorted: threads report in the order in which they get there.
fn in_order(text: &str) -> String {
    let running = |line: &&str| {
        ["fetching ", "reading ", "packing "]
            .iter()
            .any(|word| line.starts_with(word))
    };
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    for run in lines.chunk_by_mut(|a, b| running(a) == running(b)) {
        if run.first().is_some_and(running) {
            run.sort_unstable();
        }
    }
    lines.concat()
}

/// The spec that most tests build.
pub(crate) const SPEC: &str = "\
mikron: 1
name: greet
sources:
  local: { deb: \"file:repository\", suite: stable, components: [main], keys: [key.asc] }
packages: [greet]
platforms: [linux/amd64]
image:
  entrypoint: [/usr/bin/greet]
";

/// 2023-11-14T22:13:20Z.
const DATE: i64 = 1_700_000_000;

impl Home {
    /// Only a directory.
    pub(crate) fn empty() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
        }
    }

    /// A repository of four packages, and `greet.yaml`.
    pub(crate) fn new() -> Self {
        let home = Self::empty();
        let key = TestKey::generate();
        home.write("key.asc", key.certificate_armored());
        let mut repository = RepositoryBuilder::new("stable").date(DATE).sign_with(&key);
        for package in [greet(), libgreet(), greet_doc(), unrelated()] {
            repository = repository.package(&package.stanza, package.deb.build());
        }
        repository.build().write_to(&home.path("repository"));
        home.write("greet.yaml", SPEC);
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command, with nothing of the machine's environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mikron"));
        command
            .env_clear()
            .env("MIKRON_CACHE", self.path("cache"))
            .env("PATH", self.path("bin"))
            .current_dir(self.dir.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command().args(arguments).output().unwrap();
        Run {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs, and compares everything with a snapshot; digests and this directory are hidden.
    pub(crate) fn snapshot(&self, name: &str, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        let mut settings = insta::Settings::clone_current();
        let directory = regex_escape(&self.dir.path().display().to_string());
        settings.add_filter(&directory, "[home]");
        settings.add_filter("sha256:[0-9a-f]{64}", "sha256:[digest]");
        settings.add_filter("/by-hash/SHA256/[0-9a-f]{64}", "/by-hash/SHA256/[hash]");
        // How well the index compresses is not what these tests are about.
        settings.add_filter(r"(fetching|reading|packing) (.*) \(.*B\)", "$1 $2 ([size])");
        settings.add_filter(r"linux/amd64 +[0-9.]+ k?B", "linux/amd64 [size]");
        settings.add_filter(r"[0-9.]+ k?B in ", "[size] in ");
        settings.add_filter(r"took .* fetched", "took [time]: [size] fetched");
        settings.set_snapshot_path("../snapshots");
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!(name, run.text()));
        run
    }
}

fn regex_escape(text: &str) -> String {
    let escape = |c: char| {
        if c.is_ascii_alphanumeric() || c == '/' {
            c.to_string()
        } else {
            format!("\\{c}")
        }
    };
    text.chars().map(escape).collect()
}

/// An archive, and what the index says of it.
pub(crate) struct Package {
    stanza: String,
    pub(crate) deb: DebBuilder,
}

fn package(name: &str, version: &str, depends: Option<&str>) -> Package {
    let mut stanza = format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n");
    let mut deb = DebBuilder::new(name, version, "amd64").mtime(DATE);
    if let Some(depends) = depends {
        let _ = writeln!(stanza, "Depends: {depends}");
        deb = deb.depends(depends);
    }
    Package { stanza, deb }
}

impl Package {
    fn with(mut self, change: impl FnOnce(DebBuilder) -> DebBuilder) -> Self {
        self.deb = change(self.deb);
        self
    }
}

pub(crate) fn greet() -> Package {
    let program = ElfBuilder::executable().needed("libgreet.so.1").build();
    package(
        "greet",
        "1.2-3",
        Some("libgreet1 (>= 1), greet-doc | greet-manual"),
    )
    .with(|deb| {
        deb.file("usr/bin/greet", 0o755, program)
            .file("usr/share/doc/greet/copyright", 0o644, "Free.\n")
            .symlink("usr/bin/hello", "greet")
            .script("postinst", "#!/bin/sh\nset -e\nfrobnicate --all\n")
    })
}

fn libgreet() -> Package {
    let library = ElfBuilder::library("libgreet.so.1").build();
    let loader = ElfBuilder::library("ld-linux-x86-64.so.2").build();
    package("libgreet1", "1.2-3", None).with(|deb| {
        deb.file("usr/lib/x86_64-linux-gnu/libgreet.so.1.0", 0o644, library)
            .symlink("usr/lib/x86_64-linux-gnu/libgreet.so.1", "libgreet.so.1.0")
            .file("usr/lib64/ld-linux-x86-64.so.2", 0o755, loader)
    })
}

fn greet_doc() -> Package {
    package("greet-doc", "1.2-3", None)
        .with(|deb| deb.file("usr/share/doc/greet/manual.txt", 0o644, "Say hello.\n"))
}

fn unrelated() -> Package {
    package("unrelated", "1", Some("gone (>= 2)"))
        .with(|deb| deb.file("usr/share/unrelated", 0o644, "x"))
}

/// Whether a layout lies there.
pub(crate) fn is_layout(directory: &Path) -> bool {
    directory.join("oci-layout").is_file() && directory.join("index.json").is_file()
}
