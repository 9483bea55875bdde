//! The reference tools that tests compare with.

use std::io::Write as _;
use std::path::PathBuf;

/// Finds a reference tool on `PATH`.
///
/// `None` means that the calling test is to return at once: the tool is missing and the reason was printed.
///
/// # Panics
/// When the tool is missing and `CI=true`: there, a skipped test is a failed one.
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

/// Prints why a test is skipped, so that whoever runs the tests sees it.
///
/// # Panics
/// When `CI=true`.
pub fn skip(reason: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "skipped in CI: {reason}"
    );
    // Not by a macro, whose text the test harness keeps to itself where a test passes.
    let line = format!("skipped: {reason}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
