//! Choosing who fetches, by scheme.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::debug;

use super::{Fetch, FetchError, FetchErrorKind, FileFetch, HttpOptions, Request, Response, redact};

/// Hands each request to the implementation for its scheme. A URL without a scheme is a plain path, and goes to `file`.
///
/// ```
/// use std::sync::Arc;
/// use mikron_source::fetch::{Fetch, MemoryFetch, Request, Router};
/// let memory = MemoryFetch::default().with("memory:/a", b"a".to_vec());
/// let router = Router::default().with("memory", Arc::new(memory));
/// assert!(router.fetch(&Request::get("memory:/a")).is_ok());
/// assert!(router.fetch(&Request::get("gopher://example.org/")).is_err());
/// ```
#[derive(Clone, Default)]
pub struct Router {
    schemes: BTreeMap<String, Arc<dyn Fetch>>,
    no_files: bool,
}

impl Router {
    /// HTTP, HTTPS and files: what a command on a person's own machine uses.
    pub fn standard(options: HttpOptions) -> Self {
        Self::network(options).with("file", Arc::new(FileFetch))
    }

    /// HTTP and HTTPS only: what serves others must not read this machine's files for them.
    pub fn network(options: HttpOptions) -> Self {
        let http = over_http(options);
        let mut router = Self::default()
            .with("http", Arc::clone(&http))
            .with("https", http);
        router.no_files = true;
        router
    }

    /// Adds an implementation for a scheme, in place of what was there.
    #[must_use]
    pub fn with(mut self, scheme: &str, fetch: Arc<dyn Fetch>) -> Self {
        self.schemes.insert(scheme.to_owned(), fetch);
        self.no_files &= scheme != "file";
        self
    }
}

#[cfg(feature = "http")]
fn over_http(options: HttpOptions) -> Arc<dyn Fetch> {
    Arc::new(super::HttpFetch::new(options))
}

/// Refuses all requests, for a build that does not speak HTTP.
#[cfg(not(feature = "http"))]
fn over_http(_: HttpOptions) -> Arc<dyn Fetch> {
    struct NotBuiltIn;
    impl Fetch for NotBuiltIn {
        fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
            Err(FetchError::new(&request.url, FetchErrorKind::NotBuiltIn))
        }
    }
    Arc::new(NotBuiltIn)
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.schemes.keys()).finish()
    }
}

impl Fetch for Router {
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        let scheme = match request.url.split_once(':') {
            Some((scheme, _)) if !scheme.contains('/') => scheme.to_ascii_lowercase(),
            _ => "file".to_owned(),
        };
        match self.schemes.get(&scheme) {
            Some(fetch) => {
                let answer = fetch.fetch(request);
                let url = redact(&request.url);
                match &answer {
                    Ok(answer) => debug!(url, offset = request.offset, ?answer, "fetched"),
                    Err(error) => debug!(url, %error, "not fetched"),
                }
                answer
            }
            None if scheme == "file" && self.no_files => {
                Err(FetchError::new(&request.url, FetchErrorKind::LocalFile))
            }
            None => Err(FetchError::new(
                &request.url,
                FetchErrorKind::UnsupportedScheme { scheme },
            )),
        }
    }
}
