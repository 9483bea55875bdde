//! A small fixed tree with one entry of every kind, and images made of it.

#![allow(dead_code, clippy::unwrap_used)] // not every test file uses every builder

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use mikron_oci::{
    BlobSource, BlobStore, Child, Config, Descriptor, HeldImage, HeldIndex, Image, ImageLayer,
    LayerBlob, LayerEntry, LayerPlan, MemoryStore, Recipe, StoredLayer, validate_image,
};
use mikron_package::{
    Architecture, Contents, DiffId, Digest, Entry, EntryKind, HashingReader, Limits,
    MemoryContents, Platform, RootPath,
};

pub(crate) fn path(text: &str) -> RootPath {
    RootPath::new(text.as_bytes()).unwrap()
}

pub(crate) fn entry(at: &str, kind: EntryKind, mode: u32) -> LayerEntry {
    LayerEntry {
        entry: Entry::new(path(at), kind, mode),
        content: None,
    }
}

pub(crate) fn directory(at: &str) -> LayerEntry {
    entry(at, EntryKind::Directory, 0o755)
}

pub(crate) fn file(contents: &mut MemoryContents, at: &str, bytes: &[u8]) -> LayerEntry {
    let size = bytes.len() as u64;
    let content = contents.add(bytes.to_vec());
    LayerEntry {
        content: Some(content),
        ..entry(at, EntryKind::File { size }, 0o644)
    }
}

/// Bytes that compress somewhat, the same on every machine.
pub(crate) fn sample(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut bytes = Vec::with_capacity(length + 16);
    while bytes.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let word = state >> 24;
        bytes.extend_from_slice(format!("{word:x} /usr/lib/{} ", word % 7).as_bytes());
        if word < 16 {
            bytes.extend_from_slice(&state.to_le_bytes());
        }
    }
    bytes.truncate(length);
    bytes
}

/// One entry of every kind, with all that makes a header special.
pub(crate) fn tree() -> (Vec<LayerEntry>, MemoryContents) {
    let mut contents = MemoryContents::default();
    let mut entries = vec![directory("/"), directory("/dev")];
    entries.push(entry(
        "/dev/null",
        EntryKind::CharDevice { major: 1, minor: 3 },
        0o666,
    ));
    entries.push(entry(
        "/dev/sda",
        EntryKind::BlockDevice { major: 8, minor: 0 },
        0o660,
    ));
    entries.push(directory("/etc"));
    let mut shadow = file(&mut contents, "/etc/shadow", b"root:*:\n");
    (shadow.entry.mode, shadow.entry.gid) = (0o640, 42);
    shadow.entry.group = Some("shadow".into());
    entries.push(shadow);
    entries.push(entry("/pipe", EntryKind::Fifo, 0o600));
    entries.push(directory("/usr"));
    entries.push(directory("/usr/bin"));
    let mut program = file(&mut contents, "/usr/bin/a", &sample(300_000));
    program.entry.mode = 0o4755;
    program.entry.mtime = 1_700_000_000;
    program.entry.xattrs.insert(
        b"security.capability".to_vec(),
        b"\x01\0\0\x02\0\xff=".to_vec(),
    );
    entries.push(program);
    let target = path("/usr/bin/a");
    entries.push(entry("/usr/bin/b", EntryKind::Hardlink { target }, 0o4755));
    let target = b"bin/a".to_vec();
    entries.push(entry("/usr/link", EntryKind::Symlink { target }, 0o777));
    let target = [b"/".to_vec(), vec![b't'; 150]].concat();
    entries.push(entry(
        "/usr/long-link",
        EntryKind::Symlink { target },
        0o777,
    ));
    entries.push(directory("/usr/share"));
    let long = format!("/usr/share/{}", "d".repeat(90));
    entries.push(directory(&long));
    entries.push(file(
        &mut contents,
        &format!("{long}/{}", "f".repeat(90)),
        b"prefix",
    ));
    entries.push(file(
        &mut contents,
        &format!("/usr/share/{}", "e".repeat(120)),
        b"pax",
    ));
    entries.push(file(&mut contents, "/usr/share/empty", b""));
    entries.push(file(&mut contents, "/usr/share/grün", b"utf-8"));
    let mut raw = file(&mut contents, "/x", b"not utf-8");
    raw.entry.path = RootPath::new(b"usr/share/\xff\xfe").unwrap();
    entries.push(raw);
    let mut large = file(&mut contents, "/z", b"large numbers");
    (large.entry.uid, large.entry.gid) = (u32::MAX, 3_000_000);
    large.entry.mtime = 1 << 40;
    entries.push(large);
    entries.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    (entries, contents)
}

pub(crate) fn platform(architecture: Architecture) -> Platform {
    Platform::linux(architecture)
}

/// An image of two layers whose bytes depend on `seed`.
pub(crate) fn image<S: BlobStore + 'static>(
    store: &Arc<S>,
    recipe: Recipe,
    architecture: Architecture,
    seed: &str,
) -> HeldImage {
    let layers = layers(&**store, recipe, seed).map(|(name, layer)| {
        let annotations = BTreeMap::from([("org.example.name".to_owned(), name.to_owned())]);
        ImageLayer {
            layer: Arc::new(StoredLayer::new(store.clone(), &layer, &annotations)),
            created_by: format!("mikron {name}"),
        }
    });
    of_layers(architecture, layers.into())
}

/// Two layers whose bytes depend on `seed`, in a store.
pub(crate) fn layers(
    store: &dyn BlobStore,
    recipe: Recipe,
    seed: &str,
) -> [(&'static str, LayerBlob); 2] {
    let (entries, mut contents) = tree();
    let extra = file(&mut contents, "/seed", seed.as_bytes());
    [("base", entries), ("seed", vec![extra])]
        .map(|(name, entries)| (name, layer(store, recipe, name, &entries, &contents)))
}

/// An image of these layers.
pub(crate) fn of_layers(architecture: Architecture, layers: Vec<ImageLayer>) -> HeldImage {
    let config = Config {
        user: Some("101:101".to_owned()),
        entrypoint: vec!["/usr/bin/a".to_owned(), "-x".to_owned()],
        cmd: vec!["y".to_owned()],
        env: BTreeMap::from(["B=2", "A=1"].map(|s| (s[..1].to_owned(), s[2..].to_owned()))),
        working_dir: Some("/".to_owned()),
        ports: vec!["80/tcp".to_owned(), "443/tcp".to_owned()],
        volumes: vec!["/var/cache".to_owned()],
        labels: (0..20)
            .map(|i| (format!("label{i}"), format!("{i}")))
            .collect(),
        stop_signal: Some("SIGQUIT".to_owned()),
        author: None,
    };
    let annotations = (0..20)
        .map(|i| (format!("org.example.a{i}"), "x".to_owned()))
        .collect();
    let platform = platform(architecture);
    HeldImage::new(platform, 1_700_000_000, &config, layers, &annotations).unwrap()
}

pub(crate) fn layer(
    store: &dyn BlobStore,
    recipe: Recipe,
    name: &str,
    entries: &[LayerEntry],
    contents: &dyn Contents,
) -> LayerBlob {
    let plan = LayerPlan::new(name, entries).unwrap();
    plan.build(recipe, contents, store, None).unwrap().layer
}

/// Builds an image for two platforms and tags it.
pub(crate) fn publish(store: &dyn BlobStore, recipe: Recipe, tag: &str, seed: &str) -> Descriptor {
    // The layers lie in the store itself: nothing asks where they come from.
    let nowhere = Arc::new(MemoryStore::default());
    let layers = layers(store, recipe, seed).map(|(name, layer)| {
        let annotations = BTreeMap::from([("org.example.name".to_owned(), name.to_owned())]);
        ImageLayer {
            layer: Arc::new(StoredLayer::new(nowhere.clone(), &layer, &annotations)),
            created_by: format!("mikron {name}"),
        }
    });
    let images = [Architecture::Arm64, Architecture::Amd64].map(|architecture| {
        Arc::new(of_layers(architecture, layers.clone().into())) as Arc<dyn Image>
    });
    let index = HeldIndex::new(images, &BTreeMap::new()).unwrap();
    let index = mikron_oci::write_index(store, &index).unwrap();
    store.tag(tag, &index).unwrap();
    index
}

/// All that an image is: documents, and the digests of the layers as they are and unpacked, each read and checked.
pub(crate) type Whole = (Vec<u8>, Vec<u8>, Vec<(Digest, Option<DiffId>, Digest)>);

pub(crate) fn whole(image: &dyn Image) -> Whole {
    validate_image(image, &Limits::default()).unwrap();
    let hash = |reader: Box<dyn Read + Send + '_>| {
        let mut reader = HashingReader::new(reader);
        io::copy(&mut reader, &mut io::sink()).unwrap();
        reader.finish().0
    };
    let layers = image.layers();
    let layers = layers.iter().map(|layer| {
        let tar = hash(layer.tar(&Limits::default()).unwrap());
        (hash(layer.open().unwrap()), layer.diff_id(), tar)
    });
    let layers = layers.collect();
    (
        image.manifest().bytes().to_vec(),
        image.config().to_vec(),
        layers,
    )
}

pub(crate) fn reopened(source: Arc<dyn BlobSource>, tag: &str) -> Arc<dyn Image> {
    let target = source.resolve(tag).unwrap().unwrap();
    match Child::open(source, &target, &Limits::default()).unwrap() {
        Child::Image(image) => image,
        _ => panic!("{tag} is no image"),
    }
}

/// What compresses soonest.
pub(crate) const FAST: Recipe = Recipe::Zstd { level: 1 };

pub(crate) fn limits() -> Limits {
    Limits::default()
}

/// The image of the small tree for one architecture, in a memory of its own.
pub(crate) fn built(architecture: Architecture) -> HeldImage {
    let store = Arc::new(MemoryStore::default());
    image(&store, FAST, architecture, "seed")
}
