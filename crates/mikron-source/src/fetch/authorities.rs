//! Who vouches for servers that are reached by HTTPS.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Fetch, FetchError, Request, Response, Url};

/// The certificate authorities that vouch for servers.
///
/// Files are read when the first server is asked that needs them, so that a build that asks nobody does not wait for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authorities {
    /// Mozilla's, as they were when this program was made.
    #[default]
    BuiltIn,
    /// Those of PEM files, and of the files of directories.
    Files(Vec<PathBuf>),
    /// Those of one text of PEM (RFC 7468).
    Pem(Arc<[u8]>),
}

/// A [`Fetch`] under which some hosts are vouched for by authorities of their own and by nobody else.
///
/// ```
/// use std::sync::Arc;
/// use mikron_source::fetch::{Authorities, Fetch, MemoryFetch, Request, Vouched};
/// let memory = Arc::new(MemoryFetch::default().with("memory:/a", b"a".to_vec()));
/// let mut fetch = Vouched::new(memory);
/// fetch.believe_alone("https://example.org/debian", &Authorities::Pem("…".as_bytes().into()));
/// assert!(fetch.fetch(&Request::get("memory:/a")).is_ok());
/// ```
pub struct Vouched {
    inner: Arc<dyn Fetch>,
    hosts: BTreeMap<(String, u16), Authorities>,
}

impl Vouched {
    /// Hosts as they are for `inner`.
    pub fn new(inner: Arc<dyn Fetch>) -> Self {
        Self {
            inner,
            hosts: BTreeMap::new(),
        }
    }

    /// At the host and port of a URL of HTTPS believes these authorities and no others; of other URLs nothing has to be said.
    pub fn believe_alone(&mut self, url: &str, authorities: &Authorities) {
        if let Some(place) = place_of(url) {
            self.hosts.insert(place, authorities.clone());
        }
    }
}

/// Host and port of a URL of HTTPS.
fn place_of(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok().filter(|url| url.scheme == "https")?;
    Some((url.host.to_ascii_lowercase(), url.port.unwrap_or(443)))
}

impl Fetch for Vouched {
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        if self.hosts.is_empty() {
            return self.inner.fetch(request);
        }
        let own = place_of(&request.url).and_then(|place| self.hosts.get(&place));
        self.inner.fetch(&Request {
            authorities: own.or(request.authorities.as_ref()).cloned(),
            ..request.clone()
        })
    }
}
