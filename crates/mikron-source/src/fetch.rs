//! Getting bytes from somewhere: `trait Fetch` and its implementations.
//!
//! This is the first step between a spec and its packages, and the least trusted: whatever comes out of a fetch is
//! checked against a digest or a signature before anything else looks at it.

mod authorities;
mod cancel;
mod credentials;
mod error;
mod file;
#[cfg(feature = "http")]
mod http;
mod memory;
mod options;
#[cfg(feature = "http")]
mod proxy;
#[cfg(feature = "http")]
mod redirect;
mod router;
#[cfg(feature = "http")]
mod speed;
mod url;

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use authorities::{Authorities, Vouched};
pub use cancel::CancelledFetch;
pub use credentials::Credentials;
pub use error::{FetchError, FetchErrorKind};
pub use file::{FileFetch, file_url};
#[cfg(feature = "http")]
pub use http::HttpFetch;
pub use memory::MemoryFetch;
pub use options::{HttpOptions, Proxy};
pub use router::Router;
pub use url::{Url, redact};
pub(crate) use url::{below, is_local, join_location};

/// Gets one thing by its URL.
///
/// One call is one attempt: who retries, resumes and verifies is [`crate::download`]. The body is pulled by the caller,
/// so that hashing, unpacking and parsing can go on while it arrives. An error of the body is an [`std::io::Error`] whose
/// inner error is a [`FetchError`].
///
/// ```
/// use std::io::Read;
/// use mikron_source::fetch::{Fetch, MemoryFetch, Request, Status};
///
/// fn text(fetch: &dyn Fetch, url: &str) -> Result<String, Box<dyn std::error::Error>> {
///     let mut response = fetch.fetch(&Request::get(url))?;
///     let mut text = String::new();
///     response.body.read_to_string(&mut text)?;
///     Ok(text)
/// }
///
/// let memory = MemoryFetch::default().with("memory:/greeting", b"hello".to_vec());
/// assert_eq!(text(&memory, "memory:/greeting")?, "hello");
/// assert!(text(&memory, "memory:/other").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Fetch: Send + Sync {
    /// Begins to fetch, and returns as soon as the answer's head is known.
    ///
    /// # Errors
    /// When there is no such thing, no way to it, or an answer that must not be used;
    /// [`FetchError::is_transient`] says whether a retry makes sense.
    fn fetch(&self, request: &Request) -> Result<Response, FetchError>;
}

impl<T: Fetch + ?Sized> Fetch for &T {
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        (**self).fetch(request)
    }
}

impl<T: Fetch + ?Sized> Fetch for Box<T> {
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        (**self).fetch(request)
    }
}

impl<T: Fetch + ?Sized> Fetch for Arc<T> {
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        (**self).fetch(request)
    }
}

/// What is to be fetched.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The URL, or a plain path. It may hold credentials; they never enter an error.
    pub url: String,
    /// Begin at this byte. The answer is [`Status::Partial`] only when it does begin there.
    pub offset: u64,
    /// With `offset`: only if the thing is still this version, else send the whole (RFC 9110, section 13.1.5).
    pub if_range: Option<Validator>,
    /// Only if the thing is no longer this version (RFC 9110, sections 13.1.2 and 13.1.3).
    pub unless: Option<Validator>,
    /// Who vouches for the server, and for those that it redirects to; `None` for whom the one who fetches trusts.
    pub authorities: Option<Authorities>,
}

/// Never shows credentials.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("url", &redact(&self.url))
            .field("offset", &self.offset)
            .field("if_range", &self.if_range)
            .field("unless", &self.unless)
            .field("authorities", &self.authorities.is_some())
            .finish()
    }
}

impl Request {
    /// A request for the whole thing, without conditions.
    pub fn get(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..Self::default()
        }
    }
}

/// What tells one version of a thing from another (RFC 9110, section 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// The entity tag, with its quotes.
    pub etag: Option<String>,
    /// The time of the last change, as the server wrote it.
    pub last_modified: Option<String>,
}

impl Validator {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// What can stand in `If-Range`: a strong entity tag or a date; a weak tag never matches there.
    pub(crate) fn for_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|tag| !tag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

/// The head of an answer, and its body to be read.
pub struct Response {
    /// Whether the whole thing, a part or nothing follows.
    pub status: Status,
    /// The thing's version.
    pub validator: Validator,
    /// The number of bytes that follow, where the server says so.
    pub length: Option<u64>,
    /// The `Content-Encoding` that the server claims. Bodies are never decoded: what is fetched is checked byte for byte,
    /// and servers are known to claim `gzip` for files that simply end in `.gz`.
    pub encoding: Option<String>,
    /// The body.
    pub body: Box<dyn Read + Send>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("validator", &self.validator)
            .field("length", &self.length)
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}

/// What follows the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The whole thing.
    Full,
    /// The thing from the requested offset on.
    Partial,
    /// Nothing: the thing is still the version that the caller has.
    NotModified,
}
