//! Notes: libraries that are loaded by dlopen(3), the oldest kernel, the processor.

use std::io;

use serde::Deserialize;

use super::{Image, Segment, add};
use crate::{DlopenNote, DlopenPriority, ElfClass, ElfFacts, KernelVersion, X86Level};

/// `.note.dlopen` (UAPI group, "ELF dlopen metadata").
const FDO: [u8; 4] = *b"FDO\0";
const NOTE_DLOPEN: u32 = 0x407c_0c0a;
const GNU: [u8; 4] = *b"GNU\0";
/// `.note.ABI-tag`.
const NT_GNU_ABI_TAG: u32 = 1;
/// `.note.gnu.property`.
const NT_GNU_PROPERTY: u32 = 5;
const GNU_PROPERTY_X86_ISA_1_NEEDED: u32 = 0xc000_8002;
const EM_386: u16 = 3;
const EM_X86_64: u16 = 62;

/// One note of these kinds holds a few hundred bytes.
const MAX_NOTE: u64 = 64 * 1024;
const MAX_NOTES: u32 = 4096;

#[derive(Deserialize)]
struct Json {
    soname: Vec<String>,
    feature: Option<String>,
    description: Option<String>,
    priority: Option<String>,
}

/// Reads the notes of one `PT_NOTE` segment. A note with an odd content hides nothing but itself.
pub(super) fn read(
    image: &mut Image<'_>,
    segment: Segment,
    facts: &mut ElfFacts,
) -> io::Result<()> {
    let end = add(segment.offset, segment.file_size)?;
    let mut at = segment.offset;
    for _ in 0..MAX_NOTES {
        if end.saturating_sub(at) < 12 {
            return Ok(());
        }
        let name_size = u64::from(image.u32(at)?);
        let size = u64::from(image.u32(add(at, 4)?)?);
        let kind = image.u32(add(at, 8)?)?;
        let name_at = add(at, 12)?;
        let content_at = add(name_at, name_size.next_multiple_of(4))?;
        if name_size == 4 {
            let mut owner = [0; 4];
            image.pages.read(name_at, &mut owner)?;
            match (owner, kind) {
                (FDO, NOTE_DLOPEN) => match content(image, content_at, size)?.map(|c| parse(&c)) {
                    Some(Ok(notes)) => facts.dlopen.extend(notes),
                    _ => facts.broken_note = Some("a dlopen note that is not JSON".to_owned()),
                },
                (GNU, NT_GNU_ABI_TAG) if size >= 16 => abi_tag(image, content_at, facts)?,
                (GNU, NT_GNU_PROPERTY) => properties(image, content_at, size, facts)?,
                _ => {}
            }
        }
        // Some segments align their notes to 8 bytes; those hold only property notes, whose sizes are multiples of 8.
        at = add(content_at, size.next_multiple_of(4))?;
    }
    Ok(())
}

fn content(image: &mut Image<'_>, at: u64, size: u64) -> io::Result<Option<Vec<u8>>> {
    if size > MAX_NOTE {
        return Ok(None);
    }
    let mut content = vec![0; size as usize];
    image.pages.read(at, &mut content)?;
    Ok(Some(content))
}

/// Four words: the operating system (0 is Linux) and three numbers of its version.
fn abi_tag(image: &mut Image<'_>, at: u64, facts: &mut ElfFacts) -> io::Result<()> {
    if image.u32(at)? == 0 {
        facts.minimum_kernel = Some(KernelVersion {
            major: image.u32(add(at, 4)?)?,
            minor: image.u32(add(at, 8)?)?,
            patch: image.u32(add(at, 12)?)?,
        });
    }
    Ok(())
}

/// Properties are pairs of type and size, each padded to the word size.
fn properties(
    image: &mut Image<'_>,
    mut at: u64,
    size: u64,
    facts: &mut ElfFacts,
) -> io::Result<()> {
    if !matches!(facts.machine, EM_386 | EM_X86_64) {
        return Ok(());
    }
    let word = match image.class {
        ElfClass::Elf64 => 8,
        ElfClass::Elf32 => 4,
    };
    let end = add(at, size.min(MAX_NOTE))?;
    while end.saturating_sub(at) >= 12 {
        let kind = image.u32(at)?;
        let size = u64::from(image.u32(add(at, 4)?)?);
        if kind == GNU_PROPERTY_X86_ISA_1_NEEDED && size == 4 {
            let level = match image.u32(add(at, 8)?)?.checked_ilog2() {
                None => None,
                Some(0) => Some(X86Level::V1),
                Some(1) => Some(X86Level::V2),
                Some(2) => Some(X86Level::V3),
                Some(_) => Some(X86Level::V4),
            };
            facts.x86_level = facts.x86_level.max(level);
        }
        at = add(at, 8 + size.next_multiple_of(word))?;
    }
    Ok(())
}

/// A JSON array of objects, ended by a zero byte.
fn parse(content: &[u8]) -> Result<Vec<DlopenNote>, serde_json::Error> {
    let end = content
        .iter()
        .position(|b| *b == 0)
        .unwrap_or(content.len());
    let entries: Vec<Json> = serde_json::from_slice(&content[..end])?;
    let note = |entry: Json| DlopenNote {
        sonames: entry.soname,
        feature: entry.feature,
        description: entry.description,
        priority: match entry.priority.as_deref() {
            Some("required") => DlopenPriority::Required,
            Some("suggested") => DlopenPriority::Suggested,
            _ => DlopenPriority::Recommended,
        },
    };
    Ok(entries.into_iter().map(note).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dlopen_note_names_its_libraries_and_how_much_they_are_needed() {
        let json = br#"[{"soname":["libfido2.so.1"],"feature":"fido2","priority":"required"},{"soname":["a","b"]}]"#;
        let notes = parse(&[json.as_slice(), b"\0"].concat()).expect("well-formed");
        assert_eq!(notes[0].priority, DlopenPriority::Required);
        assert_eq!(notes[1].sonames, ["a", "b"]);
        assert_eq!(notes[1].priority, DlopenPriority::Recommended);
        assert!(parse(b"{").is_err());
    }
}
