//! Servers of mail.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::battery::Stage;
use crate::runtime::{Container, Run};

const MAIL: &str =
    "From: otto@example.org\r\nTo: anna@example.test\r\nSubject: sorted\r\n\r\nHello, Anna\r\n";

/// Waits for a mail in a directory of the root filesystem.
fn delivered(stage: &Stage, server: &Container, dir: &str) -> String {
    let dir = stage.rootfs().join(dir);
    let end = Instant::now() + Duration::from_secs(60);
    let first = |dir: &Path| fs::read_dir(dir).ok()?.flatten().next();
    loop {
        if let Some(file) = first(&dir) {
            return fs::read_to_string(file.path()).expect("a mail is text");
        }
        assert!(Instant::now() < end, "nothing came: {}", server.output());
        thread::sleep(Duration::from_millis(100));
    }
}

/// Sends a mail to a server, and finds it in the mail directory of its user.
fn through(stage: &Stage) -> Container {
    let mut server = stage.serve_with(&Run {
        set_user_id: true,
        ..Run::default()
    });
    let mail = stage.file("mail.eml", MAIL).display().to_string();
    let from = ["--mail-from", "otto@example.org"];
    let to = ["--mail-rcpt", "anna@example.test", "--upload-file", &mail];
    server.fetch(&[&["smtp://localhost/otto.example.org"], &from[..], &to].concat());
    let mail = delivered(stage, &server, "home/anna/Maildir/new");
    assert!(mail.contains("Hello, Anna"), "{mail}");
    server
}

pub(super) fn postfix(stage: &Stage) {
    stage.run(&["/usr/sbin/postfix", "check"]).well();
    let mut server = through(stage);
    let queue = server.exec(&["/usr/sbin/postqueue", "-p"]).well();
    assert!(queue.contains("queue is empty"), "{queue}");
    let missing = ["/usr/sbin/postmap", "-q", "otto", "inline:{otto=anna}"];
    assert_eq!(server.exec(&missing).well(), "anna\n");
    server.signal("TERM");
    server.wait();
    let output = server.output();
    assert!(
        !output.contains("fatal") && !output.contains("warning"),
        "{output}"
    );
}

pub(super) fn exim4(stage: &Stage) {
    let server = through(stage);
    let route = server.exec(&["/usr/sbin/exim4", "-bt", "anna@example.test"]);
    assert!(route.well().contains("transport = maildir"));
    let sum = server.exec(&["/usr/sbin/exim4", "-be", "${md5:x}"]).well();
    assert_eq!(sum.trim(), "9dd4e461268c8034f5c8564e155c67a6");
}

pub(super) fn opensmtpd(stage: &Stage) {
    stage.run(&["/usr/sbin/smtpd", "-n"]).well();
    through(stage);
}

pub(super) fn dovecot(stage: &Stage) {
    let mut server = stage.serve();
    // LMTP (RFC 2033).
    let say =
        "LHLO otto\r\nMAIL FROM:<otto@example.org>\r\nRCPT TO:<anna@example.test>\r\nDATA\r\n";
    let said = server.talk(24, format!("{say}{MAIL}.\r\nQUIT\r\n").as_bytes());
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("Saved"), "{said}: {}", server.output());
    let mail = delivered(stage, &server, "srv/mail/anna/Maildir/.Sorted/new");
    assert!(mail.contains("Hello, Anna"), "{mail}");
    let as_anna = ["--user", "anna:secret"];
    let mut ask = |what: &[&str]| server.fetch(&[&as_anna[..], what].concat());
    let folders = ask(&["imap://localhost/"]);
    assert!(folders.contains("Sorted"), "{folders}");
    let text = ask(&["imap://localhost/Sorted;MAILINDEX=1;SECTION=TEXT"]);
    assert_eq!(text.trim(), "Hello, Anna");
    let found = ask(&["imap://localhost/Sorted", "--request", "SEARCH BODY Anna"]);
    assert_eq!(found.trim(), "* SEARCH 1");
    let output = server.output();
    assert!(!output.contains("Fatal"), "{output}");
    let hash = stage.run(&["/usr/bin/doveadm", "pw", "-s", "SHA512-CRYPT", "-p", "x"]);
    assert!(hash.well().starts_with("{SHA512-CRYPT}$6$"));
}

pub(super) fn spamassassin(stage: &Stage) {
    let judge = |body: &str| {
        let how = Run {
            stdin: MAIL.replace("Hello, Anna", body).into_bytes(),
            ..Run::default()
        };
        let args = ["/usr/bin/spamassassin", "--local"];
        stage.run_with(&args, how).well()
    };
    let spam = judge("XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X");
    assert!(
        spam.contains("X-Spam-Flag: YES") && spam.contains("GTUBE"),
        "{spam}"
    );
    let ham = judge("Hello, Anna");
    assert!(ham.contains("X-Spam-Status: No"), "{ham}");
}
