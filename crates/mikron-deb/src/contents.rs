//! `Contents`: which package has which file (Debian Repository Format, "Contents indices").
//!
//! A line is a path without its leading slash, white space, and the packages that have it, with commas between them and each with
//! its section before a slash. Older files begin with text for people, which a line `FILE LOCATION` ends.

use std::io::{BufRead, BufReader, Read};

use mikron_package::{LimitExceeded, Limits, Origin};

use crate::error::{Deb822Error, Deb822ErrorKind};

/// What a [`ContentsLine`] stands for in a `Contents` file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentsLine<'a> {
    /// The path, without a slash at its beginning.
    pub path: &'a [u8],
    /// The packages, with commas between them, each as `section/name` or `area/section/name`.
    location: &'a [u8],
}

impl<'a> ContentsLine<'a> {
    /// The names of the packages.
    pub fn packages(&self) -> impl Iterator<Item = &'a [u8]> {
        let qualified = self.location.split(|byte| *byte == b',');
        qualified.map(|name| name.rsplit(|byte| *byte == b'/').next().unwrap_or(name))
    }
}

/// Reads a `Contents` file line by line. Equal paths may stand in it more than once.
///
/// ```
/// use mikron_deb::read_contents;
/// use mikron_package::{Limits, Origin};
/// let text = b"usr/bin/a b   admin/tool,contrib/net/other\n";
/// let mut seen = Vec::new();
/// read_contents(&text[..], &Limits::default(), &Origin::named("Contents"), |line| {
///     seen.push((line.path.to_vec(), line.packages().map(<[u8]>::to_vec).collect::<Vec<_>>()));
/// })?;
/// assert_eq!(seen, [(b"usr/bin/a b".to_vec(), vec![b"tool".to_vec(), b"other".to_vec()])]);
/// # Ok::<(), mikron_deb::Deb822Error>(())
/// ```
///
/// # Errors
/// When reading fails, a limit is exceeded, or a line has no packages.
pub fn read_contents(
    input: impl Read,
    limits: &Limits,
    origin: &Origin,
    mut each: impl FnMut(ContentsLine<'_>),
) -> Result<(), Deb822Error> {
    let outside = |error: Deb822Error| error.in_file(origin);
    let mut input = BufReader::with_capacity(256 * 1024, input);
    let mut line = Vec::new();
    let (mut number, mut offset) = (0, 0);
    // What may be text for people is a fault where no line says that it was.
    let mut fault: Option<Deb822Error> = None;
    loop {
        line.clear();
        let mut bounded = input.by_ref().take(limits.field + 1);
        let read = bounded.read_until(b'\n', &mut line);
        let read = read.map_err(|error| outside(Deb822Error::from_io(error)))?;
        if read == 0 {
            break;
        }
        number += 1;
        let here = |error: Deb822Error| outside(error.at(number, offset));
        let long = LimitExceeded::check("field", read as u64, limits.field);
        let all = LimitExceeded::check(
            "index_unpacked",
            offset + read as u64,
            limits.index_unpacked,
        );
        long.and(all)
            .map_err(|limit| here(Deb822Error::new(limit)))?;
        let text = line.trim_ascii_end();
        match parted(text) {
            Some((b"FILE", b"LOCATION")) => fault = None,
            Some((path, location)) => each(ContentsLine { path, location }),
            None if text.is_empty() || fault.is_some() => {}
            None => {
                let kind = Deb822ErrorKind::value(text, "a path with the packages that have it");
                fault = Some(here(Deb822Error::new(kind)));
            }
        }
        offset += read as u64;
    }
    fault.map_or(Ok(()), Err)
}

/// A path and what stands behind the last white space. A path may hold some itself.
fn parted(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().rposition(|byte| matches!(byte, b' ' | b'\t'))?;
    let path = line[..at].trim_ascii_end();
    (!path.is_empty()).then_some((path, &line[at + 1..]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &[u8], limits: &Limits) -> Result<Vec<(String, Vec<String>)>, Deb822Error> {
        let mut seen = Vec::new();
        let owned = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        read_contents(text, limits, &Origin::named("Contents"), |line| {
            seen.push((owned(line.path), line.packages().map(owned).collect()));
        })?;
        Ok(seen)
    }

    #[test]
    fn paths_with_blanks_and_several_packages_are_read() {
        let text = b"bin/sh\tshells/dash\nusr/share/a  b.css   web/one,non-free/web/two\n";
        let seen = read(text, &Limits::default()).unwrap();
        assert_eq!(seen[0], ("bin/sh".to_owned(), vec!["dash".to_owned()]));
        let two = vec!["one".to_owned(), "two".to_owned()];
        assert_eq!(seen[1], ("usr/share/a  b.css".to_owned(), two));
    }

    #[test]
    fn text_for_people_before_the_table_is_no_fault_and_elsewhere_it_is() {
        let text = b"Maps\n\nFILE            LOCATION\nbin/sh shells/dash\n";
        assert!(read(text, &Limits::default()).is_ok());
        let error = read(b"bin/sh shells/dash\nMaps\n", &Limits::default()).unwrap_err();
        assert_eq!((error.place.line, error.place.offset), (2, 19));
    }

    #[test]
    fn a_line_without_end_is_refused_by_its_limit() {
        let limits = Limits {
            field: 64,
            ..Limits::default()
        };
        let error = read(&[b'a'; 1000], &limits).unwrap_err();
        assert!(matches!(error.kind, Deb822ErrorKind::Limit(_)), "{error}");
    }
}
