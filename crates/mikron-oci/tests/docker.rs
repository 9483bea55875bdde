//! Archives for `docker load`.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::sync::Arc;

use common::{image, of_layers};
use mikron_oci::{
    HeldImage, Image, ImageError, ImageLayer, Layout, MemoryStore, Recipe, StoredLayer, docker,
    validate,
};
use mikron_package::{Architecture, Digest, Limits};
use serde_json::Value;

fn archive(recipe: &str, names: &[&str]) -> (Vec<u8>, HeldImage) {
    let store = Arc::new(MemoryStore::default());
    let image = image(&store, recipe.parse().unwrap(), Architecture::Amd64, "seed");
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut bytes = Vec::new();
    let written = docker::Named {
        image: &image,
        names: &names,
    };
    docker::write(&[written], &mut bytes, "memory").unwrap();
    (bytes, image)
}

fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mtime().unwrap(), 1_700_000_000);
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        assert!(
            files.insert(name.clone(), bytes).is_none(),
            "{name} stands twice"
        );
    }
    files
}

#[test]
fn an_old_engine_finds_config_and_plain_layers_through_manifest_json() {
    let (bytes, image) = archive("zstd:3", &["nginx", "example/nginx:1.22"]);
    let files = files(&bytes);
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(
        manifest[0]["RepoTags"],
        serde_json::json!(["nginx:latest", "example/nginx:1.22"])
    );
    let config = &files[manifest[0]["Config"].as_str().unwrap()];
    assert_eq!(config, &image.config().to_vec());
    let layers: Vec<Digest> = manifest[0]["Layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| Digest::of(&files[l.as_str().unwrap()]))
        .collect();
    let diff_ids: Vec<Digest> = image
        .layers()
        .iter()
        .map(|l| l.diff_id().unwrap().0)
        .collect();
    assert_eq!(layers, diff_ids);
    let repositories: Value = serde_json::from_slice(&files["repositories"]).unwrap();
    assert!(repositories["nginx"]["latest"].is_string());
}

#[test]
fn a_new_engine_finds_a_valid_layout() {
    let (bytes, _) = archive("gzip:6", &["nginx:x"]);
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files(&bytes) {
        let path = directory.path().join(&name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::write(path, bytes).unwrap();
        }
    }
    let report = validate(directory.path(), &Limits::default()).unwrap();
    assert_eq!(
        (report.references, report.manifests, report.layers),
        (1, 1, 2)
    );
    let layout = Layout::open(directory.path()).unwrap();
    let (tag, descriptor) = layout.tags(&Limits::default()).unwrap().remove(0);
    assert_eq!(tag, "x");
    let name = descriptor.annotation("io.containerd.image.name").unwrap();
    assert!(name.ends_with("/library/nginx:x"), "{name}");
}

#[test]
fn the_archive_does_not_depend_on_how_the_layers_were_compressed() {
    let (first, _) = archive("none", &["a:b"]);
    for recipe in ["zstd:1", "zstd:19", "gzip:9"] {
        assert!(archive(recipe, &["a:b"]).0 == first, "{recipe}");
    }
}

#[test]
fn a_file_is_replaced_at_once_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.tar");
    fs::write(&path, b"old").unwrap();
    let store = Arc::new(MemoryStore::default());
    let image = image(&store, Recipe::default(), Architecture::Amd64, "seed");
    let names = ["a:b".to_owned()];
    // Its layers are not there.
    let layers = common::layers(&*store, Recipe::default(), "seed").map(|(_, layer)| ImageLayer {
        layer: Arc::new(StoredLayer::new(
            Arc::new(MemoryStore::default()),
            &layer,
            &BTreeMap::new(),
        )),
        created_by: String::new(),
    });
    let broken = of_layers(Architecture::Amd64, layers.into());
    let of = |image| {
        [docker::Named {
            image,
            names: &names,
        }]
    };
    assert!(docker::write_file(&of(&broken), &path).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"old");
    let blob = docker::write_file(&of(&image), &path).unwrap().archive;
    assert_eq!(Digest::of(&fs::read(&path).unwrap()), blob.digest);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_layer_that_unpacks_to_something_else_is_refused() {
    let store = Arc::new(MemoryStore::default());
    let [(_, mut layer), _] = common::layers(&*store, Recipe::default(), "seed");
    layer.diff_id.0 = Digest::of(b"wrong");
    let wrong = ImageLayer {
        layer: Arc::new(StoredLayer::new(store, &layer, &BTreeMap::new())),
        created_by: String::new(),
    };
    let written = [docker::Named {
        image: &of_layers(Architecture::Amd64, vec![wrong]),
        names: &[],
    }];
    let error = docker::write(&written, &mut Vec::new(), "memory").unwrap_err();
    assert!(
        matches!(error, ImageError::DiffId { expected, .. } if expected.0 == Digest::of(b"wrong"))
    );
}
