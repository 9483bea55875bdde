//! Facts of ELF files, made by hand and as readelf sees them.

#[path = "support/against_readelf.rs"]
mod against_readelf;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mikron_facts::{
    ElfClass, ElfKind, Endianness, LibcFlavour, ReadAt, SymbolKey, Symbols, X86Level, read_elf,
};
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::tools::{skip, tool};

/// Symbols that rules ask for.
const RECORDED: [&str; 6] = [
    "pthread_exit",
    "pthread_cancel",
    "backtrace",
    "dlopen",
    "system",
    "iconv_open",
];

fn symbols() -> Symbols {
    Symbols::new(RECORDED)
}

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
    let elf = read_elf(bytes.as_slice(), &symbols()).expect("well-formed");
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
    let elf =
        read_elf(ElfBuilder::executable().build().as_slice(), &symbols()).expect("well-formed");
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
        if let Err(error) = read_elf(bytes, &symbols()) {
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
    let mut paths = elf_files("/usr/bin", 200);
    paths.extend(elf_files("/usr/lib/x86_64-linux-gnu", 300));
    paths.extend(elf_files("/usr/lib/aarch64-linux-gnu", 100));
    let mut compared = 0;
    for batch in paths.chunks(64) {
        let batch: Vec<&Path> = batch.iter().map(PathBuf::as_path).collect();
        let said = mikron_testkit::readelf::read(&readelf, &batch).expect("readelf runs");
        for (path, said) in batch.into_iter().zip(said) {
            let Ok(elf) = read_elf(&OnDisk::open(path), &symbols()) else {
                panic!("{} is not read", path.display());
            };
            let different = against_readelf::differences(&elf, &said, &RECORDED);
            assert!(different.is_empty(), "{}: {different:#?}", path.display());
            compared += 1;
        }
    }
    eprintln!("{compared} files compared");
    assert!(compared > 0 || paths.is_empty());
}

#[test]
fn the_notes_and_flags_of_a_written_file_are_read_back() {
    let bytes = ElfBuilder::library("libx.so.1")
        .abi_tag([3, 2, 0])
        .x86_needed(0b0111)
        .no_default_dirs()
        .bind_now()
        .filter("libreal.so.1")
        .auxiliary("libfast.so.1")
        .version_definition("X_1")
        .export_of("open", "X_1")
        .export("close")
        .dlopen_note("{")
        .build();
    let elf = read_elf(bytes.as_slice(), &symbols()).expect("a broken note hides nothing else");
    assert_eq!(
        elf.minimum_kernel.map(|k| k.to_string()).as_deref(),
        Some("3.2.0")
    );
    assert_eq!(elf.x86_level, Some(X86Level::V3));
    assert!(elf.no_default_dirs && elf.bind_now);
    assert_eq!(elf.filters, ["libreal.so.1"]);
    assert_eq!(elf.auxiliaries, ["libfast.so.1"]);
    assert!(elf.broken_note.is_some() && elf.dlopen.is_empty());
    let exports = elf.exports.expect("a library has them");
    assert_eq!(exports.len(), 2);
    assert!(exports.defines(SymbolKey::new("open", Some("X_1"))));
    assert!(!exports.defines(SymbolKey::new("open", Some("X_2"))));
    assert!(exports.defines(SymbolKey::new("close", Some("X_2"))));
    assert!(!exports.defines(SymbolKey::new("read", None)));
}

#[test]
fn a_program_keeps_its_unresolved_symbols_only_when_it_binds_at_once() {
    let program = ElfBuilder::executable()
        .version_need("libc.so.6", &["GLIBC_2.34"])
        .import_of("open", "GLIBC_2.34")
        .import("other");
    let late = read_elf(program.build().as_slice(), &symbols()).expect("well-formed");
    assert!(late.unresolved.is_empty());
    let now = read_elf(program.bind_now().build().as_slice(), &symbols()).expect("well-formed");
    let all: Vec<_> = now.unresolved.iter().collect();
    assert_eq!(all, [("open", Some("GLIBC_2.34")), ("other", None)]);
}

#[test]
fn the_c_library_is_told_by_loader_library_and_version() {
    let libc = |file: ElfBuilder| {
        read_elf(file.build().as_slice(), &symbols())
            .expect("well-formed")
            .libc()
    };
    let library = || ElfBuilder::library("libx.so.1");
    let program = ElfBuilder::executable();
    assert_eq!(libc(library()), None);
    assert_eq!(libc(program.clone()), Some(LibcFlavour::Glibc));
    let musl = program.interpreter("/lib/ld-musl-x86_64.so.1");
    assert_eq!(libc(musl), Some(LibcFlavour::Musl));
    assert_eq!(
        libc(library().needed("libc.so.6")),
        Some(LibcFlavour::Glibc)
    );
    let musl = library().needed("libc.musl-aarch64.so.1");
    assert_eq!(libc(musl), Some(LibcFlavour::Musl));
    let by_version = library().version_need("libm.so.6", &["GLIBC_2.29"]);
    assert_eq!(libc(by_version), Some(LibcFlavour::Glibc));
}

#[test]
fn of_a_large_library_only_a_small_part_is_read() {
    let libraries = elf_files("/usr/lib/x86_64-linux-gnu", 10_000);
    let size = |path: &PathBuf| fs::metadata(path).map_or(0, |m| m.len());
    let Some(largest) = libraries.into_iter().max_by_key(size) else {
        return skip("this machine has no libraries of Debian's");
    };
    let file = OnDisk::open(&largest);
    read_elf(&file, &symbols()).expect("well-formed");
    let (read, whole) = (file.read.get(), file.len());
    eprintln!("{}: {read} of {whole} bytes", largest.display());
    assert!(whole < 20_000_000 || read < whole / 4, "{read} of {whole}");
}
