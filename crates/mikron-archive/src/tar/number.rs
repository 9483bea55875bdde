//! Numbers in tar headers: octal text, and base-256 (GNU tar manual, "Extensions to the Archive Format").

use super::TarDialect;

/// Why a field is not a number of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberFault {
    /// It holds something else than digits.
    NotANumber,
    /// It does not fit 64 bits with a sign.
    Overflow,
}

/// Reads a numeric field.
pub(super) fn number(field: &[u8], dialect: TarDialect) -> Result<i64, NumberFault> {
    match (field.first(), dialect) {
        (Some(0x80 | 0xff), _) => base256(field),
        (Some(first), TarDialect::Posix) if first & 0x80 != 0 => base256(field),
        _ => octal(field, dialect),
    }
}

/// Octal digits, after spaces, before spaces and NUL bytes. dpkg takes a field without any digit for 0, but not one
/// that is all spaces.
fn octal(field: &[u8], dialect: TarDialect) -> Result<i64, NumberFault> {
    let start = field.iter().position(|b| *b != b' ');
    let Some(start) = start else {
        return match dialect {
            TarDialect::Deb => Err(NumberFault::NotANumber),
            TarDialect::Posix | TarDialect::Apk => Ok(0),
        };
    };
    let text = &field[start..];
    let digits = text
        .iter()
        .take_while(|b| (b'0'..=b'7').contains(*b))
        .count();
    if text[digits..].iter().any(|b| *b != 0 && *b != b' ') {
        return Err(NumberFault::NotANumber);
    }
    text[..digits].iter().try_fold(0_i64, |n, digit| {
        n.checked_mul(8)
            .and_then(|n| n.checked_add(i64::from(digit - b'0')))
            .ok_or(NumberFault::Overflow)
    })
}

/// Two's complement with the top bit of the first byte as a mark: 0x80 begins what is positive, 0xff what is negative.
fn base256(field: &[u8]) -> Result<i64, NumberFault> {
    let first = field[0];
    let negative = first & 0x40 != 0;
    let top = if negative { first } else { first & 0x7f };
    let mut n: i128 = if negative { -1 } else { 0 };
    for byte in std::iter::once(top).chain(field[1..].iter().copied()) {
        // Fields have at most 12 bytes, so 128 bits are enough.
        n = n << 8 | i128::from(byte);
    }
    i64::try_from(n).map_err(|_| NumberFault::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_text_is_read_as_dpkg_reads_it() {
        let read = |field: &[u8]| number(field, TarDialect::Deb);
        assert_eq!(read(b"0000644\0"), Ok(0o644));
        assert_eq!(read(b"   644 \0"), Ok(0o644));
        assert_eq!(read(b"77777777"), Ok(0o77_777_777));
        assert_eq!(read(b"\0\0\0\0\0\0\0\0"), Ok(0));
        assert_eq!(read(b"        "), Err(NumberFault::NotANumber));
        assert_eq!(read(b"0000648\0"), Err(NumberFault::NotANumber));
        assert_eq!(read(b"-000644\0"), Err(NumberFault::NotANumber));
        assert_eq!(read(b"6 44\0\0\0\0"), Err(NumberFault::NotANumber));
    }

    #[test]
    fn base_256_has_a_sign_and_a_range() {
        let read = |field: &[u8]| number(field, TarDialect::Deb);
        assert_eq!(read(&[0x80, 0, 0, 0, 0, 0, 1, 0]), Ok(256));
        assert_eq!(read(&[0xff; 12]), Ok(-1));
        let mut huge = [0xff; 12];
        huge[0] = 0x80;
        assert_eq!(read(&huge), Err(NumberFault::Overflow));
        assert_eq!(
            read(&[0x81, 0, 0, 0, 0, 0, 0, 0]),
            Err(NumberFault::NotANumber)
        );
        assert_eq!(
            number(&[0x81, 0, 0, 0, 0, 0, 0, 0], TarDialect::Posix),
            Ok(1 << 56)
        );
    }
}
