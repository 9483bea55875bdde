//! Promise 1: the same spec and lock give the same bytes, for any machine, directory, user, locale, time zone, umask,
//! number of jobs and state of the cache.

#![allow(clippy::unwrap_used)] // a test that cannot go on says where

mod common;

use std::process::{Command, Stdio};

use common::Home;

/// The digest of the locked fixture. It moves when, and only when, the bytes of images move: then say so in the changelog.
const GOLDEN: &str = "sha256:93d8c3398c41fab9c2185ba24d01d83f885e3382664294db818c716bc797c19b";

fn digest(json: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(json).unwrap();
    report["digest"].as_str().unwrap().to_owned()
}

/// Builds in a shell, so that the umask can be set, and gives the digest.
fn build(home: &Home, umask: &str, environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"])
        .arg(env!("CARGO_BIN_EXE_mikron"))
        .args(["build", "greet.yaml", "--json"])
        .args(arguments)
        .env_clear()
        .env("MIKRON_CACHE", home.path("cache"))
        .envs(environment.iter().copied())
        .current_dir(home.path("."))
        .stderr(Stdio::inherit());
    let output = command.output().unwrap();
    assert!(output.status.success());
    digest(&String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_locked_fixture_has_the_digest_that_is_pinned_here() {
    let home = Home::new();
    assert_eq!(home.run(&["lock", "greet.yaml"]).code, 0);
    let run = home.run(&["build", "greet.yaml", "--locked", "--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(digest(&run.out), GOLDEN);
}

#[test]
fn directory_cache_time_zone_language_umask_and_jobs_change_nothing() {
    type Surroundings<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let first = Home::new();
    let reference = build(&first, "022", &[], &["--jobs", "1"]);
    let surroundings: [Surroundings<'_>; 4] = [
        (
            "077",
            &[("TZ", "Asia/Kathmandu"), ("LANG", "tr_TR.UTF-8")],
            &["--jobs", "2"],
        ),
        (
            "000",
            &[("TZ", "America/St_Johns"), ("LC_ALL", "C")],
            &["--jobs", "1"],
        ),
        (
            "027",
            &[("HOME", "/nonexistent"), ("USER", "somebody")],
            &["--jobs", "2"],
        ),
        ("022", &[], &["--refresh"]),
    ];
    for (umask, environment, arguments) in surroundings {
        // Cold, in another directory; warm, there again; and with other settings over the first one's cache.
        let other = Home::new();
        for _ in 0..2 {
            assert_eq!(build(&other, umask, environment, arguments), reference);
        }
        assert_eq!(build(&first, umask, environment, arguments), reference);
    }
}

#[test]
fn an_own_epoch_is_the_time_of_everything() {
    let home = Home::new();
    let early = build(&home, "022", &[("SOURCE_DATE_EPOCH", "1000000000")], &[]);
    let late = build(&home, "022", &[("SOURCE_DATE_EPOCH", "1100000000")], &[]);
    assert_ne!(early, late);
    assert_eq!(
        build(&home, "077", &[("SOURCE_DATE_EPOCH", "1000000000")], &[]),
        early
    );
}
