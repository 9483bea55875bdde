//! A reader that gives up on bodies that trickle, run over their time, or end early.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::{FetchError, FetchErrorKind};

/// What a body must keep to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// So many bytes …
    pub(super) bytes: u64,
    /// … in each window of this length,
    pub(super) window: Duration,
    /// and the whole of it before this moment.
    pub(super) deadline: Instant,
}

/// A body under supervision.
pub(super) struct Paced<R> {
    inner: R,
    url: String,
    pace: Pace,
    window_start: Instant,
    window_bytes: u64,
    total: u64,
    expected: Option<u64>,
    map: fn(&str, io::Error) -> FetchError,
}

impl<R> Paced<R> {
    /// Supervises `inner`, of which `expected` bytes are announced. `map` makes an error of what reading gives.
    pub(super) fn new(
        inner: R,
        url: &str,
        pace: Pace,
        expected: Option<u64>,
        map: fn(&str, io::Error) -> FetchError,
    ) -> Self {
        Self {
            inner,
            url: url.to_owned(),
            pace,
            window_start: Instant::now(),
            window_bytes: 0,
            total: 0,
            expected,
            map,
        }
    }

    fn fail(&self, kind: FetchErrorKind) -> io::Error {
        FetchError::new(&self.url, kind).into_io()
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(buffer);
        let now = Instant::now();
        if now > self.pace.deadline {
            return Err(self.fail(FetchErrorKind::Timeout {
                what: "the whole transfer".to_owned(),
            }));
        }
        let n = match result {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                let error = (self.map)(&self.url, error);
                // A connection that is cut is, to the caller, a body that ended early.
                let cut = matches!(&error.kind, FetchErrorKind::Io(inner) if matches!(
                    inner.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
                ));
                return Err(match self.expected {
                    Some(expected) if cut => self.fail(FetchErrorKind::Short {
                        expected,
                        found: self.total,
                    }),
                    _ => error.into_io(),
                });
            }
        };
        self.total += n as u64;
        self.window_bytes += n as u64;
        match self.expected {
            Some(expected) if n == 0 && !buffer.is_empty() && self.total < expected => {
                return Err(self.fail(FetchErrorKind::Short {
                    expected,
                    found: self.total,
                }));
            }
            _ => {}
        }
        let over = now.duration_since(self.window_start);
        if over >= self.pace.window {
            if n > 0 && self.window_bytes < self.pace.bytes {
                return Err(self.fail(FetchErrorKind::TooSlow {
                    bytes: self.window_bytes,
                    over,
                }));
            }
            self.window_start = now;
            self.window_bytes = 0;
        }
        Ok(n)
    }
}
