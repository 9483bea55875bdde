//! The example of a build script, built as somebody else's crate: its `build.rs` makes an image.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mikron_live::mirror::mirror;

/// A copy of the example that finds Mikron where it is, with the workspace's lock so that nothing is looked up.
fn example(root: &Path, to: &Path) {
    let from = root.join("docs/examples/build-script");
    fs::create_dir_all(to.join("src")).expect("a directory");
    for file in ["build.rs", "image.yaml", "src/main.rs"] {
        fs::copy(from.join(file), to.join(file)).expect("a copy");
    }
    let manifest = fs::read_to_string(from.join("Cargo.toml")).expect("the manifest");
    let there = format!("path = \"{}\"", root.join("crates/mikron").display());
    let manifest = manifest.replace("path = \"../../../crates/mikron\"", &there);
    assert!(manifest.contains(&there), "{manifest}");
    fs::write(to.join("Cargo.toml"), manifest).expect("written");
    fs::copy(root.join("Cargo.lock"), to.join("Cargo.lock")).expect("the lock");
}

#[test]
fn a_build_script_of_ten_lines_builds_an_image() {
    if mirror().is_none() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the workspace");
    // What it compiles is kept beside what the tests are made of: a second run compiles nothing.
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("build-script");
    let directory = kept.join("crate");
    example(&root, &directory);
    let cache = tempfile::tempdir().expect("a directory");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--manifest-path"])
        .arg(directory.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", kept.join("target"))
        .env("MIKRON_CACHE", cache.path())
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8_lossy(&output.stdout);
    let (digest, size) = text.trim().split_once(' ').expect("digest and size");
    assert!(digest.starts_with("sha256:"), "{text}");
    let size: u64 = size.parse().expect("a number");
    assert!((100_000..10_000_000).contains(&size), "{size} bytes");
    let lines = fs::read_to_string(directory.join("build.rs")).expect("the script");
    let code = lines
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("//"));
    assert!(
        code.count() <= 11,
        "ten lines, and the brace that ends them"
    );
}
