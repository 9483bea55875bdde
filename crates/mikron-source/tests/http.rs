//! HTTP as it should not be.
#![cfg(all(feature = "http", feature = "openpgp"))] // what these tests serve and sign
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::io::Read;
use std::time::Duration;

use common::impatient;
use mikron_source::fetch::{
    Credentials, Fetch, FetchError, FetchErrorKind, HttpFetch, HttpOptions, Proxy, Request,
    Response, Router, Status,
};
use mikron_testkit::http::{Fault, Server};

fn client() -> HttpFetch {
    HttpFetch::new(impatient())
}

fn fetch_error(fetch: &dyn Fetch, url: &str) -> FetchError {
    fetch.fetch(&Request::get(url)).expect_err("an error")
}

/// Reads a body to its end; an error of it as the fetch error inside.
fn body(url: &str, mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let read = response.body.read_to_end(&mut bytes);
    read.map(|_| bytes)
        .map_err(|error| FetchError::from_io(url, error))
}

#[test]
fn a_file_is_fetched_over_one_connection_that_is_kept() {
    let server = Server::start();
    server.put("/a", b"hello".to_vec());
    let client = client();
    for _ in 0..5 {
        let response = client.fetch(&Request::get(&server.url("/a"))).unwrap();
        assert_eq!(response.status, Status::Full);
        assert_eq!(response.length, Some(5));
        assert_eq!(body("", response).unwrap(), b"hello");
    }
    assert_eq!(server.connections(), 1);
    let request = &server.requests()[0];
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    assert!(
        request
            .header("user-agent")
            .is_some_and(|agent| agent.starts_with("mikron/"))
    );
}

#[test]
fn a_condition_that_holds_gives_not_modified() {
    let server = Server::start();
    server.put("/a", b"hello".to_vec());
    let first = client().fetch(&Request::get(&server.url("/a"))).unwrap();
    let request = Request {
        unless: Some(first.validator.clone()),
        ..Request::get(&server.url("/a"))
    };
    assert_eq!(
        client().fetch(&request).unwrap().status,
        Status::NotModified
    );
    server.put("/a", b"other".to_vec());
    assert_eq!(client().fetch(&request).unwrap().status, Status::Full);
}

#[test]
fn redirects_are_followed_and_relative_ones_resolved() {
    let server = Server::start();
    server.put("/x/b", b"hello".to_vec());
    server.fault("/a", Fault::redirect(302, "/x/a"));
    server.fault("/x/a", Fault::redirect(307, "b"));
    let response = client().fetch(&Request::get(&server.url("/a"))).unwrap();
    assert_eq!(body("", response).unwrap(), b"hello");
}

#[test]
fn statuses_say_whether_a_retry_makes_sense() {
    let server = Server::start();
    for (status, transient) in [
        (404, false),
        (403, false),
        (500, true),
        (502, true),
        (503, true),
        (429, true),
        (511, false),
    ] {
        server.heal();
        server.fault("/a", Fault::status(status));
        let error = fetch_error(&client(), &server.url("/a"));
        assert!(
            matches!(error.kind, FetchErrorKind::Status { code, .. } if code == status),
            "{error}"
        );
        assert_eq!(error.is_transient(), transient, "{status}");
        assert!(error.to_string().contains(&status.to_string()));
    }
    assert!(fetch_error(&client(), "http://127.0.0.1:1/").is_transient());
}

#[test]
fn bad_131_short_body() {
    let server = Server::start();
    server.put("/a", vec![7; 1000]);
    server.fault("/a", Fault::ShortBody(400));
    let url = server.url("/a");
    let response = client().fetch(&Request::get(&url)).unwrap();
    let error = body(&url, response).unwrap_err();
    assert!(
        matches!(
            error.kind,
            FetchErrorKind::Short {
                expected: 1000,
                found: 400
            }
        ),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        format!("{url}: the body ends after 400 of 1000 bytes")
    );
    assert!(error.is_transient());
}

#[test]
fn bad_133_one_byte_a_second() {
    let server = Server::start();
    server.put("/a", vec![7; 1000]);
    server.fault("/a", Fault::Slow(Duration::from_millis(20)));
    let url = server.url("/a");
    let response = client().fetch(&Request::get(&url)).unwrap();
    let error = body(&url, response).unwrap_err();
    assert!(
        matches!(error.kind, FetchErrorKind::TooSlow { .. }),
        "{error}"
    );
    assert!(error.is_transient());
}

#[test]
fn a_body_that_stops_altogether_is_given_up() {
    let server = Server::start();
    server.put("/a", vec![7; 1000]);
    server.fault("/a", Fault::Slow(Duration::from_secs(60)));
    let url = server.url("/a");
    let response = client().fetch(&Request::get(&url)).unwrap();
    let error = body(&url, response).unwrap_err();
    assert!(
        matches!(
            error.kind,
            FetchErrorKind::Timeout { .. } | FetchErrorKind::TooSlow { .. }
        ),
        "{error}"
    );
}

#[test]
fn an_answer_that_does_not_come_is_given_up() {
    let server = Server::start();
    server.put("/a", b"hello".to_vec());
    server.fault("/a", Fault::Late(Duration::from_secs(60)));
    let options = HttpOptions {
        answer_timeout: Duration::from_millis(200),
        ..impatient()
    };
    let error = fetch_error(&HttpFetch::new(options), &server.url("/a"));
    assert!(
        matches!(error.kind, FetchErrorKind::Timeout { .. }),
        "{error}"
    );
    assert!(error.is_transient());
}

#[test]
fn a_transfer_that_outlasts_the_deadline_is_given_up() {
    let server = Server::start();
    server.put("/a", vec![7; 1000]);
    server.fault("/a", Fault::Slow(Duration::from_millis(5)));
    let options = HttpOptions {
        deadline: Duration::from_millis(200),
        low_speed_bytes: 1,
        ..impatient()
    };
    let url = server.url("/a");
    let response = HttpFetch::new(options).fetch(&Request::get(&url)).unwrap();
    let error = body(&url, response).unwrap_err();
    assert!(
        matches!(error.kind, FetchErrorKind::Timeout { .. }),
        "{error}"
    );
}

#[test]
fn bad_134_endless_headers() {
    let server = Server::start();
    server.fault("/a", Fault::EndlessHeaders);
    let error = fetch_error(&client(), &server.url("/a"));
    assert!(
        matches!(
            error.kind,
            FetchErrorKind::HeadTooLong { .. } | FetchErrorKind::Protocol(_)
        ),
        "{error}"
    );
}

#[test]
fn bad_135_redirect_loop() {
    let server = Server::start();
    server.fault("/a", Fault::redirect(302, "/b"));
    server.fault("/b", Fault::redirect(302, "/a"));
    let error = fetch_error(&client(), &server.url("/a"));
    assert!(
        matches!(error.kind, FetchErrorKind::TooManyRedirects { limit: 5 }),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        format!("{}: more than 5 redirects", server.url("/a"))
    );
    assert_eq!(server.requests().len(), 6);
}

// Row 136, https to http, is tested where redirects are judged (`fetch::redirect`): no server here has a certificate
// that is trusted.

#[test]
fn bad_137_redirect_to_a_private_address_when_serving() {
    let server = Server::start();
    server.put("/a", b"hello".to_vec());
    let options = HttpOptions {
        private_addresses: false,
        ..impatient()
    };
    let serving = HttpFetch::new(options);
    // Even the first host may not be private, by name or by number; nothing was sent to it.
    for host in [
        "127.0.0.1",
        "localhost",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
    ] {
        let url = format!("http://{host}:{}/a", server.address().port());
        let error = fetch_error(&serving, &url);
        assert!(
            matches!(&error.kind, FetchErrorKind::PrivateAddress { .. }),
            "{url}: {error}"
        );
        assert!(error.to_string().contains("private address"), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn bad_108_file_url_when_serving() {
    let serving = Router::network(impatient());
    for url in [
        "file:///etc/passwd",
        "/etc/passwd",
        "etc/passwd",
        "FILE:/etc/passwd",
    ] {
        let error = fetch_error(&serving, url);
        assert!(matches!(error.kind, FetchErrorKind::LocalFile), "{error}");
    }
    let server = Server::start();
    server.fault("/a", Fault::redirect(302, "file:///etc/passwd"));
    let error = fetch_error(&Router::standard(impatient()), &server.url("/a"));
    assert!(
        matches!(
            error.kind,
            FetchErrorKind::UnsupportedScheme { .. } | FetchErrorKind::BadRedirect { .. }
        ),
        "{error}"
    );
}

#[test]
fn bad_142_200_to_a_range_is_the_whole_thing() {
    let server = Server::start();
    server.put("/a", b"hello".to_vec());
    server.fault("/a", Fault::IgnoreRange);
    let request = Request {
        offset: 3,
        ..Request::get(&server.url("/a"))
    };
    let response = client().fetch(&request).unwrap();
    assert_eq!(response.status, Status::Full);
    assert_eq!(body("", response).unwrap(), b"hello");
}

#[test]
fn bad_145_retry_after_is_understood() {
    let server = Server::start();
    server.fault("/a", Fault::retry_after(429, 7));
    let error = fetch_error(&client(), &server.url("/a"));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert!(error.is_transient());
}

#[test]
fn bad_146_304_without_a_condition() {
    let server = Server::start();
    server.fault("/a", Fault::NotModified);
    let error = fetch_error(&client(), &server.url("/a"));
    assert!(matches!(error.kind, FetchErrorKind::NotModified), "{error}");
    assert!(error.to_string().contains("no local copy"), "{error}");
}

#[test]
fn bad_147_credentials_never_cross_hosts() {
    let (first, second) = (Server::start(), Server::start());
    second.put("/b", b"hello".to_vec());
    first.put("/c", b"hello".to_vec());
    first.fault("/a", Fault::redirect(302, &second.url("/b")));
    first.fault("/same", Fault::redirect(302, "/c"));
    let with_credentials = |path: &str| first.url(path).replace("http://", "http://me:secret@");
    client()
        .fetch(&Request::get(&with_credentials("/a")))
        .unwrap();
    client()
        .fetch(&Request::get(&with_credentials("/same")))
        .unwrap();
    let authorization =
        |r: &mikron_testkit::http::Recorded| r.header("authorization").map(str::to_owned);
    let to_first: Vec<_> = first.requests().iter().map(authorization).collect();
    assert_eq!(to_first.len(), 3);
    assert!(
        to_first
            .iter()
            .all(|a| a.as_deref() == Some("Basic bWU6c2VjcmV0")),
        "{to_first:?}"
    );
    assert_eq!(
        second
            .requests()
            .iter()
            .map(authorization)
            .collect::<Vec<_>>(),
        [None]
    );
    // Nor do they enter an error.
    first.fault("/d", Fault::status(500));
    let error = fetch_error(&client(), &with_credentials("/d"));
    assert!(!format!("{error} {error:?}").contains("secret"));
}

/// What a proxy would send on, for a client that is to use it.
fn through(proxy: &Server, user: &str) -> HttpFetch {
    let address = proxy.address();
    HttpFetch::new(HttpOptions {
        proxy: Some(Proxy::at(&format!("http://{user}{address}"))),
        ..impatient()
    })
}

#[test]
fn plain_http_goes_through_a_proxy_by_the_whole_url_and_never_by_connect() {
    let proxy = Server::start();
    // As squid does: tunnels lead to the port of HTTPS alone.
    proxy.fault("mirror.example.invalid:80", Fault::status(403));
    proxy.put("http://mirror.example.invalid/a", b"hello".to_vec());
    proxy.put("http://other.example.invalid:8080/b", b"other".to_vec());
    let client = through(&proxy, "");
    // The host has no address here: only the proxy knows where it is.
    for _ in 0..3 {
        let url = "http://mirror.example.invalid/a";
        let response = client.fetch(&Request::get(url)).unwrap();
        assert_eq!(body(url, response).unwrap(), b"hello");
    }
    let url = "http://other.example.invalid:8080/b?c=d";
    let response = client.fetch(&Request::get(url)).unwrap();
    assert_eq!(body(url, response).unwrap(), b"other");
    let requests = proxy.requests();
    assert!(
        requests.iter().all(|request| request.method == "GET"),
        "{requests:?}"
    );
    assert_eq!(requests[0].header("host"), Some("mirror.example.invalid"));
    assert_eq!(requests[0].header("proxy-authorization"), None);
    assert_eq!(requests[3].path, url);
    // A connection to the proxy is kept for the host that it was opened for.
    assert_eq!(proxy.connections(), 2);
}

#[test]
fn a_proxy_is_told_who_asks_and_the_host_is_not() {
    let proxy = Server::start();
    proxy.put("http://mirror.example.invalid/a", b"hello".to_vec());
    let client = through(&proxy, "me:s3cret@");
    let url = "http://you:0ther@mirror.example.invalid/a";
    client.fetch(&Request::get(url)).unwrap();
    let request = &proxy.requests()[0];
    assert_eq!(request.path, "http://mirror.example.invalid/a");
    assert_eq!(
        request.header("proxy-authorization"),
        Some("Basic bWU6czNjcmV0")
    );
    assert_eq!(request.header("authorization"), Some("Basic eW91OjB0aGVy"));
    proxy.fault("*", Fault::status(407));
    let error = fetch_error(&client, url);
    let shown = format!("{error} {error:?} {client:?}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("0ther"),
        "{shown}"
    );
}

#[test]
fn https_goes_through_a_proxy_by_connect() {
    let proxy = Server::start();
    proxy.fault("mirror.example.invalid:443", Fault::status(403));
    fetch_error(&through(&proxy, ""), "https://mirror.example.invalid/a");
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].method.as_str(), requests[0].path.as_str()),
        ("CONNECT", "mirror.example.invalid:443")
    );
}

#[test]
fn a_host_is_told_who_asks_by_what_stands_in_netrc() {
    let server = Server::start();
    let elsewhere = Server::start();
    server.put("/a", b"hello".to_vec());
    server.fault("/moved", Fault::redirect(302, &elsewhere.url("/b")));
    elsewhere.put("/b", b"other".to_vec());
    let mut credentials = Credentials::default();
    let port = server.address().port();
    credentials.add_variable(&format!("MIKRON_AUTH_127_0_0_1_{port}"), "me:s3cret");
    let client = HttpFetch::new(HttpOptions {
        credentials,
        ..impatient()
    });
    client.fetch(&Request::get(&server.url("/a"))).unwrap();
    client.fetch(&Request::get(&server.url("/moved"))).unwrap();
    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some("Basic bWU6czNjcmV0"));
    }
    // Who we are to one host is nothing to where it sends us.
    assert_eq!(elsewhere.requests()[0].header("authorization"), None);
    // What the URL says comes first.
    let url = server.url("/a").replace("://", "://you:x@");
    client.fetch(&Request::get(&url)).unwrap();
    let last = server.requests().pop().unwrap();
    assert_eq!(last.header("authorization"), Some("Basic eW91Ong="));
    server.fault("*", Fault::status(401));
    let error = fetch_error(&client, &server.url("/a")).to_string();
    assert!(
        error.contains("set MIKRON_AUTH_127_0_0_1=USER:PASSWORD"),
        "{error}"
    );
    assert!(!error.contains("s3cret"), "{error}");
}
