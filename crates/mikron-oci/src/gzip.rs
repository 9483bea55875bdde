//! A gzip file (RFC 1952) of members that are compressed apart, several at once.
//!
//! The input is cut every [`PIECE`] bytes, and each piece becomes a member of its own: a file is "a series of members"
//! (RFC 1952, 2.2), and every reader of layers goes on with the next. What a piece becomes depends on nothing else: the bytes are
//! the same whoever compresses how many at once. libdeflate, which takes a piece as a whole, needs half the time of compressors of
//! streams for fewer bytes, although no member looks back into the one before it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use libdeflater::{CompressionLvl, Compressor};

use crate::pool::Pool;

/// Bytes of the input that are compressed apart.
pub(crate) const PIECE: usize = 512 * 1024;

/// So many pieces of a stream may be under way or wait for one before them.
const MOST_WAITING: usize = 64;

/// What libdeflate is asked for at the levels 1 to 9, which everybody knows from zlib: of programs and documentation it makes fewer
/// bytes than zlib does at that level, in half the time but for 9, which is for who wants the fewest (docs/measurements.md).
const LEVELS: [i32; 9] = [1, 1, 2, 3, 4, 4, 6, 8, 10];

/// The level of libdeflate for one of gzip.
pub(crate) fn own_level(level: i32) -> i32 {
    let place = usize::try_from(level - 1).unwrap_or_default();
    LEVELS[place.min(LEVELS.len() - 1)]
}

/// A gzip file in the making.
pub(crate) struct Gzip<'p> {
    level: CompressionLvl,
    pool: &'p Pool,
    /// What has come since the last full piece.
    piece: Vec<u8>,
    /// The pieces that are not written, in their order.
    waiting: VecDeque<Receiver<io::Result<Vec<u8>>>>,
}

impl<'p> Gzip<'p> {
    /// Begins a file of a level from 1 to 9.
    pub(crate) fn new(level: i32, pool: &'p Pool) -> io::Result<Self> {
        let level = CompressionLvl::new(own_level(level));
        Ok(Self {
            level: level.map_err(|_| io::Error::other("libdeflate does not know the level"))?,
            pool,
            piece: Vec::new(),
            waiting: VecDeque::new(),
        })
    }

    /// Takes in what follows, and writes what is done.
    pub(crate) fn write(&mut self, mut bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        while !bytes.is_empty() {
            // Passed on only when more comes: the last piece is not an empty one.
            if self.piece.len() == PIECE {
                self.pass_on(out)?;
            }
            let n = bytes.len().min(PIECE - self.piece.len());
            self.piece.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Writes the rest.
    pub(crate) fn finish(mut self, out: &mut impl Write) -> io::Result<()> {
        self.pass_on(out)?;
        self.write_done(0, out)
    }

    /// Has the piece compressed: by another thread that has time, else by this one.
    fn pass_on(&mut self, out: &mut impl Write) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let (level, (sender, result)) = (self.level, channel());
        let work = move || {
            // Nobody waits for it any more where the stream has failed.
            let _ = sender.send(member(level, &piece));
        };
        if let Some(work) = self.pool.offer(Box::new(work)) {
            work();
        }
        self.waiting.push_back(result);
        self.write_done(MOST_WAITING, out)
    }

    /// Writes the pieces that are done, in their order, until at most `most` are left.
    fn write_done(&mut self, most: usize, out: &mut impl Write) -> io::Result<()> {
        let lost = || io::Error::other("a thread that compressed is gone");
        while let Some(first) = self.waiting.front() {
            let done = match first.try_recv() {
                Ok(done) => done?,
                Err(TryRecvError::Disconnected) => return Err(lost()),
                Err(TryRecvError::Empty) if self.waiting.len() <= most => break,
                // It may be among those that nobody has begun.
                Err(TryRecvError::Empty) if self.pool.help() => continue,
                Err(TryRecvError::Empty) => first.recv().map_err(|_| lost())??,
            };
            self.waiting.pop_front();
            out.write_all(&done)?;
        }
        Ok(())
    }
}

/// Compresses a piece by itself. libdeflate names no file, no time and an "unknown" operating system (RFC 1952, 2.3).
fn member(level: CompressionLvl, piece: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(level);
    let mut out = vec![0; compressor.gzip_compress_bound(piece.len())];
    let size = compressor.gzip_compress(piece, &mut out);
    out.truncate(size.map_err(|error| io::Error::other(format!("libdeflate: {error}")))?);
    out.shrink_to_fit();
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    /// Text that compresses about as programs do, with some bytes that do not.
    fn text(size: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut text = Vec::with_capacity(size);
        while text.len() < size {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            match state >> 62 {
                0 => text.extend_from_slice(&state.to_le_bytes()),
                _ => text.extend_from_slice(format!("line {} of it\n", state >> 52).as_bytes()),
            }
        }
        text.truncate(size);
        text
    }

    fn unpacked(packed: &[u8]) -> Vec<u8> {
        let mut unpacked = Vec::new();
        let mut decoder = flate2::read::MultiGzDecoder::new(packed);
        decoder.read_to_end(&mut unpacked).unwrap();
        unpacked
    }

    fn members(mut packed: &[u8]) -> usize {
        let mut count = 0;
        while !packed.is_empty() {
            let mut decoder = flate2::bufread::GzDecoder::new(packed);
            io::copy(&mut decoder, &mut io::sink()).unwrap();
            packed = decoder.into_inner();
            count += 1;
        }
        count
    }

    fn packed(bytes: &[u8], level: i32, helpers: usize) -> Vec<u8> {
        let pool = Pool::default();
        std::thread::scope(|scope| {
            let _own = pool.own_work();
            for _ in 0..helpers {
                scope.spawn(|| pool.help_to_the_end());
            }
            let mut out = Vec::new();
            let mut gzip = Gzip::new(level, &pool).unwrap();
            // The pieces do not depend on how the bytes come.
            for part in bytes.chunks(9_999 * (helpers + 1)) {
                gzip.write(part, &mut out).unwrap();
            }
            gzip.finish(&mut out).unwrap();
            out
        })
    }

    #[test]
    fn pieces_make_one_file_whatever_their_number_and_their_compressors() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
            let bytes = text(size);
            let alone = packed(&bytes, 6, 0);
            assert!(unpacked(&alone) == bytes, "{size}");
            assert_eq!(members(&alone), size.div_ceil(PIECE).max(1), "{size}");
            for helpers in [1, 7] {
                assert!(packed(&bytes, 6, helpers) == alone, "{size} {helpers}");
            }
        }
    }

    #[test]
    fn every_level_takes_what_cannot_be_compressed() {
        let mut state = 7_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .take(PIECE + 100_000)
        .collect();
        for level in 1..=9 {
            assert!(unpacked(&packed(&noise, level, 1)) == noise, "{level}");
        }
    }

    #[test]
    fn a_level_makes_no_more_bytes_of_a_program_than_that_of_zlib() {
        let mut bytes = vec![0; 2 * PIECE];
        let own = std::env::current_exe().unwrap();
        let mut own = std::fs::File::open(own).unwrap();
        own.read_exact(&mut bytes).unwrap();
        let zlib = |level| {
            let level = flate2::Compression::new(level);
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(&bytes).unwrap();
            encoder.finish().unwrap().len()
        };
        let mut before = usize::MAX;
        for level in 1..=9 {
            let (own, zlib) = (packed(&bytes, level, 1).len(), zlib(level.cast_unsigned()));
            assert!(own <= zlib.min(before), "{level}: {own}, {zlib}, {before}");
            before = own;
        }
    }
}
