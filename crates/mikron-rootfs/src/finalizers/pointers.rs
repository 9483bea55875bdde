//! Tables of a shared library that hold addresses: what a program would find there once it has loaded the library.

use std::collections::BTreeMap;

/// Longest text that is read, in bytes.
const MAX_TEXT: usize = 256;

/// A shared library of 64 bits, little-endian (System V gABI, chapters 4 and 5), with the addresses that relocation puts into it.
pub(super) struct Pointers<'a> {
    bytes: &'a [u8],
    /// Where segments lie: address, length, offset in the file.
    segments: Vec<(u64, u64, u64)>,
    /// Addresses by the place where they are put.
    relative: BTreeMap<u64, u64>,
    /// Table of symbols and table of their names, as addresses.
    symbols: (u64, u64),
}

const HEADER: usize = 64;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

impl<'a> Pointers<'a> {
    /// `None` where the bytes are no such library.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        // The magic, 64 bits, little-endian.
        if bytes.len() < HEADER || !bytes.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let table = usize::try_from(word(bytes, 32)?).ok()?;
        let count = usize::from(u16::from_le_bytes([bytes[56], bytes[57]]));
        let mut library = Self {
            bytes,
            segments: Vec::new(),
            relative: BTreeMap::new(),
            symbols: (0, 0),
        };
        let mut dynamic = &bytes[..0];
        for header in bytes.get(table..)?.chunks_exact(56).take(count) {
            let (offset, address, size) = (word(header, 8)?, word(header, 16)?, word(header, 32)?);
            match half(header, 0)? {
                PT_LOAD => library.segments.push((address, size, offset)),
                PT_DYNAMIC => {
                    let start = usize::try_from(offset).ok()?;
                    let end = start.checked_add(usize::try_from(size).ok()?)?;
                    dynamic = bytes.get(start..end)?;
                }
                _ => {}
            }
        }
        let value = |tag: u64| {
            let mut entries = dynamic.chunks_exact(16);
            entries
                .find(|entry| word(entry, 0) == Some(tag))
                .and_then(|entry| word(entry, 8))
        };
        library.symbols = (value(DT_SYMTAB)?, value(DT_STRTAB)?);
        if let (Some(rela), Some(size)) = (value(DT_RELA), value(DT_RELASZ)) {
            let table = library.at(rela)?;
            let table = table.get(..usize::try_from(size).ok()?)?;
            for entry in table.chunks_exact(24) {
                let (place, addend) = (word(entry, 0)?, word(entry, 16)?);
                // A relocation without a symbol puts an address of the library itself, one with a symbol that of the symbol, if the
                // library has it.
                let base = match word(entry, 8)? >> 32 {
                    0 => Some(0),
                    symbol => library.defined(symbol),
                };
                if let Some(base) = base {
                    library.relative.insert(place, base.wrapping_add(addend));
                }
            }
        }
        Some(library)
    }

    /// The bytes from an address on, to the end of the segment.
    fn at(&self, address: u64) -> Option<&'a [u8]> {
        let (start, size, offset) = *self.segments.iter().find(|(start, size, _)| {
            address
                .checked_sub(*start)
                .is_some_and(|inside| inside < *size)
        })?;
        let inside = address - start;
        let from = usize::try_from(offset.checked_add(inside)?).ok()?;
        let length = usize::try_from(size - inside).ok()?;
        self.bytes.get(from..from.checked_add(length)?)
    }

    /// The address of a symbol by its number.
    fn defined(&self, number: u64) -> Option<u64> {
        let entry = self.symbols.0.checked_add(number.checked_mul(24)?)?;
        let value = word(self.at(entry)?, 8)?;
        (value != 0).then_some(value)
    }

    /// The address of the first symbol whose name fits.
    pub(super) fn symbol(&self, fits: impl Fn(&str) -> bool) -> Option<u64> {
        let (symbols, names) = self.symbols;
        // The gABI tells their number nowhere but in hash tables; every linker puts the names behind them.
        let size = usize::try_from(names.checked_sub(symbols)?).ok()?;
        let table = self.at(symbols)?.get(..size)?;
        let mut entries = table.chunks_exact(24);
        entries.find_map(|entry| {
            let name = self.text(names.checked_add(u64::from(half(entry, 0)?))?)?;
            let value = word(entry, 8)?;
            (value != 0 && fits(&name)).then_some(value)
        })
    }

    /// The address that stands at an address; `None` where it is null.
    pub(super) fn pointer(&self, at: u64) -> Option<u64> {
        self.relative.get(&at).copied()
    }

    /// The number (an `int` of C) at an address.
    pub(super) fn number(&self, at: u64) -> Option<i32> {
        half(self.at(at)?, 0).map(u32::cast_signed)
    }

    /// The text at an address: printable ASCII without space, up to a NUL.
    pub(super) fn text(&self, at: u64) -> Option<String> {
        let bytes = self.at(at)?;
        let bytes = &bytes[..bytes.len().min(MAX_TEXT)];
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let text = std::str::from_utf8(&bytes[..end]).ok()?;
        text.bytes()
            .all(|byte| byte.is_ascii_graphic())
            .then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A library with one segment that is the file itself, a table of symbols, names, and a relocation at 0x300.
    fn library() -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, b"\x7fELF\x02\x01");
        put(32, &64_u64.to_le_bytes());
        put(56, &2_u16.to_le_bytes());
        for (at, kind, offset, size) in [
            (64, PT_LOAD, 0_u64, 0x400_u64),
            (120, PT_DYNAMIC, 0x100, 64),
        ] {
            put(at, &kind.to_le_bytes());
            put(at + 8, &offset.to_le_bytes());
            put(at + 16, &offset.to_le_bytes());
            put(at + 32, &size.to_le_bytes());
        }
        let dynamic = [
            (DT_SYMTAB, 0x180_u64),
            (DT_STRTAB, 0x1b0),
            (DT_RELA, 0x200),
            (DT_RELASZ, 24),
        ];
        for (number, (tag, value)) in dynamic.into_iter().enumerate() {
            put(0x100 + number * 16, &tag.to_le_bytes());
            put(0x108 + number * 16, &value.to_le_bytes());
        }
        put(0x198, &1_u32.to_le_bytes());
        put(0x1a0, &0x300_u64.to_le_bytes());
        put(0x1b0, b"\0table\0");
        put(0x200, &0x300_u64.to_le_bytes());
        put(0x208, &8_u64.to_le_bytes());
        put(0x210, &0x310_u64.to_le_bytes());
        put(0x310, b"word\0");
        bytes
    }

    #[test]
    fn a_table_is_followed_from_its_symbol_to_its_texts() {
        let bytes = library();
        let library = Pointers::read(&bytes).expect("a library");
        let table = library.symbol(|name| name == "table").expect("the symbol");
        let text = library.pointer(table).and_then(|at| library.text(at));
        assert_eq!(text.as_deref(), Some("word"));
        assert_eq!(library.pointer(table + 8), None);
        assert_eq!(library.symbol(|name| name == "other"), None);
    }

    #[test]
    fn an_address_by_a_symbol_is_that_of_the_symbol() {
        let mut bytes = library();
        bytes[0x20c] = 1;
        bytes[0x210..0x218].copy_from_slice(&0x10_u64.to_le_bytes());
        let library = Pointers::read(&bytes).expect("a library");
        assert_eq!(library.pointer(0x300), Some(0x310));
    }

    #[test]
    fn damage_is_no_panic() {
        let whole = library();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xFF;
            let look = |bytes: &[u8]| {
                let library = Pointers::read(bytes)?;
                let table = library.symbol(|_| true)?;
                library.number(table)?;
                library.text(library.pointer(table)?)
            };
            look(&bytes);
            look(&whole[..at]);
        }
    }
}
