//! A builder of cpio archives.

/// The numbers of a member's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpioFields {
    /// Inode number.
    pub inode: u32,
    /// `st_mode`.
    pub mode: u32,
    /// Number of links.
    pub links: u32,
    /// Time in seconds since 1970.
    pub mtime: u32,
    /// The size that the header claims; `None` for that of the content.
    pub size: Option<u32>,
    /// The size of the name that the header claims; `None` for the right one.
    pub name_size: Option<u32>,
    /// The sum of the "crc" format; `None` for a "newc" header.
    pub sum: Option<u32>,
}

impl CpioFields {
    /// A header of this mode, with one link and inode 1.
    pub fn new(mode: u32) -> Self {
        Self {
            inode: 1,
            mode,
            links: 1,
            mtime: 0,
            size: None,
            name_size: None,
            sum: None,
        }
    }
}

/// Builds a cpio archive member by member (cpio(5), and rpm's stripped form).
///
/// ```
/// use mikron_testkit::rpm::{CpioBuilder, CpioFields};
/// let archive = CpioBuilder::new().member(b"./a", CpioFields::new(0o100_644), b"hello").trailer().build();
/// assert_eq!((&archive[..6], archive.len() % 4), (&b"070701"[..], 0));
/// ```
#[derive(Clone, Debug, Default)]
pub struct CpioBuilder(Vec<u8>);

impl CpioBuilder {
    /// An empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// A member with a full header.
    #[must_use]
    pub fn member(mut self, name: &[u8], fields: CpioFields, content: &[u8]) -> Self {
        let magic = if fields.sum.is_some() {
            "070702"
        } else {
            "070701"
        };
        self.0.extend(magic.bytes());
        let size = fields.size.unwrap_or(content.len() as u32);
        let name_size = fields.name_size.unwrap_or(name.len() as u32 + 1);
        for number in [
            fields.inode,
            fields.mode,
            0,
            0,
            fields.links,
            fields.mtime,
            size,
            0,
            0,
            0,
            0,
            name_size,
            fields.sum.unwrap_or(0),
        ] {
            self.0.extend(format!("{number:08x}").bytes());
        }
        self.0.extend_from_slice(name);
        self.0.push(0);
        self.pad();
        self.0.extend_from_slice(content);
        self.pad();
        self
    }

    /// A member with a stripped header.
    #[must_use]
    pub fn stripped(mut self, number: u32, content: &[u8]) -> Self {
        self.0.extend(format!("07070X{number:08x}").bytes());
        self.pad();
        self.0.extend_from_slice(content);
        self.pad();
        self
    }

    /// Any bytes.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The end.
    #[must_use]
    pub fn trailer(self) -> Self {
        let fields = CpioFields {
            inode: 0,
            ..CpioFields::new(0)
        };
        self.member(b"TRAILER!!!", fields, b"")
    }

    /// The archive.
    pub fn build(self) -> Vec<u8> {
        self.0
    }
}
