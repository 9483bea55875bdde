//! Authorities with what they are trusted for, in the files that p11-kit persists.

use std::collections::BTreeSet;

use crate::{pem, x509};

const OBJECT: &str = "[p11-kit-object-v1]";
/// The object identifier of the extension that says what a certificate is for (RFC 5280, 4.2.1.12).
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
/// The purposes under which a server is trusted, as DER: serverAuth, and any.
const SERVERS: [&[u8]; 2] = [
    b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01",
    b"\x06\x04\x55\x1d\x25\x00",
];

/// One object: `NAME: VALUE` on lines, and PEM.
struct Object<'a>(&'a str);

impl Object<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.lines().filter_map(|line| line.split_once(':'));
        let field = fields.find(|(found, _)| found.trim() == name)?;
        Some(field.1.trim().trim_matches('"'))
    }

    fn is(&self, name: &str) -> bool {
        self.field(name) == Some("true")
    }
}

/// The certificates that are trusted when they vouch for servers, with their labels: those marked as trusted and not as distrusted, whose
/// key no extension beside them limits to other purposes. In the order of the text, each once.
pub(super) fn trusted_for_servers(text: &str) -> Vec<(String, Vec<u8>)> {
    let objects = || text.split(OBJECT).skip(1).map(Object);
    let is_limit = |object: &Object<'_>| object.field("object-id") == Some(EXTENDED_KEY_USAGE);
    let limits = objects().filter(is_limit).filter_map(|object| {
        let value = unescaped(object.field("value")?);
        let holds = |purpose: &&[u8]| value.windows(purpose.len()).any(|at| at == *purpose);
        let key = pem::body(object.0, "PUBLIC KEY")?;
        (!SERVERS.iter().any(holds)).then_some(key)
    });
    let others: BTreeSet<Vec<u8>> = limits.collect();
    let mut seen = BTreeSet::new();
    let certificates = objects().filter_map(|object| {
        if !object.is("trusted") || object.is("x-distrusted") {
            return None;
        }
        let der = pem::first(object.0.as_bytes())?;
        let key = x509::parts(&der)?.key;
        if others.contains(key) || !seen.insert(der.clone()) {
            return None;
        }
        Some((
            unquoted(object.field("label").unwrap_or("certificate")),
            der,
        ))
    });
    certificates.collect()
}

fn unquoted(label: &str) -> String {
    String::from_utf8_lossy(&unescaped(label)).into_owned()
}

/// A value whose bytes are written as `%` and two digits where they are not plain.
fn unescaped(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = (*first == b'%').then(|| behind.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = include_str!("../../tests/data/test-ca.pem");

    #[test]
    fn an_extension_beside_a_certificate_says_what_it_is_trusted_for() {
        let der = pem::first(CERTIFICATE.as_bytes()).unwrap();
        let key = x509::parts(&der).unwrap().key;
        let key = pem::armoured(key).replace("CERTIFICATE", "PUBLIC KEY");
        let certificate =
            |marks: &str| format!("{OBJECT}\nlabel: \"Test%20CA\"\n{marks}\n{CERTIFICATE}\n");
        let limit = |purpose: &str| {
            format!(
                "{OBJECT}\nclass: x-certificate-extension\nobject-id: 2.5.29.37\nvalue: \"0%16%06%03U%1d%25%04%0f0%0d{purpose}\"\n{key}"
            )
        };
        let servers = "%06%08%2b%06%01%05%05%07%03%01";
        let mail = "%06%08%2b%06%01%05%05%07%03%04";
        let trusted = certificate("trusted: true");
        for (text, is_trusted) in [
            (trusted.clone(), true),
            (format!("# twice\n{trusted}{trusted}"), true),
            (certificate("trusted: false"), false),
            (certificate("trusted: true\nx-distrusted: true"), false),
            (format!("{trusted}{}", limit(servers)), true),
            (format!("{}{trusted}", limit(mail)), false),
            (
                format!("{trusted}{}", limit(&format!("{mail}{servers}"))),
                true,
            ),
        ] {
            let found = trusted_for_servers(&text);
            let expected = is_trusted.then(|| ("Test CA".to_owned(), der.clone()));
            assert_eq!(found, Vec::from_iter(expected), "{text}");
        }
    }
}
