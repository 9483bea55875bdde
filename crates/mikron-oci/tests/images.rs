//! One image in every form: what is built, written and read back is equal, and what others wrote survives.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use common::{FAST, built, limits, reopened, whole};
use mikron_oci::{
    Blob, BlobSource, BlobStore, Child, Descriptor, Document, HeldImage, HeldIndex, INDEX, Image,
    ImageError, ImageIndex, ImageLayer, ImageTree, Layer, Layout, MANIFEST, MemoryStore, Recipe,
    Refusal, ShapeFault, StoreError, StoredLayer, docker, mutate, put, reachable, validate,
    validate_image, validate_index, write_image, write_index,
};
use mikron_package::{Architecture, Limits, Platform};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Both platforms of one image.
fn both() -> HeldIndex {
    let images = [Architecture::Arm64, Architecture::Amd64].map(|a| Arc::new(built(a)) as _);
    HeldIndex::new(images, &BTreeMap::new()).unwrap()
}

fn archive(image: &dyn Image, directory: &Path) -> Arc<docker::Archive> {
    let file = directory.join("image.tar");
    let names = ["nginx:1.22".to_owned()];
    let with_names = docker::Named {
        image,
        names: &names,
    };
    docker::write_file(&[with_names], &file).unwrap();
    Arc::new(docker::Archive::open(&file, &limits()).unwrap())
}

#[test]
fn an_image_reads_back_from_every_form_as_it_was_built() {
    let directory = TempDir::new().unwrap();
    let image = built(Architecture::Amd64);
    let wanted = whole(&image);
    let layout = Arc::new(Layout::create(directory.path().join("layout")).unwrap());
    let memory = Arc::new(MemoryStore::default());
    for store in [&*layout as &dyn BlobStore, &*memory] {
        assert_eq!(store.resolve("x").unwrap(), None);
        let target = write_image(store, &image).unwrap();
        store.tag("x", &target).unwrap();
    }
    let layout = Arc::new(Layout::open(layout.path()).unwrap());
    for source in [layout as Arc<dyn BlobSource>, memory] {
        assert_eq!(whole(&*reopened(source, "x")), wanted);
    }
    // An archive holds plain layers: another manifest, and the same of everything else.
    let plain = mutate::plain(&image, &limits()).unwrap();
    let archive = archive(&image, directory.path());
    assert_eq!(archive.image("nginx").unwrap(), None);
    assert!(archive.image("nginx:1.22").unwrap().is_some());
    let read = reopened(archive.clone(), "1.22");
    assert_eq!(whole(&*read), whole(&plain));
    assert_eq!(read.config(), image.config());
    assert_eq!(read.platform().unwrap(), image.platform().unwrap());
    validate_index(&archive.root(&limits()), &limits()).unwrap();
    // And what was read is written again as it is.
    let again = TempDir::new().unwrap();
    let layout = Layout::create(again.path()).unwrap();
    layout.fill(&archive.root(&limits())).unwrap();
    assert!(validate(again.path(), &limits()).is_ok());
}

#[test]
fn an_index_reads_back_from_every_store() {
    let directory = TempDir::new().unwrap();
    let index = both();
    let counted = validate_index(&index, &limits()).unwrap();
    assert_eq!(
        (counted.references, counted.manifests, counted.layers),
        (2, 2, 4)
    );
    let layout = Arc::new(Layout::create(directory.path()).unwrap());
    let memory = Arc::new(MemoryStore::default());
    for (store, source) in [
        (
            &*layout as &dyn BlobStore,
            layout.clone() as Arc<dyn BlobSource>,
        ),
        (&*memory, memory.clone()),
    ] {
        let target = write_index(store, &index).unwrap();
        let read = HeldIndex::open(source, &target, &limits()).unwrap();
        assert_eq!(read.manifest(), index.manifest());
        assert_eq!(validate_index(&read, &limits()).unwrap(), counted);
        let platforms = mutate::images(&Child::Index(Arc::new(read))).unwrap();
        let platforms: Vec<_> = platforms
            .into_iter()
            .map(|(platform, _)| platform)
            .collect();
        assert_eq!(
            platforms,
            [Architecture::Amd64, Architecture::Arm64].map(Platform::linux)
        );
    }
}

/// A layout as others write it: white space, fields that nobody knows, an artifact about an image, a blob of an unknown type, entries
/// with annotations and without a tag.
struct Foreign {
    directory: TempDir,
    subject: Descriptor,
    artifact: Descriptor,
}

impl Foreign {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let layout = Layout::create(directory.path()).unwrap();
        let subject = write_image(&layout, &built(Architecture::Amd64)).unwrap();
        let blob = put(&layout, b"\0 anything").unwrap();
        let blob = Descriptor::new("application/vnd.example.blob", blob)
            .annotated("org.example.title", "a blob")
            .with("future", 1);
        let config = put(&layout, b"{}").unwrap();
        let artifact = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.sbom",
            "config": Descriptor::new("application/vnd.oci.empty.v1+json", config).with("data", "e30="),
            "layers": [blob], "subject": subject, "future": { "x": [null, true, "ä"] },
        });
        let artifact = serde_json::to_vec_pretty(&artifact).unwrap();
        let target = layout.put_manifest(MANIFEST, &artifact).unwrap();
        let target =
            Descriptor::new(MANIFEST, target).with("artifactType", "application/vnd.example.sbom");
        layout.tag("x", &subject).unwrap();
        let index = json!({
            "schemaVersion": 2, "future": "kept",
            "manifests": [
                subject.clone().annotated("org.opencontainers.image.ref.name", "x").annotated("org.example.a", "b"),
                target, blob,
            ],
            "annotations": { "org.example.index": "yes" },
        });
        let index = serde_json::to_vec_pretty(&index).unwrap();
        fs::write(directory.path().join("index.json"), index).unwrap();
        Self {
            directory,
            subject,
            artifact: target,
        }
    }

    fn layout(&self) -> Arc<Layout> {
        Arc::new(Layout::open(self.directory.path()).unwrap())
    }
}

#[test]
fn what_others_wrote_survives_byte_for_byte() {
    let foreign = Foreign::new();
    validate(foreign.directory.path(), &limits()).unwrap();
    let root = foreign.layout().root(&limits()).unwrap();
    let copy = TempDir::new().unwrap();
    Layout::create(copy.path()).unwrap().fill(&root).unwrap();
    validate(copy.path(), &limits()).unwrap();
    let files = |directory: &Path| -> BTreeMap<_, Vec<u8>> {
        let blobs = fs::read_dir(directory.join("blobs/sha256")).unwrap();
        let paths = blobs.map(|blob| blob.unwrap().path());
        let paths = paths.chain([directory.join("index.json"), directory.join("oci-layout")]);
        paths
            .map(|path| {
                (
                    path.file_name().unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                )
            })
            .collect()
    };
    assert_eq!(files(foreign.directory.path()), files(copy.path()));
    // A tag more leaves the other entries as they say.
    let layout = Layout::create(copy.path()).unwrap();
    layout.tag("y", &foreign.artifact).unwrap();
    let before = root.children().unwrap();
    let after = Arc::new(layout)
        .root(&limits())
        .unwrap()
        .children()
        .unwrap();
    assert!(before.iter().all(|target| after.contains(target)));
    assert_eq!(after.len(), before.len() + 1);
}

#[test]
fn an_artifact_says_what_it_is_and_what_it_is_about() {
    let foreign = Foreign::new();
    let artifact = HeldImage::open(foreign.layout(), &foreign.artifact, &limits()).unwrap();
    assert_eq!(artifact.platform().unwrap(), None);
    assert_eq!(
        artifact.manifest().artifact_type(),
        Some("application/vnd.example.sbom")
    );
    assert_eq!(
        artifact.manifest().subject().unwrap(),
        Some(foreign.subject.clone())
    );
    assert_eq!(artifact.descriptor(), foreign.artifact);
    assert_eq!(artifact.layers()[0].diff_id(), None);
    let other =
        mutate::annotations(&artifact, &BTreeMap::from([("a".into(), "b".into())])).unwrap();
    assert_eq!(
        other.manifest().value()["future"],
        artifact.manifest().value()["future"]
    );
    assert_eq!(
        other.manifest().value()["layers"],
        artifact.manifest().value()["layers"]
    );

    let store = Arc::new(MemoryStore::default());
    let blob = Descriptor::new("text/plain", put(&*store, b"text").unwrap());
    let layer: Arc<dyn Layer> = Arc::new(StoredLayer::blob(store.clone(), blob));
    let about = Some(&foreign.subject);
    let own = HeldImage::artifact("text/plain", vec![layer], about, &BTreeMap::new()).unwrap();
    let read = HeldImage::open(
        store.clone(),
        &write_image(&*store, &own).unwrap(),
        &limits(),
    );
    assert_eq!(read.unwrap().manifest(), own.manifest());
    validate_image(&own, &limits()).unwrap();
}

#[test]
fn what_a_root_reaches_includes_what_it_is_about_where_that_is_there() {
    let foreign = Foreign::new();
    let layout = foreign.layout();
    let of = |target: &Descriptor| {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [target] });
        Document::new(index).unwrap()
    };
    let found = reachable(&*layout, &of(&foreign.artifact), &limits()).unwrap();
    assert!(found.contains(&foreign.subject.digest()));
    assert_eq!(
        found.len(),
        7,
        "two manifests, two configs, a blob and two layers"
    );
    // Elsewhere it is about something that is not there.
    let memory = MemoryStore::default();
    let artifact = HeldImage::open(layout, &foreign.artifact, &limits()).unwrap();
    write_image(&memory, &artifact).unwrap();
    let found = reachable(&memory, &of(&foreign.artifact), &limits()).unwrap();
    assert_eq!(found.len(), 4, "{found:?}");
    let missing = of(&foreign.subject);
    assert!(matches!(
        reachable(&memory, &missing, &limits()),
        Err(StoreError::Missing { .. })
    ));
}

#[test]
fn a_transformation_changes_what_it_says_and_nothing_else() {
    let image = built(Architecture::Amd64);
    let store = Arc::new(MemoryStore::default());
    let again = |image: &dyn Image| {
        let target = write_image(&*store, image).unwrap();
        let read = HeldImage::open(store.clone(), &target, &limits()).unwrap();
        assert_eq!(whole(&read), whole(image));
        read
    };
    // Nothing changed is the same image.
    let same = mutate::config(&image, |_| ()).unwrap();
    assert_eq!(whole(&mutate::append(&same, &[]).unwrap()), whole(&image));

    let user = mutate::config(&image, |config| config["config"]["User"] = "7".into()).unwrap();
    let (before, after) = (whole(&image), whole(&again(&user)));
    assert_eq!(before.2, after.2);
    assert_ne!(before.1, after.1);
    let back = mutate::config(&user, |config| config["config"]["User"] = "101:101".into()).unwrap();
    assert_eq!(whole(&back), before);

    let [_, (_, layer)] = common::layers(&*store, Recipe::Gzip { level: 6 }, "more");
    let more = ImageLayer {
        layer: Arc::new(StoredLayer::new(store.clone(), &layer, &BTreeMap::new())),
        created_by: "more".to_owned(),
    };
    let appended = again(&mutate::append(&image, &[more]).unwrap());
    assert_eq!(appended.layers().len(), 3);
    assert_eq!(whole(&appended).2[..2], before.2[..]);
    let config: Value = serde_json::from_slice(appended.config()).unwrap();
    assert_eq!(config["history"][2]["created_by"], "more");
    assert_eq!(config["history"][2]["created"], config["created"]);

    let target = Descriptor::new(MANIFEST, Blob::of(b"elsewhere"));
    let about = again(&mutate::subject(&image, &target).unwrap());
    assert_eq!(about.manifest().subject().unwrap(), Some(target));
    let root = Child::Index(Arc::new(both()));
    let arm = Platform::linux(Architecture::Arm64);
    let chosen = mutate::platform(&root, arm).unwrap().unwrap();
    assert_eq!(whole(&*chosen), whole(&built(Architecture::Arm64)));
    assert!(
        mutate::platform(&root, Platform::linux(Architecture::S390x))
            .unwrap()
            .is_none()
    );
}

#[test]
fn the_tree_of_an_image_is_its_layers_one_over_the_other() {
    let image = built(Architecture::Amd64);
    let keep = |path: &mikron_package::RootPath| path.as_bytes() == b"seed";
    let tree = ImageTree::read(&image, &keep, &limits()).unwrap();
    let (entries, _) = common::tree();
    assert_eq!(
        tree.files.len(),
        entries.len(),
        "the root itself is left out, the seed is there"
    );
    for entry in entries.iter().filter(|entry| !entry.entry.path.is_root()) {
        let found = &tree.files[&entry.entry.path];
        assert_eq!(found.content, entry.content);
        assert_eq!(found.entry.kind, entry.entry.kind);
        assert_eq!(found.entry.mode, entry.entry.mode);
        assert_eq!(found.entry.xattrs, entry.entry.xattrs);
    }
    assert_eq!(tree.kept.values().collect::<Vec<_>>(), [b"seed"]);
    let few = Limits {
        entries: 10,
        ..limits()
    };
    assert!(ImageTree::read(&image, &keep, &few).is_err());
    let small = Limits {
        index: 3,
        ..limits()
    };
    let error = ImageTree::read(&image, &keep, &small).unwrap_err();
    assert!(error.to_string().contains("`index`"), "{error}");
}

/// A store that hands out other bytes than those that were asked for, says no, or is busy.
struct Bad(MemoryStore, Option<Refusal>);

impl BlobSource for Bad {
    fn open(&self, blob: &Blob) -> Result<Box<dyn Read + Send + '_>, StoreError> {
        if let Some(refusal) = self.1 {
            return Err(StoreError::Place {
                action: "read",
                place: "registry.example.org/x".to_owned(),
                refusal,
                source: "said no".into(),
            });
        }
        let bytes = self.0.get(&blob.digest).unwrap();
        let mut bytes = bytes.to_vec();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        let reader = mikron_oci::VerifiedReader::new(io::Cursor::new(bytes), *blob, "bad");
        Ok(Box::new(reader))
    }
    fn resolve(&self, tag: &str) -> Result<Option<Descriptor>, StoreError> {
        self.0.resolve(tag)
    }
}

#[test]
fn wrong_bytes_reach_nobody_and_errors_say_whether_to_try_again() {
    let memory = MemoryStore::default();
    let target = common::publish(&memory, FAST, "x", "seed");
    let blob = Descriptor::new("x", common::layers(&memory, FAST, "seed")[0].1.blob);
    let bad = Arc::new(Bad(memory, None));
    let error = HeldIndex::open(bad.clone(), &target, &limits())
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(error, ImageError::Store(StoreError::Mismatch { .. })),
        "{error}"
    );
    assert!(!error.is_temporary() && !error.is_denied());
    let store = MemoryStore::default();
    let broken = StoredLayer::blob(bad.clone(), blob);
    let broken = HeldImage::artifact("x", vec![Arc::new(broken)], None, &BTreeMap::new()).unwrap();
    let error = write_image(&store, &broken).unwrap_err();
    assert!(
        matches!(error, ImageError::Store(StoreError::Mismatch { .. })),
        "{error}"
    );
    assert!(store.digests().is_empty());

    let memory = || {
        let memory = MemoryStore::default();
        common::publish(&memory, FAST, "x", "seed");
        memory
    };
    for refusal in [Refusal::Temporary, Refusal::Denied, Refusal::Permanent] {
        let bad = Arc::new(Bad(memory(), Some(refusal)));
        let target = bad.resolve("x").unwrap().unwrap();
        let error = HeldIndex::open(bad, &target, &limits())
            .map(drop)
            .unwrap_err();
        assert_eq!(error.is_temporary(), refusal == Refusal::Temporary);
        assert_eq!(error.is_denied(), refusal == Refusal::Denied);
        let io = io::Error::from(error);
        assert!(io.to_string().contains("registry.example.org"), "{io}");
    }
}

#[test]
fn a_reader_refuses_what_is_two_things_at_once_and_indexes_without_end() {
    let store = Arc::new(MemoryStore::default());
    let enter = |media_type: &str, document: &Value| {
        let bytes = serde_json::to_vec(document).unwrap();
        Descriptor::new(media_type, put(&*store, &bytes).unwrap())
    };
    let mixed = json!({ "schemaVersion": 2, "manifests": [], "layers": [] });
    let target = enter(INDEX, &mixed);
    let error = Child::open(store.clone(), &target, &limits())
        .map(drop)
        .unwrap_err();
    let is_mixed = |error: &ImageError| {
        matches!(
            error,
            ImageError::Shape {
                fault: ShapeFault::LayersAndManifests,
                ..
            }
        )
    };
    assert!(is_mixed(&error), "{error}");
    let mut nested = enter(INDEX, &json!({ "schemaVersion": 2, "manifests": [] }));
    for _ in 0..40 {
        let twice = json!({ "schemaVersion": 2, "manifests": [nested, nested] });
        nested = enter(INDEX, &twice);
    }
    let root = Child::open(store.clone(), &nested, &limits()).unwrap();
    let too_deep = |error: ImageError| matches!(error, ImageError::TooDeep { .. });
    let subject = json!({ "digest": "sha256:../x" });
    let about = json!({
        "schemaVersion": 2, "subject": subject, "layers": [],
        "config": Descriptor::new("x", put(&*store, b"{}").unwrap()),
    });
    let about = HeldImage::open(store.clone(), &enter(MANIFEST, &about), &limits()).unwrap();
    assert_eq!(validate_image(&about, &limits()).unwrap_err().len(), 1);
    assert!(too_deep(mutate::images(&root).map(drop).unwrap_err()));
    let Child::Index(root) = root else {
        panic!("it is an index")
    };
    assert!(too_deep(
        write_index(&*store, &*root).map(drop).unwrap_err()
    ));
    assert!(validate_index(&*root, &limits()).is_err());
}
