//! Somebody who reads a page with a terminal beside it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use super::page::{Block, Given, Page};
use super::shown;
use crate::elf::ElfBuilder;
use crate::frozen;

/// One command of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The line of the page.
    pub line: usize,
    /// What is typed.
    pub text: String,
    /// What the page shows of what it says; `None` where it shows nothing, and so a success.
    pub shown: Option<String>,
}

impl Command {
    /// The commands of a block; none where it holds something else.
    pub fn of(block: &Block) -> Vec<Self> {
        match block.language.as_str() {
            "" | "sh" => Self::typed(block, |line| Some(line)),
            "console" => Self::typed(block, |line| line.strip_prefix("$ ")),
            // What a pipeline of CI does.
            "yaml" if block.text.starts_with("on:") => {
                Self::typed(block, |line| line.trim().strip_prefix("- run: "))
            }
            _ => Vec::new(),
        }
    }

    fn typed(block: &Block, command: impl Fn(&str) -> Option<&str>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (number, line) in block.text.lines().enumerate() {
            let goes_on = all.last_mut().filter(|last| last.text.ends_with('\\'));
            if let Some(last) = goes_on {
                last.text.pop();
                last.text.push_str(line.trim());
            } else if let Some(text) = command(line) {
                let line = block.line + number;
                let text = text.trim_end().to_owned();
                let shown = (block.language == "console").then(String::new);
                all.push(Self { line, text, shown });
            } else if let Some(shown) = all.last_mut().and_then(|last| last.shown.as_mut()) {
                let _ = writeln!(shown, "{line}");
            }
        }
        all.retain(|command| !command.text.trim().is_empty());
        all
    }

    /// Whether the page shows that it fails.
    fn fails(&self) -> bool {
        let shown = self.shown.as_deref().unwrap_or_default();
        shown.lines().any(|line| line.starts_with("error:"))
    }
}

/// A directory of one's own, with the command on `PATH`.
#[derive(Debug)]
pub struct Reader {
    home: TempDir,
    root: PathBuf,
    frozen: bool,
    repository: fn(&str, &Path),
    environment: Vec<(String, String)>,
}

impl Reader {
    /// Who has `mikron` and a checkout of the repository at `root`, and takes packages from the machine's own mirror. `repository`
    /// writes a repository of a family, with its key, into a directory.
    ///
    /// # Panics
    /// When there is no place for files.
    pub fn new(mikron: &Path, root: &Path, repository: fn(&str, &Path)) -> Self {
        let home = TempDir::new().expect("a directory for files");
        fs::create_dir(home.path().join("bin")).expect("a new directory");
        fs::create_dir(home.path().join("work")).expect("a new directory");
        symlink(mikron, home.path().join("bin/mikron")).expect("a new link");
        Self {
            home,
            root: root.to_owned(),
            frozen: false,
            repository,
            environment: Vec::new(),
        }
    }

    /// Takes the packages of bookworm from the frozen archive.
    ///
    /// # Panics
    /// When there is no place for files.
    #[must_use]
    pub fn with_frozen_archive(mut self) -> Self {
        frozen::write_to(self.home.path());
        self.frozen = true;
        self
    }

    /// With a variable in the environment; else there are `PATH`, `HOME` and what concerns the terminal.
    #[must_use]
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.environment
            .push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Where the reader's files lie.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    /// Writes a file as the page shows it: where packages come from the frozen archive, a spec says so.
    fn write(&self, name: &str, text: &str) {
        let text = if self.frozen {
            frozen::spec_below(text, self.home.path())
        } else {
            text.to_owned()
        };
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a new directory");
        fs::write(path, text).expect("a new file");
    }

    fn copy(&self, from: &Path, name: &str) {
        if from.is_dir() {
            for entry in fs::read_dir(from).expect("a directory") {
                let path = entry.expect("a readable directory").path();
                let file = path.file_name().expect("a name").to_string_lossy();
                self.copy(&path, &format!("{name}/{file}"));
            }
        } else {
            let text = fs::read_to_string(from)
                .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
            self.write(name, &text);
        }
    }

    fn provide(&self, name: &str, given: &Given) {
        match given {
            Given::File(file) => self.copy(&self.root.join(file), name),
            Given::Text(text) => self.write(name, &format!("{text}\n")),
            Given::Program => {
                let program = ElfBuilder::executable()
                    .interpreter("/lib64/ld-linux-x86-64.so.2")
                    .needed("libc.so.6")
                    .build();
                self.write(name, "");
                fs::write(self.path(name), program).expect("a new file");
                let mode = fs::Permissions::from_mode(0o755);
                fs::set_permissions(self.path(name), mode).expect("a file of one's own");
            }
            Given::Package(package) => {
                self.write(name, "");
                fs::write(self.path(name), frozen::archive(package)).expect("a new file");
            }
            Given::Repository(family) => (self.repository)(family, &self.path(name)),
        }
    }

    /// Does what a page says, and gives back what was otherwise than it says. `elsewhere` are the commands that are left out.
    ///
    /// # Panics
    /// When what the page takes to be there cannot be made.
    pub fn play(&self, page: &Page, elsewhere: &dyn Fn(&str) -> bool) -> Vec<String> {
        for (name, given) in &page.given {
            self.provide(name, given);
        }
        let mut faults = Vec::new();
        for block in &page.blocks {
            if let Some(file) = &block.file {
                self.write(file, &block.text);
            }
            for command in Command::of(block) {
                if !elsewhere(&command.text) {
                    let fault = self.fault(&command);
                    faults.extend(fault.map(|what| format!("{}: {what}", page.at(command.line))));
                }
            }
        }
        faults
    }

    /// Types a command; what is otherwise than the page has it.
    fn fault(&self, command: &Command) -> Option<String> {
        let (succeeds, said) = self.run(&command.text);
        let text = &command.text;
        if succeeds == command.fails() {
            let how = if succeeds { "succeeds" } else { "fails" };
            return Some(format!("`{text}` {how}:\n{said}"));
        }
        let missing = shown::missing(command.shown.as_deref()?, &said)?;
        let said: Vec<&str> = said.lines().take(40).collect();
        let said = said.join("\n");
        Some(format!("`{text}` does not say\n  {missing}\nbut\n{said}"))
    }

    /// Runs a line of shell; whether it succeeds, and all that it says.
    fn run(&self, line: &str) -> (bool, String) {
        let home = self.home.path();
        let line = line.replace("cargo run --release -- ", "mikron ");
        let path = std::env::var("PATH").unwrap_or_default();
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{line}")])
            .current_dir(home.join("work"))
            .env_clear()
            .env("PATH", format!("{}:{path}", home.join("bin").display()))
            .env("HOME", home)
            .env("NO_COLOR", "1")
            .env("COLUMNS", "120")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said)
    }
}
