//! What files of real packages open by names that no dynamic section states: each with work that fails without.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use common::{builder, extract_spec, quick, spec_of};
use mikron::Output;
use mikron_live::battery::Stage;
use mikron_live::runtime::{Bundle, Run};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::repository::RepositoryBuilder;

fn stage(packages: &str, entrypoint: &str) -> Option<Stage> {
    stage_with(packages, entrypoint, "")
}

/// The same with more text at the end of the spec.
fn stage_with(packages: &str, entrypoint: &str, more: &str) -> Option<Stage> {
    extract_spec(&(quick(&spec_of(packages, entrypoint)) + more)).map(Stage::new)
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
fn a_library_that_is_looked_for_in_directories_is_there() {
    // Qt looks for `libssl.*`, and says that there is no TLS where it finds none.
    let Some(stage) = stage("libqt6network6", "") else {
        return;
    };
    let library = stage.rootfs().join("usr/lib/x86_64-linux-gnu/libssl.so.3");
    assert!(library.exists());
}

#[test]
fn python_finds_a_library_by_its_bare_name() {
    let Some(stage) = stage("python3, python3-usb", "/usr/bin/python3") else {
        return;
    };
    let code = "from ctypes.util import find_library as find\n\
                from usb.libloader import load_locate_library as load\n\
                import usb.core\n\
                print(find('usb-1.0'), find('no-such'), load(('usb-1.0',), 'x', 'USB')._name)\n\
                usb.core.find()";
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

#[test]
fn a_script_of_an_own_package_starts_wherever_it_lies() {
    let dir = tempfile::TempDir::new().unwrap();
    let package = DebBuilder::new("app", "1", "amd64")
        .depends("dash")
        .file(
            "/opt/app/bin/run.sh",
            0o755,
            "#!/bin/sh\nexec /opt/app/lib/work\n",
        )
        .file(
            "/opt/app/lib/work",
            0o755,
            "#!/usr/bin/env -S sh -eu\necho \"work of $(id -u)\"\n",
        );
    RepositoryBuilder::new("./")
        .date(1_700_000_000)
        .without_release()
        .package_at(
            "app.deb",
            "Package: app\nVersion: 1\nArchitecture: amd64\nDepends: dash\n",
            package.build(),
        )
        .build()
        .write_to(&dir.path().join("repository"));
    let spec = quick(&spec_of("app", "/opt/app/bin/run.sh")).replace(
        "sources: { ",
        "sources: { local: { deb: \"file:repository\", suite: \"./\", allow: [unsigned] }, ",
    );
    let Some(builder) = builder(&spec, dir.path()) else {
        return;
    };
    let layout = dir.path().join("layout");
    let built = builder.output(Output::layout(&layout, "latest")).build();
    built.unwrap_or_else(|error| panic!("{error}"));
    let Some(bundle) = Bundle::extract(&layout) else {
        return;
    };
    assert_eq!(Stage::new(bundle).call(&[]).well(), "work of 0\n");
}

#[test]
fn a_script_has_the_commands_of_its_conditions() {
    // Each line takes the wrong branch where its command is missing; the last asks for one that nothing runs.
    let files = r#"
files:
  - { path: /tmp, type: directory, mode: "1777" }
  - path: /run.sh
    mode: "0755"
    text: |
      #!/bin/sh
      if mkdir -p /tmp/one; then echo made; fi
      if ! mkdir /tmp/one 2>/tmp/said; then echo there; fi
      echo file | tee /tmp/list | grep -q file && echo found
      while grep -q file /tmp/list; do rm /tmp/list; echo again; done 2>/tmp/said
      [ "$(id -u)" = 0 ] && echo root
      case $(uname -s) in Linux) echo kernel ;; esac
      until ! test -e /tmp/one || rmdir /tmp/one; do break; done && echo gone
      test "$(printf abc | wc -c)" -eq 3 || echo wrong
      for name in $(seq 2); do echo "$name"; done
      command -v awk >/tmp/said || echo optional
      command -v cut >/tmp/said || { echo needed; exit 1; }
"#;
    let Some(stage) = stage_with("dash", "/run.sh", files) else {
        return;
    };
    let said = stage.call(&[]).well();
    let expected = "made there found again root kernel gone 1 2 optional";
    assert_eq!(
        said.split_whitespace().collect::<Vec<_>>().join(" "),
        expected
    );
}

#[test]
fn what_other_packages_add_to_lists_of_modules_and_protocols_is_there() {
    let packages =
        "postfix, postfix-pcre, postfix-sqlite, dovecot-imapd, dovecot-lmtpd, dovecot-managesieved";
    let files = "\nfiles: [{ path: /etc/postfix/map, text: '/otto/ anna' }]\n";
    let Some(stage) = stage_with(packages, "/usr/sbin/postmap", files) else {
        return;
    };
    let found = stage.call(&["-q", "otto", "pcre:/etc/postfix/map"]).well();
    assert_eq!(found, "anna\n");
    let kinds = stage.run(&["/usr/sbin/postconf", "-m"]).well();
    assert!(kinds.lines().any(|kind| kind == "sqlite"), "{kinds}");
    let protocols = stage.run(&["/usr/bin/doveconf", "-h", "protocols"]).text();
    assert!(protocols.contains(" imap lmtp sieve"), "{protocols}");
}

#[test]
fn a_compiler_links_with_what_the_c_library_is_asked_for() {
    let Some(stage) = stage("varnish", "/usr/sbin/varnishd") else {
        return;
    };
    let program = "#include <math.h>\n#include <pthread.h>\n#include <stdio.h>\n\
                   static void *run(void *x) { *(double *)x = cbrt(*(double *)x); return x; }\n\
                   int main(void) { double x = 27; pthread_t t; pthread_create(&t, 0, run, &x);\n\
                   pthread_join(t, 0); printf(\"%.0f\\n\", x); }\n";
    fs::write(stage.rootfs().join("desk.c"), program).unwrap();
    let words = [
        "-pthread", "-o", "/desk", "/desk.c", "-lm", "-ldl", "-lrt", "-lresolv",
    ];
    stage.run(&[&["/usr/bin/gcc"], &words[..]].concat()).well();
    assert_eq!(stage.run(&["/desk"]).well(), "3\n");
    // The program in VCL becomes one in C, which gcc compiles and varnishd loads.
    let vcl = "vcl 4.1; import std; backend none none; sub vcl_recv { return (synth(200)); }\n";
    fs::write(stage.rootfs().join("desk.vcl"), vcl).unwrap();
    let said = stage.call(&["-C", "-f", "/desk.vcl"]).text();
    assert!(
        said.contains("VGC_function_vcl_recv") && !said.contains("failed"),
        "{said}"
    );
}
