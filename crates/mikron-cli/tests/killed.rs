//! Promise 5: a build that is killed leaves the layout and the cache as they were, or as they should be, and the next one
//! gives the same digest.

#![allow(clippy::unwrap_used)] // a test that cannot go on says where

mod common;

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::Home;
use mikron::oci::validate;
use mikron::package::Limits;
use mikron_testkit::http::{Fault, Server};

/// How often a build is killed, over both tests.
const KILLS: u32 = 200;

/// How long a build has run when it is killed first, and how much longer the next one.
const EARLIEST: Duration = Duration::from_micros(200);
const LATER: Duration = Duration::from_micros(1700);

fn spawn(home: &Home) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_mikron"))
        .args(["build", "greet.yaml", "-o", "oci:out/greet:latest"])
        .env_clear()
        .env("MIKRON_CACHE", home.path("cache"))
        .current_dir(home.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What stands in the layout is whole, or nothing stands there.
fn sound(home: &Home) {
    let path = home.path("out/greet");
    if !path.join("index.json").exists() {
        return;
    }
    let faults = validate(&path, &Limits::default()).err();
    assert!(faults.is_none(), "{faults:?}");
}

#[test]
fn a_build_that_is_killed_at_any_point_leaves_nothing_broken() {
    let reference = Home::new();
    assert!(spawn(&reference).wait().unwrap().success());
    let expected = reference.read("out/greet/index.json");

    let home = Home::new();
    let mut survived = 0;
    let mut late = EARLIEST;
    for kill in 0..KILLS {
        if kill % 4 == 0 {
            // From the start again: else all that is left to kill is the end of a warm build.
            for gone in ["cache", "out"] {
                std::fs::remove_dir_all(home.path(gone)).ok();
            }
        }
        let mut child = spawn(&home);
        thread::sleep(late);
        child.kill().unwrap();
        // Later each time, until a build is through: then from its beginning again.
        if child.wait().unwrap().success() {
            survived += 1;
            late = EARLIEST;
        } else {
            late += LATER;
        }
        sound(&home);
    }
    assert!(survived < KILLS, "no build was killed before its end");
    assert!(spawn(&home).wait().unwrap().success());
    sound(&home);
    assert_eq!(home.read("out/greet/index.json"), expected);
}

#[test]
fn two_builds_at_once_over_one_cache_and_layout_both_succeed() {
    let home = Home::new();
    for _ in 0..5 {
        let mut both = [spawn(&home), spawn(&home)];
        for child in &mut both {
            assert!(child.wait().unwrap().success());
        }
        sound(&home);
        std::fs::remove_dir_all(home.path("cache")).unwrap();
    }
}

#[test]
fn a_build_that_is_interrupted_takes_away_what_it_made() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let home = Home::empty();
        let server = Server::start();
        // A server that is in no hurry: whoever waited for it would wait for ten minutes.
        let late = Fault::Late(Duration::from_secs(600));
        server.fault("/debian/Release", late);
        let spec = format!(
            "mikron: 1\nname: late\nsources:\n  local: {{ deb: \"{}\", suite: ./, allow: [unsigned] }}\npackages: [app]\n",
            server.url("/debian")
        );
        home.write("late.yaml", spec);
        let mut child = home
            .command()
            .args(["build", "late.yaml", "-o", "docker:late.tar"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while server.requests().is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        let id = child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(code));
        let mut said = String::new();
        let mut err = child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut err, &mut said).unwrap();
        assert!(
            said.contains("it was cancelled; nothing was written"),
            "{said}"
        );
        let names = std::fs::read_dir(home.path(".")).unwrap().flatten();
        let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, ["cache", "late.yaml"]);
    }
}
