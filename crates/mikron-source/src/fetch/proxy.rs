//! Plain HTTP through a proxy: requests name the whole URL (RFC 9112, 3.2.2), as proxies expect where nothing is encrypted. Many
//! refuse `CONNECT`, which is how ureq would reach every host, for any port but that of HTTPS; and through a tunnel they could
//! keep nothing.

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Wraps connections that lead to a proxy and not to the host of their URL.
pub(super) struct ThroughProxy {
    /// The header field that says who we are to the proxy; empty where it does not ask.
    authorization: String,
}

impl ThroughProxy {
    pub(super) fn new(proxy: &ureq::Proxy) -> Self {
        let authorization = proxy.username().map_or(String::new(), |user| {
            let password = proxy.password().unwrap_or_default();
            let value = basic(format!("{user}:{password}").as_bytes());
            format!("Proxy-Authorization: {value}\r\n")
        });
        Self { authorization }
    }
}

/// Never shows credentials.
impl fmt::Debug for ThroughProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThroughProxy").finish_non_exhaustive()
    }
}

impl<In: Transport> Connector<In> for ThroughProxy {
    type Out = AbsoluteForm<In>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let authority = details.uri.authority();
        let authority = authority.map_or("", ureq::http::uri::Authority::as_str);
        Ok(chained.map(|inner| AbsoluteForm {
            inner,
            origin: format!("http://{authority}"),
            authorization: self.authorization.clone(),
        }))
    }
}

/// A connection to a proxy.
pub(super) struct AbsoluteForm<T> {
    inner: T,
    /// Scheme and authority of the host that is meant.
    origin: String,
    authorization: String,
}

impl<T: fmt::Debug> fmt::Debug for AbsoluteForm<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbsoluteForm")
            .field("inner", &self.inner)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl<T: Transport> Transport for AbsoluteForm<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let output = self.inner.buffers().output();
        let Some(head) = absolute(&output[..amount], &self.origin, &self.authorization) else {
            return self.inner.transmit_output(amount, timeout);
        };
        let Some(room) = output.get_mut(..head.len()) else {
            let error = io::Error::other("the head of the request is too long");
            return Err(ureq::Error::Io(error));
        };
        room.copy_from_slice(&head);
        self.inner.transmit_output(head.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

/// The head of a request with the whole URL in its first line, and who we are to the proxy behind it. All requests are GET and
/// have no body, so that whatever begins otherwise is the rest of one.
fn absolute(head: &[u8], origin: &str, authorization: &str) -> Option<Vec<u8>> {
    const METHOD: &[u8] = b"GET ";
    let rest = head
        .strip_prefix(METHOD)
        .filter(|rest| rest.starts_with(b"/"))?;
    let end = rest.windows(2).position(|two| two == b"\r\n")? + 2;
    let (target, fields) = rest.split_at(end);
    Some(
        [
            METHOD,
            origin.as_bytes(),
            target,
            authorization.as_bytes(),
            fields,
        ]
        .concat(),
    )
}

/// User and password with a colon between, as `Basic` has them.
pub(super) fn basic(plain: &[u8]) -> String {
    format!("Basic {}", STANDARD.encode(plain))
}

#[cfg(test)]
mod tests {
    use super::absolute;

    #[test]
    fn the_first_line_names_the_whole_url() {
        let head = b"GET /x?y HTTP/1.1\r\nHost: example.org\r\n\r\n";
        assert_eq!(
            absolute(head, "http://example.org:81", "Proxy-Authorization: x\r\n").as_deref(),
            Some(
                &b"GET http://example.org:81/x?y HTTP/1.1\r\nProxy-Authorization: x\r\nHost: example.org\r\n\r\n"[..]
            )
        );
        assert_eq!(
            absolute(b"GET http://example.org/ HTTP/1.1\r\n", "", ""),
            None
        );
        assert_eq!(absolute(b"the rest of a head\r\n\r\n", "", ""), None);
    }
}
