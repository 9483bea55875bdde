//! One gzip member (RFC 1952) out of pieces that are compressed apart, several at once.
//!
//! The input is cut every [`PIECE`] bytes. A piece is compressed with the 32 KiB before it as its dictionary and ends at a
//! byte's border with an empty stored block, so that the pieces only need to be put one after the other. What a piece becomes
//! depends on nothing else: the stream is the same whoever compresses how many at once. It costs some ten bytes a piece and
//! a table of codes.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use zlib_rs::{Deflate, DeflateFlush, Status};

use crate::pool::Pool;

/// Bytes of the input that are compressed apart.
pub(crate) const PIECE: usize = 512 * 1024;

/// How far back deflate looks (RFC 1951, 2).
const WINDOW: usize = 32 * 1024;

/// So many pieces of a stream may be under way or wait for one before them.
const MOST_WAITING: usize = 64;

/// A gzip stream in the making.
pub(crate) struct Gzip<'p> {
    level: i32,
    pool: &'p Pool,
    /// What has come since the last full piece.
    piece: Vec<u8>,
    /// The end of what came before the piece.
    before: Vec<u8>,
    /// The pieces that are not written, in their order.
    waiting: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    crc: u32,
    size: u32,
}

impl<'p> Gzip<'p> {
    /// Begins a stream with its header.
    pub(crate) fn new(level: i32, pool: &'p Pool, out: &mut impl Write) -> io::Result<Self> {
        // RFC 1952, 2.3: no name, no time, "unknown" operating system; XFL tells of the slowest and the fastest.
        let extra = match level {
            9 => 2,
            1 => 4,
            _ => 0,
        };
        out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, extra, 255])?;
        Ok(Self {
            level,
            pool,
            piece: Vec::new(),
            before: Vec::new(),
            waiting: VecDeque::new(),
            crc: 0,
            size: 0,
        })
    }

    /// Takes in what follows, and writes what is done.
    pub(crate) fn write(&mut self, mut bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        while !bytes.is_empty() {
            // Passed on only when more comes: the last piece is not an empty one.
            if self.piece.len() == PIECE {
                self.pass_on(false, out)?;
            }
            let n = bytes.len().min(PIECE - self.piece.len());
            self.piece.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Writes the rest and the trailer.
    pub(crate) fn finish(mut self, out: &mut impl Write) -> io::Result<()> {
        self.pass_on(true, out)?;
        self.write_done(0, out)?;
        out.write_all(&self.crc.to_le_bytes())?;
        out.write_all(&self.size.to_le_bytes())
    }

    /// Has the piece compressed: by another thread that has time, else by this one.
    fn pass_on(&mut self, last: bool, out: &mut impl Write) -> io::Result<()> {
        let next = if last {
            Vec::new()
        } else {
            Vec::with_capacity(PIECE)
        };
        let piece = std::mem::replace(&mut self.piece, next);
        self.crc = zlib_rs::crc32::crc32(self.crc, &piece);
        // ISIZE is the size modulo 2^32 (RFC 1952, 2.3.1).
        self.size = self.size.wrapping_add(piece.len() as u32);
        let tail = piece[piece.len().saturating_sub(WINDOW)..].to_vec();
        let before = std::mem::replace(&mut self.before, tail);
        let (level, (sender, result)) = (self.level, channel());
        let work = move || {
            // Nobody waits for it any more where the stream has failed.
            let _ = sender.send(deflate(level, &before, &piece, last));
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

/// Compresses a piece by itself.
fn deflate(level: i32, before: &[u8], piece: &[u8], last: bool) -> io::Result<Vec<u8>> {
    let failed = |error| io::Error::other(format!("zlib-rs: {error:?}"));
    let mut deflate = Deflate::new(level, false, 15);
    if !before.is_empty() {
        deflate.set_dictionary(before).map_err(failed)?;
    }
    let flush = if last {
        DeflateFlush::Finish
    } else {
        DeflateFlush::SyncFlush
    };
    // Of what cannot be compressed, the codes of the fastest level take nine bits a byte.
    let mut out = vec![0; piece.len() / 8 * 9 + 4096];
    loop {
        let (read, written) = (deflate.total_in() as usize, deflate.total_out() as usize);
        if written == out.len() {
            out.resize(2 * written, 0);
        }
        let status = deflate.compress(&piece[read..], &mut out[written..], flush);
        let status = status.map_err(failed)?;
        let end = deflate.total_out() as usize;
        // A flush is complete when it leaves room.
        let complete = deflate.total_in() as usize == piece.len() && end < out.len();
        if status == Status::StreamEnd || (!last && complete) {
            out.truncate(end);
            out.shrink_to_fit();
            return Ok(out);
        }
        if status == Status::BufError && end == written {
            return Err(io::Error::other("zlib-rs: no progress"));
        }
    }
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

    fn packed(bytes: &[u8], level: i32, helpers: usize) -> Vec<u8> {
        let pool = Pool::new(1);
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|| pool.help_to_the_end());
            }
            let _own = pool.own_work();
            let mut out = Vec::new();
            let mut gzip = Gzip::new(level, &pool, &mut out).unwrap();
            // The pieces do not depend on how the bytes come.
            for part in bytes.chunks(9_999 * (helpers + 1)) {
                gzip.write(part, &mut out).unwrap();
            }
            gzip.finish(&mut out).unwrap();
            out
        })
    }

    #[test]
    fn pieces_make_one_member_whatever_their_number_and_their_compressors() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
            let bytes = text(size);
            let alone = packed(&bytes, 6, 0);
            // This decoder ends with the first member.
            let mut decoder = flate2::bufread::GzDecoder::new(&alone[..]);
            let mut unpacked = Vec::new();
            decoder.read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == bytes, "{size}");
            assert!(decoder.into_inner().is_empty(), "{size}");
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
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&packed(&noise, level, 1)[..])
                .read_to_end(&mut unpacked)
                .unwrap();
            assert!(unpacked == noise, "{level}");
        }
    }

    #[test]
    fn pieces_cost_little() {
        let bytes = text(6 * PIECE);
        let whole = deflate(6, &[], &bytes, true).unwrap().len();
        let cut = packed(&bytes, 6, 2).len();
        assert!(cut < whole + whole / 200, "{cut} for {whole}");
    }
}
