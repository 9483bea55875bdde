//! Programs of one's own beside what a Dockerfile makes of them.
//!
//! `cargo run --release -p mikron-live --example programs [-- NAME…]` builds each program of `programs` of this crate, its image by its spec and,
//! in a Docker engine of its own, by its Dockerfile. It asks the server in both and prints a table in Markdown: lines of the spec, sizes unpacked
//! and packed by gzip -6. The base `slim` of the Dockerfiles is what `mmdebstrap` makes of Debian's minimal system with the exclusions and
//! the settings of apt that Debian's own slim images have, since no registry is asked. It takes root and minutes.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::builder;
use mikron::Output;
use mikron_live::mirror::mirror;
use mikron_live::programs::{PROGRAMS, Program};
use mikron_live::runtime::{Bundle, Docker, Run};
use tempfile::TempDir;

/// What the slim images of Debian leave out.
const EXCLUDED: [&str; 7] = [
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/linda/*",
    "path-exclude=/usr/share/lintian/overrides/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
];

/// How apt is set in Debian's images.
const APT: [&str; 5] = [
    "APT::Install-Recommends \"false\"",
    "Acquire::GzipIndexes \"true\"",
    "Acquire::Languages \"none\"",
    "Dir::Cache::pkgcache \"\"",
    "Dir::Cache::srcpkgcache \"\"",
];

/// Debian's images are merged, and have no program (in Perl) that does it.
const WITHOUT_USRMERGE: &str = "mkdir -p \"$1/etc/apt/preferences.d\"; \
    printf 'Package: usrmerge\\nPin: release *\\nPin-Priority: -1\\n' >\"$1/etc/apt/preferences.d/usrmerge\"";

/// Sizes in bytes.
struct Size {
    unpacked: u64,
    packed: u64,
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let work = TempDir::new().unwrap();
    let docker = Docker::start().expect("a Docker engine");
    slim(&docker, work.path());
    println!(
        "| program | lines of the spec | unpacked | by a Dockerfile | packed | by a Dockerfile |"
    );
    println!("|---|---|---|---|---|---|");
    for program in PROGRAMS {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == program.name) {
            continue;
        }
        let dir = program.build().expect("what its build takes");
        let ours = ours(&program, dir.path());
        let theirs = theirs(&program, dir.path(), &docker);
        #[allow(clippy::cast_precision_loss)] // sizes of images
        let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        let sizes = [ours.unpacked, theirs.unpacked, ours.packed, theirs.packed];
        println!(
            "| {} | {} | {} |",
            program.name,
            program.spec().lines().count(),
            sizes.map(megabytes).join(" | ")
        );
    }
}

/// Makes the image `slim`.
fn slim(docker: &Docker, work: &Path) {
    let mirror = mirror().expect("a mirror");
    let mut sources = vec![format!("deb {} bookworm main", mirror.main)];
    if let Some(security) = &mirror.security {
        sources.push(format!("deb {security} bookworm-security main"));
    }
    let tar = work.join("slim.tar");
    let made = Command::new("mmdebstrap")
        .args(["--quiet", "--variant=minbase", "--include=usr-is-merged"])
        .arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
        .arg(format!("--setup-hook={WITHOUT_USRMERGE}"))
        .args(EXCLUDED.map(|option| format!("--dpkgopt={option}")))
        .args(APT.map(|option| format!("--aptopt={option}")))
        .arg("bookworm")
        .arg(&tar)
        .args(sources)
        .status();
    assert!(made.unwrap().success());
    docker.run_well(&["import", tar.to_str().unwrap(), "slim"]);
}

/// Builds the image by its spec and asks the server in it.
fn ours(program: &Program, dir: &Path) -> Size {
    let layout = dir.join("layout");
    let spec = program.spec() + "layers: { compression: 'gzip:6' }\n";
    let builder = builder(&spec, dir).expect("a mirror");
    let report = builder.output(Output::layout(&layout, "latest")).build();
    let report = report.unwrap_or_else(|error| panic!("{}: {error}", program.name));
    let bundle = Bundle::extract(&layout).expect("a runtime");
    let how = Run {
        tmpfs: vec!["/tmp".to_owned()],
        ..Run::default()
    };
    check(
        program,
        &bundle.start(&how).fetch(&["http://127.0.0.1:8080/"]),
    );
    Size {
        unpacked: report.platforms[0].unpacked,
        packed: report.platforms[0].size,
    }
}

/// Builds the image by its Dockerfile and asks the server in it.
fn theirs(program: &Program, dir: &Path, docker: &Docker) -> Size {
    std::fs::remove_dir_all(dir.join("layout")).unwrap();
    let directory = dir.to_str().unwrap();
    docker.run_well(&["build", "--quiet", "--network=host", "--tag=it", directory]);
    let container = docker.run_well(&["run", "--detach", "--network=none", "it"]);
    check(
        program,
        &docker.fetch(&container, &["http://127.0.0.1:8080/"]),
    );
    docker.run_well(&["rm", "--force", &container]);
    let unpacked = docker.run_well(&["image", "inspect", "--format={{.Size}}", "it"]);
    let saved = docker.run(&["save", "it"]).stdout;
    let packed = gzip(&saved);
    docker.run_well(&["rmi", "it"]);
    Size {
        unpacked: unpacked.parse().unwrap(),
        packed,
    }
}

fn check(program: &Program, answer: &str) {
    assert!(
        answer.starts_with(program.answer),
        "{}: {answer}",
        program.name
    );
}

/// How large something is behind gzip.
fn gzip(bytes: &[u8]) -> u64 {
    let mut gzip = Command::new("gzip")
        .arg("-6")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gzip.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes).unwrap());
        gzip.wait_with_output().unwrap().stdout.len() as u64
    })
}
