//! Fetches that nobody has to wait for.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;

use mikron_package::{Cancellation, Cancelled};

use super::{Fetch, FetchError, FetchErrorKind, Request, Response};

/// Bytes of a body are handed over in pieces of this size.
const PIECE: usize = 64 * 1024;

/// Pieces that wait to be taken.
const WAITING: usize = 4;

/// Fetches by another, until it is cancelled. A server may take seconds for an answer, and no call of the system that waits for it
/// can be taken back: a thread of its own waits for each, and is left alone with it.
pub struct CancelledFetch {
    fetch: Arc<dyn Fetch>,
    cancellation: Cancellation,
}

impl CancelledFetch {
    /// Fetches by `fetch` until `cancellation` is cancelled.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use mikron_package::Cancellation;
    /// use mikron_source::fetch::{CancelledFetch, Fetch as _, MemoryFetch, Request};
    /// let memory = MemoryFetch::default().with("memory:/a", b"hello".to_vec());
    /// let cancellation = Cancellation::new();
    /// let fetch = CancelledFetch::new(Arc::new(memory), &cancellation);
    /// let response = fetch.fetch(&Request::get("memory:/a"))?;
    /// assert_eq!(std::io::read_to_string(response.body)?, "hello");
    /// cancellation.cancel();
    /// assert!(fetch.fetch(&Request::get("memory:/a")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(fetch: Arc<dyn Fetch>, cancellation: &Cancellation) -> Self {
        Self {
            fetch,
            cancellation: cancellation.clone(),
        }
    }
}

impl Fetch for CancelledFetch {
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        let error = |kind| FetchError::new(&request.url, kind);
        self.cancellation
            .check()
            .map_err(|_| error(Cancelled.into()))?;
        let (give_head, head) = sync_channel(1);
        let (give, pieces) = sync_channel(WAITING);
        let (fetch, asked) = (Arc::clone(&self.fetch), request.clone());
        let waiting = thread::Builder::new().name("fetch".to_owned());
        let spawned = waiting.spawn(move || {
            let fetched = fetch.fetch(&asked).map(|response| {
                let Response { body, .. } = response;
                let head = Response {
                    body: Box::new(io::empty()),
                    ..response
                };
                (head, body)
            });
            match fetched {
                Ok((head, body)) => {
                    // Nobody takes it where it was cancelled.
                    if give_head.send(Ok(head)).is_ok() {
                        hand_over(body, &give);
                    }
                }
                Err(error) => drop(give_head.send(Err(error))),
            }
        });
        spawned.map_err(|e| error(FetchErrorKind::Io(Arc::new(e))))?;
        let response = match wait(&head, &self.cancellation) {
            Some(Ok(response)) => response?,
            Some(Err(Cancelled)) => return Err(error(Cancelled.into())),
            None => return Err(error(FetchErrorKind::Protocol(GONE.to_owned()))),
        };
        Ok(Response {
            body: Box::new(Pieces {
                coming: pieces,
                cancellation: self.cancellation.clone(),
                url: request.url.clone(),
                piece: io::Cursor::default(),
            }),
            ..response
        })
    }
}

/// What is said of a fetch whose thread ended without an answer, which only a panic does.
const GONE: &str = "whoever fetched it gave up";

fn hand_over(mut body: Box<dyn Read + Send>, give: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = vec![0; PIECE];
        let piece = match body.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map(|length| {
                piece.truncate(length);
                piece
            }),
        };
        let ends = piece.as_ref().map_or(true, Vec::is_empty);
        if give.send(piece).is_err() || ends {
            return;
        }
    }
}

/// The next of a channel; `None` where there is no next.
fn wait<T>(from: &Receiver<T>, cancellation: &Cancellation) -> Option<Result<T, Cancelled>> {
    loop {
        if cancellation.is_cancelled() {
            return Some(Err(Cancelled));
        }
        match from.recv_timeout(Cancellation::STEP) {
            Ok(next) => return Some(Ok(next)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// A body, piece by piece.
struct Pieces {
    coming: Receiver<io::Result<Vec<u8>>>,
    cancellation: Cancellation,
    url: String,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.position() == self.piece.get_ref().len() as u64 {
            let error = |kind| FetchError::new(&self.url, kind).into_io();
            match wait(&self.coming, &self.cancellation) {
                Some(Ok(piece)) => self.piece = io::Cursor::new(piece?),
                Some(Err(Cancelled)) => return Err(error(Cancelled.into())),
                None => return Ok(0),
            }
        }
        self.piece.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::fetch::{MemoryFetch, Status, Validator};

    /// Never answers, or never ends its body.
    struct Stuck {
        answers: bool,
    }

    impl Fetch for Stuck {
        fn fetch(&self, _: &Request) -> Result<Response, FetchError> {
            if !self.answers {
                thread::sleep(Duration::from_secs(3600));
            }
            Ok(Response {
                status: Status::Full,
                validator: Validator::default(),
                length: None,
                encoding: None,
                body: Box::new(StuckBody),
            })
        }
    }

    struct StuckBody;

    impl Read for StuckBody {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            thread::sleep(Duration::from_secs(3600));
            Ok(0)
        }
    }

    #[test]
    fn nobody_waits_for_a_server_that_does_not_answer_once_it_is_cancelled() {
        for answers in [false, true] {
            let cancellation = Cancellation::new();
            let fetch = CancelledFetch::new(Arc::new(Stuck { answers }), &cancellation);
            let waiting = thread::spawn(move || -> Result<usize, FetchError> {
                let mut response = fetch.fetch(&Request::get("stuck:/"))?;
                let read = response.body.read(&mut [0; 8]);
                read.map_err(|error| FetchError::from_io("stuck:/", error))
            });
            cancellation.cancel();
            let begun = Instant::now();
            let error = waiting.join().unwrap().unwrap_err();
            assert!(
                matches!(error.kind, FetchErrorKind::Cancelled(_)),
                "{error}"
            );
            assert!(!error.is_transient());
            // An hour is what it would take.
            assert!(begun.elapsed() < Duration::from_secs(60));
        }
    }

    #[test]
    fn a_body_comes_through_whole_with_its_errors() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let memory = MemoryFetch::default().with("memory:/a", text.clone());
        let fetch = CancelledFetch::new(Arc::new(memory), &Cancellation::new());
        let mut response = fetch.fetch(&Request::get("memory:/a")).unwrap();
        assert_eq!(response.length, Some(text.len() as u64));
        let mut read = Vec::new();
        response.body.read_to_end(&mut read).unwrap();
        assert!(read == text);
        let missing = fetch.fetch(&Request::get("memory:/b")).unwrap_err();
        assert!(missing.is_not_found());
    }
}
