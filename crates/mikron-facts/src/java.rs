//! Class files of Java and the archives that hold them: for which release they are compiled (JVMS 4.1; APPNOTE of zip).

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress};
use rawzip::{CompressionMethod, ReaderAt, ZipLocator};

use crate::ReadAt;

/// What class files begin with.
const MAGIC: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];

/// So much of a packed class file is read: the first block begins with its codes, which take 320 bytes at most (RFC 1951, 3.2.7).
const HEAD: usize = 512;

/// Whether a file of this path is an archive of class files.
pub(crate) fn is_archive(path: &[u8]) -> bool {
    let endings: [&[u8]; 3] = [b".jar", b".war", b".ear"];
    endings.iter().any(|ending| path.ends_with(ending))
}

/// The version of a class file, by its first eight bytes.
pub(crate) fn class_version(head: &[u8]) -> Option<u16> {
    match head.first_chunk::<8>() {
        Some([a, b, c, d, _, _, major @ ..]) if [*a, *b, *c, *d] == MAGIC => {
            Some(u16::from_be_bytes(*major))
        }
        _ => None,
    }
}

/// The highest version of the class files in an archive that every virtual machine may have to load. What only some machines look at
/// does not count: `META-INF/versions` of an archive for several releases (JAR specification), and `module-info.class`, which those
/// from before modules pass over. Archives within the archive are not opened.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when it is no archive, else what reading gave.
pub(crate) fn newest_class(archive: &dyn ReadAt) -> io::Result<Option<u16>> {
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let archive = ZipLocator::new()
        .locate_in_reader(Positions(archive), &mut buffer, archive.len())
        .map_err(|(_, error)| broken(&error))?;
    let mut entries = archive.entries(&mut buffer);
    let mut unpacker = Decompress::new(false);
    let mut newest = None;
    while let Some(entry) = entries.next_entry().map_err(|error| broken(&error))? {
        if !counts(entry.file_path().as_ref()) {
            continue;
        }
        let method = entry.compression_method();
        let class = archive.get_entry(entry.wayfinder());
        let class = class.map_err(|error| broken(&error))?;
        let mut packed = Vec::with_capacity(HEAD);
        let mut reader = class.reader().take(HEAD as u64);
        reader.read_to_end(&mut packed).map_err(ended)?;
        let version = match method {
            CompressionMethod::STORE => class_version(&packed),
            CompressionMethod::DEFLATE => {
                let mut head = [0; 8];
                unpacker.reset(false);
                let done = unpacker.decompress(&packed, &mut head, FlushDecompress::None);
                done.ok().and_then(|_| class_version(&head))
            }
            _ => None,
        };
        newest = newest.max(version);
    }
    Ok(newest)
}

/// Whether an entry is a class that every machine may load.
fn counts(name: &[u8]) -> bool {
    name.ends_with(b".class")
        && !name.starts_with(b"META-INF/versions/")
        && !name.ends_with(b"module-info.class")
}

fn broken(error: &rawzip::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

/// An archive may say that a class goes on behind its end.
fn ended(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(io::ErrorKind::InvalidData, error),
        _ => error,
    }
}

/// A file under the trait by which archives are read.
struct Positions<'a>(&'a dyn ReadAt);

impl ReaderAt for Positions<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use mikron_testkit::archive::{class, jar};
    use mikron_testkit::mutation::{Mutator, Numbers};

    use super::*;

    #[test]
    fn the_newest_class_that_every_machine_loads_counts() {
        let archive = jar(&[
            ("A.class", class(52)),
            ("b/B.class", class(61)),
            ("META-INF/versions/21/A.class", class(65)),
            ("module-info.class", class(53)),
            ("C.class", b"no class".to_vec()),
        ]);
        assert_eq!(newest_class(&&archive[..]).unwrap(), Some(61));
        let without = jar(&[("data.txt", class(61))]);
        assert_eq!(newest_class(&&without[..]).unwrap(), None);
    }

    #[test]
    fn mutated_archives_are_read_or_refused() {
        let good = jar(&[("A.class", class(52)), ("b/B.class", class(61))]);
        let mutator = Mutator::new([good]).words(&[b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"]);
        for round in 0..4000 {
            let input = mutator.input(&mut Numbers::new(0x6a61_7220, round));
            if let Err(error) = newest_class(&&input[..]) {
                assert_eq!(
                    error.kind(),
                    io::ErrorKind::InvalidData,
                    "round {round}: {error}"
                );
            }
        }
    }
}
