//! Layers unpacked again, for checking them and for the docker archive.

use std::io::{self, BufReader, Read};

use mikron_package::Limits;

use crate::Compression;

/// A reader over the tar stream of a layer. Several members or frames are one stream.
pub(crate) fn decoder<'a>(
    compression: Compression,
    blob: impl Read + Send + 'a,
    limits: &Limits,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(blob),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(blob))),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(blob)?;
            decoder.window_log_max(limits.zstd_window_log)?;
            Box::new(decoder)
        }
    })
}
