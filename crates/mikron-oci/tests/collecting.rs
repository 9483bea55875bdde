//! What collecting keeps of a layout that others write into, too.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::fs;
use std::path::PathBuf;

use common::publish;
use mikron_oci::{Layout, Recipe};
use mikron_package::Digest;
use serde_json::{Value, json};

struct Scene {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image");
        let fast = Recipe::Zstd { level: 1 };
        publish(&Layout::create(&path).unwrap(), fast, "latest", "seed");
        Self {
            _directory: directory,
            path,
        }
    }

    fn file(&self, digest: &str) -> PathBuf {
        let name = digest.strip_prefix("sha256:").unwrap();
        self.path.join("blobs/sha256").join(name)
    }

    /// Adds a blob, and gives back its descriptor.
    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes).to_string();
        fs::write(self.file(&digest), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    fn document(&self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, document.to_string().as_bytes())
    }

    /// Adds an entry to the index of the layout.
    fn tag(&self, descriptor: Value) {
        let path = self.path.join("index.json");
        let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        index["manifests"].as_array_mut().unwrap().push(descriptor);
        fs::write(&path, index.to_string()).unwrap();
    }
}

fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}

#[test]
fn what_manifests_of_kinds_that_nobody_here_knows_name_is_kept() {
    let scene = Scene::new();
    let layer = |text: &str| scene.blob("application/octet-stream", text.as_bytes());
    let manifest =
        |layer: &Value| json!({ "schemaVersion": 2, "config": layer, "layers": [layer] });
    let mut kept = Vec::new();
    let mut tag = |media_type: &str, document: &Value, names: Value| {
        scene.tag(scene.document(media_type, document));
        kept.push(names);
    };
    let one = layer("of an artifact");
    let artifact = "application/vnd.oci.artifact.manifest.v1+json";
    tag(artifact, &json!({ "blobs": [one] }), one.clone());
    let two = layer("of the first schema");
    let schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    tag(
        schema1,
        &json!({ "fsLayers": [{ "blobSum": digest(&two) }] }),
        two.clone(),
    );
    let three = layer("of the future");
    tag(
        "application/vnd.example.manifest.v9+json",
        &manifest(&three),
        three.clone(),
    );
    let four = layer("with a parameter");
    let parameter = "application/vnd.oci.image.manifest.v1+json; charset=utf-8";
    tag(parameter, &manifest(&four), four.clone());
    let five = layer("in an index of an unknown kind");
    let inner = scene.document("application/vnd.example.manifest.v9+json", &manifest(&five));
    tag(
        "application/vnd.example.index.v9+json",
        &json!({ "manifests": [inner] }),
        five.clone(),
    );
    // A blob that is listed among manifests and is no document.
    kept.push(scene.blob("application/x-tar", b"no document"));
    scene.tag(kept[5].clone());
    let lost = scene.blob("application/octet-stream", b"nobody's");
    let removed = Layout::gc(&scene.path).unwrap();
    assert_eq!(removed, [scene.file(digest(&lost))]);
    for blob in &kept {
        assert!(scene.file(digest(blob)).exists(), "{blob}");
    }
}

#[test]
fn nothing_is_taken_away_where_something_is_named_in_a_way_that_is_not_understood() {
    for digest in [
        format!("sha512:{}", "a".repeat(128)),
        "md5:00".to_owned(),
        "?".to_owned(),
    ] {
        let scene = Scene::new();
        let lost = scene.blob("application/octet-stream", b"nobody's, or somebody's");
        scene.tag(json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 2 }));
        let error = Layout::gc(&scene.path).unwrap_err();
        assert!(error.to_string().contains("digest"), "{error}");
        assert!(
            scene.file(lost["digest"].as_str().unwrap()).exists(),
            "{digest}"
        );
    }
}
