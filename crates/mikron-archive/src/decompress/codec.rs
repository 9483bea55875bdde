//! The decoders of the five compressed formats behind one small interface.

use liblzma::stream as xz;
use mikron_package::{ArchiveError, ArchiveErrorKind, LimitExceeded, Limits};
use zstd::stream::raw::{Decoder as ZstdDecoder, InBuffer, Operation as _, OutBuffer};

use super::Compression;

/// What one step of a decoder did.
pub(super) struct Step {
    /// Bytes taken from the input.
    pub(super) consumed: usize,
    /// Bytes written to the output.
    pub(super) produced: usize,
    /// Whether the member (gzip), stream (xz, bzip2) or frame (zstd) is complete.
    pub(super) end: bool,
}

/// A decoder of one format.
pub(super) trait Codec: Send {
    /// Decodes some of `input` into `output`, which is never empty. An empty `input` means that there is no more.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, ArchiveError>;

    /// Makes it ready for a further member.
    fn restart(&mut self) -> Result<(), ArchiveError>;

    /// How a further member begins; `None` where the format has no further members here.
    fn magic(&self) -> Option<u8>;
}

pub(super) fn codec(
    compression: Compression,
    limits: &Limits,
) -> Result<Option<Box<dyn Codec>>, ArchiveError> {
    Ok(Some(match compression {
        Compression::None => return Ok(None),
        Compression::Gzip => Box::new(Gzip(flate2::Decompress::new_gzip(15))),
        Compression::Bzip2 => Box::new(Bzip2(bzip2::Decompress::new(false))),
        Compression::Xz => Box::new(Xz {
            // CONCATENATED makes liblzma itself go on with further streams and check the padding between them.
            stream: xz::Stream::new_stream_decoder(limits.xz_memory, xz::CONCATENATED)
                .map_err(|error| xz_error(error, "xz", limits.xz_memory))?,
            name: "xz",
            memory: limits.xz_memory,
        }),
        Compression::Lzma => Box::new(Xz {
            stream: xz::Stream::new_lzma_decoder(limits.xz_memory)
                .map_err(|error| xz_error(error, "lzma", limits.xz_memory))?,
            name: "lzma",
            memory: limits.xz_memory,
        }),
        Compression::Zstd => Box::new(Zstd(zstd_decoder(limits).map_err(ArchiveError::from_io)?)),
    }))
}

struct Gzip(flate2::Decompress);

impl Codec for Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, ArchiveError> {
        let (before_in, before_out) = (self.0.total_in(), self.0.total_out());
        let status = self
            .0
            .decompress(input, output, flate2::FlushDecompress::None)
            .map_err(|_| ArchiveError::malformed("the gzip data is damaged"))?;
        Ok(Step {
            consumed: (self.0.total_in() - before_in) as usize,
            produced: (self.0.total_out() - before_out) as usize,
            end: status == flate2::Status::StreamEnd,
        })
    }

    fn restart(&mut self) -> Result<(), ArchiveError> {
        self.0 = flate2::Decompress::new_gzip(15);
        Ok(())
    }

    fn magic(&self) -> Option<u8> {
        Some(0x1f)
    }
}

struct Bzip2(bzip2::Decompress);

impl Codec for Bzip2 {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, ArchiveError> {
        let (before_in, before_out) = (self.0.total_in(), self.0.total_out());
        let status = self
            .0
            .decompress(input, output)
            .map_err(|_| ArchiveError::malformed("the bzip2 data is damaged"))?;
        Ok(Step {
            consumed: (self.0.total_in() - before_in) as usize,
            produced: (self.0.total_out() - before_out) as usize,
            end: status == bzip2::Status::StreamEnd,
        })
    }

    fn restart(&mut self) -> Result<(), ArchiveError> {
        self.0 = bzip2::Decompress::new(false);
        Ok(())
    }

    fn magic(&self) -> Option<u8> {
        Some(b'B')
    }
}

struct Xz {
    stream: xz::Stream,
    name: &'static str,
    memory: u64,
}

fn xz_error(error: xz::Error, name: &str, memory: u64) -> ArchiveError {
    match error {
        xz::Error::MemLimit => ArchiveError::new(ArchiveErrorKind::Limit(LimitExceeded {
            limit: "xz_memory",
            found: memory.saturating_add(1),
            allowed: memory,
        })),
        xz::Error::Options => ArchiveError::new(ArchiveErrorKind::Unsupported(format!(
            "this kind of {name} data"
        ))),
        xz::Error::Format => ArchiveError::malformed(format!("this is not {name} data")),
        _ => ArchiveError::malformed(format!("the {name} data is damaged")),
    }
}

impl Codec for Xz {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, ArchiveError> {
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        let action = if input.is_empty() {
            xz::Action::Finish
        } else {
            xz::Action::Run
        };
        let result = self.stream.process(input, output, action);
        let (consumed, produced) = (
            (self.stream.total_in() - before_in) as usize,
            (self.stream.total_out() - before_out) as usize,
        );
        let status = match result {
            // liblzma takes what is left of a stream for damage where the stream simply stops.
            Err(_) if input.is_empty() && consumed == 0 => xz::Status::Ok,
            other => other.map_err(|error| xz_error(error, self.name, self.memory))?,
        };
        Ok(Step {
            consumed,
            produced,
            end: matches!(status, xz::Status::StreamEnd),
        })
    }

    fn restart(&mut self) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn magic(&self) -> Option<u8> {
        None
    }
}

struct Zstd(ZstdDecoder<'static>);

fn zstd_decoder(limits: &Limits) -> std::io::Result<ZstdDecoder<'static>> {
    let mut decoder = ZstdDecoder::new()?;
    decoder.set_parameter(zstd::zstd_safe::DParameter::WindowLogMax(
        limits.zstd_window_log,
    ))?;
    Ok(decoder)
}

impl Codec for Zstd {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, ArchiveError> {
        let mut source = InBuffer::around(input);
        let mut sink = OutBuffer::around(output);
        let left = self.0.run(&mut source, &mut sink).map_err(|error| {
            // The binding hands on zstd's own words ("Frame requires too much memory for decoding").
            ArchiveError::malformed(format!("the zstd data is damaged: {error}"))
        })?;
        Ok(Step {
            consumed: source.pos(),
            produced: sink.pos(),
            end: left == 0,
        })
    }

    fn restart(&mut self) -> Result<(), ArchiveError> {
        self.0.reinit().map_err(ArchiveError::from_io)
    }

    fn magic(&self) -> Option<u8> {
        // Frames begin with 28, skippable ones with 50 to 5f; the decoder itself tells them from anything else.
        None
    }
}
