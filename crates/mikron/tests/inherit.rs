//! Specs that extend files: what is read, whose paths they are, and what a policy lets them name.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::fs;

use common::Home;
use mikron::oci::Layout;
use mikron::package::Limits;
use mikron::spec::Policy;
use mikron::{BuildReport, Builder, Error, Output, Reading};
use mikron_testkit::frozen;

const SPEC: &str = "mikron: 1\nname: web\nsources: { debian: { deb: bookworm } }\npackages: [nginx]\nfiles: [{ path: /etc/motd, from: motd }]\n";

/// A directory with the frozen archive, a whole spec, and the same in parts that lie in different places.
fn home() -> Home {
    let home = Home::new();
    let whole = frozen::spec(SPEC);
    fs::create_dir_all(home.path("parts")).unwrap();
    fs::write(home.path("motd"), "hello\n").unwrap();
    fs::write(home.path("parts/motd"), "hello\n").unwrap();
    let sources = whole
        .lines()
        .find(|line| line.starts_with("sources"))
        .unwrap();
    let moved = sources
        .replace("file:debian", "file:../debian")
        .replace("archive.asc", "../archive.asc");
    fs::write(
        home.path("parts/sources.yaml"),
        format!("mikron: 1\n{moved}\n"),
    )
    .unwrap();
    fs::write(
        home.path("parts/files.yaml"),
        "mikron: 1\nextends: [sources.yaml]\nfiles: [{ path: /etc/motd, from: motd }]\n",
    )
    .unwrap();
    fs::write(home.path("whole.yaml"), whole).unwrap();
    let parts = "mikron: 1\nname: web\nextends: [parts/files.yaml, ./parts/sources.yaml]\npackages: [nginx]\n";
    fs::write(home.path("web.yaml"), parts).unwrap();
    home
}

#[test]
fn parts_and_the_flat_spec_make_the_image_of_the_whole_and_count_as_inputs() {
    let home = home();
    let build = |file: &str| {
        let builder = Builder::from_file(home.path(file)).unwrap_or_else(|error| panic!("{error}"));
        builder
            .cache(home.path("cache"))
            .build()
            .unwrap_or_else(|error| panic!("{error}"))
    };
    let whole = build("whole.yaml");
    let parts = build("web.yaml");
    assert_eq!(parts.digest, whole.digest);
    for name in [
        "web.yaml",
        "parts/sources.yaml",
        "parts/files.yaml",
        "parts/motd",
        "parts/../archive.asc",
    ] {
        let path = home.path(name).display().to_string();
        assert!(parts.inputs.contains(&path), "{name}: {:?}", parts.inputs);
    }
    let resolved = Builder::from_file(home.path("web.yaml"))
        .unwrap()
        .text()
        .resolved();
    assert!(
        resolved.contains("# ") && resolved.contains("parts/files.yaml:3"),
        "{resolved}"
    );
    fs::write(home.path("flat.yaml"), resolved).unwrap();
    assert_eq!(build("flat.yaml").digest, whole.digest);
    // What an ancestor says is part of what is remembered.
    fs::write(home.path("parts/motd"), "other\n").unwrap();
    assert_ne!(build("web.yaml").digest, whole.digest);
}

#[test]
fn a_policy_holds_for_all_that_is_extended() {
    let home = home();
    fs::create_dir_all(home.path("inside")).unwrap();
    fs::write(home.path("secret"), "root:x:secret\n").unwrap();
    let policy = || Policy {
        serving: false,
        root: Some(home.path("inside")),
    };
    let spec = |extends: &str| {
        let file = home.path("inside/web.yaml");
        fs::write(
            &file,
            format!("mikron: 1\nname: web\nextends: [{extends}]\n"),
        )
        .unwrap();
        file
    };
    std::os::unix::fs::symlink(home.path("secret"), home.path("inside/link.yaml")).unwrap();
    for extends in ["../secret", "link.yaml", "/etc/hostname", "gone.yaml"] {
        let error = Reading::default()
            .policy(policy())
            .file(spec(extends))
            .err()
            .unwrap();
        assert!(matches!(error, Error::Spec(_)), "{error}");
        assert!(!error.to_string().contains("root:x"), "{error}");
    }
    // Who says it to the builder alone is told when it builds.
    fs::write(home.path("part.yaml"), "mikron: 1\n").unwrap();
    let builder = Builder::from_file(spec("../part.yaml")).unwrap();
    let error = builder
        .cache(home.path("cache"))
        .policy(policy())
        .build()
        .unwrap_err();
    assert!(
        error.to_string().contains("lies outside its directory"),
        "{error}"
    );
}

#[test]
fn all_variants_go_into_one_layout_by_their_tags_and_are_locked_one_by_one() {
    let home = home();
    let variants = "extends: [whole.yaml]\nvariants:\n  nonroot: { run-as: nonroot }\n  single: { extends: [nonroot], layers: { strategy: single } }\n";
    fs::write(home.path("all.yaml"), variants).unwrap();
    let layout = home.path("out");
    let builder = |name: &str| {
        let builder = Builder::from_file(home.path(name)).unwrap_or_else(|error| panic!("{error}"));
        builder
            .cache(home.path("cache"))
            .output(Output::layout(&layout, "latest"))
    };
    let all = builder("all.yaml");
    assert_eq!(all.recall_all().unwrap(), None);
    let reports = all.build_all().unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<Option<&str>> = reports
        .iter()
        .map(|report| report.variant.as_deref())
        .collect();
    assert_eq!(names, [None, Some("nonroot"), Some("single")]);
    let layers = |at: usize| -> Vec<_> {
        reports[at].platforms[0]
            .layers
            .iter()
            .map(|layer| layer.digest)
            .collect()
    };
    // All but the one with the accounts.
    let shared = layers(0)
        .iter()
        .filter(|layer| layers(1).contains(layer))
        .count();
    assert_eq!(shared, layers(0).len() - 1);
    assert_eq!(layers(2).len(), 1);
    let tags: Vec<String> = Layout::open(&layout)
        .unwrap()
        .tags(&Limits::default())
        .unwrap()
        .into_iter()
        .map(|(tag, _)| tag)
        .collect();
    assert_eq!(tags, ["latest", "nonroot", "single"]);
    assert_eq!(all.recall_all().unwrap().as_ref(), Some(&reports));
    // One of them alone is the same image.
    let single = builder("all.yaml").variant("single").unwrap();
    assert_eq!(single.build_all().unwrap(), [single.build().unwrap()]);
    assert_eq!(single.build().unwrap().digest, reports[2].digest);
    // Locks lie beside each other, and each build finds its own.
    for builder in all.all().unwrap() {
        builder.write_lock().unwrap();
    }
    assert!(home.path("all.lock").exists() && home.path("all.single.lock").exists());
    let locked = all.locked(true).build_all().unwrap();
    let digests = |reports: &[BuildReport]| -> Vec<_> {
        reports.iter().map(|report| report.digest).collect()
    };
    assert_eq!(digests(&locked), digests(&reports));
}

#[test]
fn nothing_is_tagged_where_one_variant_fails_and_what_holds_one_image_takes_one() {
    let home = home();
    let variants =
        "extends: [whole.yaml]\nvariants: { bad: { image: { entrypoint: [/nowhere] } } }\n";
    fs::write(home.path("all.yaml"), variants).unwrap();
    let builder = || {
        Builder::from_file(home.path("all.yaml"))
            .unwrap()
            .cache(home.path("cache"))
    };
    let error = builder()
        .output(Output::layout(home.path("out"), "latest"))
        .build_all()
        .unwrap_err();
    assert!(error.to_string().starts_with("variant bad: "), "{error}");
    assert!(!home.path("out").exists());
    let archive = Output::docker_archive(home.path("web.tar"));
    let error = builder().output(archive.clone()).build_all().unwrap_err();
    assert!(matches!(error, Error::SeveralVariants(_)), "{error}");
    assert!(builder().output(archive).build().is_ok());
    assert!(matches!(
        builder().variant("good"),
        Err(Error::UnknownVariant { .. })
    ));
}
