//! Checksums in the words of apk: `Q1` and the base64 of a SHA-1 (apk-package(5), "Checksum").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Reads `Q1` and 28 characters of base64.
///
/// ```
/// use mikron_apk::{format_checksum, parse_checksum};
/// let sha1 = parse_checksum("Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=")?;
/// assert_eq!(sha1[..4], [0xda, 0x39, 0xa3, 0xee]);
/// assert_eq!(format_checksum(&sha1), "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=");
/// # Ok::<(), mikron_apk::ChecksumError>(())
/// ```
///
/// # Errors
/// When the text is anything else. `Q2`, which apk names SHA-256 by, never stands in an index of the second format.
pub fn parse_checksum(text: &str) -> Result<[u8; 20], ChecksumError> {
    let mut bytes = [0; 20];
    text.strip_prefix("Q1")
        .filter(|digits| digits.len() == 28)
        .and_then(|digits| STANDARD.decode_slice(digits, &mut bytes).ok())
        .filter(|length| *length == bytes.len())
        .map(|_| bytes)
        .ok_or_else(|| ChecksumError {
            text: text.chars().take(100).collect(),
        })
}

/// Writes a SHA-1 the way apk does.
pub fn format_checksum(sha1: &[u8; 20]) -> String {
    format!("Q1{}", STANDARD.encode(sha1))
}

/// The 20 bytes of 40 hexadecimal digits.
pub(crate) fn from_hex(hex: &[u8]) -> Option<[u8; 20]> {
    if hex.len() != 40 {
        return None;
    }
    let mut bytes = [0; 20];
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        let digit = |d: u8| char::from(d).to_digit(16);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(bytes)
}

/// A text that is not a checksum of apk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a checksum (expected `Q1` and 28 characters of base64)", .text.escape_debug())]
pub struct ChecksumError {
    /// The first hundred characters of what stood there.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read_back() {
        let sha1 = parse_checksum("Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=").unwrap();
        assert_eq!(
            from_hex(b"DA39a3ee5e6b4b0d3255bfef95601890afd80709"),
            Some(sha1)
        );
        assert_eq!(from_hex(b"zz39a3ee5e6b4b0d3255bfef95601890afd80709"), None);
        assert_eq!(from_hex(b"da39"), None);
    }
}
