//! Any bytes as an archive of images: no panic, and what is sound reads the same from memory, where it is written.
#![no_main]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mikron_oci::{Child, HeldIndex, ImageIndex, ImageTree, MemoryStore, docker, mutate, validate_index, write_index};
use mikron_package::Limits;

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        unpacked: 1 << 22,
        extension: 1 << 14,
        xattrs: 1 << 12,
        manifest: 1 << 16,
        ..Limits::default()
    };
    let path = format!("/dev/shm/mikron-fuzz-image-{}", std::process::id());
    let path = Path::new(&path);
    fs::write(path, data).expect("a file in memory can be written");
    let archive = docker::Archive::open(path, &limits);
    fs::remove_file(path).expect("it was just written");
    let Ok(archive) = archive else { return };
    let root = Arc::new(archive).root(&limits);
    let Ok(report) = validate_index(&root, &limits) else { return };

    let memory = Arc::new(MemoryStore::default());
    let target = write_index(&*memory, &root).expect("what is sound can be read");
    let copy = HeldIndex::open(memory, &target, &limits).expect("what was written can be read");
    assert_eq!(copy.manifest().bytes(), root.manifest().bytes());
    assert_eq!(validate_index(&copy, &limits).expect("it was sound"), report);
    if let Ok(images) = mutate::images(&Child::Index(Arc::new(copy))) {
        for (_, image) in images {
            drop(ImageTree::read(&*image, &|path| path.file_name() == Some(b"x"), &limits));
        }
    }
});
