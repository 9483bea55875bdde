//! `APKINDEX.tar.gz`: what a repository says of its packages (apk-index(5), the second format).
//!
//! Two gzip members: signatures, which cover the packed bytes of the other, and a tar archive of `DESCRIPTION` and `APKINDEX`.
//! The signatures are read and hashed first, without unpacking what they cover; the packages follow in a pass of their own, so
//! that nothing which nobody signed has to be parsed.

mod stanza;

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use mikron_archive::{Cap, TarDialect, TarReader};
use mikron_package::{
    ArchiveError, LimitExceeded, Limits, OddRecord, OddRecords, Origin, PackageRecord,
};

use crate::archive::{adb, is_adb};
use crate::members::{Members, Wanted};
use crate::signature::{self, Signature};
use crate::{Covered, IndexError};
use stanza::Stanza;

const BUFFER: usize = 64 << 10;

/// The largest index that is read, unpacked, in bytes; [`Limits::index_unpacked`] may ask for less.
const CAP: u64 = 300 << 20;

fn cap(limits: &Limits) -> Cap {
    let cap = Cap::index(limits);
    Cap {
        bytes: cap.bytes.min(CAP),
        ..cap
    }
}

/// What an index is proved by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSeal {
    /// The signatures; none where there is no signature member.
    pub signatures: Vec<Signature>,
    /// The digests of everything that stands behind them, packed: what they cover.
    pub covered: Covered,
}

/// Reads the signatures of an index and hashes what they cover, in one pass.
///
/// ```
/// use mikron_apk::{IndexReader, PublicKey, WeakSignatures, read_index_seal, verify};
/// use mikron_package::{Limits, Origin};
/// # let key = mikron_testkit::apk::ApkKey::shared("builder");
/// # let apk = mikron_testkit::apk::ApkBuilder::new("hello", "1.0-r0", "x86_64").signed(&key);
/// # let repository = mikron_testkit::apk::ApkRepositoryBuilder::new("x86_64").package(&apk).sign_with(&key).build();
/// # let (bytes, pem) = (repository.index(), key.public_pem());
/// let limits = Limits::default();
/// let origin = Origin::named("x86_64/APKINDEX.tar.gz");
/// let seal = read_index_seal(bytes, &limits, &origin)?;
/// let keys = [PublicKey::from_pem("builder.rsa.pub", &pem)?];
/// verify(&seal.signatures, &seal.covered, &keys, WeakSignatures::Refuse)?;
/// let mut names = Vec::new();
/// IndexReader::new(bytes, "x86_64", &limits, &origin)?.read(|record| {
///     names.push(record.name.to_string());
///     Ok::<(), mikron_apk::IndexError>(())
/// })?;
/// assert_eq!(names, ["hello"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the signature member is malformed, or the index exceeds [`Limits::index`].
pub fn read_index_seal(
    input: impl Read,
    limits: &Limits,
    origin: &Origin,
) -> Result<IndexSeal, IndexError> {
    let (mut members, start) = open(input, limits).map_err(|error| error.in_archive(origin))?;
    let covered = members
        .cover_rest()
        .map_err(|error| error.in_archive(origin))?;
    Ok(IndexSeal {
        signatures: start.signatures,
        covered,
    })
}

/// What stands before the packages.
struct Start {
    signatures: Vec<Signature>,
    /// The first unpacked bytes of the index, which had to be read to find that they are no signatures.
    head: Vec<u8>,
}

/// Reads the signatures. Behind them, or at the first bytes where there are none, the index itself begins.
fn open<R: Read>(
    input: R,
    limits: &Limits,
) -> Result<(Members<BufReader<R>>, Start), ArchiveError> {
    let mut members = members(input, limits)?;
    members.start("the index", cap(limits), Wanted::Both)?;
    let mut head = Vec::new();
    (&mut members)
        .take(512)
        .read_to_end(&mut head)
        .map_err(ArchiveError::from_io)?;
    if !signature::is_signature_member(&head) {
        let signatures = Vec::new();
        return Ok((members, Start { signatures, head }));
    }
    let most = signature::cap();
    (&mut members)
        .take(most.bytes)
        .read_to_end(&mut head)
        .map_err(ArchiveError::from_io)?;
    LimitExceeded::check(most.limit, head.len() as u64, most.bytes)?;
    let signatures = signature::read(&head, limits)?;
    members.covered();
    Ok((
        members,
        Start {
            signatures,
            head: Vec::new(),
        },
    ))
}

/// An index as one gzip member after the other.
fn members<R: Read>(input: R, limits: &Limits) -> Result<Members<BufReader<R>>, ArchiveError> {
    let limits = Limits {
        archive: limits.index,
        ..limits.clone()
    };
    let mut members = Members::new(BufReader::with_capacity(BUFFER, input), &limits);
    if is_adb(members.peek()?) {
        return Err(adb("index"));
    }
    Ok(members)
}

/// The whole of an index, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexSummary {
    /// How many packages were handed on.
    pub packages: u64,
    /// The packages that cannot be used and were left out: a version or name that breaks the rules, a field that is missing,
    /// malformed or asks for a newer apk (one with an unknown capital letter).
    pub odd: OddRecords,
    /// The latest time at which one of the packages was built (`t:`), in seconds since 1970; 0 where none says. The format
    /// has no date of its own: this is the nearest thing to one.
    pub newest: i64,
    /// The text of `DESCRIPTION`.
    pub description: String,
}

/// The unpacked index: what had to be read ahead, and the rest of its member.
type Stream<R> = Chain<Cursor<Vec<u8>>, Members<BufReader<R>>>;

/// Reads the packages of an index.
///
/// Every stanza is checked in full. One that cannot be used is left out and told of.
pub struct IndexReader<R> {
    tar: TarReader<Stream<R>>,
    arch: String,
    limits: Limits,
    origin: Origin,
}

impl<R> std::fmt::Debug for IndexReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexReader")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl<R: Read> IndexReader<R> {
    /// A reader of the packed index of `arch`. Every archive lies in the directory that its own architecture names, which is
    /// `arch` where a stanza gives none. `origin` names source and index in errors.
    ///
    /// # Errors
    /// When the signature member is malformed; it is read over, not checked.
    pub fn new(input: R, arch: &str, limits: &Limits, origin: &Origin) -> Result<Self, IndexError> {
        let begin = |input| {
            let (mut members, start) = open(input, limits)?;
            if start.head.is_empty() {
                members.start("the index", cap(limits), Wanted::Nothing)?;
            }
            Ok(Cursor::new(start.head).chain(members))
        };
        let stream = begin(input).map_err(|error: ArchiveError| error.in_archive(origin))?;
        Ok(Self {
            tar: TarReader::new(stream, TarDialect::Apk, limits),
            arch: arch.to_owned(),
            limits: limits.clone(),
            origin: origin.clone(),
        })
    }

    /// Hands every package to `each`, in the order of the index.
    ///
    /// # Errors
    /// When the index is malformed, truncated or exceeds a limit, what `each` returns, and where no package can be used what is
    /// wrong with the first.
    pub fn read<E: From<IndexError>>(
        mut self,
        mut each: impl FnMut(PackageRecord) -> Result<(), E>,
    ) -> Result<IndexSummary, E> {
        let origin = self.origin.clone();
        let outside = |error: ArchiveError| E::from(IndexError::from(error.in_archive(&origin)));
        let mut summary = IndexSummary::default();
        let mut found = false;
        while let Some(entry) = self.tar.next_entry().map_err(outside)? {
            let wrong =
                |reason| outside(ArchiveError::malformed(reason).in_entry(entry.path.to_string()));
            match entry.path.as_bytes() {
                b"DESCRIPTION" if entry.is_file() => {
                    LimitExceeded::check("field", entry.size(), self.limits.field)
                        .map_err(|error| outside(error.into()))?;
                    let mut text = Vec::new();
                    self.tar
                        .read_to_end(&mut text)
                        .map_err(|error| outside(ArchiveError::from_io(error)))?;
                    summary.description = String::from_utf8_lossy(&text).into_owned();
                }
                b"APKINDEX" if entry.is_file() => {
                    if std::mem::replace(&mut found, true) {
                        return Err(wrong("the index stands twice"));
                    }
                    self.packages(&mut summary, &mut each)?;
                }
                _ => return Err(wrong("this does not belong into an index")),
            }
        }
        self.tar.nothing_behind_end().map_err(outside)?;
        let members = self.tar.get_mut().get_mut().1;
        members.finish().map_err(outside)?;
        if !found {
            return Err(outside(ArchiveError::malformed(
                "there is no file `APKINDEX`",
            )));
        }
        Ok(summary)
    }

    fn packages<E: From<IndexError>>(
        &mut self,
        summary: &mut IndexSummary,
        each: &mut impl FnMut(PackageRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut text = BufReader::with_capacity(BUFFER, &mut self.tar);
        let mut lines = Lines::default();
        let mut stanza = Stanza::default();
        let mut first = None;
        loop {
            let place = |error: IndexError, lines: &Lines, name: String| {
                let error = error.in_file(&self.origin).at(lines.number, lines.at);
                if name.is_empty() {
                    error
                } else {
                    error.in_package(name)
                }
            };
            let name = |stanza: &Stanza| {
                let [name, ..] = stanza.identity();
                name
            };
            let more = lines
                .next(&mut text, &self.limits)
                .map_err(|error| place(error, &lines, name(&stanza)))?;
            if more && !lines.line.is_empty() {
                stanza
                    .add(&lines.line, (lines.number, lines.at))
                    .map_err(|error| place(error, &lines, name(&stanza)))?;
                continue;
            }
            if !stanza.is_empty() {
                let done = std::mem::take(&mut stanza);
                let identity = done.identity();
                match done.finish(&self.arch) {
                    Ok((record, built)) => {
                        summary.packages += 1;
                        summary.newest = summary.newest.max(built);
                        each(record)?;
                    }
                    Err(error) => {
                        let [name, version, arch] = identity;
                        let reason = error.reason();
                        let odd = OddRecord::new(&name, &version, &arch, &reason);
                        summary.odd.add(odd);
                        first.get_or_insert_with(|| place(error, &lines, name));
                    }
                }
            }
            if !more {
                break;
            }
        }
        match first {
            Some(fault) if summary.packages == 0 => Err(E::from(fault)),
            _ => Ok(()),
        }
    }
}

/// The lines of a text, with their place.
#[derive(Default)]
struct Lines {
    /// The current one, without its line break.
    line: Vec<u8>,
    /// Its number, counted from 1.
    number: u64,
    /// Where it begins.
    at: u64,
    /// Where the next begins.
    next: u64,
}

impl Lines {
    /// Goes on to the next line; `false` at the end.
    fn next(&mut self, text: &mut impl BufRead, limits: &Limits) -> Result<bool, IndexError> {
        self.line.clear();
        self.number += 1;
        self.at = self.next;
        let most = limits.field.saturating_add(1);
        let count = text
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut self.line)
            .map_err(|error: io::Error| ArchiveError::from_io(error))?;
        self.next += count as u64;
        LimitExceeded::check("field", count as u64, limits.field)
            .map_err(|error| IndexError::new(error).at(self.number, self.at))?;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        Ok(count > 0)
    }
}
