//! The bundle of certificate authorities that update-ca-certificates(8) makes.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{RootPath, TrustStore};

use super::certificates::{Authority, PACKAGE, authorities, pem_name, single};
use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::part::Owner;
use crate::tree::Tree;
use crate::x509::subject_hash;

/// Writes the bundle of the image's families (/etc/ssl/certs/ca-certificates.crt of Debian and Alpine) from the certificates of the package
/// `ca-certificates`, then those that the site added (/usr/local/share/ca-certificates), each in order of path. A bundle that a package
/// has ready stands at the front in place of single certificates. Where libraries look by default and nothing lies there is a link
/// to it: /usr/lib/ssl/cert.pem for Debian's OpenSSL, whose default directory would need links by hash. Where they all are is data of
/// the family ([`TrustStore`]).
///
/// When the selection holds nothing of the package but its capability `bundle`, the single certificates are taken out once
/// they are in the bundle; else the directory of links gets one to each of them. What lies there with one certificate gets the link by
/// the hash of its subject, by which OpenSSL looks into a directory (`-CApath`; openssl-rehash(1)).
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("ca-bundle", run)
        .reads(&["scripts"])
        .promises(&[
            "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        ])
        .provides(&[
            "/etc/ssl/certs/*.pem",
            "/etc/ssl/certs/????????.*",
            "/usr/lib/ssl/cert.pem",
            "/etc/ssl/cert.pem",
            "/etc/pki/tls/cert.pem",
            "/etc/pki/tls/certs/ca-bundle.crt",
        ])
        .takes(&["/usr/share/ca-certificates/**", "/etc/ca-certificates.conf"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let stores = work.context.statics.trust();
    let mut own = Vec::new();
    let mut local: Vec<Authority> = Vec::new();
    for store in &stores {
        own.push(below(work, store, store.packaged)?);
        for added in below(work, store, store.anchors)? {
            if !local.iter().any(|known| known.path == added.path) {
                local.push(added);
            }
        }
    }
    if local.is_empty() && own.iter().all(Vec::is_empty) {
        return Ok(());
    }
    let mut written = BTreeSet::new();
    for (store, own) in stores.iter().zip(&own) {
        let bundle = RootPath::new(store.bundle.as_bytes())?;
        if written.insert(bundle.clone()) {
            let text = bundle_of(work, &bundle, own, &local)?;
            work.write(bundle, text, 0o644)?;
        }
    }

    let chosen = work.context.capabilities.iter();
    let mut chosen = chosen.filter(|(package, _)| package == PACKAGE);
    let bundle_only = chosen.all(|(_, capability)| capability == "bundle");
    for (store, own) in stores.iter().zip(&own) {
        let Some(directory) = store.directory else {
            continue;
        };
        let directory = RootPath::new(directory.as_bytes())?;
        if bundle_only {
            let list = RootPath::new(b"etc/ca-certificates.conf")?;
            for path in own.iter().map(|own| &own.path).chain([&list]) {
                work.tree.take(path);
            }
            prune(work.tree, &RootPath::new(store.packaged.as_bytes())?);
        }
        for Authority { path, .. } in own.iter().chain(&local) {
            if work.tree.get(path).is_some() {
                let at = directory.join(&pem_name(path))?;
                work.link(&at, [b"/", path.as_bytes()].concat())?;
            }
        }
        link_by_hash(work, &directory, store)?;
    }
    for store in &stores {
        for link in store.links {
            let target = format!("/{}", store.bundle).into_bytes();
            work.link(&RootPath::new(link.as_bytes())?, target)?;
        }
    }

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

/// The authorities below a directory, in order of path.
fn below(
    work: &Work<'_>,
    store: &TrustStore,
    directory: &str,
) -> Result<Vec<Authority>, RootfsError> {
    let directory = RootPath::new(directory.as_bytes())?;
    let files = work.tree.below(&directory);
    let files = files.filter(|node| node.content.is_some());
    let mut paths: Vec<RootPath> = files.map(|node| node.entry.path.clone()).collect();
    // What the image below has is in its bundle, whether it has the single certificates or not.
    if work.is_base(&RootPath::new(store.bundle.as_bytes())?) {
        paths.retain(|path| !work.is_base(path));
    }
    paths.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    let read = paths.into_iter().map(|path| {
        let text = work.read(&path)?.unwrap_or_default();
        Ok((path, text))
    });
    Ok(authorities(
        store,
        read.collect::<Result<_, RootfsError>>()?,
    ))
}

/// The text of a bundle: authorities of packages, or what a package has there ready, and those of the site.
fn bundle_of(
    work: &Work<'_>,
    bundle: &RootPath,
    own: &[Authority],
    local: &[Authority],
) -> Result<Vec<u8>, RootfsError> {
    let there = work.tree.lookup(bundle).map(|node| &node.owner);
    let is_base = there.is_some_and(Owner::is_base);
    let is_ready = own.is_empty() && matches!(there, Some(Owner::Package { .. }));
    let ready = if is_ready || is_base {
        work.read(bundle)?
    } else {
        None
    };
    let below = ready
        .as_deref()
        .filter(|_| is_base)
        .unwrap_or_default()
        .to_vec();
    let is_new = |text: &&Vec<u8>| {
        let text = text.trim_ascii();
        text.is_empty() || !below.windows(text.len()).any(|part| part == text)
    };
    let texts = own.iter().chain(local).map(|authority| &authority.text);
    let texts = texts.filter(is_new);
    let mut all = Vec::new();
    for text in ready.iter().chain(texts) {
        all.extend_from_slice(text);
        if all.last().is_some_and(|last| *last != b'\n') {
            all.push(b'\n');
        }
    }
    Ok(all)
}

/// Makes HASH.NUMBER for every file of a directory that holds one certificate. Of files with the same certificate, the first counts.
fn link_by_hash(
    work: &mut Work<'_>,
    dir: &RootPath,
    store: &TrustStore,
) -> Result<(), RootfsError> {
    let bundle = RootPath::new(store.bundle.as_bytes())?;
    let names = work
        .tree
        .below(dir)
        .map(|node| &node.entry.path)
        .filter(|path| {
            let extension = path
                .file_name()
                .unwrap_or_default()
                .rsplit(|b| *b == b'.')
                .next();
            // The bundle is no authority of its own, however few it holds.
            path.parent().as_ref() == Some(dir)
                && **path != bundle
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
