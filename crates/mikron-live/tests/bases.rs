//! The bases that come with the product, out of the live archive: each flavour is what its name says.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::{builder, installed, quick};
use mikron::oci::validate;
use mikron::package::Limits;
use mikron::{BuildReport, Output};
use mikron_live::runtime::{Bundle, Finished, Run};
use mikron_testkit::layout::LayoutBuilder;
use mikron_testkit::tools::tool;
use tempfile::TempDir;

/// A flavour of a base, extracted. `None` where something is missing that it takes.
fn flavour(base: &str, variant: Option<&str>) -> Option<Bundle> {
    extended(base, variant, "")
}

/// The same of a spec that extends the base and has these lines of its own.
fn extended(base: &str, variant: Option<&str>, own: &str) -> Option<Bundle> {
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("layout");
    let spec = quick(&format!("mikron: 1\nextends: [builtin/{base}]\n{own}"));
    let mut builder = builder(&spec, dir.path())?;
    if let Some(variant) = variant {
        builder = builder.variant(variant).unwrap();
    }
    let built = builder.output(Output::layout(&layout, "latest")).build();
    built.unwrap_or_else(|error| panic!("{error}"));
    Bundle::extract(&layout)
}

fn run(bundle: &Bundle, args: &[&str]) -> Finished {
    let how = Run {
        args: Some(args.iter().map(|word| (*word).to_owned()).collect()),
        ..Run::default()
    };
    let finished = bundle.start(&how).finish_within(Duration::from_secs(60));
    finished.expect("it ends")
}

#[test]
fn the_flavours_of_debug_have_a_shell_and_the_others_have_none() {
    for base in ["static", "base"] {
        for variant in [None, Some("nonroot"), Some("debug"), Some("debug-nonroot")] {
            let Some(bundle) = flavour(base, variant) else {
                return;
            };
            let name = variant.unwrap_or("latest");
            let is_debug = name.starts_with("debug");
            let user = if name.ends_with("nonroot") { 65532 } else { 0 };
            assert_eq!(bundle.user().0, user, "{base}:{name}");
            for shell in ["bin/sh", "busybox/sh", "bin/busybox", "usr/bin/busybox"] {
                let there = bundle.rootfs().join(shell).symlink_metadata().is_ok();
                assert!(is_debug || !there, "{base}:{name} has {shell}");
            }
            if is_debug {
                let script = "id -u; test -d /home/nonroot && test -w /tmp && pwd";
                let said = run(&bundle, &["/busybox/sh", "-c", script]).well();
                let home = if user == 0 { "/" } else { "/home/nonroot" };
                assert_eq!(said, format!("{user}\n{home}\n"), "{base}:{name}");
            }
        }
    }
}

#[test]
fn what_a_base_is_for_works_as_a_user_without_rights() {
    for (base, args) in [
        ("python3", ["-c", "import ssl, json, sqlite3; print('ok')"]),
        ("perl", ["-e", "use JSON::PP; use Socket; print qq(ok\n)"]),
    ] {
        let Some(bundle) = flavour(base, Some("nonroot")) else {
            return;
        };
        let mut words = bundle.words();
        words.extend(args.map(str::to_owned));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(run(&bundle, &words).well(), "ok\n", "{base}");
    }
}

#[test]
fn nginx_serves_a_page_of_ones_own_as_a_user_without_rights() {
    let page = "files: [{ path: /var/www/html/index.html, text: mine }]\n";
    let Some(bundle) = extended("nginx", Some("nonroot"), page) else {
        return;
    };
    assert_eq!(bundle.user().0, 65532);
    let mut server = bundle.start(&Run::default());
    let answer = server.fetch(&["-s", "http://127.0.0.1:8080/"]);
    assert_eq!(answer, "mine");
}

/// Builds upon what lies in `base` of a directory, into `layout` there. Layers are such that all tools read them.
fn upon(dir: &Path, packages: &str, more: &str) -> Option<(BuildReport, Bundle)> {
    let spec = format!(
        "mikron: 1\nname: above\nfrom: oci:base\nsources: {{ debian: {{ deb: bookworm }} }}\npackages: [{packages}]\n\
         layers: {{ compression: \"gzip:1\" }}\n{more}"
    );
    let layout = dir.join("layout");
    let builder = builder(&spec, dir)?.output(Output::layout(&layout, "latest"));
    let report = builder.build().unwrap_or_else(|error| panic!("{error}"));
    validate(&layout, &Limits::default()).unwrap();
    if let Some(skopeo) = tool("skopeo") {
        let image = format!("oci:{}:latest", layout.display());
        let copied = format!("oci:{}:latest", dir.join("copied").display());
        let copy = Command::new(skopeo)
            .args(["copy", "--quiet", &image, &copied])
            .status();
        assert!(copy.unwrap().success());
    }
    Some((report, Bundle::extract(&layout)?))
}

#[test]
fn nginx_upon_a_root_file_system_of_debian_is_what_that_lacks_of_it() {
    let Some(debian) = installed::base() else {
        return;
    };
    let dir = TempDir::new().unwrap();
    let packed = Command::new("tar")
        .args([
            "--numeric-owner",
            "--exclude=./var/lib/apt/lists/*",
            "--exclude=./dev/*",
            "-cC",
        ])
        .arg(debian.root())
        .arg(".")
        .output()
        .unwrap();
    assert!(packed.status.success(), "{packed:?}");
    LayoutBuilder::new()
        .layer(packed.stdout)
        .write_to(&dir.path().join("base"));
    let image = "image: { entrypoint: [/usr/sbin/nginx, -g, daemon off;] }\n";
    let Some((report, bundle)) = upon(dir.path(), "nginx", image) else {
        return;
    };
    // The C library and the like are there; what nginx is linked with beside that comes.
    let platform = &report.platforms[0];
    let packages: Vec<&str> = platform
        .packages
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(packages, ["libssl3", "nginx", "nginx-common"]);
    let mut server = bundle.start(&Run::default());
    assert!(
        server
            .fetch(&["-s", "http://127.0.0.1/"])
            .contains("Welcome to nginx")
    );
    drop(server);
    let list = [
        "dpkg-query",
        "-W",
        "-f=${Package} ${Status}\\n",
        "nginx",
        "libc6",
        "libssl3",
    ];
    let said = run(&bundle, &list).well();
    assert_eq!(said.matches("install ok installed").count(), 3, "{said}");
}

#[test]
fn python_upon_an_image_of_ours_takes_what_that_has_no_second_time() {
    let dir = TempDir::new().unwrap();
    let Some(base) = builder(
        &quick("mikron: 1\nname: base\nextends: [builtin/base-nossl]\n"),
        dir.path(),
    ) else {
        return;
    };
    let base = base.output(Output::layout(dir.path().join("base"), "latest"));
    base.build().unwrap_or_else(|error| panic!("{error}"));
    let image = "image: { entrypoint: [/usr/bin/python3.11] }\n";
    let Some((report, bundle)) = upon(dir.path(), "python3-minimal", image) else {
        return;
    };
    // The base has the C library itself, and no loader lies twice.
    let platform = &report.platforms[0];
    let libc = platform
        .packages
        .iter()
        .find(|one| one.name.as_str() == "libc6");
    assert!(libc.is_none_or(|libc| libc.files < 5), "{libc:?}");
    let said = run(
        &bundle,
        &["/usr/bin/python3.11", "-c", "import zlib; print('ok')"],
    )
    .well();
    assert_eq!(said, "ok\n");
}
