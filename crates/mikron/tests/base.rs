//! Images upon images: what is below stays as it is and counts, and nothing of it is taken twice.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use common::{Held, Home, spec_of};
use mikron::oci::{Child, Image, Layout, mutate, validate};
use mikron::package::Limits;
use mikron::{BuildReport, Builder, Output};

/// Builds into a layout, which is valid then.
fn build(builder: &Builder, layout: &Path) -> BuildReport {
    let builder = builder.clone().output(Output::layout(layout, "latest"));
    let report = builder.build().unwrap_or_else(|error| panic!("{error}"));
    validate(layout, &Limits::default()).unwrap();
    report
}

/// The first image of a layout.
fn image(layout: &Path) -> Arc<dyn Image> {
    let limits = Limits::default();
    let layout = Arc::new(Layout::open(layout).unwrap());
    let (_, target) = layout.tags(&limits).unwrap().remove(0);
    let root = Child::open(layout, &target, &limits).unwrap();
    mutate::images(&root).unwrap().remove(0).1
}

/// The paths of each layer, in order.
fn layers(layout: &Path) -> Vec<Vec<String>> {
    let image = image(layout);
    let paths = |layer: &Arc<dyn mikron::oci::Layer>| {
        let mut tar = Vec::new();
        let mut body = layer.tar(&Limits::default()).unwrap();
        std::io::Read::read_to_end(&mut body, &mut tar).unwrap();
        let mut reader = mikron_archive::TarReader::new(
            &tar[..],
            mikron_archive::TarDialect::Posix,
            &Limits::default(),
        );
        let mut paths = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            paths.push(entry.path.to_string());
        }
        paths
    };
    image.layers().iter().map(paths).collect()
}

#[test]
fn layers_below_stay_and_nothing_of_them_is_taken_twice() {
    let home = Home::new();
    let base = home.builder(&spec_of("libssl3", ""));
    let below = build(&base, &home.path("base"));
    let alone = home.builder(&spec_of("nginx", ""));
    build(&alone, &home.path("alone"));
    let above = home.builder(&spec_of("nginx", "from: oci:base\n"));
    let report = build(&above, &home.path("above"));

    let digests = |report: &BuildReport| -> Vec<String> {
        let layers = report.platforms[0].layers.iter();
        layers.map(|layer| layer.digest.to_string()).collect()
    };
    let (below, all) = (digests(&below), digests(&report));
    assert!(
        all.len() > below.len() && all.starts_with(&below),
        "{below:?} {all:?}"
    );
    let of_base = report.platforms[0].layers.iter().filter(|layer| layer.base);
    assert_eq!(of_base.count(), below.len());

    let layers = layers(&home.path("above"));
    let (lower, upper) = layers.split_at(below.len());
    let lower: BTreeSet<&String> = lower.iter().flatten().collect();
    let twice = upper.iter().flatten().filter(|path| lower.contains(path));
    let twice: Vec<&String> = twice.collect();
    // The accounts of nginx come to those that are there, and to libc6 the loader, which no library below asks for.
    let extended = [
        "/etc/group",
        "/etc/passwd",
        "/var/lib/dpkg/status.d/libc6.md5sums",
    ];
    assert_eq!(twice, extended, "{upper:?}");
    let (held, alone) = (Held::of(&home.path("above")), Held::of(&home.path("alone")));
    for path in alone.paths() {
        assert!(held.has(&path), "{path}");
    }
    assert!(held.has("/var/lib/dpkg/status.d/libssl3"));
    assert!(held.has("/var/lib/dpkg/status.d/nginx"));
}
