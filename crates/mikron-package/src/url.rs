//! What every crate has to know of URLs: that they may hold credentials, which nobody else may see.

use std::borrow::Cow;

/// A URL without user and password (RFC 3986, 3.2.1); any other text as it is.
///
/// ```
/// use mikron_package::without_credentials;
/// assert_eq!(without_credentials("https://me:secret@example.org/@x"), "https://example.org/@x");
/// assert_eq!(without_credentials("/srv/me@home"), "/srv/me@home");
/// ```
pub fn without_credentials(url: &str) -> Cow<'_, str> {
    match credentials(url) {
        Some((start, end)) => Cow::Owned(format!("{}{}", &url[..start], &url[end..])),
        None => Cow::Borrowed(url),
    }
}

/// A line of text with stars for the credentials of the URLs in it, as many as there were characters: what is shown of it keeps
/// its places.
///
/// ```
/// use mikron_package::hide_credentials;
/// assert_eq!(hide_credentials("deb: https://me:x@example.org/"), "deb: https://****@example.org/");
/// ```
pub fn hide_credentials(line: &str) -> Cow<'_, str> {
    let mut hidden = Cow::Borrowed(line);
    let mut from = 0;
    while let Some((start, end)) = credentials(&hidden[from..]) {
        // The `@` stays.
        let (start, end) = (from + start, from + end - 1);
        let covered = "*".repeat(hidden[start..end].chars().count());
        from = start + covered.len() + 1;
        hidden.to_mut().replace_range(start..end, &covered);
    }
    hidden
}

/// Where the first user information of a text begins, and where it ends behind its `@`.
fn credentials(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let start = from + found + "://".len();
        let ends = |c: char| c.is_whitespace() || "/?#\"'`,<>{}[]".contains(c);
        let authority = text[start..].split(ends).next().unwrap_or_default();
        if let Some(at) = authority.rfind('@') {
            return Some((start, start + at + 1));
        }
        from = start;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{hide_credentials, without_credentials};

    #[test]
    fn credentials_end_at_the_last_at_sign_of_the_authority() {
        for (given, without) in [
            (
                "http://a:b@c@example.org:80/x@y",
                "http://example.org:80/x@y",
            ),
            ("http://example.org?x@y", "http://example.org?x@y"),
            ("http://@example.org", "http://example.org"),
            ("file:///srv/a@b", "file:///srv/a@b"),
            ("git@example.org:x", "git@example.org:x"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(given), without);
        }
    }

    #[test]
    fn every_url_of_a_line_is_hidden() {
        assert_eq!(
            hide_credentials("- { a: \"http://ü:x@h/\", b: 'https://h', c: http://y@z }"),
            "- { a: \"http://***@h/\", b: 'https://h', c: http://*@z }"
        );
        assert_eq!(
            hide_credentials("http://@h http://a@h"),
            "http://@h http://*@h"
        );
    }
}
