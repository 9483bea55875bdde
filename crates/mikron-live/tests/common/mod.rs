//! Builds images from the machine's Debian mirror, with a cache that all tests share.
#![allow(dead_code, clippy::unwrap_used)] // each test binary uses some of it

pub(crate) mod beside;
pub(crate) mod compare;
pub(crate) mod installed;
pub(crate) mod thousand;
pub(crate) mod trial;

use std::fs;
use std::path::{Path, PathBuf};

use mikron::{BuildReport, Builder, Output};
use mikron_live::mirror::mirror;
use mikron_live::runtime::Bundle;
use tempfile::TempDir;

/// An image in a layout of its own, under the tag `latest`.
pub(crate) struct Built {
    pub(crate) dir: TempDir,
    pub(crate) report: BuildReport,
}

impl Built {
    pub(crate) fn layout(&self) -> PathBuf {
        self.dir.path().join("layout")
    }

    pub(crate) fn docker_archive(&self) -> PathBuf {
        self.dir.path().join("image.tar")
    }
}

/// A file of `docs/examples`.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/examples")
        .join(name)
}

/// An example spec with more text at its end.
pub(crate) fn example_with(name: &str, more: &str) -> String {
    fs::read_to_string(example(name)).unwrap() + more
}

/// The command, where cargo has built it beside the tests.
pub(crate) fn mikron() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    // target/debug/deps/test-hash
    let command = test.ancestors().nth(2).unwrap().join("mikron");
    if !command.is_file() {
        mikron_testkit::tools::skip("the command is not built: `cargo test --workspace` does it");
        return None;
    }
    Some(command)
}

/// The cache that all builds of the tests share.
pub(crate) fn cache() -> PathBuf {
    // Cargo says where to integration tests and benches, and examples lie beside them.
    let beside = || std::env::current_exe().unwrap().with_file_name("../../tmp");
    let target = option_env!("CARGO_TARGET_TMPDIR").map_or_else(beside, PathBuf::from);
    target.join("cache")
}

/// The file of an archive in that cache, by the hexadecimal digits of its digest.
pub(crate) fn archive(hex: &str) -> PathBuf {
    // Not by a search: trees of installations lie in that folder too, with folders of any name.
    let mut formats = fs::read_dir(cache()).unwrap().flatten();
    let blobs = formats.find_map(|format| {
        let blobs = format.path().join("blobs");
        blobs.is_dir().then_some(blobs)
    });
    let blobs = blobs.expect("something was fetched");
    blobs.join(&hex[..2]).join(hex)
}

/// A builder for a spec given as text, in a file that is called `image.yaml`. `None` where there is no mirror.
pub(crate) fn builder(spec: &str, dir: &Path) -> Option<Builder> {
    let mirror = mirror()?;
    let file = dir.join("image.yaml");
    fs::write(&file, spec).unwrap();
    let mut builder = Builder::from_file(&file)
        .unwrap_or_else(|error| panic!("{error}"))
        .cache(cache());
    builder = builder.mirror("debian", &mirror.main);
    if let Some(security) = &mirror.security {
        builder = builder.mirror("debian-security", security);
    }
    Some(builder)
}

/// Builds a spec given as text and extracts the image. `None` where something is missing that it takes.
pub(crate) fn extract_spec(spec: &str) -> Option<Bundle> {
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("layout");
    builder(spec, dir.path())?
        .platform("linux/amd64".parse().unwrap())
        .output(Output::layout(&layout, "latest"))
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    Bundle::extract(&layout)
}

/// The spec of some packages in a minimal image, with an entrypoint (words with commas between them) where there is one.
pub(crate) fn spec_of(packages: &str, entrypoint: &str) -> String {
    let image = match entrypoint {
        "" => String::new(),
        words => format!("image: {{ entrypoint: [{words}] }}\n"),
    };
    format!(
        "mikron: 1\nname: kind\nsources: {{ debian: {{ deb: bookworm }} }}\npackages: [{packages}]\n{image}\
         layers: {{ strategy: single, compression: none }}\n"
    )
}

/// The same spec with layers by package that are compressed as fast as can be.
pub(crate) fn quick(spec: &str) -> String {
    let kept = spec.split_inclusive('\n');
    let kept: String = kept.filter(|line| !line.starts_with("layers:")).collect();
    kept + "layers: { compression: \"zstd:1\" }\n"
}

/// Builds a spec given as text. `None` where there is no mirror.
pub(crate) fn build(spec: &str) -> Option<Built> {
    let dir = TempDir::new().unwrap();
    let report = builder(spec, dir.path())?
        .output(Output::layout(dir.path().join("layout"), "latest"))
        .output(Output::docker_archive(dir.path().join("image.tar")))
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    Some(Built { dir, report })
}

/// Builds an example spec. `None` where there is no mirror.
pub(crate) fn build_example(name: &str) -> Option<Built> {
    build(&example_with(name, ""))
}

/// Whether a file of this name lies anywhere below a directory. Links are not followed.
pub(crate) fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(dir).ok()?.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    entries.into_iter().find_map(|entry| {
        if entry.file_name().to_str() == Some(name) {
            return Some(entry.path());
        }
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir {
            find(&entry.path(), name)
        } else {
            None
        }
    })
}
