//! Files that no digest is known of, judged by their content while they arrive.

use std::io::{self, Read};

use mikron_package::{Task, TaskKind};

use super::retry::Retries;
use super::{Attempt, DownloadError, Downloader, Failure};
use crate::cache::CacheError;
use crate::fetch::{FetchError, Request, redact};

/// Why whoever judges a file does not take it.
#[derive(Debug)]
pub enum Refusal {
    /// Reading the stream failed. It may be tried again.
    Read(io::Error),
    /// The content is not what was promised. The next location may have another.
    Content(String),
    /// The cache cannot be written.
    Cache(CacheError),
}

impl Downloader<'_> {
    /// A file of this size from the first location whose content `judge` takes. Retried like all downloads, but not resumed:
    /// without a digest nobody knows what a part is a part of. What `judge` keeps of a stream that it then refuses is its own
    /// to throw away.
    ///
    /// ```
    /// use std::io::Read as _;
    /// use mikron_package::Silent;
    /// # use mikron_source::cache::{Cache, CacheOptions};
    /// use mikron_source::download::{Downloader, Refusal};
    /// use mikron_source::fetch::MemoryFetch;
    /// # let directory = tempfile::tempdir()?;
    /// # let cache = Cache::open(directory.path(), CacheOptions::default())?;
    /// let fetch = MemoryFetch::default().with("memory:/a", b"hello".to_vec());
    /// let downloader = Downloader::new(&fetch, &cache, &Silent);
    /// let text = downloader.stream("a", &["memory:/a".to_owned()], 5, &mut |body| {
    ///     let mut text = String::new();
    ///     body.read_to_string(&mut text).map_err(Refusal::Read)?;
    ///     Ok(text)
    /// })?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When no location has a file of this size that is taken, or the cache cannot be written.
    pub fn stream<T>(
        &self,
        name: &str,
        urls: &[String],
        size: u64,
        judge: &mut dyn FnMut(&mut (dyn Read + Send)) -> Result<T, Refusal>,
    ) -> Result<T, DownloadError> {
        let urls = self.reachable(name, urls)?;
        let task = Task::start(self.progress, TaskKind::Fetch, name, Some(size));
        let mut retries = Retries::new(&self.policy);
        let mut attempts = Vec::new();
        for (_, url) in urls {
            retries.next_location();
            loop {
                match self.stream_from(name, url, size, judge, &task) {
                    Ok(taken) => return Ok(taken),
                    Err(Fault::Cache(error)) => return Err(error.into()),
                    Err(Fault::Failure(failure)) => {
                        let delay = retries.delay(&failure);
                        attempts.push(Attempt {
                            url: redact(url),
                            failure,
                        });
                        let Some(delay) = delay else { break };
                        self.say_retry(&attempts, delay);
                        self.pause(delay);
                    }
                }
            }
        }
        Err(DownloadError::Failed {
            name: name.to_owned(),
            attempts,
        })
    }

    fn stream_from<T>(
        &self,
        name: &str,
        url: &str,
        size: u64,
        judge: &mut dyn FnMut(&mut (dyn Read + Send)) -> Result<T, Refusal>,
        task: &Task<'_>,
    ) -> Result<T, Fault> {
        let response = self
            .fetch
            .fetch(&Request::get(url))
            .map_err(Failure::from)?;
        let wrong_size = |found: u64| {
            Failure::content(
                name,
                format!("the server has {found} bytes, and {size} were promised"),
            )
        };
        if let Some(announced) = response.length.filter(|length| *length != size) {
            return Err(wrong_size(announced).into());
        }
        // One byte more than promised shows that there is more.
        let mut body = Counted {
            input: response.body.take(size.saturating_add(1)),
            count: 0,
            task,
        };
        let taken = judge(&mut body);
        let count = body.count;
        match taken {
            Ok(_) if count != size => Err(wrong_size(count).into()),
            Ok(taken) => Ok(taken),
            Err(Refusal::Cache(error)) => Err(Fault::Cache(error)),
            Err(Refusal::Content(reason)) => Err(Failure::content(name, reason).into()),
            Err(Refusal::Read(error)) => Err(Failure::from(FetchError::from_io(url, error)).into()),
        }
    }
}

enum Fault {
    Failure(Failure),
    Cache(CacheError),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Counts what passes through, and shows it.
struct Counted<'a, 'p, R> {
    input: R,
    count: u64,
    task: &'a Task<'p>,
}

impl<R: Read> Read for Counted<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.count += n as u64;
        self.task.advance(n as u64);
        Ok(n)
    }
}
