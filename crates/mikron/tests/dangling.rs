//! Links of packages to what only their scripts make.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;

use common::find;
use mikron::{Builder, Output};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::repository::RepositoryBuilder;
use mikron_testkit::runtime::Bundle;
use tempfile::TempDir;

#[test]
fn a_link_to_what_a_script_makes_is_in_the_image_and_one_to_nothing_is_not() {
    let dir = TempDir::new().unwrap();
    let package = DebBuilder::new("app", "1", "amd64")
        .file("/usr/lib/app/data", 0o644, "x")
        .symlink("/usr/lib/app/conf", "/etc/app/conf")
        .symlink("/usr/lib/app/near", "../../../etc/app/conf")
        .symlink("/usr/lib/app/lost", "/etc/app/lost")
        .script(
            "postinst",
            "#!/bin/sh\nmkdir -p /etc/app\necho made > /etc/app/conf\n",
        );
    let stanza = "Package: app\nVersion: 1\nArchitecture: amd64\n";
    RepositoryBuilder::new("./")
        .date(1_700_000_000)
        .without_release()
        .package_at("app.deb", stanza, package.build())
        .build()
        .write_to(&dir.path().join("repository"));
    let file = dir.path().join("image.yaml");
    let spec = "mikron: 1\nname: app\nsources:\n  local: { deb: \"file:repository\", suite: \"./\", allow: [unsigned] }\n\
        packages: [app]\n";
    fs::write(&file, spec).unwrap();
    let layout = dir.path().join("layout");
    Builder::from_file(&file)
        .unwrap_or_else(|error| panic!("{error}"))
        .cache(dir.path().join("cache"))
        .output(Output::layout(&layout, "latest"))
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    let Some(bundle) = Bundle::extract(&layout) else {
        return;
    };
    let root = bundle.rootfs();
    for (link, target) in [("conf", "/etc/app/conf"), ("near", "../../../etc/app/conf")] {
        let link = root.join("usr/lib/app").join(link);
        assert_eq!(fs::read_link(link).unwrap().to_str(), Some(target));
    }
    assert_eq!(fs::read(root.join("etc/app/conf")).unwrap(), b"made\n");
    assert!(find(&root, "lost").is_none());
}
