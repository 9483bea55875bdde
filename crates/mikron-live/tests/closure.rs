//! The real nginx of Debian, out of its whole dependency closure: what is chosen, why, and the matrix.

#[path = "../../mikron-select/tests/support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use mikron_facts::{PackageFacts, Spool};
use mikron_live::mirror::mirror;
use mikron_matrix::{Explanation, NeedState, State, explain, matrix, verify, why};
use mikron_package::Contents;
use mikron_select::{LeftOutReason, PackageInput, Reason, Role, Selection, select};
use mikron_testkit::tools::{skip, tool};

/// What an image of nginx may weigh in one zstd -19 frame, in bytes.
const BUDGET: usize = 3_550_000;

/// The whole dependency closure of packages of this machine's distribution, fetched by apt, with `essential` as providers;
/// `None` when the test has to be skipped.
fn closure_of(
    roots: &[&str],
    essential: &[&str],
    release: &str,
    spool: &Spool,
) -> Option<Vec<PackageInput>> {
    mirror()?;
    let apt_get = tool("apt-get")?;
    let apt_cache = tool("apt-cache")?;
    let os = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !os.contains(&format!("VERSION_CODENAME={release}")) {
        skip(&format!("this machine does not run {release}"));
        return None;
    }
    let no = [
        "recommends",
        "suggests",
        "conflicts",
        "breaks",
        "replaces",
        "enhances",
    ];
    let output = Command::new(apt_cache)
        .args(["depends", "--recurse"])
        .args(no.map(|kind| format!("--no-{kind}")))
        .args(roots)
        .output()
        .expect("apt-cache runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut names: Vec<&str> = text
        .lines()
        .filter(|l| l.starts_with(|c: char| c.is_ascii_alphanumeric()))
        .collect();
    // The other sides of alternatives that nobody takes.
    names.retain(|name| {
        !name.contains(':') && !name.contains("cdebconf") && !name.starts_with("libdebian-")
    });
    names.extend(essential);
    names.sort_unstable();
    names.dedup();
    let dir = tempfile::tempdir().expect("a directory");
    // One call is quick; a name that only alternatives mention makes it fail.
    let fetch = |names: &[&str]| {
        let output = Command::new(&apt_get)
            .current_dir(dir.path())
            .args(["download", "-qq"])
            .args(names)
            .output()
            .expect("apt-get runs");
        output.status.success()
    };
    if !fetch(&names) {
        for name in &names {
            if !fetch(&[name]) {
                eprintln!("{name} is not fetched");
            }
        }
    }
    Some(inputs_in(dir.path(), roots, essential, spool))
}

/// The archives of a directory as inputs, in order of name.
fn inputs_in(dir: &Path, roots: &[&str], essential: &[&str], spool: &Spool) -> Vec<PackageInput> {
    let entries = fs::read_dir(dir).expect("a directory");
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "deb"));
    paths.sort();
    let mut inputs: Vec<PackageInput> = paths
        .iter()
        .map(|path| {
            let facts = support::facts(&fs::read(path).expect("readable"), spool);
            let name = facts.metadata.record.name.to_string();
            let role = if roots.contains(&name.as_str()) {
                Role::root()
            } else if essential.contains(&name.as_str()) {
                Role::Provider
            } else {
                Role::Dependency
            };
            PackageInput::new(role, facts)
        })
        .collect();
    support::connect(&mut inputs);
    inputs
}

#[test]
fn nginx_comes_with_what_it_needs_and_nothing_else() {
    let spool = Spool::default();
    let essential = ["dash", "coreutils", "base-files", "perl-base"];
    let Some(inputs) = closure_of(&["nginx"], &essential, "bookworm", &spool) else {
        return;
    };
    let mut wanted = support::amd64();
    wanted.programs = vec!["/usr/sbin/nginx".to_owned()];

    let selection = select(&inputs, &wanted).expect("a selection");
    let again = select(&inputs, &wanted).expect("a selection");
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
            Explanation::LeftOut(_) => {}
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
    assert!(size <= BUDGET, "{size} bytes");
}

/// The size of a tar of the selection, compressed by `zstd -19`.
fn compressed(
    zstd: &Path,
    selection: &Selection,
    inputs: &[PackageInput],
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

#[test]
fn the_matrix_of_nginx_is_whole() {
    let spool = Spool::default();
    let essential = ["dash", "coreutils", "base-files", "perl-base"];
    let Some(inputs) = closure_of(&["nginx"], &essential, "bookworm", &spool) else {
        return;
    };
    let mut wanted = support::amd64();
    wanted.programs = vec!["/usr/sbin/nginx".to_owned()];
    let selection = select(&inputs, &wanted).expect("a selection");
    let matrix = matrix(&selection, &inputs, &wanted, &[], &[]);
    assert!(matrix.missing().next().is_none());
    for row in matrix.capabilities.iter().filter(|row| row.state.is_in()) {
        assert!(!row.chain.is_empty(), "{}", row.name);
    }
    // The sums are those of the selection.
    for package in &selection.packages {
        let row = matrix
            .packages
            .iter()
            .find(|p| p.name == package.name)
            .expect("a row");
        assert_eq!(
            (row.files, row.bytes),
            (package.files, package.bytes),
            "{}",
            row.name
        );
    }
    for need in matrix
        .needs
        .iter()
        .filter(|need| need.state == NeedState::Met)
    {
        if let Some(row) = need
            .provider
            .as_ref()
            .and_then(mikron_matrix::Provider::row)
        {
            assert_ne!(
                matrix.capabilities[row].state,
                State::LeftOut,
                "{}",
                need.token
            );
        }
    }
}
