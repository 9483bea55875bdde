//! Databases and directories.

use crate::battery::Stage;
use crate::runtime::Run;

pub(super) fn slapd(stage: &Stage) {
    let entries = "dn: dc=example,dc=test\nobjectClass: dcObject\nobjectClass: organization\no: desk\ndc: example\n
dn: uid=anna,dc=example,dc=test\nobjectClass: inetOrgPerson\nuid: anna\ncn: Anna\nsn: Grün\nuserPassword: secret\n
dn: cn=all,dc=example,dc=test\nobjectClass: groupOfNames\ncn: all\nmember: uid=anna,dc=example,dc=test\n";
    stage
        .run(&["/usr/sbin/slaptest", "-u", "-f", "/etc/ldap/slapd.conf"])
        .well();
    let mut server = stage.serve();
    let url = ["-x", "-H", "ldap://127.0.0.1:3890"];
    let admin = ["-D", "cn=admin,dc=example,dc=test", "-w", "secret"];
    let anna = ["-D", "uid=anna,dc=example,dc=test", "-w", "secret"];
    let root = ["-b", "", "-s", "base", "namingContexts"];
    server.exec_until(&[&["/usr/bin/ldapsearch"], &url[..], &root].concat());
    let add = [&["/usr/bin/ldapadd"], &url[..], &admin].concat();
    server.exec_with(&add, entries.as_bytes()).well();
    let find = [
        "-LLL",
        "-b",
        "dc=example,dc=test",
        "(uid=an*)",
        "sn",
        "memberOf",
    ];
    let found = [&["/usr/bin/ldapsearch"], &url[..], &anna, &find].concat();
    let found = server.exec(&found).well();
    assert!(
        found.contains("memberOf: cn=all") && found.contains("sn:: R3LDvG4="),
        "{found}"
    );
    let copy = server.exec(&["/usr/sbin/slapcat", "-f", "/etc/ldap/slapd.conf"]);
    assert!(copy.well().contains("uid: anna"));
}

pub(super) fn freeradius(stage: &Stage) {
    let mut server = stage.serve();
    let ask = |word: &'static str| {
        [
            "/usr/bin/radtest",
            "anna",
            word,
            "localhost",
            "0",
            "testing123",
        ]
    };
    let welcome = server.exec_until(&ask("hello"));
    assert!(
        welcome.contains("Access-Accept") && welcome.contains("Welcome"),
        "{welcome}"
    );
    let refused = server.exec(&ask("wrong")).text();
    assert!(refused.contains("Access-Reject"), "{refused}");
    let output = server.output();
    assert!(!output.contains("Error"), "{output}");
}

pub(super) fn pgbouncer(stage: &Stage) {
    let program = |name: &str| format!("/usr/lib/postgresql/15/bin/{name}");
    stage
        .run(&[&program("initdb"), "--locale=C.UTF-8", "--auth=trust"])
        .well();
    let mut server = stage.serve();
    server.pid();
    let options = "-k /tmp -c listen_addresses=";
    let start = [
        "start",
        "--wait",
        "--silent",
        "-l",
        "/data/log",
        "-o",
        options,
    ];
    server
        .exec(&[&[&program("pg_ctl")[..]], &start[..]].concat())
        .well();
    let psql = program("psql");
    let asked = [&psql, "-h", "127.0.0.1", "-p", "6432", "-U", "postgres"];
    let mut ask = |database: &str, sql: &str| {
        server.exec_until(&[&asked[..], &["-XAtc", sql, database]].concat())
    };
    assert_eq!(
        ask("postgres", "select sum(n) from generate_series(1, 4) n"),
        "10\n"
    );
    let pools = ask("pgbouncer", "show pools");
    assert!(pools.contains("postgres|postgres|"), "{pools}");
    server
        .exec(&[&program("pg_ctl"), "stop", "--silent"])
        .well();
}

pub(super) fn firebird(stage: &Stage) {
    let sql = "create database '/data/desk.fdb' default character set utf8;
create table t (n integer not null primary key, word varchar(20) character set utf8 collate unicode_ci);
commit;
insert into t values (1, 'WÖRT');
insert into t values (2, 'zwei');
commit;
set list on;
select n as found from t where word = 'wört';
select hash('x') as digest from rdb$database;
select missing from t;
";
    let how = Run {
        stdin: sql.into(),
        ..Run::default()
    };
    let output = stage
        .run_with(&["/usr/bin/isql-fb", "-quiet", "-ch", "utf8"], how)
        .text();
    let found = output.lines().find(|line| line.starts_with("FOUND"));
    assert_eq!(found.map(|line| line[5..].trim()), Some("1"), "{output}");
    // A message of firebird.msg, not a number.
    assert!(output.contains("Column unknown"), "{output}");
    let checked = stage.run(&["/usr/bin/gfix", "-validate", "-full", "/data/desk.fdb"]);
    checked.well();
    let copied = stage.run(&[
        "/usr/bin/gbak",
        "-backup",
        "/data/desk.fdb",
        "/data/desk.fbk",
    ]);
    copied.well();
}

pub(super) fn tarantool(stage: &Stage) {
    let mut server = stage.serve();
    let script = "local c = require('net.box').connect('127.0.0.1:3301')
        c.space.words:replace{1, 'Grün'} print(c:call('found', {'GRÜN'})) os.exit(0)";
    let said = server.exec_until(&["/usr/bin/tarantool", "-e", script]);
    assert!(said.contains("[[1,\"Grün\"]]"), "{said}");
    server.signal("TERM");
    server.wait();
    let mut server = stage.serve();
    let again = script.replace("c.space.words:replace{1, 'Grün'}", "");
    let kept = server.exec_until(&["/usr/bin/tarantool", "-e", &again]);
    assert!(kept.contains("[[1,\"Grün\"]]"), "{kept}");
}

pub(super) fn etcd(stage: &Stage) {
    let mut server = stage.serve();
    assert_eq!(
        server.exec_until(&["/usr/bin/etcdctl", "put", "key", "value"]),
        "OK\n"
    );
    let got = server.exec(&["/usr/bin/etcdctl", "get", "key"]).well();
    assert_eq!(got, "key\nvalue\n");
    server
        .exec(&["/usr/bin/etcdctl", "snapshot", "save", "/data/copy"])
        .well();
}

pub(super) fn influxdb(stage: &Stage) {
    let mut server = stage.serve();
    let url = "http://localhost:8086";
    let query = format!("{url}/query");
    server.fetch(&[&query, "--data", "q=CREATE DATABASE d"]);
    let write = format!("{url}/write?db=d");
    server.fetch(&[
        &write,
        "--data-binary",
        "load,host=a value=1\nload,host=b value=41",
    ]);
    let sum = server.fetch(&[
        &query,
        "--data",
        "db=d",
        "--data",
        "q=SELECT sum(value) FROM load",
    ]);
    assert!(sum.contains(",42]"), "{sum}");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}
