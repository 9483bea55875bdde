//! Fetching from memory, for embedding and for tests.

use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::sync::Arc;

use mikron_package::Digest;

use super::{Fetch, FetchError, FetchErrorKind, Request, Response, Status, Validator};

/// Things held in memory, by URL.
///
/// ```
/// use mikron_source::fetch::{Fetch, MemoryFetch, Request};
/// let memory = MemoryFetch::default().with("https://example.org/a", b"a".to_vec());
/// assert_eq!(memory.fetch(&Request::get("https://example.org/a"))?.length, Some(1));
/// # Ok::<(), mikron_source::fetch::FetchError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryFetch(BTreeMap<String, Arc<[u8]>>);

impl MemoryFetch {
    /// Adds a thing, in place of what was there.
    #[must_use]
    pub fn with(mut self, url: &str, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.insert(url, bytes);
        self
    }

    /// Adds a thing, in place of what was there.
    pub(crate) fn insert(&mut self, url: &str, bytes: impl Into<Arc<[u8]>>) {
        self.0.insert(url.to_owned(), bytes.into());
    }
}

impl Fetch for MemoryFetch {
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        let bytes = self.0.get(&request.url).ok_or_else(|| {
            let error = io::Error::new(io::ErrorKind::NotFound, "there is no such thing in memory");
            FetchError::new(&request.url, FetchErrorKind::Io(Arc::new(error)))
        })?;
        let validator = Validator {
            etag: Some(format!("\"{}\"", Digest::of(bytes).hex())),
            last_modified: None,
        };
        let length = bytes.len() as u64;
        let (status, offset) = if request.unless.as_ref() == Some(&validator) {
            (Status::NotModified, length)
        } else if request.offset > 0 && request.if_range.as_ref().is_none_or(|v| *v == validator) {
            (Status::Partial, request.offset.min(length))
        } else {
            (Status::Full, 0)
        };
        let mut body = Cursor::new(Arc::clone(bytes));
        body.set_position(offset);
        Ok(Response {
            status,
            validator,
            length: Some(length - offset),
            encoding: None,
            body: Box::new(body),
        })
    }
}
