//! What certificates say (RFC 5280), as far as it is asked: whose they are, and the hash by which OpenSSL finds them in a directory.

use sha1::{Digest as _, Sha1};

/// A tag and a value of DER (X.690), with the bytes of both.
struct Item<'a> {
    tag: u8,
    value: &'a [u8],
    whole: &'a [u8],
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0C;
/// The explicit tag of the version in a TBSCertificate (RFC 5280, 4.1).
const VERSION: u8 = 0xA0;

/// Takes the first item off the bytes. Lengths of more than four bytes and tags of more than one are in no certificate.
fn item<'a>(bytes: &mut &'a [u8]) -> Option<Item<'a>> {
    let [tag, first, ..] = **bytes else {
        return None;
    };
    let (head, length) = if first < 0x80 {
        (2, usize::from(first))
    } else {
        let count = usize::from(first & 0x7F);
        let digits = bytes.get(2..2 + count).filter(|_| count <= 4)?;
        let length = digits
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (2 + count, length)
    };
    let whole = bytes.get(..head.checked_add(length)?)?;
    *bytes = &bytes[whole.len()..];
    Some(Item {
        tag,
        value: &whole[head..],
        whole,
    })
}

fn expect<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    item(bytes)
        .filter(|item| item.tag == tag)
        .map(|item| item.value)
}

/// What is asked of a certificate.
pub(crate) struct Parts<'a> {
    /// The name of its subject, without the outermost head.
    subject: &'a [u8],
    /// The public key with its algorithm (SubjectPublicKeyInfo), whole.
    pub(crate) key: &'a [u8],
}

/// Takes a certificate apart (RFC 5280, 4.1). `None` where the bytes are none, or more than one.
pub(crate) fn parts(certificate: &[u8]) -> Option<Parts<'_>> {
    let mut rest = certificate;
    let mut certificate = expect(&mut rest, SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    let mut body = expect(&mut certificate, SEQUENCE)?;
    if body.first() == Some(&VERSION) {
        item(&mut body)?;
    }
    expect(&mut body, INTEGER)?;
    // The algorithm, the issuer, the time of validity; then the subject.
    for _ in 0..3 {
        expect(&mut body, SEQUENCE)?;
    }
    let subject = expect(&mut body, SEQUENCE)?;
    let key = item(&mut body).filter(|key| key.tag == SEQUENCE)?.whole;
    // The algorithm again, and the signature.
    expect(&mut certificate, SEQUENCE)?;
    expect(&mut certificate, BIT_STRING)?;
    Some(Parts { subject, key }).filter(|_| certificate.is_empty())
}

/// The hash of a certificate's subject, as `openssl x509 -subject_hash` has it since OpenSSL 1.0: the first four bytes, the lowest
/// first, of the SHA-1 over the canonical form of the name. `None` where the bytes are no certificate.
pub(crate) fn subject_hash(certificate: &[u8]) -> Option<u32> {
    let canonical = canonical(parts(certificate)?.subject)?;
    let digest = Sha1::digest(canonical);
    Some(u32::from_le_bytes([
        digest[0], digest[1], digest[2], digest[3],
    ]))
}

/// A name (RFC 5280, 4.1.2.4) as OpenSSL compares names: without the outermost head, texts in UTF-8 and in lower case, without space
/// around them and with one space in place of several.
fn canonical(mut name: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while !name.is_empty() {
        let mut set = expect(&mut name, SET)?;
        let mut attributes = Vec::new();
        while !set.is_empty() {
            let mut attribute = expect(&mut set, SEQUENCE)?;
            let kind = item(&mut attribute)?;
            let value = item(&mut attribute)?;
            let value = match text(value.tag, value.value) {
                Some(text) => encode(UTF8_STRING, &fold(&text)),
                None => value.whole.to_vec(),
            };
            attributes.push(encode(SEQUENCE, &[kind.whole, &value].concat()));
        }
        // A set of DER is sorted by its encodings (X.690, 11.6).
        attributes.sort();
        all.extend(encode(SET, &attributes.concat()));
    }
    Some(all)
}

/// A string in UTF-8, of the kinds of strings that are compared as texts.
fn text(tag: u8, value: &[u8]) -> Option<Vec<u8>> {
    let wide = |size: usize| -> Option<Vec<u8>> {
        let units = value.chunks(size).map(|unit| {
            let number = unit.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            char::from_u32(number).filter(|_| unit.len() == size)
        });
        units.collect::<Option<String>>().map(String::into_bytes)
    };
    match tag {
        // UTF8String, PrintableString, IA5String, VisibleString.
        UTF8_STRING | 0x13 | 0x16 | 0x1A => Some(value.to_vec()),
        // T61String, which is taken for Latin-1, UniversalString, BMPString.
        0x14 => wide(1),
        0x1C => wide(4),
        0x1E => wide(2),
        _ => None,
    }
}

fn fold(text: &[u8]) -> Vec<u8> {
    // isspace(3): a vertical tab is one as well.
    let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0B;
    let words = text.split(space).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ').to_ascii_lowercase()
}

fn encode(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len() as u32;
    let mut bytes = vec![tag];
    if length < 0x80 {
        bytes.push(length as u8);
    } else {
        let digits = length.to_be_bytes();
        let digits = &digits[length.leading_zeros() as usize / 8..];
        bytes.push(0x80 | digits.len() as u8);
        bytes.extend(digits);
    }
    bytes.extend(value);
    bytes
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use mikron_testkit::tools::tool;

    use super::*;

    #[test]
    fn hashes_are_those_of_openssl() {
        let Some(openssl) = tool("openssl") else {
            return;
        };
        let long = format!("/O={}/CN=x", "Several  Words of A Long Name ".repeat(2));
        let dir = tempfile::tempdir().expect("a directory");
        for (at, subject) in [
            "/CN=plain",
            "/C=DE/O=Two  spaces, Inc. /CN=Ünïcode Ñame\tTab",
            "/C=HU/L=Budapest/CN=a+emailAddress=Someone@Example.org",
            "/2.5.4.97=VATES-A1/serialNumber=007/DC=org",
            &long,
        ]
        .into_iter()
        .enumerate()
        {
            let file = dir.path().join(format!("{at}.der"));
            let run = |args: &[&str]| {
                let output = Command::new(&openssl).args(args).output();
                let output = output.expect("openssl starts");
                assert!(output.status.success(), "{subject}: {output:?}");
                String::from_utf8_lossy(&output.stdout).trim().to_owned()
            };
            let path = file.display().to_string();
            run(&[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-utf8",
                "-multivalue-rdn",
                "-keyout",
                "/dev/null",
                "-outform",
                "DER",
                "-subj",
                subject,
                "-out",
                &path,
            ]);
            let expected = run(&[
                "x509",
                "-inform",
                "DER",
                "-noout",
                "-subject_hash",
                "-in",
                &path,
            ]);
            let bytes = std::fs::read(&file).expect("it was just written");
            let hash = subject_hash(&bytes).expect("a certificate");
            assert_eq!(format!("{hash:08x}"), expected, "{subject}");
            for end in 0..bytes.len().min(200) {
                assert_eq!(subject_hash(&bytes[..end]), None, "cut at {end}");
            }
        }
    }

    #[test]
    fn wide_strings_are_compared_as_texts() {
        assert_eq!(text(0x1E, &[0x01, 0x51, 0, 0x41]), Some("őA".into()));
        assert_eq!(text(0x1C, &[0, 0, 0, 0x41]), Some("A".into()));
        assert_eq!(text(0x14, &[0xE9]), Some("é".into()));
        for (tag, value) in [(0x1E, [0xD8, 0].as_slice()), (0x1E, &[0]), (0x03, &[0, 1])] {
            assert_eq!(text(tag, value), None, "{value:?}");
        }
    }
}
