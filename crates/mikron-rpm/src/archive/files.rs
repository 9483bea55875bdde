//! The files of a package, as the arrays of its header describe them.
//!
//! The header decides, not the payload: owners, times, modes, links and digests stand here alone. Texts stay in the header, and
//! only their places are kept, so that a file costs some forty bytes of memory.

use std::borrow::Cow;
use std::collections::HashMap;

use mikron_package::{
    ArchiveError, Attributes, CAPABILITY_XATTR, Entry, EntryKind, Limits, RootPath, SharedText,
    Xattrs, file_capabilities,
};

use super::digest::DigestAlgorithm;
use crate::header::{Header, Strings, tag};

/// `st_mode`, the bits of the type.
const TYPE: u16 = 0o170_000;
const REGULAR: u16 = 0o100_000;
const DIRECTORY: u16 = 0o040_000;
const SYMLINK: u16 = 0o120_000;
const CHAR_DEVICE: u16 = 0o020_000;
const BLOCK_DEVICE: u16 = 0o060_000;
const FIFO: u16 = 0o010_000;

/// `RPMFILE_CONFIG` of rpmfiles.h.
const CONFIG: u32 = 1 << 0;
/// `RPMFILE_GHOST`: the package owns it and does not bring it.
const GHOST: u32 = 1 << 6;

/// A place of a text in the header.
type Place = u32;
/// Where a file's name lies, and the number of its directory.
type Name = (Place, u32);

/// The files, by number.
pub(crate) struct Files {
    /// Where each file's name lies, and the number of its directory.
    names: Vec<Name>,
    /// Where the directories lie. Empty where the names are whole paths (rpm before 4.0).
    directories: Vec<Place>,
    sizes: Vec<u64>,
    modes: Vec<u16>,
    flags: Vec<u32>,
    mtimes: Vec<u32>,
    devices: Vec<u16>,
    users: Vec<Place>,
    groups: Vec<Place>,
    links: Vec<Place>,
    capabilities: Vec<Place>,
    digests: Vec<Place>,
    pub(super) algorithm: DigestAlgorithm,
    /// Which hard link set a file belongs to; [`ALONE`] for most.
    sets: Vec<u32>,
    /// How many names each set has.
    set_sizes: Vec<u32>,
}

/// A file with one name.
pub(crate) const ALONE: u32 = u32::MAX;

/// An error about one tag of the file arrays.
fn wrong(tag: u32, reason: impl std::fmt::Display) -> ArchiveError {
    ArchiveError::malformed(format!("the file list is wrong: tag {tag} {reason}"))
}

/// The text that begins at a place.
fn text_at(header: &[u8], place: Place) -> &[u8] {
    let rest = header.get(place as usize..).unwrap_or_default();
    &rest[..memchr::memchr(0, rest).unwrap_or(rest.len())]
}

impl Files {
    /// Reads and checks the arrays: they are of one length, and point to directories that are there.
    pub(crate) fn of(header: Header<'_>, limits: &Limits) -> Result<Self, ArchiveError> {
        let (names, directories) = names(header)?;
        let count = names.len();
        limits.check_entries(count as u64)?;
        let places = |tag: u32| -> Result<Vec<Place>, ArchiveError> {
            let texts = header.strings(tag)?;
            optional(tag, texts.len(), count)?;
            Ok(texts.places().map(|(place, _)| place as Place).collect())
        };
        let words = |tag: u32| -> Result<Vec<u32>, ArchiveError> {
            let words = header.words(tag)?;
            optional(tag, words.len(), count)?;
            Ok(words)
        };
        let shorts = |tag: u32| -> Result<Vec<u16>, ArchiveError> {
            let shorts = header.shorts(tag)?;
            optional(tag, shorts.len(), count)?;
            Ok(shorts)
        };
        let mut sizes = header.longs(tag::LONG_FILE_SIZES)?;
        if sizes.is_empty() {
            sizes = header
                .words(tag::FILE_SIZES)?
                .into_iter()
                .map(u64::from)
                .collect();
        }
        required(tag::FILE_SIZES, sizes.len(), count)?;
        let modes = shorts(tag::FILE_MODES)?;
        required(tag::FILE_MODES, modes.len(), count)?;
        let number = header.number(tag::FILE_DIGEST_ALGO)?.unwrap_or(1);
        let algorithm = DigestAlgorithm::of(number).ok_or_else(|| {
            ArchiveError::new(mikron_package::ArchiveErrorKind::Unsupported(format!(
                "the digest algorithm {number} of the files"
            )))
        })?;
        let flags = words(tag::FILE_FLAGS)?;
        let inodes = words(tag::FILE_INODES)?;
        let file_devices = words(tag::FILE_DEVICES)?;
        let mut files = Self {
            names,
            directories,
            sizes,
            modes,
            flags,
            mtimes: words(tag::FILE_MTIMES)?,
            devices: shorts(tag::FILE_RDEVS)?,
            users: places(tag::FILE_USERNAME)?,
            groups: places(tag::FILE_GROUPNAME)?,
            links: places(tag::FILE_LINKTOS)?,
            capabilities: places(tag::FILE_CAPS)?,
            digests: places(tag::FILE_DIGESTS)?,
            algorithm,
            sets: Vec::new(),
            set_sizes: Vec::new(),
        };
        files.find_sets(&inodes, &file_devices);
        Ok(files)
    }

    /// Files of one inode are one file under several names.
    fn find_sets(&mut self, inodes: &[u32], devices: &[u32]) {
        if inodes.is_empty() {
            return;
        }
        let linkable = |number: &usize| self.is(*number, REGULAR) && !self.is_ghost(*number);
        let key = |number: usize| (devices.get(number), inodes[number]);
        let mut numbers: Vec<usize> = (0..self.len()).filter(linkable).collect();
        numbers.sort_by_key(|number| key(*number));
        let sets: Vec<&[usize]> = numbers
            .chunk_by(|a, b| key(*a) == key(*b))
            .filter(|set| set.len() > 1)
            .collect();
        if sets.is_empty() {
            return;
        }
        let mut of = vec![ALONE; self.len()];
        for (set, members) in sets.iter().enumerate() {
            for member in *members {
                of[*member] = set as u32;
            }
        }
        self.set_sizes = sets.iter().map(|set| set.len() as u32).collect();
        self.sets = of;
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    fn is(&self, number: usize, kind: u16) -> bool {
        self.modes[number] & TYPE == kind
    }

    /// Whether it has a content of its own.
    pub(crate) fn is_regular(&self, number: usize) -> bool {
        self.is(number, REGULAR)
    }

    /// Whether the package owns it without bringing it.
    pub(crate) fn is_ghost(&self, number: usize) -> bool {
        self.flags(number) & GHOST != 0
    }

    /// Whether it is a configuration file.
    pub(crate) fn is_config(&self, number: usize) -> bool {
        self.flags(number) & CONFIG != 0
    }

    fn flags(&self, number: usize) -> u32 {
        self.flags.get(number).copied().unwrap_or(0)
    }

    /// Its size in bytes, as the payload has it.
    pub(crate) fn size(&self, number: usize) -> u64 {
        self.sizes[number]
    }

    /// The number of its hard link set, or [`ALONE`].
    pub(crate) fn set(&self, number: usize) -> u32 {
        self.sets.get(number).copied().unwrap_or(ALONE)
    }

    /// How many names the hard link set has.
    pub(crate) fn set_size(&self, set: u32) -> u32 {
        self.set_sizes.get(set as usize).copied().unwrap_or(1)
    }

    /// How many hard link sets there are.
    pub(crate) fn sets(&self) -> usize {
        self.set_sizes.len()
    }

    /// Its path as the header writes it.
    pub(crate) fn raw_path<'a>(&self, header: &'a [u8], number: usize) -> Cow<'a, [u8]> {
        let (name, directory) = self.names[number];
        let name = text_at(header, name);
        match self.directories.get(directory as usize) {
            None => Cow::Borrowed(name),
            Some(directory) => Cow::Owned([text_at(header, *directory), name].concat()),
        }
    }

    /// Its path inside the root.
    ///
    /// # Errors
    /// When the name has a `/`, or the path a component that leads out.
    pub(crate) fn path(&self, header: &[u8], number: usize) -> Result<RootPath, ArchiveError> {
        let path = self.raw_path(header, number);
        let name = text_at(header, self.names[number].0);
        if !self.directories.is_empty() && name.contains(&b'/') {
            return Err(ArchiveError::malformed(format!(
                "the file name `{}` has a `/`",
                name.escape_ascii()
            )));
        }
        RootPath::new(&path).map_err(ArchiveError::from)
    }

    /// The target of a symbolic link.
    pub(crate) fn link<'a>(&self, header: &'a [u8], number: usize) -> &'a [u8] {
        match self.links.get(number) {
            Some(place) => text_at(header, *place),
            None => b"",
        }
    }

    /// The digest that its content must have; empty where the header has none.
    pub(crate) fn digest<'a>(&self, header: &'a [u8], number: usize) -> &'a [u8] {
        match self.digests.get(number) {
            Some(place) => text_at(header, *place),
            None => b"",
        }
    }

    /// The file as an entry, as if it had no other names.
    ///
    /// # Errors
    /// When its path cannot stand inside the root, it is of no known type, or its capabilities cannot be read.
    pub(crate) fn entry(&self, header: &[u8], number: usize) -> Result<Entry, ArchiveError> {
        let path = self.path(header, number)?;
        let fault = |reason: String| ArchiveError::malformed(reason).in_entry(&path);
        let device = self.devices.get(number).copied().unwrap_or(0);
        // The header holds sixteen bits: the old layout of device numbers.
        let (major, minor) = (u32::from(device >> 8), u32::from(device & 0xff));
        let mode = self.modes[number];
        let kind = match mode & TYPE {
            REGULAR => EntryKind::File {
                size: self.sizes[number],
            },
            DIRECTORY => EntryKind::Directory,
            SYMLINK => {
                let target = self.link(header, number).to_vec();
                if target.is_empty() {
                    return Err(fault("a symbolic link has no target".to_owned()));
                }
                EntryKind::Symlink { target }
            }
            CHAR_DEVICE => EntryKind::CharDevice { major, minor },
            BLOCK_DEVICE => EntryKind::BlockDevice { major, minor },
            FIFO => EntryKind::Fifo,
            other => return Err(fault(format!("a file is of the unknown type {other:o}"))),
        };
        let named = |places: &[Place]| {
            let name = places.get(number).map(|place| text_at(header, *place))?;
            (!name.is_empty()).then(|| SharedText::from(&*String::from_utf8_lossy(name)))
        };
        let mut xattrs = Xattrs::new();
        let capabilities = self.capabilities.get(number);
        let capabilities = capabilities.map(|place| text_at(header, *place));
        if let Some(text) = capabilities.filter(|text| !text.is_empty()) {
            let value = file_capabilities(text).map_err(|reason| {
                let text = text.escape_ascii();
                fault(format!("the text of capabilities `{text}` {reason}"))
            })?;
            xattrs.insert(CAPABILITY_XATTR.to_vec(), value);
        }
        let attributes = Attributes {
            mode: u32::from(mode & 0o7777),
            uid: 0,
            gid: 0,
            user: named(&self.users),
            group: named(&self.groups),
            mtime: self.mtimes.get(number).copied().unwrap_or(0).into(),
            xattrs,
        };
        Ok(Entry {
            path,
            kind,
            attributes: attributes.shared(),
        })
    }
}

fn optional(tag: u32, found: usize, count: usize) -> Result<(), ArchiveError> {
    if found == 0 {
        return Ok(());
    }
    required(tag, found, count)
}

fn required(tag: u32, found: usize, count: usize) -> Result<(), ArchiveError> {
    if found == count {
        return Ok(());
    }
    Err(wrong(
        tag,
        format_args!("has {found} values for {count} files"),
    ))
}

/// The names and directories, in both of the ways in which rpm has written them.
fn names(header: Header<'_>) -> Result<(Vec<Name>, Vec<Place>), ArchiveError> {
    let place = |texts: Strings<'_>| texts.places().map(|(place, _)| place as Place).collect();
    let basenames = header.strings(tag::BASENAMES)?;
    if basenames.len() == 0 {
        let whole: Vec<Place> = place(header.strings(tag::OLD_FILE_NAMES)?);
        return Ok((
            whole.into_iter().map(|name| (name, 0)).collect(),
            Vec::new(),
        ));
    }
    let directories: Vec<Place> = place(header.strings(tag::DIRNAMES)?);
    let indexes = header.words(tag::DIR_INDEXES)?;
    required(tag::DIR_INDEXES, indexes.len(), basenames.len())?;
    if let Some(lost) = indexes
        .iter()
        .find(|index| **index as usize >= directories.len())
    {
        return Err(wrong(
            tag::DIR_INDEXES,
            format_args!("names directory {lost} of {}", directories.len()),
        ));
    }
    let names = place(basenames);
    Ok((names.into_iter().zip(indexes).collect(), directories))
}

/// Which file of the header a path of the payload is. Payloads follow the header, so that a look at what comes next suffices;
/// the table is made for those that do not.
#[derive(Default)]
pub(crate) struct Lookup {
    next: usize,
    table: Option<HashMap<Box<[u8]>, u32>>,
}

impl Lookup {
    /// The number of the file of this name, as the payload writes it: with `./` or `/` before it, or neither.
    pub(crate) fn find(&mut self, files: &Files, header: &[u8], name: &[u8]) -> Option<usize> {
        let name = plain(name);
        while self.next < files.len() && files.is_ghost(self.next) {
            self.next += 1;
        }
        let guess = self.next;
        if guess < files.len() && plain(&files.raw_path(header, guess)) == name {
            self.next += 1;
            return Some(guess);
        }
        let table = self.table.get_or_insert_with(|| {
            let path = |number: usize| plain(&files.raw_path(header, number)).into();
            (0..files.len())
                .map(|number| (path(number), number as u32))
                .collect()
        });
        let number = *table.get(name)? as usize;
        self.next = number + 1;
        Some(number)
    }
}

fn plain(path: &[u8]) -> &[u8] {
    let path = path
        .strip_prefix(b".")
        .filter(|rest| rest.starts_with(b"/"))
        .unwrap_or(path);
    path.strip_prefix(b"/").unwrap_or(path)
}
