//! Servers of chats, calls and streams.

use crate::battery::Stage;

pub(super) fn icecast(stage: &Stage) {
    let mut server = stage.serve();
    let status = server.fetch(&["http://localhost:8000/status.xsl"]);
    assert!(status.contains("Icecast"), "{status}");
    let json = server.fetch(&["http://localhost:8000/status-json.xsl"]);
    assert!(json.contains("icestats"), "{json}");
    let admin = [
        "--user",
        "admin:secret",
        "http://localhost:8000/admin/stats.xsl",
    ];
    let page = server.fetch(&admin);
    assert!(
        page.contains("Global server statistics") || page.contains("Global Server"),
        "{page}"
    );
}

pub(super) fn prosody(stage: &Stage) {
    let made = [
        "/usr/bin/prosodyctl",
        "register",
        "anna",
        "localhost",
        "secret",
    ];
    stage.run(&made).well();
    let mut server = stage.serve();
    // Base64 of NUL anna NUL secret (RFC 4616).
    let say = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
               xmlns:stream='http://etherx.jabber.org/streams'>\
               <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFubmEAc2VjcmV0</auth>";
    let answer = server.talk(5222, say.as_bytes());
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.contains("SCRAM-SHA-1") && answer.contains("<success"),
        "{answer}: {}",
        server.output()
    );
    let page = server.fetch(&["http://localhost:5280/http-bind"]);
    assert!(page.contains("BOSH"), "{page}");
    let output = server.output();
    assert!(!output.contains("error"), "{output}");
}

pub(super) fn ngircd(stage: &Stage) {
    let mut server = stage.serve();
    let answer = server.talk(
        6667,
        b"NICK anna\r\nUSER anna 0 * :Anna\r\nJOIN #desk\r\nQUIT\r\n",
    );
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.contains(" 001 anna ") && answer.contains("JOIN :#desk"),
        "{answer}: {}",
        server.output()
    );
}

pub(super) fn znc(stage: &Stage) {
    let mut server = stage.serve();
    let page = server.fetch(&["http://localhost:8080/"]);
    assert!(page.contains("ZNC") && page.contains("<form"), "{page}");
    let as_anna = [
        "--location",
        "--cookie",
        "",
        "--data",
        "user=anna&pass=secret&submitted=1",
    ];
    let with = [
        "--header",
        "Referer: http://localhost:8080/",
        "http://localhost:8080/login",
    ];
    let page = server.fetch(&[&as_anna[..], &with].concat());
    assert!(page.contains("anna"), "{page}");
    let output = server.output();
    assert!(!output.contains("Unable"), "{output}");
}

pub(super) fn mumble(stage: &Stage) {
    let mut server = stage.serve();
    server.says("Server listening on");
    let output = server.output();
    assert!(
        output.contains("SQLite") || output.contains("OpenSSL"),
        "{output}"
    );
    let database = std::fs::read(stage.rootfs().join("data/mumble.sqlite"));
    assert!(
        database.is_ok_and(|file| file.starts_with(b"SQLite format 3")),
        "{output}"
    );
    server.signal("TERM");
    server.wait();
}

pub(super) fn kamailio(stage: &Stage) {
    stage.run(&["/usr/sbin/kamailio", "-c"]).well();
    let mut server = stage.serve();
    let ask = "OPTIONS sip:anna@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
               To: <sip:anna@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let answer = server.talk(5060, ask.as_bytes());
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.starts_with("SIP/2.0 200 Well") && answer.contains("X-Desk: anna"),
        "{answer}: {}",
        server.output()
    );
}
