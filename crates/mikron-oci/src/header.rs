//! Tar headers, written by hand so that no byte of them is left to chance.
//!
//! The form is ustar (POSIX.1-1988) with a pax extended header (POSIX.1-2001, pax "Interchange Format") before those
//! entries only that need one: names that are long or not ASCII, numbers that do not fit, extended attributes. All OCI
//! runtimes read that; GNU's own extensions some do not.

use mikron_package::{Entry, EntryKind, RootPath};

use crate::LayerError;

/// The size of a tar record.
pub(crate) const RECORD: usize = 512;

/// Largest number of an octal field of eight bytes: seven digits.
const MAX_ID: u64 = 0o777_7777;
/// Largest number of an octal field of twelve bytes: eleven digits.
const MAX_LONG: u64 = 0o777_7777_7777;

/// The padding behind a content of `size` bytes.
pub(crate) fn padding(size: u64) -> u64 {
    size.next_multiple_of(RECORD as u64) - size
}

/// Appends the headers of an entry to `out`.
pub(crate) fn write(entry: &Entry, out: &mut Vec<u8>) -> Result<(), LayerError> {
    let wrong = |field: &'static str, value: String| LayerError::Attribute {
        path: entry.path.clone(),
        field,
        value,
    };
    if entry.mode > 0o7777 {
        return Err(wrong("the mode", format!("{:o}", entry.mode)));
    }
    let Ok(mtime) = u64::try_from(entry.mtime) else {
        return Err(wrong("the time", entry.mtime.to_string()));
    };

    let mut pax = Pax::default();
    let mut block = [0; RECORD];
    let mut name = entry.path.as_bytes().to_vec();
    if entry.is_directory() {
        // The root itself is written as `./`: an empty name would be no entry at all.
        name.extend_from_slice(if name.is_empty() { b"./" } else { b"/" });
    }
    put_name(&name, &mut block, &mut pax);

    octal(&mut block[100..108], u64::from(entry.mode));
    put_number(
        &mut block[108..116],
        entry.uid.into(),
        MAX_ID,
        b"uid",
        &mut pax,
    );
    put_number(
        &mut block[116..124],
        entry.gid.into(),
        MAX_ID,
        b"gid",
        &mut pax,
    );
    put_number(
        &mut block[124..136],
        entry.size(),
        MAX_LONG,
        b"size",
        &mut pax,
    );
    put_number(&mut block[136..148], mtime, MAX_LONG, b"mtime", &mut pax);

    let (mut major, mut minor) = (0, 0);
    block[156] = match &entry.kind {
        EntryKind::File { .. } => b'0',
        EntryKind::Hardlink { target } => {
            put_link(target.as_bytes(), &mut block, &mut pax);
            b'1'
        }
        EntryKind::Symlink { target } => {
            if target.is_empty() || target.contains(&0) || target.len() > RootPath::MAX_LEN {
                return Err(wrong("the link target", target.escape_ascii().to_string()));
            }
            put_link(target, &mut block, &mut pax);
            b'2'
        }
        EntryKind::CharDevice { major: a, minor: i } => {
            (major, minor) = (*a, *i);
            b'3'
        }
        EntryKind::BlockDevice { major: a, minor: i } => {
            (major, minor) = (*a, *i);
            b'4'
        }
        EntryKind::Directory => b'5',
        EntryKind::Fifo => b'6',
    };
    for number in [major, minor] {
        if u64::from(number) > MAX_ID {
            return Err(wrong("the device number", number.to_string()));
        }
    }
    block[257..265].copy_from_slice(b"ustar\x0000");
    put_text(
        &mut block[265..297],
        entry.user.as_deref(),
        b"uname",
        &mut pax,
    );
    put_text(
        &mut block[297..329],
        entry.group.as_deref(),
        b"gname",
        &mut pax,
    );
    octal(&mut block[329..337], major.into());
    octal(&mut block[337..345], minor.into());

    for (key, value) in &entry.xattrs {
        if key.is_empty() || key.contains(&b'=') || key.contains(&0) || !key.is_ascii() {
            return Err(wrong(
                "the extended attribute",
                key.escape_ascii().to_string(),
            ));
        }
        pax.add(&[b"SCHILY.xattr.", key.as_slice()].concat(), value);
    }
    pax.write(out);
    seal(&mut block);
    out.extend_from_slice(&block);
    Ok(())
}

/// Fills in the checksum: the sum of all bytes, its own field taken as blanks.
fn seal(block: &mut [u8; RECORD]) {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|b| u64::from(*b)).sum();
    octal(&mut block[148..155], sum);
    // Six digits, NUL, blank: the form of the first tars, which all writers keep.
    block[155] = b' ';
}

/// Octal digits with leading zeros and a NUL at the end. The value fits: every caller has checked it.
fn octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let text = format!("{value:0digits$o}");
    field[..digits].copy_from_slice(&text.as_bytes()[text.len() - digits..]);
    field[digits] = 0;
}

fn put_number(field: &mut [u8], value: u64, most: u64, key: &[u8], pax: &mut Pax) {
    if value <= most {
        octal(field, value);
    } else {
        octal(field, 0);
        pax.add(key, value.to_string().as_bytes());
    }
}

fn put_text(field: &mut [u8], text: Option<&str>, key: &[u8], pax: &mut Pax) {
    let Some(text) = text else { return };
    if text.is_ascii() && text.len() < field.len() {
        field[..text.len()].copy_from_slice(text.as_bytes());
    } else {
        pax.add(key, text.as_bytes());
    }
}

/// The name in the name field, split over name and prefix, or in a pax record.
fn put_name(name: &[u8], block: &mut [u8; RECORD], pax: &mut Pax) {
    let fits = name.is_ascii() || std::str::from_utf8(name).is_err();
    if fits && name.len() <= 100 {
        block[..name.len()].copy_from_slice(name);
        return;
    }
    // The first `/` that leaves at most 100 bytes behind it; it is not written itself.
    let from = name.len().saturating_sub(101);
    let last = name.len() - 1;
    let cut = (from..last)
        .find(|i| name[*i] == b'/')
        .filter(|i| (1..=155).contains(i));
    if let (true, Some(cut)) = (fits, cut) {
        block[345..345 + cut].copy_from_slice(&name[..cut]);
        block[..last - cut].copy_from_slice(&name[cut + 1..]);
        return;
    }
    pax.add(b"path", name);
    put_stub(&mut block[..100], name);
}

fn put_link(target: &[u8], block: &mut [u8; RECORD], pax: &mut Pax) {
    let fits = target.is_ascii() || std::str::from_utf8(target).is_err();
    if fits && target.len() <= 100 {
        block[157..157 + target.len()].copy_from_slice(target);
    } else {
        pax.add(b"linkpath", target);
        put_stub(&mut block[157..257], target);
    }
}

/// What stands in the old field beside a pax record: the start of the name, for readers that know no pax.
fn put_stub(field: &mut [u8], name: &[u8]) {
    for (to, from) in field.iter_mut().zip(name) {
        *to = if from.is_ascii() { *from } else { b'_' };
    }
}

/// The records of a pax extended header, in the order in which they are added, which is fixed.
#[derive(Default)]
struct Pax {
    records: Vec<u8>,
    binary: bool,
}

impl Pax {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        if matches!(key, b"path" | b"linkpath")
            && std::str::from_utf8(value).is_err()
            && !self.binary
        {
            // Records are UTF-8 unless the header says otherwise.
            self.binary = true;
            self.add(b"hdrcharset", b"BINARY");
        }
        // The length counts itself: `LENGTH KEY=VALUE\n`.
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        self.records
            .extend_from_slice(length.to_string().as_bytes());
        self.records.push(b' ');
        self.records.extend_from_slice(key);
        self.records.push(b'=');
        self.records.extend_from_slice(value);
        self.records.push(b'\n');
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.records.is_empty() {
            return;
        }
        let size = self.records.len() as u64;
        let mut block = [0; RECORD];
        let name = b"./PaxHeaders/entry";
        block[..name.len()].copy_from_slice(name);
        octal(&mut block[100..108], 0o644);
        octal(&mut block[108..116], 0);
        octal(&mut block[116..124], 0);
        octal(&mut block[124..136], size);
        octal(&mut block[136..148], 0);
        block[156] = b'x';
        block[257..265].copy_from_slice(b"ustar\x0000");
        octal(&mut block[329..337], 0);
        octal(&mut block[337..345], 0);
        seal(&mut block);
        out.extend_from_slice(&block);
        out.extend_from_slice(&self.records);
        out.resize(out.len() + padding(size) as usize, 0);
    }
}

/// The header of a plain file in an archive of our own making (the docker archive). The name is short and ASCII.
pub(crate) fn plain(name: &str, kind: u8, mode: u32, size: u64, mtime: u64) -> Vec<u8> {
    let mut pax = Pax::default();
    let mut block = [0; RECORD];
    put_name(name.as_bytes(), &mut block, &mut pax);
    octal(&mut block[100..108], mode.into());
    octal(&mut block[108..116], 0);
    octal(&mut block[116..124], 0);
    put_number(&mut block[124..136], size, MAX_LONG, b"size", &mut pax);
    put_number(&mut block[136..148], mtime, MAX_LONG, b"mtime", &mut pax);
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    octal(&mut block[329..337], 0);
    octal(&mut block[337..345], 0);
    let mut out = Vec::new();
    pax.write(&mut out);
    seal(&mut block);
    out.extend_from_slice(&block);
    out
}
