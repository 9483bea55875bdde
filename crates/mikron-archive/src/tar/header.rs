//! One header block, taken apart without any input or output (POSIX pax, "ustar Interchange Format"; GNU tar manual).

use mikron_package::ArchiveError;

use super::TarDialect;
use super::number::{NumberFault, number};

pub(super) const BLOCK: usize = 512;

/// The fields of a header that mean something, with the dialect's rules for numbers applied.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) mode: i64,
    pub(super) uid: i64,
    pub(super) gid: i64,
    pub(super) size: i64,
    pub(super) mtime: Result<i64, NumberFault>,
    pub(super) user: Vec<u8>,
    pub(super) group: Vec<u8>,
    pub(super) major: i64,
    pub(super) minor: i64,
    /// Bytes 345 to 512, where GNU tar keeps a sparse map.
    pub(super) tail: Vec<u8>,
}

/// Up to the first NUL byte.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

fn field_number(
    block: &[u8; BLOCK],
    name: &str,
    at: usize,
    length: usize,
    dialect: TarDialect,
) -> Result<i64, ArchiveError> {
    let field = &block[at..at + length];
    number(field, dialect).map_err(|fault| {
        ArchiveError::malformed(match fault {
            NumberFault::NotANumber => {
                format!(
                    "the {name} `{}` is not a number",
                    text(field).escape_ascii()
                )
            }
            NumberFault::Overflow => format!("the {name} does not fit 64 bits"),
        })
    })
}

/// As [`field_number`]; where dpkg takes what is not a number for 0, so does its dialect.
fn lax_number(
    block: &[u8; BLOCK],
    name: &str,
    at: usize,
    length: usize,
    dialect: TarDialect,
) -> Result<i64, ArchiveError> {
    match (number(&block[at..at + length], dialect), dialect) {
        (Err(NumberFault::NotANumber), TarDialect::Deb) => Ok(0),
        _ => field_number(block, name, at, length, dialect),
    }
}

fn checksum_is_right(block: &[u8; BLOCK], dialect: TarDialect) -> Result<bool, ArchiveError> {
    let found = field_number(block, "checksum", 148, 8, dialect)?;
    let blanked = |(at, byte): (usize, &u8)| {
        if (148..156).contains(&at) {
            b' '
        } else {
            *byte
        }
    };
    let bytes = || block.iter().enumerate().map(blanked);
    let unsigned: i64 = bytes().map(i64::from).sum();
    // Some historic tars summed signed bytes; dpkg never accepted that.
    let signed = || bytes().map(|b| i64::from(b.cast_signed())).sum::<i64>();
    Ok(found == unsigned || (dialect == TarDialect::Posix && found == signed()))
}

impl Header {
    /// Reads a block that is not all zeros.
    pub(super) fn parse(block: &[u8; BLOCK], dialect: TarDialect) -> Result<Self, ArchiveError> {
        let magic = &block[257..263];
        let ustar = magic == b"ustar\0";
        let named = ustar || magic == b"ustar ";
        if !checksum_is_right(block, dialect)? {
            return Err(ArchiveError::malformed("a header has a wrong checksum"));
        }
        let mut name = text(&block[..100]).to_vec();
        let prefix = text(&block[345..500]);
        if ustar && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        let kind = if block[156] == 0 { b'0' } else { block[156] };
        // What is not a device has no numbers there, and some writers leave other things behind.
        let (major, minor) = if matches!(kind, b'3' | b'4') {
            (
                lax_number(block, "major device number", 329, 8, dialect)?,
                lax_number(block, "minor device number", 337, 8, dialect)?,
            )
        } else {
            (0, 0)
        };
        let owner = |at: usize| {
            if named || dialect == TarDialect::Deb {
                text(&block[at..at + 32]).to_vec()
            } else {
                Vec::new()
            }
        };
        let mtime = number(&block[136..148], dialect);
        if mtime == Err(NumberFault::NotANumber) {
            field_number(block, "time", 136, 12, dialect)?;
        }
        Ok(Self {
            kind,
            name,
            link: text(&block[157..257]).to_vec(),
            mode: lax_number(block, "mode", 100, 8, dialect)?,
            uid: field_number(block, "user id", 108, 8, dialect)?,
            gid: field_number(block, "group id", 116, 8, dialect)?,
            size: field_number(block, "size", 124, 12, dialect)?,
            mtime,
            user: owner(265),
            group: owner(297),
            major,
            minor,
            tail: block[345..].to_vec(),
        })
    }
}
