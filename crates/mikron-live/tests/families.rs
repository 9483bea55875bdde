//! One nginx from three families: Debian's packages as they are, and repackaged as .rpm and as .apk. The specs differ in their
//! sources alone.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mikron::{Builder, Output};
use mikron_live::mirror::mirror;
use mikron_live::runtime::{Bundle, Run, certificate};
use mikron_testkit::apk::ApkKey;
use mikron_testkit::repackage::{Debian, apk_repository, rpm_repository};
use mikron_testkit::repository::TestKey;
use mikron_testkit::tools::tool;
use tempfile::TempDir;

const FAMILIES: [&str; 3] = ["deb", "rpm", "apk"];

/// Repositories of the two other families, and the directory that they lie in.
struct World {
    dir: TempDir,
}

/// Everything but the sources.
const REST: &str = "packages: [nginx]
files:
  - path: /etc/nginx/nginx.conf
    text: |
      user nobody root;
      events {}
      http {
        server {
          listen 8080;
          listen 8443 ssl;
          ssl_certificate /run/tls/cert.pem;
          ssl_certificate_key /run/tls/key.pem;
          root /var/www/html;
        }
      }
  - { path: /var/www/html/index.html, text: \"It works.\" }
image:
  entrypoint: [/usr/sbin/nginx, -e, stderr, -g, \"daemon off;\"]
";

/// Makes the repositories once for all tests. `None` where a tool or the mirror is missing.
fn world() -> Option<&'static World> {
    static WORLD: OnceLock<Option<World>> = OnceLock::new();
    // Asked by each test, so that each says why it is skipped.
    for name in ["dpkg-deb", "rpmbuild", "rpm", "createrepo_c", "readelf"] {
        tool(name)?;
    }
    mirror()?;
    WORLD.get_or_init(make).as_ref()
}

fn make() -> Option<World> {
    let dir = TempDir::new().unwrap();
    // Debian packages do not name what every installation has; rpm finds the shell that scripts run in, and requires it.
    let rest = REST.replace("[nginx]", "[nginx, dash]");
    let lock = builder_of("deb", &rest, dir.path(), &dir.path().join("deb"))?
        .lock()
        .unwrap_or_else(|error| panic!("{error}"));
    let platform = "linux/amd64".parse().unwrap();
    let work = dir.path().join("work");
    let packages: Vec<Debian> = lock.platforms[&platform]
        .packages
        .iter()
        .map(|package| {
            let archive = common::archive(&package.digest.hex());
            Debian::unpack(&archive, &work.join("deb")).unwrap()
        })
        .collect();
    let key = TestKey::generate();
    fs::write(dir.path().join("rpm.asc"), key.certificate_armored()).unwrap();
    rpm_repository(&packages, &work.join("rpm"), &dir.path().join("rpm"), &key).unwrap();
    let key = ApkKey::shared("test@example.org");
    fs::write(
        dir.path().join("test@example.org.rsa.pub"),
        key.public_pem(),
    )
    .unwrap();
    let repository = apk_repository(&packages, "x86_64", &key).unwrap();
    repository.write_to(&dir.path().join("apk"));
    fs::remove_dir_all(&work).unwrap();
    Some(World { dir })
}

/// A builder for the spec of a family, beside the repositories of a world.
fn builder(family: &str, world: &Path, to: &Path) -> Option<Builder> {
    builder_of(family, REST, world, to)
}

/// The same, with another rest of the spec.
fn builder_of(family: &str, rest: &str, world: &Path, to: &Path) -> Option<Builder> {
    let mirror = mirror()?;
    let source = match family {
        "deb" => "deb: bookworm".to_owned(),
        "rpm" => "rpm: file:rpm, keys: [rpm.asc]".to_owned(),
        _ => "apk: file:apk, keys: [test@example.org.rsa.pub]".to_owned(),
    };
    let spec = format!("mikron: 1\nname: nginx\nsources:\n  main: {{ {source} }}\n{rest}");
    let file = world.join(format!("{family}.yaml"));
    fs::write(&file, spec).unwrap();
    fs::create_dir_all(to).unwrap();
    let mut builder = Builder::from_file(&file)
        .unwrap_or_else(|error| panic!("{error}"))
        .cache(common::cache())
        .mirror("debian", &mirror.main);
    if let Some(security) = &mirror.security {
        builder = builder.mirror("debian-security", security);
    }
    Some(builder)
}

/// An image of a family.
struct Made {
    layout: PathBuf,
    size: u64,
    _dir: TempDir,
}

fn image(family: &str) -> Option<Made> {
    let world = world()?;
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("layout");
    let report = builder(family, world.dir.path(), dir.path())?
        .output(Output::layout(&layout, "latest"))
        .build()
        .unwrap_or_else(|error| panic!("{family}: {error}"));
    let size = report.platforms[0].size;
    Some(Made {
        layout,
        size,
        _dir: dir,
    })
}

#[test]
fn nginx_answers_over_http_and_https_whatever_family_it_comes_from() {
    let tls = TempDir::new().unwrap();
    let Some((cert, _)) = certificate(tls.path()) else {
        return;
    };
    let cert = cert.display().to_string();
    for family in FAMILIES {
        let Some(made) = image(family) else { return };
        let Some(bundle) = Bundle::unpack(&made.layout, "latest") else {
            return;
        };
        let mut container = bundle.start(&Run {
            binds: vec![(tls.path().to_owned(), "/run/tls".into())],
            ..Run::default()
        });
        let page = container.fetch(&["http://localhost:8080/"]);
        assert_eq!(page, "It works.", "{family}");
        let page = container.fetch(&["--cacert", &cert, "https://localhost:8443/"]);
        assert_eq!(page, "It works.", "{family}");
        container.signal("QUIT");
        assert_eq!(
            container.wait().code(),
            Some(0),
            "{family}: {}",
            container.output()
        );
    }
}

#[test]
fn the_images_of_three_families_hold_the_same_files_and_weigh_the_same() {
    let mut files: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for family in FAMILIES {
        let Some(made) = image(family) else { return };
        let Some(bundle) = Bundle::unpack(&made.layout, "latest") else {
            return;
        };
        files.insert(family, listing(&bundle.rootfs()));
        sizes.insert(family, made.size);
    }
    // Alpine has no merged /usr: what Debian has below it lies beside it.
    let merged = |path: &String| match path.split_once('/') {
        None if ["lib", "lib64", "sbin", "bin"].contains(&path.as_str()) => None,
        Some(("lib" | "lib64" | "sbin" | "bin", _)) => Some(format!("usr/{path}")),
        _ => Some(path.clone()),
    };
    // What an image says of its own packages is in the words of its family, and nothing else differs.
    let database = |path: &&String| {
        [
            "var/lib/dpkg",
            "usr/lib/sysimage",
            "var/lib/rpm",
            "usr/lib/apk",
            "etc/apk",
        ]
        .iter()
        .any(|dir| path.starts_with(dir) || dir.starts_with(path.as_str()))
    };
    let plain = |family: &str| -> BTreeSet<String> {
        let paths = files[family].iter().filter_map(merged);
        paths.filter(|path| !database(&path)).collect()
    };
    for family in ["rpm", "apk"] {
        let (deb, other) = (plain("deb"), plain(family));
        let only_deb: Vec<_> = deb.difference(&other).collect();
        let only_other: Vec<_> = other.difference(&deb).collect();
        assert!(
            only_deb.is_empty() && only_other.is_empty(),
            "only deb: {only_deb:?}, only {family}: {only_other:?}"
        );
        let (size, deb) = (sizes[family], sizes["deb"]);
        let difference = size.abs_diff(deb);
        assert!(difference * 20 <= deb, "{family}: {size} bytes, deb: {deb}");
    }
}

#[test]
fn rpm_itself_reads_what_the_image_says_of_its_packages_and_finds_its_files_as_they_should_be() {
    let Some(made) = image("rpm") else { return };
    let Some(bundle) = Bundle::unpack(&made.layout, "latest") else {
        return;
    };
    let rpm = |arguments: &[&str]| {
        let output = std::process::Command::new("rpm")
            .arg("--root")
            .arg(bundle.rootfs())
            .args(["--dbpath", "/var/lib/rpm"])
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    };
    let (all, errors) = rpm(&["-qa", "--queryformat", "%{NAME}\n"]);
    let names: BTreeSet<&str> = all.lines().collect();
    for name in ["nginx", "libc6", "libssl3"] {
        assert!(names.contains(name), "{all}{errors}");
    }
    // Dependencies of the parts that were left out, and owners that a test machine does not have, are not what is asked.
    let mut verify = vec![
        "-V",
        "--nodeps",
        "--nouser",
        "--nogroup",
        "--noscripts",
        "--nomtime",
    ];
    verify.extend(&names);
    let (found, errors) = rpm(&verify);
    let wrong: Vec<&str> = found
        .lines()
        // What finalizers and the spec made of configuration is not as the package has it.
        .filter(|line| !line.contains(" c /"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}{errors}");
}

/// All paths below a directory that are no directories.
fn listing(root: &Path) -> BTreeSet<String> {
    fn walk(dir: &Path, at: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = format!("{at}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &format!("{path}/"), found);
            } else {
                found.insert(path);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(root, "", &mut found);
    found
}
