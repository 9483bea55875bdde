//! A lock to begin with.
#![allow(dead_code)] // each test file uses a part of it

use mikron_package::{Digest, Limits, PackageName, Platform, Version};
use mikron_spec::{
    Lock, LockedIndex, LockedPackage, LockedPlatform, LockedRelease, LockedSource, LockedSuite,
    Role, SelectionSummary, Spec, SpecError, Timestamp,
};

pub(crate) const SPEC: &str = "\
mikron: 1
name: web
sources:
  debian: { deb: bookworm }
packages: [nginx, ca-certificates:bundle]
platforms: [linux/amd64, linux/arm64]
";

pub(crate) fn spec() -> Spec {
    Spec::parse("web.yaml", SPEC, &Limits::default()).expect("a good spec")
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(crate) fn package(name: &str, version: &str, arch: &str, role: Role) -> LockedPackage {
    LockedPackage {
        name: PackageName::new(name).expect("a name"),
        version: Version::new(version),
        arch: arch.to_owned(),
        role,
        source: "debian".to_owned(),
        location: format!("pool/main/{name}_{version}_{arch}.deb"),
        size: 1234,
        digest: Digest::of(format!("{name} {version} {arch}").as_bytes()),
        selection: None,
    }
}

fn suite(name: &str, archive: &str, date: &str) -> LockedSuite {
    LockedSuite {
        suite: name.to_owned(),
        archive: archive.to_owned(),
        release: LockedRelease {
            path: format!("dists/{name}/InRelease"),
            digest: Digest::of(format!("{name} {date}").as_bytes()),
            date: time(date),
            valid_until: (archive == "debian-security").then(|| time("2026-11-30T00:00:00Z")),
        },
        indexes: ["arm64", "amd64"]
            .into_iter()
            .map(|arch| LockedIndex {
                path: format!("dists/{name}/main/binary-{arch}/Packages.xz"),
                digest: Digest::of(format!("{name} {arch}").as_bytes()),
                size: 8_788_212,
            })
            .collect(),
    }
}

pub(crate) fn lock() -> Lock {
    let mut lock = Lock::new(&spec());
    lock.epoch = time("2026-11-23T08:09:10Z");
    let suites = vec![
        suite(
            "bookworm-security",
            "debian-security",
            "2026-11-23T08:09:10Z",
        ),
        suite("bookworm", "debian", "2026-09-06T10:00:00Z"),
    ];
    lock.sources
        .insert("debian".to_owned(), LockedSource { suites });
    for platform in spec().platforms {
        let arch = platform.architecture.deb();
        let mut nginx = package("nginx", "1.22.1-9+deb12u9", arch, Role::Root);
        nginx.selection = Some(SelectionSummary {
            files: 12,
            digest: Digest::of(b"files"),
        });
        let packages = vec![
            nginx,
            package("libc6", "2.36-9+deb12u13", arch, Role::Dependency),
            package("ca-certificates", "20230311+deb12u1", "all", Role::Root),
            package("base-files", "12.4+deb12u12", arch, Role::Provider),
        ];
        lock.platforms.insert(platform, LockedPlatform { packages });
    }
    lock
}

pub(crate) fn read(text: &str) -> Result<Lock, SpecError> {
    Lock::parse("web.lock", text, &Limits::default())
}

pub(crate) fn amd64() -> Platform {
    "linux/amd64".parse().expect("a platform")
}
