//! A family of packages that no crate knows, in fewer than 400 lines: from a spec to an image with it, by what the crates show.

#![allow(clippy::unwrap_used)] // a test

mod family;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron::oci::{Child, ImageTree, Layout, mutate, validate};
use mikron::package::{Digest, Limits, RootPath};
use mikron::{Builder, Error, Families, Output};
use mikron_testkit::archive::TarBuilder;
use tempfile::TempDir;

use family::Toy;

/// A box with a ball in two sizes, and the pump that it needs; and a spec that takes a ball from it.
fn playroom() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let ball = |size: &str| {
        let archive = TarBuilder::new()
            .file("TOY", 0o644, format!("ball {size} pump\n").as_bytes())
            .file(
                "SETUP",
                0o755,
                b"[ \"$1\" = new ] && chown player:box /usr/share/ball/skin\n",
            )
            .file("usr/share/ball/skin", 0o644, size.as_bytes());
        (format!("ball {size} pump"), archive)
    };
    let pump = TarBuilder::new()
        .file("TOY", 0o644, b"pump medium\n")
        .file("bin/pump", 0o755, b"not a program\n")
        .file("usr/share/pump/air", 0o644, b"air");
    let mut index = String::new();
    for (line, archive) in [
        ball("small"),
        ball("large"),
        ("pump medium".to_owned(), pump),
    ] {
        let bytes = archive.build();
        let mut words = line.split(' ');
        let (name, size) = (words.next().unwrap(), words.next().unwrap());
        fs::write(dir.path().join(format!("{name}-{size}.toy")), &bytes).unwrap();
        let digest = Digest::of(&bytes).hex();
        let _ = writeln!(index, "{} {digest} {line}", bytes.len());
    }
    fs::write(dir.path().join("index.txt"), &index).unwrap();
    let file = dir.path().join("toy.yaml");
    let spec = format!(
        "mikron: 1\nname: toy\nsources:\n  box:\n    toy: file:.\n    index: {}\n    size: {}\n    allow: [unsigned]\n\
         packages: [ball, {{ name: pump, select: full }}]\n",
        Digest::of(index.as_bytes()),
        index.len(),
    );
    fs::write(&file, spec).unwrap();
    (dir, file)
}

fn builder(file: &Path) -> Result<Builder, Error> {
    let builder = Builder::from_file_with(file, Families::builtin().with(&Toy))?;
    Ok(builder.cache(file.with_file_name("cache")))
}

fn text(tree: &ImageTree, path: &str) -> String {
    let path = RootPath::new(path.as_bytes()).unwrap();
    let bytes = tree.kept.get(&path);
    String::from_utf8_lossy(bytes.unwrap_or_else(|| panic!("no {path}"))).into_owned()
}

#[test]
fn a_spec_of_a_family_that_no_crate_knows_becomes_an_image() {
    let (dir, file) = playroom();
    let out = dir.path().join("layout");
    let build = |locked: bool| {
        let builder = builder(&file).unwrap().locked(locked);
        let built = builder.output(Output::layout(&out, "latest")).build();
        built.unwrap_or_else(|error| panic!("{error}"))
    };
    let report = build(false);
    let limits = Limits::default();
    validate(&out, &limits).unwrap_or_else(|faults| panic!("{faults:?}"));
    let layout = Arc::new(Layout::open(&out).unwrap());
    let (_, target) = layout.entries(&limits).unwrap().remove(0);
    let root = Child::open(layout, &target, &limits).unwrap();
    let (_, image) = mutate::images(&root).unwrap().into_iter().next().unwrap();
    let tree = ImageTree::read(&*image, &|_| true, &limits).unwrap();

    // Versions: a large ball is the later one, whatever the alphabet says.
    assert_eq!(text(&tree, "usr/share/ball/skin"), "large");
    // Scripts and accounts: what the family tells a script, and its own numbers.
    let skin = &tree.files[&RootPath::new(b"usr/share/ball/skin").unwrap()].entry;
    assert_eq!((skin.uid, skin.gid), (7, 7));
    let passwd = text(&tree, "etc/passwd");
    assert!(
        passwd.contains("player:x:7:7:player:/toys:/bin/none\n"),
        "{passwd}"
    );
    assert!(
        !passwd.contains("www-data") && !passwd.contains("nogroup"),
        "{passwd}"
    );
    // Layout: nothing is moved below /usr.
    assert_eq!(text(&tree, "bin/pump"), "not a program\n");
    // The database.
    assert_eq!(text(&tree, "toys/shelf"), "ball large\npump medium\n");

    // A lock holds the family's own keys, and gives the same bytes.
    let (lock, _) = builder(&file).unwrap().write_lock().unwrap();
    let written = fs::read_to_string(lock).unwrap();
    assert!(
        written.contains("toy: file:.") && written.contains("index: sha256:"),
        "{written}"
    );
    assert_eq!(build(true).digest, report.digest);
}

#[test]
fn the_keys_of_a_family_are_checked_by_it_and_faults_have_their_place() {
    let (_dir, file) = playroom();
    let good = fs::read_to_string(&file).unwrap();
    let fault = |from: &str, to: &str| {
        fs::write(&file, good.replace(from, to)).unwrap();
        let error = builder(&file).err().unwrap();
        let Error::Spec(error) = error else {
            panic!("{error}")
        };
        let help = error.help.clone().unwrap_or_default();
        (error.at.line, error.at.column, error.kind.to_string(), help)
    };
    let unknown = "unknown key `sise`".to_owned();
    let expected = (7, 5, unknown, "did you mean `size`?".to_owned());
    assert_eq!(fault("size:", "sise:"), expected);
    let (line, _, message, help) = fault("index: sha256", "index: sha1");
    assert_eq!(
        (line, &*message),
        (5, "nothing proves the index of this box")
    );
    assert_eq!(help, "add `index`, its SHA-256, and `size`");
    let (line, column, ..) = fault("file:.", "ftp://example.org");
    assert_eq!((line, column), (5, 5));
    // Who does not know the family says what is known.
    let error = Builder::from_file(&file).err().unwrap().to_string();
    assert!(error.contains("unknown key `index`"), "{error}");
}

#[test]
fn an_index_that_is_not_the_one_of_the_spec_is_refused() {
    let (dir, file) = playroom();
    let index = dir.path().join("index.txt");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, text.replace("large", "smart")).unwrap();
    let error = builder(&file).unwrap().build().unwrap_err().to_string();
    assert!(error.contains("index.txt"), "{error}");
}
