//! What we write says to oci-spec, the types that others read with, what it says to us.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::image;
use mikron_oci::{
    Child, HeldImage, HeldIndex, Image, ImageIndex as _, Layout, MANIFEST, MemoryStore, Recipe,
    StoredLayer, docker, mutate, put, write_image, write_index,
};
use mikron_package::{Architecture, Limits};
use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest};
use serde_json::Value;

/// Reads and writes a document with the types of others.
macro_rules! same {
    ($bytes:expr, $kind:ty) => {
        let bytes: &[u8] = $bytes;
        let theirs: $kind = serde_json::from_slice(bytes).unwrap();
        let ours: Value = serde_json::from_slice(bytes).unwrap();
        assert_eq!(serde_json::to_value(theirs).unwrap(), ours);
    };
}

fn same_image(image: &dyn Image) {
    same!(image.manifest().bytes(), ImageManifest);
    if image.platform().unwrap().is_some() {
        same!(image.config(), ImageConfiguration);
    }
    for layer in image.layers() {
        same!(&serde_json::to_vec(layer.descriptor()).unwrap(), Descriptor);
    }
    same!(
        &serde_json::to_vec(&image.descriptor()).unwrap(),
        Descriptor
    );
}

#[test]
fn every_document_of_ours_is_what_oci_spec_reads() {
    let store = Arc::new(MemoryStore::default());
    let architectures = [
        Architecture::Amd64,
        Architecture::Arm64,
        Architecture::ArmV7,
    ];
    let images = architectures.map(|a| image(&store, Recipe::default(), a, "seed"));
    let held = images
        .iter()
        .map(|image| Arc::new(image.clone()) as Arc<dyn Image>);
    let annotations = BTreeMap::from([("org.example.a".to_owned(), "b".to_owned())]);
    let index = HeldIndex::new(held, &annotations).unwrap();
    same!(index.manifest().bytes(), ImageIndex);
    let text = put(&*store, b"text").unwrap();
    let text = mikron_oci::Descriptor::new("text/plain", text).annotated("a", "b");
    let subject = images[0].descriptor();
    let blob = Arc::new(StoredLayer::blob(store.clone(), text));
    let artifact =
        HeldImage::artifact("text/plain", vec![blob], Some(&subject), &annotations).unwrap();
    same_image(&artifact);
    assert_eq!(artifact.descriptor().media_type(), MANIFEST);
    for image in &images {
        same_image(image);
        same_image(&mutate::plain(image, &Limits::default()).unwrap());
        same_image(&mutate::append(image, &[]).unwrap());
    }

    let directory = tempfile::tempdir().unwrap();
    let layout = Arc::new(Layout::create(directory.path().join("layout")).unwrap());
    let target = write_index(&*layout, &index).unwrap();
    mikron_oci::BlobStore::tag(&*layout, "x", &target).unwrap();
    let target = write_image(&*layout, &artifact).unwrap();
    mikron_oci::BlobStore::tag(&*layout, "y", &target).unwrap();
    same!(&layout.index(&Limits::default()).unwrap(), ImageIndex);
    let file = directory.path().join("image.tar");
    let names = ["nginx:1".to_owned()];
    let with_names = docker::Named {
        image: &images[0],
        names: &names,
    };
    docker::write_file(&[with_names], &file).unwrap();
    let archive = docker::Archive::open(&file, &Limits::default()).unwrap();
    let root = Arc::new(archive).root(&Limits::default());
    same!(root.manifest().bytes(), ImageIndex);
    for (_, image) in mutate::images(&Child::Index(Arc::new(root))).unwrap() {
        same_image(&*image);
    }
}
