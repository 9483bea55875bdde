//! Through rpmbuild into a repository of createrepo_c.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Debian;
use crate::repository::TestKey;
use crate::rpm::rpmbuild;

/// Builds every package with rpmbuild, and makes a signed repository of them in `repository`. Work files lie below `work`.
///
/// What rpmbuild finds by itself and no package of the set has is not required: Essential packages come without what they need
/// beyond the set.
///
/// # Errors
/// When rpmbuild, rpm or createrepo_c fails.
pub fn rpm_repository(
    packages: &[Debian],
    work: &Path,
    repository: &Path,
    key: &TestKey,
) -> io::Result<()> {
    let names: BTreeMap<u32, String> = accounts("/etc/passwd")?;
    let groups: BTreeMap<u32, String> = accounts("/etc/group")?;
    let mut built = Vec::new();
    for package in packages {
        let spec = spec(package, packages, &names, &groups, &[])?;
        built.push(build(package, &spec, &work.join(&package.name))?);
    }
    let mut offered: BTreeSet<String> = BTreeSet::new();
    for rpm in &built {
        offered.extend(query(rpm, "[%{PROVIDENAME}\\n]")?);
        offered.extend(query(rpm, "[%{FILENAMES}\\n]")?);
    }
    for (package, rpm) in packages.iter().zip(&mut built) {
        let open = |name: &String| !offered.contains(name) && !name.starts_with("rpmlib(");
        let open: Vec<String> = query(rpm, "[%{REQUIRENAME}\\n]")?
            .into_iter()
            .filter(open)
            .collect();
        if !open.is_empty() {
            let spec = spec(package, packages, &names, &groups, &open)?;
            *rpm = build(
                package,
                &spec,
                &work.join(format!("{} again", package.name)),
            )?;
        }
    }
    fs::create_dir_all(repository)?;
    for rpm in &built {
        let name = rpm.file_name().unwrap_or_default();
        fs::copy(rpm, repository.join(name))?;
    }
    let status = Command::new("createrepo_c")
        .args(["--quiet", "--revision", "1700000000"])
        .arg(repository)
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("createrepo_c failed: {status}")));
    }
    let repomd = repository.join("repodata/repomd.xml");
    let signature = TestKey::sign_detached(std::slice::from_ref(key), &fs::read(&repomd)?);
    fs::write(repository.join("repodata/repomd.xml.asc"), signature)
}

fn build(package: &Debian, spec: &str, dir: &Path) -> io::Result<PathBuf> {
    // rpmbuild takes no blanks in paths.
    let dir = PathBuf::from(dir.display().to_string().replace(' ', "-"));
    fs::create_dir_all(&dir)?;
    let target = package.machine();
    let macros = [
        ("_binary_payload", "w3.zstdio"),
        ("_build_id_links", "none"),
        ("_unpackaged_files_terminate_build", "0"),
        ("_target_cpu", target),
        ("__arch_install_post", "%{nil}"),
    ];
    let built = rpmbuild(Path::new("rpmbuild"), &dir, spec, &macros)?;
    built
        .into_iter()
        .next()
        .ok_or_else(|| io::Error::other(format!("rpmbuild made nothing of {}", package.name)))
}

/// The spec of a package: its files as they are, its dependencies within the set, its scripts.
fn spec(
    package: &Debian,
    set: &[Debian],
    users: &BTreeMap<u32, String>,
    groups: &BTreeMap<u32, String>,
    without: &[String],
) -> io::Result<String> {
    let (epoch, version, release) = package.version_parts();
    let clean = |text: &str| text.replace('-', ".");
    let mut spec = String::new();
    let mut line = |text: String| {
        spec.push_str(&text);
        spec.push('\n');
    };
    // Modules of interpreted languages are no part of the set's words, and Debian's links for the linker need no packages.
    let mut excluded = vec![
        "perl\\\\(.*".to_owned(),
        "python.*".to_owned(),
        "pkgconfig\\\\(.*".to_owned(),
    ];
    excluded.extend(without.iter().map(|name| escaped(name)));
    line(format!(
        "%global __requires_exclude ^({})$",
        excluded.join("|")
    ));
    line("%global __provides_exclude ^(perl\\\\(.*|python.*|pkgconfig\\\\(.*)$".to_owned());
    line(format!("Name: {}", package.name));
    if let Some(epoch) = epoch {
        line(format!("Epoch: {epoch}"));
    }
    line(format!(
        "Version: {}\nRelease: {}",
        clean(version),
        clean(release)
    ));
    line("Summary: repackaged\nLicense: see the copyright file".to_owned());
    if package.arch == "all" {
        line("BuildArch: noarch".to_owned());
    }
    for name in package.depends_among(set) {
        line(format!("Requires: {name}"));
    }
    for name in &package.provides {
        line(format!("Provides: {name}"));
    }
    line("%description\nRepackaged.".to_owned());
    line(format!(
        "%install\ncp -a {}/. %{{buildroot}}/",
        package.tree.display()
    ));
    for (name, script) in [("%pre", &package.preinst), ("%post", &package.postinst)] {
        if let Some(text) = script.as_ref().filter(|text| text.starts_with("#!/bin/sh")) {
            // rpm calls with the number of versions, dpkg with what is done; a script of a distribution would not ask.
            let first = if name == "%pre" {
                "install"
            } else {
                "configure"
            };
            line(format!(
                "{name}\nset -- {first}\n{}",
                text.replace('%', "%%")
            ));
        }
    }
    line("%files".to_owned());
    for item in package.items()? {
        let (uid, gid) = (item.metadata.uid(), item.metadata.gid());
        let user = users.get(&uid).map_or("root", String::as_str);
        let group = groups.get(&gid).map_or("root", String::as_str);
        let kind = if item.metadata.is_dir() {
            "%dir "
        } else if package.conffiles.contains(&item.path) {
            "%config(noreplace) "
        } else {
            ""
        };
        let attr = if item.metadata.is_symlink() {
            format!("%attr(-,{user},{group})")
        } else {
            format!("%attr({:04o},{user},{group})", item.mode())
        };
        let mut text = String::new();
        let path = item.path.replace('%', "%%");
        let _ = write!(text, "{attr} {kind}\"{}\"", globbed(&path));
        line(text);
    }
    Ok(spec)
}

/// A path of a %files section that stands for itself.
fn globbed(path: &str) -> String {
    let special = |c: char| "[]*?{}".contains(c);
    path.chars()
        .map(|c| if special(c) { '?' } else { c })
        .collect()
}

/// A name as a regular expression in a macro.
fn escaped(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if !c.is_alphanumeric() && c != '/' && c != '_' && c != '-' {
            text.push_str("\\\\");
        }
        text.push(c);
    }
    text
}

fn query(rpm: &Path, format: &str) -> io::Result<Vec<String>> {
    let output = Command::new("rpm")
        .args(["-qp", "--nosignature", "--queryformat", format])
        .arg(rpm)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .lines()
        .filter(|line| *line != "(none)")
        .map(str::to_owned)
        .collect())
}

/// Names by number, of passwd(5) or group(5).
fn accounts(file: &str) -> io::Result<BTreeMap<u32, String>> {
    let text = fs::read_to_string(file)?;
    let account = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((fields.nth(1)?.parse().ok()?, name))
    };
    Ok(text.lines().filter_map(account).collect())
}
