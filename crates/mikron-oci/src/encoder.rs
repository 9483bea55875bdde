//! The compressors, driven so that their output depends on the input alone: fixed mode, fixed blocks, known size.

use std::io::{self, Write};

use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, Strategy, get_error_name};

use crate::Recipe;
use crate::gzip::Gzip;
use crate::pool::Pool;
use crate::recipe::BLOCK;

/// A writer that compresses by a recipe what is written to it.
pub(crate) struct Encoder<'p, W> {
    /// What has come since the last full block.
    block: Vec<u8>,
    kind: Kind<'p>,
    output: Output<W>,
}

/// Where the compressed bytes go, through a buffer of fixed size.
struct Output<W> {
    inner: W,
    buffer: Vec<u8>,
}

enum Kind<'p> {
    None,
    Zstd(CCtx<'static>),
    Gzip(Gzip<'p>),
}

impl<'p, W: Write> Encoder<'p, W> {
    /// An encoder for exactly `unpacked` bytes, which may leave work to a pool.
    pub(crate) fn new(recipe: Recipe, unpacked: u64, pool: &'p Pool, inner: W) -> io::Result<Self> {
        let kind = match recipe {
            Recipe::None => Kind::None,
            Recipe::Zstd { level } => Kind::Zstd(zstd_context(level, unpacked)?),
            Recipe::Gzip { level } => Kind::Gzip(Gzip::new(level, pool)?),
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
            Kind::Gzip(gzip) => gzip.finish(&mut self.output.inner)?,
        }
        Ok(self.output.inner)
    }
}

impl<W: Write> Write for Encoder<'_, W> {
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
    if let Some(search) = Recipe::search(level) {
        parameters.extend([
            CParameter::Strategy(Strategy::ZSTD_btopt),
            CParameter::SearchLog(search.log),
            CParameter::TargetLength(search.enough),
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

fn feed<W: Write>(kind: &mut Kind<'_>, block: &[u8], output: &mut Output<W>) -> io::Result<()> {
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
        Kind::Gzip(gzip) => gzip.write(block, &mut output.inner),
    }
}
