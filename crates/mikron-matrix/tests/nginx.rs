//! The real nginx of Debian, out of its whole dependency closure.

#[path = "../../mikron-select/tests/support/mod.rs"]
mod support;

use std::fs::File;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use mikron_facts::{PackageFacts, Spool};
use mikron_matrix::{Explanation, explain, verify, why};
use mikron_package::Contents;
use mikron_select::{LeftOutReason, Reason, Role, select};
use mikron_testkit::tools::tool;

/// What an image of nginx may weigh in one zstd -19 frame, in bytes.
const BUDGET: usize = 3_550_000;

#[test]
fn nginx_comes_with_what_it_needs_and_nothing_else() {
    let spool = Spool::default();
    let essential = ["dash", "coreutils", "base-files", "perl-base"];
    let Some(inputs) = support::closure_of(&["nginx"], &essential, "bookworm", &spool) else {
        return;
    };
    eprintln!("spool: {:?} bytes in memory and in the file", spool.usage());
    let mut wanted = support::amd64();
    wanted.programs = vec!["/usr/sbin/nginx".to_owned()];

    let selection = select(&inputs, &wanted).expect("a selection");
    let start = Instant::now();
    let again = select(&inputs, &wanted).expect("a selection");
    eprintln!(
        "select: {:?} over {} packages",
        start.elapsed(),
        inputs.len()
    );
    assert_eq!(again, selection);

    assert!(selection.missing.is_empty(), "{:#?}", selection.missing);
    let violations = verify(&selection, &inputs, &wanted);
    assert!(violations.is_empty(), "{violations:#?}");

    let mut names: Vec<&str> = selection.packages.iter().map(|p| p.name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "base-files",
        "libc6",
        "libcrypt1",
        "libgcc-s1",
        "libpcre2-8-0",
        "libssl3",
        "nginx",
        "nginx-common",
        "zlib1g",
    ];
    assert_eq!(names, expected);

    let chosen = |path: &str| why(&selection, &inputs, path);
    for path in [
        "/usr/sbin/nginx",
        "/etc/nginx/nginx.conf",
        "/etc/nginx/mime.types",
        "/etc/nginx/conf.d",
        "/etc/nginx/modules-enabled",
        "/etc/nginx/sites-available",
        "/etc/nginx/sites-enabled",
        "/usr/share/nginx/html/index.html",
        "/var/log/nginx",
        "/var/lib/nginx",
        "/lib64/ld-linux-x86-64.so.2",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
    ] {
        assert!(chosen(path).is_some(), "{path}");
    }
    for path in [
        "/bin/sh",
        "/etc/init.d/nginx",
        "/usr/share/doc/nginx/copyright",
    ] {
        assert!(chosen(path).is_none(), "{path}");
    }

    // libgcc_s is in no dynamic section of the image: an imported symbol brings it.
    let chain = chosen("/lib/x86_64-linux-gnu/libgcc_s.so.1").expect("libgcc_s is in");
    let last = chain.last().expect("a step");
    assert!(
        matches!(&last.reason, Reason::Rule { trigger, .. } if trigger == "imports pthread_exit"),
        "{last}"
    );
    assert_eq!(chain[chain.len() - 2].path.to_string(), "/usr/sbin/nginx");

    for name in [
        "iproute2",
        "debconf",
        "libtirpc3",
        "perl-base",
        "dash",
        "gcc-12-base",
    ] {
        match explain(&selection, &inputs, name) {
            Explanation::LeftOut(left) => eprintln!("{name}: {}", left.reason),
            other => panic!("{name}: {other:?}"),
        }
    }
    let left = |name: &str| {
        let left = selection.left_out.iter().find(|l| l.name.as_str() == name);
        &left.expect("left out").reason
    };
    assert!(matches!(
        left("iproute2"),
        LeftOutReason::UnnamedPrograms { .. }
    ));
    assert_eq!(*left("gcc-12-base"), LeftOutReason::Documentation);
    assert_eq!(*left("dash"), LeftOutReason::ProviderUnneeded);

    // The facts survive a cache.
    for input in &inputs {
        let bytes = input.facts.encode().expect("encoded");
        assert_eq!(PackageFacts::decode(&bytes).expect("decoded"), *input.facts);
    }
    assert_eq!(inputs.iter().filter(|i| i.role == Role::root()).count(), 1);

    let Some(zstd) = tool("zstd") else { return };
    let size = compressed(&zstd, &selection, &inputs, &spool).expect("measured");
    eprintln!("{size} bytes in one zstd -19 frame");
    assert!(size <= BUDGET, "{size} bytes");
}

/// The size of a tar of the selection, compressed by `zstd -19`.
fn compressed(
    zstd: &std::path::Path,
    selection: &mikron_select::Selection,
    inputs: &[mikron_select::PackageInput],
    spool: &Spool,
) -> io::Result<usize> {
    let mut tar: Vec<u8> = Vec::new();
    for chosen in &selection.files {
        let facts = &inputs[chosen.file.package].facts.files[chosen.file.entry];
        let mut header = [0u8; 512];
        let path = facts.entry.path.as_bytes();
        header[..path.len()].copy_from_slice(path);
        header[124..135].copy_from_slice(format!("{:011o}", facts.entry.size()).as_bytes());
        tar.extend_from_slice(&header);
        if let (true, Some(digest)) = (facts.entry.is_file(), facts.digest) {
            io::copy(&mut spool.open(&digest)?, &mut tar)?;
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
    }
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(&tar)?;
    let output = Command::new(zstd)
        .args(["-19", "-c", "-q"])
        .stdin(Stdio::from(File::open(file.path())?))
        .output()?;
    Ok(output.stdout.len())
}
