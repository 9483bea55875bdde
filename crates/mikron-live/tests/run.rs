//! The image of nginx at work under crun or runc.

mod common;

use std::fs;
use std::path::Path;

use common::{Built, build, build_example, find};
use mikron_live::runtime::{Bundle, Run, certificate};
use tempfile::TempDir;

/// nginx with the given configuration, on ports above 1024.
fn nginx(conf: &str) -> Option<Built> {
    let conf = conf.replace('\n', "\n      ");
    build(&format!(
        "mikron: 1
name: nginx
sources:
  debian: {{ deb: bookworm }}
packages: [nginx]
files:
  - path: /etc/nginx/nginx.conf
    text: |
      {conf}
  - {{ path: /var/www/html/index.html, text: \"It works.\" }}
image:
  entrypoint: [/usr/sbin/nginx, -e, stderr, -g, \"daemon off;\"]
"
    ))
}

fn bundle(built: &Built) -> Option<Bundle> {
    Bundle::unpack(&built.layout(), "latest")
}

#[test]
fn the_example_serves_a_page_over_http() {
    let Some(built) = build_example("nginx.yaml") else {
        return;
    };
    let Some(bundle) = bundle(&built) else { return };
    let mut container = bundle.start(&Run::default());
    assert!(
        container
            .fetch(&["http://localhost/"])
            .contains("It works.")
    );
    container.signal("QUIT");
    assert_eq!(container.wait().code(), Some(0), "{}", container.output());
}

#[test]
fn nginx_serves_a_page_over_https() {
    let conf = "events {}
http {
  server {
    listen 8443 ssl http2;
    ssl_certificate /run/tls/cert.pem;
    ssl_certificate_key /run/tls/key.pem;
    root /var/www/html;
  }
}";
    let Some(built) = nginx(conf) else { return };
    let tls = TempDir::new().unwrap();
    let Some((cert, _)) = certificate(tls.path()) else {
        return;
    };
    let Some(bundle) = bundle(&built) else { return };
    let mut container = bundle.start(&Run {
        binds: vec![(tls.path().to_owned(), "/run/tls".into())],
        ..Run::default()
    });
    let cert = cert.display().to_string();
    let page = container.fetch(&["--cacert", &cert, "https://localhost:8443/"]);
    assert_eq!(page, "It works.");
    let old = [
        "--cacert",
        &cert,
        "--tls-max",
        "1.2",
        "https://localhost:8443/",
    ];
    assert_eq!(container.fetch(&old), "It works.");
}

#[test]
fn nginx_serves_as_a_user_that_is_not_root_on_a_high_port() {
    let Some(built) = build_example("nginx-nonroot.yaml") else {
        return;
    };
    let Some(bundle) = bundle(&built) else { return };
    let mut container = bundle.start(&Run::default());
    assert!(
        container
            .fetch(&["http://localhost:8080/"])
            .contains("It works.")
    );
    let status = fs::read_to_string(format!("/proc/{}/status", container.pid())).unwrap();
    let line = |key: &str| {
        status
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_default()
    };
    assert_eq!(line("Uid:"), "Uid:\t65532\t65532\t65532\t65532");
    assert!(
        line("CapEff:").ends_with("0000000000000000"),
        "it has no capability"
    );
}

#[test]
fn nginx_serves_from_a_read_only_root() {
    let Some(built) = build_example("nginx-nonroot.yaml") else {
        return;
    };
    let Some(bundle) = bundle(&built) else { return };
    let mut container = bundle.start(&Run {
        read_only: true,
        tmpfs: vec!["/tmp".into()],
        ..Run::default()
    });
    assert!(
        container
            .fetch(&["http://localhost:8080/"])
            .contains("It works.")
    );
    container.signal("QUIT");
    assert_eq!(container.wait().code(), Some(0), "{}", container.output());
}

/// Thread pools end their threads with `pthread_cancel`, for which glibc loads libgcc_s when it is called.
const THREADS: &str = "error_log stderr;
events {}
http {
  access_log off;
  server { listen 8080; aio threads; root /var/www/html; }
}";

/// Serves one page with thread pools, then asks the server to quit and says what it wrote.
fn quit_with_threads(bundle: &Bundle) -> String {
    let mut container = bundle.start(&Run::default());
    assert_eq!(container.fetch(&["http://localhost:8080/"]), "It works.");
    container.signal("QUIT");
    container.wait();
    container.output()
}

#[test]
fn nginx_with_thread_pools_quits_cleanly() {
    let Some(built) = nginx(THREADS) else { return };
    let Some(bundle) = bundle(&built) else { return };
    assert!(find(&bundle.rootfs(), "libgcc_s.so.1").is_some());
    let output = quit_with_threads(&bundle);
    assert!(
        !output.contains("libgcc_s") && !output.contains("signal 6"),
        "{output}"
    );
}

#[test]
fn nginx_with_thread_pools_aborts_on_quitting_when_libgcc_s_is_taken_out() {
    let Some(built) = nginx(THREADS) else { return };
    let Some(bundle) = bundle(&built) else { return };
    let library = find(&bundle.rootfs(), "libgcc_s.so.1").expect("the image holds it");
    fs::remove_file(library).unwrap();
    let output = quit_with_threads(&bundle);
    assert!(
        output.contains("libgcc_s.so.1") || output.contains("signal 6"),
        "{output}"
    );
}

#[test]
fn the_image_of_nginx_has_no_shell_and_no_package_manager() {
    let Some(built) = build_example("nginx.yaml") else {
        return;
    };
    let Some(bundle) = bundle(&built) else { return };
    for name in ["sh", "bash", "dash", "busybox", "perl", "dpkg", "apt-get"] {
        for dir in ["usr/bin", "usr/sbin", "bin", "sbin"] {
            let path = bundle.rootfs().join(dir).join(name);
            assert!(fs::symlink_metadata(&path).is_err(), "{}", path.display());
        }
    }
    let mut container = bundle.start(&Run {
        args: Some(vec!["/bin/sh".into(), "-c".into(), "true".into()]),
        ..Run::default()
    });
    assert!(!container.wait().success());
}

#[test]
fn nothing_in_the_image_belongs_to_a_foreign_user_or_is_setuid() {
    use std::os::unix::fs::MetadataExt;
    fn walk(dir: &Path) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let metadata = entry.metadata().unwrap();
            let path = entry.path();
            assert!([0, 33].contains(&metadata.uid()), "{}", path.display());
            assert!(
                !metadata.is_file() || metadata.mode() & 0o6000 == 0,
                "{}",
                path.display()
            );
            if metadata.is_dir() {
                walk(&path);
            }
        }
    }
    let Some(built) = build_example("nginx.yaml") else {
        return;
    };
    let Some(bundle) = bundle(&built) else { return };
    walk(&bundle.rootfs());
}
