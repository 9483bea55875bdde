//! The promises hold for rpm and apk as they do for deb: lock, offline, the same bytes, two architectures, explain, matrix.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::fs;

use common::{Home, repositories};
use mikron_testkit::apk::{ApkBuilder, ApkKey, ApkRepositoryBuilder};
use mikron_testkit::elf::ElfBuilder;
use serde_json::Value;

const FAMILIES: [&str; 2] = ["rpm", "apk"];

fn spec(source: &str) -> String {
    format!(
        "mikron: 1
name: greet
sources:
  local: {{ {source} }}
packages: [greet]
platforms: [linux/amd64, linux/arm64]
image:
  entrypoint: [/usr/bin/greet]
"
    )
}

/// A repository of a family with `greet`, its library, and a C library, for two architectures.
fn home_of(family: &str) -> Home {
    let home = Home::empty();
    repositories::write(family, &home.path("repository"));
    let key = match family {
        "rpm" => "key.asc",
        _ => "test@example.org.rsa.pub",
    };
    home.write(
        "greet.yaml",
        spec(&format!("{family}: \"file:repository\", keys: [{key}]")),
    );
    home
}

fn build(home: &Home, arguments: &[&str]) -> Value {
    let run = home.run(&[&["build", "greet.yaml", "--json"], arguments].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

#[test]
fn a_locked_build_gives_the_same_bytes_from_an_empty_cache_and_offline() {
    for family in FAMILIES {
        let home = home_of(family);
        let fresh = build(&home, &[]);
        let locked = home.run(&["lock", "greet.yaml"]);
        assert_eq!(locked.code, 0, "{family}: {}", locked.err);
        assert_eq!(
            build(&home, &["--locked"])["digest"],
            fresh["digest"],
            "{family}"
        );
        fs::remove_dir_all(home.path("cache")).unwrap();
        assert_eq!(
            build(&home, &["--locked", "--jobs", "1"])["digest"],
            fresh["digest"],
            "{family}"
        );
        // What was fetched once is enough.
        fs::remove_dir_all(home.path("repository")).unwrap();
        assert_eq!(
            build(&home, &["--locked", "--offline"])["digest"],
            fresh["digest"],
            "{family}"
        );
    }
}

#[test]
fn both_architectures_are_built_with_what_is_theirs() {
    for family in FAMILIES {
        let report = build(&home_of(family), &[]);
        let platforms = report["platforms"].as_array().unwrap();
        assert_eq!(platforms.len(), 2, "{family}");
        for (platform, arch) in platforms.iter().zip(["x86_64", "aarch64"]) {
            let packages = platform["packages"].as_array().unwrap();
            assert_eq!(packages.len(), 3, "{family}: {packages:?}");
            assert!(
                packages.iter().all(|package| package["arch"] == arch),
                "{family}: {packages:?}"
            );
        }
        assert_ne!(platforms[0]["digest"], platforms[1]["digest"], "{family}");
    }
}

#[test]
fn explain_says_why_a_file_is_there_and_why_another_is_not() {
    for family in FAMILIES {
        let home = home_of(family);
        let library = if family == "rpm" {
            "/usr/lib64/libgreet.so.1.0"
        } else {
            "/usr/lib/libgreet.so.1.0"
        };
        let run = home.run(&[
            "explain",
            "greet.yaml",
            library,
            "--platform",
            "linux/amd64",
        ]);
        assert_eq!(run.code, 0, "{family}: {}", run.err);
        assert!(
            run.out.contains("is linked with libgreet.so.1"),
            "{family}: {}",
            run.out
        );
        let run = home.run(&["explain", "greet.yaml", "/usr/share/doc/greet/README"]);
        assert!(run.out.contains("left out"), "{family}: {}", run.out);
    }
}

#[test]
fn what_is_recommended_and_not_there_is_listed_and_never_followed() {
    let home = home_of("rpm");
    let run = home.run(&["explain", "greet.yaml", "--platform", "linux/amd64"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let listed = "linux/amd64: 1 recommendation not followed\n  greet-lessons (>= 2)  recommended by greet\n";
    assert!(run.out.contains(listed), "{}", run.out);
}

#[test]
fn what_is_left_out_of_a_named_package_is_listed_by_its_parts() {
    for family in FAMILIES {
        let run = home_of(family).run(&["explain", "greet.yaml", "--platform", "linux/amd64"]);
        assert_eq!(run.code, 0, "{family}: {}", run.err);
        let (_, parts) = run.out.split_once(" of named packages left out").unwrap();
        let docs = parts.lines().find(|line| line.contains("greet:docs"));
        let docs = docs.unwrap_or_else(|| panic!("{family}: {}", run.out));
        assert!(docs.contains("/usr/share/doc/greet/"), "{family}: {docs}");
    }
}

#[test]
fn what_no_package_brings_is_explained_by_who_makes_it() {
    for family in FAMILIES {
        let home = home_of(family);
        let asked = |what: &str| home.run(&["explain", "greet.yaml", what]);
        let run = asked("/etc/passwd");
        assert_eq!(run.code, 0, "{family}: {}", run.err);
        let says = "/etc/passwd is in the image, by the finalizer `accounts`\n";
        assert!(run.out.contains(says), "{family}: {}", run.out);
        // Directories of the tree have one answer, and not that of some package beside it.
        for directory in ["/tmp", "/root"] {
            let run = asked(directory);
            let says = format!("linux/amd64: {directory} is in the image, by the ");
            assert!(run.out.contains(&says), "{family}: {}", run.out);
            assert!(!run.out.contains("left out"), "{family}: {}", run.out);
        }
        assert_ne!(asked("/etc/nothing").code, 0, "{family}");
    }
}

#[test]
fn the_matrix_shows_who_provides_what() {
    for family in FAMILIES {
        let run = home_of(family).run(&[
            "matrix",
            "greet.yaml",
            "--json",
            "--platform",
            "linux/amd64",
        ]);
        assert_eq!(run.code, 0, "{family}: {}", run.err);
        serde_json::from_str::<Value>(&run.out).unwrap();
        assert!(
            run.out.contains("soname(libgreet.so.1"),
            "{family}: {}",
            run.out
        );
    }
}

#[test]
fn an_archive_that_was_changed_is_refused() {
    for family in FAMILIES {
        let home = home_of(family);
        let dirs = if family == "rpm" {
            "Packages"
        } else {
            "x86_64"
        };
        let directory = home.path("repository").join(dirs);
        let archive = fs::read_dir(directory)
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                name.starts_with("greet-1.2") && !name.contains("aarch64")
            })
            .unwrap();
        let mut bytes = fs::read(&archive).unwrap();
        let middle = bytes.len() - 40;
        bytes[middle] ^= 1;
        fs::write(&archive, bytes).unwrap();
        let run = home.run(&["build", "greet.yaml", "--platform", "linux/amd64"]);
        assert_eq!(run.code, 1, "{family}: {}", run.err);
        assert!(run.err.contains("greet-1.2"), "{family}: {}", run.err);
    }
}

#[test]
fn accounts_that_scripts_make_are_in_the_image() {
    for family in FAMILIES {
        let home = home_of(family);
        let text = home.read("greet.yaml") + "run-as: greet\n";
        home.write("greet.yaml", text);
        let report = build(&home, &["--platform", "linux/amd64"]);
        assert!(report["platforms"][0]["digest"].is_string(), "{family}");
    }
}

#[test]
fn sources_of_two_families_stand_in_one_image_where_nothing_clashes() {
    let home = Home::new();
    let apk = home_of("apk");
    let copy = |from: &str, to: &str| {
        let all = std::process::Command::new("cp")
            .arg("-r")
            .arg(apk.path(from))
            .arg(home.path(to))
            .status();
        assert!(all.unwrap().success());
    };
    copy("repository", "alpine");
    copy("test@example.org.rsa.pub", "test@example.org.rsa.pub");
    let spec = |packages: &str| {
        format!(
            "mikron: 1
name: both
sources:
  alpine: {{ apk: \"file:alpine\", keys: [test@example.org.rsa.pub] }}
  debian: {{ deb: \"file:repository\", suite: stable, components: [main], keys: [key.asc] }}
packages: {packages}
image:
  entrypoint: [/usr/bin/greet]
"
        )
    };
    // Both have a greet: the spec says which, and takes the other's library beside it.
    home.write("greet.yaml", spec("[greet]"));
    let run = home.run(&["build", "greet.yaml"]);
    assert!(
        run.err.contains("several families (apk, deb)"),
        "{}",
        run.err
    );
    home.write(
        "greet.yaml",
        spec("[{ name: greet, source: alpine }, greet-doc]"),
    );
    let report = build(&home, &[]);
    let packages = report["platforms"][0]["packages"].to_string();
    assert!(
        packages.contains("musl") && packages.contains("1.2-r3"),
        "{packages}"
    );
}

#[test]
fn applets_of_busybox_are_found_by_scripts_and_linked_without_running_it() {
    let home = Home::empty();
    let key = ApkKey::shared("test@example.org");
    home.write("test@example.org.rsa.pub", key.public_pem());
    let mut busybox = ElfBuilder::executable().build();
    busybox.extend_from_slice(b"\0[\0ash\0busybox\0cat\0grep\0sh\0");
    let busybox = ApkBuilder::new("busybox", "1.36-r0", "x86_64")
        .field("provides", "/bin/sh")
        .file("bin/busybox", 0o755, busybox)
        .control_file(
            ".post-install",
            "#!/bin/busybox sh\n/bin/busybox --install -s\n",
        );
    let greet = ApkBuilder::new("greet", "1-r0", "x86_64")
        .field("depend", "/bin/sh")
        .file(
            "usr/bin/greet",
            0o755,
            "#!/bin/sh\nset -e\ncat /etc/motd | grep hello\n",
        );
    let loader = ElfBuilder::library("ld-linux-x86-64.so.2");
    let libc = ApkBuilder::new("libc", "1-r0", "x86_64").file(
        "lib64/ld-linux-x86-64.so.2",
        0o755,
        loader.build(),
    );
    let mut repository = ApkRepositoryBuilder::new("x86_64");
    for package in [busybox.field("depend", "libc"), greet, libc] {
        repository = repository.package(&package.signed(&key));
    }
    repository
        .sign_with(&key)
        .build()
        .write_to(&home.path("repository"));
    let text = spec("apk: \"file:repository\", keys: [test@example.org.rsa.pub]");
    home.write(
        "greet.yaml",
        text.replace("platforms: [linux/amd64, linux/arm64]\n", ""),
    );
    build(&home, &[]);
    let run = home.run(&["explain", "greet.yaml", "/bin/busybox"]);
    assert!(
        run.out.contains("is in the image"),
        "{}{}",
        run.out,
        run.err
    );
    let run = home.run(&["build", "greet.yaml", "-o", "docker:image.tar"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let layers = std::process::Command::new("sh")
        .args(["-c", "tar -xf image.tar && for l in $(tar -tf image.tar); do tar -tvf $l 2>/dev/null; done; true"])
        .current_dir(home.path("."))
        .output()
        .unwrap();
    let listing = String::from_utf8_lossy(&layers.stdout).into_owned();
    // Where Alpine has them, whose root has no merged /usr.
    for applet in [" bin/cat", " bin/grep", " bin/sh", " usr/bin/["] {
        assert!(
            listing.contains(&format!("{applet} -> /bin/busybox")),
            "{listing}"
        );
    }
}

#[test]
fn a_glibc_program_does_not_get_musls_libraries() {
    let home = Home::empty();
    let key = ApkKey::shared("test@example.org");
    home.write("test@example.org.rsa.pub", key.public_pem());
    // A program for glibc that somebody put into an Alpine package, beside a library that is linked with musl.
    let program = ElfBuilder::executable()
        .interpreter("/lib64/ld-linux-x86-64.so.2")
        .needed("libgreet.so.1");
    let loader = ElfBuilder::library("ld-linux-x86-64.so.2");
    let library = ElfBuilder::library("libgreet.so.1").needed("libc.musl-x86_64.so.1");
    let libc = ElfBuilder::library("libc.musl-x86_64.so.1");
    let package = ApkBuilder::new("greet", "1-r0", "x86_64")
        .file("usr/bin/greet", 0o755, program.build())
        .file("lib64/ld-linux-x86-64.so.2", 0o755, loader.build())
        .file("usr/lib/libgreet.so.1", 0o755, library.build())
        .file("lib/ld-musl-x86_64.so.1", 0o755, libc.build())
        .symlink("lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1");
    let repository = ApkRepositoryBuilder::new("x86_64").package(&package.signed(&key));
    repository
        .sign_with(&key)
        .build()
        .write_to(&home.path("repository"));
    let text = spec("apk: \"file:repository\", keys: [test@example.org.rsa.pub]");
    home.write(
        "greet.yaml",
        text.replace("platforms: [linux/amd64, linux/arm64]\n", ""),
    );
    let run = home.run(&["build", "greet.yaml"]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.err.contains("musl"), "{}", run.err);
}
