//! How to fetch over HTTP: plain data, there whether or not anybody can.

use std::fmt;
use std::time::Duration;

use super::{Credentials, redact};

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
    /// Whether a proxy is used.
    pub proxy: Proxy,
    /// Who to be for hosts whose URLs do not say it.
    pub credentials: Credentials,
}

/// Which proxy is used.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// The one that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), if it names one.
    #[default]
    FromEnvironment,
    /// None.
    None,
    /// This one, by URL.
    Url(String),
}

/// Never shows credentials.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FromEnvironment => f.write_str("FromEnvironment"),
            Self::None => f.write_str("None"),
            Self::Url(url) => f.debug_tuple("Url").field(&redact(url)).finish(),
        }
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
            proxy: Proxy::default(),
            credentials: Credentials::default(),
        }
    }
}
