//! Layouts: what is written, what is refused.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use common::publish;
use mikron_oci::{
    Blob, BlobSource as _, BlobStore, DescriptorError, Fault, FaultKind, Layout, MemoryStore,
    Recipe, ShapeFault, StoreError, json, put, validate,
};
use mikron_package::{Digest, Limits};
use serde_json::{Value, json};

const FAST: Recipe = Recipe::Zstd { level: 1 };
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A valid layout to break.
struct Scene {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image");
        publish(&Layout::create(&path).unwrap(), FAST, "latest", "seed");
        Self {
            _directory: directory,
            path,
        }
    }

    fn faults(&self) -> Vec<Fault> {
        validate(&self.path, &Limits::default()).unwrap_err()
    }

    fn index(&self) -> Value {
        json::parse(&fs::read(self.path.join("index.json")).unwrap()).unwrap()
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.path
            .join("blobs/sha256")
            .join(digest.strip_prefix("sha256:").unwrap())
    }

    fn read(&self, descriptor: &Value) -> Value {
        json::parse(&fs::read(self.blob(descriptor["digest"].as_str().unwrap())).unwrap()).unwrap()
    }

    /// The first image's manifest descriptor.
    fn manifest(&self) -> Value {
        self.read(&self.index()["manifests"][0])["manifests"][0].clone()
    }

    /// The file of the first layer of the first image.
    fn layer(&self) -> PathBuf {
        self.blob(
            self.read(&self.manifest())["layers"][0]["digest"]
                .as_str()
                .unwrap(),
        )
    }

    /// Stores a document and gives back its descriptor.
    fn put(&self, media_type: &str, document: &Value) -> Value {
        let bytes = json::canonical(document).unwrap();
        let blob = Blob::of(&bytes);
        fs::write(self.blob(&blob.digest.to_string()), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": blob.digest, "size": blob.size })
    }

    /// Makes `index.json` refer to this and nothing else.
    fn refer(&self, descriptor: &Value) {
        let index = json!({ "schemaVersion": 2, "manifests": [descriptor] });
        fs::write(
            self.path.join("index.json"),
            json::canonical(&index).unwrap(),
        )
        .unwrap();
    }
}

fn only(faults: Vec<Fault>) -> Fault {
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.into_iter().next().unwrap()
}

#[test]
fn what_is_written_is_valid() {
    let scene = Scene::new();
    let report = validate(&scene.path, &Limits::default()).unwrap();
    assert_eq!(
        (
            report.references,
            report.indexes,
            report.manifests,
            report.layers
        ),
        (1, 1, 2, 4)
    );
    // Index, two manifests, two configs, and two layers that both platforms share.
    assert_eq!(report.blobs, 7);
    let files = fs::read_dir(scene.path.join("blobs/sha256"))
        .unwrap()
        .count();
    assert_eq!(files, 7, "no temporaries are left");
    assert_eq!(fs::read_dir(&scene.path).unwrap().count(), 3);
}

#[test]
fn the_digests_of_images_are_pinned() {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(directory.path()).unwrap();
    let found = ["zstd:19", "gzip:9", "none"].map(|recipe| {
        let index = publish(&layout, recipe.parse().unwrap(), "golden", "seed");
        format!("{recipe} {}", index.digest())
    });
    assert_eq!(
        found,
        [
            "zstd:19 sha256:b07586788a79663b7be85e428e3f33e0e028b570ccb39d38e4942c28aafd8f2f",
            "gzip:9 sha256:0eb3eb501cb541db9653db675a9c3b8614413a7a42910433b077bd665d002c8e",
            "none sha256:b07d6b48ef7f6dd2e62b311320d621a62cbe6d9a6d27768abf5d9fcbc20fd74a",
        ]
    );
}

/// Names, sizes and times of all files below a directory.
fn snapshot(path: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        found.push((entry.path(), metadata.len(), metadata.modified().unwrap()));
        if metadata.is_dir() {
            found.extend(snapshot(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn an_identical_rebuild_writes_no_files() {
    let scene = Scene::new();
    let files = |path: &Path| -> Vec<_> {
        snapshot(path)
            .into_iter()
            .filter(|(path, ..)| path.is_file())
            .collect()
    };
    let before = files(&scene.path);
    publish(
        &Layout::create(&scene.path).unwrap(),
        FAST,
        "latest",
        "seed",
    );
    assert_eq!(files(&scene.path), before);
}

#[test]
fn a_tag_is_replaced_and_the_others_stay() {
    let scene = Scene::new();
    let layout = Layout::create(&scene.path).unwrap();
    let other = publish(&layout, FAST, "debug", "other");
    let new = publish(&layout, FAST, "latest", "new");
    let tags = layout.tags(&Limits::default()).unwrap();
    let names: Vec<&str> = tags.iter().map(|(tag, _)| tag.as_str()).collect();
    assert_eq!(names, ["debug", "latest"]);
    assert_eq!(tags[0].1.digest(), other.digest());
    assert_eq!(tags[1].1.digest(), new.digest());
    assert!(validate(&scene.path, &Limits::default()).is_ok());
}

#[test]
fn many_writers_leave_as_many_references() {
    let directory = tempfile::tempdir().unwrap();
    let tags: Vec<String> = (0..12).map(|i| format!("tag{i:02}")).collect();
    std::thread::scope(|scope| {
        for tag in &tags {
            scope.spawn(|| publish(&Layout::create(directory.path()).unwrap(), FAST, tag, tag));
        }
    });
    validate(directory.path(), &Limits::default()).unwrap();
    let layout = Layout::open(directory.path()).unwrap();
    let found: Vec<String> = layout
        .tags(&Limits::default())
        .unwrap()
        .into_iter()
        .map(|(tag, _)| tag)
        .collect();
    assert_eq!(found, tags);
}

#[test]
fn before_the_first_tag_there_is_no_layout() {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(directory.path()).unwrap();
    put(&layout, b"blob").unwrap();
    assert!(matches!(
        Layout::open(directory.path()),
        Err(StoreError::NotALayout { .. })
    ));
}

#[test]
fn a_layout_that_did_not_come_about_leaves_no_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let (first, second) = (
        Layout::create(&path).unwrap(),
        Layout::create(&path).unwrap(),
    );
    put(&first, b"blob").unwrap();
    drop(first);
    assert!(path.is_dir(), "somebody else is at work");
    publish(&second, FAST, "x", "x");
    drop(second);
    validate(&path, &Limits::default()).unwrap();
    let other = directory.path().join("c/d");
    put(&Layout::create(&other).unwrap(), b"blob").unwrap();
    drop(Layout::create(directory.path().join("e")).unwrap());
    let left = fs::read_dir(directory.path()).unwrap();
    assert_eq!(
        left.map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>(),
        ["a"]
    );
}

#[test]
fn an_abandoned_blob_leaves_nothing() {
    use std::io::{Read as _, Write as _};
    let scene = Scene::new();
    let layout = Layout::create(&scene.path).unwrap();
    let before = snapshot(&scene.path).len();
    let mut writer = layout.writer().unwrap();
    writer.write_all(b"half").unwrap();
    drop(writer);
    let mut writer = layout.writer().unwrap();
    writer.write_all(b"other").unwrap();
    assert!(writer.commit(Some(&Blob::of(b"expected"))).is_err());
    assert_eq!(snapshot(&scene.path).len(), before);
    // Whole, but no image came of it.
    let blob = put(&layout, b"untagged").unwrap();
    assert!(layout.contains(&blob).unwrap());
    let mut text = String::new();
    let mut reader = layout.open(&blob).unwrap();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "untagged");
    drop(reader);
    drop(layout);
    assert_eq!(snapshot(&scene.path).len(), before);
}

#[test]
fn a_file_that_holds_a_blob_and_nothing_else_gets_a_second_name() {
    use std::os::unix::fs::MetadataExt as _;
    let scene = Scene::new();
    let layout = Layout::create(&scene.path).unwrap();
    let bytes = vec![7; 300_000];
    let blob = Blob::of(&bytes);
    let kept = scene.path.with_extension("kept");
    fs::write(&kept, &bytes).unwrap();
    layout
        .adopt(&blob, &fs::File::open(&kept).unwrap())
        .unwrap();
    publish(&layout, FAST, "other", "other");
    let name = layout.blob_path(&blob.digest);
    assert_eq!(
        fs::metadata(&name).unwrap().ino(),
        fs::metadata(&kept).unwrap().ino()
    );
    // Who removes the one keeps the other, and a file without any name is copied.
    fs::remove_file(&name).unwrap();
    let nameless = fs::File::open(&kept).unwrap();
    fs::remove_file(&kept).unwrap();
    layout.adopt(&blob, &nameless).unwrap();
    publish(&layout, FAST, "other", "again");
    assert!(fs::read(&name).unwrap() == bytes);
}

#[test]
fn a_file_that_only_its_owner_may_read_is_copied_for_those_who_read_the_layout() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let scene = Scene::new();
    let layout = Layout::create(&scene.path).unwrap();
    let blob = Blob::of(b"private");
    let kept = scene.path.with_extension("kept");
    fs::write(&kept, b"private").unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).unwrap();
    layout
        .adopt(&blob, &fs::File::open(&kept).unwrap())
        .unwrap();
    publish(&layout, FAST, "other", "other");
    let [copy, own] =
        [layout.blob_path(&blob.digest), kept].map(|path| fs::metadata(path).unwrap());
    assert_ne!(copy.ino(), own.ino());
    assert_eq!(own.mode() & 0o777, 0o600);
    let written = scene.path.with_extension("written");
    fs::write(&written, b"").unwrap();
    assert_eq!(copy.mode(), fs::metadata(written).unwrap().mode());
}

#[test]
fn a_file_is_adopted_from_where_it_stands() {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let scene = Scene::new();
    let layout = Layout::create(&scene.path).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    let bytes = vec![7; 300_000];
    file.write_all(b"before").unwrap();
    file.write_all(&bytes).unwrap();
    file.write_all(b"behind").unwrap();
    let (blob, memory) = (Blob::of(&bytes), MemoryStore::default());
    for store in [&layout as &dyn BlobStore, &memory] {
        file.seek(SeekFrom::Start(6)).unwrap();
        store.adopt(&blob, &file).unwrap();
        let mut found = Vec::new();
        std::io::copy(&mut store.open(&blob).unwrap(), &mut found).unwrap();
        assert!(found == bytes);
        let more = Blob {
            size: 400_000,
            ..Blob::of(b"more than there is")
        };
        assert!(store.adopt(&more, &file).is_err());
        assert!(!store.contains(&more).unwrap());
    }
}

#[test]
fn temporaries_of_dead_writers_are_collected_and_those_of_living_ones_are_not() {
    let scene = Scene::new();
    let stale = [
        scene.path.join(".mikron-dead"),
        scene.path.join("blobs/sha256/.mikron-dead"),
    ];
    let write = || stale.iter().for_each(|path| fs::write(path, b"x").unwrap());
    write();
    let writer = Layout::create(&scene.path).unwrap();
    assert!(stale.iter().all(|path| !path.exists()));
    write();
    let _second = Layout::create(&scene.path).unwrap();
    assert!(
        stale.iter().all(|path| path.exists()),
        "they could be the first writer's"
    );
    drop(writer);
}

#[test]
fn collecting_removes_what_no_tag_reaches() {
    let scene = Scene::new();
    let layout = Layout::create(&scene.path).unwrap();
    let lost = Blob::of(b"unreferenced");
    fs::write(scene.blob(&lost.digest.to_string()), b"unreferenced").unwrap();
    assert!(
        Layout::gc(&scene.path).unwrap().is_empty(),
        "a writer is at work"
    );
    drop(layout);
    let removed = Layout::gc(&scene.path).unwrap();
    assert_eq!(removed, [scene.blob(&lost.digest.to_string())]);
    validate(&scene.path, &Limits::default()).unwrap();
}

#[test]
fn a_malformed_tag_changes_nothing() {
    let scene = Scene::new();
    let before = fs::read(scene.path.join("index.json")).unwrap();
    let layout = Layout::create(&scene.path).unwrap();
    let (_, target) = layout.tags(&Limits::default()).unwrap().remove(0);
    let error = layout.tag("../x", &target).unwrap_err();
    assert!(matches!(error, StoreError::BadTag { tag } if tag == "../x"));
    assert_eq!(fs::read(scene.path.join("index.json")).unwrap(), before);
}

#[test]
fn bad_114_duplicate_key_in_index() {
    let scene = Scene::new();
    let text = br#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#;
    fs::write(scene.path.join("index.json"), text).unwrap();
    let fault = only(scene.faults());
    assert_eq!(fault.place, "index.json");
    assert!(
        fault.to_string().contains("`manifests` stands twice"),
        "{fault}"
    );
    let layout = Layout::create(&scene.path).unwrap();
    let target = mikron_oci::MemoryStore::default();
    let target = publish(&target, FAST, "x", "x");
    assert!(matches!(
        layout.tag("x", &target),
        Err(StoreError::Json { .. })
    ));
    assert_eq!(fs::read(scene.path.join("index.json")).unwrap(), text);
}

#[test]
fn bad_115_unknown_layout_version() {
    let scene = Scene::new();
    fs::write(
        scene.path.join("oci-layout"),
        br#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    let error = Layout::open(&scene.path).unwrap_err();
    assert!(matches!(&error, StoreError::UnknownVersion { version, .. } if version == "2.0.0"));
    assert!(error.to_string().contains("oci-layout"), "{error}");
    assert!(Layout::create(&scene.path).is_err(), "nor is it written to");
    assert!(matches!(
        only(scene.faults()).kind,
        FaultKind::Store(StoreError::UnknownVersion { .. })
    ));
    for text in ["{}", "[]", "", r#"{"imageLayoutVersion":1}"#] {
        fs::write(scene.path.join("oci-layout"), text).unwrap();
        assert!(Layout::open(&scene.path).is_err(), "{text}");
    }
}

#[test]
fn bad_116_blob_of_another_digest() {
    let scene = Scene::new();
    let mut bytes = fs::read(scene.layer()).unwrap();
    let expected = Blob::of(&bytes);
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(scene.layer(), &bytes).unwrap();
    let fault = only(scene.faults());
    assert!(fault.place.contains("layer 0"), "{fault}");
    assert!(
        matches!(fault.kind, FaultKind::Store(StoreError::Mismatch { expected: e, found, .. })
        if e == expected && found == Blob::of(&bytes))
    );
    // And whoever opens it through the store learns of it at the end.
    let layout = Layout::open(&scene.path).unwrap();
    let error =
        std::io::copy(&mut layout.open(&expected).unwrap(), &mut std::io::sink()).unwrap_err();
    assert!(
        error.to_string().contains(&expected.digest.to_string()),
        "{error}"
    );
}

#[test]
fn bad_117_blob_of_another_size() {
    for change in [-1, 1] {
        let scene = Scene::new();
        let mut bytes = fs::read(scene.layer()).unwrap();
        let expected = Blob::of(&bytes);
        let length = bytes.len().checked_add_signed(change).unwrap();
        bytes.resize(length, 0);
        fs::write(scene.layer(), &bytes).unwrap();
        let fault = only(scene.faults());
        assert!(
            fault
                .to_string()
                .contains(&format!("({} bytes)", expected.size)),
            "{fault}"
        );
        let layout = Layout::create(&scene.path).unwrap();
        assert!(!layout.contains(&expected).unwrap());
        // A rebuild cures it.
        publish(&layout, FAST, "latest", "seed");
        validate(&scene.path, &Limits::default()).unwrap();
    }
}

#[test]
fn bad_118_digest_with_path() {
    for text in [
        "sha256:../../x",
        "sha256:..",
        "sha512:00",
        "../x",
        "sha256:ABCDEF",
        "",
    ] {
        let scene = Scene::new();
        scene.refer(&json!({ "mediaType": MANIFEST, "digest": text, "size": 1 }));
        let fault = only(scene.faults());
        assert!(
            matches!(&fault.kind, FaultKind::Descriptor(DescriptorError::BadDigest { text: t }) if t == text)
        );
        assert!(
            fault.to_string().contains("is not a SHA-256 digest"),
            "{fault}"
        );
    }
}

#[test]
fn bad_119_index_cycle() {
    let scene = Scene::new();
    // No index can hold its own digest, so one with another digest has to lie.
    let digest = Digest::of(b"somewhere");
    let itself = json!({ "mediaType": INDEX, "digest": digest, "size": 1 });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [itself] });
    fs::write(
        scene.blob(&digest.to_string()),
        json::canonical(&index).unwrap(),
    )
    .unwrap();
    scene.refer(&itself);
    let faults = scene.faults();
    assert!(
        faults
            .iter()
            .any(|f| matches!(f.kind, FaultKind::Cycle { digest: d } if d == digest))
    );
    assert!(
        faults.iter().any(|f| f.to_string().contains("cycle")),
        "{faults:?}"
    );

    let mut nested = json!({ "schemaVersion": 2, "manifests": [] });
    for _ in 0..40 {
        let descriptor = scene.put(INDEX, &nested);
        nested = json!({ "schemaVersion": 2, "manifests": [descriptor] });
    }
    scene.refer(&scene.put(INDEX, &nested));
    assert!(matches!(only(scene.faults()).kind, FaultKind::TooDeep));
}

#[test]
fn bad_120_manifest_over_4_mib() {
    let scene = Scene::new();
    let mut manifest = scene.read(&scene.manifest());
    manifest["annotations"]["a"] = "x".repeat(4 << 20).into();
    scene.refer(&scene.put(MANIFEST, &manifest));
    let fault = only(scene.faults());
    assert!(
        matches!(&fault.kind, FaultKind::Store(StoreError::TooLarge { .. })),
        "{fault}"
    );
    assert!(
        fault.to_string().contains("`manifest` of 4194304"),
        "{fault}"
    );
    // A small size in the descriptor does not get it past the cap.
    let mut descriptor = scene.put(MANIFEST, &manifest);
    descriptor["size"] = 100.into();
    scene.refer(&descriptor);
    assert!(matches!(
        only(scene.faults()).kind,
        FaultKind::Store(StoreError::TooLarge { .. })
    ));
}

#[test]
fn bad_121_layers_and_manifests_together() {
    let scene = Scene::new();
    let mut both = scene.read(&scene.manifest());
    both["manifests"] = json!([]);
    for media_type in [MANIFEST, INDEX] {
        both["mediaType"] = media_type.into();
        scene.refer(&scene.put(media_type, &both));
        let fault = only(scene.faults());
        assert!(
            matches!(fault.kind, FaultKind::Shape(ShapeFault::LayersAndManifests)),
            "{fault}"
        );
    }
}

#[test]
fn bad_122_blob_is_a_symlink_or_fifo() {
    let scene = Scene::new();
    let blob = scene.layer();
    let moved = scene.path.join("moved");
    fs::rename(&blob, &moved).unwrap();
    symlink(&moved, &blob).unwrap();
    let fault = only(scene.faults());
    assert!(
        matches!(&fault.kind, FaultKind::Store(StoreError::NotAFile { path, kind: "symbolic link" }) if *path == blob)
    );
    fs::remove_file(&blob).unwrap();

    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    rustix::fs::mknodat(rustix::fs::CWD, &blob, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let fault = only(scene.faults());
    assert!(fault.to_string().contains("is a FIFO"), "{fault}");
    fs::remove_file(&blob).unwrap();

    fs::create_dir(&blob).unwrap();
    assert!(only(scene.faults()).to_string().contains("is a directory"));
    fs::remove_dir(&blob).unwrap();

    assert!(matches!(
        only(scene.faults()).kind,
        FaultKind::Store(StoreError::Missing { .. })
    ));

    // The same holds for index.json.
    fs::rename(scene.path.join("index.json"), &moved).unwrap();
    symlink(&moved, scene.path.join("index.json")).unwrap();
    assert!(matches!(
        only(scene.faults()).kind,
        FaultKind::Store(StoreError::NotAFile { .. })
    ));
}

#[test]
fn bad_123_diff_id_mismatch() {
    let scene = Scene::new();
    let mut manifest = scene.read(&scene.manifest());
    let original = scene.read(&manifest["config"]);
    let media_type = manifest["config"]["mediaType"].as_str().unwrap().to_owned();
    let wrong = Digest::of(b"wrong");
    let mut config = original.clone();
    config["rootfs"]["diff_ids"][1] = wrong.to_string().into();
    manifest["config"] = scene.put(&media_type, &config);
    scene.refer(&scene.put(MANIFEST, &manifest));
    let fault = only(scene.faults());
    assert!(fault.place.contains("layer 1"), "{fault}");
    assert!(matches!(fault.kind, FaultKind::DiffId { expected, .. } if expected.0 == wrong));

    let mut config = original;
    config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop();
    manifest["config"] = scene.put(&media_type, &config);
    scene.refer(&scene.put(MANIFEST, &manifest));
    assert!(matches!(
        only(scene.faults()).kind,
        FaultKind::DiffIdCount {
            layers: 2,
            diff_ids: 1
        }
    ));
}

#[test]
fn a_layer_that_unpacks_to_too_much_is_cut_short() {
    let scene = Scene::new();
    let limits = Limits {
        unpacked: 100_000,
        ..Limits::default()
    };
    let faults = validate(&scene.path, &limits).unwrap_err();
    assert!(
        matches!(faults[0].kind, FaultKind::TooLarge(_)),
        "{faults:?}"
    );
}

#[test]
fn a_media_type_that_is_not_the_descriptors_is_refused() {
    let scene = Scene::new();
    let mut manifest = scene.read(&scene.manifest());
    manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json".into();
    scene.refer(&scene.put(MANIFEST, &manifest));
    assert!(matches!(
        only(scene.faults()).kind,
        FaultKind::Shape(ShapeFault::MediaType { .. })
    ));
}
