//! Typelibs: what GObject introspection (`gi.require_version("Gtk", "3.0")`) reads to know a library, and by what name it loads
//! that.

use crate::Words;
use crate::facts::word_hash;

/// How a typelib begins (`G_IR_MAGIC` of gitypelib-internal.h).
const MAGIC: &[u8] = b"GOBJ\nMETADATA\r\n\x1a";

/// Where the header says at which offset the names of its libraries stand (`Header.shared_library`): 32 bits in the machine's order.
const SHARED_LIBRARY: usize = 52;

/// The libraries that a typelib describes, by their sonames; `None` where it is none or describes constants alone.
pub(super) fn libraries(head: &[u8]) -> Option<Words> {
    if !head.starts_with(MAGIC) {
        return None;
    }
    let field = head.get(SHARED_LIBRARY..SHARED_LIBRARY + 4)?;
    let little = u32::from_le_bytes(field.try_into().ok()?);
    let big = u32::from_be_bytes(field.try_into().ok()?);
    // An offset of the wrong order lies beyond the file for all but the largest.
    let text = [little, big].into_iter().find_map(|offset| {
        let rest = head.get(usize::try_from(offset).ok().filter(|at| *at > 0)?..)?;
        let end = rest.iter().take(4096).position(|byte| *byte == 0)?;
        Some(&rest[..end])
    })?;
    let names = text
        .split(|byte| *byte == b',')
        .filter(|name| !name.is_empty());
    let hashes: Vec<u32> = names.map(word_hash).collect();
    (!hashes.is_empty()).then(|| Words::of_hashes(hashes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typelib(offset: [u8; 4], text: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.resize(SHARED_LIBRARY, 0);
        bytes.extend(offset);
        bytes.resize(64, 0);
        bytes.extend(text);
        bytes
    }

    #[test]
    fn a_typelib_names_its_libraries_in_either_order_of_bytes() {
        for offset in [64_u32.to_le_bytes(), 64_u32.to_be_bytes()] {
            let found = libraries(&typelib(offset, b"libgtk-3.so.0,libgdk-3.so.0\0rest"));
            let found = found.expect("it has libraries");
            assert_eq!(found.len(), 2);
            assert!(found.contains("libgtk-3.so.0") && found.contains("libgdk-3.so.0"));
        }
    }

    #[test]
    fn what_is_damaged_or_has_no_library_names_none() {
        let far = typelib(u32::MAX.to_le_bytes(), b"libx.so\0");
        let open = typelib(64_u32.to_le_bytes(), b"libx.so");
        let none = typelib([0; 4], b"libx.so\0");
        for bytes in [&far[..], &open, &none, MAGIC, b"GOBJ", b""] {
            assert!(libraries(bytes).is_none());
        }
    }
}
