//! As much of HTTP/1.1 (RFC 9112) as one request over a socket takes: a body of unknown length there, and any body back.

use std::io::{self, BufRead, BufReader, Read, Write};

/// So many bytes the head of an answer may have.
const MOST_HEAD: u64 = 64 << 10;
const MOST_HEADERS: usize = 64;

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header, whatever case its name is in.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter();
        named
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Writes the head of a request. The connection is for this one only.
pub(crate) fn ask(out: &mut dyn Write, method: &str, path: &str, more: &str) -> io::Result<()> {
    write!(
        out,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: mikron/{}\r\nConnection: close\r\n{more}\r\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// A body in chunks (RFC 9112, 7.1).
pub(crate) struct Chunked<W: Write>(W);

impl<W: Write> Chunked<W> {
    pub(crate) fn new(out: W) -> Self {
        Self(out)
    }

    /// The last chunk, which says that the body is whole.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.write_all(b"0\r\n\r\n")?;
        self.0.flush()
    }
}

impl<W: Write> Write for Chunked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A chunk without bytes would be the last.
        if !bytes.is_empty() {
            write!(self.0, "{:x}\r\n", bytes.len())?;
            self.0.write_all(bytes)?;
            self.0.write_all(b"\r\n")?;
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Reads an answer: its head, and a reader of its body.
pub(crate) fn answer<R: Read>(from: R) -> io::Result<(Head, Body<R>)> {
    let mut from = BufReader::new(from);
    loop {
        let head = head(&mut from)?;
        // What says that the real answer comes.
        if (100..200).contains(&head.status) {
            continue;
        }
        let coding = head.header("transfer-encoding").unwrap_or("identity");
        let framing = if coding.eq_ignore_ascii_case("chunked") {
            Framing::Chunks {
                left: 0,
                first: true,
            }
        } else if !coding.eq_ignore_ascii_case("identity") {
            return Err(malformed("a transfer coding that is not known"));
        } else if let Some(length) = head.header("content-length") {
            let length = length.trim().parse();
            Framing::Length(length.map_err(|_| malformed("a length that is no number"))?)
        } else {
            Framing::Rest
        };
        return Ok((head, Body { from, framing }));
    }
}

fn head(from: &mut impl BufRead) -> io::Result<Head> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let left = MOST_HEAD.saturating_sub(bytes.len() as u64);
        if from.take(left).read_until(b'\n', &mut bytes)? == 0 {
            return Err(malformed(match left {
                0 => "a head of more than 64 KiB",
                _ => "no whole head",
            }));
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(&bytes);
    parsed.map_err(|error| malformed(&format!("a head that is none: {error}")))?;
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = response.headers.iter();
    Ok(Head {
        status: response.code.unwrap_or_default(),
        headers: headers
            .map(|header| (header.name.to_owned(), text(header.value)))
            .collect(),
    })
}

/// The body of an answer.
pub(crate) struct Body<R> {
    from: BufReader<R>,
    framing: Framing,
}

enum Framing {
    Length(u64),
    /// What is left of the chunk that is read.
    Chunks {
        left: u64,
        first: bool,
    },
    /// Until the connection ends.
    Rest,
    Done,
}

impl<R: Read> Body<R> {
    /// The size of the next chunk; its line ends the one before.
    fn chunk(&mut self, first: bool) -> io::Result<u64> {
        let mut line = |what| {
            let mut line = Vec::new();
            (&mut self.from).take(1024).read_until(b'\n', &mut line)?;
            match line.strip_suffix(b"\r\n") {
                Some(text) => Ok(text.to_vec()),
                None => Err(malformed(what)),
            }
        };
        if !first && !line("a chunk without its end")?.is_empty() {
            return Err(malformed("a chunk that is longer than it says"));
        }
        let size = line("a chunk without its size")?;
        let digits = size.split(|b| *b == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).unwrap_or_default().trim();
        u64::from_str_radix(digits, 16).map_err(|_| malformed("a chunk whose size is no number"))
    }
}

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Framing::Chunks { left: 0, first } = self.framing {
            self.framing = match self.chunk(first)? {
                0 => Framing::Done,
                left => Framing::Chunks { left, first: false },
            };
        }
        let left = match &mut self.framing {
            Framing::Done | Framing::Length(0) => return Ok(0),
            Framing::Rest => return self.from.read(buffer),
            Framing::Length(left) | Framing::Chunks { left, .. } => left,
        };
        let most = usize::try_from(*left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let n = self.from.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *left -= n as u64;
        Ok(n)
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("it answers with {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> io::Result<(u16, String)> {
        let (head, mut body) = answer(text.as_bytes())?;
        let mut text = String::new();
        body.read_to_string(&mut text)?;
        Ok((head.status, text))
    }

    #[test]
    fn a_body_ends_where_its_head_says() {
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK and more";
        let chunks = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;x=y\r\nO\r\n1\r\nK\r\n0\r\n\r\n";
        let rest = "HTTP/1.1 200 OK\r\n\r\nOK";
        for text in [length, chunks, rest] {
            assert_eq!(body(text).unwrap(), (200, "OK".to_owned()), "{text}");
        }
    }

    #[test]
    fn what_was_written_in_chunks_is_read_again() {
        let mut sent = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let mut chunked = Chunked::new(&mut sent);
        for part in ["", "one ", "two"] {
            chunked.write_all(part.as_bytes()).unwrap();
        }
        chunked.finish().unwrap();
        let sent = String::from_utf8(sent).unwrap();
        assert_eq!(body(&sent).unwrap().1, "one two");
    }

    #[test]
    fn answers_that_are_none_are_errors() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(70_000));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(100));
        for text in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nOK\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n",
            &long,
            &many,
        ] {
            assert!(body(text).is_err(), "{text}");
        }
    }
}
