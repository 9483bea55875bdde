//! One transfer: a request, its answer, and the partial file between them.

use std::io::{self, Read, Seek as _, SeekFrom};

use mikron_package::{Digest, Hasher, Task};
use serde::{Deserialize, Serialize};

use super::{Downloader, Failure, PIECE, Tap, Wanted};
use crate::cache::{CacheError, Partial};
use crate::fetch::{FetchError, FetchErrorKind, Request, Response, Status, Validator};

impl Downloader<'_> {
    /// One attempt at one location, with at most one restart when the resumed part turns out to be of no use.
    pub(super) fn attempt(
        &self,
        wanted: &Wanted,
        url: &str,
        partial: &mut Partial<'_>,
        tap: &mut dyn Tap,
        task: &Task<'_>,
    ) -> Result<(), Stop> {
        match self.transfer(wanted, url, partial, tap, task) {
            Err(Stop::Failure(failure)) if failure.blames_resume => {
                partial.restart()?;
                tap.restart();
                match self.transfer(wanted, url, partial, tap, task) {
                    Err(Stop::Failure(mut failure)) => {
                        failure.blames_resume = false;
                        Err(Stop::Failure(failure))
                    }
                    other => other,
                }
            }
            other => other,
        }
    }

    /// One request: resumes what is there, or begins anew.
    fn transfer(
        &self,
        wanted: &Wanted,
        url: &str,
        partial: &mut Partial<'_>,
        tap: &mut dyn Tap,
        task: &Task<'_>,
    ) -> Result<(), Stop> {
        let mut running = Running {
            hasher: Hasher::default(),
            length: 0,
        };
        let kept = Self::replay(wanted, partial, tap, &mut running)?;
        if running.length == wanted.size {
            return running.check(wanted, None, kept > 0);
        }
        let note = partial
            .note()
            .and_then(|note| serde_json::from_slice::<Note>(&note).ok());
        let same_place = note.filter(|note| note.url == Digest::of(url.as_bytes()));
        let request = Request {
            offset: kept,
            if_range: same_place
                .map(|note| note.validator)
                .filter(|v| v.for_range().is_some()),
            ..Request::get(url)
        };
        let fetched = self.fetch.fetch(&request).map_err(|error| {
            let resume = matches!(
                error.kind,
                FetchErrorKind::RangeNotSatisfiable { .. } | FetchErrorKind::WrongRange { .. }
            );
            Failure::from(error).blaming_resume(resume && kept > 0)
        });
        let mut response = fetched.map_err(Stop::Failure)?;
        match response.status {
            Status::Partial if kept > 0 => {}
            Status::Full => {
                if kept > 0 {
                    partial.restart()?;
                    tap.restart();
                    running = Running {
                        hasher: Hasher::default(),
                        length: 0,
                    };
                }
            }
            Status::Partial | Status::NotModified => {
                let error = FetchError::new(url, FetchErrorKind::NotModified);
                return Err(Stop::Failure(error.into()));
            }
        }
        let resumed = running.length > 0;
        let left = wanted.size - running.length;
        if let Some(announced) = response.length.filter(|length| *length != left) {
            // Another size is another file: no byte of it is wanted.
            let announced = announced.saturating_add(running.length);
            return Err(Stop::Failure(
                Failure::size(wanted, announced).blaming_resume(resumed),
            ));
        }
        let note = Note {
            url: Digest::of(url.as_bytes()),
            validator: response.validator.clone(),
        };
        partial.set_note(&serde_json::to_vec(&note).unwrap_or_default())?;
        task.advance(running.length);
        Self::receive(wanted, url, &mut response, partial, tap, &mut running, task)?;
        running.check(wanted, response.encoding.as_deref(), resumed)
    }

    /// Feeds what is there already into hash and tap; says how much it is.
    fn replay(
        wanted: &Wanted,
        partial: &mut Partial<'_>,
        tap: &mut dyn Tap,
        running: &mut Running,
    ) -> Result<u64, Stop> {
        let length = partial
            .file
            .metadata()
            .map_err(partial.error("read"))?
            .len();
        // Whoever saw bytes of an earlier attempt sees the same ones once more.
        tap.restart();
        if length > wanted.size {
            partial.restart()?;
            return Ok(0);
        }
        partial
            .file
            .seek(SeekFrom::Start(0))
            .map_err(partial.error("read"))?;
        let mut buffer = vec![0; PIECE];
        while running.length < length {
            let n = partial
                .file
                .read(&mut buffer)
                .map_err(partial.error("read"))?;
            if n == 0 {
                break;
            }
            running.take(&buffer[..n]);
            tap.bytes(&buffer[..n]).map_err(Stop::Tap)?;
        }
        Ok(running.length)
    }

    /// Moves the body into the partial file, never more than is wanted.
    #[allow(clippy::too_many_arguments)] // one transfer's whole state, in one place
    fn receive(
        wanted: &Wanted,
        url: &str,
        response: &mut Response,
        partial: &mut Partial<'_>,
        tap: &mut dyn Tap,
        running: &mut Running,
        task: &Task<'_>,
    ) -> Result<(), Stop> {
        let mut buffer = vec![0; PIECE];
        while running.length < wanted.size {
            let left = usize::try_from(wanted.size - running.length).unwrap_or(usize::MAX);
            let space = buffer.len().min(left);
            let n = match response.body.read(&mut buffer[..space]) {
                Ok(0) => {
                    let kind = FetchErrorKind::Short {
                        expected: wanted.size,
                        found: running.length,
                    };
                    return Err(Stop::Failure(FetchError::new(url, kind).into()));
                }
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::Failure(FetchError::from_io(url, error).into())),
            };
            partial.write(&buffer[..n])?;
            running.take(&buffer[..n]);
            task.advance(n as u64);
            tap.bytes(&buffer[..n]).map_err(Stop::Tap)?;
        }
        if response.length.is_some() {
            // A connection whose body was read to its announced end can be used again.
            let _ = response.body.read(&mut buffer[..1]);
        }
        Ok(())
    }
}

/// What is noted beside a partial download. The URL may hold credentials, so its digest stands for it.
#[derive(Serialize, Deserialize)]
struct Note {
    url: Digest,
    validator: Validator,
}

/// The bytes so far.
struct Running {
    hasher: Hasher,
    length: u64,
}

impl Running {
    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
    }

    fn check(self, wanted: &Wanted, encoding: Option<&str>, resumed: bool) -> Result<(), Stop> {
        let found = self.hasher.finish();
        if found == wanted.digest {
            return Ok(());
        }
        let failure = Failure::digest(wanted, found, encoding);
        Err(Stop::Failure(failure.blaming_resume(resumed)))
    }
}

/// Why a transfer ended.
pub(super) enum Stop {
    /// The location's fault: another attempt or location may do.
    Failure(Failure),
    /// The cache's fault: nothing else will do.
    Cache(CacheError),
    /// The consumer's wish.
    Tap(io::Error),
}

impl From<CacheError> for Stop {
    fn from(error: CacheError) -> Self {
        Self::Cache(error)
    }
}
