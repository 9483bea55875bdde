//! Java's trust store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mikron_package::{EntryKind, MemoryContents, RootPath};
use sha1::{Digest as _, Sha1};

use super::ca_bundle::pem;
use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::tree::Tree;

/// Writes /etc/ssl/certs/java/cacerts where a symbolic link in the image leads to it (lib/security/cacerts of a JRE), or where
/// ca-certificates-java is in the image, from the certificate authorities of the package `ca-certificates` and those under
/// /usr/local/share/ca-certificates.
///
/// The format is that of ca-certificates-java in Debian: JKS, version 2, trusted certificates under the aliases
/// `debian:NAME.pem`, in order of alias, their dates the build's time. Its integrity is a SHA-1 over the password
/// `changeit`, as Java expects of a trust store that holds no secret.
///
/// The format is described nowhere but in the JDK (sun.security.provider.JavaKeyStore): big-endian numbers, strings as those of
/// java.io.DataOutput, lower-case aliases.
#[derive(Clone, Copy, Debug, Default)]
pub struct JavaTrustFinalizer;

const STORE: &[u8] = b"etc/ssl/certs/java/cacerts";
const PACKAGE: &str = "ca-certificates-java";
const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;
const PASSWORD: &str = "changeit";
const WHITENER: &[u8] = b"Mighty Aphrodite";

impl Finalizer for JavaTrustFinalizer {
    fn name(&self) -> &'static str {
        "java-trust"
    }

    fn run(
        &self,
        context: &Context<'_>,
        tree: &mut Tree,
        contents: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        let mut report = Report::new(self.name());
        let store = RootPath::new(STORE)?;
        if !context.has_package(PACKAGE) && !linked(tree, &store) {
            return Ok(report);
        }
        let mut certificates: Vec<(String, Vec<u8>)> = Vec::new();
        for path in authorities(context, tree)? {
            let text = context
                .read_source(tree, contents, &path)?
                .unwrap_or_default();
            let name = pem(&path)?;
            let name = String::from_utf8_lossy(name.file_name().unwrap_or_default());
            let alias = format!("debian:{}", name.to_lowercase());
            certificates.extend(der(&text).map(|bytes| (alias, bytes)));
        }
        // One alias, one certificate: the first in order of path.
        certificates.sort_by(|a, b| a.0.cmp(&b.0));
        certificates.dedup_by(|a, b| a.0 == b.0);
        if certificates.is_empty() {
            return Ok(report);
        }
        if tree.lookup(&store).is_none() {
            let bytes = key_store(&certificates, context.epoch);
            report.write(tree, contents, store, bytes, 0o644)?;
        }
        for script in context.scripts() {
            let own = script.package == PACKAGE;
            for (site, call) in script.installing() {
                let triggers = call.name() == "dpkg-trigger"
                    && call
                        .arguments()
                        .iter()
                        .any(|word| word.text.contains("ca-certificates-java"));
                if (own && matches!(call.name(), "java" | "keytool")) || triggers {
                    report.covered.insert(site);
                } else if own && !matches!(call.name(), "chmod" | "chown") {
                    let reason = "keeps account of certificates; the store holds all of them";
                    report.irrelevant.insert(site, reason.to_owned());
                }
            }
        }
        Ok(report)
    }
}

/// Whether a symbolic link leads to `path`.
fn linked(tree: &Tree, path: &RootPath) -> bool {
    let mut links = tree.nodes().filter(|node| match &node.entry.kind {
        EntryKind::Symlink { target } => target.ends_with(b"/cacerts"),
        _ => false,
    });
    links.any(|node| tree.follow(&node.entry.path, true).as_ref() == Ok(path))
}

/// The certificate authorities, those of the package first, in order of path.
fn authorities(context: &Context<'_>, tree: &Tree) -> Result<Vec<RootPath>, RootfsError> {
    let mut all = Vec::new();
    for dir in [
        "usr/share/ca-certificates",
        "usr/local/share/ca-certificates",
    ] {
        let dir = RootPath::new(dir.as_bytes())?;
        let in_tree = tree.below(&dir).filter(|node| node.content.is_some());
        let in_tree = in_tree.map(|node| &node.entry.path);
        let templates = context
            .templates
            .keys()
            .filter(|path| path.starts_with(&dir));
        let mut paths: Vec<RootPath> = in_tree
            .chain(templates)
            .filter(|path| path.as_bytes().ends_with(b".crt"))
            .cloned()
            .collect();
        paths.sort();
        paths.dedup();
        all.extend(paths);
    }
    Ok(all)
}

/// The first certificate of a PEM text (RFC 7468), decoded.
pub(super) fn der(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

/// The bytes of a JKS with trusted certificates.
fn key_store(certificates: &[(String, Vec<u8>)], epoch: i64) -> Vec<u8> {
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
        let bytes = key_store(&[], 0);
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

    #[test]
    fn what_is_no_certificate_is_left_out() {
        let good = "x\n-----BEGIN CERTIFICATE-----\nAQI\nD\n-----END CERTIFICATE-----\ny";
        assert_eq!(der(good.as_bytes()), Some(vec![1, 2, 3]));
        for text in ["", "-----BEGIN CERTIFICATE-----\nAQID", "\u{ff}"] {
            assert_eq!(der(text.as_bytes()), None, "{text}");
        }
        assert_eq!(der(good.replace("AQI", "A*").as_bytes()), None);
    }
}
