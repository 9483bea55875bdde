//! The headers of cpio members: 110 bytes of text ("newc", "crc"), or the 14 that rpm makes do with.

use mikron_package::ArchiveError;

/// How a header begins (cpio(5), "New ASCII Format" and "New CRC Format"; rpm's own).
pub(super) const NEWC: &[u8; 6] = b"070701";
pub(super) const CRC: &[u8; 6] = b"070702";
pub(super) const STRIPPED: &[u8; 6] = b"07070X";

/// The name of the member that ends the archive.
pub(super) const TRAILER: &[u8] = b"TRAILER!!!";

/// The size of the fields behind the magic of a full header: thirteen numbers of eight digits.
pub(super) const FIELDS: usize = 13 * 8;

/// A member of a cpio archive, as its own header describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpioMember {
    /// The name, without the NUL byte that ends it.
    pub name: Vec<u8>,
    /// The inode number, by which hard links are recognised.
    pub inode: u32,
    /// `st_mode`: the type and the permission bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// How many names the file has, as the writer counted them.
    pub links: u32,
    /// Modification time in seconds since 1970.
    pub mtime: u32,
    /// The size of the content in bytes: for a symbolic link that of its target; 0 for all but the last name of a file.
    pub size: u64,
    /// Major and minor number of the device that the file lay on.
    pub device: (u32, u32),
    /// Major and minor number of the device that it is.
    pub special: (u32, u32),
    /// The sum of the content's bytes, where the archive has sums ("crc").
    pub checksum: Option<u32>,
    /// Where its header begins in the archive.
    pub offset: u64,
}

/// A number of eight hexadecimal digits.
pub(super) fn number(digits: &[u8]) -> Result<u32, ArchiveError> {
    digits
        .iter()
        .try_fold(0_u32, |number, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some(number << 4 | digit)
        })
        .ok_or_else(|| {
            ArchiveError::malformed(format!(
                "`{}` is not a hexadecimal number",
                digits.escape_ascii()
            ))
        })
}

/// The fields of a full header; the name is not there yet, and its size with the NUL byte is the second answer.
pub(super) fn fields(
    block: &[u8; FIELDS],
    sums: bool,
    offset: u64,
) -> Result<(CpioMember, u32), ArchiveError> {
    let mut fields = [0; 13];
    for (field, digits) in fields.iter_mut().zip(block.chunks_exact(8)) {
        *field = number(digits)?;
    }
    let [
        inode,
        mode,
        uid,
        gid,
        links,
        mtime,
        size,
        device_major,
        device_minor,
        special_major,
        special_minor,
        name_size,
        checksum,
    ] = fields;
    let member = CpioMember {
        name: Vec::new(),
        inode,
        mode,
        uid,
        gid,
        links,
        mtime,
        size: size.into(),
        device: (device_major, device_minor),
        special: (special_major, special_minor),
        checksum: sums.then_some(checksum),
        offset,
    };
    Ok((member, name_size))
}
