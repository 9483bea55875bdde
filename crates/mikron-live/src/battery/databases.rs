//! Databases and caches.

use super::Stage;
use crate::runtime::Run;

pub(super) fn redis(stage: &Stage) {
    let mut server = stage.serve();
    let ask = |server: &mut crate::runtime::Container, words: &[&str]| {
        server.exec_until(&[&["/usr/bin/redis-cli"], words].concat())
    };
    ask(&mut server, &["ping"]);
    assert_eq!(ask(&mut server, &["set", "key", "value"]), "OK\n");
    assert_eq!(
        ask(
            &mut server,
            &["eval", "return redis.call('get', 'key')", "0"]
        ),
        "value\n"
    );
    assert_eq!(ask(&mut server, &["save"]), "OK\n");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    // What was saved is there again.
    let mut server = stage.serve();
    assert_eq!(ask(&mut server, &["get", "key"]), "value\n");
    let dump = "/data/dump.rdb";
    assert!(
        stage
            .run(&["/usr/bin/redis-check-rdb", dump])
            .well()
            .contains("Checksum OK")
    );
}

pub(super) fn memcached(stage: &Stage) {
    let mut server = stage.serve();
    let answer = server.talk(11211, b"set key 0 0 5\r\nvalue\r\nget key\r\nquit\r\n");
    assert_eq!(answer, b"STORED\r\nVALUE key 0 5\r\nvalue\r\nEND\r\n");
    server.signal("TERM");
    let status = server.wait();
    assert!(
        matches!(status.code(), Some(0 | 143)),
        "{status}: {}",
        server.output()
    );
    let output = server.output();
    assert!(!output.contains("libgcc_s"), "{output}");
}

const POSTGRES: &str = "/usr/lib/postgresql/15/bin";

pub(super) fn postgresql(stage: &Stage) {
    let program = |name: &str| format!("{POSTGRES}/{name}");
    let made = stage
        .run(&[&program("initdb"), "--locale=C.UTF-8", "--auth=trust"])
        .well();
    assert!(made.contains("Success"), "{made}");
    let mut server = stage.serve();
    let psql = program("psql");
    let mut ask = |sql: &str| server.exec_until(&[&psql, "-XAtc", sql]);
    assert_eq!(
        ask("select count(*) from generate_series(1, 1000)"),
        "1000\n"
    );
    ask("create table t as select n, 'wört' || n as word from generate_series(1, 100) n");
    assert_eq!(ask("select upper(word) from t where n = 7"), "WÖRT7\n");
    let zone = "select '2026-07-01 12:00+00'::timestamptz at time zone 'Europe/Paris'";
    assert_eq!(ask(zone), "2026-07-01 14:00:00\n");
    assert_eq!(
        ask("set datestyle = iso; set timezone = 'America/New_York'; show timezone"),
        "SET\nSET\nAmerica/New_York\n"
    );
    assert_eq!(ask("select 'é' = convert_from('\\xe9', 'LATIN1')"), "t\n");
    assert_eq!(
        ask("do $$ begin perform 1; end $$ language plpgsql"),
        "DO\n"
    );
    assert_eq!(
        ask("select to_tsvector('english', 'running dogs') @@ to_tsquery('dog & run')"),
        "t\n"
    );
    ask("create extension pgcrypto");
    assert_eq!(
        ask("select encode(digest('x', 'md5'), 'hex')"),
        "9dd4e461268c8034f5c8564e155c67a6\n"
    );
    assert_ne!(
        ask("select count(*) from pg_collation where collprovider = 'i'"),
        "0\n"
    );
    let german = "select string_agg(w, '' order by w collate \"de-x-icu\") from unnest(array['z', 'ä', 'b']) w";
    assert_eq!(ask(german), "äbz\n");
    let dump = server
        .exec(&[&program("pg_dump"), "--table=t", "postgres"])
        .well();
    assert!(dump.contains("wört42"), "{dump}");
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}

pub(super) fn mariadb(stage: &Stage) {
    let installed = stage.run(&[
        "/usr/bin/mariadb-install-db",
        "--user=mysql",
        "--datadir=/data",
    ]);
    let text = installed.text();
    assert!(installed.status.success(), "{text}");
    let mut server = stage.serve();
    let mut ask = |sql: &str| {
        server.exec_until(&[
            "/usr/bin/mariadb",
            "--default-character-set=utf8mb4",
            "--batch",
            "--skip-column-names",
            "-e",
            sql,
        ])
    };
    assert_eq!(ask("select 6 * 7"), "42\n");
    ask(
        "create database d character set utf8mb4; create table d.t (n int primary key, word varchar(20)) engine=InnoDB",
    );
    ask("insert into d.t values (1, 'wört'), (2, 'zwei')");
    assert_eq!(
        ask("set names utf8mb4; select upper(word) from d.t where n = 1"),
        "WÖRT\n"
    );
    assert_eq!(ask("select count(*) > 20 from mysql.help_topic"), "1\n");
    let dump = server.exec(&["/usr/bin/mariadb-dump", "d"]).well();
    assert!(dump.contains("zwei"), "{dump}");
    // A message of errmsg.sys, not a number.
    let error = server
        .exec(&["/usr/bin/mariadb", "-e", "select nothing"])
        .text();
    assert!(error.contains("Unknown column"), "{error}");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}

pub(super) fn sqlite(stage: &Stage) {
    let sql = "create table t (n integer, word text);
insert into t values (1, 'one'), (2, 'two');
create virtual table f using fts5(word);
insert into f select word from t;
select json_group_array(word) from t;
select count(*) from f where f match 'two';
select round(sqrt(16.0), 1);
.dump t
";
    let how = Run {
        stdin: sql.into(),
        ..Run::default()
    };
    let output = stage
        .run_with(&["/usr/bin/sqlite3", "/data/test.db"], how)
        .well();
    assert!(
        output.starts_with("[\"one\",\"two\"]\n1\n4.0\n"),
        "{output}"
    );
    assert!(
        output.contains("INSERT INTO t VALUES(2,'two');"),
        "{output}"
    );
}
