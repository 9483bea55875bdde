//! The image of the example, out of the frozen archive: what is in it, how large it is, and that its bytes are always the same.
//! As other tools read it: `oci.rs`. Out of Debian's own archive, and at work: `mikron-live`.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::path::Path;

use common::{Held, Home, example_with};
use mikron::{BuildReport, Output};

/// The digest of the example's manifest. It moves when, and only when, the bytes of images move: then say so in the changelog.
const GOLDEN: &str = "sha256:d85b62de6580e7401253063ed1ad0150590f4793cac7bbb051fd606bcdaf831b";
/// The sizes of its image in bytes, in layers by package and in a single one.
const SIZES: [u64; 2] = [8544, 3983];

/// Builds the example with more text at its end into `layout` of a directory.
fn build(home: &Home, more: &str) -> BuildReport {
    let built = home
        .builder(&example_with("nginx.yaml", more))
        .platform("linux/amd64".parse().unwrap())
        .output(Output::layout(home.path("layout"), "latest"))
        .build();
    built.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_image_of_the_example_has_the_digest_that_is_pinned_here() {
    assert_eq!(build(&Home::new(), "").digest.to_string(), GOLDEN);
}

#[test]
fn the_image_of_the_example_has_the_sizes_that_are_pinned_here() {
    let home = Home::new();
    let by_package = build(&home, "");
    let single = build(&home, "layers: { strategy: single }\n");
    assert_eq!([by_package.size(), single.size()], SIZES);
    assert!(by_package.platforms[0].layers.len() > 5);
    assert_eq!(single.platforms[0].layers.len(), 1);
}

#[test]
fn no_lock_no_cache_and_no_number_of_jobs_changes_a_byte() {
    let first = Home::new();
    let spec = example_with("nginx.yaml", "");
    let of = |home: &Home, jobs: usize| {
        home.builder(&spec)
            .platform("linux/amd64".parse().unwrap())
            .jobs(jobs)
    };
    let reference = of(&first, 1).build().unwrap().digest;
    // With a cache that knows everything, and without the network; then locked, somewhere else, with one that knows nothing.
    assert_eq!(
        of(&first, 4).offline(true).build().unwrap().digest,
        reference
    );
    of(&first, 2).write_lock().unwrap();
    let second = Home::new();
    let locked = of(&second, 3);
    fs::copy(first.path("image.lock"), second.path("image.lock")).unwrap();
    // The key of the archive is part of what is locked.
    fs::copy(first.path("archive.asc"), second.path("archive.asc")).unwrap();
    assert_eq!(locked.locked(true).build().unwrap().digest, reference);
}

#[test]
fn the_image_holds_what_nginx_needs_and_nothing_else() {
    let home = Home::new();
    build(&home, "");
    let held = Held::of(&home.path("layout"));
    let expected =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/example.txt"))
            .unwrap();
    let lines = held.paths().into_iter();
    let lines = lines.map(|path| format!("{} {path}", held.access(&path)));
    let found = lines.collect::<Vec<_>>().join("\n") + "\n";
    assert_eq!(found, expected, "\n{found}");
    assert_eq!(
        held.target("/usr/lib/x86_64-linux-gnu/libz.so.1"),
        "libz.so.1.1"
    );
    assert_eq!(
        held.text("/var/www/html/index.html"),
        "<h1>It works.</h1>\n"
    );
    assert_eq!(held.target("/var/log/nginx/access.log"), "/dev/stdout");
    assert!(held.text("/etc/passwd").contains("\nwww-data:x:33:33:"));
    assert!(!held.text("/var/lib/dpkg/status.d/nginx").is_empty());
}

#[test]
fn every_maintainer_script_is_accounted_for() {
    let built = build(&Home::new(), "");
    let scripts = &built.platforms[0].scripts;
    let of = |package: &str, script: &str| {
        let mut found = scripts.iter().filter(|s| s.package.as_str() == package);
        let found = found.find(|found| found.script == script);
        found.unwrap_or_else(|| panic!("{package} {script} is listed"))
    };
    let postinst = of("nginx-common", "postinst");
    let has = |effects: &[String], word: &str| effects.iter().any(|effect| effect.contains(word));
    assert!(
        has(&postinst.covered, "chown root:adm /var/log/nginx"),
        "{postinst:?}"
    );
    assert!(
        has(&postinst.irrelevant, "no service manager"),
        "{postinst:?}"
    );
    assert!(postinst.uncovered.is_empty(), "{postinst:?}");
    assert!(of("nginx-common", "prerm").covered.is_empty());
}

#[test]
fn an_image_of_two_platforms_has_the_loader_of_each() {
    let home = Home::new();
    let spec = example_with("nginx.yaml", "platforms: [linux/amd64, linux/arm64]\n");
    let out = Output::layout(home.path("layout"), "latest");
    let built = home.builder(&spec).output(out).build().unwrap();
    assert_eq!(built.platforms.len(), 2);
    let inventory = mikron::layout_inventory(&home.path("layout"), "latest").unwrap();
    let loaders = ["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"];
    for (number, (platform, holdings)) in inventory.platforms.iter().enumerate() {
        let paths = holdings
            .files
            .as_ref()
            .unwrap()
            .keys()
            .map(ToString::to_string);
        let paths: Vec<String> = paths.collect();
        let has = |name: &str| paths.iter().any(|path| path.ends_with(name));
        assert!(
            has(loaders[number]) && !has(loaders[1 - number]),
            "{platform}: {paths:?}"
        );
    }
    // The other platform changes nothing of the first.
    let alone = build(&Home::new(), "").platforms[0].digest;
    assert!(
        built
            .platforms
            .iter()
            .any(|platform| platform.digest == alone)
    );
}
