//! The image of nginx in a Docker engine.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Built, build, build_example, builder, example_with};
use mikron::oci::docker::Archive;
use mikron::oci::{HeldImage, Image as _, validate_image};
use mikron::package::{Digest, Limits};
use mikron::source::Environment;
use mikron_live::runtime::{Docker, certificate};
use tempfile::TempDir;

/// Reads what the engine saved: it is the image that was built.
fn same_image(saved: &Path, built: &Built) {
    let limits = Limits::default();
    let archive = Arc::new(Archive::open(saved, &limits).unwrap());
    let target = archive
        .image("localhost/nginx")
        .unwrap()
        .expect("it has that name");
    let image = HeldImage::open(archive, &target, &limits).unwrap();
    validate_image(&image, &limits).unwrap();
    let platform = &built.report.platforms[0];
    assert_eq!(Some(Digest::of(image.config())), platform.config);
    assert_eq!(image.layers().len(), platform.layers.len());
}

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

    // Straight through the socket, and the archive after it: the engine has the same image by both names.
    let dir = TempDir::new().unwrap();
    let environment = Environment::of_process().with("DOCKER_HOST", &docker.host());
    let Some(into_engine) = builder(&example_with("nginx.yaml", ""), dir.path()) else {
        return;
    };
    let output = "docker-daemon:straight:1".parse().unwrap();
    let into_engine = into_engine.environment(environment).output(output);
    let report = into_engine
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    let id = docker.run_well(&["inspect", "--format", "{{.Id}}", "straight:1"]);
    let config = report.platforms[0].config.unwrap();
    assert_eq!(id, config.to_string());
    assert_eq!(Some(config), plain.report.platforms[0].config);

    let load = |file: std::path::PathBuf| {
        let said = docker.run_well(&["load", "--input", &file.display().to_string()]);
        let name = said.rsplit(": ").next().unwrap_or_default();
        name.lines().next().unwrap_or_default().to_owned()
    };
    let image = load(plain.docker_archive());
    assert_eq!(image, "localhost/nginx:latest");
    let saved = tls.path().join("saved.tar");
    docker.run_well(&["save", "--output", &saved.display().to_string(), &image]);
    same_image(&saved, &plain);
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
