//! The digest of a tree.

use mikron_facts::FileFacts;
use mikron_package::{Digest, EntryKind, Hasher, RootPath};

/// The digest of what a tree below `at` is in an image: the SHA-256 of one record for each entry, in order of path (by bytes, where `/`
/// sorts before all others). A record is
///
/// - of a directory `d`, its mode as four octal digits, and its path;
/// - of a file `f`, its mode, the SHA-256 of its content in hexadecimal digits, and its path;
/// - of a symbolic link `l`, its target, and its path;
///
/// with a space between, and a NUL byte behind target and path. Paths are those in the tree, without a slash at the beginning; the
/// tree itself has none and no record.
pub fn digest<'a>(at: &RootPath, files: impl IntoIterator<Item = &'a FileFacts>) -> Digest {
    let mut hasher = Hasher::default();
    for file in files {
        let path = below(at, &file.entry.path);
        if path.is_empty() {
            continue;
        }
        let mode = format!("{:04o}", file.entry.mode);
        let content;
        let parts: [&[u8]; 2] = match &file.entry.kind {
            EntryKind::Symlink { target } => [b"l ", &[target.as_slice(), b"\0"].concat()],
            EntryKind::Directory => {
                content = format!("{mode} ");
                [b"d ", content.as_bytes()]
            }
            _ => {
                let hex = file.digest.map(|digest| digest.hex()).unwrap_or_default();
                content = format!("{mode} {hex} ");
                [b"f ", content.as_bytes()]
            }
        };
        for part in parts {
            hasher.update(part);
        }
        hasher.update(path);
        hasher.update(b"\0");
    }
    hasher.finish()
}

/// A path below `at`, without that and the slash.
pub(crate) fn below<'p>(at: &RootPath, path: &'p RootPath) -> &'p [u8] {
    let rest = path
        .as_bytes()
        .get(at.as_bytes().len()..)
        .unwrap_or_default();
    rest.strip_prefix(b"/").unwrap_or(rest)
}
