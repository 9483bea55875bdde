//! Servers of names.

use std::fs;

use super::super::network::{ADDRESS, ask};
use super::until;
use crate::battery::Stage;
use crate::runtime::{Container, Run};

/// Asks for `www.example.test`, and gives the server for more.
fn answering(stage: &Stage, port: u16) -> Container {
    let mut server = stage.serve();
    // Some listen before they have read their zones.
    let found = until(|| {
        let answer = ask(&mut server, port);
        answer
            .windows(4)
            .any(|bytes| bytes == ADDRESS)
            .then_some(())
    });
    assert!(found.is_some(), "{}", server.output());
    server
}

pub(super) fn bind9(stage: &Stage) {
    let mut server = answering(stage, 53);
    // It keeps the keys of the root in a directory of its own.
    let output = server.output();
    assert!(!output.contains("permission denied"), "{output}");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    stage.run(&["/usr/bin/named-checkconf", "-z"]).well();
    let key = stage.run(&["/usr/sbin/rndc-confgen"]).well();
    assert!(key.contains("hmac-sha256"), "{key}");
}

pub(super) fn knot(stage: &Stage) {
    let mut server = answering(stage, 5353);
    let status = server.exec_until(&["/usr/sbin/knotc", "zone-status", "example.test"]);
    assert!(status.contains("[example.test.]"), "{status}");
    // Keys of the zone are made and kept in a database.
    let asked = [
        "@127.0.0.1",
        "-p",
        "5353",
        "+dnssec",
        "www.example.test",
        "A",
    ];
    let signed = server
        .exec(&[&["/usr/bin/kdig"], &asked[..]].concat())
        .well();
    assert!(signed.contains("RRSIG"), "{signed}");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}

pub(super) fn nsd(stage: &Stage) {
    stage
        .run(&["/usr/sbin/nsd-checkconf", "/etc/nsd/nsd.conf"])
        .well();
    let server = answering(stage, 5353);
    let output = server.output();
    assert!(!output.contains("error"), "{output}");
}

pub(super) fn pdns(stage: &Stage) {
    let schema = "usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
    let how = Run {
        stdin: fs::read(stage.rootfs().join(schema)).expect("a schema comes with the package"),
        ..Run::default()
    };
    let database = "/var/lib/powerdns/pdns.sqlite3";
    stage.run_with(&["/usr/bin/sqlite3", database], how).well();
    let util = |args: &[&str]| stage.run(&[&["/usr/bin/pdnsutil"], args].concat()).well();
    util(&["create-zone", "example.test", "ns.example.test"]);
    util(&["add-record", "example.test", "www", "A", "192.0.2.1"]);
    util(&["secure-zone", "example.test"]);
    let checked = util(&["check-zone", "example.test"]);
    assert!(checked.contains("0 errors"), "{checked}");
    let mut server = answering(stage, 5353);
    server.exec_until(&["/usr/bin/pdns_control", "rping"]);
}

pub(super) fn pdns_recursor(stage: &Stage) {
    let mut server = answering(stage, 5353);
    let pong = server.exec_until(&["/usr/bin/rec_control", "ping"]);
    assert!(pong.contains("pong"), "{pong}");
    let dumped = server
        .exec(&["/usr/bin/rec_control", "get", "tcp-questions"])
        .well();
    assert_eq!(dumped.trim(), "1");
}

pub(super) fn dnsdist(stage: &Stage) {
    stage.run(&["/usr/bin/dnsdist", "--check-config"]).well();
    answering(stage, 5353);
}
