//! What watches other programs, keeps logs and keeps the time.

use std::fs;

use crate::battery::Stage;

pub(super) fn prometheus(stage: &Stage) {
    let config = "/etc/prometheus/prometheus.yml";
    stage
        .run(&["/usr/bin/promtool", "check", "config", config])
        .well();
    let mut server = stage.serve();
    let url = "http://localhost:9090/api/v1/query?query=up";
    let seen = super::until(|| {
        let answer = server.fetch(&[url]);
        answer.contains(",\"1\"]").then_some(answer)
    });
    assert!(seen.is_some(), "{}", server.output());
    let page = server.fetch(&["--location", "http://localhost:9090/"]);
    assert!(page.contains("Prometheus"), "{page}");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}

pub(super) fn node_exporter(stage: &Stage) {
    let mut server = stage.serve();
    let metrics = server.fetch(&["http://localhost:9100/metrics"]);
    for name in [
        "node_load1 ",
        "node_memory_MemTotal_bytes ",
        "node_uname_info{",
    ] {
        assert!(metrics.contains(name), "{name}: {metrics}");
    }
}

pub(super) fn snmpd(stage: &Stage) {
    let mut server = stage.serve();
    let community = ["-v2c", "-c", "public", "127.0.0.1"];
    let location = [
        &["/usr/bin/snmpget"],
        &community[..],
        &["1.3.6.1.2.1.1.6.0"],
    ]
    .concat();
    let said = server.exec_until(&location);
    assert!(said.contains("STRING: \"desk\""), "{said}");
    let processes = [
        &["/usr/bin/snmpwalk"],
        &community[..],
        &["1.3.6.1.2.1.25.4.2.1.2"],
    ]
    .concat();
    let said = server.exec(&processes).well();
    assert!(said.contains("\"snmpd\""), "{said}");
}

pub(super) fn monit(stage: &Stage) {
    stage.run(&["/usr/bin/monit", "-t"]).well();
    let mut server = stage.serve();
    let url = "http://localhost:2812/_status?format=text";
    let status = server.fetch(&["--user", "admin:monit", url]);
    assert!(status.contains("File 'accounts'"), "{status}");
    let page = server.fetch(&["--user", "admin:monit", "http://localhost:2812/"]);
    assert!(page.contains("accounts"), "{page}");
    let summary = server.exec(&["/usr/bin/monit", "summary"]).well();
    assert!(summary.contains("accounts"), "{summary}");
}

pub(super) fn collectd(stage: &Stage) {
    let mut server = stage.serve();
    let ask = [
        "/usr/bin/collectdctl",
        "-s",
        "/data/socket",
        "getval",
        "desk/load/load",
    ];
    let load = server.exec_until(&ask);
    assert!(load.contains("shortterm="), "{load}");
    let written = super::until(|| {
        let files = fs::read_dir(stage.rootfs().join("data/desk/memory"));
        files.ok().map(Iterator::count).filter(|count| *count > 2)
    });
    assert!(written.is_some(), "{}", server.output());
    let output = server.output();
    assert!(!output.contains("Could not find"), "{output}");
}

pub(super) fn munin_node(stage: &Stage) {
    let mut server = stage.serve();
    let answer = server.talk(4949, b"list\nconfig load\nfetch load\nfetch uptime\nquit\n");
    let answer = String::from_utf8_lossy(&answer);
    for part in [
        "munin node at desk",
        "graph_title Load average",
        "load.value ",
        "uptime.value ",
    ] {
        assert!(answer.contains(part), "{part}: {answer}{}", server.output());
    }
}

pub(super) fn monitoring_plugins(stage: &Stage) {
    let plugin = |name: &str, args: &[&str]| {
        let path = format!("/usr/lib/nagios/plugins/{name}");
        stage.run(&[&[path.as_str()], args].concat()).text()
    };
    let disk = plugin("check_disk", &["-w", "1%", "-c", "0%", "-p", "/"]);
    assert!(disk.contains("DISK OK"), "{disk}");
    let load = plugin("check_load", &["-w", "900", "-c", "999"]);
    assert!(load.contains("OK"), "{load}");
    let age = plugin(
        "check_file_age",
        &["-f", "/etc/passwd", "-c", "9999999999", "-w", "999999999"],
    );
    assert!(age.contains("FILE_AGE OK"), "{age}");
    let processes = plugin("check_procs", &["-c", "1:50"]);
    assert!(processes.contains("PROCS OK"), "{processes}");
    let users = plugin("check_users", &["-w", "9", "-c", "99"]);
    assert!(users.contains("USERS OK"), "{users}");
    let refused = plugin("check_http", &["-H", "127.0.0.1"]);
    assert!(refused.contains("Connection refused"), "{refused}");
    let log = ["-F", "/etc/passwd", "-O", "/dev/null", "-q", "root"];
    let log = plugin("check_log", &log);
    assert!(!log.contains("not found"), "{log}");
}

pub(super) fn rsyslog(stage: &Stage) {
    stage.run(&["/usr/sbin/rsyslogd", "-N1"]).well();
    let mut server = stage.serve();
    server.tell(5140, b"<13>Nov 29 12:00:00 desk probe: hello\n");
    let log = stage.rootfs().join("data/log");
    let written = super::until(|| {
        let text = fs::read_to_string(&log).unwrap_or_default();
        text.ends_with('\n').then_some(text)
    });
    assert_eq!(
        written.as_deref(),
        Some("desk probe: hello\n"),
        "{}",
        server.output()
    );
}

pub(super) fn chrony(stage: &Stage) {
    let mut server = stage.serve();
    let tracking = server.exec_until(&["/usr/bin/chronyc", "-h", "127.0.0.1", "-n", "tracking"]);
    assert!(tracking.contains("Stratum         : 8"), "{tracking}");
    let client = "server 127.0.0.1 iburst maxsamples 1";
    let asked = [
        "/usr/sbin/chronyd",
        "-Q",
        "-t",
        "20",
        client,
        "pidfile /run/other.pid",
    ];
    let asked = server.exec(&asked).well();
    assert!(asked.contains("System clock wrong by"), "{asked}");
}

pub(super) fn supervisor(stage: &Stage) {
    let mut server = stage.serve();
    server.says("entered RUNNING state");
    let status = super::until(|| {
        let status = server.exec(&["/usr/bin/supervisorctl", "status"]).text();
        (status.matches("RUNNING").count() == 2).then_some(status)
    });
    assert!(status.is_some(), "{}", server.output());
    let tail = server
        .exec(&["/usr/bin/supervisorctl", "tail", "two"])
        .well();
    assert!(tail.contains("/etc/passwd"), "{tail}");
    server
        .exec(&["/usr/bin/supervisorctl", "restart", "one"])
        .well();
}
