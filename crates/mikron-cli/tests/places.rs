//! Outputs beside layouts: standard output, root file systems, engines.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use common::{Home, SPEC};

/// Standard output of a build, which succeeds.
fn piped(home: &Home, output: &str) -> Vec<u8> {
    let arguments = ["-q", "build", "greet.yaml", "-o", output];
    let run = home.command().args(arguments).output().unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success(), "{said}");
    assert!(said.contains(&format!("written to {output}")), "{said}");
    run.stdout
}

fn build(home: &Home, outputs: &[&str]) {
    let mut arguments = vec!["-q", "build", "greet.yaml"];
    for output in outputs {
        arguments.extend(["-o", output]);
    }
    let run = home.run(&arguments);
    assert_eq!(run.code, 0, "{}", run.err);
}

/// Path, mode and size of everything in a tar archive, and the paths in their order.
fn listing(tar: &[u8]) -> (BTreeMap<PathBuf, (u32, u64)>, Vec<PathBuf>) {
    let mut archive = tar::Archive::new(tar);
    let mut order = Vec::new();
    let all = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        order.push(path.clone());
        (path, (entry.header().mode().unwrap(), entry.size()))
    });
    let all = all.collect();
    (all, order)
}

#[test]
fn standard_output_gets_the_bytes_of_the_file_and_nothing_else() {
    let home = Home::new();
    build(&home, &["tar:root.tar", "docker:image.tar"]);
    for (output, file) in [("tar:-", "root.tar"), ("docker:-", "image.tar")] {
        assert_eq!(
            piped(&home, output),
            fs::read(home.path(file)).unwrap(),
            "{output}"
        );
    }
}

#[test]
fn a_root_file_system_is_the_same_whatever_layers_it_comes_from() {
    let home = Home::new();
    build(&home, &["tar:by-package.tar", "oci:img"]);
    home.write(
        "greet.yaml",
        format!("{SPEC}layers: {{ strategy: single }}\n"),
    );
    build(&home, &["tar:single.tar"]);
    let tar = fs::read(home.path("single.tar")).unwrap();
    assert_eq!(fs::read(home.path("by-package.tar")).unwrap(), tar);
    let (all, order) = listing(&tar);
    assert_eq!(all.len(), order.len(), "everything once");
    assert!(all.contains_key(&PathBuf::from("usr/bin/greet")));
    let whiteout = |path: &PathBuf| path.to_string_lossy().contains(".wh.");
    assert!(!order.iter().any(whiteout));
}

#[test]
fn a_directory_holds_what_the_archive_holds() {
    let home = Home::new();
    build(&home, &["tar:root.tar", "dir:out/root"]);
    let (all, _) = listing(&fs::read(home.path("root.tar")).unwrap());
    for (path, (mode, size)) in all {
        let there = fs::symlink_metadata(home.path("out/root").join(&path)).unwrap();
        if there.is_symlink() {
            continue;
        }
        assert_eq!(there.mode() & 0o7777, mode, "{}", path.display());
        if there.is_file() {
            assert_eq!(there.len(), size, "{}", path.display());
        }
    }
    // Nobody's files are removed, not even those of the build before.
    let run = home.snapshot(
        "places_directory_is_there",
        &["-q", "build", "greet.yaml", "-o", "dir:out/root"],
    );
    assert_eq!(run.code, 1);
}

#[test]
fn what_holds_one_platform_is_refused_several() {
    let home = Home::new();
    let both = SPEC.replace("[linux/amd64]", "[linux/amd64, linux/arm64]");
    home.write("greet.yaml", both);
    let run = home.snapshot(
        "places_several_platforms",
        &["build", "greet.yaml", "-o", "dir:root"],
    );
    assert_eq!(run.code, 1);
    assert!(!home.path("root").exists());
    for output in ["tar:x", "docker-daemon:x", "containerd:x"] {
        let run = home.run(&["build", "greet.yaml", "-o", output]);
        assert!(run.err.contains("--platform linux/amd64"), "{}", run.err);
    }
}

#[test]
fn standard_output_is_for_one_thing() {
    let home = Home::new();
    for (more, said) in [
        (&["--json"][..], "its report"),
        (&["-o", "docker:-"], "several outputs"),
    ] {
        let arguments = [&["build", "greet.yaml", "-o", "tar:-"], more].concat();
        let run = home.run(&arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""));
        assert!(run.err.contains(said), "{}", run.err);
    }
}

/// What came in over the socket: the line of the request, and its body.
type Request = (String, Vec<u8>);

/// A request whose body comes in chunks, if it has one.
fn request(stream: &UnixStream) -> Request {
    let mut from = BufReader::new(stream);
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    let (mut chunked, mut header) = (false, String::new());
    while header != "\r\n" {
        header.clear();
        from.read_line(&mut header).unwrap();
        chunked |= header.starts_with("Transfer-Encoding: chunked");
    }
    let mut body = Vec::new();
    while chunked {
        let mut size = String::new();
        from.read_line(&mut size).unwrap();
        let size = u64::from_str_radix(size.trim(), 16).unwrap();
        (&mut from).take(size).read_to_end(&mut body).unwrap();
        from.read_line(&mut String::new()).unwrap();
        chunked = size > 0;
    }
    (line, body)
}

/// An engine that answers one ping, and with `answer` to one image.
fn engine(home: &Home, version: &str, answer: &'static str) -> JoinHandle<Vec<Request>> {
    let listener = UnixListener::bind(home.path("engine")).unwrap();
    let version = version.to_owned();
    thread::spawn(move || {
        let mut came = Vec::new();
        let pong =
            format!("HTTP/1.1 200 OK\r\nApi-Version: {version}\r\nContent-Length: 2\r\n\r\nOK");
        for answer in [&*pong, answer] {
            if answer.is_empty() {
                break;
            }
            let (mut stream, _) = listener.accept().unwrap();
            came.push(request(&stream));
            stream.write_all(answer.as_bytes()).unwrap();
        }
        came
    })
}

const LOADED: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\
    {\"status\":\"Loading layer\",\"id\":\"x\"}\r\n{\"stream\":\"Loaded image: web:1\\n\"}\r\n";
const NO_ROOM: &str = "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"Loading layer\"}\r\n\
    {\"errorDetail\":{\"message\":\"no space left on device\"},\"error\":\"no space left on device\"}\r\n";
const BROKEN: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 24\r\n\r\n{\"message\":\"out of sorts\"}";

/// A build into the engine whose socket is `engine`.
fn into_engine(home: &Home) -> common::Run {
    let host = format!("unix://{}", home.path("engine").display());
    let arguments = ["-q", "build", "greet.yaml", "-o", "docker-daemon:web:1"];
    let output = home
        .command()
        .env("DOCKER_HOST", host)
        .args(arguments)
        .output()
        .unwrap();
    common::Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn an_engine_gets_the_bytes_of_the_archive() {
    let home = Home::new();
    let engine = engine(&home, "1.41", LOADED);
    let run = into_engine(&home);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains("written to docker-daemon:web:1"),
        "{}",
        run.out
    );
    assert!(run.out.contains("docker run --rm web:1"), "{}", run.out);
    let came = engine.join().unwrap();
    assert!(came[0].0.starts_with("GET /_ping "));
    assert!(came[1].0.starts_with("POST /images/load?"));
    let arguments = [
        "-q",
        "build",
        "greet.yaml",
        "-o",
        "docker:a.tar",
        "--tag",
        "web:1",
    ];
    assert_eq!(home.run(&arguments).code, 0);
    assert_eq!(came[1].1, fs::read(home.path("a.tar")).unwrap());
}

#[test]
fn what_an_engine_says_no_to_is_told() {
    for (version, answer, said) in [
        (
            "1.41",
            NO_ROOM,
            "did not take the image: no space left on device",
        ),
        ("1.41", BROKEN, "out of sorts"),
        ("1.18", "", "speaks version 1.18"),
        (
            "1.41",
            "HTTP/1.1 200 OK\r\n\r\n{",
            "the connection to the engine",
        ),
        (
            "1.41",
            "HTTP/1.1 200 OK\r\n\r\n",
            "does not say that it has loaded",
        ),
    ] {
        let home = Home::new();
        let engine = engine(&home, version, answer);
        let run = into_engine(&home);
        assert_eq!(run.code, 1);
        assert!(run.err.contains(said), "{}", run.err);
        engine.join().unwrap();
    }
}

#[test]
fn where_no_engine_is_the_ways_out_are_named() {
    let home = Home::new();
    let mut run = home.command();
    run.env("DOCKER_HOST", "tcp://engine.example.org:2375");
    let arguments = ["-q", "build", "greet.yaml", "-o", "docker-daemon:web:1"];
    let said = String::from_utf8(run.args(arguments).output().unwrap().stderr).unwrap();
    assert!(said.contains("unix:///PATH"), "{said}");
    let run = into_engine(&home);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("no Docker engine listens at"),
        "{}",
        run.err
    );
    assert!(run.err.contains("-o docker:FILE"), "{}", run.err);
    let mut run = home.command();
    run.env("PATH", home.path("nowhere"))
        .args(["build", "greet.yaml", "-o", "containerd:web"]);
    let said = String::from_utf8(run.output().unwrap().stderr).unwrap();
    assert!(said.contains("`ctr` is not on PATH"), "{said}");
}
