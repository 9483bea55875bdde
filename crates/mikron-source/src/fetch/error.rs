//! What can go wrong on the way to a file.

use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A fetch that failed: where, without credentials, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{url}: {kind}{}", remedy(.url, .kind))]
pub struct FetchError {
    /// The URL, without credentials.
    pub url: String,
    /// What went wrong.
    #[source]
    pub kind: FetchErrorKind,
}

impl FetchError {
    /// An error at a URL, from which credentials are removed.
    pub fn new(url: &str, kind: FetchErrorKind) -> Self {
        Self {
            url: super::redact(url),
            kind,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match &self.kind {
            // RFC 9110, section 15; 425 and 429 are RFC 8470 and RFC 6585.
            FetchErrorKind::Status { code, .. } => {
                matches!(code, 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            FetchErrorKind::TooSlow { .. }
            | FetchErrorKind::Timeout { .. }
            | FetchErrorKind::Short { .. } => true,
            FetchErrorKind::Io(error) => !matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotFound
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::InvalidInput
            ),
            _ => false,
        }
    }

    /// How long the server asks to be left alone (RFC 9110, section 10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.kind {
            FetchErrorKind::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether it says that the thing does not exist there.
    pub fn is_not_found(&self) -> bool {
        match &self.kind {
            FetchErrorKind::Status { code, .. } => matches!(code, 404 | 410),
            FetchErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// Whether it says more of the host than of the file: nobody answers there.
    pub(crate) fn is_of_host(&self) -> bool {
        match self.kind {
            FetchErrorKind::HostNotFound | FetchErrorKind::Timeout { .. } => true,
            // What is not there, or may not be read, is the file.
            FetchErrorKind::Io(_) => self.is_transient(),
            _ => false,
        }
    }

    /// Finds the fetch error inside an I/O error, or wraps the I/O error.
    pub fn from_io(url: &str, error: io::Error) -> Self {
        match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
        {
            Some(inner) => inner.clone(),
            None => Self::new(url, FetchErrorKind::Io(Arc::new(error))),
        }
    }

    /// Wraps the error for a body, which can only carry I/O errors.
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }
}

/// What went wrong with a fetch.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// The URL is malformed.
    #[error("this is not a usable URL: {reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody fetches this scheme.
    #[error("the scheme `{scheme}` is not supported here")]
    UnsupportedScheme {
        /// The scheme.
        scheme: String,
    },
    /// The program was built without the feature `http`.
    #[error("this program was built without HTTP (the feature `http` of the crate `mikron`)")]
    NotBuiltIn,
    /// The policy forbids to read files of this machine.
    #[error("files of this machine must not be read here")]
    LocalFile,
    /// The server answered with another status than was hoped for.
    #[error("the server answered {code}{}", status_hint(*.code))]
    Status {
        /// The HTTP status code.
        code: u16,
        /// The server's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// One redirect too many; a loop, most likely.
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// How many are followed.
        limit: u32,
    },
    /// A redirect that gives up encryption.
    #[error("a redirect from https to `{to}` is refused")]
    RedirectToPlainHttp {
        /// Where it leads, without credentials.
        to: String,
    },
    /// A redirect that cannot be followed.
    #[error("a redirect that leads nowhere ({reason})")]
    BadRedirect {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The host has an address in a private, link-local or loopback network, and the policy forbids these.
    #[error("`{host}` has the private address {address}, and private addresses are refused here")]
    PrivateAddress {
        /// The host.
        host: String,
        /// Its address.
        address: String,
    },
    /// A 206 that does not begin where it was asked to, or is not well-formed.
    #[error("the server sent another range (`{found}`) than the one from byte {wanted} on")]
    WrongRange {
        /// The offset that was asked for.
        wanted: u64,
        /// The `Content-Range` that came.
        found: String,
    },
    /// The requested offset lies behind the end (416).
    #[error("the server has no byte {offset}")]
    RangeNotSatisfiable {
        /// The offset that was asked for.
        offset: u64,
    },
    /// 304 although the request had no condition.
    #[error("the server answered 304 (not modified), but there is no local copy")]
    NotModified,
    /// The head of the answer is too long.
    #[error("the head of the answer is longer than {limit} bytes")]
    HeadTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// Fewer bytes in a window of time than the policy demands.
    #[error("only {bytes} bytes came in {} seconds", .over.as_secs_f32())]
    TooSlow {
        /// How many bytes came.
        bytes: u64,
        /// In this time.
        over: Duration,
    },
    /// The answer, or a part of it, took too long.
    #[error("timed out ({what})")]
    Timeout {
        /// What took too long.
        what: String,
    },
    /// The body ended early.
    #[error("the body ends after {found} of {expected} bytes")]
    Short {
        /// How many bytes were announced.
        expected: u64,
        /// How many came.
        found: u64,
    },
    /// Nobody waits for it any more.
    #[error(transparent)]
    Cancelled(#[from] mikron_package::Cancelled),
    /// The host's name has no address.
    #[error("the host is not known")]
    HostNotFound,
    /// Nobody is known who could vouch for the server.
    #[error("the certificate authorities of {from} cannot be used: {reason}")]
    Authorities {
        /// The file or directory, or what else they come from.
        from: String,
        /// Why not.
        reason: String,
    },
    /// The secure connection failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// The server does not speak HTTP as it should.
    #[error("HTTP: {0}")]
    Protocol(String),
    /// Reading, writing or connecting failed.
    #[error("{0}")]
    Io(Arc<io::Error>),
}

/// What can be done, where it takes the URL to say so.
fn remedy(url: &str, kind: &FetchErrorKind) -> String {
    match (kind, super::Url::parse(url)) {
        (FetchErrorKind::Status { code: 401, .. }, Ok(url)) => format!(
            "; name {} in netrc(5), or set {}=USER:PASSWORD",
            url.host,
            super::credentials::variable_of(&url.host)
        ),
        (FetchErrorKind::Tls(what), _) if what.contains("UnknownIssuer") => {
            "; if you trust who signed its certificate, name the file: `ca` of the source or of the configuration, or SSL_CERT_FILE"
                .to_owned()
        }
        (FetchErrorKind::Tls(what), _) if what.contains("CaUsedAsEndEntity") => {
            "; what the server shows is the certificate of an authority: let it sign one for the server".to_owned()
        }
        _ => String::new(),
    }
}

fn status_hint(code: u16) -> &'static str {
    match code {
        401 | 407 => " (credentials are missing or wrong)",
        403 => " (forbidden)",
        404 => " (not found)",
        410 => " (gone)",
        429 => " (too many requests)",
        503 => " (unavailable)",
        511 => " (this network wants a log-in first)",
        _ => "",
    }
}
