//! The compressors, driven so that their output depends on the input alone: fixed mode, fixed blocks, known size.

use std::io::{self, Write};

use zlib_rs::{Deflate, DeflateFlush, Status};
use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, get_error_name};

use crate::Recipe;
use crate::recipe::BLOCK;

/// A writer that compresses by a recipe what is written to it.
pub(crate) struct Encoder<W> {
    /// What has come since the last full block.
    block: Vec<u8>,
    kind: Kind,
    output: Output<W>,
}

/// Where the compressed bytes go, through a buffer of fixed size.
struct Output<W> {
    inner: W,
    buffer: Vec<u8>,
}

enum Kind {
    None,
    Zstd(CCtx<'static>),
    Gzip {
        deflate: Box<Deflate>,
        crc: u32,
        size: u32,
    },
}

impl<W: Write> Encoder<W> {
    /// An encoder for exactly `unpacked` bytes.
    pub(crate) fn new(recipe: Recipe, unpacked: u64, mut inner: W) -> io::Result<Self> {
        let kind = match recipe {
            Recipe::None => Kind::None,
            Recipe::Zstd { level } => Kind::Zstd(zstd_context(level, unpacked)?),
            Recipe::Gzip { level } => {
                // RFC 1952, 2.3: no name, no time, "unknown" operating system; XFL tells of the slowest and the fastest.
                let extra = match level {
                    9 => 2,
                    1 => 4,
                    _ => 0,
                };
                inner.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, extra, 255])?;
                Kind::Gzip {
                    deflate: Box::new(Deflate::new(level, false, 15)),
                    crc: 0,
                    size: 0,
                }
            }
        };
        Ok(Self {
            block: Vec::with_capacity(BLOCK),
            kind,
            output: Output {
                inner,
                buffer: vec![0; 2 * BLOCK],
            },
        })
    }

    /// Ends the stream and gives back the writer beneath.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let block = std::mem::take(&mut self.block);
        feed(&mut self.kind, &block, &mut self.output)?;
        match self.kind {
            Kind::None => {}
            Kind::Zstd(mut context) => loop {
                let mut out = OutBuffer::around(self.output.buffer.as_mut_slice());
                let left = context.end_stream(&mut out).map_err(zstd_error)?;
                let n = out.pos();
                self.output.write(n)?;
                if left == 0 {
                    break;
                }
            },
            Kind::Gzip {
                mut deflate,
                crc,
                size,
            } => {
                loop {
                    let end = run(
                        &mut deflate,
                        &mut &[][..],
                        DeflateFlush::Finish,
                        &mut self.output,
                    )?;
                    if end {
                        break;
                    }
                }
                self.output.inner.write_all(&crc.to_le_bytes())?;
                self.output.inner.write_all(&size.to_le_bytes())?;
            }
        }
        Ok(self.output.inner)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..n]);
        if self.block.len() == BLOCK {
            feed(&mut self.kind, &self.block, &mut self.output)?;
            self.block.clear();
        }
        Ok(n)
    }

    /// Does nothing: flushing an encoder would change its output.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Output<W> {
    /// Passes on the first `n` bytes of the buffer.
    fn write(&mut self, n: usize) -> io::Result<()> {
        self.inner.write_all(&self.buffer[..n])
    }
}

fn zstd_error(code: usize) -> io::Error {
    io::Error::other(format!("zstd: {}", get_error_name(code)))
}

fn zstd_context(level: i32, unpacked: u64) -> io::Result<CCtx<'static>> {
    let mut context = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
    let mut parameters = vec![
        CParameter::CompressionLevel(level),
        CParameter::ContentSizeFlag(true),
        CParameter::ChecksumFlag(false),
        CParameter::EnableLongDistanceMatching(false),
    ];
    if let Some(tables) = Recipe::tables(level, unpacked) {
        parameters.extend([
            CParameter::WindowLog(tables.window),
            CParameter::ChainLog(tables.chain),
            CParameter::HashLog(tables.hash),
        ]);
    }
    for parameter in parameters {
        context.set_parameter(parameter).map_err(zstd_error)?;
    }
    // The library shrinks its tables to the size of the input, so a small layer takes little memory.
    context
        .set_pledged_src_size(Some(unpacked))
        .map_err(zstd_error)?;
    Ok(context)
}

fn feed<W: Write>(kind: &mut Kind, block: &[u8], output: &mut Output<W>) -> io::Result<()> {
    if block.is_empty() {
        return Ok(());
    }
    match kind {
        Kind::None => output.inner.write_all(block),
        Kind::Zstd(context) => {
            let mut input = InBuffer::around(block);
            while input.pos() < block.len() {
                let mut out = OutBuffer::around(output.buffer.as_mut_slice());
                context
                    .compress_stream(&mut out, &mut input)
                    .map_err(zstd_error)?;
                let n = out.pos();
                output.write(n)?;
            }
            Ok(())
        }
        Kind::Gzip { deflate, crc, size } => {
            *crc = zlib_rs::crc32::crc32(*crc, block);
            // ISIZE is the size modulo 2^32 (RFC 1952, 2.3.1).
            *size = size.wrapping_add(block.len() as u32);
            let mut rest = block;
            while !rest.is_empty() {
                run(deflate, &mut rest, DeflateFlush::NoFlush, output)?;
            }
            Ok(())
        }
    }
}

/// One call of deflate. Whether the stream has ended.
fn run<W: Write>(
    deflate: &mut Deflate,
    rest: &mut &[u8],
    flush: DeflateFlush,
    output: &mut Output<W>,
) -> io::Result<bool> {
    let (before_in, before_out) = (deflate.total_in(), deflate.total_out());
    let status = deflate
        .compress(rest, &mut output.buffer, flush)
        .map_err(|e| io::Error::other(format!("zlib-rs: {e:?}")))?;
    let (read, written) = (
        deflate.total_in() - before_in,
        deflate.total_out() - before_out,
    );
    *rest = &rest[read as usize..];
    output.write(written as usize)?;
    if status == Status::BufError && read == 0 && written == 0 {
        return Err(io::Error::other("zlib-rs: no progress"));
    }
    Ok(status == Status::StreamEnd)
}
