//! The header structure: an index of tags and a store of their values. It makes up the signature header and the main header
//! of an archive, and each row of the package database.
//!
//! Nothing in it is believed. Counts and offsets are checked against the store, the store against what the input really holds,
//! and the region, which says what a signature covers, against both. The values of the index follow each other in the store as
//! rpm demands it, so that checking takes one pass whatever the index claims.

mod read;
pub(crate) mod relations;
pub(crate) mod tag;
mod value;

use mikron_package::{ArchiveError, ArchiveErrorKind};

pub(crate) use read::read;
pub(crate) use value::Strings;

/// What stands before the counts of every header: the magic, the version of the structure, and four bytes for later use.
pub(crate) const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
/// The most tags that rpm accepts in one header.
pub(crate) const MAX_TAGS: u32 = 0xffff;
/// The counts before the index.
pub(crate) const COUNTS: usize = 8;
/// One entry of the index.
pub(crate) const ITEM: usize = 16;

/// The type of a value (rpmtag.h, `rpmTagType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Char,
    Int8,
    Int16,
    Int32,
    Int64,
    String,
    Binary,
    Strings,
    Translated,
}

impl Kind {
    fn of(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Char,
            2 => Self::Int8,
            3 => Self::Int16,
            4 => Self::Int32,
            5 => Self::Int64,
            6 => Self::String,
            7 => Self::Binary,
            8 => Self::Strings,
            9 => Self::Translated,
            _ => return None,
        })
    }

    /// The number by which an index names it.
    #[cfg(feature = "database")]
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Char => 1,
            Self::Int8 => 2,
            Self::Int16 => 3,
            Self::Int32 => 4,
            Self::Int64 => 5,
            Self::String => 6,
            Self::Binary => 7,
            Self::Strings => 8,
            Self::Translated => 9,
        }
    }

    /// What an offset of such a value is a multiple of.
    #[cfg(feature = "database")]
    pub(crate) fn alignment(self) -> usize {
        self.width().unwrap_or(1)
    }

    /// The size of one value in bytes, and what its offset is a multiple of; `None` for text.
    fn width(self) -> Option<usize> {
        match self {
            Self::Char | Self::Int8 | Self::Binary => Some(1),
            Self::Int16 => Some(2),
            Self::Int32 => Some(4),
            Self::Int64 => Some(8),
            Self::String | Self::Strings | Self::Translated => None,
        }
    }
}

/// One entry of the index, checked.
#[derive(Clone, Copy, Debug)]
struct Item {
    tag: u32,
    kind: Kind,
    /// Where the values lie, counted from the beginning of the header.
    start: usize,
    end: usize,
    count: usize,
}

/// The index of a header, checked against it. The bytes stay with their owner, who hands them in again to look at a value.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// In order of the tags.
    items: Vec<Item>,
}

/// A header: its index and its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    index: &'a Index,
    bytes: &'a [u8],
}

/// Which header is read: the region that it must have, and how it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The signature header. Whatever it holds beside digests and signatures is nobody's concern.
    Signature,
    /// The main header, which its region covers as a whole.
    Main,
}

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature header",
            Self::Main => "header",
        }
    }

    fn region(self) -> u32 {
        match self {
            Self::Signature => tag::HEADER_SIGNATURES,
            Self::Main => tag::HEADER_IMMUTABLE,
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

impl Index {
    /// Checks a header without its magic: the counts, the index, the store.
    ///
    /// Offsets of errors count from the beginning of `bytes`.
    pub(crate) fn of(bytes: &[u8], part: Part) -> Result<Self, ArchiveError> {
        let short = || ArchiveError::malformed("the header is shorter than its counts");
        if bytes.len() < COUNTS {
            return Err(short().at(0));
        }
        let (tags, store) = (word(bytes, 0), word(bytes, 4));
        if tags > MAX_TAGS {
            return Err(too_many(tags).at(0));
        }
        let begin = COUNTS + ITEM * tags as usize;
        if (begin as u64) + u64::from(store) != bytes.len() as u64 {
            return Err(short().at(0));
        }
        let mut items = Vec::with_capacity(tags as usize);
        // Where the values before end. rpm refuses values that overlap; so each byte is looked at once.
        let mut end = begin;
        let region = check_region(bytes, begin, tags, part)?;
        for number in 1..tags as usize {
            let at = COUNTS + ITEM * number;
            let item = item(bytes, at, begin, end).map_err(|error| error.at(at as u64))?;
            end = item.end;
            items.push(item);
        }
        if part == Part::Main && (region.tags != tags || region.end != bytes.len()) {
            return Err(
                ArchiveError::malformed("the region does not cover the whole header").at(8),
            );
        }
        items.sort_by_key(|item: &Item| item.tag);
        if let Some(twice) = items.windows(2).find(|pair| pair[0].tag == pair[1].tag) {
            let reason = format!("the tag {} stands twice", twice[0].tag);
            return Err(ArchiveError::malformed(reason).at(COUNTS as u64));
        }
        Ok(Self { items })
    }

    /// The header of which this is the index.
    pub(crate) fn of_header<'a>(&'a self, bytes: &'a [u8]) -> Header<'a> {
        Header { index: self, bytes }
    }

    fn find(&self, tag: u32) -> Option<&Item> {
        let at = self
            .items
            .binary_search_by_key(&tag, |item| item.tag)
            .ok()?;
        self.items.get(at)
    }
}

/// More tags than rpm knows.
pub(crate) fn too_many(tags: u32) -> ArchiveError {
    ArchiveError::malformed(format!(
        "the header claims {tags} tags; rpm allows {MAX_TAGS}"
    ))
}

/// A package of a form that ended with rpm 3: nothing says which bytes of its header belong together.
pub(crate) fn before_rpm_4(why: &str) -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::Unsupported(format!(
        "a package of the form that rpm before 4.0 wrote ({why}; take a newer build of it, or build its source package anew with `rpmbuild --rebuild`)"
    )))
}

/// What the region at the head of a header covers.
struct Region {
    tags: u32,
    end: usize,
}

/// Checks the first entry, which says how many entries the region has, and its trailer, which says so again.
fn check_region(bytes: &[u8], begin: usize, tags: u32, part: Part) -> Result<Region, ArchiveError> {
    const BINARY: u32 = 7;
    let wrong = |reason: &str| ArchiveError::malformed(reason).at(COUNTS as u64);
    if tags == 0 {
        return Err(wrong("the header has no tags"));
    }
    let at = COUNTS;
    if word(bytes, at) != part.region() {
        return Err(before_rpm_4("the header does not begin with its region").at(COUNTS as u64));
    }
    let (kind, offset, count) = (
        word(bytes, at + 4),
        word(bytes, at + 8),
        word(bytes, at + 12),
    );
    if kind != BINARY || count as usize != ITEM {
        return Err(wrong("the region is not of the kind that regions are"));
    }
    let trailer = begin as u64 + u64::from(offset);
    let end = trailer + ITEM as u64;
    if end > bytes.len() as u64 {
        return Err(wrong(
            "the trailer of the region lies outside of the header",
        ));
    }
    let (trailer, end) = (trailer as usize, end as usize);
    let lies = || ArchiveError::malformed("the trailer of the region is wrong").at(trailer as u64);
    // Signature headers of old packages end in the trailer of the other kind.
    let named = word(bytes, trailer);
    let known = named == part.region()
        || part == Part::Signature && named == tag::HEADER_IMMUTABLE
        || part == Part::Signature && named == tag::HEADER_SIGNATURES - 1;
    let back = word(bytes, trailer + 8).cast_signed().checked_neg();
    let covered = back
        .and_then(|back| u32::try_from(back).ok())
        .filter(|back| (*back as usize).is_multiple_of(ITEM))
        .map(|back| back / ITEM as u32);
    match covered {
        Some(covered)
            if known
                && word(bytes, trailer + 4) == BINARY
                && word(bytes, trailer + 12) as usize == ITEM
                && (1..=tags).contains(&covered) =>
        {
            Ok(Region { tags: covered, end })
        }
        _ => Err(lies()),
    }
}

/// One entry of the index behind the region, of which the values before end at `end`.
fn item(bytes: &[u8], at: usize, begin: usize, end: usize) -> Result<Item, ArchiveError> {
    /// The first tag that is not part of the structure itself.
    const FIRST: u32 = 100;
    let tag = word(bytes, at);
    let wrong = |reason: &str| ArchiveError::malformed(format!("the value of tag {tag} {reason}"));
    if tag < FIRST {
        return Err(wrong("is none that a header can have"));
    }
    let kind = Kind::of(word(bytes, at + 4)).ok_or_else(|| wrong("is of no known type"))?;
    let offset = word(bytes, at + 8) as usize;
    let count = word(bytes, at + 12) as usize;
    let store = &bytes[begin..];
    if offset > store.len() || count == 0 || count > store.len() {
        return Err(wrong("lies outside of the header"));
    }
    if offset < end - begin {
        return Err(wrong("overlaps another one"));
    }
    let length = if let Some(width) = kind.width() {
        if !offset.is_multiple_of(width) {
            return Err(wrong("is not aligned"));
        }
        // The count is at most the size of the store: no overflow.
        let length = count * width;
        if length > store.len() - offset {
            return Err(wrong("lies outside of the header"));
        }
        length
    } else {
        if kind == Kind::String && count != 1 {
            return Err(wrong("is one text, and is counted as more"));
        }
        text_length(&store[offset..], count)
            .ok_or_else(|| wrong("does not end inside of the header"))?
    };
    Ok(Item {
        tag,
        kind,
        start: begin + offset,
        end: begin + offset + length,
        count,
    })
}

/// How long `count` texts with their NUL bytes are.
fn text_length(bytes: &[u8], count: usize) -> Option<usize> {
    let mut ends = memchr::memchr_iter(0, bytes);
    ends.nth(count - 1).map(|last| last + 1)
}
