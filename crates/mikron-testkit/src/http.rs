//! An HTTP/1.1 server on loopback with faults to order. It records what was asked, and stops when dropped.
//!
//! ```
//! use mikron_testkit::http::{Fault, Server};
//! let server = Server::start();
//! server.put("/dists/index", b"hello".to_vec());
//! server.fault_times("/dists/index", 1, Fault::status(503));
//! assert!(server.url("/dists/index").starts_with("http://127.0.0.1:"));
//! assert_eq!(server.requests().len(), 0);
//! ```

mod answer;
mod fault;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

pub use fault::Fault;

/// One request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// `GET`, `HEAD`.
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Recorded {
    /// The first value of a header field, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accept: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    state: Mutex<State>,
    connections: Mutex<Vec<TcpStream>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Arc<Vec<u8>>>,
    faults: BTreeMap<String, Vec<(Option<usize>, Fault)>>,
    requests: Vec<Recorded>,
    /// Connections that were accepted so far.
    accepted: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When the machine gives out no port.
    pub fn start() -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let accept = std::thread::spawn(move || accept_all(&listener, &for_thread));
        Self {
            address,
            shared,
            accept: Some(accept),
        }
    }

    /// The base URL, without a slash at its end.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// The address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `bytes` at `path`, in place of what was there.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        lock(&self.shared.state)
            .files
            .insert(path.to_owned(), Arc::new(bytes.into()));
    }

    /// Serves no more file at `path`: 404.
    pub fn remove(&self, path: &str) {
        lock(&self.shared.state).files.remove(path);
    }

    /// Answers every request for `path` with `fault`; the path `*` stands for all.
    pub fn fault(&self, path: &str, fault: Fault) {
        lock(&self.shared.state)
            .faults
            .entry(path.to_owned())
            .or_default()
            .push((None, fault));
    }

    /// Answers the next `times` requests for `path` with `fault`; the path `*` stands for all.
    pub fn fault_times(&self, path: &str, times: usize, fault: Fault) {
        lock(&self.shared.state)
            .faults
            .entry(path.to_owned())
            .or_default()
            .push((Some(times), fault));
    }

    /// Forgets all faults.
    pub fn heal(&self) {
        lock(&self.shared.state).faults.clear();
    }

    /// All requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.shared.state).requests.clone()
    }

    /// How many requests came for `path`.
    pub fn count(&self, path: &str) -> usize {
        lock(&self.shared.state)
            .requests
            .iter()
            .filter(|r| r.path == path)
            .count()
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        lock(&self.shared.state).accepted
    }

    /// Forgets the recorded requests.
    pub fn clear_requests(&self) {
        lock(&self.shared.state).requests.clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for connection in lock(&self.shared.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(accept) = self.accept.take() {
            let _ = accept.join();
        }
    }
}

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if let Ok(clone) = stream.try_clone() {
            lock(&shared.connections).push(clone);
        }
        lock(&shared.state).accepted += 1;
        let shared = Arc::clone(shared);
        std::thread::spawn(move || serve(&stream, &shared));
    }
}

/// Serves one connection until the client or a fault ends it.
fn serve(stream: &TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let mut input = BufReader::new(stream);
    while let Some(request) = read_request(&mut input) {
        let (file, fault) = {
            let mut state = lock(&shared.state);
            state.requests.push(request.clone());
            let path = request
                .path
                .split('?')
                .next()
                .unwrap_or_default()
                .to_owned();
            (state.files.get(&path).cloned(), state.take_fault(&path))
        };
        let kept = answer::answer(
            stream,
            &request,
            file.as_deref(),
            fault.as_ref(),
            &shared.stop,
        );
        if !matches!(kept, Ok(true)) {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

impl State {
    fn take_fault(&mut self, path: &str) -> Option<Fault> {
        for key in [path, "*"] {
            for (times, fault) in self.faults.get_mut(key).into_iter().flatten() {
                match times {
                    None => return Some(fault.clone()),
                    Some(0) => {}
                    Some(n) => {
                        *n -= 1;
                        return Some(fault.clone());
                    }
                }
            }
        }
        None
    }
}

fn read_request(input: &mut BufReader<&TcpStream>) -> Option<Recorded> {
    let mut line = String::new();
    input.by_ref().take(65_536).read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if input.by_ref().take(65_536).read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Some(Recorded {
                method,
                path,
                headers,
            });
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}
