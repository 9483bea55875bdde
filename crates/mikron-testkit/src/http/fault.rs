//! What the server can be told to do wrong.

use std::time::Duration;

/// One way in which an answer goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// This status, with these header fields and this body.
    Answer {
        /// The status code.
        status: u16,
        /// Further header fields.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// `Content-Length` is right, but the connection ends after so many bytes of the body.
    ShortBody(usize),
    /// The body is followed by so many more bytes, and `Content-Length` counts them.
    LongBody(usize),
    /// The body is followed by zeros without end, in chunks.
    EndlessBody,
    /// One byte, a pause, one byte, a pause.
    Slow(Duration),
    /// The head comes after this long.
    Late(Duration),
    /// Ranges are ignored: 200 with the whole file.
    IgnoreRange,
    /// A range is answered by 206 with a `Content-Range` that begins elsewhere.
    WrongContentRange,
    /// A range is answered by 416.
    RangeNotSatisfiable,
    /// The entity tag is this one; a range with another `If-Range` gets the whole file.
    Etag(String),
    /// The body is compressed once more, and `Content-Encoding: gzip` says so, whatever the client accepts.
    Gzip,
    /// Header fields without end.
    EndlessHeaders,
    /// 304, whatever the condition.
    NotModified,
    /// The connection is closed before a byte of the answer.
    Hangup,
}

impl Fault {
    /// Nothing but a status.
    pub fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A status and a `Retry-After` in seconds.
    pub fn retry_after(status: u16, seconds: u64) -> Self {
        Self::Answer {
            status,
            headers: vec![("Retry-After".into(), seconds.to_string())],
            body: Vec::new(),
        }
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::Answer {
            status,
            headers: vec![("Location".into(), location.into())],
            body: Vec::new(),
        }
    }

    /// 200 with another body, such as the log-in page of a captive portal.
    pub fn instead(content_type: &str, body: &[u8]) -> Self {
        Self::Answer {
            status: 200,
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.to_vec(),
        }
    }
}
