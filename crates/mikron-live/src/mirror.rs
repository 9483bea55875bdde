//! The machine's own Debian mirror, read from its apt settings at run time and never written down.

use std::fs;

/// Base URLs of the machine's Debian archive.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The main archive.
    pub main: String,
    /// The security archive, where the machine has one.
    pub security: Option<String>,
}

/// Reads the machine's apt sources (one-line and deb822 style).
///
/// `None` means that the calling test is to return at once; the reason was printed.
///
/// # Panics
/// When there is no mirror and `CI=true`.
pub fn mirror() -> Option<Mirror> {
    let mut files = vec!["/etc/apt/sources.list".into()];
    if let Ok(dir) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(dir.flatten().map(|e| e.path()));
    }
    let is_list =
        |p: &&std::path::PathBuf| p.extension().is_some_and(|e| e == "list" || e == "sources");
    let text: String = files
        .iter()
        .filter(is_list)
        .filter_map(|p| fs::read_to_string(p).ok())
        .collect();
    let urls: Vec<String> = text
        .split_whitespace()
        .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
        .map(|word| word.trim_end_matches('/').to_owned())
        .collect();
    let main = urls.iter().find(|u| u.ends_with("/debian")).cloned();
    let security = urls
        .iter()
        .find(|u| u.ends_with("/debian-security"))
        .cloned();
    if main.is_none() {
        mikron_testkit::tools::skip("this machine has no Debian mirror in its apt settings");
    }
    main.map(|main| Mirror { main, security })
}
