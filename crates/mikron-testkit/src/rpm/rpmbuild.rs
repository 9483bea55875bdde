//! rpmbuild, with a directory of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds the binary packages of a spec below `dir`, which is to be empty, with further macros by name and value. The time of
/// building is fixed, and nothing of the user's configuration is read.
///
/// # Errors
/// When rpmbuild does not start, or fails; the error holds the end of what it wrote.
pub fn rpmbuild(
    rpmbuild: &Path,
    dir: &Path,
    spec: &str,
    macros: &[(&str, &str)],
) -> io::Result<Vec<PathBuf>> {
    let file = dir.join("test.spec");
    fs::write(&file, spec)?;
    let top = dir.join("top");
    let mut command = Command::new(rpmbuild);
    command.args(["-bb", "--nodeps", "--define"]);
    command.arg(format!("_topdir {}", top.display()));
    let fixed = [
        ("_buildhost", "example.org"),
        ("debug_package", "%{nil}"),
        ("__os_install_post", "%{nil}"),
        ("__spec_install_post", "%{nil}"),
    ];
    for (name, value) in fixed.iter().chain(macros) {
        command.arg("--define").arg(format!("{name} {value}"));
    }
    let output = command
        .arg(&file)
        .env("HOME", dir)
        .env("LC_ALL", "C")
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("rpmbuild failed: {text}")));
    }
    let mut packages = Vec::new();
    for arch in fs::read_dir(top.join("RPMS"))? {
        for package in fs::read_dir(arch?.path())? {
            packages.push(package?.path());
        }
    }
    packages.sort();
    Ok(packages)
}
