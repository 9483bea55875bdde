//! A builder of ar archives, header by header.

/// Builds an ar archive (ar(5), the common format).
///
/// ```
/// use mikron_testkit::archive::ArBuilder;
/// let bytes = ArBuilder::new().member("debian-binary", b"2.0\n").build();
/// assert_eq!(&bytes[..8], b"!<arch>\n");
/// assert_eq!(bytes.len(), 8 + 60 + 4);
/// ```
#[derive(Clone, Debug)]
pub struct ArBuilder(Vec<u8>);

impl Default for ArBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ArBuilder {
    /// An archive with nothing but its magic.
    pub fn new() -> Self {
        Self(b"!<arch>\n".to_vec())
    }

    /// The 60 bytes of a member header, every field as text.
    ///
    /// # Panics
    /// When the name or the size is too long for its field.
    pub fn header(name: &str, size: &str) -> [u8; 60] {
        format!(
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n",
            0, 0, 0, 100_644
        )
        .into_bytes()
        .try_into()
        .expect("name and size fit their fields")
    }

    /// A member with a correct header, padded to an even size.
    #[must_use]
    pub fn member(self, name: &str, bytes: &[u8]) -> Self {
        let header = Self::header(name, &bytes.len().to_string());
        self.raw_member(&header, bytes)
    }

    /// A member with a header of the caller's making, padded to an even size.
    #[must_use]
    pub fn raw_member(self, header: &[u8; 60], bytes: &[u8]) -> Self {
        let padding: &[u8] = if bytes.len() % 2 == 1 { b"\n" } else { b"" };
        self.raw(header).raw(bytes).raw(padding)
    }

    /// Bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The archive.
    pub fn build(self) -> Vec<u8> {
        self.0
    }
}
