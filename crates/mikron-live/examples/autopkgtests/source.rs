//! A source package: fetched from the mirror, unpacked by dpkg-source, and what its `debian/tests/control` asks for.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use mikron_deb::{Stanza, StanzaReader};
use mikron_live::mirror::mirror;
use mikron_package::{Digest, Limits};
use mikron_testkit::tools::tool;

/// What a test may ask for of those that run it: nothing, or what an image under crun gives.
const HARMLESS: [&str; 6] = [
    "allow-stderr",
    "needs-root",
    "rw-build-tree",
    "skip-not-installable",
    "skippable",
    "superficial",
];

/// A file of a source package.
pub(crate) struct SourceFile {
    pub(crate) name: String,
    pub(crate) size: u64,
    sha256: String,
}

/// The text of a field; empty where there is none.
pub(crate) fn text_of(stanza: &Stanza, name: &str) -> String {
    let field = stanza.get(name).unwrap();
    field.map_or_else(String::new, |field| field.unfolded().trim().to_owned())
}

/// The files that make up a source package.
pub(crate) fn files_of(stanza: &Stanza) -> Vec<SourceFile> {
    let lines = text_of(stanza, "Checksums-Sha256");
    let file = |line: &str| {
        let mut words = line.split_whitespace();
        let (sha256, size, name) = (words.next()?, words.next()?, words.next()?);
        Some(SourceFile {
            name: name.to_owned(),
            size: size.parse().ok()?,
            sha256: sha256.to_owned(),
        })
    };
    lines.lines().filter_map(file).collect()
}

/// The archive's Sources, fetched once into a directory. `None` where this machine cannot.
pub(crate) fn sources(dir: &Path) -> Option<PathBuf> {
    let list = dir.join("Sources");
    if !list.exists() {
        fs::create_dir_all(dir).unwrap();
        let packed = dir.join("Sources.xz");
        fetch("dists/bookworm/main/source/Sources.xz", &packed).unwrap();
        let unpacked = Command::new(tool("xz")?)
            .arg("--decompress")
            .arg(packed)
            .status();
        assert!(unpacked.unwrap().success(), "xz");
    }
    Some(list)
}

/// Fetches what the mirror has at a location; some have no sources, or not all.
fn fetch(location: &str, to: &Path) -> Result<(), String> {
    let (Some(mirror), Some(curl)) = (mirror(), tool("curl")) else {
        return Err("there is no mirror, or no curl".into());
    };
    let fetched = Command::new(curl)
        .args(["--silent", "--fail", "--location", "--output"])
        .arg(to)
        .arg(format!("{}/{location}", mirror.main))
        .status();
    let is_here = fetched.unwrap().success();
    is_here
        .then_some(())
        .ok_or_else(|| format!("the mirror has no {location}"))
}

/// Fetches a source package, checks its files by the digests of Sources, and unpacks it with its patches into `tree`.
pub(crate) fn unpack(sources: &Path, name: &str, tree: &Path) -> Result<(), String> {
    let limits = Limits::default();
    let mut reader = StanzaReader::new(File::open(sources).unwrap(), &limits);
    let dir = tempfile::TempDir::new().unwrap();
    while let Some(stanza) = reader.next_stanza().unwrap() {
        if text_of(&stanza, "Package") != name || text_of(&stanza, "Extra-Source-Only") == "yes" {
            continue;
        }
        let files = files_of(&stanza);
        let directory = text_of(&stanza, "Directory");
        for file in &files {
            let path = dir.path().join(&file.name);
            fetch(&format!("{directory}/{}", file.name), &path)?;
            if Digest::of(&fs::read(&path).unwrap()).hex() != file.sha256 {
                return Err(format!("{} is not what Sources says", file.name));
            }
        }
        let is_description = |file: &&SourceFile| {
            let extension = Path::new(&file.name).extension();
            extension.is_some_and(|extension| extension == "dsc")
        };
        let description = files.iter().find(is_description);
        let unpacked = Command::new("dpkg-source")
            .args(["--no-check", "--extract"])
            .arg(dir.path().join(&description.unwrap().name))
            .arg(tree)
            .output();
        let is_well = unpacked.is_ok_and(|output| output.status.success());
        return is_well
            .then_some(())
            .ok_or_else(|| "dpkg-source does not unpack it".into());
    }
    Err("it is not in Sources".into())
}

/// One test of a source package.
pub(crate) struct Test {
    pub(crate) name: String,
    /// The script, from the root of the tree.
    pub(crate) script: PathBuf,
    /// The packages of the source that it needs: all of them for `@`.
    pub(crate) packages: Vec<String>,
}

/// The tests of an unpacked source package, or why one of them is not run. `own` are the packages of the source.
pub(crate) fn tests(tree: &Path, own: &[String]) -> Vec<Result<Test, String>> {
    let Ok(control) = File::open(tree.join("debian/tests/control")) else {
        return vec![Err("it has no debian/tests/control".into())];
    };
    let limits = Limits::default();
    let mut reader = StanzaReader::new(control, &limits)
        .with_comments()
        .with_blank_separators();
    let mut tests = Vec::new();
    let mut commands = 0;
    while let Ok(Some(stanza)) = reader.next_stanza() {
        if stanza.get("Tests").is_err() {
            tests.push(Err("its control file is not read".into()));
            break;
        }
        let words = |name| {
            let text = text_of(&stanza, name);
            let words = text.split([' ', ',', '\n']).map(str::to_owned);
            words
                .filter(|word| !word.is_empty())
                .collect::<Vec<String>>()
        };
        let mut asked = words("Restrictions").into_iter();
        let asked = asked.find(|word| !HARMLESS.contains(&word.as_str()));
        let architectures = words("Architecture");
        let elsewhere = !architectures.is_empty()
            && !architectures
                .iter()
                .any(|word| matches!(word.as_str(), "amd64" | "any" | "any-amd64"));
        let depends = text_of(&stanza, "Depends");
        let depends = if depends.is_empty() { "@" } else { &depends };
        let depends = depends
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty());
        let mut packages: Vec<String> = depends
            .map(|one| {
                one.split([' ', ':', '|', '('])
                    .next()
                    .unwrap_or(one)
                    .to_owned()
            })
            .collect();
        let stranger = packages
            .iter()
            .find(|one| *one != "@" && !own.contains(one))
            .cloned();
        if packages.iter().any(|one| one == "@") {
            packages = own.to_vec();
        }
        let why_not = match (asked, stranger) {
            (Some(asked), _) => Some(format!("it asks for {asked}")),
            (_, Some(stranger)) => Some(format!("it needs {stranger}")),
            _ if elsewhere => Some("it is for another architecture".into()),
            _ => None,
        };
        let directory = text_of(&stanza, "Tests-Directory");
        let directory = if directory.is_empty() {
            "debian/tests"
        } else {
            &directory
        };
        let mut named: Vec<(String, PathBuf)> = words("Tests")
            .into_iter()
            .map(|name| (name.clone(), Path::new(directory).join(name)))
            .collect();
        let command = text_of(&stanza, "Test-Command");
        if !command.is_empty() {
            commands += 1;
            let script = format!("debian/tests/mikron-command-{commands}");
            // As autopkgtest runs it.
            fs::write(tree.join(&script), format!("#!/bin/bash -e\n{command}\n")).unwrap();
            named.push((format!("command-{commands}"), script.into()));
        }
        for (name, script) in named {
            tests.push(match &why_not {
                Some(why) => Err(format!("{name}: {why}")),
                None => Ok(Test {
                    name,
                    script,
                    packages: packages.clone(),
                }),
            });
        }
    }
    tests
}
