//! The cache of the loader, read by the system's own ldconfig.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::process::Command;

use common::{Image, Look};
use mikron_rootfs::Rootfs;
use mikron_testkit::tools::tool;

/// The start of an ELF file for x86-64.
const LIBRARY: &str = "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0";
const LIB: &str = "/usr/lib/x86_64-linux-gnu";

fn image() -> Image {
    let mut image = Image::new();
    for name in [
        "libz.so.1.2.13",
        "libusb-1.0.so.0.3.0",
        "libc.so.6",
        "libc.so.10",
    ] {
        image = image.file("lib", &format!("{LIB}/{name}"), LIBRARY);
    }
    image
        .link("lib", &format!("{LIB}/libz.so.1"), "libz.so.1.2.13")
        .link(
            "lib",
            &format!("{LIB}/libusb-1.0.so.0"),
            "libusb-1.0.so.0.3.0",
        )
        .file(
            "lib",
            &format!("{LIB}/libtext.so"),
            "GROUP ( libtext.so.1 )",
        )
        .file("lib", "/opt/own/lib/libown.so.1", LIBRARY)
}

fn cache(rootfs: &Rootfs) -> Vec<u8> {
    let content = rootfs.at("/etc/ld.so.cache").unwrap().content.unwrap();
    rootfs.made.get(&content).unwrap().to_vec()
}

/// What `ldconfig -p` says of a cache: names and paths, in the cache's order. `None` where the machine has no ldconfig.
fn listed(cache: &[u8]) -> Option<Vec<String>> {
    let ldconfig = tool("ldconfig")?;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cache");
    fs::write(&file, cache).unwrap();
    let output = Command::new(ldconfig)
        .arg("-C")
        .arg(&file)
        .arg("-p")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| line.starts_with('\t'));
    Some(lines.map(|line| line.trim().to_owned()).collect())
}

#[test]
fn an_image_with_ldconfig_has_a_cache_that_it_reads() {
    let rootfs = image()
        .file("libc-bin", "/sbin/ldconfig", LIBRARY)
        .finalize()
        .unwrap();
    let Some(listed) = listed(&cache(&rootfs)) else {
        return;
    };
    let line = |name: &str| format!("{name} (libc6,x86-64) => {LIB}/{name}");
    assert_eq!(
        listed,
        ["libz.so.1", "libusb-1.0.so.0", "libc.so.10", "libc.so.6",].map(line)
    );
}

#[test]
fn libraries_of_configured_directories_are_in_the_cache() {
    let conf = "# own\n/opt/own/lib\n";
    let rootfs = image()
        .file("own", "/etc/ld.so.conf.d/own.conf", conf)
        .finalize()
        .unwrap();
    let Some(listed) = listed(&cache(&rootfs)) else {
        return;
    };
    let own = "libown.so.1 (libc6,x86-64) => /opt/own/lib/libown.so.1";
    assert!(listed.iter().any(|line| line == own), "{listed:?}");
}

#[test]
fn an_image_whose_libraries_the_loader_finds_by_itself_has_no_cache() {
    let rootfs = image().finalize().unwrap();
    assert!(rootfs.at("/etc/ld.so.cache").is_none());
}
