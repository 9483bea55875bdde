//! Fetching from the file system: `file:` URLs and plain paths.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::url::encode;
use super::{Fetch, FetchError, FetchErrorKind, Request, Response, Status, Validator};

/// Reads regular files of this machine.
///
/// ```
/// use mikron_source::fetch::{Fetch, FileFetch, Request};
/// assert!(FileFetch.fetch(&Request::get("file:///nonexistent")).unwrap_err().is_not_found());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct FileFetch;

impl Fetch for FileFetch {
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        let failed =
            |error: io::Error| FetchError::new(&request.url, FetchErrorKind::Io(Arc::new(error)));
        let path = path_of(&request.url).map_err(|reason| {
            FetchError::new(&request.url, FetchErrorKind::InvalidUrl { reason })
        })?;
        // Opening a FIFO for reading would wait for a writer, so the kind is looked at first.
        let metadata = std::fs::metadata(&path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            )));
        }
        let mut file = File::open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let changed = metadata.modified().ok();
        let since = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let validator = Validator {
            etag: since.map(|since| format!("\"{:x}-{:x}\"", metadata.len(), since.as_nanos())),
            last_modified: None,
        };
        // A condition is never taken to hold: size and time may outlive a change, and reading again costs next to nothing.
        let same = request.if_range.as_ref().is_none_or(|v| *v == validator);
        let (status, offset) = if request.offset > 0 && same {
            (Status::Partial, request.offset.min(metadata.len()))
        } else {
            (Status::Full, 0)
        };
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let length = metadata.len() - offset;
        Ok(Response {
            status,
            validator,
            length: Some(length),
            encoding: None,
            body: Box::new(file.take(length)),
        })
    }
}

/// The `file:` URL of an absolute path (RFC 8089).
///
/// ```
/// use mikron_source::fetch::file_url;
/// assert_eq!(file_url("/srv/a 100%".as_ref()), "file:///srv/a%20100%25");
/// ```
pub fn file_url(path: &Path) -> String {
    let mut url = String::from("file://");
    encode(&mut url, path.as_os_str().as_bytes());
    url
}

/// The path in a `file:` URL (RFC 8089), or the plain path that the text is.
fn path_of(url: &str) -> Result<PathBuf, &'static str> {
    let Some(rest) = url.strip_prefix("file:") else {
        return Ok(PathBuf::from(url));
    };
    let path = match rest.strip_prefix("//") {
        Some(rest) => match rest.find('/') {
            Some(at) if ["", "localhost"].contains(&&rest[..at]) => &rest[at..],
            _ => return Err("a file: URL names another host"),
        },
        None => rest,
    };
    if !path.starts_with('/') {
        return Err("a file: URL needs an absolute path");
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
            let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
            match byte {
                None | Some(0) => return Err("a file: URL with a malformed % sequence"),
                Some(byte) => bytes.push(byte),
            }
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::path_of;
    use std::path::PathBuf;

    #[test]
    fn file_urls_become_paths() {
        assert_eq!(path_of("file:///srv/a%20b"), Ok(PathBuf::from("/srv/a b")));
        assert_eq!(path_of("file:/srv"), Ok(PathBuf::from("/srv")));
        assert_eq!(path_of("file://localhost/srv"), Ok(PathBuf::from("/srv")));
        assert_eq!(path_of("srv/x"), Ok(PathBuf::from("srv/x")));
        assert!(path_of("file://elsewhere/srv").is_err());
        assert!(path_of("file:srv").is_err());
        assert!(path_of("file:///a%0").is_err());
        assert!(path_of("file:///a%00").is_err());
    }
}
