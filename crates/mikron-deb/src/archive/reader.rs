//! The members of a .deb and their order (deb(5)), and the stream of its entries.

use std::io::{self, Read};

use mikron_archive::{ArMember, ArReader, Cap, Compression, Decompressor, TarDialect, TarReader};
use mikron_package::{
    ArchiveError, ArchiveErrorKind, ArchiveMetadata, ArchiveReader, Entry, Limits, Origin,
};

use super::control;

/// The container below.
pub(super) type Ar<'a> = ArReader<Box<dyn Read + Send + 'a>>;

const CONTROL: &[u8] = b"control.tar";
const DATA: &[u8] = b"data.tar";
const BINARY: &[u8] = b"debian-binary";

/// An open .deb.
pub(super) struct DebReader<'a> {
    origin: Origin,
    metadata: ArchiveMetadata,
    /// The data member's name.
    member: String,
    notes: Vec<String>,
    tar: TarReader<Decompressor<Ar<'a>>>,
    /// The path of the current entry.
    current: Option<String>,
    state: State,
}

enum State {
    Reading,
    Done,
    Failed(ArchiveError),
}

fn shown(member: &ArMember) -> String {
    member.name.escape_ascii().to_string()
}

/// The next member that is not to be skipped: names that begin with `_` are (deb(5)).
fn next_required(ar: &mut Ar<'_>, wanted: &str) -> Result<ArMember, ArchiveError> {
    loop {
        let at = ar.offset();
        let Some(member) = ar.next_member()? else {
            return Err(ArchiveError::new(ArchiveErrorKind::Truncated(format!(
                "there is no member `{wanted}`"
            )))
            .at(at));
        };
        if !member.name.starts_with(b"_") {
            return Ok(member);
        }
    }
}

/// Refuses what is not the member that must come next, in dpkg's order.
fn expect(member: &ArMember, prefix: &[u8], wanted: &str) -> Result<(), ArchiveError> {
    if member.name.starts_with(prefix) {
        return Ok(());
    }
    let reason = if prefix == DATA && member.name.starts_with(CONTROL) {
        "there is a second control member".to_owned()
    } else {
        format!("this member stands where `{wanted}` is expected")
    };
    Err(ArchiveError::malformed(reason)
        .in_entry(shown(member))
        .at(member.offset))
}

fn compression(
    member: &ArMember,
    prefix: &[u8],
    allowed: &[Compression],
) -> Result<Compression, ArchiveError> {
    let extension = &member.name[prefix.len()..];
    Compression::from_extension(extension)
        .filter(|found| allowed.contains(found))
        .ok_or_else(|| {
            ArchiveError::new(ArchiveErrorKind::Unsupported(format!(
                "the compression `{}`",
                extension.escape_ascii()
            )))
            .in_entry(shown(member))
            .at(member.offset)
        })
}

/// Checks the first member: `2.` and any minor version on the first line (deb(5): newer minor versions are compatible).
fn check_version(ar: &mut Ar<'_>, limits: &Limits) -> Result<(), ArchiveError> {
    let missing = || ArchiveError::malformed("the first member is not `debian-binary`");
    let at = ar.offset();
    let Some(member) = ar.next_member()? else {
        return Err(missing().at(at));
    };
    if member.name != BINARY {
        return Err(missing().in_entry(shown(&member)).at(member.offset));
    }
    let wrong = |error: ArchiveError| error.in_entry(shown(&member)).at(member.offset);
    mikron_package::LimitExceeded::check("extension", member.size, limits.extension)
        .map_err(|error| wrong(error.into()))?;
    let mut text = Vec::new();
    ar.read_to_end(&mut text)
        .map_err(|error| ArchiveError::from_io(error).in_entry(shown(&member)))?;
    let end = text.iter().position(|b| *b == b'\n').ok_or_else(|| {
        wrong(ArchiveError::malformed(
            "the format version has no line break",
        ))
    })?;
    let version = &text[..end];
    let number = |digits: &[u8]| {
        (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
            .then(|| std::str::from_utf8(digits).ok()?.parse::<i32>().ok())
            .flatten()
    };
    let mut parts = version.splitn(2, |b| *b == b'.');
    let major = parts.next().and_then(number);
    let minor = parts.next().and_then(number);
    match (major, minor) {
        (Some(2), Some(_)) => Ok(()),
        (Some(_), Some(_)) => Err(wrong(ArchiveError::new(ArchiveErrorKind::Unsupported(
            format!("format version {}", version.escape_ascii()),
        )))),
        _ => Err(wrong(ArchiveError::malformed(format!(
            "`{}` is not a format version",
            version.escape_ascii()
        )))),
    }
}

fn not_empty(member: &ArMember) -> Result<(), ArchiveError> {
    if member.size > 0 {
        return Ok(());
    }
    Err(ArchiveError::malformed("the member is empty")
        .in_entry(shown(member))
        .at(member.offset))
}

impl<'a> DebReader<'a> {
    /// Reads everything up to the data member.
    pub(super) fn open(
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<Self, ArchiveError> {
        use Compression::{Bzip2, Gzip, Lzma, None, Xz, Zstd};
        let mut ar = ArReader::new(input, limits)?;
        check_version(&mut ar, limits)?;

        let member = next_required(&mut ar, "control.tar")?;
        expect(&member, CONTROL, "control.tar")?;
        let packed = compression(&member, CONTROL, &[None, Gzip, Xz, Zstd])?;
        not_empty(&member)?;
        let (metadata, behind_end) = control::read(&mut ar, packed, limits)
            .map_err(|error| error.in_entry(shown(&member)))?;
        let mut notes = Vec::new();
        notes.extend(note_of(&shown(&member), behind_end));
        let limits = &limits.plausible(metadata.record.installed_size);

        let member = next_required(&mut ar, "data.tar")?;
        expect(&member, DATA, "data.tar")?;
        let packed = compression(&member, DATA, &[None, Gzip, Bzip2, Xz, Lzma, Zstd])?;
        not_empty(&member)?;
        let name = shown(&member);
        let unpacked = Decompressor::new(ar, packed, limits, Cap::unpacked(limits))
            .map_err(|error| error.in_entry(&name))?;
        Ok(Self {
            origin: origin.clone(),
            metadata,
            member: name,
            notes,
            tar: TarReader::new(unpacked, TarDialect::Deb, limits),
            current: Option::None,
            state: State::Reading,
        })
    }

    fn advance(&mut self) -> Result<Option<Entry>, ArchiveError> {
        let entry = self
            .tar
            .next_entry()
            .map_err(|error| error.in_entry(&self.member))?;
        self.current = entry.as_ref().map(|entry| entry.path.to_string());
        if entry.is_none() {
            self.notes
                .extend(note_of(&self.member, self.tar.behind_end()));
            let ar = self.tar.get_mut().get_mut();
            after_data(ar)?;
        }
        Ok(entry)
    }

    fn remember<T>(&mut self, result: Result<T, ArchiveError>) -> Result<T, ArchiveError> {
        result.map_err(|error| {
            let error = error.in_archive(&self.origin);
            self.state = State::Failed(error.clone());
            error
        })
    }
}

/// What is told of bytes behind the end of a tar archive.
fn note_of(member: &str, behind_end: u64) -> Option<String> {
    let note = || {
        format!(
            "{behind_end} bytes behind the end of the tar archive {member} mean nothing and are passed over"
        )
    };
    (behind_end > 0).then(note)
}

/// What stands behind the data member. dpkg reads no further, so bytes that are no member are nobody's concern; but a
/// required member that comes again shows one archive to some readers and another to others.
fn after_data(ar: &mut Ar<'_>) -> Result<(), ArchiveError> {
    loop {
        let at = ar.offset();
        match ar.next_member() {
            Ok(None) => return Ok(()),
            Ok(Some(member)) => {
                if [BINARY, CONTROL, DATA]
                    .iter()
                    .any(|name| member.name.starts_with(name))
                {
                    return Err(
                        ArchiveError::malformed("a required member comes a second time")
                            .in_entry(shown(&member))
                            .at(member.offset),
                    );
                }
            }
            // Only what is not even a header is passed over; a header that lies about its member is refused.
            Err(error) if error.offset == Some(at) && error.entry.is_none() => match error.kind {
                ArchiveErrorKind::Malformed(_) | ArchiveErrorKind::Truncated(_) => {
                    return Ok(());
                }
                _ => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
}

impl ArchiveReader for DebReader<'_> {
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

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

impl Read for DebReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.tar.read(buffer) {
            Ok(n) => Ok(n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let mut error = ArchiveError::from_io(error);
                if let Some(current) = &self.current {
                    error = error.in_entry(current);
                }
                self.remember(Err(error)).map_err(ArchiveError::into_io)
            }
        }
    }
}
