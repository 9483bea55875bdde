//! The applets of a busybox, as the program itself lists them.

use std::process::Command;

use mikron_apk::{applet_directory, applets};
use mikron_testkit::tools::tool;

#[test]
fn the_names_are_those_that_the_program_lists() {
    let Some(busybox) = tool("busybox") else {
        return;
    };
    let binary = std::fs::read(&busybox).unwrap();
    let output = Command::new(&busybox)
        .arg("--list")
        .output()
        .expect("busybox runs");
    let listed = String::from_utf8(output.stdout).unwrap();
    let listed: Vec<&str> = listed.lines().collect();
    assert!(listed.len() > 20, "{listed:?}");
    assert_eq!(applets(&binary), Some(listed));
}

#[test]
fn applets_lie_in_the_directories_that_the_program_says() {
    let Some(busybox) = tool("busybox") else {
        return;
    };
    let output = Command::new(&busybox)
        .arg("--list-full")
        .output()
        .expect("busybox runs");
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.lines().count() > 20, "{listed}");
    for path in listed.lines() {
        // Alpine moves `nologin`, and builds no `linuxrc`.
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        if !["nologin", "linuxrc"].contains(&name) {
            assert_eq!(applet_directory(name), dir, "{name}");
        }
    }
    assert_eq!(applet_directory("nologin"), "sbin");
}

#[test]
fn the_list_is_found_between_other_texts() {
    let names = "[\0ash\0busybox\0cat\0env\0ls\0sh\0zcat\0";
    let around = |before: &str, after: &str| {
        [
            b"\x7fELF",
            before.as_bytes(),
            names.as_bytes(),
            after.as_bytes(),
        ]
        .concat()
    };
    let expected: Vec<&str> = names.split_terminator('\0').collect();
    for (before, after) in [
        ("\0\0", "\0\0"),
        // A text before that sorts behind the first name, and one after that sorts before the last, are none of it.
        ("\0zzz\0", "aaa\0"),
        ("\0\u{1}\u{2}\0", "not a name\0"),
        // Texts that name a shell elsewhere make no list.
        ("\0/bin/sh\0sh\0ash\0\0", "\0sh\0\0busybox\0"),
    ] {
        let binary = around(before, after);
        assert_eq!(
            applets(&binary),
            Some(expected.clone()),
            "{before:?} {after:?}"
        );
    }
}

#[test]
fn what_is_no_busybox_has_no_applets() {
    assert_eq!(applets(b""), None);
    assert_eq!(applets(b"\x7fELF"), None);
    assert_eq!(applets(b"[\0ash\0busybox\0cat\0ls\0sh\0"), None);
    assert_eq!(applets(b"\x7fELF\0busybox"), None);
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let found = applets(&own).map_or(0, |names| names.len());
    assert!(found < 20, "{found}");
}
