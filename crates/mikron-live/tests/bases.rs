//! The bases that come with the product, out of the live archive: each flavour is what its name says.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::time::Duration;

use common::{builder, quick};
use mikron::Output;
use mikron_live::runtime::{Bundle, Finished, Run};
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
