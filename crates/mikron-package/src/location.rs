//! Locations of archives and indexes in a repository.

use std::borrow::Cow;

/// The longest location in bytes.
const LONGEST: usize = 4096;

/// A location in its only normal form, in which records hold it, locks store it, and URLs are made of it.
///
/// A location is a relative path below the base of its repository, as a file system has it: what a URL would take for
/// something else (`%`, `?`, a space, what is not ASCII) is encoded when a URL is made of it, and stands here as it is. Empty
/// components and `.` mean nothing and are left out: `./x.deb` and `x.deb` are one.
///
/// ```
/// use mikron_package::normal_location;
/// assert_eq!(normal_location("./pool//nginx_1%3a2.deb").as_deref(), Ok("pool/nginx_1%3a2.deb"));
/// assert_eq!(normal_location("Packages/g/gcc-c++ 12.rpm").as_deref(), Ok("Packages/g/gcc-c++ 12.rpm"));
/// assert_eq!(normal_location("../x.rpm"), Err("has a `..` component"));
/// ```
///
/// # Errors
/// When it could lead out of the repository, whatever a proxy or server makes of it: the end of the sentence "the location …".
pub fn normal_location(location: &str) -> Result<Cow<'_, str>, &'static str> {
    let bytes = location.as_bytes();
    if bytes.len() > LONGEST {
        return Err("is longer than 4096 bytes");
    }
    if bytes.first() == Some(&b'/') {
        return Err("is absolute");
    }
    // One walk, as this runs for every package: each component is judged at the slash behind it.
    let mut start = 0;
    let mut surplus = false;
    for (at, byte) in bytes.iter().chain(b"/").enumerate() {
        match byte {
            b'/' => {
                match &bytes[start..at] {
                    b"" | b"." if at == bytes.len() => return Err("names no file"),
                    b"" | b"." => surplus = true,
                    b".." => return Err("has a `..` component"),
                    _ => {}
                }
                start = at + 1;
            }
            b'%' if hides(bytes.get(at + 1..at + 3).unwrap_or_default()) => {
                return Err("hides a dot, slash, backslash or control character behind a `%`");
            }
            b'\\' => return Err("holds a backslash"),
            0..=0x1f | 0x7f => return Err("holds a control character"),
            _ => {}
        }
    }
    if !location.is_ascii() && location.chars().any(char::is_control) {
        return Err("holds a control character");
    }
    if location.split_once(":/").is_some_and(|(s, _)| is_scheme(s)) {
        return Err("has a scheme");
    }
    if !surplus {
        return Ok(Cow::Borrowed(location));
    }
    let parts = location
        .split('/')
        .filter(|part| !matches!(*part, "" | "."));
    Ok(Cow::Owned(parts.collect::<Vec<_>>().join("/")))
}

/// Whether these two digits behind a `%` would become part of a path's structure, were they decoded once too often.
fn hides(digits: &[u8]) -> bool {
    let decoded = str::from_utf8(digits).map(|digits| u8::from_str_radix(digits, 16));
    matches!(decoded, Ok(Ok(b'.' | b'/' | b'\\' | 0..=0x1f | 0x7f)))
}

/// What stands before the colon of a URL (RFC 3986, 3.1). A version's epoch brings colons too, and no slash behind them.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::normal_location;

    #[test]
    fn what_is_normal_stays_and_what_is_not_becomes_so_at_once() {
        for (given, normal) in [
            ("x.deb", "x.deb"),
            ("././/x.deb", "x.deb"),
            ("pool/./a//b/x.deb", "pool/a/b/x.deb"),
            ("größe/paket 1.rpm", "größe/paket 1.rpm"),
            ("a-1:2-3.x86_64.rpm", "a-1:2-3.x86_64.rpm"),
            ("a#b?c%41%zz%.deb", "a#b?c%41%zz%.deb"),
            (".../..a/a..", ".../..a/a.."),
        ] {
            assert_eq!(normal_location(given).as_deref(), Ok(normal), "{given}");
            assert_eq!(normal_location(normal).as_deref(), Ok(normal), "{given}");
        }
    }

    #[test]
    fn what_leads_elsewhere_has_no_normal_form() {
        let long = "x".repeat(4097);
        for bad in [
            "",
            ".",
            "./",
            "pool/",
            "pool/.",
            "/x",
            "./../x",
            "a/..",
            "a\\b",
            "a\nb",
            "a\u{85}b",
            "%2e%2E/x",
            "a%2Fb",
            "a%5cb",
            "a%00b",
            "file:/x",
            "https://example.org/x",
            &long,
        ] {
            assert!(normal_location(bad).is_err(), "{bad}");
        }
    }
}
