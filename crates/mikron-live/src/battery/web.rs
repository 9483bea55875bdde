//! Web servers and proxies.

use std::fs;

use super::Stage;
use crate::runtime::{Run, certificate};

/// Binds of a directory with `cert.pem`, `key.pem` and `both.pem` at /run/tls.
pub(super) fn tls(stage: &Stage) -> (std::path::PathBuf, String) {
    let (cert, key) = certificate(stage.dir()).expect("openssl is there");
    let both = [fs::read(&cert), fs::read(&key)].map(|file| file.expect("it was just made"));
    stage.file("both.pem", both.concat());
    for name in ["key.pem", "cert.pem", "both.pem"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(stage.dir().join(name), mode).expect("it is our file");
    }
    (stage.dir().to_owned(), cert.display().to_string())
}

pub(super) fn nginx(stage: &Stage) {
    let mut server = stage.serve();
    let answer = server.fetch(&["--include", "http://localhost/"]);
    assert!(
        answer.contains("It works.") && answer.contains("text/html"),
        "{answer}"
    );
    server.signal("QUIT");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());

    let (dir, cert) = tls(stage);
    let conf = stage.file(
        "nginx.conf",
        "error_log stderr;
events {}
http {
  access_log off;
  include /etc/nginx/mime.types;
  server {
    listen 8443 ssl http2;
    ssl_certificate /run/tls/cert.pem;
    ssl_certificate_key /run/tls/key.pem;
    aio threads;
    gzip on;
    root /var/www/html;
    location ~ ^/again/(?<rest>.+)$ { rewrite ^ /$rest last; }
  }
}",
    );
    let mut server = stage.serve_with(&Run {
        binds: vec![
            (dir, "/run/tls".into()),
            (conf, "/etc/nginx/nginx.conf".into()),
        ],
        ..Run::default()
    });
    let page = server.fetch(&["--cacert", &cert, "https://localhost:8443/again/index.html"]);
    assert!(page.contains("It works."), "{page}");
    // Threads of the pool end by pthread_exit, for which the C library loads libgcc_s.
    server.signal("QUIT");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    let output = server.output();
    assert!(
        !output.contains("libgcc_s") && !output.contains("signal 6"),
        "{output}"
    );
}

pub(super) fn apache2(stage: &Stage) {
    let (dir, cert) = tls(stage);
    let conf = stage.file(
        "tls.conf",
        "LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so
Listen 443
<VirtualHost *:443>
  DocumentRoot /var/www/html
  RewriteEngine on
  RewriteRule ^/again/(.*)$ /$1
  SSLEngine on
  SSLCertificateFile /run/tls/cert.pem
  SSLCertificateKeyFile /run/tls/key.pem
</VirtualHost>
",
    );
    let mut server = stage.serve_with(&Run {
        binds: vec![
            (dir, "/run/tls".into()),
            (conf, "/etc/apache2/conf-enabled/tls.conf".into()),
        ],
        ..Run::default()
    });
    let answer = server.fetch(&["--include", "http://localhost/"]);
    assert!(
        answer.contains("It works.") && answer.contains("text/html"),
        "{answer}"
    );
    let page = server.fetch(&["--cacert", &cert, "https://localhost/again/index.html"]);
    assert!(page.contains("It works."), "{page}");
    server.signal("WINCH");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    let output = server.output();
    assert!(
        !output.contains("libgcc_s") && !output.contains("signal 6"),
        "{output}"
    );
}

pub(super) fn lighttpd(stage: &Stage) {
    // Small answers are not compressed.
    let page = stage.file("large.html", "It works. ".repeat(100));
    let mut server = stage.serve_with(&Run {
        binds: vec![(page, "/var/www/html/large.html".into())],
        ..Run::default()
    });
    let url = "http://localhost:8080/large.html";
    let answer = server.fetch(&["--include", url]);
    assert!(
        answer.contains("It works.") && answer.contains("text/html"),
        "{answer}"
    );
    let answer = server.fetch(&[
        "--include",
        "--compressed",
        "--header",
        "Accept-Encoding: gzip",
        url,
    ]);
    assert!(
        answer.contains("It works.") && answer.contains("gzip"),
        "{answer}"
    );
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}

pub(super) fn haproxy(stage: &Stage) {
    let (dir, cert) = tls(stage);
    let conf = stage.file(
        "haproxy.cfg",
        "global
  nbthread 2
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
frontend web
  bind :8443 ssl crt /run/tls/both.pem alpn h2,http/1.1
  http-request return status 200 content-type text/plain string secure if { path_reg ^/s[a-f]*cure$ }
  default_backend app
backend app
  server local 127.0.0.1:9 check
",
    );
    let mut server = stage.serve();
    assert_eq!(server.fetch(&["http://localhost:8080/"]), "It works.");
    server.signal("USR1");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    let mut server = stage.serve_with(&Run {
        binds: vec![
            (dir, "/run/tls".into()),
            (conf, "/etc/haproxy/haproxy.cfg".into()),
        ],
        ..Run::default()
    });
    let page = server.fetch(&["--cacert", &cert, "https://localhost:8443/secure"]);
    assert_eq!(page, "secure");
    server.signal("USR1");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
    let output = server.output();
    assert!(
        !output.contains("libgcc_s") && !output.contains("signal 6"),
        "{output}"
    );
}

pub(super) fn caddy(stage: &Stage) {
    let mut server = stage.serve();
    let answer = server.fetch(&["--include", "http://localhost:8080/"]);
    assert!(
        answer.contains("It works.") && answer.contains("text/html"),
        "{answer}"
    );
    let conf = stage.file(
        "Caddyfile",
        "{\n  admin off\n  skip_install_trust\n  auto_https disable_redirects\n}\nhttps://localhost:8443 {\n  tls internal\n  respond secure\n}\n",
    );
    let mut server = stage.serve_with(&Run {
        binds: vec![(conf, "/etc/caddy/Caddyfile".into())],
        ..Run::default()
    });
    let page = server.fetch(&["--insecure", "https://localhost:8443/"]);
    assert_eq!(page, "secure");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}

pub(super) fn squid(stage: &Stage) {
    let mut server = stage.serve();
    let ask = |path: &str| format!("GET {path} HTTP/1.0\r\n\r\n").into_bytes();
    // The page of an error is a template of a package of its own.
    let answer = server.talk(3128, &ask("http://127.0.0.1:8099/"));
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.contains("503") && answer.contains("could not be retrieved"),
        "{answer}"
    );
    let answer = server.talk(3128, &ask("/squid-internal-mgr/info"));
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("Squid Object Cache"), "{answer}");
    let answer = server.talk(3128, &ask("/squid-internal-static/icons/SN.png"));
    assert!(answer.windows(3).any(|bytes| bytes == b"PNG"));
    server.signal("INT");
    server.wait();
    let output = server.output();
    assert!(!output.contains("FATAL"), "{output}");
}
