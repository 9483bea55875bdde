//! Writing one answer, right or wrong.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mikron_package::Digest;

use super::{Fault, Recorded};

/// Answers one request; `true` when the connection can go on.
pub(super) fn answer(
    mut stream: &TcpStream,
    request: &Recorded,
    file: Option<&Vec<u8>>,
    fault: Option<&Fault>,
    stop: &AtomicBool,
) -> io::Result<bool> {
    match fault {
        Some(Fault::Answer {
            status,
            headers,
            body,
        }) => {
            let fields: String = headers
                .iter()
                .fold(String::new(), |mut text, (name, value)| {
                    let _ = write!(text, "{name}: {value}\r\n");
                    text
                });
            let body: &[u8] = if *status == 304 { b"" } else { body };
            head(
                stream,
                *status,
                &format!("{fields}Content-Length: {}\r\n", body.len()),
            )?;
            stream.write_all(body)?;
            return Ok(true);
        }
        Some(Fault::Hangup) => return Ok(false),
        Some(Fault::NotModified) => return head(stream, 304, "").map(|()| true),
        Some(Fault::EndlessHeaders) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            while !stop.load(Ordering::SeqCst) {
                stream.write_all(
                    b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
                )?;
            }
            return Ok(false);
        }
        Some(Fault::Late(by)) => pause(*by, stop),
        _ => {}
    }
    let Some(file) = file else {
        head(stream, 404, "Content-Length: 0\r\n")?;
        return Ok(true);
    };
    let etag = match fault {
        Some(Fault::Etag(etag)) => etag.clone(),
        _ => format!("\"{}\"", &Digest::of(file).hex()[..16]),
    };
    if request.header("if-none-match") == Some(&etag) {
        head(stream, 304, &format!("ETag: {etag}\r\n"))?;
        return Ok(true);
    }
    let fields = format!("ETag: {etag}\r\nAccept-Ranges: bytes\r\n");
    let whole = file.len();
    if let Some(start) = range_start(request, &etag, fault) {
        if start >= whole || fault == Some(&Fault::RangeNotSatisfiable) {
            head(
                stream,
                416,
                &format!("Content-Range: bytes */{whole}\r\nContent-Length: 0\r\n"),
            )?;
            return Ok(true);
        }
        let said = if fault == Some(&Fault::WrongContentRange) {
            start.saturating_sub(1)
        } else {
            start
        };
        let range = format!("Content-Range: bytes {said}-{}/{whole}\r\n", whole - 1);
        head(
            stream,
            206,
            &format!("{fields}{range}Content-Length: {}\r\n", whole - start),
        )?;
        return body(stream, request, &file[start..], fault, stop);
    }
    match fault {
        Some(Fault::Gzip) => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(file)?;
            let packed = encoder.finish()?;
            head(
                stream,
                200,
                &format!(
                    "{fields}Content-Encoding: gzip\r\nContent-Length: {}\r\n",
                    packed.len()
                ),
            )?;
            body(stream, request, &packed, None, stop)
        }
        Some(Fault::LongBody(more)) => {
            head(
                stream,
                200,
                &format!("{fields}Content-Length: {}\r\n", whole + more),
            )?;
            stream.write_all(file)?;
            stream.write_all(&vec![0; *more])?;
            Ok(true)
        }
        Some(Fault::EndlessBody) => {
            head(
                stream,
                200,
                &format!("{fields}Transfer-Encoding: chunked\r\n"),
            )?;
            chunk(stream, file)?;
            while !stop.load(Ordering::SeqCst) {
                chunk(stream, &[0; 8192])?;
            }
            Ok(false)
        }
        _ => {
            head(stream, 200, &format!("{fields}Content-Length: {whole}\r\n"))?;
            body(stream, request, file, fault, stop)
        }
    }
}

/// The first byte that a range asks for, where the range is to be honoured.
fn range_start(request: &Recorded, etag: &str, fault: Option<&Fault>) -> Option<usize> {
    if fault == Some(&Fault::IgnoreRange)
        || request.header("if-range").is_some_and(|tag| tag != etag)
    {
        return None;
    }
    let range = request.header("range")?.strip_prefix("bytes=")?;
    range.split('-').next()?.parse().ok()
}

fn head(mut stream: &TcpStream, status: u16, fields: &str) -> io::Result<()> {
    stream.write_all(format!("HTTP/1.1 {status} Status\r\n{fields}\r\n").as_bytes())
}

fn chunk(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
    stream.write_all(bytes)?;
    stream.write_all(b"\r\n")
}

fn body(
    mut stream: &TcpStream,
    request: &Recorded,
    bytes: &[u8],
    fault: Option<&Fault>,
    stop: &AtomicBool,
) -> io::Result<bool> {
    if request.method == "HEAD" {
        return Ok(true);
    }
    match fault {
        Some(Fault::ShortBody(n)) => {
            stream.write_all(&bytes[..bytes.len().min(*n)])?;
            Ok(false)
        }
        Some(Fault::Slow(by)) => {
            for byte in bytes.chunks(1) {
                stream.write_all(byte)?;
                pause(*by, stop);
                if stop.load(Ordering::SeqCst) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => stream.write_all(bytes).map(|()| true),
    }
}

/// Sleeps, but no longer than the server lives.
fn pause(by: Duration, stop: &AtomicBool) {
    let end = Instant::now() + by;
    while !stop.load(Ordering::SeqCst) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(20)));
    }
}
