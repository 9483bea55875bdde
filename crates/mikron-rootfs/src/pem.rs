//! Certificates as text (RFC 7468).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::x509;

const LABEL: &str = "CERTIFICATE";
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// Characters of a line of base64.
const WIDTH: usize = 64;

/// One certificate (RFC 5280), as the bytes of its DER.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Certificate(Vec<u8>);

/// Why a text is not a list of certificates. The message stands behind the file and the line ([`PemError::line`]), which is counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Nothing in it is PEM.
    #[error("holds no certificate in PEM")]
    NotPem {
        /// Whether it looks like a certificate in DER.
        is_der: bool,
    },
    /// It holds a private key.
    #[error("a private key, and an image keeps no secret")]
    PrivateKey {
        /// Where it begins.
        line: usize,
    },
    /// It holds something else than certificates.
    #[error("a `{}`, and not a `CERTIFICATE`", .label.escape_debug())]
    Other {
        /// Where it begins.
        line: usize,
        /// What it says that it is.
        label: String,
    },
    /// A certificate does not end.
    #[error("the certificate that begins here has no end")]
    Unfinished {
        /// Where it begins.
        line: usize,
    },
    /// What stands between begin and end is no base64.
    #[error("the certificate that begins here is not base64")]
    NotBase64 {
        /// Where it begins.
        line: usize,
    },
    /// The bytes are no certificate.
    #[error("what begins here is no X.509 certificate")]
    NotACertificate {
        /// Where it begins.
        line: usize,
    },
}

impl PemError {
    /// The line that it is about.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NotPem { .. } => None,
            Self::PrivateKey { line }
            | Self::Other { line, .. }
            | Self::Unfinished { line }
            | Self::NotBase64 { line }
            | Self::NotACertificate { line } => Some(*line),
        }
    }

    /// What can be done about it, as one sentence without a full stop; empty where the message says all.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotPem { is_der: true } => {
                "it is DER: `openssl x509 -inform DER -in FILE -out FILE.pem` makes PEM of it"
            }
            Self::NotPem { is_der: false } => {
                "a certificate begins with a line `-----BEGIN CERTIFICATE-----`"
            }
            Self::PrivateKey { .. } => {
                "name a file with the certificates alone; a key is mounted where the image runs"
            }
            Self::Other { label, .. } if label == "TRUSTED CERTIFICATE" => {
                "`openssl x509 -in FILE -out FILE.pem` makes a plain certificate of it"
            }
            Self::Other { .. } => "name a file with the certificates alone",
            Self::Unfinished { .. } | Self::NotBase64 { .. } | Self::NotACertificate { .. } => {
                "take it from its issuer again; it was cut or changed on the way"
            }
        }
    }
}

impl Certificate {
    /// The certificates of a text, in their order. What stands between them is left out.
    ///
    /// # Errors
    /// When there is none, one that is broken, or something else than certificates.
    ///
    /// ```
    /// use mikron_rootfs::{Certificate, PemError};
    /// let key = b"# ours\n-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n";
    /// assert_eq!(Certificate::all_of(key), Err(PemError::PrivateKey { line: 2 }));
    /// ```
    pub fn all_of(text: &[u8]) -> Result<Vec<Self>, PemError> {
        let whole = String::from_utf8_lossy(text);
        let mut lines = whole.lines().map(str::trim).zip(1..);
        let mut all = Vec::new();
        while let Some((first, line)) = lines.next() {
            let label = first.strip_prefix(BEGIN);
            let Some(label) = label.and_then(|rest| rest.strip_suffix(DASHES)) else {
                continue;
            };
            if label.ends_with("PRIVATE KEY") {
                return Err(PemError::PrivateKey { line });
            }
            if label != LABEL {
                let label = label.chars().take(40).collect();
                return Err(PemError::Other { line, label });
            }
            let mut body = String::new();
            loop {
                match lines.next() {
                    None => return Err(PemError::Unfinished { line }),
                    Some((end, _)) if end.starts_with(END) => break,
                    Some((begin, _)) if begin.starts_with(BEGIN) => {
                        return Err(PemError::Unfinished { line });
                    }
                    Some((part, _)) => body.extend(part.split_whitespace()),
                }
            }
            let der = STANDARD.decode(body);
            let der = der.map_err(|_| PemError::NotBase64 { line })?;
            if x509::parts(&der).is_none() {
                return Err(PemError::NotACertificate { line });
            }
            all.push(Self(der));
        }
        if all.is_empty() {
            let is_der = x509::parts(text).is_some();
            return Err(PemError::NotPem { is_der });
        }
        Ok(all)
    }

    /// The bytes of its DER.
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// The certificate alone, as PEM.
    pub fn to_pem(&self) -> String {
        armoured(&self.0)
    }
}

/// The PEM of a certificate.
pub(crate) fn armoured(der: &[u8]) -> String {
    let mut text = format!("{BEGIN}{LABEL}{DASHES}\n");
    let base64 = STANDARD.encode(der);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(WIDTH));
        let _ = writeln!(text, "{line}");
        rest = behind;
    }
    let _ = writeln!(text, "{END}{LABEL}{DASHES}");
    text
}

/// The first certificate of a text, decoded, whatever else is in the text.
pub(crate) fn first(text: &[u8]) -> Option<Vec<u8>> {
    body(std::str::from_utf8(text).ok()?, LABEL)
}

/// The bytes behind the first label of this name.
pub(crate) fn body(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("{BEGIN}{label}{DASHES}"))?;
    let (body, _) = rest.split_once(&format!("{END}{label}{DASHES}"))?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../tests/data/test-ca.pem");

    #[test]
    fn what_is_no_certificate_is_left_out() {
        let good = "x\n-----BEGIN CERTIFICATE-----\nAQI\nD\n-----END CERTIFICATE-----\ny";
        assert_eq!(first(good.as_bytes()), Some(vec![1, 2, 3]));
        for text in ["", "-----BEGIN CERTIFICATE-----\nAQID", "\u{ff}"] {
            assert_eq!(first(text.as_bytes()), None, "{text}");
        }
        assert_eq!(first(good.replace("AQI", "A*").as_bytes()), None);
    }

    #[test]
    fn a_text_of_several_comes_apart_and_goes_back_to_the_same() {
        let text = format!(
            "Root of ours\r\n{GOOD}\n\n# again\n{}",
            GOOD.replace('\n', "\r\n")
        );
        let all = Certificate::all_of(text.as_bytes()).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0], all[1]);
        assert_eq!(all[0].to_pem().trim(), GOOD.trim());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let der = Certificate::all_of(GOOD.as_bytes()).unwrap().remove(0);
        let cut = &GOOD[..GOOD.len() - 40];
        let with = |label: &str| GOOD.replace("CERTIFICATE", label);
        for (text, expected) in [
            ("".into(), PemError::NotPem { is_der: false }),
            (der.der().to_vec(), PemError::NotPem { is_der: true }),
            (
                with("RSA PRIVATE KEY").into(),
                PemError::PrivateKey { line: 1 },
            ),
            (
                format!("{GOOD}{}", with("CERTIFICATE REQUEST")).into(),
                PemError::Other {
                    line: GOOD.lines().count() + 1,
                    label: "CERTIFICATE REQUEST".into(),
                },
            ),
            (cut.into(), PemError::Unfinished { line: 1 }),
            (
                format!("{cut}\n{GOOD}").into(),
                PemError::Unfinished { line: 1 },
            ),
            (
                GOOD.replacen("MII", "M*I", 1).into(),
                PemError::NotBase64 { line: 1 },
            ),
            (
                armoured(&der.der()[1..]).into(),
                PemError::NotACertificate { line: 1 },
            ),
            (
                armoured(&[der.der(), b"x"].concat()).into(),
                PemError::NotACertificate { line: 1 },
            ),
        ] {
            let text: Vec<u8> = text;
            assert_eq!(Certificate::all_of(&text), Err(expected), "{text:?}");
        }
    }
}
