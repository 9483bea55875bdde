//! The values of a header by their tags, each with the type that its tag asks for.

use mikron_package::ArchiveError;

use super::{Header, Item, Kind, word};

/// Texts of one tag, one behind the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Strings<'a> {
    bytes: &'a [u8],
    /// Where they begin in the header.
    start: usize,
    count: usize,
}

impl<'a> Strings<'a> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Each text, and where in the header it begins.
    pub(crate) fn places(self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let mut start = self.start;
        self.bytes
            .split(|byte| *byte == 0)
            .take(self.count)
            .map(move |text| {
                let at = start;
                start += text.len() + 1;
                (at, text)
            })
    }

    /// Each text.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.places().map(|(_, text)| text)
    }
}

impl<'a> Header<'a> {
    /// Whether the tag is there.
    pub(crate) fn has(&self, tag: u32) -> bool {
        self.index.find(tag).is_some()
    }

    fn typed(&self, tag: u32, kinds: &[Kind]) -> Result<Option<&'a Item>, ArchiveError> {
        match self.index.find(tag) {
            Some(item) if !kinds.contains(&item.kind) => {
                let reason = format!("the value of tag {tag} is of another type than it must be");
                Err(ArchiveError::malformed(reason).at(item.start as u64))
            }
            found => Ok(found),
        }
    }

    fn slice(&self, item: &Item) -> &'a [u8] {
        &self.bytes[item.start..item.end]
    }

    /// A value as it stands: its type, its count, its bytes.
    #[cfg(feature = "database")]
    pub(crate) fn value(&self, tag: u32) -> Option<(Kind, usize, &'a [u8])> {
        let item = self.index.find(tag)?;
        Some((item.kind, item.count, self.slice(item)))
    }

    /// One text; of a translated one the first, which is that of the locale `C`.
    pub(crate) fn text(&self, tag: u32) -> Result<Option<&'a [u8]>, ArchiveError> {
        let item = self.typed(tag, &[Kind::String, Kind::Translated, Kind::Strings])?;
        Ok(item.map(|item| {
            self.slice(item)
                .split(|byte| *byte == 0)
                .next()
                .unwrap_or_default()
        }))
    }

    /// One text as UTF-8, what is not replaced.
    pub(crate) fn lossy(&self, tag: u32) -> Result<Option<String>, ArchiveError> {
        let text = self.text(tag)?;
        Ok(text.map(|text| String::from_utf8_lossy(text).into_owned()))
    }

    /// All texts of a tag; none where it is missing.
    pub(crate) fn strings(&self, tag: u32) -> Result<Strings<'a>, ArchiveError> {
        let item = self.typed(tag, &[Kind::String, Kind::Translated, Kind::Strings])?;
        Ok(item.map_or_else(Strings::default, |item| Strings {
            bytes: self.slice(item),
            start: item.start,
            count: item.count,
        }))
    }

    /// The bytes of a binary value.
    pub(crate) fn binary(&self, tag: u32) -> Result<Option<&'a [u8]>, ArchiveError> {
        let item = self.typed(tag, &[Kind::Binary])?;
        Ok(item.map(|item| self.slice(item)))
    }

    /// Numbers of 16 bits; none where the tag is missing.
    pub(crate) fn shorts(&self, tag: u32) -> Result<Vec<u16>, ArchiveError> {
        let item = self.typed(tag, &[Kind::Int16])?;
        let bytes = item.map_or(&[][..], |item| self.slice(item));
        Ok(bytes
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect())
    }

    /// Numbers of 32 bits; none where the tag is missing.
    pub(crate) fn words(&self, tag: u32) -> Result<Vec<u32>, ArchiveError> {
        let item = self.typed(tag, &[Kind::Int32])?;
        let bytes = item.map_or(&[][..], |item| self.slice(item));
        Ok(bytes.chunks_exact(4).map(|four| word(four, 0)).collect())
    }

    /// Numbers of 64 bits; none where the tag is missing.
    pub(crate) fn longs(&self, tag: u32) -> Result<Vec<u64>, ArchiveError> {
        let item = self.typed(tag, &[Kind::Int64])?;
        let bytes = item.map_or(&[][..], |item| self.slice(item));
        Ok(bytes
            .chunks_exact(8)
            .map(|eight| u64::from(word(eight, 0)) << 32 | u64::from(word(eight, 4)))
            .collect())
    }

    /// The first number of 32 bits.
    pub(crate) fn number(&self, tag: u32) -> Result<Option<u32>, ArchiveError> {
        let item = self.typed(tag, &[Kind::Int32])?;
        Ok(item.map(|item| word(self.slice(item), 0)))
    }

    /// The first number of the tag of 64 bits, or else that of the tag of 32.
    pub(crate) fn size(&self, long: u32, short: u32) -> Result<Option<u64>, ArchiveError> {
        match self.longs(long)?.first() {
            Some(size) => Ok(Some(*size)),
            None => Ok(self.number(short)?.map(u64::from)),
        }
    }
}
