//! The first hour of somebody new goes as it was recorded: `docs/first-hour/play`, in front of Debian's archive and a Docker engine.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::mikron;
use mikron_live::mirror::mirror;
use mikron_live::runtime::Docker;
use mikron_testkit::documents::missing;
use mikron_testkit::tools::tool;

/// The engine of the test gives containers no way out of their own network: the one that is asked for a page is asked inside of it.
const CURL: &str = r#"#!/bin/sh
pid="$(docker inspect --format '{{.State.Pid}}' first-hour)"
exec nsenter --net="/proc/$pid/ns/net" "$REAL_CURL" --noproxy '*' -s http://127.0.0.1:80/
"#;

/// Plays it, and compares it with the record; `FIRST_HOUR_RECORD=1` records it anew before, to be read.
fn goes_as_recorded(how: &[&str], record: &str) {
    let (Some(mikron), Some(_), Some(curl), Some(_)) =
        (mikron(), mirror(), tool("curl"), tool("go"))
    else {
        return;
    };
    let Some(docker) = Docker::start() else {
        return;
    };
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/first-hour");
    let shims = tempfile::TempDir::new().unwrap();
    let shim = shims.path().join("curl");
    fs::write(&shim, CURL).unwrap();
    fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let played = Command::new(pages.join("play"))
        .arg(mikron)
        .args(how)
        .env("PATH", format!("{}:{path}", shims.path().display()))
        .env("REAL_CURL", curl)
        .env("DOCKER_HOST", docker.host())
        .env_remove("MIKRON_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(played.stdout).unwrap();
    if std::env::var_os("FIRST_HOUR_RECORD").is_some() {
        fs::write(pages.join(record), &said).unwrap();
    }
    let recorded = fs::read_to_string(pages.join(record)).unwrap();
    let missing = missing(&recorded, &said);
    assert_eq!(
        missing,
        None,
        "{said}{}",
        String::from_utf8_lossy(&played.stderr)
    );
}

#[test]
fn on_a_machine_whose_apt_knows_a_mirror() {
    goes_as_recorded(&[], "with-apt.txt");
}

#[test]
fn on_a_machine_that_is_told_a_mirror_once() {
    goes_as_recorded(&["hidden"], "without-apt.txt");
}
