//! The bundle of certificate authorities that update-ca-certificates(8) makes.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{MemoryContents, RootPath};

use super::java_trust::der;
use super::subject_hash::subject_hash;
use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::tree::Tree;

/// Writes /etc/ssl/certs/ca-certificates.crt from the certificates of the package `ca-certificates`, then those under
/// /usr/local/share/ca-certificates, each in order of path; and, where OpenSSL's default file is missing, a link to it at
/// /usr/lib/ssl/cert.pem, because OpenSSL's default directory would need links by hash.
///
/// When the selection holds nothing of the package but its capability `bundle`, the single certificates are taken out once
/// they are in the bundle; else /etc/ssl/certs gets a link to each of them. What lies there with one certificate gets the link by
/// the hash of its subject, by which OpenSSL looks into a directory (`-CApath`; openssl-rehash(1)).
#[derive(Clone, Copy, Debug, Default)]
pub struct CaBundleFinalizer;

const PACKAGE: &str = "ca-certificates";

impl Finalizer for CaBundleFinalizer {
    fn name(&self) -> &'static str {
        "ca-bundle"
    }

    fn run(
        &self,
        context: &Context<'_>,
        tree: &mut Tree,
        contents: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        let mut report = Report::new(self.name());
        let of_package = RootPath::new(b"usr/share/ca-certificates")?;
        let local = RootPath::new(b"usr/local/share/ca-certificates")?;
        let certificates = |tree: &Tree, dir: &RootPath| -> Vec<RootPath> {
            let all = tree.below(dir).filter(|node| {
                node.entry.path.as_bytes().ends_with(b".crt") && node.content.is_some()
            });
            let mut paths: Vec<RootPath> = all.map(|node| node.entry.path.clone()).collect();
            paths.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            paths
        };
        let own = certificates(tree, &of_package);
        let all: Vec<RootPath> = own
            .iter()
            .cloned()
            .chain(certificates(tree, &local))
            .collect();
        if all.is_empty() {
            return Ok(report);
        }
        let mut bundle = Vec::new();
        for path in &all {
            let text = context.read(tree, contents, path)?.unwrap_or_default();
            bundle.extend_from_slice(&text);
            if bundle.last().is_some_and(|last| *last != b'\n') {
                bundle.push(b'\n');
            }
        }
        let path = RootPath::new(b"etc/ssl/certs/ca-certificates.crt")?;
        report.write(tree, contents, path, bundle, 0o644)?;

        let mut chosen = context
            .capabilities
            .iter()
            .filter(|(package, _)| package == PACKAGE);
        let bundle_only = chosen.all(|(_, capability)| capability == "bundle");
        if bundle_only {
            let list = RootPath::new(b"etc/ca-certificates.conf")?;
            for path in own.iter().chain([&list]) {
                tree.take(path);
            }
            prune(tree, &of_package);
        }
        for path in &all {
            if tree.get(path).is_some() {
                report.link(tree, &pem(path)?, [b"/", path.as_bytes()].concat())?;
            }
        }
        link_by_hash(context, tree, contents, &mut report)?;
        let default_file = RootPath::new(b"usr/lib/ssl/cert.pem")?;
        let target = b"/etc/ssl/certs/ca-certificates.crt".to_vec();
        report.link(tree, &default_file, target)?;

        for script in context.scripts() {
            for (site, call) in script.installing() {
                let triggers = call.name() == "dpkg-trigger" && script.package == PACKAGE;
                if call.name() == "update-ca-certificates" || triggers {
                    report.covered.insert(site);
                } else if bundle_only && script.package == PACKAGE {
                    let reason = "chooses among certificates; the bundle holds all of them";
                    report.irrelevant.insert(site, reason.to_owned());
                }
            }
        }
        Ok(report)
    }
}

/// Makes /etc/ssl/certs/HASH.NUMBER for every file there that holds one certificate. Of files with the same certificate, the first
/// counts.
fn link_by_hash(
    context: &Context<'_>,
    tree: &mut Tree,
    contents: &MemoryContents,
    report: &mut Report,
) -> Result<(), RootfsError> {
    let dir = RootPath::new(b"etc/ssl/certs")?;
    let names = tree
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
                && path.file_name() != Some(b"ca-certificates.crt".as_slice())
                && matches!(extension, Some(b"pem" | b"crt" | b"cer"))
        });
    let names: Vec<RootPath> = names.cloned().collect();
    let mut linked: BTreeMap<u32, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for path in names {
        let text = context.read(tree, contents, &path)?.unwrap_or_default();
        let Some((hash, bytes)) = single(&text).and_then(|der| Some((subject_hash(&der)?, der)))
        else {
            continue;
        };
        let same = linked.entry(hash).or_default();
        let number = same.len();
        if same.insert(bytes) {
            let at = dir.join(format!("{hash:08x}.{number}").as_bytes())?;
            let name = path.file_name().unwrap_or_default();
            report.link(tree, &at, name.to_vec())?;
        }
    }
    Ok(())
}

/// The certificate of a text that holds exactly one.
fn single(text: &[u8]) -> Option<Vec<u8>> {
    let begin = b"-----BEGIN ";
    let count = text
        .windows(begin.len())
        .filter(|window| window == begin)
        .count();
    (count == 1).then(|| der(text))?
}

/// Takes out a directory with all that is below it, when no file is left there.
fn prune(tree: &mut Tree, dir: &RootPath) {
    if tree.below(dir).all(|node| node.entry.is_directory()) {
        tree.remove(dir);
    }
}

/// The name of the link to a certificate, as update-ca-certificates(8) makes it.
pub(super) fn pem(path: &RootPath) -> Result<RootPath, RootfsError> {
    let name = path.file_name().unwrap_or_default();
    let stem = name.strip_suffix(b".crt").unwrap_or(name);
    let safe = stem.iter().map(|byte| match byte {
        b' ' | b',' => b'_',
        b'(' | b')' => b'=',
        other => *other,
    });
    let name: Vec<u8> = safe.chain(*b".pem").collect();
    Ok(RootPath::new(b"etc/ssl/certs")?.join(&name)?)
}
