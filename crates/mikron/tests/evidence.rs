//! What files of real packages open by names that no dynamic section states: each with work that fails without.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{extract_spec, quick};
use mikron_testkit::battery::Stage;
use mikron_testkit::runtime::Run;

fn stage(packages: &str, entrypoint: &str) -> Option<Stage> {
    let spec = format!(
        "mikron: 1\nname: evidence\nsources:\n  debian: {{ deb: bookworm }}\npackages: [{packages}]\nimage:\n  entrypoint: [{entrypoint}]\n"
    );
    extract_spec(&quick(&spec)).map(Stage::new)
}

#[test]
fn a_library_finds_the_modules_that_it_loads_by_name() {
    let Some(stage) = stage("libnss3-tools", "/usr/bin/certutil") else {
        return;
    };
    // Making a database takes libsoftokn3, that libfreeblpriv3 and that SQLite.
    stage
        .call(&["-N", "-d", "sql:/tmp", "--empty-password"])
        .well();
}

#[test]
fn python_finds_a_library_by_its_bare_name() {
    let Some(stage) = stage("python3, python3-usb", "/usr/bin/python3") else {
        return;
    };
    let code = "from ctypes.util import find_library as find\n\
                from usb.libloader import load_locate_library as load\n\
                print(find('usb-1.0'), find('no-such'), load(('usb-1.0',), 'x', 'USB')._name)";
    let said = stage.call(&["-c", code]).well();
    assert_eq!(said.trim(), "libusb-1.0.so.0 None libusb-1.0.so.0");
}

#[test]
fn a_server_starts_the_program_that_it_names_among_its_constants() {
    let Some(stage) = stage("xvfb", "/usr/bin/Xvfb") else {
        return;
    };
    // It says its number when all is set up, for which it has compiled a map of keys with xkbcomp.
    let words = ["/usr/bin/Xvfb", "-displayfd", "1", "-nolisten", "unix"];
    let server = stage.serve_with(&Run {
        args: Some(words.map(str::to_owned).to_vec()),
        ..Run::default()
    });
    let end = Instant::now() + Duration::from_secs(30);
    let said = |text: &str| text.lines().any(|line| line.trim().parse::<u32>().is_ok());
    while !said(&server.output()) && !server.output().contains("Fatal") && Instant::now() < end {
        thread::sleep(Duration::from_millis(100));
    }
    assert!(said(&server.output()), "{}", server.output());
}
