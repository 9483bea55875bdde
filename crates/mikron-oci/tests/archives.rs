//! Archives of images that others wrote, or broke.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::sync::Arc;

use common::{Whole, built, limits, reopened, whole};
use mikron_oci::{
    Child, Compression, Descriptor, Image, ImageError, ImageLayer, ImageTree, LayerBlob,
    MemoryStore, StoreError, StoredLayer, docker, mutate, put, validate_index,
};
use mikron_package::{Architecture, DiffId, Digest, Limits};
use serde_json::{Value, json};

/// Files of an archive as others write them.
fn tar(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    for (name, target) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, name, target).unwrap();
    }
    tar.into_inner().unwrap()
}

fn open(bytes: &[u8]) -> Result<docker::Archive, ImageError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    docker::Archive::open(file.path(), &limits())
}

/// An image as engines saved it before version 25: no manifests, a link for a layer that stands elsewhere, one layer in gzip.
fn old(image: &dyn Image, break_config: impl FnOnce(&mut Value)) -> Vec<u8> {
    let layers: Vec<Vec<u8>> = image
        .layers()
        .iter()
        .map(|layer| {
            let mut bytes = Vec::new();
            layer
                .tar(&limits())
                .unwrap()
                .read_to_end(&mut bytes)
                .unwrap();
            bytes
        })
        .collect();
    let mut config: Value = serde_json::from_slice(image.config()).unwrap();
    break_config(&mut config);
    let config = serde_json::to_vec(&config).unwrap();
    let listed = json!([{
        "Config": "c.json",
        "RepoTags": ["nginx:old"],
        "Layers": ["a/layer.tar", "b/layer.tar"],
    }]);
    let listed = serde_json::to_vec(&listed).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::copy(&mut &layers[1][..], &mut gzip).unwrap();
    let packed = gzip.finish().unwrap();
    tar(
        &[
            ("manifest.json", &listed),
            ("c.json", &config),
            ("base.tar", &layers[0]),
            ("b/layer.tar", &packed),
        ],
        &[("a/layer.tar", "../base.tar")],
    )
}

#[test]
fn an_archive_of_an_old_engine_holds_the_same_image() {
    let image = built(Architecture::Amd64);
    let archive = Arc::new(open(&old(&image, |_| ())).unwrap());
    let read = reopened(archive.clone(), "old");
    assert_eq!(
        archive.image("nginx:old").unwrap().unwrap().digest(),
        read.descriptor().digest()
    );
    let unpacked = |whole: Whole| whole.2.into_iter().map(|(_, id, tar)| (id, tar)).collect();
    let (found, wanted): (Vec<_>, Vec<_>) = (unpacked(whole(&*read)), unpacked(whole(&image)));
    assert_eq!(found, wanted);
    assert_eq!(read.platform().unwrap(), image.platform().unwrap());
}

#[test]
fn what_an_archive_says_is_checked_against_what_it_holds() {
    let image = built(Architecture::Amd64);
    let lies = old(&image, |c| {
        c["rootfs"]["diff_ids"][0] = Digest::of(b"x").to_string().into();
    });
    let archive = Arc::new(open(&lies).unwrap());
    let faults = validate_index(&archive.root(&limits()), &limits()).unwrap_err();
    assert!(faults[0].to_string().contains("unpacks to"), "{faults:?}");
    let fewer = old(&image, |c| {
        drop(c["rootfs"]["diff_ids"].as_array_mut().unwrap().pop());
    });
    let future = br#"{"imageLayoutVersion":"2.0.0"}"#;
    let refused: [(Vec<u8>, &str); 11] = [
        (
            tar(&[("oci-layout", future)], &[]),
            "layout version `2.0.0`",
        ),
        (fewer, "2 layers and its config 1 diff ids"),
        (tar(&[("x", b"x")], &[]), "neither an `index.json`"),
        (tar(&[("a", b"x"), ("./a", b"y")], &[]), "stands twice"),
        (tar(&[("a", b"x")], &[("a", "b")]), "stands twice"),
        (b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), "compressed with gzip"),
        (tar(&[("manifest.json", b"{}")], &[]), "not of the form"),
        (
            tar(&[], &[("manifest.json", "a"), ("a", "manifest.json")]),
            "lead to no file",
        ),
        (
            tar(
                &[("manifest.json", br#"[{"Config":"../../etc/passwd"}]"#)],
                &[],
            ),
            "`..`",
        ),
        (
            tar(
                &[("manifest.json", br#"[{"Config":"c"}]"#)],
                &[("c", "/etc/passwd")],
            ),
            "no file /etc/passwd",
        ),
        (
            tar(&[("manifest.json", "[".repeat(100_000).as_bytes())], &[]),
            "recursion limit",
        ),
    ];
    for (bytes, said) in refused {
        let error = open(&bytes).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let giant = vec![b' '; 5 << 20];
    assert!(matches!(
        open(&tar(&[("manifest.json", &giant)], &[])),
        Err(ImageError::Store(StoreError::TooLarge { .. }))
    ));
    let truncated = &old(&image, |_| ())[..3000];
    assert!(open(truncated).is_err());
}

#[test]
fn an_archive_with_any_byte_changed_is_read_or_refused() {
    let store = Arc::new(MemoryStore::default());
    let tar = tar(&[("etc/motd", b"hello")], &[("link", "etc/motd")]);
    let layer = Descriptor::new(
        "application/vnd.oci.image.layer.v1.tar",
        put(&*store, &tar).unwrap(),
    );
    let size = layer.size();
    let layer = LayerBlob {
        blob: layer.blob(),
        diff_id: DiffId(layer.digest()),
        unpacked: size,
        compression: Compression::None,
    };
    let layer = ImageLayer {
        layer: Arc::new(StoredLayer::new(store, &layer, &BTreeMap::new())),
        created_by: String::new(),
    };
    let image = common::of_layers(Architecture::Amd64, vec![layer]);
    let mut written = Vec::new();
    let names = ["a:b".to_owned()];
    let with_names = docker::Named {
        image: &image,
        names: &names,
    };
    docker::write(&[with_names], &mut written, "memory").unwrap();
    let small = Limits {
        unpacked: 1 << 20,
        ..limits()
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut sound = 0;
    for (n, place) in (0..written.len()).step_by(31).enumerate() {
        let mut bytes = written.clone();
        bytes[place] ^= 1 << (n % 8);
        fs::write(file.path(), &bytes).unwrap();
        let Ok(archive) = docker::Archive::open(file.path(), &small) else {
            continue;
        };
        let root = Arc::new(archive).root(&small);
        if validate_index(&root, &small).is_err() {
            continue;
        }
        sound += 1;
        for (_, image) in mutate::images(&Child::Index(Arc::new(root))).unwrap_or_default() {
            drop(ImageTree::read(&*image, &|_| true, &small));
        }
    }
    assert!(
        sound > 0,
        "padding and what old engines read may say anything"
    );
}
