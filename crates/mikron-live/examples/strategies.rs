//! What layers by package, by source package and in one cost: bytes, layers, and what images share.
//!
//! `cargo run --release -p mikron-live --example strategies [-- NAME…]` builds the services of the battery in each strategy, packed by
//! zstd -1, and prints a table in Markdown. By it the default of `layers: strategy` is judged.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;

use mikron::Output;
use mikron::package::Digest;
use mikron_live::battery::SERVICES;
use tempfile::TempDir;

/// The layers of an image: digest and size.
type Image = Vec<(Digest, u64)>;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let services = SERVICES
        .iter()
        .filter(|service| wanted.is_empty() || wanted.iter().any(|name| name == service.name));
    let names: Vec<&str> = services.map(|service| service.name).collect();
    println!(
        "| strategy | bytes of all images | median of `single` | median layers | bytes of different layers | mean pull beside another image |"
    );
    println!("|---|---|---|---|---|---|");
    let alone = images(&names, "single");
    for strategy in ["package", "source", "single"] {
        let images = images(&names, strategy);
        let bytes: u64 = images.values().map(size).sum();
        let ratios = images.iter().filter_map(|(name, image)| {
            let single = alone.get(name)?;
            Some(size(image) * 1000 / size(single).max(1))
        });
        let ratio = median(ratios.collect());
        let layers = median(images.values().map(|image| image.len() as u64).collect());
        let different: BTreeMap<Digest, u64> = images.values().flatten().copied().collect();
        let different: u64 = different.values().sum();
        println!(
            "| {strategy} | {bytes} | {}.{} % | {layers} | {different} | {} |",
            ratio / 10,
            ratio % 10,
            mean_pull(&images)
        );
    }
}

fn size(image: &Image) -> u64 {
    image.iter().map(|(_, size)| size).sum()
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The bytes that are missing for one image where one other is there already, over all pairs.
fn mean_pull(images: &BTreeMap<&str, Image>) -> u64 {
    let (mut missing, mut pairs) = (0, 0);
    for (wanted, image) in images {
        for (there, other) in images {
            if wanted != there {
                let new = image.iter().filter(|layer| !other.contains(layer));
                missing += new.map(|(_, size)| size).sum::<u64>();
                pairs += 1;
            }
        }
    }
    missing / pairs.max(1)
}

/// Builds services. Those that fail are said on stderr and left out.
fn images<'a>(names: &[&'a str], strategy: &str) -> BTreeMap<&'a str, Image> {
    let built = names.iter().filter_map(|name| {
        let dir = TempDir::new().unwrap();
        let spec = common::quick(&common::example_with(&format!("{name}.yaml"), ""));
        let spec = spec.replace("layers: {", &format!("layers: {{ strategy: {strategy},"));
        let layout = Output::layout(dir.path().join("layout"), "latest");
        let builder = common::builder(&spec, dir.path())?
            .platform("linux/amd64".parse().unwrap())
            .output(layout);
        match builder.build() {
            Ok(report) => {
                let layers = report.platforms[0].layers.iter();
                Some((*name, layers.map(|l| (l.digest, l.size)).collect()))
            }
            Err(error) => {
                eprintln!("{name}: {error}");
                None
            }
        }
    });
    built.collect()
}
