//! A builder of tar archives, block by block.

const BLOCK: usize = 512;

/// One tar header block with raw access to every field (POSIX pax, "ustar Interchange Format").
///
/// ```
/// use mikron_testkit::archive::TarHeader;
/// let block = TarHeader::new(b'0', b"./etc/motd").size(5).mode(0o644).block();
/// assert_eq!(&block[257..263], b"ustar ");
/// ```
#[derive(Clone, Debug)]
pub struct TarHeader {
    block: [u8; BLOCK],
    checksum: Option<[u8; 8]>,
}

impl TarHeader {
    /// A GNU header, as dpkg-deb writes it: mode 0644, root:root, time and size 0. A name over 100 bytes is cut.
    pub fn new(kind: u8, name: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        block[156] = kind;
        block[257..265].copy_from_slice(b"ustar  \0");
        Self {
            block,
            checksum: None,
        }
        .name(name)
        .mode(0o644)
        .owner(0, 0, "root", "root")
        .size(0)
        .mtime(0)
    }

    /// Writes `bytes` at `offset` and NUL bytes up to `length`.
    ///
    /// # Panics
    /// When the field lies outside of the block.
    #[must_use]
    pub fn field(mut self, offset: usize, length: usize, bytes: &[u8]) -> Self {
        let field = &mut self.block[offset..offset + length];
        field.fill(0);
        let count = bytes.len().min(length);
        field[..count].copy_from_slice(&bytes[..count]);
        self
    }

    /// Writes a number: octal with a closing NUL where it fits, else base-256.
    #[must_use]
    pub fn number(self, offset: usize, length: usize, number: i128) -> Self {
        let octal = format!("{:0width$o}", number.max(0), width = length - 1);
        if number >= 0 && octal.len() < length {
            self.field(offset, length, octal.as_bytes())
        } else {
            let mut bytes = number.to_be_bytes()[16 - length..].to_vec();
            bytes[0] = if number < 0 { 0xff } else { bytes[0] | 0x80 };
            self.field(offset, length, &bytes)
        }
    }

    /// The name field.
    #[must_use]
    pub fn name(self, name: &[u8]) -> Self {
        self.field(0, 100, name)
    }

    /// The mode field.
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        self.number(100, 8, i128::from(mode))
    }

    /// The fields of owner and group.
    #[must_use]
    pub fn owner(self, uid: u64, gid: u64, user: &str, group: &str) -> Self {
        self.number(108, 8, i128::from(uid))
            .number(116, 8, i128::from(gid))
            .field(265, 32, user.as_bytes())
            .field(297, 32, group.as_bytes())
    }

    /// The size field.
    #[must_use]
    pub fn size(self, size: u64) -> Self {
        self.number(124, 12, i128::from(size))
    }

    /// The time field.
    #[must_use]
    pub fn mtime(self, mtime: i64) -> Self {
        self.number(136, 12, i128::from(mtime))
    }

    /// The link name field.
    #[must_use]
    pub fn link(self, target: &[u8]) -> Self {
        self.field(157, 100, target)
    }

    /// The device number fields.
    #[must_use]
    pub fn device(self, major: u32, minor: u32) -> Self {
        self.number(329, 8, i128::from(major))
            .number(337, 8, i128::from(minor))
    }

    /// Turns it into a POSIX header with this name prefix.
    #[must_use]
    pub fn ustar(self, prefix: &[u8]) -> Self {
        self.field(257, 8, b"ustar\x0000").field(345, 155, prefix)
    }

    /// Writes these bytes as the checksum instead of the right ones.
    #[must_use]
    pub fn checksum(mut self, checksum: [u8; 8]) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// The block, with its checksum.
    ///
    /// # Panics
    /// Never: the checksum of 512 bytes has at most six octal digits.
    pub fn block(&self) -> [u8; BLOCK] {
        let mut block = self.block;
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        let text = format!("{sum:06o}\0 ");
        block[148..156].copy_from_slice(&self.checksum.unwrap_or_else(|| {
            text.as_bytes()
                .try_into()
                .expect("512 bytes of 255 have six octal digits")
        }));
        block
    }
}

/// Builds a tar archive.
///
/// ```
/// use mikron_testkit::archive::TarBuilder;
/// let bytes = TarBuilder::new().dir("./etc/", 0o755).file("./etc/motd", 0o644, b"hello").build();
/// assert_eq!(bytes.len(), 512 * (1 + 2 + 2));
/// ```
#[derive(Clone, Debug)]
pub struct TarBuilder {
    bytes: Vec<u8>,
    mtime: i64,
    end: bool,
}

impl Default for TarBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TarBuilder {
    /// An empty archive.
    pub fn new() -> Self {
        Self {
            bytes: Vec::new(),
            mtime: 0,
            end: true,
        }
    }

    /// The time of the entries that follow.
    #[must_use]
    pub fn mtime(mut self, mtime: i64) -> Self {
        self.mtime = mtime;
        self
    }

    /// Bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// A header of the caller's making and a body, padded to whole blocks. Nothing is derived from the body.
    #[must_use]
    pub fn entry(mut self, header: &TarHeader, body: &[u8]) -> Self {
        self.bytes.extend_from_slice(&header.block());
        self.bytes.extend_from_slice(body);
        let padded = self.bytes.len().next_multiple_of(BLOCK);
        self.bytes.resize(padded, 0);
        self
    }

    /// As [`TarBuilder::entry`], with GNU long name and long link headers where `name` or `link` needs them.
    #[must_use]
    pub fn named(mut self, header: TarHeader, name: &[u8], link: &[u8], body: &[u8]) -> Self {
        if link.len() > 100 {
            self = self.gnu_long(b'K', link);
        }
        if name.len() > 100 {
            self = self.gnu_long(b'L', name);
        }
        let header = header.name(name).link(link).mtime(self.mtime);
        self.entry(&header, body)
    }

    /// A regular file.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, bytes: &[u8]) -> Self {
        let header = TarHeader::new(b'0', b"")
            .mode(mode)
            .size(bytes.len() as u64);
        self.named(header, path.as_bytes(), b"", bytes)
    }

    /// A directory.
    #[must_use]
    pub fn dir(self, path: &str, mode: u32) -> Self {
        let header = TarHeader::new(b'5', b"").mode(mode);
        self.named(header, path.as_bytes(), b"", b"")
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        let header = TarHeader::new(b'2', b"").mode(0o777);
        self.named(header, path.as_bytes(), target.as_bytes(), b"")
    }

    /// A hard link to an earlier entry.
    #[must_use]
    pub fn hardlink(self, path: &str, target: &str) -> Self {
        let header = TarHeader::new(b'1', b"");
        self.named(header, path.as_bytes(), target.as_bytes(), b"")
    }

    /// A GNU long name (`L`) or long link (`K`) header, NUL-terminated.
    #[must_use]
    pub fn gnu_long(self, kind: u8, text: &[u8]) -> Self {
        let body = [text, b"\0"].concat();
        let header = TarHeader::new(kind, b"././@LongLink").size(body.len() as u64);
        self.entry(&header, &body)
    }

    /// One PAX record, with its length in front.
    pub fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
    }

    /// A PAX header (`x` for the next entry, `g` for all that follow) with these records.
    #[must_use]
    pub fn pax(self, kind: u8, records: &[(&str, &[u8])]) -> Self {
        let body: Vec<u8> = records
            .iter()
            .flat_map(|(key, value)| Self::pax_record(key, value))
            .collect();
        self.pax_raw(kind, &body)
    }

    /// A PAX header with this body.
    #[must_use]
    pub fn pax_raw(self, kind: u8, body: &[u8]) -> Self {
        let header = TarHeader::new(kind, b"./PaxHeaders/x")
            .ustar(b"")
            .size(body.len() as u64);
        self.entry(&header, body)
    }

    /// Leaves out the two zero blocks at the end.
    #[must_use]
    pub fn without_end(mut self) -> Self {
        self.end = false;
        self
    }

    /// The archive.
    pub fn build(mut self) -> Vec<u8> {
        if self.end {
            self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        }
        self.bytes
    }
}
