//! Layers: their bytes, and what is refused.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use common::{directory, entry, file, path, tree};
use mikron_oci::{
    LayerEntry, LayerError, LayerPlan, MemoryFrames, MemoryStore, Parallel, Recipe, build_layers,
};
use mikron_package::{Contents, Digest, EntryKind, Event, MemoryContents, Progress, Silent};

fn recipe(text: &str) -> Recipe {
    text.parse().unwrap()
}

fn tar_of(entries: &[LayerEntry], contents: &dyn Contents) -> Vec<u8> {
    let mut tar = Vec::new();
    LayerPlan::new("test", entries)
        .unwrap()
        .write(contents, &mut tar)
        .unwrap();
    tar
}

fn refused(entries: &[LayerEntry]) -> LayerError {
    LayerPlan::new("test", entries).unwrap_err()
}

const PINNED: &str = "\
none sha256:dd6b6601e972931ecc2c0fad1a82bb64858cccdb094fdcae1857d72789c0a08b 320000
zstd:1 sha256:5503a57cf2f54901e2512a61633df00bf409aa151c40f5536fdd7e16235cabae 54505
zstd:3 sha256:c34c4563eabbc68454e8e6ba91246d0305711fd3e640eade69498d7a5ecd9f7d 50243
zstd:12 sha256:3475bd6c936c8f8bed3cfd6b01fe5ac92aa00e0b8a1e0152b705c81dca3f0910 52063
zstd:19 sha256:8f86d4ae1513f73171429ad321132009709340e7ec9d3285824f7aa618232e5d 44933
zstd:22 sha256:e5b209ea39c86552a113201765100002126e703d880e0d48a4b03313df02f736 44446
gzip:1 sha256:937761e00b23cfcf7f8e1719962ecf87dfb088bd54da9f38265feae6dc654cca 52352
gzip:5 sha256:e0c1f45a20f96eb93d021df24639cd2d5c2943f57181608ed5852d4000fe55f2 51003
gzip:6 sha256:e0c1f45a20f96eb93d021df24639cd2d5c2943f57181608ed5852d4000fe55f2 51003
gzip:9 sha256:f4b93c8cf7b2c42ec172810557f19fe74105823ef50804255b32b20d255b3cb2 47915
";

/// Digest stability: these change only when the recipe's id changes too, and then every image changes.
#[test]
fn the_bytes_of_every_recipe_are_pinned() {
    let (entries, contents) = tree();
    let store = MemoryStore::default();
    let diff_id = "sha256:dd6b6601e972931ecc2c0fad1a82bb64858cccdb094fdcae1857d72789c0a08b";
    let mut found = String::new();
    for text in PINNED
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        let layer = common::layer(&store, recipe(text), "golden", &entries, &contents);
        assert_eq!(layer.diff_id.to_string(), diff_id, "{text}");
        writeln!(found, "{text} {} {}", layer.blob.digest, layer.blob.size).unwrap();
    }
    assert_eq!(found, PINNED);
}

/// Hands out contents in pieces of an odd size.
struct Pieces<'a>(&'a MemoryContents, usize);

impl Contents for Pieces<'_> {
    fn open(&self, content: &Digest) -> std::io::Result<Box<dyn Read + Send + '_>> {
        struct Piece<R>(R, usize);
        impl<R: Read> Read for Piece<R> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let n = buffer.len().min(self.1);
                self.0.read(&mut buffer[..n])
            }
        }
        Ok(Box::new(Piece(self.0.open(content)?, self.1)))
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_sizes_of_reads_and_writes() {
    let (entries, contents) = tree();
    let store = MemoryStore::default();
    for text in [
        "none", "zstd:3", "zstd:19", "gzip:1", "gzip:5", "gzip:6", "gzip:9",
    ] {
        let whole = common::layer(&store, recipe(text), "x", &entries, &contents);
        for size in [1, 511, 4097, 70_000] {
            let pieces = Pieces(&contents, size);
            let layer = common::layer(&store, recipe(text), "x", &entries, &pieces);
            assert_eq!(layer, whole, "{text} in pieces of {size}");
        }
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let mut contents = MemoryContents::default();
    let plans: Vec<LayerPlan> = (0..9)
        .map(|i| {
            let entries = [file(&mut contents, "/f", &common::sample(50_000 * i))];
            LayerPlan::new(&format!("layer {i}"), &entries).unwrap()
        })
        .collect();
    let build = |parallel| {
        let store = MemoryStore::default();
        let built = build_layers(
            &plans,
            recipe("zstd:9"),
            &contents,
            &store,
            None,
            parallel,
            &Silent,
        );
        built.unwrap().iter().map(|b| b.layer).collect::<Vec<_>>()
    };
    let one = build(Parallel::jobs(1));
    assert_eq!(one.len(), 9);
    assert_eq!(build(Parallel::jobs(4)), one);
    // A budget below any encoder: one runs all the same.
    assert_eq!(build(Parallel { jobs: 4, memory: 1 }), one);
}

/// Digest stability of a layer of several pieces, on as many threads as there are and more.
#[test]
fn a_gzip_layer_in_pieces_is_pinned_for_any_number_of_jobs() {
    let mut contents = MemoryContents::default();
    let entries = [file(&mut contents, "/f", &common::sample(3_000_000))];
    let plans = [LayerPlan::new("large", &entries).unwrap()];
    for jobs in [1, 2, 8] {
        let store = MemoryStore::default();
        let (gzip, parallel) = (recipe("gzip:6"), Parallel::jobs(jobs));
        let built = build_layers(&plans, gzip, &contents, &store, None, parallel, &Silent);
        let blob = built.unwrap()[0].layer.blob;
        assert_eq!(
            format!("{} {}", blob.digest, blob.size),
            "sha256:442c932d46cccb3a690442f5574b19f5a63c801da226eb543c18469b2f420c4f 497344",
            "{jobs} jobs"
        );
    }
}

#[test]
fn progress_adds_up_to_the_size_of_each_layer_that_is_packed() {
    #[derive(Default)]
    struct Sum(AtomicU64);
    impl Progress for Sum {
        fn event(&self, event: &Event<'_>) {
            if let Event::Advanced { by, .. } = event {
                self.0.fetch_add(*by, Ordering::Relaxed);
            }
        }
    }
    let (entries, contents) = tree();
    let plans = [LayerPlan::new("x", &entries).unwrap()];
    let (store, cache) = (MemoryStore::default(), MemoryFrames::default());
    for cached in [false, true] {
        let sum = Sum::default();
        let parallel = Parallel::jobs(1);
        let fast = recipe("zstd:1");
        let built = build_layers(
            &plans,
            fast,
            &contents,
            &store,
            Some(&cache),
            parallel,
            &sum,
        );
        assert_eq!(built.unwrap()[0].cached, cached);
        let told = if cached { 0 } else { plans[0].unpacked() };
        assert_eq!(sum.0.into_inner(), told);
    }
}

#[test]
fn the_first_plan_that_fails_names_the_error() {
    let mut contents = MemoryContents::default();
    let good = LayerPlan::new("good", &[file(&mut contents, "/a", b"a")]).unwrap();
    let missing = MemoryContents::default();
    let store = MemoryStore::default();
    let error = build_layers(
        &[good],
        recipe("none"),
        &missing,
        &store,
        None,
        Parallel::jobs(2),
        &Silent,
    )
    .unwrap_err();
    assert!(error.to_string().contains("/a"), "{error}");
    assert!(store.digests().is_empty());
}

#[test]
fn every_recipe_unpacks_to_the_same_tar() {
    let (entries, contents) = tree();
    let tar = tar_of(&entries, &contents);
    let store = MemoryStore::default();
    for text in ["none", "zstd:19", "gzip:9"] {
        let layer = common::layer(&store, recipe(text), "x", &entries, &contents);
        let blob = store.get(&layer.blob.digest).unwrap();
        let mut out = Vec::new();
        match text {
            "none" => out.extend_from_slice(&blob),
            "gzip:9" => {
                flate2::read::MultiGzDecoder::new(&*blob)
                    .read_to_end(&mut out)
                    .unwrap();
                // RFC 1952: no flags, no time, XFL "slowest", unknown system.
                assert_eq!(blob[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
            }
            _ => out = zstd::decode_all(&*blob).unwrap(),
        }
        assert!(out == tar, "{text}");
        assert_eq!(layer.diff_id.0, Digest::of(&tar));
        assert_eq!(layer.unpacked, tar.len() as u64);
    }
}

#[test]
fn the_reference_tools_unpack_every_recipe() {
    let (entries, contents) = tree();
    let tar = tar_of(&entries, &contents);
    let store = MemoryStore::default();
    for (text, name) in [("zstd:19", "zstd"), ("gzip:9", "gzip")] {
        let Some(tool) = mikron_testkit::tools::tool(name) else {
            return;
        };
        let layer = common::layer(&store, recipe(text), "x", &entries, &contents);
        let blob = store.get(&layer.blob.digest).unwrap();
        assert!(pipe(Command::new(tool).arg("-dc"), &blob) == tar, "{name}");
    }
}

fn pipe(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    });
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[test]
fn gnu_tar_lists_what_was_written() {
    let Some(tar) = mikron_testkit::tools::tool("tar") else {
        return;
    };
    let (entries, contents) = tree();
    let archive = tar_of(&entries, &contents);
    let mut command = Command::new(tar);
    command.args([
        "-tv",
        "--numeric-owner",
        "--full-time",
        "--quoting-style=escape",
        "--xattrs",
        "-f",
        "-",
    ]);
    command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    let listing = String::from_utf8(pipe(&mut command, &archive)).unwrap();
    let lines: Vec<&str> = listing
        .lines()
        .filter(|l| !l.trim_start().starts_with("x:"))
        .collect();
    assert_eq!(lines.len(), entries.len(), "{listing}");
    for (line, LayerEntry { entry, .. }) in lines.iter().zip(&entries) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let kind = match entry.kind {
            EntryKind::File { .. } => '-',
            EntryKind::Directory => 'd',
            EntryKind::Symlink { .. } => 'l',
            EntryKind::Hardlink { .. } => 'h',
            EntryKind::CharDevice { .. } => 'c',
            EntryKind::BlockDevice { .. } => 'b',
            EntryKind::Fifo => 'p',
        };
        assert!(line.starts_with(kind), "{line}");
        assert_eq!(fields[1], format!("{}/{}", entry.uid, entry.gid), "{line}");
        let size = match entry.kind {
            EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
                format!("{major},{minor}")
            }
            _ => entry.size().to_string(),
        };
        assert_eq!(fields[2], size, "{line}");
        if entry.mode & 0o4000 != 0 {
            assert_eq!(&fields[0][1..4], "rws", "{line}");
        }
        let mut name = String::from_utf8_lossy(entry.path.as_bytes()).into_owned();
        if entry.path.as_bytes().contains(&0xff) {
            name = "usr/share/\\377\\376".to_owned();
        }
        if entry.is_directory() {
            name = if name.is_empty() {
                "./".to_owned()
            } else {
                name + "/"
            };
        }
        assert_eq!(fields[5], name, "{line}");
        match &entry.kind {
            EntryKind::Symlink { target } => {
                assert_eq!(fields[7].as_bytes(), target.as_slice(), "{line}");
            }
            EntryKind::Hardlink { target } => {
                assert_eq!(fields[8].as_bytes(), target.as_bytes(), "{line}");
            }
            _ => {}
        }
    }
}

#[test]
fn another_reader_sees_every_attribute() {
    let (entries, contents) = tree();
    let bytes = tar_of(&entries, &contents);
    let mut archive = tar::Archive::new(&*bytes);
    let mut read = archive.entries().unwrap();
    for LayerEntry { entry, content } in &entries {
        let mut found = read.next().unwrap().unwrap();
        let mut expected = entry.path.as_bytes().to_vec();
        if entry.is_directory() {
            expected.extend_from_slice(if expected.is_empty() { b"./" } else { b"/" });
        }
        assert_eq!(found.path_bytes(), expected, "{}", entry.path);
        let pax: Vec<(Vec<u8>, Vec<u8>)> = found
            .pax_extensions()
            .unwrap()
            .into_iter()
            .flatten()
            .map(Result::unwrap)
            .map(|e| (e.key_bytes().to_vec(), e.value_bytes().to_vec()))
            .collect();
        for (key, value) in &entry.xattrs {
            let key = [b"SCHILY.xattr.", key.as_slice()].concat();
            assert!(pax.contains(&(key, value.clone())), "{pax:?}");
        }
        assert_eq!(found.header().mode().unwrap(), entry.mode);
        assert_eq!(
            found.header().groupname().unwrap().unwrap_or(""),
            entry.group.as_deref().unwrap_or("")
        );
        let mut body = Vec::new();
        found.read_to_end(&mut body).unwrap();
        if let Some(content) = content {
            assert_eq!(Digest::of(&body), *content);
        }
    }
    assert!(read.next().is_none());
}

#[test]
fn an_empty_layer_is_two_blocks() {
    let store = MemoryStore::default();
    let layer = common::layer(
        &store,
        recipe("none"),
        "empty",
        &[],
        &MemoryContents::default(),
    );
    assert_eq!(layer.unpacked, 1024);
    assert_eq!(&*store.get(&layer.blob.digest).unwrap(), &[0; 1024]);
}

#[test]
fn entries_out_of_order_and_twice_are_refused() {
    let (a, b) = (directory("/a"), directory("/b"));
    assert!(matches!(refused(&[b.clone(), a.clone()]),
        LayerError::Unsorted { path: p, after } if p == path("/a") && after == path("/b")));
    assert!(matches!(refused(&[a.clone(), a.clone()]),
        LayerError::Duplicate { path: p } if p == path("/a")));
}

#[test]
fn an_entry_below_a_file_is_refused() {
    let mut contents = MemoryContents::default();
    let entries = [file(&mut contents, "/a", b"x"), directory("/a/b")];
    let error = refused(&entries);
    assert!(matches!(&error, LayerError::BelowFile { .. }));
    assert_eq!(
        error.to_string(),
        "the entry /a/b lies below /a, which is not a directory"
    );
}

#[test]
fn bad_041_whiteout_name_in_layer() {
    for name in ["/a/.wh.b", "/.wh..wh..opq", "/.wh.d/e"] {
        let error = refused(&[entry(name, EntryKind::Fifo, 0o644)]);
        assert!(matches!(&error, LayerError::Whiteout { path: p } if *p == path(name)));
        assert!(error.to_string().contains("whiteout"), "{error}");
    }
}

#[test]
fn a_hard_link_needs_its_file_earlier_in_the_layer() {
    let mut contents = MemoryContents::default();
    let link = |at: &str| entry(at, EntryKind::Hardlink { target: path("/m") }, 0o644);
    let target = file(&mut contents, "/m", b"x");
    assert!(LayerPlan::new("x", &[target.clone(), link("/n")]).is_ok());
    for entries in [
        vec![link("/a"), target],
        vec![link("/z")],
        vec![directory("/m"), link("/n")],
    ] {
        let error = refused(&entries);
        assert!(
            matches!(&error, LayerError::HardlinkTarget { target, .. } if *target == path("/m"))
        );
    }
}

#[test]
fn values_that_tar_cannot_carry_are_refused() {
    let mut mode = directory("/a");
    mode.entry.mode = 0o10_000;
    let mut time = directory("/a");
    time.entry.mtime = -1;
    let mut key = directory("/a");
    key.entry.xattrs.insert(b"user.a=b".to_vec(), Vec::new());
    let empty = entry("/a", EntryKind::Symlink { target: Vec::new() }, 0o777);
    let device = entry(
        "/a",
        EntryKind::CharDevice {
            major: u32::MAX,
            minor: 0,
        },
        0o600,
    );
    for (wrong, text) in [
        (mode, "mode"),
        (time, "time"),
        (key, "attribute"),
        (empty, "target"),
        (device, "device"),
    ] {
        let error = refused(&[wrong]);
        assert!(matches!(&error, LayerError::Attribute { .. }));
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn contents_and_kinds_must_agree() {
    let bare = entry("/a", EntryKind::File { size: 0 }, 0o644);
    let mut full = directory("/a");
    full.content = Some(Digest::of(b""));
    let root = LayerEntry {
        content: Some(Digest::of(b"")),
        ..entry("/", EntryKind::File { size: 0 }, 0)
    };
    for wrong in [bare, full, root] {
        assert!(matches!(refused(&[wrong]), LayerError::Content { .. }));
    }
}

/// Says one digest and hands out other bytes.
struct Liar(&'static [u8]);

impl Contents for Liar {
    fn open(&self, _: &Digest) -> std::io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self.0))
    }
}

#[test]
fn a_content_that_is_not_what_its_entry_says_is_refused_and_stores_nothing() {
    let mut contents = MemoryContents::default();
    let plan = LayerPlan::new("x", &[file(&mut contents, "/f", b"right")]).unwrap();
    let store = MemoryStore::default();
    for text in ["none", "zstd:3", "gzip:6"] {
        let build = |bytes| {
            plan.build(recipe(text), &Liar(bytes), &store, None)
                .unwrap_err()
        };
        assert!(matches!(build(b"wrong"),
            LayerError::ContentDigest { expected, found, .. }
            if expected == Digest::of(b"right") && found == Digest::of(b"wrong")));
        assert!(matches!(
            build(b"righ"),
            LayerError::ContentSize {
                expected: 5,
                found: 4,
                ..
            }
        ));
        assert!(matches!(
            build(b"right or not"),
            LayerError::ContentSize {
                expected: 5,
                found: 6,
                ..
            }
        ));
    }
    let error = plan
        .build(recipe("none"), &MemoryContents::default(), &store, None)
        .unwrap_err();
    assert!(matches!(&error, LayerError::Read { path: p, .. } if *p == path("/f")));
    assert!(store.digests().is_empty());
}

#[test]
fn equal_plans_have_equal_keys_and_others_have_others() {
    let (entries, _) = tree();
    let key =
        |entries: &[LayerEntry], r: &str| LayerPlan::new("k", entries).unwrap().key(recipe(r));
    let first = key(&entries, "zstd:19");
    assert_eq!(
        LayerPlan::new("other name", &entries)
            .unwrap()
            .key(recipe("zstd:19")),
        first
    );
    assert_ne!(key(&entries, "zstd:18"), first);
    let changes: [fn(&mut LayerEntry); 4] = [
        |e| e.entry.mode ^= 1,
        |e| e.entry.mtime += 1,
        |e| e.entry.uid += 1,
        |e| drop(e.entry.xattrs.insert(b"user.x".to_vec(), b"".to_vec())),
    ];
    for change in changes {
        let mut other = entries.clone();
        change(&mut other[3]);
        assert_ne!(key(&other, "zstd:19"), first);
    }
    let mut other = entries.clone();
    let at = other.iter().position(|e| e.entry.size() == 8).unwrap();
    other[at].content = Some(Digest::of(b"other"));
    assert_ne!(key(&other, "zstd:19"), first);
}
