//! The cleartext signature framework (RFC 9580, section 7): one signed text in armour, and nothing around it.

use super::TrustError;

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &[u8] = b"-----END PGP SIGNATURE-----";

/// A clearsigned message in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleartext<'a> {
    /// The text, dash-unescaped, with `\n` at line ends and without white space before them: exactly what the signature
    /// covers, but for the form of the line ends.
    pub text: Vec<u8>,
    /// The armoured signatures, from `-----BEGIN` to `-----END`.
    pub signatures: &'a [u8],
}

/// Splits a clearsigned message. It must begin at the first byte, and after its end only white space may follow.
///
/// ```
/// use mikron_source::trust::split_cleartext;
/// let message = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nDate: x\n- - y  \n\
///                 -----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n";
/// assert_eq!(split_cleartext(message)?.text, b"Date: x\n- y\n");
/// assert!(split_cleartext(&[b"Date: z\n", &message[..]].concat()).is_err());
/// # Ok::<(), mikron_source::trust::TrustError>(())
/// ```
///
/// # Errors
/// [`TrustError::Unsigned`] when there is no such message at all; [`TrustError::Malformed`] with the offset when anything
/// stands before, between or behind its parts that does not belong there.
pub fn split_cleartext(message: &[u8]) -> Result<Cleartext<'_>, TrustError> {
    let malformed = |reason, offset| Err(TrustError::Malformed { reason, offset });
    let mut lines = Lines {
        rest: message,
        offset: 0,
    };
    let first = lines.next().map_or(&b""[..], |(_, line)| line);
    if first.trim_ascii_end() != BEGIN {
        let inside = message.windows(BEGIN.len()).position(|w| w == BEGIN);
        return match inside {
            Some(_) => malformed("text stands before the signed message", 0),
            None => Err(TrustError::Unsigned),
        };
    }
    // Armour headers up to an empty line. `Hash` says nothing that the signatures do not; anything else, such as
    // `NotDashEscaped`, would change the rules.
    loop {
        match lines.next() {
            Some((_, line)) if line.trim_ascii_end().is_empty() => break,
            Some((_, line)) if line.starts_with(b"Hash:") => {}
            Some((at, _)) => return malformed("an unknown armour header", at),
            None => return malformed("the signed message has no end", message.len()),
        }
    }
    let mut text = Vec::with_capacity(message.len());
    let signatures = loop {
        match lines.next() {
            Some((at, line)) if line.trim_ascii_end() == BEGIN_SIGNATURE => break at,
            Some((at, line)) => {
                let line = match line {
                    [b'-', b' ', rest @ ..] => rest,
                    [b'-', ..] => {
                        return malformed("a line begins with a dash that is not escaped", at);
                    }
                    line => line,
                };
                let end = line
                    .iter()
                    .rposition(|b| !b" \t\r".contains(b))
                    .map_or(0, |last| last + 1);
                if line[..end].contains(&b'\r') {
                    return malformed("a carriage return within a line", at);
                }
                text.extend_from_slice(&line[..end]);
                text.push(b'\n');
            }
            None => return malformed("the signed message has no signature", message.len()),
        }
    };
    let end = loop {
        match lines.next() {
            Some((_, line)) if line.trim_ascii_end() == END_SIGNATURE => break lines.offset,
            Some((at, line)) if line.starts_with(b"-----") => {
                return malformed("another block within the signature", at);
            }
            Some(_) => {}
            None => return malformed("the signature has no end", message.len()),
        }
    };
    if let Some(at) = message[end..].iter().position(|b| !b.is_ascii_whitespace()) {
        return malformed("text stands after the signed message", end + at);
    }
    Ok(Cleartext {
        text,
        signatures: &message[signatures..end],
    })
}

/// Lines with their offsets, without their line feeds.
struct Lines<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.offset;
        let (line, used) = match self.rest.iter().position(|b| *b == b'\n') {
            Some(end) => (&self.rest[..end], end + 1),
            None => (self.rest, self.rest.len()),
        };
        self.rest = &self.rest[used..];
        self.offset += used;
        Some((at, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";

    fn message(text: &str) -> String {
        format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}\n{SIGNATURE}")
    }

    fn reason(message: &str) -> &'static str {
        match split_cleartext(message.as_bytes()) {
            Err(TrustError::Malformed { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_text_between_the_marks_is_the_signed_text() {
        let message = message("a: b\t \n- -dash\n\nlast");
        let parts = split_cleartext(message.as_bytes()).unwrap();
        assert_eq!(parts.text, b"a: b\n-dash\n\nlast\n");
        assert_eq!(parts.signatures, SIGNATURE.as_bytes());
    }

    #[test]
    fn crlf_line_ends_are_the_same_text() {
        let message = message("a: b\nc: d").replace('\n', "\r\n");
        assert_eq!(
            split_cleartext(message.as_bytes()).unwrap().text,
            b"a: b\nc: d\n"
        );
    }

    #[test]
    fn anything_around_the_message_is_refused() {
        let good = message("a: b");
        assert_eq!(
            reason(&format!("x: y\n{good}")),
            "text stands before the signed message"
        );
        assert_eq!(
            reason(&format!("{good}x: y\n")),
            "text stands after the signed message"
        );
        assert_eq!(
            reason(&good.replace("Hash: SHA256", "NotDashEscaped: x")),
            "an unknown armour header"
        );
        assert_eq!(
            reason(&good.replace("a: b", "-a: b")),
            "a line begins with a dash that is not escaped"
        );
        assert_eq!(
            reason(&good.replace("a: b", "a\rb")),
            "a carriage return within a line"
        );
        assert_eq!(split_cleartext(b"Date: x\n"), Err(TrustError::Unsigned));
        for end in 0..good.len() - 1 {
            assert!(split_cleartext(&good.as_bytes()[..end]).is_err(), "{end}");
        }
    }
}
