//! What is lost without a word when a rule is missing: each with the work that shows it, in the image as it is and in one
//! that what the rule brings was taken out of.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;

use common::{example_with, extract_spec, quick};
use mikron_live::battery::{Stage, TlsPeer, service};
use mikron_live::runtime::{Finished, Run};

/// Whether the work came out right; else what came out.
type Outcome = Result<(), String>;

/// The work has exactly this output and succeeds.
fn says(finished: &Finished, expected: &[u8]) -> Outcome {
    if finished.status.success() && finished.output == expected {
        Ok(())
    } else {
        Err(format!("{}: {:?}", finished.status, finished.text()))
    }
}

/// The image of an example; that of PHP with the program that runs a line of code.
fn stage(name: &str) -> Option<Stage> {
    let spec = quick(&example_with(&format!("{name}.yaml"), ""));
    let spec = spec.replace("packages: [php8.2-fpm", "packages: [php8.2-cli, php8.2-fpm");
    extract_spec(&spec).map(Stage::new)
}

/// Takes files or directories out of an image, of which it has to have one.
fn take_out(stage: &Stage, paths: &[&str]) {
    let mut found = 0;
    for path in paths {
        let path = stage.rootfs().join(path);
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        found += 1;
        if metadata.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
    }
    assert!(found > 0, "the image has none of {paths:?}");
}

/// Two tests a loss: the image does it, and without these paths it does not.
macro_rules! losses {
    ($($name:ident: $service:literal without $paths:expr, $work:expr;)+) => {
        $(mod $name {
            use super::*;

            #[test]
            fn is_right_in_the_image() {
                let Some(stage) = stage($service) else { return };
                let work: fn(&Stage) -> Outcome = $work;
                work(&stage).unwrap();
            }

            #[test]
            fn is_lost_without_what_the_rule_brings() {
                let Some(stage) = stage($service) else { return };
                take_out(&stage, &$paths);
                let work: fn(&Stage) -> Outcome = $work;
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&stage)));
                assert!(!matches!(outcome, Ok(Ok(()))), "it is not needed for this");
            }
        })+
    };
}

losses! {
    threads_of_haproxy_end: "haproxy" without ["usr/lib/x86_64-linux-gnu/libgcc_s.so.1", "lib/x86_64-linux-gnu/libgcc_s.so.1"], threads;
    git_log_converts_to_latin_1: "git" without [GCONV], git_log;
    php_iconv_converts: "php-fpm" without [GCONV], php_iconv;
    curl_trusts_the_bundle: "curl" without [BUNDLE], curl_trusts;
    python_trusts_the_bundle: "python3" without [BUNDLE], python_trusts;
    java_trusts_the_bundle: "openjdk" without ["etc/ssl/certs/java/cacerts"], java_trusts;
    java_draws_text: "openjdk" without ["usr/share/fonts"], java_draws;
    ruby_reads_utf_8: "ruby" without [LOCALE], ruby_reads;
    bash_counts_characters: "bash" without [LOCALE], bash_counts;
    postgres_has_the_locale_of_its_database: "postgresql" without [LOCALE], postgres_locale;
    nano_knows_the_terminal: "nano" without ["usr/share/terminfo", "usr/lib/terminfo", "lib/terminfo", "etc/terminfo"], nano;
    python_knows_time_zones: "python3" without [ZONES], python_zones;
    php_knows_time_zones: "php-fpm" without [ZONES], php_zones;
    postgres_knows_time_zones: "postgresql" without [ZONES], postgres_zones;
    python_runs_a_shell: "python3" without ["usr/bin/dash", "bin/dash", "usr/bin/sh", "bin/sh"], python_shell;
}

const GCONV: &str = "usr/lib/x86_64-linux-gnu/gconv";
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
const LOCALE: &str = "usr/lib/locale/C.utf8";
const ZONES: &str = "usr/share/zoneinfo";

/// Threads end by `pthread_exit`, for which the C library loads libgcc_s.
fn threads(stage: &Stage) -> Outcome {
    let conf = "global\n  nbthread 4\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\nfrontend web\n  bind :8080\n  http-request return status 200 content-type text/plain string here\n";
    let conf = stage.file("haproxy.cfg", conf);
    let mut server = stage.serve_with(&Run {
        binds: vec![(conf, "/etc/haproxy/haproxy.cfg".into())],
        ..Run::default()
    });
    assert_eq!(server.fetch(&["http://localhost:8080/"]), "here");
    server.signal("USR1");
    let status = server.wait();
    let output = server.output();
    if status.success() && !output.contains("libgcc_s") {
        Ok(())
    } else {
        Err(output)
    }
}

fn git_log(stage: &Stage) -> Outcome {
    let tree = "/desk/one";
    stage.call(&["init", "--quiet", tree]).well();
    let name = [
        "-C",
        tree,
        "-c",
        "user.name=Jürgen",
        "-c",
        "user.email=j@example.org",
    ];
    let commit = ["commit", "--quiet", "--allow-empty", "-m", "Ändere"];
    stage.call(&[&name[..], &commit].concat()).well();
    let log = ["log", "--encoding=ISO-8859-1", "--format=%s%an"];
    says(
        &stage.call(&[&name[..], &log].concat()),
        b"\xc4ndereJ\xfcrgen\n",
    )
}

fn php(stage: &Stage, code: &str) -> Finished {
    stage.run(&["/usr/bin/php8.2", "-r", code])
}

fn php_iconv(stage: &Stage) -> Outcome {
    says(
        &php(stage, "echo bin2hex(iconv('UTF-8', 'SHIFT_JIS', '日'));"),
        b"93fa",
    )
}

fn php_zones(stage: &Stage) -> Outcome {
    let code =
        "echo (new DateTime('2026-07-01 12:00', new DateTimeZone('Europe/Paris')))->format('P');";
    says(&php(stage, code), b"+02:00")
}

fn with_peer(stage: &Stage) -> (TlsPeer, Run) {
    let peer = TlsPeer::hello(stage.dir());
    let how = Run {
        host_network: true,
        binds: vec![(stage.dir().to_owned(), "/probe".into())],
        ..Run::default()
    };
    (peer, how)
}

fn curl_trusts(stage: &Stage) -> Outcome {
    let (peer, how) = with_peer(stage);
    stage.trust(peer.certificate());
    let get = [
        "/usr/bin/curl",
        "--silent",
        "--noproxy",
        "*",
        &peer.url("hello.txt"),
    ];
    says(&stage.run_with(&get, how), b"hello\n")
}

fn python_trusts(stage: &Stage) -> Outcome {
    let (peer, how) = with_peer(stage);
    stage.trust(peer.certificate());
    let code = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode(), end='')";
    says(
        &stage.run_with(
            &["/usr/bin/python3", "-c", code, &peer.url("hello.txt")],
            how,
        ),
        b"hello\n",
    )
}

/// Runs a class from its source.
fn java(stage: &Stage, body: &str) -> Finished {
    let class = format!(
        "import java.awt.*; import java.awt.image.*; import java.security.*; import javax.net.ssl.*;\npublic class Main {{ public static void main(String[] args) throws Exception {{ {body} }} }}\n"
    );
    stage.file("Main.java", class);
    let how = Run {
        binds: vec![(stage.dir().to_owned(), "/probe".into())],
        tmpfs: vec!["/tmp".into()],
        env: vec![("XDG_CACHE_HOME".into(), "/tmp/cache".into())],
        ..Run::default()
    };
    let java = "/usr/lib/jvm/java-17-openjdk-amd64/bin/java";
    stage.run_with(&[java, "-Djava.awt.headless=true", "/probe/Main.java"], how)
}

fn java_trusts(stage: &Stage) -> Outcome {
    let count = "var f = TrustManagerFactory.getInstance(\"PKIX\"); f.init((KeyStore) null); \
                 System.out.print(((X509TrustManager) f.getTrustManagers()[0]).getAcceptedIssuers().length > 100);";
    says(&java(stage, count), b"true")
}

fn java_draws(stage: &Stage) -> Outcome {
    let draw = "var i = new BufferedImage(200, 50, BufferedImage.TYPE_INT_RGB); var g = i.createGraphics(); \
                g.setFont(new Font(\"SansSerif\", Font.PLAIN, 30)); g.drawString(\"hello\", 10, 40); int lit = 0; \
                for (int p : i.getRGB(0, 0, 200, 50, null, 0, 200)) if ((p & 0xffffff) != 0) lit++; System.out.print(lit > 100);";
    says(&java(stage, draw), b"true")
}

fn ruby_reads(stage: &Stage) -> Outcome {
    says(
        &stage.call(&["-e", "print Encoding.default_external"]),
        b"UTF-8",
    )
}

fn bash_counts(stage: &Stage) -> Outcome {
    says(
        &stage.call(&["-c", "word=grün; echo ${#word} ${word^^}"]),
        "4 GRÜN\n".as_bytes(),
    )
}

/// Makes a database in the locale of the image and asks it one thing.
fn postgres(stage: &Stage, sql: &str, expected: &str) -> Outcome {
    let program = |name: &str| format!("/usr/lib/postgresql/15/bin/{name}");
    let made = stage.run(&[&program("initdb"), "--locale=C.UTF-8", "--auth=trust"]);
    if !made.status.success() {
        return Err(made.text());
    }
    let mut server = stage.serve();
    server.exec_until(&[&program("psql"), "-c", "select 1"]);
    says(
        &server.exec(&[&program("psql"), "-XAtc", sql]),
        expected.as_bytes(),
    )
}

fn postgres_locale(stage: &Stage) -> Outcome {
    postgres(stage, "select upper('grün'), length('grün')", "GRÜN|4\n")
}

fn postgres_zones(stage: &Stage) -> Outcome {
    let sql = "select '2026-07-01 12:00+00'::timestamptz at time zone 'Europe/Paris'";
    postgres(stage, sql, "2026-07-01 14:00:00\n")
}

#[allow(clippy::unnecessary_wraps)] // of the type that all have
fn nano(stage: &Stage) -> Outcome {
    (service("nano").probe)(stage);
    Ok(())
}

fn python_zones(stage: &Stage) -> Outcome {
    // The second is silent: a zone that the C library does not find is UTC.
    let code = "import datetime as d, os, time, zoneinfo
print(d.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Paris')).utcoffset())
os.environ['TZ'] = 'America/New_York'; time.tzset(); print(time.tzname[0], time.timezone)";
    says(
        &stage.run(&["/usr/bin/python3", "-c", code]),
        b"2:00:00\nEST 18000\n",
    )
}

fn python_shell(stage: &Stage) -> Outcome {
    let code = "import os, subprocess; print(os.popen('echo one').read() + subprocess.getoutput('echo two'), os.system('exit 3'))";
    says(
        &stage.run(&["/usr/bin/python3", "-c", code]),
        b"one\ntwo 768\n",
    )
}
