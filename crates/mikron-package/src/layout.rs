//! The layout of a root with merged /usr (file-hierarchy(7)).

use std::borrow::Cow;

/// Directories of the root that are links into `/usr` where it is merged.
pub const BELOW_USR: [&[u8]; 7] = [
    b"bin", b"sbin", b"lib", b"lib32", b"lib64", b"libx32", b"libo32",
];

/// The path with merged /usr, without a leading slash.
///
/// ```
/// assert_eq!(&*mikron_package::merged_usr(b"lib/ld.so"), b"usr/lib/ld.so");
/// assert_eq!(&*mikron_package::merged_usr(b"library"), b"library");
/// ```
pub fn merged_usr(path: &[u8]) -> Cow<'_, [u8]> {
    if is_below_usr(path) {
        Cow::Owned([b"usr/", path].concat())
    } else {
        Cow::Borrowed(path)
    }
}

/// Whether a path without a leading slash lies in a directory that merged /usr makes a link, or is one.
pub fn is_below_usr(path: &[u8]) -> bool {
    let top = path.split(|b| *b == b'/').next().unwrap_or(path);
    BELOW_USR.contains(&top)
}
