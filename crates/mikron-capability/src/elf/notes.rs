//! Notes: `.note.dlopen` of the UAPI group ("ELF dlopen metadata").

use std::io;

use serde::Deserialize;

use super::{Image, Segment, add, broken};
use crate::{DlopenNote, DlopenPriority};

const OWNER: &[u8] = b"FDO\0";
const NOTE_DLOPEN: u32 = 0x407c_0c0a;
/// One note of this kind holds a few hundred bytes.
const MAX_NOTE: u64 = 64 * 1024;
const MAX_NOTES: u32 = 4096;

#[derive(Deserialize)]
struct Json {
    soname: Vec<String>,
    feature: Option<String>,
    description: Option<String>,
    priority: Option<String>,
}

/// Reads the notes of one `PT_NOTE` segment and adds its dlopen entries.
pub(super) fn read(
    image: &mut Image<'_>,
    segment: Segment,
    found: &mut Vec<DlopenNote>,
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
        if kind == NOTE_DLOPEN && name_size == OWNER.len() as u64 {
            let mut owner = [0; 4];
            image.pages.read(name_at, &mut owner)?;
            if owner == OWNER {
                if size > MAX_NOTE {
                    return Err(broken("a dlopen note of over 65536 bytes"));
                }
                let mut content = vec![0; size as usize];
                image.pages.read(content_at, &mut content)?;
                found.extend(parse(&content)?);
            }
        }
        // Some segments align their notes to 8 bytes; those hold only property notes, whose sizes are multiples of 8.
        at = add(content_at, size.next_multiple_of(4))?;
    }
    Ok(())
}

fn parse(content: &[u8]) -> io::Result<Vec<DlopenNote>> {
    let end = content
        .iter()
        .position(|b| *b == 0)
        .unwrap_or(content.len());
    let entries: Vec<Json> = serde_json::from_slice(&content[..end])
        .map_err(|_| broken("a dlopen note that is not the JSON that it should be"))?;
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
