//! The image of the example, out of the frozen archive, as other tools read it: layout and docker archive.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use common::{Home, example_with};
use mikron::oci::docker::Archive;
use mikron::oci::{BlobSource as _, Child, mutate, validate_index};
use mikron::package::{Digest, Limits};
use mikron::{BuildReport, Output};
use mikron_testkit::tools::tool;
use serde_json::Value;

/// The image of the example, as a layout and as an archive.
struct Built {
    home: Home,
    report: BuildReport,
}

impl Built {
    fn layout(&self) -> PathBuf {
        self.home.path("layout")
    }

    fn docker_archive(&self) -> PathBuf {
        self.home.path("image.tar")
    }
}

/// Builds the example with more text at its end.
fn build(more: &str) -> Built {
    let home = Home::new();
    let report = home
        .builder(&example_with("nginx.yaml", more))
        .platform("linux/amd64".parse().unwrap())
        .output(Output::layout(home.path("layout"), "latest"))
        .output(Output::docker_archive(home.path("image.tar")))
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    Built { home, report }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the tool starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn image(layout: &Path) -> String {
    format!("oci:{}:latest", layout.display())
}

/// The digests of all blobs of a layout, each checked against its file's content.
fn blobs(layout: &Path) -> Vec<String> {
    let mut digests = Vec::new();
    for entry in fs::read_dir(layout.join("blobs/sha256"))
        .expect("a layout in order")
        .flatten()
    {
        let name = entry.file_name().into_string().expect("a layout in order");
        let bytes = fs::read(entry.path()).expect("a layout in order");
        assert_eq!(Digest::of(&bytes).hex(), name);
        digests.push(format!("sha256:{name}"));
    }
    digests.sort();
    digests
}

fn check(built: &Built) {
    let platform = &built.report.platforms[0];
    let found = blobs(&built.layout());
    for layer in &platform.layers {
        assert!(found.contains(&layer.digest.to_string()));
    }
    assert!(found.contains(&platform.digest.to_string()));
    assert!(found.contains(&built.report.digest.to_string()));
    let checked = mikron::oci::validate(&built.layout(), &Limits::default());
    assert!(checked.is_ok(), "{checked:?}");
    says_the_same_to_others(built);
}

/// Reads and writes the documents of a layout with the types of oci-spec.
fn says_the_same_to_others(built: &Built) {
    use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest};
    let platform = &built.report.platforms[0];
    let read = |digest: Digest| fs::read(built.layout().join("blobs/sha256").join(digest.hex()));
    let index = fs::read(built.layout().join("index.json")).unwrap();
    let config = read(platform.config.unwrap()).unwrap();
    // Of one platform the tag names the manifest, without an index between.
    assert_eq!(built.report.digest, platform.digest);
    let manifest = read(platform.digest).unwrap();
    let theirs = [
        serde_json::from_slice::<ImageIndex>(&index).map(serde_json::to_value),
        serde_json::from_slice::<ImageManifest>(&manifest).map(serde_json::to_value),
        serde_json::from_slice::<ImageConfiguration>(&config).map(serde_json::to_value),
    ];
    for (theirs, ours) in theirs.into_iter().zip([index, manifest, config]) {
        let ours: Value = serde_json::from_slice(&ours).unwrap();
        assert_eq!(theirs.unwrap().unwrap(), ours);
    }
}

#[test]
fn every_blob_matches_its_digest_and_the_schema() {
    let built = build("");
    check(&built);
}

#[test]
fn skopeo_inspects_the_layout() {
    let Some(skopeo) = tool("skopeo") else { return };
    let built = build("");
    let platform = &built.report.platforms[0];
    let said = run(Command::new(&skopeo)
        .arg("inspect")
        .arg(image(&built.layout())));
    let said: Value = serde_json::from_str(&said).unwrap();
    let layers: Vec<String> = platform
        .layers
        .iter()
        .map(|layer| layer.digest.to_string())
        .collect();
    assert_eq!(said["Layers"], serde_json::json!(layers));
    assert_eq!(
        (&said["Os"], &said["Architecture"]),
        (&"linux".into(), &"amd64".into())
    );
    let config = run(Command::new(&skopeo)
        .args(["inspect", "--config"])
        .arg(image(&built.layout())));
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["config"]["StopSignal"], "SIGQUIT");
    assert_eq!(config["config"]["Entrypoint"][0], "/usr/sbin/nginx");
    let diff_ids: Vec<String> = platform
        .layers
        .iter()
        .map(|layer| layer.diff_id.to_string())
        .collect();
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!(diff_ids));
}

#[test]
fn skopeo_copies_the_layout_byte_for_byte_and_into_other_forms() {
    let Some(skopeo) = tool("skopeo") else { return };
    let built = build("");
    let copy = built.home.path("copy");
    let to = |target: String| {
        run(Command::new(&skopeo)
            .args(["copy", "--all", "--quiet"])
            .arg(image(&built.layout()))
            .arg(target))
    };
    to(image(&copy));
    let (ours, theirs) = (blobs(&built.layout()), blobs(&copy));
    assert_eq!(ours, theirs);
    let plain = built.home.path("plain");
    to(format!("dir:{}", plain.display()));
    assert!(plain.join("manifest.json").is_file());
}

#[test]
fn archives_that_skopeo_writes_hold_the_layers_that_were_built() {
    let Some(skopeo) = tool("skopeo") else { return };
    let built = build("layers: { compression: \"gzip:6\" }\n");
    let archive = built.home.path("copied.tar");
    run(Command::new(&skopeo)
        .args(["copy", "--quiet"])
        .arg(image(&built.layout()))
        .arg(format!("docker-archive:{}:nginx:latest", archive.display())));
    same_layers(&archive, &built);
    // A layout in a tar keeps everything.
    let archive = built.home.path("layout.tar");
    run(Command::new(&skopeo)
        .args(["copy", "--quiet"])
        .arg(image(&built.layout()))
        .arg(format!("oci-archive:{}:kept", archive.display())));
    let kept = same_layers(&archive, &built);
    let target = kept.resolve("kept").unwrap().expect("it has that tag");
    let platform = &built.report.platforms[0];
    assert!([platform.digest, built.report.digest].contains(&target.digest()));
}

/// Reads an archive that another tool wrote: it is sound, and holds the layers that were built.
fn same_layers(archive: &Path, built: &Built) -> Arc<Archive> {
    let limits = Limits::default();
    let archive = Arc::new(Archive::open(archive, &limits).unwrap());
    let root = archive.root(&limits);
    validate_index(&root, &limits).unwrap();
    let images = mutate::images(&Child::Index(Arc::new(root))).unwrap();
    let platform = &built.report.platforms[0];
    let wanted: Vec<_> = platform.layers.iter().map(|layer| layer.diff_id).collect();
    for (found, image) in images {
        assert_eq!(found, platform.platform);
        let layers = image.layers();
        let ids: Vec<_> = layers.iter().filter_map(|layer| layer.diff_id()).collect();
        assert_eq!(ids, wanted);
    }
    archive
}

#[test]
fn skopeo_reads_the_docker_archive() {
    let Some(skopeo) = tool("skopeo") else { return };
    let built = build("");
    same_layers(&built.docker_archive(), &built);
    let archive = format!("docker-archive:{}", built.docker_archive().display());
    let said = run(Command::new(&skopeo).arg("inspect").arg(archive));
    let said: Value = serde_json::from_str(&said).unwrap();
    let layers = said["Layers"].as_array().map(Vec::len);
    assert_eq!(layers, Some(built.report.platforms[0].layers.len()));
}

#[test]
fn umoci_unpacks_layers_in_gzip_and_without_compression() {
    for compression in ["gzip:6", "none"] {
        let more = format!("layers: {{ compression: {compression:?} }}\n");
        let built = build(&more);
        check(&built);
        let Some(umoci) = tool("umoci") else { return };
        let bundle = built.home.path("bundle");
        let from = format!("{}:latest", built.layout().display());
        run(Command::new(umoci)
            .args(["unpack", "--rootless", "--image", &from])
            .arg(&bundle));
        assert!(bundle.join("rootfs/usr/sbin/nginx").is_file());
    }
}
