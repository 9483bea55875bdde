//! Images that run in place, by whoever is not root.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::builder;
use mikron_live::mirror::mirror;
use mikron_run::{Launch, Mount, Process, Runtime};
use mikron_testkit::tools::{find, skip, tool};
use tempfile::TempDir;

/// The directory of the other user, as the test hands it to itself.
const HOME: &str = "MIKRON_TEST_IN_PLACE";

/// A user that owns nothing (Debian's `nobody`).
const NOBODY: u32 = 65534;

const BUILD: &str = "mikron: 1
name: toolchain
kind: build
pair: runtime.yaml
sources: { debian: { deb: bookworm } }
packages: [gcc, g++, libc6-dev, rustc, golang-go]
remove: [\"/usr/share/go-*/src/**/testdata/**\"] # programs for other machines, which Go's own tests read
";

const RUNTIME: &str = "mikron: 1
name: programs
sources: { debian: { deb: bookworm } }
packages: [libc6, libstdc++6, libgcc-s1]
";

/// Each program with its source and what makes it.
const PROGRAMS: [(&str, &str, &[&str]); 4] = [
    (
        "hello.c",
        "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 3; }\n",
        &["gcc", "-o", "from-c", "hello.c"],
    ),
    (
        "hello.cc",
        "#include <iostream>\nint main() { std::cout << \"hello\\n\"; return 3; }\n",
        &["g++", "-o", "from-c++", "hello.cc"],
    ),
    (
        "hello.rs",
        "fn main() { println!(\"hello\"); std::process::exit(3) }\n",
        &["rustc", "-o", "from-rust", "hello.rs"],
    ),
    (
        "hello.go",
        "package main\nimport (\"fmt\"; \"os\")\nfunc main() { fmt.Println(\"hello\"); os.Exit(3) }\n",
        &["go", "build", "-o", "from-go", "hello.go"],
    ),
];

#[test]
fn whoever_is_not_root_compiles_in_a_build_image_and_runs_it_in_a_runtime_image() {
    if mirror().is_none() {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return skip("becoming another user takes root");
    }
    if find("crun").is_none() && tool("runc").is_none() {
        return;
    }
    let home = TempDir::new().unwrap();
    for (path, mode) in [(home.path(), 0o755), (&home.path().join("own"), 0o700)] {
        fs::create_dir_all(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let own = home.path().join("own");
    std::os::unix::fs::chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    // The program of the test lies where only root may go.
    let program = home.path().join("test");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(["--exact", "as_another_user", "--ignored", "--nocapture"]);
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap());
    let output = command
        .env(HOME, &own)
        .current_dir(&own)
        .uid(NOBODY)
        .gid(NOBODY);
    let output = output.output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{}", said.concat());
    let made = fs::metadata(own.join("work/from-rust")).unwrap();
    assert_eq!((made.uid(), made.gid()), (NOBODY, NOBODY));
}

#[test]
#[ignore = "the test above starts it as another user"]
fn as_another_user() {
    let home = PathBuf::from(env::var_os(HOME).expect("the test above says where"));
    assert!(!rustix::process::geteuid().is_root());
    let work = home.join("work");
    fs::create_dir_all(&work).unwrap();
    let runtime = runtime();
    let run = |spec: &str, words: &[&str]| run(&home, &work, &runtime, spec, words);
    fs::write(home.join("runtime.yaml"), RUNTIME).unwrap();
    for (file, source, compile) in PROGRAMS {
        fs::write(work.join(file), source).unwrap();
        assert_eq!(run(BUILD, compile), 0, "{compile:?}");
    }
    for program in ["from-c", "from-c++", "from-rust", "from-go"] {
        assert_eq!(run(RUNTIME, &[&format!("/src/{program}")]), 3, "{program}");
    }
}

#[test]
fn root_in_a_container_reads_what_steers_the_machine_and_writes_none_of_it() {
    if mirror().is_none() {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return skip("whoever is not root may not write there anyway");
    }
    if find("crun").is_none() && tool("runc").is_none() {
        return;
    }
    let home = TempDir::new().unwrap();
    let spec = "mikron: 1\nname: shell\nsources: { debian: { deb: bookworm } }\npackages: [busybox-static]\n";
    let ends = |script: &str| {
        let words = ["/bin/busybox", "sh", "-c", script];
        run(home.path(), home.path(), &runtime(), spec, &words)
    };
    assert_eq!(ends("cat /proc/sys/kernel/ostype && : > /src/written"), 0);
    assert!(home.path().join("written").exists());
    // The name of the container's own domain: harmless, were it written.
    assert_ne!(ends("echo x > /proc/sys/kernel/domainname"), 0);
    assert_eq!(ends("test -z \"$(head -c 1 /proc/kcore)\""), 0);
}

#[test]
fn a_hole_is_found_and_mended_and_nothing_lacks_in_an_image_that_is_whole() {
    let sort = ["/bin/bash", "-c", "printf 'b\\na\\n' | sort"];
    let Some(hole) = common::trial::play("bash", "remove: [/usr/bin/sort]", &sort) else {
        return;
    };
    assert_eq!(hole.lacking, ["coreutils:bins"]);
    assert_eq!(hole.lines, ["remove: !/usr/bin/sort"]);
    // With its lines it is the image that is whole.
    assert_eq!(hole.mended, Some(true));
}

/// The runtime of this machine.
fn runtime() -> Runtime {
    let path = env::var_os("PATH").unwrap();
    let path = env::join_paths(env::split_paths(&path).chain(["/usr/sbin".into()]));
    Runtime::find(&path.unwrap()).unwrap()
}

/// How words end in the image of a spec, with a directory at `/src`.
fn run(home: &Path, work: &Path, runtime: &Runtime, spec: &str, words: &[&str]) -> i32 {
    let builder = builder(spec, home).unwrap().cache(home.join("cache"));
    let image = builder.unpack().unwrap_or_else(|error| panic!("{error}"));
    let mut process = Process::of_config(image.config()).unwrap();
    process.words = words.iter().map(|word| (*word).to_owned()).collect();
    "/src".clone_into(&mut process.workdir);
    let launch = Launch {
        rootfs: image.rootfs().to_owned(),
        own: false,
        process,
        mounts: vec![Mount {
            source: work.to_owned(),
            target: "/src".to_owned(),
            read_only: false,
        }],
        network: false,
        terminal: false,
        hostname: "test".to_owned(),
    };
    let container = launch
        .start(runtime, image.scratch())
        .unwrap_or_else(|error| panic!("{error}"));
    container.wait().unwrap().code().unwrap_or(-1)
}
