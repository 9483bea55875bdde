//! Mikron inside another program, with nothing on disk but its cache: packages come out of memory, the image goes there.
//!
//! A tool that has its own way to fetch (a proxy, a package server) or its own place for images (a registry, a database)
//! implements two small traits, `Fetch` and `BlobStore`. Here both are the ones in memory that the libraries bring.

use std::error::Error;
use std::sync::Arc;

use mikron::oci::MemoryStore;
use mikron::package::{Digest, Limits};
use mikron::source::Environment;
use mikron::source::fetch::MemoryFetch;
use mikron::spec::Spec;

/// A spec over a flat repository (sources.list(5)) that only exists in memory.
const SPEC: &str = r"
mikron: 1
name: hello
sources:
  local: { deb: 'http://packages.example.org/debian', suite: ./, allow: [unsigned] }
packages: [hello-data]
image: { labels: { purpose: example } }
";

fn main() -> Result<(), Box<dyn Error>> {
    let store = build()?;
    println!("{} blobs in memory", store.digests().len());
    Ok(())
}

/// Builds the image and gives back the store that holds it.
fn build() -> Result<Arc<MemoryStore>, Box<dyn Error>> {
    let archive = mikron_testkit::archive::DebBuilder::new("hello-data", "1.0", "all")
        .file("/usr/share/hello/greeting", 0o644, b"hello\n")
        .build();
    let packages = format!(
        "Package: hello-data\nVersion: 1.0\nArchitecture: all\nMaintainer: Example <a@example.org>\nDescription: data\n\
         Filename: ./hello-data_1.0_all.deb\nSize: {}\nSHA256: {}\n",
        archive.len(),
        Digest::of(&archive).hex(),
    );
    let release = format!(
        "Suite: example\nCodename: example\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nArchitectures: amd64 all\nSHA256:\n {} {} Packages\n",
        Digest::of(packages.as_bytes()).hex(),
        packages.len(),
    );
    let base = "http://packages.example.org/debian";
    let fetch = MemoryFetch::default()
        .with(&format!("{base}/Release"), release.into_bytes())
        .with(&format!("{base}/Packages"), packages.into_bytes())
        .with(&format!("{base}/hello-data_1.0_all.deb"), archive);

    let cache = tempfile::tempdir()?;
    let store = Arc::new(MemoryStore::default());
    let spec = Spec::parse("hello.yaml", SPEC, &Limits::default())?;
    let report = mikron::Builder::from_spec(spec, cache.path())?
        .environment(Environment::empty())
        .cache(cache.path().join("cache"))
        .fetch(Arc::new(fetch))
        .store(store.clone(), "latest")
        .build()?;
    println!("{} has {} bytes", report.digest, report.size());
    Ok(store)
}

#[test]
fn the_image_is_in_memory_and_tagged() -> Result<(), Box<dyn Error>> {
    use mikron::oci::BlobSource as _;

    let store = build()?;
    assert!(store.resolve("latest").is_ok_and(|target| target.is_some()));
    assert!(store.digests().len() >= 3, "manifest, config and a layer");
    Ok(())
}
