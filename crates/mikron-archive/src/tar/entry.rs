//! From a header and its extensions to an [`Entry`].

use mikron_package::{
    ArchiveError, ArchiveErrorKind, Attributes, Entry, EntryKind, RootPath, SharedText,
};

use super::header::Header;
use super::number::NumberFault;
use super::pax::PaxRecords;
use super::{MAX_MTIME, TarDialect};

/// What a header and its extensions come to.
pub(super) struct Built {
    pub(super) entry: Entry,
    /// How many bytes of content are stored for it.
    pub(super) stored: u64,
    /// Whether the name begins with `/`.
    pub(super) absolute: bool,
}

/// Builds the entry.
pub(super) fn build(
    header: &Header,
    records: &PaxRecords,
    global: &PaxRecords,
    dialect: TarDialect,
) -> Result<Built, ArchiveError> {
    let sparse_name = records.sparse.name.as_deref();
    let name = sparse_name
        .or_else(|| records.bytes(global, "path"))
        .unwrap_or(&header.name);
    if name.is_empty() {
        return Err(ArchiveError::malformed("an entry has an empty name"));
    }
    let path = RootPath::new(name)?;
    let link = records.bytes(global, "linkpath").unwrap_or(&header.link);
    // Where PAX gives a size, it wins; dpkg's dialect never has any.
    let size = match records.number(global, "size")? {
        Some(size) => size,
        None => u64::try_from(header.size)
            .map_err(|_| ArchiveError::malformed("the size is negative"))?,
    };
    let kind = kind(header, name, link, size, dialect)?;
    if path.is_root() && kind != EntryKind::Directory {
        return Err(ArchiveError::malformed(
            "something else than a directory stands at the root",
        ));
    }
    if size != 0 && !matches!(kind, EntryKind::File { .. }) {
        return Err(ArchiveError::malformed(format!(
            "a size of {size} bytes on an entry that has no content"
        )));
    }
    let id = |key: &str, found: i64| {
        let number = match records.number(global, key)? {
            Some(number) => i128::from(number),
            None => i128::from(found),
        };
        u32::try_from(number).map_err(|_| {
            ArchiveError::malformed(format!("the {key} {number} does not fit 32 bits"))
        })
    };
    let owner = |key: &str, found: &[u8]| {
        let name = records.bytes(global, key).unwrap_or(found);
        (!name.is_empty()).then(|| SharedText::from(&*String::from_utf8_lossy(name)))
    };
    let xattrs = global.xattrs.iter().chain(&records.xattrs);
    let xattrs = xattrs.map(|(name, value)| (name.clone(), value.clone()));
    let attributes = Attributes {
        mode: mode(header.mode, &kind)?,
        uid: id("uid", header.uid)?,
        gid: id("gid", header.gid)?,
        user: owner("uname", &header.user),
        group: owner("gname", &header.group),
        mtime: mtime(header, records.mtime(global)?, dialect)?,
        xattrs: xattrs.collect(),
    };
    let entry = Entry {
        path,
        kind,
        attributes: attributes.shared(),
    };
    let stored = if entry.is_file() { size } else { 0 };
    Ok(Built {
        entry,
        stored,
        absolute: name.starts_with(b"/"),
    })
}

fn kind(
    header: &Header,
    name: &[u8],
    link: &[u8],
    size: u64,
    dialect: TarDialect,
) -> Result<EntryKind, ArchiveError> {
    let device = |what: &str, number: i64| {
        u32::try_from(number).map_err(|_| {
            ArchiveError::malformed(format!(
                "the {what} device number {number} does not fit 32 bits"
            ))
        })
    };
    Ok(match (header.kind, dialect) {
        // Before POSIX a slash at the end was what made a directory.
        (b'0', _) if name.ends_with(b"/") => EntryKind::Directory,
        (b'0', _) | (b'7' | b'S', TarDialect::Posix) | (b'7', TarDialect::Apk) => {
            EntryKind::File { size }
        }
        (b'1', _) => EntryKind::Hardlink {
            target: RootPath::new(link)?,
        },
        (b'2', _) => {
            // symlink(2) takes neither an empty target nor one of PATH_MAX bytes, and dpkg fails there.
            if link.is_empty() || link.len() >= RootPath::MAX_LEN || link.contains(&0) {
                return Err(ArchiveError::malformed(
                    "the target of a symbolic link is empty, has 4096 bytes or more, or holds a NUL byte",
                ));
            }
            EntryKind::Symlink {
                target: link.to_vec(),
            }
        }
        (b'3', _) => EntryKind::CharDevice {
            major: device("major", header.major)?,
            minor: device("minor", header.minor)?,
        },
        (b'4', _) => EntryKind::BlockDevice {
            major: device("major", header.major)?,
            minor: device("minor", header.minor)?,
        },
        (b'5', _) => EntryKind::Directory,
        (b'6', _) => EntryKind::Fifo,
        (b'x' | b'g', TarDialect::Deb) => {
            return Err(unsupported("PAX header", header.kind, dialect));
        }
        (other, _) => return Err(unsupported("entry", other, dialect)),
    })
}

fn unsupported(what: &str, kind: u8, dialect: TarDialect) -> ArchiveError {
    let whom = match dialect {
        TarDialect::Deb => ", which dpkg refuses,",
        TarDialect::Posix => "",
        TarDialect::Apk => ", which apk does not know,",
    };
    ArchiveError::new(ArchiveErrorKind::Unsupported(format!(
        "the tar {what} of type `{}`{whom}",
        kind.escape_ascii()
    )))
}

/// The low twelve bits. Some writers (jdeb, old tars) put the file type above them, which must then be the right one.
fn mode(found: i64, kind: &EntryKind) -> Result<u32, ArchiveError> {
    const TYPE: i64 = 0o170_000;
    let expected = match kind {
        EntryKind::File { .. } | EntryKind::Hardlink { .. } => 0o100_000,
        EntryKind::Directory => 0o040_000,
        EntryKind::Symlink { .. } => 0o120_000,
        EntryKind::CharDevice { .. } => 0o020_000,
        EntryKind::BlockDevice { .. } => 0o060_000,
        EntryKind::Fifo => 0o010_000,
    };
    let bits = if found & TYPE == expected {
        found & !TYPE
    } else {
        found
    };
    u32::try_from(bits)
        .ok()
        .filter(|bits| *bits <= 0o7777)
        .ok_or_else(|| ArchiveError::malformed(format!("the mode {found:o} has bits beyond 07777")))
}

fn mtime(header: &Header, pax: Option<i64>, dialect: TarDialect) -> Result<i64, ArchiveError> {
    let found = match (pax, header.mtime) {
        (Some(time), _) | (None, Ok(time)) => time,
        (None, Err(NumberFault::Overflow)) if dialect != TarDialect::Deb => i64::MAX,
        (None, Err(_)) => return Err(ArchiveError::malformed("the time does not fit 64 bits")),
    };
    Ok(found.clamp(0, MAX_MTIME))
}
