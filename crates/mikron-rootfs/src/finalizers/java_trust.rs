//! Java's trust store.

use std::collections::BTreeMap;

use mikron_package::{EntryKind, RootPath};
use sha1::{Digest as _, Sha1};

use super::certificates::authorities;
use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::pem;
use crate::tree::{Node, Tree};

const PACKAGE: &str = "ca-certificates-java";
const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;
const PASSWORD: &str = "changeit";
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// Writes the key store of the image's families (/etc/ssl/certs/java/cacerts of Debian and Alpine) where a symbolic link in the image leads to it (lib/security/cacerts of a JRE), or where
/// ca-certificates-java is in the image, from the certificate authorities of the package `ca-certificates` and those under
/// /usr/local/share/ca-certificates.
///
/// The format is that of ca-certificates-java in Debian: JKS, version 2, trusted certificates under the aliases
/// `debian:NAME.pem`, in order of alias, their dates the build's time. Its integrity is a SHA-1 over the password
/// `changeit`, as Java expects of a trust store that holds no secret.
///
/// The format is described nowhere but in the JDK (sun.security.provider.JavaKeyStore): big-endian numbers, strings as those of
/// java.io.DataOutput, lower-case aliases.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("java-trust", run)
        .reads(&[
            "scripts",
            "/usr/share/ca-certificates/**",
            "/usr/local/share/ca-certificates/**",
        ])
        .sources(&["/usr/share/ca-certificates/**/*.crt"])
        .promises(&[
            "/etc/ssl/certs/java/cacerts",
            "/etc/pki/ca-trust/extracted/java/cacerts",
        ])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let mut is_made = false;
    let stores = work.context.statics.trust();
    for store in &stores {
        let path = RootPath::new(store.java.as_bytes())?;
        if !work.context.has_package(PACKAGE) && !linked(work.tree, &path) {
            continue;
        }
        // One alias, one certificate: the first in order of path, those of the package before others.
        let mut certificates: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let anchors = stores.iter().map(|store| store.anchors);
        for directory in std::iter::once(store.packaged).chain(anchors) {
            let mut files = Vec::new();
            for path in work.sources_below(&RootPath::new(directory.as_bytes())?) {
                let text = work.read_source(&path)?.unwrap_or_default();
                files.push((path, text));
            }
            for authority in authorities(store, files) {
                if let Some(certificate) = pem::first(&authority.text) {
                    let alias = authority.alias.to_lowercase();
                    certificates.entry(alias).or_insert(certificate);
                }
            }
        }
        if certificates.is_empty() {
            continue;
        }
        is_made = true;
        if work.is_base(&path) {
            let mut anchors = stores.iter().map(|store| store.anchors.as_bytes());
            let is_new = |node: &Node| node.content.is_some() && !node.owner.is_base();
            let added = anchors.any(|anchor| {
                RootPath::new(anchor).is_ok_and(|anchor| work.tree.below(&anchor).any(is_new))
            });
            if added {
                work.report.said.push(format!(
                    "{path} is of the base image and stays as it is: the certificates that the spec adds are not in it"
                ));
            }
        }
        if work.tree.lookup(&path).is_none() {
            let bytes = key_store(&certificates, work.context.epoch);
            work.write(path, bytes, 0o644)?;
        }
    }
    if !is_made {
        return Ok(());
    }
    for (script, site, call) in work.calls() {
        let own = script.package == PACKAGE;
        let names = |word: &mikron_shell::Word| word.text.contains(PACKAGE);
        let triggers = call.name() == "dpkg-trigger" && call.arguments().iter().any(names);
        if (own && matches!(call.name(), "java" | "keytool")) || triggers {
            work.report.covered.insert(site);
        } else if own && !matches!(call.name(), "chmod" | "chown") {
            let reason = "keeps account of certificates; the store holds all of them";
            work.report.irrelevant.insert(site, reason.to_owned());
        }
    }
    Ok(())
}

/// Whether a symbolic link leads to `path`.
fn linked(tree: &Tree, path: &RootPath) -> bool {
    let mut links = tree.nodes().filter(|node| match &node.entry.kind {
        EntryKind::Symlink { target } => target.ends_with(b"/cacerts"),
        _ => false,
    });
    links.any(|node| tree.follow(&node.entry.path, true).as_ref() == Ok(path))
}

/// The bytes of a JKS with trusted certificates.
fn key_store(certificates: &BTreeMap<String, Vec<u8>>, epoch: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let number = |bytes: &mut Vec<u8>, number: u32| bytes.extend(number.to_be_bytes());
    number(&mut bytes, MAGIC);
    number(&mut bytes, VERSION);
    number(&mut bytes, certificates.len() as u32);
    for (alias, certificate) in certificates {
        number(&mut bytes, TRUSTED_CERTIFICATE);
        string(&mut bytes, alias);
        // Milliseconds since 1970.
        bytes.extend(epoch.saturating_mul(1000).to_be_bytes());
        string(&mut bytes, "X.509");
        number(&mut bytes, certificate.len() as u32);
        bytes.extend_from_slice(certificate);
    }
    let mut hasher = Sha1::new();
    for unit in PASSWORD.encode_utf16() {
        hasher.update(unit.to_be_bytes());
    }
    hasher.update(WHITENER);
    hasher.update(&bytes);
    let digest = hasher.finalize();
    bytes.extend_from_slice(&digest);
    bytes
}

/// A string as java.io.DataOutput writes it: its length in two bytes, then UTF-8 with each UTF-16 unit by itself. A name of a file has
/// no NUL and at most 255 bytes.
fn string(bytes: &mut Vec<u8>, text: &str) {
    let mut encoded = Vec::new();
    for unit in text.encode_utf16() {
        match unit {
            0x0001..0x0080 => encoded.push(unit as u8),
            0x0080..0x0800 | 0 => {
                encoded.extend([0xC0 | (unit >> 6) as u8, 0x80 | (unit & 0x3F) as u8]);
            }
            _ => encoded.extend([
                0xE0 | (unit >> 12) as u8,
                0x80 | (unit >> 6 & 0x3F) as u8,
                0x80 | (unit & 0x3F) as u8,
            ]),
        }
    }
    encoded.truncate(usize::from(u16::MAX));
    bytes.extend((encoded.len() as u16).to_be_bytes());
    bytes.extend(encoded);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_store_is_its_header_and_the_digest_of_java() {
        let bytes = key_store(&BTreeMap::new(), 0);
        assert_eq!(
            bytes[..12],
            [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0, 0, 0, 0]
        );
        assert_eq!(bytes.len(), 12 + 20);
    }

    #[test]
    fn strings_are_those_of_java() {
        let mut bytes = Vec::new();
        string(&mut bytes, "a\u{151}\u{20AC}\u{1F600}\0");
        assert_eq!(
            bytes,
            [
                0, 14, b'a', 0xC5, 0x91, 0xE2, 0x82, 0xAC, 0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80,
                0xC0, 0x80
            ]
        );
    }
}
