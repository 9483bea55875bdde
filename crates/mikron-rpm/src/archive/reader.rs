//! The stream of a package's entries: the payload's contents under the header's attributes.
//!
//! A file with several names stands in the payload once for each, and only the last has the content. The names before it are
//! held back by number, a word each; when the content comes, the first name gets it, and the others follow as hard links.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read};

use mikron_archive::{CpioHeader, CpioMember, CpioReader};
use mikron_package::{
    ArchiveError, ArchiveErrorKind, ArchiveMetadata, ArchiveReader, Entry, EntryKind, Limits,
    Origin, RootPath,
};

use super::digest::Check;
use super::files::{ALONE, Files, Lookup};
use super::metadata;
use super::payload::{Packed, Payload};
use super::proof::Proof;
use super::signature;
use crate::header::{Index, Part};

const BUFFER: usize = 256 << 10;
/// What messages call the payload.
const PAYLOAD: &str = "payload";

/// An open package.
pub(super) struct RpmReader<'a> {
    origin: Origin,
    metadata: ArchiveMetadata,
    /// Where in the metadata's `extra` the header lies.
    header: usize,
    files: Files,
    lookup: Lookup,
    cpio: CpioReader<Payload<'a>>,
    /// Which files the payload has had.
    seen: Vec<bool>,
    /// The names of each hard link set that came before its content.
    held: Vec<Vec<u32>>,
    /// Whether the package says that its hard link sets may be incomplete.
    partial_sets: bool,
    /// Further names of the last file, by number, and the first one, to which they are links.
    links: VecDeque<u32>,
    first: RootPath,
    current: Option<Current>,
    state: State,
}

/// The file whose content is being read.
struct Current {
    path: RootPath,
    left: u64,
    check: Option<Check>,
}

enum State {
    Reading,
    Done,
    Failed(ArchiveError),
}

impl<'a> RpmReader<'a> {
    /// Reads everything up to the payload.
    pub(super) fn open(
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<Self, ArchiveError> {
        let input = BufReader::with_capacity(BUFFER, input);
        let mut packed = Packed::new(input, limits);
        let mut front = signature::read(&mut packed, limits)?;
        let bytes = std::mem::take(&mut front.header);
        let header_at = front.header_at;
        let place = |error: ArchiveError| signature::in_header(error, header_at);
        let index = Index::of(&bytes, Part::Main).map_err(place)?;
        let header = index.of_header(&bytes);
        let files = Files::of(header, limits).map_err(place)?;
        let mut metadata = metadata::read(header, &bytes, &files).map_err(place)?;
        let signed = Index::of(&front.signature, Part::Signature)?;
        let signed = signed.of_header(&front.signature);
        let proof = Proof::of(signed, header, &bytes, &files).map_err(place)?;
        let digests = (metadata::DIGESTS.to_owned(), proof.to_string());
        metadata.fields.push(digests);
        let partial_sets =
            crate::header::relations::wants_rpmlib(header, "PartialHardlinkSets").map_err(place)?;
        let limits = &limits.plausible(metadata.record.installed_size);
        let payload = Payload::open(packed, &mut front, header, limits)
            .map_err(|error| error.in_entry(PAYLOAD).at(front.payload_at))?;
        let signature = (metadata::SIGNATURE.to_owned(), front.signature);
        metadata.extra.push((metadata::HEADER.to_owned(), bytes));
        metadata.extra.push(signature);
        Ok(Self {
            origin: origin.clone(),
            header: metadata.extra.len() - 2,
            metadata,
            seen: vec![false; files.len()],
            held: vec![Vec::new(); files.sets()],
            partial_sets,
            files,
            lookup: Lookup::default(),
            cpio: CpioReader::new(payload, limits),
            links: VecDeque::new(),
            first: RootPath::root(),
            current: None,
            state: State::Reading,
        })
    }

    fn header(&self) -> &[u8] {
        &self.metadata.extra[self.header].1
    }

    fn advance(&mut self) -> Result<Option<Entry>, ArchiveError> {
        self.finish_current()?;
        if let Some(number) = self.links.pop_front() {
            let mut link = self.files.entry(self.header(), number as usize)?;
            let target = self.first.clone();
            link.kind = EntryKind::Hardlink { target };
            return Ok(Some(link));
        }
        loop {
            let at = self.cpio.offset();
            let payload = |error: ArchiveError| error.in_entry(PAYLOAD);
            let Some(found) = self.cpio.next_header().map_err(payload)? else {
                self.finish_payload()?;
                return Ok(None);
            };
            let number = self.number(&found).map_err(|error| error.at(at))?;
            let entry = self
                .files
                .entry(self.header(), number)
                .map_err(|error| payload(error).at(at))?;
            let path = entry.path.clone();
            let entry = self
                .member(number, &found, entry)
                .map_err(|error| error.in_entry(&path).at(at))?;
            if entry.is_some() {
                return Ok(entry);
            }
        }
    }

    /// Which file of the header a member is.
    fn number(&mut self, found: &CpioHeader) -> Result<usize, ArchiveError> {
        let number = match found {
            CpioHeader::Index(number) => {
                let number = *number as usize;
                if number >= self.files.len() {
                    let count = self.files.len();
                    let reason = format!("the payload has file {number}, and the header {count}");
                    return Err(ArchiveError::malformed(reason).in_entry(PAYLOAD));
                }
                number
            }
            CpioHeader::Member(member) => {
                let header = &self.metadata.extra[self.header].1;
                let found = self.lookup.find(&self.files, header, &member.name);
                found.ok_or_else(|| {
                    ArchiveError::malformed("the payload has a file that the header does not have")
                        .in_entry(member.name.escape_ascii())
                })?
            }
        };
        Ok(number)
    }

    /// Takes up one member; `None` where it is a name that waits for its content.
    fn member(
        &mut self,
        number: usize,
        found: &CpioHeader,
        entry: Entry,
    ) -> Result<Option<Entry>, ArchiveError> {
        if self.files.is_ghost(number) {
            let reason = "the payload has a file that the header calls a ghost";
            return Err(ArchiveError::malformed(reason));
        }
        if std::mem::replace(&mut self.seen[number], true) {
            let reason = "the payload has a file twice";
            return Err(ArchiveError::malformed(reason));
        }
        let set = self.files.set(number);
        if let CpioHeader::Member(member) = found {
            self.check_links(member, number)?;
        }
        let waits =
            set != ALONE && self.held[set as usize].len() as u32 + 1 < self.files.set_size(set);
        let regular = self.files.is_regular(number);
        let size = match (&entry.kind, found) {
            // Its target is compared byte by byte below; the size that the header gives is not the same with all builders.
            (EntryKind::Symlink { .. }, CpioHeader::Member(member)) => member.size,
            (EntryKind::Symlink { .. }, CpioHeader::Index(_)) => self.files.size(number),
            _ if regular && !waits => self.files.size(number),
            _ => 0,
        };
        match found {
            CpioHeader::Member(member) if member.size != size => {
                return Err(ArchiveError::malformed(format!(
                    "the payload has {} bytes of it, and the header says {size}",
                    member.size
                )));
            }
            CpioHeader::Member(_) => {}
            CpioHeader::Index(_) => self.cpio.expect_size(size)?,
        }
        if waits {
            self.held[set as usize].push(number as u32);
            return Ok(None);
        }
        if let EntryKind::Symlink { target } = &entry.kind {
            self.check_target(target, size)?;
        }
        if !regular {
            return Ok(Some(entry));
        }
        self.with_content(number, set, entry).map(Some)
    }

    /// A file whose content follows: under its first name, with the others as links behind it.
    fn with_content(
        &mut self,
        number: usize,
        set: u32,
        entry: Entry,
    ) -> Result<Entry, ArchiveError> {
        let size = self.files.size(number);
        let mut entry = entry;
        if set != ALONE {
            self.links = std::mem::take(&mut self.held[set as usize]).into();
            self.links.push_back(number as u32);
        }
        if let Some(first) = self.links.pop_front() {
            entry = self.files.entry(self.header(), first as usize)?;
            entry.kind = EntryKind::File { size };
            self.first = entry.path.clone();
        }
        let wanted = self.files.digest(self.header(), number);
        let check = (!wanted.is_empty())
            .then(|| Check::new(self.files.algorithm, wanted, "content"))
            .transpose()?;
        self.current = Some(Current {
            path: entry.path.clone(),
            left: size,
            check,
        });
        if size == 0 {
            self.finish_current()?;
        }
        Ok(entry)
    }

    /// What a member's own header says of its links must be what the package's header says: a reader that waits for names which
    /// never come is stalled by it. Only a package that says that its sets may be incomplete has others.
    fn check_links(&self, member: &CpioMember, number: usize) -> Result<(), ArchiveError> {
        let names = self.files.set_size(self.files.set(number));
        let false_count = self.files.is_regular(number) && member.links != names;
        // Builders other than rpm's own leave the number at 0 or 1.
        if false_count && member.links > 1 && !self.partial_sets {
            return Err(ArchiveError::malformed(format!(
                "the payload counts {} links to it, and the header {names}",
                member.links
            )));
        }
        Ok(())
    }

    /// The content of a symbolic link is its target, once more.
    fn check_target(&mut self, target: &[u8], size: u64) -> Result<(), ArchiveError> {
        let mut found = Vec::new();
        // One byte more shows a longer one, of whatever length.
        let cap = target.len() as u64 + 1;
        (&mut self.cpio)
            .take(cap.min(size))
            .read_to_end(&mut found)
            .map_err(ArchiveError::from_io)?;
        if found == target {
            return Ok(());
        }
        Err(ArchiveError::malformed(format!(
            "the link leads to `{}` in the payload, and to `{}` in the header",
            found.escape_ascii(),
            target.escape_ascii()
        )))
    }

    /// Reads what the caller left of the current content, so that its digest is checked in any case.
    fn finish_current(&mut self) -> Result<(), ArchiveError> {
        let mut buffer = [0; 16 << 10];
        while self
            .current
            .as_ref()
            .is_some_and(|current| current.left > 0)
        {
            self.read_current(&mut buffer)?;
        }
        if let Some(current) = self.current.take()
            && let Some(check) = current.check
        {
            check
                .finish("content")
                .map_err(|error| error.in_entry(&current.path).at(self.cpio.offset()))?;
        }
        Ok(())
    }

    fn read_current(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let Some(current) = &mut self.current else {
            return Ok(0);
        };
        let most =
            usize::try_from(current.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        let n = self
            .cpio
            .read(&mut buffer[..most])
            .map_err(|error| ArchiveError::from_io(error).in_entry(&current.path))?;
        current.left -= n as u64;
        if let Some(check) = &mut current.check {
            check.update(&buffer[..n]);
        }
        if current.left == 0 {
            self.finish_current()?;
        }
        Ok(n)
    }

    /// Everything that the header has came, and the sums over the payload are right.
    fn finish_payload(&mut self) -> Result<(), ArchiveError> {
        let at = self.cpio.offset();
        let lost = (0..self.files.len())
            .find(|number| !self.seen[*number] && !self.files.is_ghost(*number));
        if let Some(number) = lost {
            let path = self.files.path(self.header(), number)?;
            let reason = "the header has a file that the payload does not have";
            return Err(ArchiveError::malformed(reason).in_entry(path).at(at));
        }
        let payload = self.cpio.get_mut();
        let start = payload.start();
        payload
            .finish()
            .map_err(|error| error.in_entry(PAYLOAD).at(start))
    }

    fn remember<T>(&mut self, result: Result<T, ArchiveError>) -> Result<T, ArchiveError> {
        result.map_err(|error| {
            let error = error.in_archive(&self.origin);
            self.state = State::Failed(error.clone());
            error
        })
    }
}

impl ArchiveReader for RpmReader<'_> {
    fn metadata(&self) -> &ArchiveMetadata {
        &self.metadata
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        match &self.state {
            State::Done => return Ok(None),
            State::Failed(error) => return Err(error.clone()),
            State::Reading => {}
        }
        let result = self.advance();
        let entry = self.remember(result)?;
        if entry.is_none() {
            self.state = State::Done;
        }
        Ok(entry)
    }

    fn body(&mut self) -> &mut dyn Read {
        self
    }
}

impl Read for RpmReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone().into_io());
        }
        match self.read_current(buffer) {
            Ok(n) => Ok(n),
            Err(ArchiveError {
                kind: ArchiveErrorKind::Io(error),
                ..
            }) if error.kind() == io::ErrorKind::Interrupted => {
                Err(io::ErrorKind::Interrupted.into())
            }
            Err(error) => self.remember(Err(error)).map_err(ArchiveError::into_io),
        }
    }
}
