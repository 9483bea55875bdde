//! Locations of archives and indexes in a repository.

/// Why a location could lead out of the repository, if it could: the end of the sentence "the location …".
///
/// ```
/// use mikron_package::location_fault;
/// assert_eq!(location_fault("pool/main/n/nginx_1%3a2.deb"), Some("holds a percent sign"));
/// assert_eq!(location_fault("../x.rpm"), Some("has a `..` component"));
/// assert_eq!(location_fault("Packages/g/gcc-c++-12.rpm"), None);
/// ```
pub fn location_fault(location: &str) -> Option<&'static str> {
    let path = location.strip_prefix("./").unwrap_or(location).as_bytes();
    if path.len() > 4096 {
        return Some("is longer than 4096 bytes");
    }
    if path.first() == Some(&b'/') {
        return Some("is absolute");
    }
    // One walk, as this runs for every package: each component is judged at the slash behind it.
    let mut start = 0;
    let mut scheme = true;
    for (at, byte) in path.iter().chain(b"/").enumerate() {
        match byte {
            b'/' => match &path[start..at] {
                b"" | b"." => return Some("has an empty component"),
                b".." => return Some("has a `..` component"),
                _ => (start, scheme) = (at + 1, false),
            },
            b'%' => return Some("holds a percent sign"),
            b'\\' => return Some("holds a backslash"),
            b'?' | b'#' => return Some("holds a query or fragment"),
            b' ' | 0..=0x1f | 0x7f => return Some("holds white space or a control character"),
            // A scheme is letters, digits and `+-.` before a colon in the first component. A version's epoch brings
            // colons too, but behind a slash or an underscore.
            b':' if scheme => return Some("has a scheme"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.' => {}
            _ => scheme = false,
        }
    }
    None
}
