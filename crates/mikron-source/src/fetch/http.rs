//! Fetching over HTTP and HTTPS.
//!
//! ureq moves the bytes; what may happen is decided here: redirects, credentials, addresses, pace, sizes. Nothing is ever
//! decompressed on the way.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::ConfigBuilder;
use ureq::http::header::{self, HeaderMap, HeaderName};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Connector as _, DefaultConnector, NextTimeout};

use super::proxy::{ThroughProxy, basic};
use super::redirect::{follow, is_private};
use super::speed::{Pace, Paced};
use super::{
    Authorities, Fetch, FetchError, FetchErrorKind, HttpOptions, Proxy, Request, Response, Status,
    Url, Validator,
};

/// Fetches over HTTP and HTTPS, keeping connections for reuse. Cheap to clone.
///
/// ```
/// use mikron_source::fetch::{Fetch, HttpFetch, HttpOptions, Request};
/// let http = HttpFetch::new(HttpOptions { redirects: 0, ..HttpOptions::default() });
/// let error = http.fetch(&Request::get("http://me:secret@/")).unwrap_err();
/// assert!(!error.to_string().contains("secret"));
/// ```
#[derive(Clone)]
pub struct HttpFetch {
    /// For plain HTTP.
    plain: ureq::Agent,
    /// For HTTPS, by who vouches for the servers.
    secure: Arc<Mutex<BTreeMap<Authorities, ureq::Agent>>>,
    /// For plain HTTP where there is a proxy that speaks it.
    proxied: Option<(ureq::Agent, ureq::Proxy)>,
    options: Arc<HttpOptions>,
}

impl fmt::Debug for HttpFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpFetch").field(&self.options).finish()
    }
}

impl HttpFetch {
    /// A client with these options.
    pub fn new(options: HttpOptions) -> Self {
        let proxy = options.proxy.as_ref().and_then(proxy_of);
        let http = |proxy: &ureq::Proxy| proxy.protocol() == ureq::ProxyProtocol::Http;
        let proxied = proxy.clone().filter(http).map(|proxy| {
            // The proxy is whom we connect to, whatever the URL: ureq need not know of it.
            let resolver = PolicyResolver {
                instead: Some(proxy.uri().clone()),
                ..PolicyResolver::new(options.private_addresses)
            };
            let connector = DefaultConnector::default().chain(ThroughProxy::new(&proxy));
            let config = Self::config(&options, None).build();
            (ureq::Agent::with_parts(config, connector, resolver), proxy)
        });
        let config = Self::config(&options, proxy).build();
        Self {
            plain: Self::agent_of(config, &options),
            secure: Arc::default(),
            proxied,
            options: Arc::new(options),
        }
    }

    fn agent_of(config: ureq::config::Config, options: &HttpOptions) -> ureq::Agent {
        let resolver = PolicyResolver::new(options.private_addresses);
        ureq::Agent::with_parts(config, DefaultConnector::default(), resolver)
    }

    fn config(options: &HttpOptions, proxy: Option<ureq::Proxy>) -> ConfigBuilder<AgentScope> {
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            // Redirects are followed here, under our own policy.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(&options.user_agent)
            .accept("*/*")
            .accept_encoding("identity")
            .proxy(proxy)
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_recv_response(Some(options.answer_timeout))
            .timeout_per_read(Some(options.low_speed_window))
            .max_response_header_size(options.head_limit)
            .max_idle_connections_per_host(options.connections)
            .max_idle_connections(options.connections * 4)
            .input_buffer_size(256 * 1024)
    }

    /// Who asks for a URL.
    fn agent(&self, url: &Url, request: &Request) -> Result<ureq::Agent, FetchErrorKind> {
        if url.scheme != "http" {
            return self.secure(request.authorities.as_ref());
        }
        match (&self.proxied, url.to_string().parse()) {
            (Some((agent, proxy)), Ok(uri)) if !proxy.is_no_proxy(&uri) => Ok(agent.clone()),
            (None, _) if self.options.proxy.is_some() => self.secure(None),
            _ => Ok(self.plain.clone()),
        }
    }

    /// Who asks servers that these vouch for.
    fn secure(&self, authorities: Option<&Authorities>) -> Result<ureq::Agent, FetchErrorKind> {
        let authorities = authorities.unwrap_or(&self.options.authorities);
        let mut all = self.secure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = all.get(authorities) {
            return Ok(agent.clone());
        }
        let roots = match authorities {
            Authorities::BuiltIn => RootCerts::WebPki,
            others => RootCerts::new_with_certs(&certificates(others)?),
        };
        let tls = TlsConfig::builder().root_certs(roots).build();
        let proxy = self.options.proxy.as_ref().and_then(proxy_of);
        let config = Self::config(&self.options, proxy).tls_config(tls).build();
        let agent = Self::agent_of(config, &self.options);
        all.insert(authorities.clone(), agent.clone());
        Ok(agent)
    }

    /// One request and its answer, redirects not followed.
    fn ask(
        &self,
        url: &Url,
        request: &Request,
    ) -> Result<ureq::http::Response<ureq::Body>, FetchErrorKind> {
        let mut call = self.agent(url, request)?.get(url.to_string());
        if let Some(userinfo) = &url.userinfo {
            call = call.header(header::AUTHORIZATION, basic_auth(userinfo));
        }
        if request.offset > 0 {
            call = call.header(header::RANGE, format!("bytes={}-", request.offset));
            if let Some(validator) = request.if_range.as_ref().and_then(Validator::for_range) {
                call = call.header(header::IF_RANGE, validator);
            }
        }
        if let Some(unless) = &request.unless {
            if let Some(etag) = &unless.etag {
                call = call.header(header::IF_NONE_MATCH, etag);
            }
            if let Some(date) = &unless.last_modified {
                call = call.header(header::IF_MODIFIED_SINCE, date);
            }
        }
        call.call()
            .map_err(|error| kind_of(error, self.options.head_limit))
    }
}

/// The certificates of PEM files, of the files of directories, or of a text of PEM.
fn certificates(of: &Authorities) -> Result<Vec<Certificate<'static>>, FetchErrorKind> {
    let wrong = |from: &dyn fmt::Display, reason: String| FetchErrorKind::Authorities {
        from: from.to_string(),
        reason,
    };
    let mut all = Vec::new();
    match of {
        Authorities::BuiltIn => {}
        Authorities::Pem(text) => {
            read_pem(text, &mut all).map_err(|reason| wrong(&"the source", reason))?;
        }
        Authorities::Files(paths) => {
            for path in paths {
                let failed = |reason| wrong(&path.display(), reason);
                if path.is_dir() {
                    let entries = std::fs::read_dir(path).map_err(|e| failed(e.to_string()))?;
                    // A directory holds other things, too, and links that lead nowhere.
                    for entry in entries.flatten().take(MANY) {
                        if let Ok(text) = read_small(&entry.path()) {
                            let _ = read_pem(&text, &mut all);
                        }
                    }
                } else {
                    let text = read_small(path).map_err(|e| failed(e.to_string()))?;
                    read_pem(&text, &mut all).map_err(failed)?;
                }
            }
        }
    }
    Ok(all)
}

/// The most files of a directory that are looked at, and the longest that is read.
const MANY: usize = 10_000;
const LARGE: u64 = 16 << 20;

fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = Vec::new();
    file.take(LARGE).read_to_end(&mut text)?;
    Ok(text)
}

/// The certificates of a text of PEM, of which there has to be one.
fn read_pem(text: &[u8], all: &mut Vec<Certificate<'static>>) -> Result<(), String> {
    let before = all.len();
    for item in ureq::tls::parse_pem(text) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
            all.push(certificate);
        }
    }
    if all.len() == before {
        return Err("it holds no certificate in PEM".to_owned());
    }
    Ok(())
}

/// A proxy in ureq's words. What is no URL of a proxy is none.
fn proxy_of(proxy: &Proxy) -> Option<ureq::Proxy> {
    let at = ureq::Proxy::new(&proxy.url).ok()?;
    let mut built = ureq::Proxy::builder(at.protocol())
        .host(at.host())
        .port(at.port());
    if let Some(user) = at.username() {
        built = built.username(user);
    }
    if let Some(password) = at.password() {
        built = built.password(password);
    }
    let except = proxy.except.iter();
    let built = except.fold(built, |built, host| built.no_proxy(host));
    built.build().ok()
}

impl Fetch for HttpFetch {
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        let fail = |kind| FetchError::new(&request.url, kind);
        let invalid = |reason| fail(FetchErrorKind::InvalidUrl { reason });
        let deadline = Instant::now() + self.options.deadline;
        let mut url = Url::parse(&request.url).map_err(invalid)?;
        if url.userinfo.is_none() {
            url.userinfo = self.options.credentials.userinfo(&url);
        }
        let mut redirects = 0;
        let answer = loop {
            let answer = self.ask(&url, request).map_err(fail)?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                break answer;
            }
            redirects += 1;
            if redirects > self.options.redirects {
                return Err(fail(FetchErrorKind::TooManyRedirects {
                    limit: self.options.redirects,
                }));
            }
            url = follow(&url, text(answer.headers(), &header::LOCATION)).map_err(fail)?;
        };
        let headers = answer.headers();
        let status = status_of(answer.status().as_u16(), headers, request).map_err(fail)?;
        let validator = Validator {
            etag: text(headers, &header::ETAG).map(str::to_owned),
            last_modified: text(headers, &header::LAST_MODIFIED).map(str::to_owned),
        };
        let encoding = text(headers, &header::CONTENT_ENCODING).map(str::to_owned);
        let length = text(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let length = if status == Status::NotModified {
            Some(0)
        } else {
            length
        };
        let pace = Pace {
            bytes: self.options.low_speed_bytes,
            window: self.options.low_speed_window,
            deadline,
        };
        let body = answer
            .into_body()
            .into_with_config()
            .limit(u64::MAX)
            .reader();
        Ok(Response {
            status,
            validator,
            length,
            encoding,
            body: Box::new(Paced::new(body, &request.url, pace, length, body_error)),
        })
    }
}

/// What a status means for a request (RFC 9110, sections 14 and 15).
fn status_of(code: u16, headers: &HeaderMap, request: &Request) -> Result<Status, FetchErrorKind> {
    let wanted = request.offset;
    match code {
        // A server may ignore a range, and must when If-Range does not match.
        200 => Ok(Status::Full),
        206 => {
            let found = text(headers, &header::CONTENT_RANGE).unwrap_or("none");
            let start = found
                .strip_prefix("bytes ")
                .and_then(|range| range.split('-').next())
                .and_then(|start| start.parse().ok());
            if wanted > 0 && start == Some(wanted) {
                Ok(Status::Partial)
            } else {
                Err(FetchErrorKind::WrongRange {
                    wanted,
                    found: found.chars().take(100).collect(),
                })
            }
        }
        304 if request.unless.is_some() => Ok(Status::NotModified),
        304 => Err(FetchErrorKind::NotModified),
        416 => Err(FetchErrorKind::RangeNotSatisfiable { offset: wanted }),
        code => {
            let after = text(headers, &header::RETRY_AFTER);
            Err(FetchErrorKind::Status {
                code,
                // The other form of Retry-After, a date, would need the server's clock: it counts as none.
                retry_after: after
                    .and_then(|seconds| seconds.trim().parse().ok())
                    .map(Duration::from_secs),
            })
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn body_error(url: &str, error: io::Error) -> FetchError {
    let kind = match error.downcast::<ureq::Error>() {
        Ok(error) => kind_of(error, 0),
        Err(error) => FetchErrorKind::Io(Arc::new(error)),
    };
    FetchError::new(url, kind)
}

fn kind_of(error: ureq::Error, head_limit: usize) -> FetchErrorKind {
    match error {
        ureq::Error::Io(error) => match error.downcast::<Refused>() {
            Ok(refused) => refused.into(),
            // What a hand-shake finds wrong comes as an error of reading.
            Err(error) => match error.downcast::<rustls::Error>() {
                Ok(error) => FetchErrorKind::Tls(error.to_string()),
                Err(error) => FetchErrorKind::Io(Arc::new(error)),
            },
        },
        ureq::Error::Other(error) => match error.downcast::<Refused>() {
            Ok(refused) => (*refused).into(),
            Err(error) => FetchErrorKind::Protocol(error.to_string()),
        },
        ureq::Error::Timeout(what) => FetchErrorKind::Timeout {
            what: what.to_string(),
        },
        ureq::Error::HostNotFound => FetchErrorKind::HostNotFound,
        ureq::Error::LargeResponseHeader(..) => FetchErrorKind::HeadTooLong { limit: head_limit },
        ureq::Error::Tls(what) => FetchErrorKind::Tls(what.to_owned()),
        ureq::Error::Rustls(error) => FetchErrorKind::Tls(error.to_string()),
        other => FetchErrorKind::Protocol(other.to_string()),
    }
}

/// `Authorization: Basic` (RFC 7617) from the user information of a URL, of which `%` sequences are decoded.
fn basic_auth(userinfo: &str) -> String {
    let mut plain = Vec::with_capacity(userinfo.len() + 1);
    let mut rest = userinfo.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%');
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        plain.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    if !userinfo.contains(':') {
        plain.push(b':');
    }
    basic(&plain)
}

/// Resolves names, and refuses private addresses where the policy says so. As the connection goes to the very addresses
/// that were checked here, a name cannot change its mind in between.
///
/// ureq asks for the addresses of every request, even of one that goes over an open connection; and an answer within a timeout
/// takes a thread. A build asks one mirror for hundreds of files within seconds, so answers are remembered for a while.
#[derive(Debug)]
struct PolicyResolver {
    inner: DefaultResolver,
    private_addresses: bool,
    /// Whose addresses are given for every host: the proxy's.
    instead: Option<ureq::http::Uri>,
    known: Mutex<HashMap<Authority, Answer>>,
}

/// Scheme, host and port, as far as a URL names them.
type Authority = (Option<String>, Option<String>);

/// The addresses of a host, and when they were asked for.
type Answer = (Instant, ResolvedSocketAddrs);

impl PolicyResolver {
    /// How long an answer holds.
    const HOLDS: Duration = Duration::from_secs(30);

    fn new(private_addresses: bool) -> Self {
        Self {
            inner: DefaultResolver::default(),
            private_addresses,
            instead: None,
            known: Mutex::default(),
        }
    }

    fn addresses(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let authority: Authority = (
            uri.scheme_str().map(str::to_owned),
            uri.authority().map(ToString::to_string),
        );
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, addresses)) = known().get(&authority)
            && asked.elapsed() < Self::HOLDS
        {
            return Ok(addresses.clone());
        }
        let addresses = self.inner.resolve(uri, config, timeout)?;
        known().insert(authority, (Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}

impl Resolver for PolicyResolver {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let uri = self.instead.as_ref().unwrap_or(uri);
        let addresses = self.addresses(uri, config, timeout)?;
        let private = addresses.iter().find(|a| is_private(a.ip()));
        match private {
            Some(address) if !self.private_addresses => {
                Err(ureq::Error::Other(Box::new(Refused {
                    host: uri.host().unwrap_or_default().to_owned(),
                    address: address.ip().to_string(),
                })))
            }
            _ => Ok(addresses),
        }
    }
}

/// An address that the policy refuses.
#[derive(Debug, thiserror::Error)]
#[error("{host} has the private address {address}")]
struct Refused {
    host: String,
    address: String,
}

impl From<Refused> for FetchErrorKind {
    fn from(Refused { host, address }: Refused) -> Self {
        Self::PrivateAddress { host, address }
    }
}

#[cfg(test)]
mod tests {
    use super::basic_auth;

    #[test]
    fn credentials_are_encoded_as_rfc_7617_has_it() {
        assert_eq!(
            basic_auth("Aladdin:open%20sesame"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(basic_auth("a"), "Basic YTo=");
        assert_eq!(basic_auth("ab:c%zz"), "Basic YWI6YyV6eg==");
    }
}
