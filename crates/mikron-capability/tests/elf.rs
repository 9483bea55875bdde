//! Facts of ELF files, made by hand and as readelf sees them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use mikron_capability::{ElfClass, ElfFacts, ElfKind, Endianness, ReadAt, read_elf};
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::tools::tool;

#[test]
fn a_written_file_is_read_back() {
    let bytes = ElfBuilder::library("libx.so.1")
        .needed("libc.so.6")
        .needed("libz.so.1")
        .runpath("$ORIGIN/../x:/opt/x")
        .version_need("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.34"])
        .version_need("libz.so.1", &["ZLIB_1.2"])
        .version_definition("X_1")
        .version_definition("X_2")
        .import("pthread_exit")
        .import("memcpy")
        .import("dlopen")
        .dlopen_note(r#"[{"soname":["liby.so.2"],"priority":"required"}]"#)
        .build();
    let elf = read_elf(bytes.as_slice()).expect("well-formed");
    assert_eq!(elf.kind, ElfKind::Shared);
    assert_eq!(
        (elf.class, elf.endianness, elf.machine),
        (ElfClass::Elf64, Endianness::Little, 62)
    );
    assert_eq!(elf.soname.as_deref(), Some("libx.so.1"));
    assert_eq!(elf.needed, ["libc.so.6", "libz.so.1"]);
    assert_eq!(elf.runpath, ["$ORIGIN/../x", "/opt/x"]);
    assert_eq!(elf.version_needs.len(), 2);
    assert_eq!(elf.version_needs[0].versions[1].name, "GLIBC_2.34");
    assert_eq!(elf.version_definitions, ["X_1", "X_2"]);
    let imports: Vec<&str> = elf.imports.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(imports, ["dlopen", "pthread_exit"]);
    assert_eq!(elf.dlopen[0].sonames, ["liby.so.2"]);
}

#[test]
fn an_executable_is_told_apart_from_a_library() {
    let elf = read_elf(ElfBuilder::executable().build().as_slice()).expect("well-formed");
    assert_eq!(elf.kind, ElfKind::PositionIndependent);
    assert!(elf.is_executable() && !elf.is_static());
    assert_eq!(
        elf.interpreter.as_deref(),
        Some("/lib64/ld-linux-x86-64.so.2")
    );
}

#[test]
fn every_truncation_and_every_flipped_byte_gives_facts_or_a_typed_error() {
    let whole = ElfBuilder::library("libx.so.1")
        .needed("libc.so.6")
        .version_need("libc.so.6", &["GLIBC_2.34"])
        .version_definition("X_1")
        .import("pthread_exit")
        .dlopen_note(r#"[{"soname":["liby.so.2"]}]"#)
        .build();
    let check = |bytes: &[u8]| {
        if let Err(error) = read_elf(bytes) {
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
    };
    for length in 0..whole.len() {
        check(&whole[..length]);
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            check(&bytes);
        }
    }
}

/// A file on the disk, read at positions, that counts what is read.
struct OnDisk {
    file: fs::File,
    read: std::cell::Cell<u64>,
}

impl OnDisk {
    fn open(path: &Path) -> Self {
        Self {
            file: fs::File::open(path).expect("readable"),
            read: std::cell::Cell::new(0),
        }
    }
}

impl ReadAt for OnDisk {
    fn len(&self) -> u64 {
        self.file.metadata().expect("metadata").len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let n = std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)?;
        self.read.set(self.read.get() + n as u64);
        Ok(n)
    }
}

/// What `readelf -W` says, in our words.
#[derive(Debug, Default, PartialEq)]
struct Said {
    soname: Option<String>,
    needed: Vec<String>,
    rpath: Vec<String>,
    runpath: Vec<String>,
    interpreter: Option<String>,
    needs: BTreeMap<String, Vec<String>>,
    definitions: Vec<String>,
    imports: Vec<String>,
}

impl Said {
    fn by_us(elf: &ElfFacts) -> Self {
        let needs = elf.version_needs.iter().map(|n| {
            (
                n.library.clone(),
                n.versions.iter().map(|v| v.name.clone()).collect(),
            )
        });
        Self {
            soname: elf.soname.clone(),
            needed: elf.needed.clone(),
            rpath: elf.rpath.clone(),
            runpath: elf.runpath.clone(),
            interpreter: elf.interpreter.clone(),
            needs: needs.collect(),
            definitions: elf.version_definitions.clone(),
            imports: elf.imports.iter().map(|i| i.name.clone()).collect(),
        }
    }

    fn by_readelf(text: &str, recorded: &[&str]) -> Self {
        let mut said = Self::default();
        let mut section = "";
        let mut library = String::new();
        let bracketed = |line: &str| {
            let inner = line.split_once('[').map(|(_, rest)| rest);
            inner
                .and_then(|rest| rest.rsplit_once(']'))
                .map(|(inner, _)| inner.to_owned())
        };
        let split = |line: &str| -> Vec<String> {
            let inner = bracketed(line).unwrap_or_default();
            inner
                .split(':')
                .filter(|p| !p.is_empty())
                .map(str::to_owned)
                .collect()
        };
        for line in text.lines() {
            if line.starts_with("Version needs") {
                section = "needs";
            } else if line.starts_with("Version definition") {
                section = "definitions";
            } else if line.starts_with("Symbol table") {
                section = "symbols";
            } else if line.contains("(NEEDED)") {
                said.needed.extend(bracketed(line));
            } else if line.contains("(SONAME)") {
                said.soname = bracketed(line);
            } else if line.contains("(RPATH)") {
                said.rpath = split(line);
            } else if line.contains("(RUNPATH)") {
                said.runpath = split(line);
            } else if let Some((_, path)) = line.split_once("Requesting program interpreter: ") {
                said.interpreter = Some(path.trim_end_matches(']').to_owned());
            } else if section == "needs" {
                if let Some((_, rest)) = line.split_once("File: ") {
                    rest.split_whitespace()
                        .next()
                        .unwrap_or_default()
                        .clone_into(&mut library);
                    said.needs.entry(library.clone()).or_default();
                } else if let Some((_, rest)) = line.split_once("Name: ") {
                    let name = rest
                        .split_whitespace()
                        .next()
                        .unwrap_or_default()
                        .to_owned();
                    said.needs.entry(library.clone()).or_default().push(name);
                }
            } else if section == "definitions" {
                if let (Some((_, name)), false) =
                    (line.split_once("Name: "), line.contains("Flags: BASE"))
                {
                    said.definitions.push(name.trim().to_owned());
                }
            } else if section == "symbols" {
                let words: Vec<&str> = line.split_whitespace().collect();
                if let [_, _, _, _, _, _, "UND", name, ..] = words.as_slice() {
                    let name = name.split('@').next().unwrap_or_default();
                    if recorded.contains(&name) {
                        said.imports.push(name.to_owned());
                    }
                }
            }
        }
        said.imports.sort_unstable();
        said.imports.dedup();
        said
    }
}

fn elf_files(dir: &str, most: usize) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.retain(|path| {
        let mut magic = [0; 4];
        fs::symlink_metadata(path).is_ok_and(|m| m.is_file())
            && fs::File::open(path)
                .and_then(|mut f| io::Read::read_exact(&mut f, &mut magic))
                .is_ok()
            && &magic == b"\x7fELF"
    });
    paths.sort();
    let step = paths.len().div_ceil(most).max(1);
    paths.into_iter().step_by(step).collect()
}

#[test]
fn facts_of_this_machines_files_equal_those_of_readelf() {
    let Some(readelf) = tool("readelf") else {
        return;
    };
    let recorded = [
        "pthread_exit",
        "pthread_cancel",
        "backtrace",
        "dlopen",
        "system",
        "iconv_open",
    ];
    let mut paths = elf_files("/usr/bin", 200);
    paths.extend(elf_files("/usr/lib/x86_64-linux-gnu", 300));
    paths.extend(elf_files("/usr/lib/aarch64-linux-gnu", 100));
    let mut compared = 0;
    for path in &paths {
        let output = Command::new(&readelf)
            .env("LC_ALL", "C")
            .args(["-W", "-d", "-V", "-l", "--dyn-syms"])
            .arg(path)
            .output()
            .expect("readelf runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let Ok(elf) = read_elf(&OnDisk::open(path)) else {
            panic!("{} is not read", path.display());
        };
        if !elf.dynamic {
            continue;
        }
        let mut ours = Said::by_us(&elf);
        ours.imports
            .retain(|name| recorded.contains(&name.as_str()));
        assert_eq!(
            ours,
            Said::by_readelf(&text, &recorded),
            "{}",
            path.display()
        );
        compared += 1;
    }
    eprintln!("{compared} files compared");
    assert!(compared > 0 || paths.is_empty());
}

#[test]
fn of_a_large_library_only_a_small_part_is_read() {
    let libraries = elf_files("/usr/lib/x86_64-linux-gnu", 10_000);
    let size = |path: &PathBuf| fs::metadata(path).map_or(0, |m| m.len());
    let Some(largest) = libraries.into_iter().max_by_key(size) else {
        return;
    };
    let file = OnDisk::open(&largest);
    read_elf(&file).expect("well-formed");
    let (read, whole) = (file.read.get(), file.len());
    eprintln!("{}: {read} of {whole} bytes", largest.display());
    assert!(whole < 20_000_000 || read < whole / 4, "{read} of {whole}");
}
