//! An image as one tree: its layers one over the other, written again as one.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use mikron_oci::{
    BlobStore, Compression, Config, HeldImage, ImageLayer, ImageTree, LayerBlob, LayerEntry,
    LayerPlan, MemoryStore, StoredLayer, TakeContents,
};
use mikron_package::{
    Architecture, DiffId, Digest, Entry, EntryKind, Limits, MemoryContents, Platform,
};

/// One entry of a layer: a path, and a text, `-> TARGET`, `= FILE` of a hard link, or nothing for a directory.
type Row = (&'static str, &'static str);

/// A layer as others write them: in any order, with whiteouts.
fn layer(rows: &[Row]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, what) in rows {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        let mut body = &b""[..];
        match (what.strip_prefix("-> "), what.strip_prefix("= ")) {
            (Some(target), _) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_link_name(target).unwrap();
            }
            (_, Some(file)) => {
                header.set_entry_type(tar::EntryType::Link);
                header.set_link_name(file).unwrap();
            }
            _ if what.is_empty() => header.set_entry_type(tar::EntryType::Directory),
            _ => body = what.as_bytes(),
        }
        header.set_size(body.len() as u64);
        tar.append_data(&mut header, path, body).unwrap();
    }
    tar.into_inner().unwrap()
}

fn image(layers: &[&[Row]]) -> HeldImage {
    let store = Arc::new(MemoryStore::default());
    let stored = |rows: &&[Row]| {
        let tar = layer(rows);
        let mut writer = store.writer().unwrap();
        io::Write::write_all(&mut writer, &tar).unwrap();
        let blob = writer.commit(None).unwrap();
        let layer = LayerBlob {
            blob,
            diff_id: DiffId(blob.digest),
            unpacked: blob.size,
            compression: Compression::None,
        };
        ImageLayer {
            layer: Arc::new(StoredLayer::new(store.clone(), &layer, &BTreeMap::new())),
            created_by: "test".to_owned(),
        }
    };
    let layers = layers.iter().map(stored).collect();
    let platform = Platform::linux(Architecture::Amd64);
    HeldImage::new(platform, 0, &Config::default(), layers, &BTreeMap::new()).unwrap()
}

struct InMemory(MemoryContents);

impl TakeContents for InMemory {
    fn take(&mut self, _: &Entry, body: &mut dyn Read) -> io::Result<Digest> {
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        Ok(self.0.add(bytes))
    }
}

/// The tree as rows, and the same after it was written as one layer.
fn flat(layers: &[&[Row]]) -> Vec<String> {
    let rows = |entries: &[LayerEntry], contents: &MemoryContents| {
        let row = |LayerEntry { entry, content }: &LayerEntry| match &entry.kind {
            EntryKind::File { .. } => {
                let text = contents.get(&content.unwrap()).unwrap();
                format!("{} {}", entry.path, String::from_utf8_lossy(text))
            }
            EntryKind::Symlink { target } => {
                format!("{} -> {}", entry.path, String::from_utf8_lossy(target))
            }
            EntryKind::Hardlink { target } => format!("{} = {target}", entry.path),
            _ => entry.path.to_string(),
        };
        entries.iter().map(row).collect::<Vec<_>>()
    };
    let mut taken = InMemory(MemoryContents::default());
    let tree = ImageTree::read_all(&image(layers), &mut taken, &Limits::default()).unwrap();
    let entries = tree.into_entries().unwrap();
    let plan = LayerPlan::new("flat", &entries).unwrap();
    plan.write(&taken.0, &mut io::sink()).unwrap();
    rows(&entries, &taken.0)
}

#[test]
fn what_lies_above_hides_what_lies_below() {
    let below: &[Row] = &[
        ("a", ""),
        ("a/x", "old"),
        ("a/y", "gone"),
        ("b", ""),
        ("b/z", "gone"),
    ];
    let above: &[Row] = &[
        ("a/x", "new"),
        ("a/.wh.y", "x"),
        ("b/.wh..wh..opq", "x"),
        ("c", "-> a/x"),
    ];
    assert_eq!(flat(&[below, above]), ["/a", "/a/x new", "/b", "/c -> a/x"]);
}

#[test]
fn of_several_names_of_a_file_the_first_is_the_file() {
    let rows: &[Row] = &[("z", "text"), ("a", "= z"), ("m", "= a")];
    assert_eq!(flat(&[rows]), ["/a text", "/m = /a", "/z = /a"]);
}

#[test]
fn a_hard_link_keeps_its_file_when_a_layer_above_takes_the_first_name_away() {
    let below: &[Row] = &[("file", "text"), ("link", "= file")];
    let whiteout: &[Row] = &[(".wh.file", "x")];
    assert_eq!(flat(&[below, whiteout]), ["/link text"]);
    let replaced: &[Row] = &[("file", "other")];
    assert_eq!(flat(&[below, replaced]), ["/file other", "/link text"]);
}

#[test]
fn a_hard_link_into_a_layer_below_is_one_to_its_file() {
    let below: &[Row] = &[("file", "text")];
    let above: &[Row] = &[("link", "= file"), ("other", "= link")];
    assert_eq!(
        flat(&[below, above]),
        ["/file text", "/link = /file", "/other = /file"]
    );
    let replaced: &[Row] = &[("file", "other"), ("third", "= file")];
    assert_eq!(
        flat(&[below, above, replaced]),
        [
            "/file other",
            "/link text",
            "/other = /link",
            "/third = /file"
        ]
    );
}

#[test]
fn a_hard_link_to_nothing_is_an_error() {
    let mut taken = InMemory(MemoryContents::default());
    let image = image(&[&[("link", "= nothing")]]);
    let tree = ImageTree::read_all(&image, &mut taken, &Limits::default()).unwrap();
    let error = tree.into_entries().unwrap_err();
    assert!(error.to_string().contains("/nothing"), "{error}");
}
