//! Packages of the archive: every entry that we read is the one that dpkg-deb reads.

use std::fs;
use std::path::Path;
use std::process::Command;

use mikron_deb::archive::DebFormat;
use mikron_live::mirror::mirror;
use mikron_package::{Limits, Origin, PackageFormat as _};
use mikron_testkit::archive::{ArBuilder, Compression};
use mikron_testkit::listing::{list_archive, list_by_dpkg};
use mikron_testkit::tools::{skip, tool};

/// Small packages of all kinds: programs and data, links of both kinds, setuid files, devices' neighbours, old ones with
/// entries of the last century, and such that have not been rebuilt for years. Names, not versions: the archive moves.
const PACKAGES: [&str; 14] = [
    "hostname",
    "tzdata",
    "base-files",
    "zlib1g",
    "bsdextrautils",
    "sudo",
    "ca-certificates",
    "media-types",
    "netbase",
    "libpam-modules",
    "fonts-dejavu-core",
    "perl-base",
    "xfonts-75dpi",
    "nginx",
];

fn compare(dpkg_deb: &Path, path: &Path) {
    let bytes = fs::read(path).expect("the archive is there");
    let origin = Origin::named(&path.display().to_string());
    let opened = DebFormat.open(Box::new(bytes.as_slice()), &Limits::default(), &origin);
    let ours = opened.and_then(|mut reader| list_archive(&mut *reader));
    let ours = ours.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let theirs = list_by_dpkg(dpkg_deb, path).expect("dpkg-deb reads it");
    assert_eq!(ours, theirs, "{}", path.display());
    assert!(!ours.is_empty());
}

#[test]
fn packages_of_the_archive_have_the_entries_that_dpkg_sees() {
    let (Some(dpkg_deb), Some(apt), Some(_)) = (tool("dpkg-deb"), tool("apt-get"), mirror()) else {
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let status = Command::new(apt)
        .args(["-qq", "-o", "APT::Sandbox::User=root", "download"])
        .args(PACKAGES)
        .current_dir(dir.path())
        .status()
        .expect("apt-get starts");
    if !status.success() {
        skip("apt-get could not download the sample: are its indexes there (apt-get update)?");
        return;
    }
    let files: Vec<_> = fs::read_dir(dir.path())
        .expect("the directory is there")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert_eq!(files.len(), PACKAGES.len());
    for file in files {
        compare(&dpkg_deb, &file);
        repacked(&dpkg_deb, &file);
    }
}

/// The same content under other compressions, as older and newer archives and third parties have it.
fn repacked(dpkg_deb: &Path, file: &Path) {
    let tarfile = |option: &str| {
        let output = Command::new(dpkg_deb).arg(option).arg(file).output();
        output.expect("dpkg-deb starts").stdout
    };
    let (control, data) = (tarfile("--ctrl-tarfile"), tarfile("--fsys-tarfile"));
    // One of the six per package keeps the test short; together they have all.
    let name = file.file_name().expect("a file").to_string_lossy();
    let compression = Compression::ALL[name.bytes().map(usize::from).sum::<usize>() % 6];
    let bytes = ArBuilder::new()
        .member("debian-binary", b"2.0\n")
        .member("control.tar.zst", &Compression::Zstd.compress(&control))
        .member(
            &format!("data.tar{}", compression.extension()),
            &compression.compress(&data),
        )
        .build();
    let path = file.with_extension("repacked.deb");
    fs::write(&path, bytes).expect("a file");
    compare(dpkg_deb, &path);
}
