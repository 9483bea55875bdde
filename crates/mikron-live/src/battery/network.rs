//! Clients and servers of the network that are not the web's.

use std::fs;

use super::{Stage, TlsPeer};
use crate::runtime::{Container, Run};

fn with_network() -> Run {
    Run {
        host_network: true,
        ..Run::default()
    }
}

pub(super) fn curl(stage: &Stage) {
    let version = stage.call(&["--version"]).well();
    assert!(
        version.contains("https") && version.contains("HTTP2"),
        "{version}"
    );
    let peer = TlsPeer::hello(stage.dir());
    let url = peer.url("hello.txt");
    let get = [
        "/usr/bin/curl",
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        &url,
    ];
    // 60 is a certificate that is not trusted; 77 would be a bundle that is not there.
    let refused = stage.run_with(&get, with_network());
    assert_eq!(refused.status.code(), Some(60), "{}", refused.text());
    assert!(stage.anchors() > 100, "{} certificates", stage.anchors());
    stage.trust(peer.certificate());
    assert_eq!(stage.run_with(&get, with_network()).well(), "hello\n");
    let idn = stage
        .run(&["/usr/bin/curl", "--silent", "file:///etc/passwd"])
        .well();
    assert!(idn.contains("root"));
}

pub(super) fn git(stage: &Stage) {
    let git = |args: &[&str]| {
        let name = [
            "-c",
            "user.name=Jürgen",
            "-c",
            "user.email=j@example.org",
            "-c",
            "init.defaultBranch=main",
        ];
        let allow = ["-c", "protocol.file.allow=always"];
        stage.call(&[&name[..], &allow, args].concat())
    };
    git(&["init", "--quiet", "/desk/one"]).well();
    let tree = stage.rootfs().join("desk/one");
    fs::write(tree.join("file.txt"), "hello\n").expect("a writable directory");
    let one = |args: &[&str]| git(&[&["-C", "/desk/one"], args].concat());
    one(&["add", "file.txt"]).well();
    one(&["commit", "--quiet", "-m", "Ändere"]).well();
    // Without gconv the bytes are wrong, and nothing says so.
    let latin = one(&["log", "--encoding=ISO-8859-1", "--format=%s%an"]);
    assert_eq!(latin.output, b"\xc4ndereJ\xfcrgen\n", "{}", latin.text());
    git(&["clone", "--quiet", "/desk/one", "/desk/two"]).well();
    git(&["clone", "--quiet", "file:///desk/one", "/desk/three"]).well();
    git(&["clone", "--quiet", "--bare", "/desk/one", "/desk/bare.git"]).well();
    let two = |args: &[&str]| git(&[&["-C", "/desk/two"], args].concat());
    two(&["switch", "--quiet", "-c", "topic"]).well();
    fs::write(stage.rootfs().join("desk/two/file.txt"), "hello\nworld\n").expect("writable");
    two(&["commit", "--quiet", "-am", "Add a line"]).well();
    two(&["rebase", "--quiet", "origin/main"]).well();
    two(&["push", "--quiet", "/desk/bare.git", "topic"]).well();
    two(&["stash", "list"]).well();
    assert_eq!(two(&["grep", "-P", "w\\w+d"]).well(), "file.txt:world\n");
    // A script of git's own.
    two(&["submodule", "--quiet", "add", "file:///desk/one", "part"]).well();
    let list = two(&["submodule", "status"]).well();
    assert!(list.contains("part"), "{list}");
    two(&["gc", "--quiet"]).well();
    two(&["fsck"]).well();
    two(&[
        "archive",
        "--format=tar.gz",
        "-o",
        "/desk/two.tar.gz",
        "HEAD",
    ])
    .well();

    // The files of a bare repository, as any web server has them.
    git(&["-C", "/desk/bare.git", "update-server-info"]).well();
    let files = stage.rootfs().join("desk/bare.git");
    let refs = files.join("info/refs");
    fs::copy(&refs, files.join("info/refs?service=git-upload-pack")).expect("writable");
    let peer = TlsPeer::serve(stage.dir(), &files);
    let clone = [
        "/usr/bin/git",
        "-c",
        "http.proxy=",
        "clone",
        "--quiet",
        &peer.url("")[..],
        "/desk/four",
    ];
    let refused = stage.run_with(&clone, with_network());
    assert!(
        refused.text().contains("certificate verification failed"),
        "{}",
        refused.text()
    );
    assert!(stage.anchors() > 100, "{} certificates", stage.anchors());
    stage.trust(peer.certificate());
    stage.run_with(&clone, with_network()).well();
    let cloned = fs::read_to_string(stage.rootfs().join("desk/four/file.txt"));
    assert_eq!(cloned.ok().as_deref(), Some("hello\n"));
}

pub(super) fn openssh(stage: &Stage) {
    let keygen = |file: &str| {
        stage
            .run(&[
                "/usr/bin/ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                file,
            ])
            .well();
    };
    fs::create_dir_all(stage.rootfs().join("etc/ssh/keys")).expect("writable");
    keygen("/etc/ssh/keys/host");
    keygen("/etc/ssh/keys/mine");
    let keys = stage.rootfs().join("etc/ssh/keys");
    fs::copy(keys.join("mine.pub"), keys.join("authorized")).expect("writable");
    let mut server = stage.serve();
    server.says("listening on");
    let options = ["-i", "/etc/ssh/keys/mine", "-o", "StrictHostKeyChecking=no"];
    let ssh = [
        &["/usr/bin/ssh"],
        &options[..],
        &["files@localhost", "echo $((6 * 7)); echo $USER"],
    ]
    .concat();
    let said = server.exec(&ssh);
    assert!(
        said.text().ends_with("42\nfiles\n"),
        "{}{}",
        said.text(),
        server.output()
    );
    let sftp = [
        &["/usr/bin/sftp"],
        &options[..],
        &["-b", "-", "files@localhost"],
    ]
    .concat();
    let listed = server.exec_with(
        &sftp,
        b"pwd\nls -l /etc/ssh\nput /etc/ssh/moduli /home/files/moduli\n",
    );
    let listed = listed.well();
    assert!(
        listed.contains("/home/files") && listed.contains("sshd_config"),
        "{listed}"
    );
    let copied = server.exec(
        &[
            &["/usr/bin/scp"],
            &options[..],
            &["files@localhost:/etc/passwd", "/tmp/copy"],
        ]
        .concat(),
    );
    copied.well();
}

pub(super) fn rsync(stage: &Stage) {
    let mut server = stage.serve_with(&Run {
        tmpfs: vec!["/out".into()],
        ..Run::default()
    });
    let copy = [
        "/usr/bin/rsync",
        "--archive",
        "--compress",
        "rsync://localhost:8730/data/",
        "/out/copy/",
    ];
    server.exec_until(&copy);
    let listed = server.exec(&["/usr/bin/rsync", "/out/copy/"]).well();
    assert!(listed.contains("hello.txt"), "{listed}");
    let again = [
        "/usr/bin/rsync",
        "--archive",
        "--checksum",
        "--itemize-changes",
        "/out/copy/hello.txt",
        "/out/more/",
    ];
    let said = server.exec(&again).well();
    assert!(said.contains(">f+++++++++ hello.txt"), "{said}");
}

/// The address 192.0.2.1 that both resolvers have for `www.example.test`.
pub(super) const ADDRESS: [u8; 4] = [192, 0, 2, 1];

/// Asks for the address of `www.example.test` over TCP (RFC 1035, 4.2.2).
pub(super) fn ask(server: &mut Container, port: u16) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in ["www", "example", "test"] {
        query.push(u8::try_from(label.len()).expect("short"));
        query.extend_from_slice(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    let length = u16::try_from(query.len()).expect("short").to_be_bytes();
    server.talk(port, &[&length[..], &query].concat())
}

pub(super) fn unbound(stage: &Stage) {
    let mut server = stage.serve();
    let answer = ask(&mut server, 5353);
    assert!(
        answer.ends_with(&ADDRESS),
        "{answer:?}: {}",
        server.output()
    );
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    let output = server.output();
    assert!(!output.contains("error"), "{output}");
    stage.run(&["/usr/sbin/unbound-checkconf"]).well();
}

pub(super) fn dnsmasq(stage: &Stage) {
    let mut server = stage.serve();
    let answer = ask(&mut server, 5353);
    assert!(
        answer.ends_with(&ADDRESS),
        "{answer:?}: {}",
        server.output()
    );
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}

pub(super) fn tor(stage: &Stage) {
    stage.call(&["--verify-config"]).well();
    let hashed = stage.call(&["--quiet", "--hash-password", "secret"]).well();
    assert!(hashed.starts_with("16:"), "{hashed}");
    let mut server = stage.serve();
    // SOCKS5 without authentication (RFC 1928): asked, and agreed.
    let answer = server.talk(9050, &[5, 1, 0]);
    assert_eq!(answer, [5, 0]);
    server.says("Opened Socks listener");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    let output = server.output();
    assert!(!output.contains("[err]"), "{output}");
}

pub(super) fn wireguard(stage: &Stage) {
    // It warns that the key goes into a file that others may read: the test's log.
    let said = stage.call(&["genkey"]).well();
    let key = said.lines().last().unwrap_or_default();
    assert_eq!(key.len(), 44, "{said}");
    let how = Run {
        stdin: key.as_bytes().to_owned(),
        ..Run::default()
    };
    let public = stage.run_with(&["/usr/bin/wg", "pubkey"], how).well();
    assert_eq!(public.trim().len(), 44, "{public}");
    // It asks the kernel, which may not have it.
    let shown = stage.call(&["show", "interfaces"]);
    assert!(
        !shown.text().contains("shared libraries"),
        "{}",
        shown.text()
    );
}
