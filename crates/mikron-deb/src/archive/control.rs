//! The control member: `control`, maintainer scripts, `conffiles`, and what else stands there (deb(5)).

use std::io::Read;

use mikron_archive::{Cap, Compression, Decompressor, TarDialect, TarReader};
use mikron_package::{
    ArchiveError, ArchiveMetadata, EntryKind, Family, Limits, Script, ScriptKind,
};

use super::conffiles;
use super::reader::Ar;
use crate::parse_control;

/// Reads the control member, at which `ar` stands. The number is that of the bytes behind the end of its tar archive.
pub(super) fn read(
    ar: &mut Ar<'_>,
    compression: Compression,
    limits: &Limits,
) -> Result<(ArchiveMetadata, u64), ArchiveError> {
    let cap = Cap::control(limits);
    let unpacked = Decompressor::new(ar, compression, limits, cap)?;
    // dpkg hands this member, unlike the other one, to tar itself: PAX headers are no fault here.
    let mut tar = TarReader::new(unpacked, TarDialect::Posix, limits);
    let mut control = None;
    let mut listed = None;
    let mut scripts: Vec<Script> = Vec::new();
    let mut extra: Vec<(String, Vec<u8>)> = Vec::new();
    while let Some(entry) = tar.next_entry()? {
        let name = String::from_utf8_lossy(entry.path.as_bytes()).into_owned();
        match entry.kind {
            EntryKind::Directory => continue,
            EntryKind::File { .. } => {}
            _ => {
                return Err(
                    ArchiveError::malformed("a control member is not a plain file").in_entry(name),
                );
            }
        }
        let mut bytes = Vec::new();
        tar.read_to_end(&mut bytes).map_err(ArchiveError::from_io)?;
        // A second file of one name overwrites the first where tar unpacks them.
        match name.as_str() {
            "control" => control = Some(bytes),
            "conffiles" => listed = Some(bytes),
            _ => {
                if let Some(kind) = ScriptKind::of(Family::DEB.scripts, &name) {
                    scripts.retain(|known| known.name != name);
                    scripts.push(kind.script(bytes));
                } else {
                    extra.retain(|(known, _)| *known != name);
                    extra.push((name, bytes));
                }
            }
        }
    }
    let control = control.ok_or_else(|| ArchiveError::malformed("there is no file `control`"))?;
    let (record, fields) =
        parse_control(&control, limits).map_err(|error| error.in_entry("control"))?;
    let config_files = match listed {
        Some(text) => conffiles::parse(&text).map_err(|error| error.in_entry("conffiles"))?,
        None => Vec::new(),
    };
    let kinds = Family::DEB.scripts.iter();
    scripts.sort_by_key(|script| kinds.clone().position(|kind| kind.name == script.name));
    let metadata = ArchiveMetadata {
        record,
        fields,
        scripts,
        config_files,
        ghosts: Vec::new(),
        extra,
    };
    Ok((metadata, tar.behind_end()))
}
