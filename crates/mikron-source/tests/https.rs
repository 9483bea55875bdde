//! Whom a client of HTTPS believes.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mikron_source::Environment;
use mikron_source::fetch::{
    Authorities, Fetch, FetchError, FetchErrorKind, HttpFetch, HttpOptions, Request, Vouched,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority, and a certificate of it for this machine.
struct Company {
    home: tempfile::TempDir,
}

impl Company {
    fn new(name: &str) -> Self {
        let company = Self {
            home: tempfile::tempdir().unwrap(),
        };
        let subject = format!("/CN={name}");
        company.openssl(&["-subj", &subject, "-keyout", "ca.key", "-out", "ca.pem"]);
        company.openssl(&[
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-keyout",
            "server.key",
            "-out",
            "server.pem",
        ]);
        company
    }

    fn openssl(&self, arguments: &[&str]) {
        let new = ["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"];
        let made = Command::new("openssl")
            .args(new)
            .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(arguments)
            .current_dir(self.home.path())
            .output()
            .expect("openssl is installed");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A server that greets whoever believes it; it ends with the process of the test.
    fn serve(&self) -> Service {
        let chain = CertificateDer::pem_file_iter(self.file("server.pem")).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(self.file("server.key")).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/greeting", listener.local_addr().unwrap());
        let greeted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&greeted);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                if greet(connection, stream).is_ok() {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Service { url, greeted }
    }
}

fn greet(connection: rustls::ServerConnection, stream: TcpStream) -> std::io::Result<()> {
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")?;
    stream.flush()
}

struct Service {
    url: String,
    greeted: Arc<AtomicUsize>,
}

impl Service {
    fn ask(&self, fetch: &dyn Fetch) -> Result<String, FetchError> {
        let mut text = String::new();
        let mut response = fetch.fetch(&Request::get(&self.url))?;
        response.body.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    fn greeted(&self) -> usize {
        self.greeted.load(Ordering::SeqCst)
    }
}

fn trusting(authorities: Authorities) -> HttpFetch {
    HttpFetch::new(HttpOptions {
        authorities,
        ..HttpOptions::default()
    })
}

fn environment(name: &str, path: &Path) -> Authorities {
    let environment = Environment::empty().with(name, &path.display().to_string());
    environment.authorities()
}

#[test]
fn a_server_is_believed_whom_the_file_of_ssl_cert_file_vouches_for() {
    let company = Company::new("Company");
    let service = company.serve();
    let fetch = trusting(environment("SSL_CERT_FILE", &company.file("ca.pem")));
    assert_eq!(service.ask(&fetch).unwrap(), "hello");
    let mine = fetch_error(&service, &trusting(Authorities::BuiltIn));
    assert!(matches!(mine.kind, FetchErrorKind::Tls(_)), "{mine}");
    for remedy in ["`ca` of the source", "SSL_CERT_FILE"] {
        assert!(mine.to_string().contains(remedy), "{mine}");
    }
    assert_eq!(service.greeted(), 1);
}

#[test]
fn a_directory_of_certificates_may_hold_other_things() {
    let company = Company::new("Company");
    let service = company.serve();
    let all = tempfile::tempdir().unwrap();
    std::fs::copy(company.file("ca.pem"), all.path().join("4d5e6f.0")).unwrap();
    std::fs::write(all.path().join("README"), "no certificate").unwrap();
    std::os::unix::fs::symlink("nowhere", all.path().join("1a2b3c.0")).unwrap();
    let fetch = trusting(environment("SSL_CERT_DIR", all.path()));
    assert_eq!(service.ask(&fetch).unwrap(), "hello");
}

#[test]
fn the_machines_bundle_counts_where_no_variable_says_otherwise() {
    let company = Company::new("Company");
    for bundle in [
        "etc/ssl/certs/ca-certificates.crt",
        "etc/pki/tls/certs/ca-bundle.crt",
    ] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(bundle);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(company.file("ca.pem"), &path).unwrap();
        let machine = Environment::empty().with_root(root.path());
        assert_eq!(machine.authorities(), Authorities::Files(vec![path]));
        assert_eq!(
            company
                .serve()
                .ask(&trusting(machine.authorities()))
                .unwrap(),
            "hello"
        );
    }
}

#[test]
fn authorities_of_a_host_vouch_for_it_alone_and_nobody_else_does() {
    let (ours, theirs) = (Company::new("Ours"), Company::new("Theirs"));
    let (our_service, their_service) = (ours.serve(), theirs.serve());
    let pem = std::fs::read(ours.file("ca.pem")).unwrap();
    let inner = Arc::new(trusting(environment(
        "SSL_CERT_FILE",
        &theirs.file("ca.pem"),
    )));
    let mut fetch = Vouched::new(inner);
    fetch.believe_alone(&our_service.url, &Authorities::Pem(pem.clone().into()));
    assert_eq!(our_service.ask(&fetch).unwrap(), "hello");
    assert_eq!(their_service.ask(&fetch).unwrap(), "hello");
    fetch.believe_alone(&their_service.url, &Authorities::Pem(pem.into()));
    fetch_error(&their_service, &fetch);
    assert_eq!((our_service.greeted(), their_service.greeted()), (1, 1));
}

#[test]
fn files_without_certificates_are_named() {
    let company = Company::new("Company");
    let service = company.serve();
    let (missing, key) = (company.file("missing.pem"), company.file("ca.key"));
    for (file, reason) in [(&missing, "No such file"), (&key, "no certificate")] {
        let error = fetch_error(&service, &trusting(environment("SSL_CERT_FILE", file)));
        let text = error.to_string();
        assert!(
            text.contains(&*file.display().to_string()) && text.contains(reason),
            "{text}"
        );
    }
    assert_eq!(service.greeted(), 0);
}

fn fetch_error(service: &Service, fetch: &dyn Fetch) -> FetchError {
    service.ask(fetch).expect_err("not believed")
}
