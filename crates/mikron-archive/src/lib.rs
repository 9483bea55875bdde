//! Bounded streaming readers for ar, tar, cpio, gzip, xz, lzma, zstd and bzip2.
//!
//! This crate stands between the bytes of a fetched archive and the format crates: it knows containers and compression,
//! but neither packages nor metadata. Every reader makes one forward pass, takes [`Limits`](mikron_package::Limits),
//! holds memory that does not grow with its input, and answers bad input with an
//! [`ArchiveError`] that names entry and offset.
//!
//! Readers stack, and are taken apart again with `get_mut`, so that a container can go on behind a member:
//!
//! ```
//! use std::io::Read;
//! use mikron_archive::{ArReader, Cap, Compression, Decompressor, TarDialect, TarReader};
//! use mikron_package::{ArchiveError, Limits};
//!
//! /// Lists the paths of a tar archive that is the first member of an ar archive.
//! fn paths(input: &[u8]) -> Result<Vec<String>, ArchiveError> {
//!     let limits = Limits::default();
//!     let mut ar = ArReader::new(input, &limits)?;
//!     let Some(member) = ar.next_member()? else { return Ok(Vec::new()) };
//!     let compression = Compression::from_name(&member.name).unwrap_or(Compression::None);
//!     let unpacked = Decompressor::new(&mut ar, compression, &limits, Cap::unpacked(&limits))?;
//!     let mut tar = TarReader::new(unpacked, TarDialect::Posix, &limits);
//!     let mut paths = Vec::new();
//!     while let Some(entry) = tar.next_entry()? {
//!         paths.push(entry.path.to_string());
//!     }
//!     Ok(paths)
//! }
//! # let empty = [b"!<arch>\n".as_slice()].concat();
//! # assert!(paths(&empty)?.is_empty());
//! # Ok::<(), ArchiveError>(())
//! ```

mod ar;
mod cpio;
mod decompress;
mod tar;

pub use ar::{ArHeader, ArMember, ArReader};
pub use cpio::{CpioHeader, CpioMember, CpioReader};
pub use decompress::{Cap, Compression, Decompressor};
pub use tar::{MAX_MTIME, TarDialect, TarReader};

use mikron_package::{ArchiveError, ArchiveErrorKind};

/// An archive that ends too early while `part` was read.
fn truncated(part: impl Into<String>) -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::Truncated(part.into()))
}

/// Fills the buffer of `input`, however often it is interrupted.
fn fill<R: std::io::BufRead + ?Sized>(input: &mut R) -> std::io::Result<&[u8]> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // The buffer is filled or at its end: this call returns it, and reads nothing more than the one before.
    input.fill_buf()
}

/// Reads until `buffer` is full or the input ends; says how much was read.
fn read_full<R: std::io::Read + ?Sized>(
    input: &mut R,
    buffer: &mut [u8],
) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
