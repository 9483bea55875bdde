//! The reference tools that tests compare with.

use std::path::PathBuf;

pub use crate::skipped::skip;

/// Finds a reference tool on `PATH`.
///
/// `None` means that the calling test is to return at once: the tool is missing and the reason was printed.
///
/// # Panics
/// When the tool is missing and `CI=true`, as [`skip`] says.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        skip(&format!("the tool `{name}` is not installed"));
    }
    found
}

/// Finds a program on `PATH`, where the test can do without.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin".into(), "/sbin".into()];
    std::env::split_paths(&path)
        .chain(sbin)
        .map(|dir| dir.join(name))
        .find(|p| p.is_file())
}
