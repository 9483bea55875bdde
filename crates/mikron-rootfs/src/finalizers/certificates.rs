//! Certificate authorities as files: where they lie, and what is in them.

use mikron_package::{RootPath, TrustStore};

use super::p11_kit;
use crate::pem;

/// The package that has those that everybody trusts.
pub(super) const PACKAGE: &str = "ca-certificates";

/// Authorities that programs are to trust.
pub(super) struct Authority {
    /// The file that they come from.
    pub(super) path: RootPath,
    /// What Java calls them: the name that update-ca-certificates(8) gives the file, or the label of p11-kit.
    pub(super) alias: String,
    /// Them, as PEM.
    pub(super) text: Vec<u8>,
}

/// What files of a store hold, in their order: `*.crt` as they are, and of `*.p11-kit` what is trusted for servers.
pub(super) fn authorities(store: &TrustStore, files: Vec<(RootPath, Vec<u8>)>) -> Vec<Authority> {
    let mut all = Vec::new();
    for (path, text) in files {
        if path.as_bytes().ends_with(b".crt") {
            let name = pem_name(&path);
            all.push(Authority {
                alias: format!("{}{}", store.alias, String::from_utf8_lossy(&name)),
                text,
                path,
            });
        } else if path.as_bytes().ends_with(b".p11-kit") {
            let trusted = p11_kit::trusted_for_servers(&String::from_utf8_lossy(&text));
            all.extend(trusted.into_iter().map(|(label, der)| Authority {
                path: path.clone(),
                alias: label,
                text: pem::armoured(&der).into_bytes(),
            }));
        }
    }
    all
}

/// The certificate of a text that holds exactly one.
pub(super) fn single(text: &[u8]) -> Option<Vec<u8>> {
    let begin = b"-----BEGIN ";
    let count = text
        .windows(begin.len())
        .filter(|window| window == begin)
        .count();
    (count == 1).then(|| pem::first(text))?
}

/// The name of the link to a certificate, as update-ca-certificates(8) makes it.
pub(super) fn pem_name(path: &RootPath) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default();
    let stem = name.strip_suffix(b".crt").unwrap_or(name);
    let safe = stem.iter().map(|byte| match byte {
        b' ' | b',' => b'_',
        b'(' | b')' => b'=',
        other => *other,
    });
    safe.chain(*b".pem").collect()
}
