//! Builds the compact form of a `Packages` file and says how long each step took.
//!
//! `cargo run --release -p mikron-source --example compact_index -- Packages [ARCHITECTURE [NAME]]`

use std::error::Error;
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use mikron_deb::DebFormat;
use mikron_package::{Limits, Origin, Universe};
use mikron_source::universe::{CompactIndex, IndexUniverse, Part, build_index};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which Packages file?")?;
    let architecture = arguments.next().unwrap_or_else(|| "amd64".to_owned());
    let name = arguments.next().unwrap_or_else(|| "ngnix".to_owned());

    let begin = Instant::now();
    let origin = Origin::named(&path);
    let built = build_index(
        File::open(&path)?,
        &architecture,
        &Limits::default(),
        &origin,
    )?;
    println!(
        "built {} records in {} bytes: {:?}",
        built.len(),
        built.as_bytes().len(),
        begin.elapsed()
    );

    let bytes = built.as_bytes().to_vec();
    let begin = Instant::now();
    let index = CompactIndex::open(bytes)?;
    println!("opened: {:?}", begin.elapsed());

    let begin = Instant::now();
    for number in 0..index.len() {
        index.record(number)?;
    }
    println!("every record read: {:?}", begin.elapsed());

    let part = Part {
        index: Arc::new(index),
        source: "example".to_owned(),
        priority: 500,
        label: path,
    };
    let universe = IndexUniverse::new(&DebFormat, &architecture, vec![part])?;
    let begin = Instant::now();
    let found = universe.similar(&name);
    println!("similar to {name}: {found:?}: {:?}", begin.elapsed());
    println!(
        "providers of mail-transport-agent: {}, essential: {}",
        universe.providers("mail-transport-agent").len(),
        universe.essential().len()
    );
    Ok(())
}
