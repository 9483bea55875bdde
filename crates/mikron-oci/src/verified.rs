//! Readers that check what they hand out.

use std::io::{self, Read};

use mikron_package::Hasher;

use crate::{Blob, StoreError};

/// A reader that checks digest and size as it ends, and never hands out more than the blob's size.
#[derive(Debug)]
pub struct VerifiedReader<R> {
    inner: R,
    hasher: Option<Hasher>,
    expected: Blob,
    left: u64,
    place: String,
}

impl<R: Read> VerifiedReader<R> {
    /// Wraps `inner`, which should hold the bytes of `expected`; `place` names it in errors.
    pub fn new(inner: R, expected: Blob, place: impl Into<String>) -> Self {
        Self {
            inner,
            hasher: Some(Hasher::default()),
            expected,
            left: expected.size,
            place: place.into(),
        }
    }

    fn mismatch(&self, found: Blob) -> io::Error {
        StoreError::Mismatch {
            place: self.place.clone(),
            expected: self.expected,
            found,
        }
        .into()
    }

    /// At the declared end: one more byte is too much, and the digest must agree.
    fn end(&mut self) -> io::Result<usize> {
        let Some(mut hasher) = self.hasher.take() else {
            return Ok(0);
        };
        let mut byte = [0];
        let more = read_retrying(&mut self.inner, &mut byte)?;
        hasher.update(&byte[..more]);
        let found = Blob {
            digest: hasher.finish(),
            size: self.expected.size + more as u64,
        };
        if found == self.expected {
            Ok(0)
        } else {
            Err(self.mismatch(found))
        }
    }
}

fn read_retrying(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl<R: Read> Read for VerifiedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.end();
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let n = self.inner.read(&mut buffer[..most])?;
        let Some(hasher) = &mut self.hasher else {
            return Ok(0);
        };
        hasher.update(&buffer[..n]);
        if n == 0 {
            let found = Blob {
                digest: self.hasher.take().unwrap_or_default().finish(),
                size: self.expected.size - self.left,
            };
            self.left = 0;
            return Err(self.mismatch(found));
        }
        self.left -= n as u64;
        // Checked with the last byte and not after it: who reads exactly `size` bytes must learn of it too.
        if self.left == 0 {
            self.end()?;
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use mikron_package::Digest;

    use super::*;

    fn read(bytes: &[u8], expected: Blob) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        VerifiedReader::new(bytes, expected, "x").read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn a_verified_reader_hands_out_what_is_right() {
        assert_eq!(read(b"abc", Blob::of(b"abc")).unwrap(), b"abc");
        assert_eq!(read(b"", Blob::of(b"")).unwrap(), b"");
    }

    #[test]
    fn a_verified_reader_refuses_too_little_too_much_and_other_bytes() {
        for bytes in [&b"ab"[..], b"abcd", b"abx", b""] {
            let error = read(bytes, Blob::of(b"abc")).unwrap_err();
            assert!(
                error.to_string().contains(&Digest::of(b"abc").to_string()),
                "{error}"
            );
        }
        assert!(read(b"x", Blob::of(b"")).is_err());
    }

    #[test]
    fn who_reads_exactly_the_size_learns_of_a_mismatch_too() {
        let mut buffer = [0; 3];
        let mut reader = VerifiedReader::new(&b"abx"[..], Blob::of(b"abc"), "x");
        assert!(reader.read_exact(&mut buffer).is_err());
    }
}
