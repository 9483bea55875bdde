//! Packages that dpkg-deb builds: every entry that we read is the one that it reads itself. Those of the archive: `mikron-live`.

mod archive_support;

use std::fs;
use std::path::Path;
use std::process::Command;

use archive_support::read;
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::listing::list_by_dpkg;
use mikron_testkit::tools::tool;

fn compare(dpkg_deb: &Path, path: &Path) {
    let bytes = fs::read(path).expect("the archive is there");
    let ours = read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let theirs = list_by_dpkg(dpkg_deb, path).expect("dpkg-deb reads it");
    assert_eq!(ours, theirs, "{}", path.display());
    assert!(!ours.is_empty());
}

#[test]
fn packages_that_dpkg_deb_builds_have_the_entries_that_dpkg_sees() {
    let Some(dpkg_deb) = tool("dpkg-deb") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let source = dir.path().join("x.deb");
    let deb = DebBuilder::new("x", "1.0", "all")
        .file("/usr/bin/x", 0o4755, vec![b'x'; 70_000])
        .hardlink("/usr/bin/y", "/usr/bin/x")
        .symlink("/usr/bin/z", "../share/x")
        .file(&format!("/usr/share/{}/x", "long".repeat(40)), 0o600, b"y")
        .dir("/var/empty", 0o1777)
        .build();
    fs::write(&source, deb).expect("a file");
    let tree = dir.path().join("tree");
    let run = |args: &[&std::ffi::OsStr]| {
        let status = Command::new(&dpkg_deb)
            .args(args)
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.expect("dpkg-deb starts").success());
    };
    run(&["-R".as_ref(), source.as_ref(), tree.as_ref()]);
    for compression in ["none", "gzip", "xz", "zstd"] {
        let built = dir.path().join(format!("{compression}.deb"));
        let option = format!("-Z{compression}");
        run(&[
            option.as_ref(),
            "-b".as_ref(),
            tree.as_ref(),
            built.as_ref(),
        ]);
        compare(&dpkg_deb, &built);
    }
}
