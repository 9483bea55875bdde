//! How to fetch over HTTP: plain data, there whether or not anybody can.

use std::fmt;
use std::time::Duration;

use super::{Authorities, Credentials, redact};

/// How fetching over HTTP behaves. All of it has defaults that fit a mirror of a distribution.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// What to call oneself.
    pub user_agent: String,
    /// How many redirects are followed.
    pub redirects: u32,
    /// Whether hosts may have private, link-local or loopback addresses. A server that builds for others says no.
    pub private_addresses: bool,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// How long the server may take to begin its answer.
    pub answer_timeout: Duration,
    /// How long one fetch may take altogether.
    pub deadline: Duration,
    /// A body must bring at least so many bytes …
    pub low_speed_bytes: u64,
    /// … in each stretch of this length.
    pub low_speed_window: Duration,
    /// The longest head of an answer in bytes.
    pub head_limit: usize,
    /// How many idle connections are kept for each host.
    pub connections: usize,
    /// The proxy that is used; [`Environment::proxy`](crate::Environment::proxy) is the one that people expect.
    pub proxy: Option<Proxy>,
    /// Who to be for hosts whose URLs do not say it.
    pub credentials: Credentials,
    /// Who vouches for servers; [`Environment::authorities`](crate::Environment::authorities) are the ones that people expect.
    pub authorities: Authorities,
}

/// A proxy, and whom to reach without it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is, with user and password where it asks for them.
    pub url: String,
    /// Hosts that are reached directly: a name, `.example.org` or `*.example.org` for all below one, or `*`.
    pub except: Vec<String>,
}

impl Proxy {
    /// The proxy at a URL, for all hosts.
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            except: Vec::new(),
        }
    }
}

/// Never shows credentials.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("url", &redact(&self.url))
            .field("except", &self.except)
            .finish()
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("mikron/", env!("CARGO_PKG_VERSION")).to_owned(),
            redirects: 5,
            private_addresses: true,
            connect_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(30 * 60),
            low_speed_bytes: 10 * 1024,
            low_speed_window: Duration::from_secs(20),
            head_limit: 64 * 1024,
            connections: 8,
            proxy: None,
            credentials: Credentials::default(),
            authorities: Authorities::default(),
        }
    }
}
