//! The control member: `.PKGINFO`, the scripts, and what else stands there.

use std::io::Read;

use mikron_archive::{Cap, TarDialect, TarReader};
use mikron_package::{
    ArchiveError, ArchiveErrorKind, ArchiveMetadata, Checksum, Digest, EntryKind, Family, Limits,
    Script, ScriptKind,
};

use super::info;
use crate::Covered;
use crate::signature::{self, no_end_marks};

/// The largest control member that is read, unpacked, in bytes; [`Limits::control`] may ask for less.
const CAP: u64 = 10 << 20;

pub(super) fn cap(limits: &Limits) -> Cap {
    let cap = Cap::control(limits);
    Cap {
        bytes: cap.bytes.min(CAP),
        ..cap
    }
}

/// What an archive is proved by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// The digests of the packed control member. The index names its SHA-1, and the archive's own signatures cover it.
    pub covered: Covered,
    /// The SHA-256 of the packed data member, as the control member gives it (`datahash`).
    pub data: Digest,
}

/// Whether the data member must not have an entry of this path: at the root, names with a dot in front are metadata to apk,
/// and no file that it would install.
pub(super) fn is_reserved(path: &[u8]) -> bool {
    path.first() == Some(&b'.') && !path.contains(&b'/')
}

/// Reads the unpacked control member, of which the packed bytes have these digests.
pub(super) fn read(
    tar: &[u8],
    covered: Covered,
    limits: &Limits,
) -> Result<(ArchiveMetadata, Control), ArchiveError> {
    let mut reader = TarReader::new(tar, TarDialect::Apk, limits);
    let mut text = None;
    let mut scripts: Vec<Script> = Vec::new();
    let mut extra: Vec<(String, Vec<u8>)> = Vec::new();
    let mut used = 0;
    while let Some(entry) = reader.next_entry()? {
        let name = String::from_utf8_lossy(entry.path.as_bytes()).into_owned();
        let wrong = |reason: &str| Err(ArchiveError::malformed(reason).in_entry(&name));
        if !matches!(entry.kind, EntryKind::File { .. }) {
            return wrong("a control file is not a plain file");
        }
        if !is_reserved(entry.path.as_bytes()) {
            return wrong("a file of the package stands in the control member");
        }
        if entry.path.as_bytes().starts_with(signature::PREFIX) {
            return wrong("a signature stands behind the place of signatures");
        }
        let known = |known: &str| known == name;
        if (name == ".PKGINFO" && text.is_some())
            || scripts.iter().any(|script| known(&script.name))
            || extra.iter().any(|(other, _)| known(other))
        {
            return wrong("a control file stands twice");
        }
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .map_err(ArchiveError::from_io)?;
        used = reader.offset();
        match name.as_str() {
            ".PKGINFO" => text = Some(bytes),
            _ => match ScriptKind::of(Family::APK.scripts, &name) {
                Some(kind) => scripts.push(kind.script(bytes)),
                None => extra.push((name, bytes)),
            },
        }
    }
    reader.nothing_behind_end()?;
    no_end_marks(tar, used)?;
    let text = text.ok_or_else(|| ArchiveError::malformed("there is no file `.PKGINFO`"))?;
    let info = info::parse(&text, limits).map_err(|error| error.in_entry(".PKGINFO"))?;
    let data = info.datahash.ok_or_else(|| {
        ArchiveError::new(ArchiveErrorKind::Malformed(
            "there is no `datahash`, so nothing proves the data".to_owned(),
        ))
        .in_entry(".PKGINFO")
    })?;
    let kinds = Family::APK.scripts.iter();
    scripts.sort_by_key(|script| kinds.clone().position(|kind| kind.name == script.name));
    let mut record = info.record;
    record.checksum = Some(Checksum::ApkControl(covered.sha1));
    let metadata = ArchiveMetadata {
        record,
        fields: info.fields,
        scripts,
        config_files: Vec::new(),
        ghosts: Vec::new(),
        extra,
    };
    Ok((metadata, Control { covered, data }))
}
