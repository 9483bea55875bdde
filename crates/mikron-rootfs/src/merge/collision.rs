//! Paths that collide on filesystems that fold names.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
    let mut seen: BTreeMap<Vec<u8>, &RootPath> = BTreeMap::new();
    for node in tree.nodes() {
        let path = &node.entry.path;
        let Some(first) = seen.get(fold(path.as_bytes()).as_ref()) else {
            seen.insert(fold(path.as_bytes()).into_owned(), path);
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
