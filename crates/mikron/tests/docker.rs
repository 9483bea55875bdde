//! The image of nginx in a Docker engine.

mod common;

use common::{build, build_example};
use mikron_testkit::runtime::{Docker, certificate};
use tempfile::TempDir;

#[test]
fn docker_loads_the_archive_and_serves_http_and_https_from_it() {
    let Some(plain) = build_example("nginx.yaml") else {
        return;
    };
    let spec = "mikron: 1
name: nginx-tls
sources:
  debian: { deb: bookworm }
packages: [nginx]
files:
  - path: /etc/nginx/conf.d/tls.conf
    text: |
      server {
        listen 8443 ssl;
        ssl_certificate /run/tls/cert.pem;
        ssl_certificate_key /run/tls/key.pem;
        root /var/www/html;
      }
  - { path: /var/www/html/index.html, text: \"It works.\" }
image:
  entrypoint: [/usr/sbin/nginx, -g, \"daemon off;\"]
";
    let Some(secure) = build(spec) else { return };
    let tls = TempDir::new().unwrap();
    let Some((cert, _)) = certificate(tls.path()) else {
        return;
    };
    let Some(docker) = Docker::start() else {
        return;
    };

    let load = |file: std::path::PathBuf| {
        let said = docker.run_well(&["load", "--input", &file.display().to_string()]);
        let name = said.rsplit(": ").next().unwrap_or_default();
        name.lines().next().unwrap_or_default().to_owned()
    };
    let image = load(plain.docker_archive());
    assert_eq!(image, "nginx:latest");
    let container = docker.run_well(&["run", "--detach", "--network", "none", &image]);
    assert!(
        docker
            .fetch(&container, &["http://localhost/"])
            .contains("It works.")
    );
    docker.run_well(&["stop", &container]);
    let code = docker.run_well(&["inspect", "--format", "{{.State.ExitCode}}", &container]);
    assert_eq!(code, "0", "the stop signal ends it cleanly");

    let image = load(secure.docker_archive());
    let volume = format!("{}:/run/tls:ro", tls.path().display());
    let args = [
        "run",
        "--detach",
        "--network",
        "none",
        "--read-only",
        "--tmpfs",
        "/var/lib/nginx",
        "--tmpfs",
        "/var/log/nginx",
        "--tmpfs",
        "/run",
        "--volume",
        &volume,
        &image,
    ];
    let container = docker.run_well(&args);
    let cert = cert.display().to_string();
    let page = docker.fetch(&container, &["--cacert", &cert, "https://localhost:8443/"]);
    assert_eq!(page, "It works.");
}
