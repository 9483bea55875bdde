//! The dynamic symbol table: what a file defines, and what it wants of others.

use std::io;

use super::tags::{Strings, Tags};
use super::versions::VersionNames;
use super::{Image, add, broken, text};
use crate::facts::{SymbolHash, word};
use crate::{ElfClass, Endianness, Exports, ImportedSymbol, Symbols, Unresolved};

const STB_GLOBAL: u8 = 1;
const STB_WEAK: u8 = 2;
const STB_GNU_UNIQUE: u8 = 10;
const STT_SECTION: u8 = 3;
const STT_FILE: u8 = 4;
/// `DT_VERSYM`: found by its version alone.
const HIDDEN: u16 = 0x8000;
/// The first index of `DT_VERSYM` that is no base: 0 is local, 1 the base, 2 the oldest version of a library.
const FIRST_LATER: u16 = 3;

/// Caps far above what any real library has; they bound the time and memory that a crafted file can take.
const MAX_SYMBOLS: u64 = 4_000_000;
const MAX_DEFINED: u64 = 1_000_000;
const MAX_UNRESOLVED: usize = 65_536;
const MAX_NAMES: u64 = 256 * 1024 * 1024;
const LONGEST_NAME: usize = 64 * 1024;

/// Where the table lies.
pub(super) struct Table {
    offset: u64,
    strings: Strings,
    /// `DT_VERSYM`.
    versions: Option<u64>,
    /// How many symbols there are, undefined ones included.
    all: u64,
}

/// What stands in the table of undefined symbols.
pub(super) struct Undefined {
    /// Those that rules ask for, in order of name.
    pub(super) imports: Vec<ImportedSymbol>,
    pub(super) unresolved: Unresolved,
}

#[derive(Clone, Copy)]
struct Symbol {
    name: u64,
    binding: u8,
    kind: u8,
    section: u16,
}

impl Table {
    pub(super) fn open(
        image: &mut Image<'_>,
        tags: &Tags,
        strings: Strings,
    ) -> io::Result<Option<Self>> {
        let Some(symbols) = tags.symbols else {
            return Ok(None);
        };
        let versions = tags.versions.map(|at| image.offset_of(at)).transpose()?;
        let mut all = 1;
        if let Some(hash) = tags.gnu_hash {
            all = gnu_hash(image, hash)?;
        }
        // Without any defined symbol GNU ld writes an empty table, whatever undefined symbols there are.
        if all <= 1 {
            all = if let Some(hash) = tags.hash {
                let at = image.offset_of(hash)?;
                u64::from(image.u32(add(at, 4)?)?)
            } else {
                // There may be neither table: the symbols can only reach up to the next one.
                let next = tags.tables.iter().filter(|at| **at > symbols).min();
                next.map_or(0, |next| (next - symbols) / size(image))
            };
        }
        Ok(Some(Self {
            offset: image.offset_of(symbols)?,
            strings,
            versions,
            all: all.min(MAX_SYMBOLS),
        }))
    }

    fn symbol(&self, image: &mut Image<'_>, index: u64) -> io::Result<Symbol> {
        let size = size(image);
        let mut bytes = [0; 24];
        let at = add(self.offset, index * size)?;
        image.pages.read(at, &mut bytes[..size as usize])?;
        let little = image.endianness == Endianness::Little;
        let name = [bytes[0], bytes[1], bytes[2], bytes[3]];
        // st_info and st_shndx stand in another place in the narrow layout.
        let (info, section) = if size == 24 { (4, 6) } else { (12, 14) };
        let section = [bytes[section], bytes[section + 1]];
        Ok(Symbol {
            name: u64::from(if little {
                u32::from_le_bytes(name)
            } else {
                u32::from_be_bytes(name)
            }),
            binding: bytes[info] >> 4,
            kind: bytes[info] & 15,
            section: if little {
                u16::from_le_bytes(section)
            } else {
                u16::from_be_bytes(section)
            },
        })
    }

    fn version(&self, image: &mut Image<'_>, index: u64) -> io::Result<u16> {
        match self.versions {
            Some(table) => image.u16(add(table, 2 * index)?),
            None => Ok(1),
        }
    }

    /// Reads the undefined symbols: those that rules ask for, and with `record` all that have to be found.
    pub(super) fn undefined(
        &self,
        image: &mut Image<'_>,
        versions: &VersionNames,
        record: bool,
    ) -> io::Result<Undefined> {
        let mut imports = Vec::new();
        let mut unresolved = Unresolved::default();
        let mut recorded = 0;
        let longest = if record { 4096 } else { Symbols::LONGEST };
        // Not all of them stand before the defined ones: a function whose address a program takes is hashed, too.
        for index in 1..self.all {
            let symbol = self.symbol(image, index)?;
            if symbol.section != 0 {
                continue;
            }
            if symbol.name >= self.strings.size {
                break;
            }
            let at = add(self.strings.offset, symbol.name)?;
            let Some(name) = image.pages.read_string(at, longest)? else {
                continue;
            };
            let weak = symbol.binding == STB_WEAK;
            if image.symbols.contains(&name) {
                let name = text(&name)?;
                imports.push(ImportedSymbol { name, weak });
            }
            if record && symbol.binding == STB_GLOBAL && recorded < MAX_UNRESOLVED {
                let version = self.version(image, index)? & !HIDDEN;
                let version = versions.get(&version).map(String::as_str);
                unresolved.push(&String::from_utf8_lossy(&name), version);
                recorded += 1;
            }
        }
        imports.sort_unstable();
        imports.dedup();
        Ok(Undefined {
            imports,
            unresolved,
        })
    }

    /// Reads the defined symbols; `None` when there are over a million.
    pub(super) fn exports(
        &self,
        image: &mut Image<'_>,
        versions: &VersionNames,
    ) -> io::Result<Option<Exports>> {
        let mut found: Vec<(u64, u16)> = Vec::new();
        if self.all > MAX_DEFINED {
            return Ok(None);
        }
        // Two tables in turn would push each other out of the cache of pages.
        let mut versions_of = vec![0; 2 * self.all as usize];
        if let Some(table) = self.versions {
            image.pages.read(table, &mut versions_of)?;
        }
        let (versions_of, _) = versions_of.as_chunks::<2>();
        for index in 1..self.all {
            let symbol = self.symbol(image, index)?;
            let bound = matches!(symbol.binding, STB_GLOBAL | STB_WEAK | STB_GNU_UNIQUE);
            let named = !matches!(symbol.kind, STT_SECTION | STT_FILE);
            if symbol.section != 0 && bound && named && symbol.name < self.strings.size {
                let version = versions_of[index as usize];
                found.push((
                    symbol.name,
                    match image.endianness {
                        _ if self.versions.is_none() => 1,
                        Endianness::Little => u16::from_le_bytes(version),
                        Endianness::Big => u16::from_be_bytes(version),
                    },
                ));
            }
        }
        // The hash table orders symbols anyhow; by the place of their names the strings are read from front to back.
        found.sort_unstable();
        let mut words = Vec::with_capacity(found.len());
        let mut last = None;
        let mut budget = MAX_NAMES;
        for (name, version) in found {
            let hash = match last {
                Some((at, hash)) if at == name => hash,
                _ => {
                    let mut hash = SymbolHash::new();
                    let at = add(self.strings.offset, name)?;
                    let limit = (self.strings.size - name).min(LONGEST_NAME as u64) as usize;
                    let mut hashed = 0;
                    let whole = image.pages.each_piece(at, limit, &mut |piece| {
                        hash.update(piece);
                        hashed += piece.len() as u64;
                    })?;
                    budget = budget
                        .checked_sub(hashed)
                        .ok_or_else(|| broken("over 256 MiB of symbol names"))?;
                    if !whole {
                        continue;
                    }
                    hash
                }
            };
            last = Some((name, hash));
            let index = version & !HIDDEN;
            if self.versions.is_some() && index == 0 {
                // VER_NDX_LOCAL: not for others.
                continue;
            }
            let hidden = version & HIDDEN != 0 && index >= FIRST_LATER;
            let version = versions.get(&index).map(String::as_str);
            words.push(word(hash, version, hidden));
        }
        Ok(Some(Exports::from_words(words)))
    }
}

/// The size of a symbol.
fn size(image: &Image<'_>) -> u64 {
    match image.class {
        ElfClass::Elf64 => 24,
        ElfClass::Elf32 => 16,
    }
}

/// `DT_GNU_HASH`: how many symbols there are in all. The chain of the highest bucket ends the table.
fn gnu_hash(image: &mut Image<'_>, address: u64) -> io::Result<u64> {
    let at = image.offset_of(address)?;
    let buckets = u64::from(image.u32(at)?);
    let first = u64::from(image.u32(add(at, 4)?)?);
    let bloom = u64::from(image.u32(add(at, 8)?)?);
    if buckets > MAX_SYMBOLS || bloom > MAX_SYMBOLS {
        return Err(broken("a hash table of over 4000000 buckets"));
    }
    let buckets_at = add(at, 16 + bloom * image.word_size())?;
    let mut last = 0;
    for i in 0..buckets {
        last = last.max(u64::from(image.u32(add(buckets_at, 4 * i)?)?));
    }
    if last < first {
        return Ok(first);
    }
    let chains = add(buckets_at, 4 * buckets)?;
    while last < MAX_SYMBOLS {
        let chain = image.u32(add(chains, 4 * (last - first))?)?;
        last += 1;
        if chain & 1 == 1 {
            break;
        }
    }
    Ok(last)
}
