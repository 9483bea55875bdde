//! The bundle of certificate authorities that update-ca-certificates(8) makes.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::RootPath;

use super::certificates::{DIRECTORIES, INSTALLED, PACKAGE, pem, single};
use super::subject_hash::subject_hash;
use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::tree::Tree;

/// The name of the bundle.
const BUNDLE: &[u8] = b"ca-certificates.crt";

/// Writes /etc/ssl/certs/ca-certificates.crt from the certificates of the package `ca-certificates`, then those under
/// /usr/local/share/ca-certificates, each in order of path; and, where OpenSSL's default file is missing, a link to it at
/// /usr/lib/ssl/cert.pem, because OpenSSL's default directory would need links by hash.
///
/// When the selection holds nothing of the package but its capability `bundle`, the single certificates are taken out once
/// they are in the bundle; else /etc/ssl/certs gets a link to each of them. What lies there with one certificate gets the link by
/// the hash of its subject, by which OpenSSL looks into a directory (`-CApath`; openssl-rehash(1)).
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("ca-bundle", run)
        .reads(&["scripts"])
        .promises(&["/etc/ssl/certs/ca-certificates.crt"])
        .provides(&[
            "/etc/ssl/certs/*.pem",
            "/etc/ssl/certs/????????.*",
            "/usr/lib/ssl/cert.pem",
        ])
        .takes(&["/usr/share/ca-certificates/**", "/etc/ca-certificates.conf"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let [of_package, local] = DIRECTORIES.map(RootPath::new);
    let of_package = of_package?;
    let own = certificates(work.tree, &of_package);
    let mut all = own.clone();
    all.extend(certificates(work.tree, &local?));
    if all.is_empty() {
        return Ok(());
    }
    let mut bundle = Vec::new();
    for path in &all {
        bundle.extend(work.read(path)?.unwrap_or_default());
        if bundle.last().is_some_and(|last| *last != b'\n') {
            bundle.push(b'\n');
        }
    }
    let path = RootPath::new(INSTALLED)?.join(BUNDLE)?;
    work.write(path.clone(), bundle, 0o644)?;

    let chosen = work.context.capabilities.iter();
    let mut chosen = chosen.filter(|(package, _)| package == PACKAGE);
    let bundle_only = chosen.all(|(_, capability)| capability == "bundle");
    if bundle_only {
        let list = RootPath::new(b"etc/ca-certificates.conf")?;
        for path in own.iter().chain([&list]) {
            work.tree.take(path);
        }
        prune(work.tree, &of_package);
    }
    for path in &all {
        if work.tree.get(path).is_some() {
            work.link(&pem(path)?, [b"/", path.as_bytes()].concat())?;
        }
    }
    link_by_hash(work)?;
    let default_file = RootPath::new(b"usr/lib/ssl/cert.pem")?;
    work.link(&default_file, [b"/", path.as_bytes()].concat())?;

    for (script, site, call) in work.calls() {
        let triggers = call.name() == "dpkg-trigger" && script.package == PACKAGE;
        if call.name() == "update-ca-certificates" || triggers {
            work.report.covered.insert(site);
        } else if bundle_only && script.package == PACKAGE {
            let reason = "chooses among certificates; the bundle holds all of them";
            work.report.irrelevant.insert(site, reason.to_owned());
        }
    }
    Ok(())
}

/// The certificates below a directory, in order of path.
fn certificates(tree: &Tree, dir: &RootPath) -> Vec<RootPath> {
    let all = tree.below(dir).filter(|node| node.content.is_some());
    let paths = all.map(|node| &node.entry.path);
    let named = paths.filter(|path| path.as_bytes().ends_with(b".crt"));
    let mut paths: Vec<RootPath> = named.cloned().collect();
    paths.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    paths
}

/// Makes /etc/ssl/certs/HASH.NUMBER for every file there that holds one certificate. Of files with the same certificate, the first
/// counts.
fn link_by_hash(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let dir = RootPath::new(INSTALLED)?;
    let names = work
        .tree
        .below(&dir)
        .map(|node| &node.entry.path)
        .filter(|path| {
            let extension = path
                .file_name()
                .unwrap_or_default()
                .rsplit(|b| *b == b'.')
                .next();
            // The bundle is no authority of its own, however few it holds.
            path.parent().as_ref() == Some(&dir)
                && path.file_name() != Some(BUNDLE)
                && matches!(extension, Some(b"pem" | b"crt" | b"cer"))
        });
    let names: Vec<RootPath> = names.cloned().collect();
    let mut linked: BTreeMap<u32, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for path in names {
        let text = work.read(&path)?.unwrap_or_default();
        let Some((hash, bytes)) = single(&text).and_then(|der| Some((subject_hash(&der)?, der)))
        else {
            continue;
        };
        let same = linked.entry(hash).or_default();
        let number = same.len();
        if same.insert(bytes) {
            let at = dir.join(format!("{hash:08x}.{number}").as_bytes())?;
            let name = path.file_name().unwrap_or_default();
            work.link(&at, name.to_vec())?;
        }
    }
    Ok(())
}

/// Takes out a directory with all that is below it, when no file is left there.
fn prune(tree: &mut Tree, dir: &RootPath) {
    if tree.below(dir).all(|node| node.entry.is_directory()) {
        tree.remove(dir);
    }
}
