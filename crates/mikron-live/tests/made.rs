//! What a program makes at installation is in the image, and does there what it does in an installation.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::time::Duration;

use common::extract_spec;
use mikron_live::runtime::{Bundle, Finished, Run};

fn image(packages: &str) -> Option<Bundle> {
    extract_spec(&format!(
        "mikron: 1\nname: made\nsources:\n  debian: {{ deb: bookworm }}\npackages: [{packages}]\n\
         layers: {{ compression: 'zstd:1' }}\n"
    ))
}

fn run(bundle: &Bundle, args: &[&str], stdin: &[u8]) -> Finished {
    let how = Run {
        args: Some(args.iter().map(|word| (*word).to_owned()).collect()),
        stdin: stdin.to_vec(),
        ..Run::default()
    };
    let finished = bundle.start(&how).finish_within(Duration::from_secs(60));
    finished.expect("it ends")
}

#[test]
fn dot_draws_a_png_by_the_plugins_that_the_image_has() {
    let Some(bundle) = image("graphviz") else {
        return;
    };
    let drawn = run(&bundle, &["/usr/bin/dot", "-Tpng"], b"digraph { a -> b }");
    assert!(drawn.status.success(), "{}", drawn.text());
    let magic = b"\x89PNG\r\n";
    assert!(
        drawn.output.windows(magic.len()).any(|part| part == magic),
        "{}",
        drawn.text()
    );
    let laid = run(
        &bundle,
        &["/usr/bin/dot", "-Kneato", "-Tsvg"],
        b"graph { a -- b }",
    );
    assert!(
        laid.status.success() && laid.text().contains("</svg>"),
        "{}",
        laid.text()
    );
}

#[test]
fn openssl_finds_authorities_in_the_directory_of_certificates() {
    let Some(bundle) = image("openssl, ca-certificates") else {
        return;
    };
    let certificate = "/etc/ssl/certs/ISRG_Root_X1.pem";
    let args = [
        "/usr/bin/openssl",
        "verify",
        "-no-CAfile",
        "-no-CAstore",
        "-CApath",
        "/etc/ssl/certs",
        certificate,
    ];
    let verified = run(&bundle, &args, b"");
    assert!(verified.status.success(), "{}", verified.text());
}

#[test]
fn gdk_pixbuf_reads_formats_of_loaders_that_its_own_code_has_not() {
    let Some(bundle) = image("libgdk-pixbuf2.0-bin") else {
        return;
    };
    for (name, picture) in [
        (
            "p.xpm",
            b"/* XPM */\nstatic char *p[] = {\n\"1 1 1 1\",\n\"a c #102030\",\n\"a\"};\n"
                .as_slice(),
        ),
        (
            "p.gif",
            b"GIF89a\x01\0\x01\0\x80\0\0\x10\x20\x30\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
        ),
        ("p.pnm", b"P6 1 1 255\n\x10\x20\x30"),
    ] {
        fs::write(bundle.rootfs().join(name), picture).unwrap();
        let read = run(
            &bundle,
            &["/usr/bin/gdk-pixbuf-csource", &format!("/{name}")],
            b"",
        );
        assert!(read.status.success(), "{name}: {}", read.text());
    }
}

#[test]
fn stacks_of_pam_that_files_include_are_there() {
    // Neither depends on the package that makes them: every Debian has it.
    let Some(bundle) = image("sudo, util-linux") else {
        return;
    };
    let dir = bundle.rootfs().join("etc/pam.d");
    let mut included = 0;
    for file in fs::read_dir(&dir).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for name in text
            .lines()
            .filter_map(|line| line.strip_prefix("@include "))
        {
            assert!(dir.join(name.trim()).is_file(), "{name}");
            included += 1;
        }
    }
    assert!(included > 4, "{included}");
    assert!(dir.join("other").is_file());
}
