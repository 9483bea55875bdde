//! Which redirects are followed, and which addresses are gone to.

use std::net::IpAddr;

use super::{FetchErrorKind, Url};

/// Where a redirect leads, if it may be followed: never from https to http, and without the credentials of the first
/// host unless it stays there.
pub(super) fn follow(from: &Url, location: Option<&str>) -> Result<Url, FetchErrorKind> {
    let location = location.ok_or(FetchErrorKind::BadRedirect {
        reason: "it has no Location",
    })?;
    let target = from
        .join(location)
        .map_err(|reason| FetchErrorKind::BadRedirect { reason })?;
    match (from.scheme.as_str(), target.scheme.as_str()) {
        ("https", "http") => Err(FetchErrorKind::RedirectToPlainHttp {
            to: target.to_string(),
        }),
        (_, "http" | "https") => Ok(target),
        (_, scheme) => Err(FetchErrorKind::UnsupportedScheme {
            scheme: scheme.to_owned(),
        }),
    }
}

/// Whether an address belongs to this machine or to a network that only this machine may reach (RFC 6890).
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_multicast()
                || a == 0
                // Shared address space of carriers (RFC 6598), benchmarking (RFC 2544), reserved (RFC 1112).
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b == 18 || b == 19))
                || a >= 240
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_private(IpAddr::V4(v4));
            }
            let first = v6.segments()[0];
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                // Unique local, link-local and site-local (RFC 4193, RFC 4291, RFC 3879).
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
                || first & 0xffc0 == 0xfec0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_136_https_to_http() {
        let from = Url::parse("https://me:secret@example.org/debian/x").unwrap();
        let error = follow(&from, Some("http://mirror.example.org/x")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a redirect from https to `http://mirror.example.org/x` is refused"
        );
        assert!(follow(&from, Some("//mirror.example.org/x")).is_ok());
        let plain = Url::parse("http://example.org/x").unwrap();
        assert!(follow(&plain, Some("https://example.org/x")).is_ok());
        for nowhere in [
            None,
            Some("ftp://example.org/x"),
            Some("http://"),
            Some("https://h/a b"),
        ] {
            assert!(follow(&from, nowhere).is_err(), "{nowhere:?}");
        }
    }

    #[test]
    fn private_addresses_are_known() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "255.255.255.255",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in [
            "192.0.2.1",
            "8.8.4.4",
            "172.32.0.1",
            "2001:db8::1",
            "100.128.0.1",
        ] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }
}
