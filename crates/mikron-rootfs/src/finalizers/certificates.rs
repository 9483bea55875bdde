//! Certificate authorities as files: where they lie, and what is in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mikron_package::RootPath;

use crate::error::RootfsError;

/// The package that has those that everybody trusts.
pub(super) const PACKAGE: &str = "ca-certificates";
/// Its directory, and that of an image's own.
pub(super) const DIRECTORIES: [&[u8]; 2] = [
    b"usr/share/ca-certificates",
    b"usr/local/share/ca-certificates",
];
/// Where programs look for them.
pub(super) const INSTALLED: &[u8] = b"etc/ssl/certs";

/// The first certificate of a PEM text (RFC 7468), decoded.
pub(super) fn der(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

/// The certificate of a text that holds exactly one.
pub(super) fn single(text: &[u8]) -> Option<Vec<u8>> {
    let begin = b"-----BEGIN ";
    let count = text
        .windows(begin.len())
        .filter(|window| window == begin)
        .count();
    (count == 1).then(|| der(text))?
}

/// The name of the link to a certificate, as update-ca-certificates(8) makes it.
pub(super) fn pem(path: &RootPath) -> Result<RootPath, RootfsError> {
    let name = path.file_name().unwrap_or_default();
    let stem = name.strip_suffix(b".crt").unwrap_or(name);
    let safe = stem.iter().map(|byte| match byte {
        b' ' | b',' => b'_',
        b'(' | b')' => b'=',
        other => *other,
    });
    let name: Vec<u8> = safe.chain(*b".pem").collect();
    Ok(RootPath::new(INSTALLED)?.join(&name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_left_out() {
        let good = "x\n-----BEGIN CERTIFICATE-----\nAQI\nD\n-----END CERTIFICATE-----\ny";
        assert_eq!(der(good.as_bytes()), Some(vec![1, 2, 3]));
        for text in ["", "-----BEGIN CERTIFICATE-----\nAQID", "\u{ff}"] {
            assert_eq!(der(text.as_bytes()), None, "{text}");
        }
        assert_eq!(der(good.replace("AQI", "A*").as_bytes()), None);
    }
}
