//! The members of an apk in their order, and the stream of its entries.

use std::io::{self, BufReader, Read};

use mikron_archive::{Cap, TarDialect, TarReader};
use mikron_package::{
    ArchiveError, ArchiveMetadata, ArchiveReader, Digest, Entry, EntryKind, Limits, Origin,
};
use sha1::{Digest as _, Sha1};

use super::control::{self, Control};
use crate::members::{Members, Wanted};
use crate::signature::{self, Signature};
use crate::{checksum, format_checksum};

/// The container below.
type Gzip<'a> = Members<BufReader<Box<dyn Read + Send + 'a>>>;

const BUFFER: usize = 64 << 10;

/// The PAX record that holds the SHA-1 of an entry's content, in hexadecimal digits.
const CHECKSUM: &str = "APK-TOOLS.checksum.SHA1";

/// An open apk.
///
/// When [`ArchiveReader::next_entry`] has returned `None`, the data were as long as they said, every entry had the content
/// that its checksum names, the packed data had the digest that the metadata name, and nothing stood behind them. Whether the
/// metadata themselves are to be believed is for the caller to say, with [`ApkReader::control`] and what the index has, or
/// with [`ApkReader::signatures`] and [`verify`](crate::verify).
pub struct ApkReader<'a> {
    origin: Origin,
    metadata: ArchiveMetadata,
    signatures: Vec<Signature>,
    control: Control,
    tar: TarReader<Gzip<'a>>,
    /// The path of the current entry, the SHA-1 that it must have, and that of what was read of it.
    current: Option<Current>,
    state: State,
}

struct Current {
    path: String,
    expected: Option<[u8; 20]>,
    hasher: Sha1,
}

enum State {
    Reading,
    Done,
    Failed(ArchiveError),
}

impl std::fmt::Debug for ApkReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApkReader")
            .field("origin", &self.origin)
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

impl<'a> ApkReader<'a> {
    /// Reads everything up to the data member.
    pub(super) fn open(
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<Self, ArchiveError> {
        let mut members = Members::new(BufReader::with_capacity(BUFFER, input), limits);
        if super::is_adb(members.peek()?) {
            return Err(super::adb("archive"));
        }
        // What the first member is shows only when it is unpacked, so it may be as large as a control member.
        let cap = control::cap(limits);
        members.start("the control member", cap, Wanted::Both)?;
        let mut tar = members.read_all()?;
        let mut signatures = Vec::new();
        if signature::is_signature_member(&tar) {
            let unpacked = tar.len() as u64;
            let cap = signature::cap();
            mikron_package::LimitExceeded::check(cap.limit, unpacked, cap.bytes)?;
            signatures = signature::read(&tar, limits)?;
            members.start("the control member", control::cap(limits), Wanted::Both)?;
            tar = members.read_all()?;
        }
        let covered = members
            .covered()
            .ok_or_else(|| ArchiveError::malformed("the control member was not read"))?;
        let (metadata, control) = control::read(&tar, covered, limits)?;
        let limits = &limits.plausible(metadata.record.installed_size);
        members.start("the data member", Cap::unpacked(limits), Wanted::Sha256)?;
        Ok(Self {
            origin: origin.clone(),
            metadata,
            signatures,
            control,
            tar: TarReader::new(members, TarDialect::Apk, limits).keeping(&[CHECKSUM]),
            current: None,
            state: State::Reading,
        })
    }

    /// The archive's own signatures; none where it has no signature member.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The digests of the control member, which index and signatures speak of, and the one that the data must have.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Reads everything that was not read, so that all checks are made.
    ///
    /// # Errors
    /// As [`ArchiveReader::next_entry`].
    pub fn finish(&mut self) -> Result<(), ArchiveError> {
        while self.next_entry()?.is_some() {}
        Ok(())
    }

    /// Compares the digest of the packed data member with the one that the metadata name, without unpacking it. Nothing may have been
    /// read of its entries. Who reads them later makes all the other checks; that they are those of the metadata is certain now, and
    /// that nothing else stands behind them.
    ///
    /// # Errors
    /// When the data have another digest, or cannot be read.
    pub fn prove(mut self) -> Result<(), ArchiveError> {
        let found = self.tar.get_mut().sha256_of_rest();
        let proved = found.and_then(|found| self.promised(found));
        proved.map_err(|error| error.in_archive(&self.origin))
    }

    fn advance(&mut self) -> Result<Option<Entry>, ArchiveError> {
        self.finish_entry()?;
        let Some(entry) = self.tar.next_entry()? else {
            self.tar.nothing_behind_end()?;
            self.finish_data()?;
            return Ok(None);
        };
        let path = entry.path.to_string();
        let wrong = |reason: String| Err(ArchiveError::malformed(reason).in_entry(&path));
        if control::is_reserved(entry.path.as_bytes()) {
            return wrong(
                "a name with a dot in front stands at the root, where apk takes it for metadata"
                    .to_owned(),
            );
        }
        let mut expected = None;
        if let Some(hex) = self.tar.record(CHECKSUM) {
            let Some(sha1) = checksum::from_hex(hex) else {
                return wrong(format!(
                    "the checksum `{}` is not a SHA-1",
                    hex[..hex.len().min(100)].escape_ascii()
                ));
            };
            match &entry.kind {
                EntryKind::File { .. } => expected = Some(sha1),
                // Of a symbolic link it is that of its target.
                EntryKind::Symlink { target } => {
                    let found: [u8; 20] = Sha1::digest(target).into();
                    if found != sha1 {
                        return wrong(differs(&sha1, &found));
                    }
                }
                // Of a hard link it is that of the file, which has passed by with its own.
                _ => {}
            }
        }
        self.current = Some(Current {
            path,
            expected,
            hasher: Sha1::new(),
        });
        Ok(Some(entry))
    }

    /// Reads what was not read of the current entry, and compares its SHA-1.
    fn finish_entry(&mut self) -> Result<(), ArchiveError> {
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        let Some(expected) = current.expected else {
            return Ok(());
        };
        let mut buffer = [0; 16 << 10];
        loop {
            match self.tar.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => current.hasher.update(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveError::from_io(error).in_entry(current.path)),
            }
        }
        let found: [u8; 20] = current.hasher.finalize().into();
        if found == expected {
            Ok(())
        } else {
            Err(ArchiveError::malformed(differs(&expected, &found)).in_entry(current.path))
        }
    }

    /// Checks the digest of the data member, and that nothing stands behind it.
    fn finish_data(&mut self) -> Result<(), ArchiveError> {
        let members = self.tar.get_mut();
        members.finish()?;
        let found = members
            .sha256()
            .ok_or_else(|| ArchiveError::malformed("the data member was not read"))?;
        self.promised(found)
    }

    /// Whether the data member has the digest that the metadata name.
    fn promised(&self, found: Digest) -> Result<(), ArchiveError> {
        if found == self.control.data {
            return Ok(());
        }
        Err(ArchiveError::malformed(format!(
            "the data have the digest {found}, but the metadata promise {}",
            self.control.data
        )))
    }

    fn remember<T>(&mut self, result: Result<T, ArchiveError>) -> Result<T, ArchiveError> {
        result.map_err(|error| {
            let error = error.in_archive(&self.origin);
            self.state = State::Failed(error.clone());
            error
        })
    }
}

fn differs(expected: &[u8; 20], found: &[u8; 20]) -> String {
    format!(
        "the content has the checksum {}, but {} was promised",
        format_checksum(found),
        format_checksum(expected)
    )
}

impl ArchiveReader for ApkReader<'_> {
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

impl Read for ApkReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone().into_io());
        }
        match self.tar.read(buffer) {
            Ok(n) => {
                if let Some(current) = &mut self.current
                    && current.expected.is_some()
                {
                    current.hasher.update(&buffer[..n]);
                }
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let mut error = ArchiveError::from_io(error);
                if let Some(current) = &self.current {
                    error = error.in_entry(&current.path);
                }
                self.remember(Err(error)).map_err(ArchiveError::into_io)
            }
        }
    }
}
