//! The shell scripts of this machine, and what its shells say of them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Scripts above this size are left out, in bytes.
const LARGEST: u64 = 1 << 20;

/// The shell scripts at and below some paths, in order: files whose first line names a Bourne shell.
pub(crate) fn scripts(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = roots.to_vec();
    while let Some(path) = open.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        } else if metadata.is_file() && metadata.len() <= LARGEST && shell(&path).is_some() {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The shell that a script's first line names.
pub(crate) fn shell(path: &Path) -> Option<&'static str> {
    let mut start = [0; 64];
    let length = File::open(path).ok()?.read(&mut start).ok()?;
    let line = start[..length].split(|b| *b == b'\n').next()?;
    let line = std::str::from_utf8(line.strip_prefix(b"#!")?).ok()?;
    let mut words = line.split_whitespace();
    let mut name = words.next()?.rsplit('/').next()?;
    if name == "env" {
        name = words.next()?;
    }
    match name {
        "sh" | "dash" | "ash" => Some("dash"),
        "bash" | "ksh" | "ksh93" | "mksh" => Some("bash"),
        _ => None,
    }
}

/// Whether a shell takes a script, as `-n` tells.
pub(crate) fn accepts(shell: &Path, script: &Path) -> bool {
    let mut command = Command::new(shell);
    command.arg("-n").arg(script).env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
