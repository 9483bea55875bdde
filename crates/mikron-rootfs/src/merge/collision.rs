//! Paths that collide on filesystems that fold names.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};

use mikron_package::RootPath;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::diagnostic::Diagnostic;
use crate::error::RootfsError;
use crate::tree::Tree;

/// Finds paths that differ only in case or in Unicode normalisation.
pub(super) fn find(
    tree: &Tree,
    strict: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), RootfsError> {
    // Of very many paths hardly two fold alike: only those that may are compared.
    let hash = |folded: &[u8]| {
        let mut hasher = DefaultHasher::new();
        hasher.write(folded);
        hasher.finish()
    };
    let hashes = tree
        .nodes()
        .map(|node| hash(&fold(node.entry.path.as_bytes())));
    let mut hashes: Vec<u64> = hashes.collect();
    hashes.sort_unstable();
    let mut alike: Vec<u64> = hashes
        .windows(2)
        .filter(|two| two[0] == two[1])
        .map(|two| two[0])
        .collect();
    drop(hashes);
    alike.dedup();
    let mut seen: BTreeMap<Vec<u8>, &RootPath> = BTreeMap::new();
    for node in tree.nodes().filter(|_| !alike.is_empty()) {
        let path = &node.entry.path;
        let folded = fold(path.as_bytes());
        if alike.binary_search(&hash(&folded)).is_err() {
            continue;
        }
        let Some(first) = seen.get(&*folded) else {
            seen.insert(folded.into_owned(), path);
            continue;
        };
        if strict {
            return Err(RootfsError::Collision {
                first: (*first).clone(),
                second: path.clone(),
            });
        }
        // What lies below two colliding directories does not collide by itself.
        if first.parent() == path.parent() {
            diagnostics.push(Diagnostic::Collision {
                first: (*first).clone(),
                second: path.clone(),
            });
        }
    }
    Ok(())
}

/// The path as a folding filesystem compares it. Bytes that are not UTF-8 are left as they are.
fn fold(path: &[u8]) -> Cow<'_, [u8]> {
    if path.is_ascii() {
        if path.iter().any(u8::is_ascii_uppercase) {
            return Cow::Owned(path.to_ascii_lowercase());
        }
        return Cow::Borrowed(path);
    }
    let Ok(text) = std::str::from_utf8(path) else {
        return Cow::Borrowed(path);
    };
    let lower = text.nfc().collect::<String>().to_lowercase();
    if is_nfc(&lower) {
        Cow::Owned(lower.into_bytes())
    } else {
        Cow::Owned(lower.nfc().collect::<String>().into_bytes())
    }
}
