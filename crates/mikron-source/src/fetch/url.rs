//! URLs, as far as repositories need them: split, joined, and without credentials for people.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use mikron_package::{normal_location, without_credentials};

use crate::error::SourceErrorKind;

/// An absolute URL with an authority (RFC 3986).
///
/// ```
/// use mikron_source::fetch::Url;
/// let url = Url::parse("https://user:secret@example.org:8443/debian?x=1").unwrap();
/// assert_eq!(url.host, "example.org");
/// assert_eq!(url.to_string(), "https://example.org:8443/debian?x=1");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// The scheme in lower case.
    pub scheme: String,
    /// User and password as they stand in the URL. Never shown.
    pub userinfo: Option<String>,
    /// The host in lower case; a literal IPv6 address has its brackets.
    pub host: String,
    /// The port, where it is given.
    pub port: Option<u16>,
    /// Path and query; begins with a slash.
    pub path: String,
}

impl Url {
    /// Splits a URL; the fragment is dropped.
    ///
    /// # Errors
    /// When it is not absolute, has no host, or holds white space or control characters. The error says which.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > 8192 {
            return Err("it is longer than 8192 bytes");
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("it holds white space or control characters");
        }
        let (scheme, rest) = text.split_once("://").ok_or("it has no scheme")?;
        if !is_scheme(scheme) {
            return Err("its scheme is malformed");
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let (userinfo, host_port) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, authority),
        };
        // An IPv6 literal holds colons inside its brackets (section 3.2.2).
        let (host, port) = match host_port.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                let port = if port.is_empty() {
                    None
                } else {
                    Some(port.parse().map_err(|_| "its port is not a number")?)
                };
                (host, port)
            }
            _ => (host_port, None),
        };
        let literal = host.starts_with('[') && host.ends_with(']');
        let special = if literal { "-._~[]:" } else { "-._~" };
        let bad_host = |c: char| !(c.is_ascii_alphanumeric() || special.contains(c));
        if host.is_empty() || host.contains(bad_host) {
            return Err("its host is missing or malformed");
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            userinfo,
            host: host.to_ascii_lowercase(),
            port,
            path: format!("{slash}{path}"),
        })
    }

    /// Resolves a reference against this URL (section 5.2), as a redirect's `Location` needs it. Credentials stay
    /// behind unless the target has the same origin.
    ///
    /// # Errors
    /// When the target is not a usable URL.
    pub fn join(&self, reference: &str) -> Result<Self, &'static str> {
        let has_scheme = reference
            .split_once("://")
            .is_some_and(|(scheme, _)| is_scheme(scheme));
        let mut target = if has_scheme {
            Self::parse(reference)?
        } else if let Some(rest) = reference.strip_prefix("//") {
            Self::parse(&format!("{}://{rest}", self.scheme))?
        } else {
            let directory = match self.path.split('?').next().unwrap_or_default() {
                _ if reference.starts_with('/') => "",
                path => &path[..=path.rfind('/').unwrap_or(0)],
            };
            let mut bare = self.clone();
            bare.userinfo = None;
            bare.path = String::new();
            let slash = if directory.is_empty() && !reference.starts_with('/') {
                "/"
            } else {
                ""
            };
            Self::parse(&format!("{bare}{directory}{slash}{reference}"))?
        };
        if self.same_origin(&target) {
            target.userinfo.clone_from(&self.userinfo);
        } else {
            target.userinfo = None;
        }
        Ok(target)
    }

    /// Whether both have the same scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.host == other.host
            && self.effective_port() == other.effective_port()
    }

    /// The port, or the scheme's own.
    pub(crate) fn effective_port(&self) -> Option<u16> {
        self.port.or(match self.scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        })
    }
}

/// Never shows credentials.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// A URL as it may be shown: without user and password, and without control characters.
///
/// ```
/// use mikron_source::fetch::redact;
/// assert_eq!(redact("https://me:secret@example.org/x"), "https://example.org/x");
/// assert_eq!(redact("/srv/mirror"), "/srv/mirror");
/// ```
pub fn redact(url: &str) -> String {
    let shown = without_credentials(url);
    if shown.chars().any(char::is_control) {
        return shown.escape_debug().to_string();
    }
    shown.into_owned()
}

/// A location in its normal form, whoever it is from: a lock is text that anybody may have edited.
pub(crate) fn below(location: &str) -> Result<Cow<'_, str>, SourceErrorKind> {
    normal_location(location).map_err(|reason| SourceErrorKind::Location {
        location: location.chars().take(200).collect(),
        reason,
    })
}

/// Whether a URL, or a plain path, names a file of this machine.
pub(crate) fn is_local(url: &str) -> bool {
    match url.split_once(':') {
        Some((scheme, _)) if is_scheme(scheme) => scheme.eq_ignore_ascii_case("file"),
        _ => true,
    }
}

/// Puts an archive's or index's location behind a base URL. The location comes out of an index, so characters that have a
/// meaning in URLs are encoded; its path was checked by whoever read the index.
pub(crate) fn join_location(base: &str, location: &str) -> String {
    let base = base.trim_end_matches('/');
    let mut url = String::with_capacity(base.len() + location.len() + 1);
    url.push_str(base);
    url.push('/');
    if !base.contains("://") && !base.starts_with("file:") {
        // A plain path, not a URL.
        url.push_str(location);
        return url;
    }
    encode(&mut url, location.trim_start_matches('/').as_bytes());
    url
}

/// Adds a path to a URL: what may not stand there, or means something else there, is encoded.
pub(super) fn encode(url: &mut String, path: &[u8]) {
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"-._~/+:@!$&'()*,;=".contains(byte) {
            url.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_against_the_url_that_gave_them() {
        let base = Url::parse("http://a.example.org/x/y?q").unwrap();
        let joined = |reference| base.join(reference).unwrap().to_string();
        assert_eq!(joined("/z"), "http://a.example.org/z");
        assert_eq!(joined("z"), "http://a.example.org/x/z");
        assert_eq!(joined("//b.example.org/z"), "http://b.example.org/z");
        assert_eq!(joined("https://b.example.org"), "https://b.example.org/");
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let base = Url::parse("https://me:secret@a.example.org/x").unwrap();
        assert_eq!(
            base.join("/y").unwrap().userinfo.as_deref(),
            Some("me:secret")
        );
        assert_eq!(base.join("https://b.example.org/y").unwrap().userinfo, None);
        assert_eq!(
            base.join("https://a.example.org:444/y").unwrap().userinfo,
            None
        );
        assert_eq!(base.join("http://a.example.org/y").unwrap().userinfo, None);
        assert_eq!(
            base.join("https://you:x@b.example.org/y").unwrap().userinfo,
            None
        );
        assert!(!format!("{base} {base:?}").contains("secret"));
    }

    #[test]
    fn malformed_urls_are_refused() {
        for bad in [
            "x",
            "http://",
            "http:///x",
            "http://h:99999/",
            "http://h/ x",
            "1http://h",
            "http://h\n",
        ] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Url::parse("http://[::1]:80/x").unwrap().host, "[::1]");
    }

    #[test]
    fn locations_are_encoded() {
        assert_eq!(
            join_location("http://example.org/debian/", "pool/a/b c?%2e#d_1~2+3:4.deb"),
            "http://example.org/debian/pool/a/b%20c%3F%252e%23d_1~2+3:4.deb"
        );
        for (url, local) in [
            ("/srv/a:b", true),
            ("FILE:/srv", true),
            ("srv", true),
            ("http://example.org/", false),
            ("memory:/a", false),
        ] {
            assert_eq!(is_local(url), local, "{url}");
        }
        assert_eq!(join_location("file:/srv", "a%3a1"), "file:/srv/a%253a1");
        assert_eq!(
            join_location("/srv/debian", "pool/a b"),
            "/srv/debian/pool/a b"
        );
    }
}
