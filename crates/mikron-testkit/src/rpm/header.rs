//! A builder of headers.

use std::collections::BTreeMap;

/// The values of one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// `INT16`.
    Shorts(Vec<u16>),
    /// `INT32`.
    Words(Vec<u32>),
    /// `INT64`.
    Longs(Vec<u64>),
    /// `STRING`.
    Text(Vec<u8>),
    /// `BIN`.
    Binary(Vec<u8>),
    /// `STRING_ARRAY`.
    Texts(Vec<Vec<u8>>),
    /// `I18NSTRING` of one locale.
    Translated(Vec<u8>),
}

impl HeaderValue {
    /// One text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }

    /// Several texts.
    pub fn texts<T: AsRef<[u8]>>(texts: &[T]) -> Self {
        Self::Texts(texts.iter().map(|text| text.as_ref().to_vec()).collect())
    }

    fn kind(&self) -> u32 {
        match self {
            Self::Shorts(_) => 3,
            Self::Words(_) => 4,
            Self::Longs(_) => 5,
            Self::Text(_) => 6,
            Self::Binary(_) => 7,
            Self::Texts(_) => 8,
            Self::Translated(_) => 9,
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Shorts(values) => values.len(),
            Self::Words(values) => values.len(),
            Self::Longs(values) => values.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Texts(texts) => texts.len(),
            Self::Text(_) | Self::Translated(_) => 1,
        }
    }

    fn alignment(&self) -> usize {
        match self {
            Self::Shorts(_) => 2,
            Self::Words(_) => 4,
            Self::Longs(_) => 8,
            _ => 1,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Shorts(values) => values.iter().flat_map(|v| v.to_be_bytes()).collect(),
            Self::Words(values) => values.iter().flat_map(|v| v.to_be_bytes()).collect(),
            Self::Longs(values) => values.iter().flat_map(|v| v.to_be_bytes()).collect(),
            Self::Binary(bytes) => bytes.clone(),
            Self::Text(text) | Self::Translated(text) => [text.as_slice(), b"\0"].concat(),
            Self::Texts(texts) => texts
                .iter()
                .flat_map(|text| text.iter().copied().chain([0]))
                .collect(),
        }
    }
}

/// Builds a header with its magic and its region.
///
/// ```
/// use mikron_testkit::rpm::{HeaderBuilder, HeaderValue};
/// let mut header = HeaderBuilder::main();
/// header.set(1000, HeaderValue::text("hello"));
/// assert_eq!(&header.build()[..4], b"\x8e\xad\xe8\x01");
/// ```
#[derive(Clone, Debug)]
pub struct HeaderBuilder {
    region: u32,
    values: BTreeMap<u32, HeaderValue>,
}

/// One entry of an index.
fn item(tag: u32, kind: u32, offset: u32, count: u32) -> Vec<u8> {
    [tag, kind, offset, count]
        .iter()
        .flat_map(|word| word.to_be_bytes())
        .collect()
}

impl HeaderBuilder {
    /// An empty main header.
    pub fn main() -> Self {
        Self::with_region(63)
    }

    /// An empty signature header.
    pub fn signature() -> Self {
        Self::with_region(62)
    }

    fn with_region(region: u32) -> Self {
        Self {
            region,
            values: BTreeMap::new(),
        }
    }

    /// Sets a tag; an earlier value is replaced.
    pub fn set(&mut self, tag: u32, value: HeaderValue) -> &mut Self {
        self.values.insert(tag, value);
        self
    }

    /// Takes a tag away.
    pub fn remove(&mut self, tag: u32) -> &mut Self {
        self.values.remove(&tag);
        self
    }

    /// The value of a tag.
    pub fn get(&self, tag: u32) -> Option<&HeaderValue> {
        self.values.get(&tag)
    }

    /// The header: magic, counts, index, store.
    pub fn build(&self) -> Vec<u8> {
        let (mut index, mut store) = (Vec::new(), Vec::new());
        for (tag, value) in &self.values {
            store.resize(store.len().next_multiple_of(value.alignment()), 0);
            index.extend(item(
                *tag,
                value.kind(),
                store.len() as u32,
                value.count() as u32,
            ));
            store.extend(value.bytes());
        }
        let tags = self.values.len() as u32 + 1;
        let region = item(self.region, 7, store.len() as u32, 16);
        store.extend(item(self.region, 7, (tags * 16).wrapping_neg(), 16));
        let mut bytes = vec![0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
        bytes.extend(tags.to_be_bytes());
        bytes.extend((store.len() as u32).to_be_bytes());
        bytes.extend([region, index, store].concat());
        bytes
    }
}
