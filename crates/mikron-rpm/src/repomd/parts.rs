//! `primary.xml` cut between packages, for readers that work side by side.
//!
//! Every part is a document of its own: what stands before the first package, some packages, and the end of the root. A cut
//! lies behind the bytes `</package>`. Where these are no end of a package, since they stand in a comment or in a text that is
//! marked as such, the part before is cut off in the middle of that, and its reader refuses it. So whoever reads all parts
//! without a fault has read what the whole document says; whoever meets a fault reads the whole for its place.

use std::io::{self, Read};

use memchr::memmem;
use mikron_package::{LimitExceeded, Limits};

/// The end of a package, behind which a part may end.
const END: &[u8] = b"</package>";
/// The beginning of one.
const BEGIN: &[u8] = b"<package";
/// The end of the root.
const ROOT_END: &[u8] = b"</metadata>";
/// Parts have about so many bytes. Larger ones are slower: a heap takes what exceeds 64 KiB as a reason to tidy up.
const PART: usize = 48 << 10;

/// Cuts a document into parts.
///
/// ```
/// use mikron_rpm::PrimaryParts;
/// let text = b"<metadata packages='2'><package>1</package><package>2</package></metadata>";
/// let mut parts = PrimaryParts::new(&text[..], &Default::default());
/// assert_eq!(parts.next_part()?.as_deref(), Some(&text[..]));
/// assert!(parts.next_part()?.is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct PrimaryParts<R> {
    input: R,
    /// What stands before the first package.
    head: Vec<u8>,
    /// What was read and belongs to the next part.
    rest: Vec<u8>,
    size: usize,
    limit: u64,
    begun: bool,
    ended: bool,
}

impl<R: Read> PrimaryParts<R> {
    /// Parts of an unpacked text.
    pub fn new(input: R, limits: &Limits) -> Self {
        Self {
            input,
            head: Vec::new(),
            rest: Vec::new(),
            size: PART,
            limit: limits.control.saturating_add(2 * PART as u64),
            begun: false,
            ended: false,
        }
    }

    /// The same with parts of about `size` bytes.
    #[must_use]
    pub fn of_size(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// What reading gave, and where no package ends for longer than the limits let one be.
    pub fn next_part(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut part = std::mem::take(&mut self.rest);
        while !self.ended {
            let before = part.len();
            LimitExceeded::check("control", before as u64, self.limit).map_err(io::Error::other)?;
            let wanted = self.size.max(1);
            let read = (&mut self.input)
                .take(wanted as u64)
                .read_to_end(&mut part)?;
            self.ended = read < wanted;
            if self.ended {
                break;
            }
            if let Some(at) = memmem::rfind(&part, END) {
                self.rest = part.split_off(at + END.len());
                return Ok(Some(self.document(part, ROOT_END)));
            }
        }
        if part.is_empty() {
            return Ok(None);
        }
        // The last part has the end of the root itself.
        Ok(Some(self.document(part, b"")))
    }

    /// A part with what stands before and behind all packages.
    fn document(&mut self, mut part: Vec<u8>, end: &[u8]) -> Vec<u8> {
        if self.begun {
            return [&self.head[..], &part, end].concat();
        }
        self.begun = true;
        let at = memmem::find(&part, BEGIN).unwrap_or(part.len());
        self.head = part[..at].to_vec();
        part.extend_from_slice(end);
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, size: usize) -> Vec<String> {
        let mut parts = PrimaryParts::new(text.as_bytes(), &Limits::default()).of_size(size);
        let mut found = Vec::new();
        while let Some(part) = parts.next_part().unwrap() {
            found.push(String::from_utf8(part).unwrap());
        }
        found
    }

    #[test]
    fn each_part_is_a_document_with_the_head_of_the_whole() {
        let text = "<metadata packages='3'> <package>1</package> <package>2</package><package>3</package></metadata>";
        assert_eq!(
            parts(text, 50),
            [
                "<metadata packages='3'> <package>1</package></metadata>",
                "<metadata packages='3'>  <package>2</package><package>3</package></metadata>",
            ]
        );
    }

    #[test]
    fn a_document_of_any_cut_holds_every_package_once() {
        let packages = ["<package>", "</package>\n"];
        let packages: Vec<String> = (0..9).map(|n| packages.join(&n.to_string())).collect();
        let packages = packages.concat();
        let text = format!("<?xml version='1.0'?><metadata>{packages}</metadata>\n");
        for size in 1..text.len() + 2 {
            let joined = parts(&text, size).concat();
            for n in 0..9 {
                assert_eq!(joined.matches(&format!(">{n}<")).count(), 1, "{size}");
            }
        }
    }

    #[test]
    fn what_has_no_end_of_a_package_is_refused_and_not_held() {
        let limits = Limits {
            control: 10,
            ..Limits::default()
        };
        let endless = io::repeat(b'x').take(1 << 30);
        let mut parts = PrimaryParts::new(endless, &limits);
        assert!(parts.next_part().is_err());
    }
}
