//! Proxies and tunnels.

use super::super::web::tls;
use crate::battery::Stage;
use crate::runtime::Run;

fn ask(server: &mut crate::runtime::Container, port: u16, url: &str) -> String {
    let answer = server.talk(port, format!("GET {url} HTTP/1.0\r\n\r\n").as_bytes());
    String::from_utf8_lossy(&answer).into_owned()
}

pub(super) fn privoxy(stage: &Stage) {
    let mut server = stage.serve();
    let page = ask(&mut server, 8118, "http://config.privoxy.org/show-status");
    assert!(
        page.contains("default.action") && page.contains("default.filter"),
        "{page}"
    );
    let blocked = ask(&mut server, 8118, "http://ads.example.org/");
    assert!(
        blocked.contains("403") && blocked.contains("blocked"),
        "{blocked}"
    );
    let unknown = ask(&mut server, 8118, "http://127.0.0.1:9/");
    assert!(unknown.contains("503"), "{unknown}");
}

pub(super) fn tinyproxy(stage: &Stage) {
    let mut server = stage.serve();
    let page = ask(&mut server, 8888, "http://stats.example.test/");
    assert!(
        page.contains("200") && page.contains("tinyproxy v1.11.1 statistics"),
        "{page}"
    );
    let unreachable = ask(&mut server, 8888, "http://127.0.0.1:9/");
    assert!(
        unreachable.contains("500") && unreachable.contains("Unable to connect"),
        "{unreachable}"
    );
}

pub(super) fn varnish(stage: &Stage) {
    let mut server = stage.serve();
    let answer = server.fetch(&["--include", "http://localhost:6081/"]);
    assert!(answer.contains("WORKS"), "{answer}");
    let vcl = server.exec(&["/usr/bin/varnishadm", "vcl.list"]).well();
    assert!(vcl.contains("active"), "{vcl}");
    let counts = server.exec(&["/usr/bin/varnishstat", "-1", "-f", "MAIN.client_req"]);
    assert!(counts.well().contains("client_req"));
}

pub(super) fn stunnel(stage: &Stage) {
    let (dir, cert) = tls(stage);
    let mut server = stage.serve_with(&Run {
        binds: vec![(dir, "/run/tls".into())],
        ..Run::default()
    });
    let said = server.fetch(&["--http0.9", "--cacert", &cert, "https://localhost:8443/"]);
    assert_eq!(said, "hello\n");
}

pub(super) fn dante(stage: &Stage) {
    let mut server = stage.serve();
    // SOCKS5 (RFC 1928): no authentication, a connection to itself, and the same question through it.
    let say = [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 4, 56, 5, 1, 0];
    let answer = server.talk(1080, &say);
    assert_eq!(
        answer.get(..4),
        Some(&[5, 0, 5, 0][..]),
        "{answer:?}: {}",
        server.output()
    );
    assert_eq!(answer.get(12..), Some(&[5, 0][..]), "{answer:?}");
}

pub(super) fn openvpn(stage: &Stage) {
    let key = stage.run(&["/usr/sbin/openvpn", "--genkey", "secret", "/dev/stdout"]);
    assert!(key.well().contains("OpenVPN Static key"));
    let (dir, _) = tls(stage);
    let mut server = stage.serve_with(&Run {
        binds: vec![(dir, "/run/tls".into())],
        ..Run::default()
    });
    server.says("UDPv4 link local (bound)");
    let files = [
        "--ca",
        "/run/tls/cert.pem",
        "--cert",
        "/run/tls/cert.pem",
        "--key",
        "/run/tls/key.pem",
    ];
    let client = [
        "--dev",
        "null",
        "--proto",
        "udp4",
        "--remote",
        "127.0.0.1",
        "1194",
        "--nobind",
        "--tls-client",
    ];
    let limits = ["--inactive", "6", "--verb", "3"];
    let said = server.exec(&[&["/usr/sbin/openvpn"], &client[..], &files, &limits].concat());
    let said = said.text();
    assert!(
        said.contains("VERIFY OK") && said.contains("Initialization Sequence Completed"),
        "{said}"
    );
}

pub(super) fn strongswan_pki(stage: &Stage) {
    let make = |name: &str, args: &[&str]| {
        let made = stage.call(args);
        let text = made.text();
        // It says before which plugins are not installed.
        let pem = text.find("-----BEGIN").map(|at| &text[at..]);
        let pem = pem.filter(|_| made.status.success());
        let pem = pem.unwrap_or_else(|| panic!("{args:?}: {text}"));
        std::fs::write(stage.rootfs().join("desk").join(name), pem).expect("writable");
    };
    make("key", &["--gen", "--type", "ed25519", "--outform", "pem"]);
    let root = [
        "--in",
        "/desk/key",
        "--dn",
        "C=DE, CN=desk",
        "--ca",
        "--outform",
        "pem",
    ];
    make(
        "ca",
        &[&["--self", "--type", "ed25519"], &root[..]].concat(),
    );
    make("own", &["--gen", "--type", "ecdsa", "--outform", "pem"]);
    make(
        "public",
        &[
            "--pub",
            "--type",
            "ecdsa",
            "--in",
            "/desk/own",
            "--outform",
            "pem",
        ],
    );
    let by = [
        "--cacert",
        "/desk/ca",
        "--cakey",
        "/desk/key",
        "--dn",
        "CN=anna",
        "--outform",
        "pem",
    ];
    make(
        "cert",
        &[
            &["--issue", "--type", "pub", "--in", "/desk/public"],
            &by[..],
        ]
        .concat(),
    );
    let shown = stage.call(&["--print", "--in", "/desk/cert"]).well();
    assert!(shown.contains("CN=anna"), "{shown}");
    let trusted = stage
        .call(&["--verify", "--in", "/desk/cert", "--cacert", "/desk/ca"])
        .well();
    assert!(trusted.contains("certificate trusted"), "{trusted}");
}

pub(super) fn tinc(stage: &Stage) {
    for name in ["a", "b"] {
        stage.run(&["/usr/sbin/tincd", "-n", name, "-K2048"]).well();
    }
    let etc = stage.rootfs().join("etc/tinc");
    for (from, to) in [("a", "b"), ("b", "a")] {
        let hosts = |net: &str| etc.join(net).join("hosts").join(from);
        std::fs::copy(hosts(from), hosts(to)).expect("a writable directory");
    }
    let mut server = stage.serve();
    server.says("Ready");
    server
        .exec(&["/usr/sbin/tincd", "-n", "b", "--pidfile", "/tmp-b.pid"])
        .well();
    server.says("Connection with b");
    server.says("activated");
}

pub(super) fn coturn(stage: &Stage) {
    let mut server = stage.serve();
    // The client waits for ever for the answer to what it said before the server listened. This is the last that it says.
    server.says("DB connection success");
    let mapped = server.exec_until(&["/usr/bin/turnutils_stunclient", "127.0.0.1"]);
    assert!(mapped.contains("127.0.0.1"), "{mapped}");
    let relayed = ["-u", "anna", "-w", "secret", "-y", "-n", "2", "127.0.0.1"];
    let relayed = server
        .exec(&[&["/usr/bin/turnutils_uclient"], &relayed[..]].concat())
        .well();
    assert!(relayed.contains("Total lost packets 0"), "{relayed}");
}
