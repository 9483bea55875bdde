//! What stands in images is as in a real installation, and full images have what scripts made there: a sample of
//! `examples/installed`.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::installed::{Outcome, base, compare};
use common::{extract_spec, spec_of};

#[test]
fn images_are_as_installations_of_the_same_packages() {
    let Some(base) = base() else { return };
    let mut differences = Vec::new();
    for packages in SAMPLE {
        match compare(&base, packages) {
            Some(Outcome::Compared(compared)) => {
                for one in compared {
                    assert!(one.paths > 0, "{packages:?}");
                    let told = one.differences.iter();
                    differences
                        .extend(told.map(|told| format!("{packages:?} {}: {told}", one.select)));
                }
            }
            Some(Outcome::NotBuilt(error)) => panic!("{packages:?}: {error}"),
            None => return,
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Cheap ones: few packages, and a script of each does something.
const SAMPLE: &[&[&str]] = &[
    &["netbase"],
    &["memcached"],
    &["haproxy"],
    &["iputils-ping"],
];

#[test]
fn authorities_of_ones_own_lie_where_update_ca_certificates_puts_them() {
    let Some(base) = base() else { return };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let certificates = [
        "mikron-rootfs/tests/data/test-ca.pem",
        "mikron-cli/tests/data/other-ca.pem",
    ]
    .map(|file| data.join(file).display().to_string());
    let spec = spec_of("ca-certificates, openssl", "");
    let own = format!("certificates: [{}]\n", certificates.join(", "));
    let Some(image) = extract_spec(&(spec + &own)) else {
        return;
    };
    let Some(installed) = base.install(&["ca-certificates", "openssl"]) else {
        return;
    };
    let local = "usr/local/share/ca-certificates";
    for file in fs::read_dir(image.rootfs().join(local)).unwrap().flatten() {
        let to = installed.root().join(local).join(file.file_name());
        fs::copy(file.path(), to).unwrap();
    }
    let mut update = Command::new("chroot");
    update.arg(installed.root()).arg("update-ca-certificates");
    let updated = update.output().unwrap();
    let said = String::from_utf8_lossy(&updated.stdout);
    assert!(said.contains("2 added"), "{updated:?}");
    let certs = |root: PathBuf| -> BTreeMap<String, (PathBuf, Vec<u8>)> {
        let all = fs::read_dir(root.join("etc/ssl/certs")).unwrap().flatten();
        let all = all.map(|file| {
            let target = fs::read_link(file.path()).unwrap_or_default();
            let is_file = target.as_os_str().is_empty();
            let text = if is_file {
                fs::read(file.path()).unwrap()
            } else {
                Vec::new()
            };
            let name = file.file_name().to_string_lossy().into_owned();
            (name, (target, text))
        });
        all.collect()
    };
    let (ours, theirs) = (certs(image.rootfs()), certs(installed.root()));
    assert!(ours.len() > 200, "{}", ours.len());
    for (name, there) in &theirs {
        assert!(ours.get(name) == Some(there), "{name}: {:?}", there.0);
    }
    assert_eq!(ours.len(), theirs.len());
}
