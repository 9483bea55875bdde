//! One request to a FastCGI application (FastCGI Specification 1.0), as a web server would make it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const VERSION: u8 = 1;
const BEGIN: u8 = 1;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;

/// What the application answers.
pub(super) struct Answer {
    /// The body, without its header.
    pub(super) body: String,
    /// What it wrote to its error stream.
    pub(super) errors: String,
}

/// Asks for a script, at a port of the host, with the parameters that a web server hands on.
///
/// # Panics
/// When the application does not speak FastCGI.
pub(super) fn request(port: u16, script: &str, more: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the application listens");
    let mut params = Vec::new();
    let own = [
        ("SCRIPT_FILENAME", script),
        ("REQUEST_METHOD", "GET"),
        ("REQUEST_URI", "/"),
    ];
    for (name, value) in own.iter().chain(more) {
        for length in [name.len(), value.len()] {
            params.push(
                u8::try_from(length)
                    .ok()
                    .filter(|n| *n < 128)
                    .expect("short parameters"),
            );
        }
        params.extend_from_slice(name.as_bytes());
        params.extend_from_slice(value.as_bytes());
    }
    // The role of a responder, and no wish to keep the connection.
    let mut bytes = record(BEGIN, &[0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend(record(PARAMS, &params));
    bytes.extend(record(PARAMS, &[]));
    bytes.extend(record(STDIN, &[]));
    stream.write_all(&bytes).expect("the application reads");
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .expect("the application answers");
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let mut rest = answer.as_slice();
    while let [_, kind, _, _, high, low, padding, _, more @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let content = &more[..length];
        match *kind {
            STDOUT => out.extend_from_slice(content),
            STDERR => errors.extend_from_slice(content),
            _ => {}
        }
        rest = &more[length + usize::from(*padding)..];
    }
    let out = String::from_utf8_lossy(&out);
    let body = out.split_once("\r\n\r\n").map_or(&*out, |(_, body)| body);
    Answer {
        body: body.to_owned(),
        errors: String::from_utf8_lossy(&errors).into_owned(),
    }
}

/// A port of the host that nobody listens at.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the host has a loopback");
    listener.local_addr().expect("it was just bound").port()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len())
        .expect("short records")
        .to_be_bytes();
    let mut bytes = vec![VERSION, kind, 0, 1, length[0], length[1], 0, 0];
    bytes.extend_from_slice(content);
    bytes
}
