//! What the scripts and units of packages make: behind their links, and of packages of which no file is chosen.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;

use common::{Held, local_spec};
use mikron::{Builder, Output};
use mikron_testkit::archive::DebBuilder;
use tempfile::TempDir;

/// What the image holds of some packages of a local repository, of which the spec names `app`.
fn image(packages: [DebBuilder; 2], depends: &str) -> Held {
    let dir = TempDir::new().unwrap();
    let [app, lib] = packages;
    let packages = vec![("app", depends, app), ("lib", "", lib)];
    let file = local_spec(dir.path(), packages, "packages: [app]\n");
    let layout = dir.path().join("layout");
    Builder::from_file(&file)
        .unwrap_or_else(|error| panic!("{error}"))
        .cache(dir.path().join("cache"))
        .output(Output::layout(&layout, "latest"))
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    Held::of(&layout)
}

#[test]
fn a_link_to_what_a_script_makes_is_in_the_image_and_one_to_nothing_is_not() {
    let app = DebBuilder::new("app", "1", "amd64")
        .file("/usr/lib/app/data", 0o644, "x")
        .symlink("/usr/lib/app/conf", "/etc/app/conf")
        .symlink("/usr/lib/app/near", "../../../etc/app/conf")
        .symlink("/usr/lib/app/lost", "/etc/app/lost")
        .script(
            "postinst",
            "#!/bin/sh\nmkdir -p /etc/app\necho made > /etc/app/conf\n",
        );
    let held = image([app, DebBuilder::new("lib", "1", "amd64")], "");
    for (link, target) in [("conf", "/etc/app/conf"), ("near", "../../../etc/app/conf")] {
        assert_eq!(held.target(&format!("/usr/lib/app/{link}")), target);
    }
    assert_eq!(held.text("/etc/app/conf"), "made\n");
    assert!(!held.paths().iter().any(|path| path.ends_with("/lost")));
}

#[test]
fn a_named_package_of_nothing_but_a_unit_and_a_script_has_what_they_make() {
    let app = DebBuilder::new("app", "1", "amd64")
        .file(
            "/lib/systemd/system/app.service",
            0o644,
            "[Service]\nExecStart=/usr/bin/serve -u www-data\nStateDirectory=app\n",
        )
        .script(
            "postinst",
            "#!/bin/sh\nadduser --system --group _app\nmkdir -p /srv/app\n",
        );
    let lib = DebBuilder::new("lib", "1", "amd64")
        .file("/usr/share/lib/data", 0o644, "x")
        .file(
            "/lib/systemd/system/lib.service",
            0o644,
            "[Service]\nUser=backup\n",
        );
    let held = image([app, lib], "Depends: lib\n");
    let accounts = held.text("/etc/passwd");
    for name in ["www-data:", "_app:"] {
        assert!(
            accounts.lines().any(|line| line.starts_with(name)),
            "{accounts}"
        );
    }
    for made in ["/srv/app", "/var/lib/app", "/usr/share/lib/data"] {
        assert!(held.has(made), "{made}");
    }
    assert!(
        !held
            .paths()
            .iter()
            .any(|path| path.ends_with("/app.service"))
    );
}

#[test]
fn a_table_of_the_spec_says_what_commands_of_scripts_mean() {
    let dir = TempDir::new().unwrap();
    let app = DebBuilder::new("app", "1", "amd64")
        .file("/usr/share/app/data", 0o644, "x")
        .script("postinst", "#!/bin/sh\ndispatch-register app\nother app\n");
    let rest = "packages: [app]\ninstallation: [mine.yaml]\n";
    let file = local_spec(dir.path(), vec![("app", "", app)], rest);
    let build = |table: &str| {
        fs::write(dir.path().join("mine.yaml"), table).unwrap();
        let builder = Builder::from_file(&file).unwrap_or_else(|error| panic!("{error}"));
        builder.cache(dir.path().join("cache")).build()
    };
    let table = "without-effect: [{ because: no dispatcher, commands: ['dispatch-*'] }]\n";
    // The second table is not answered by what is remembered of the first.
    for (table, open) in [(table, 1), ("steps: []\n", 2)] {
        let report = build(table).unwrap_or_else(|error| panic!("{error}"));
        let scripts = &report.platforms[0].scripts;
        assert_eq!(scripts[0].uncovered.len(), open, "{scripts:?}");
    }
    let error = build("without-effect:\n  - { commands: [x] }\n").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("mine.yaml:2:"), "{text}");
}
