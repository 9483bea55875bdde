//! Servers of files.

use std::fs;

use crate::battery::Stage;
use crate::runtime::{Container, Run};

/// Fetches the file that the spec brings by FTP, and a listing.
fn by_ftp(stage: &Stage) -> Container {
    let mut server = stage.serve();
    assert_eq!(server.fetch(&["ftp://localhost/hello.txt"]), "hello\n");
    let listed = server.fetch(&["ftp://localhost/"]);
    assert!(
        listed.contains("hello.txt") && listed.contains("-rw-r--r--"),
        "{listed}"
    );
    server
}

pub(super) fn vsftpd(stage: &Stage) {
    by_ftp(stage);
}

pub(super) fn proftpd(stage: &Stage) {
    stage.run(&["/usr/sbin/proftpd", "--configtest"]).well();
    by_ftp(stage);
}

pub(super) fn tftpd(stage: &Stage) {
    let mut server = stage.serve();
    assert_eq!(server.fetch(&["tftp://localhost/hello.txt"]), "hello\n");
}

pub(super) fn samba(stage: &Stage) {
    stage
        .run(&["/usr/bin/testparm", "--suppress-prompt"])
        .well();
    let mut server = stage.serve();
    let share = |command: &str| {
        let client = ["/usr/bin/smbclient", "--no-pass", "//localhost/share"];
        [&client[..], &["--command", command]]
            .concat()
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<String>>()
    };
    let words = share("get hello.txt -");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let got = server.exec_until(&words);
    assert!(got.contains("hello\n"), "{got}");
    let listed = server
        .exec(&["/usr/bin/smbclient", "--no-pass", "--list", "localhost"])
        .text();
    assert!(
        listed.contains("share") && listed.contains("IPC$"),
        "{listed}"
    );
}

pub(super) fn mercurial(stage: &Stage) {
    let hg = |args: &[&str]| stage.call(args).well();
    hg(&["init", "/desk/one"]);
    let one = stage.rootfs().join("desk/one");
    fs::write(one.join("file.txt"), "hello\n").expect("a writable directory");
    hg(&["-R", "/desk/one", "commit", "-A", "-m", "Ändere", "-q"]);
    let said = hg(&["-R", "/desk/one", "log", "-T", "{desc} {user}"]);
    assert_eq!(said, "Ändere anna");
    let words = ["/usr/bin/hg", "-R", "/desk/one", "serve", "-p", "8000"].map(str::to_owned);
    let mut server = stage.serve_with(&Run {
        args: Some(words.into()),
        ..Run::default()
    });
    // Pages are templates of the package.
    let page = server.fetch(&["http://localhost:8000/log"]);
    assert!(page.contains("Ändere"), "{page}");
    server
        .exec(&[
            "/usr/bin/hg",
            "clone",
            "-q",
            "http://localhost:8000/",
            "/desk/two",
        ])
        .well();
    let copied = fs::read_to_string(stage.rootfs().join("desk/two/file.txt"));
    assert_eq!(copied.ok().as_deref(), Some("hello\n"));
}

pub(super) fn subversion(stage: &Stage) {
    stage
        .run(&["/usr/bin/svnadmin", "create", "/desk/r"])
        .well();
    let conf = stage.rootfs().join("desk/r/conf/svnserve.conf");
    fs::write(conf, "[general]\nanon-access = write\n").expect("a writable directory");
    let mut server = stage.serve();
    let url = "svn://localhost/r";
    server.exec_until(&["/usr/bin/svn", "checkout", url, "/desk/one"]);
    server
        .exec(&[
            "/usr/bin/svn",
            "import",
            "-m",
            "Ändere",
            "/etc/passwd",
            "svn://localhost/r/name",
        ])
        .well();
    let log = server.exec(&["/usr/bin/svn", "log", url]).well();
    assert!(log.contains("Ändere"), "{log}");
    stage
        .run(&["/usr/bin/svnadmin", "verify", "-q", "/desk/r"])
        .well();
}

pub(super) fn radicale(stage: &Stage) {
    let mut server = stage.serve();
    let url = "http://localhost:5232/anna/days/";
    let as_anna = ["--user", "anna:secret"];
    let mut ask = |what: &[&str]| server.fetch(&[&as_anna[..], what].concat());
    ask(&[url, "--request", "MKCALENDAR"]);
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20261129T120000Z\r\n\
                 DTSTART:20261129T120000Z\r\nSUMMARY:A day\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let event = stage.file("event.ics", event).display().to_string();
    ask(&[&format!("{url}1.ics"), "--upload-file", &event]);
    let back = ask(&[url]);
    assert!(back.contains("SUMMARY:A day"), "{back}");
    let page = ask(&["http://localhost:5232/.web/"]);
    assert!(page.contains("Radicale"), "{page}");
}
