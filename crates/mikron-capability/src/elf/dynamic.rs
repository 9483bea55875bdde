//! The dynamic section and the tables that it names.

use std::io;

use super::{Image, Segment, add, broken, text};
use crate::rules::{LONGEST, is_recorded};
use crate::{ElfClass, ImportedSymbol, NeededVersions, VersionNeed};

const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_RELA: u64 = 7;
const DT_STRSZ: u64 = 10;
const DT_INIT: u64 = 12;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_REL: u64 = 17;
const DT_JMPREL: u64 = 23;
const DT_BIND_NOW: u64 = 24;
const DT_RUNPATH: u64 = 29;
const DT_FLAGS: u64 = 30;
const DT_RELR: u64 = 36;
const DT_VERSYM: u64 = 0x6fff_fff0;
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const DT_FLAGS_1: u64 = 0x6fff_fffb;
const DT_VERDEF: u64 = 0x6fff_fffc;
const DT_VERDEFNUM: u64 = 0x6fff_fffd;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;

const DF_BIND_NOW: u64 = 8;
const DF_1_NOW: u64 = 1;
const DF_1_PIE: u64 = 0x0800_0000;
const VER_FLG_BASE: u16 = 1;
const VER_FLG_WEAK: u16 = 2;
const STB_WEAK: u8 = 2;

/// Caps far above what any real library has; they bound the time that a crafted file can take.
const MAX_DYNAMIC: u64 = 65_536;
const MAX_VERSIONS: u64 = 65_536;
const MAX_SYMBOLS: u64 = 4_000_000;

/// What the dynamic section says.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    pub(super) present: bool,
    pub(super) pie: bool,
    pub(super) bind_now: bool,
    pub(super) soname: Option<String>,
    pub(super) needed: Vec<String>,
    pub(super) rpath: Vec<String>,
    pub(super) runpath: Vec<String>,
    pub(super) version_needs: Vec<NeededVersions>,
    pub(super) version_definitions: Vec<String>,
    pub(super) imports: Vec<ImportedSymbol>,
}

/// The string table.
#[derive(Clone, Copy)]
struct Strings {
    offset: u64,
    size: u64,
}

impl Strings {
    fn get(self, image: &mut Image<'_>, at: u64) -> io::Result<String> {
        if at >= self.size {
            return Err(broken("a name beyond the string table"));
        }
        let limit = (self.size - at).min(4097) as usize;
        match image.pages.read_string(add(self.offset, at)?, limit)? {
            Some(bytes) => text(&bytes),
            None => Err(broken("a name without an end")),
        }
    }
}

#[derive(Default)]
struct Tags {
    needed: Vec<u64>,
    soname: Option<u64>,
    rpath: Option<u64>,
    runpath: Option<u64>,
    strings: Option<u64>,
    strings_size: u64,
    symbols: Option<u64>,
    hash: Option<u64>,
    gnu_hash: Option<u64>,
    needs: Option<u64>,
    needs_count: u64,
    definitions: Option<u64>,
    definitions_count: u64,
    /// Addresses of all tables: none reaches into the next.
    tables: Vec<u64>,
}

/// Reads the dynamic section in `segment`.
pub(super) fn read(image: &mut Image<'_>, segment: Segment) -> io::Result<Dynamic> {
    let mut dynamic = Dynamic {
        present: true,
        ..Dynamic::default()
    };
    let tags = read_tags(image, segment, &mut dynamic)?;
    let Some(strings) = tags.strings else {
        // A static-pie file has a dynamic section and may lack all names.
        return Ok(dynamic);
    };
    let strings = Strings {
        offset: image.offset_of(strings)?,
        size: tags.strings_size,
    };
    for at in tags.needed.iter().copied() {
        let name = strings.get(image, at)?;
        dynamic.needed.push(name);
    }
    let mut name = |at: Option<u64>| at.map(|at| strings.get(image, at)).transpose();
    dynamic.soname = name(tags.soname)?;
    dynamic.rpath = split(name(tags.rpath)?);
    dynamic.runpath = split(name(tags.runpath)?);
    if let Some(needs) = tags.needs {
        let at = image.offset_of(needs)?;
        dynamic.version_needs = version_needs(image, strings, at, tags.needs_count)?;
    }
    if let Some(definitions) = tags.definitions {
        let at = image.offset_of(definitions)?;
        dynamic.version_definitions =
            version_definitions(image, strings, at, tags.definitions_count)?;
    }
    if let Some(symbols) = tags.symbols {
        let size = if image.class == ElfClass::Elf64 {
            24
        } else {
            16
        };
        let at = image.offset_of(symbols)?;
        let count = symbol_count(image, &tags, symbols, size)?;
        dynamic.imports = imports(image, strings, at, count)?;
    }
    Ok(dynamic)
}

fn read_tags(image: &mut Image<'_>, segment: Segment, dynamic: &mut Dynamic) -> io::Result<Tags> {
    let mut tags = Tags::default();
    let word = image.word_size();
    for i in 0..(segment.file_size / (2 * word)).min(MAX_DYNAMIC) {
        let at = add(segment.offset, i * 2 * word)?;
        let tag = image.word(at)?;
        let value = image.word(add(at, word)?)?;
        if matches!(
            tag,
            DT_STRTAB | DT_HASH | DT_GNU_HASH | DT_VERSYM | DT_VERNEED | DT_VERDEF
        ) || matches!(tag, DT_RELA | DT_REL | DT_JMPREL | DT_RELR | DT_INIT)
        {
            tags.tables.push(value);
        }
        match tag {
            DT_NULL => break,
            DT_NEEDED => tags.needed.push(value),
            DT_SONAME => tags.soname = Some(value),
            DT_RPATH => tags.rpath = Some(value),
            DT_RUNPATH => tags.runpath = Some(value),
            DT_STRTAB => tags.strings = Some(value),
            DT_STRSZ => tags.strings_size = value,
            DT_SYMTAB => tags.symbols = Some(value),
            DT_HASH => tags.hash = Some(value),
            DT_GNU_HASH => tags.gnu_hash = Some(value),
            DT_VERNEED => tags.needs = Some(value),
            DT_VERNEEDNUM => tags.needs_count = value,
            DT_VERDEF => tags.definitions = Some(value),
            DT_VERDEFNUM => tags.definitions_count = value,
            DT_BIND_NOW => dynamic.bind_now = true,
            DT_FLAGS => dynamic.bind_now |= value & DF_BIND_NOW != 0,
            DT_FLAGS_1 => {
                dynamic.bind_now |= value & DF_1_NOW != 0;
                dynamic.pie |= value & DF_1_PIE != 0;
            }
            _ => {}
        }
    }
    Ok(tags)
}

fn split(paths: Option<String>) -> Vec<String> {
    // An empty element is the current directory (ld.so(8)); an image has no such notion.
    let paths = paths.unwrap_or_default();
    paths
        .split([':', ';'])
        .filter(|p| !p.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `Elf_Verneed` and `Elf_Vernaux` have one layout for both word sizes.
fn version_needs(
    image: &mut Image<'_>,
    strings: Strings,
    mut at: u64,
    count: u64,
) -> io::Result<Vec<NeededVersions>> {
    let mut needs = Vec::new();
    let mut budget = MAX_VERSIONS;
    for _ in 0..count.min(MAX_VERSIONS) {
        let aux_count = image.u16(add(at, 2)?)?;
        let file = image.u32(add(at, 4)?)?;
        let mut aux = add(at, u64::from(image.u32(add(at, 8)?)?))?;
        let next = image.u32(add(at, 12)?)?;
        let mut versions = Vec::new();
        for _ in 0..aux_count {
            budget = budget
                .checked_sub(1)
                .ok_or_else(|| broken("over 65536 symbol versions"))?;
            let flags = image.u16(add(aux, 4)?)?;
            let name = image.u32(add(aux, 8)?)?;
            let step = image.u32(add(aux, 12)?)?;
            let name = strings.get(image, u64::from(name))?;
            versions.push(VersionNeed {
                name,
                weak: flags & VER_FLG_WEAK != 0,
            });
            if step == 0 {
                break;
            }
            aux = add(aux, u64::from(step))?;
        }
        needs.push(NeededVersions {
            library: strings.get(image, u64::from(file))?,
            versions,
        });
        if next == 0 {
            break;
        }
        at = add(at, u64::from(next))?;
    }
    Ok(needs)
}

fn version_definitions(
    image: &mut Image<'_>,
    strings: Strings,
    mut at: u64,
    count: u64,
) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for _ in 0..count.min(MAX_VERSIONS) {
        let flags = image.u16(add(at, 2)?)?;
        let aux_count = image.u16(add(at, 6)?)?;
        let aux = add(at, u64::from(image.u32(add(at, 12)?)?))?;
        let next = image.u32(add(at, 16)?)?;
        // The first auxiliary entry is the version itself, later ones are its parents.
        if flags & VER_FLG_BASE == 0 && aux_count > 0 {
            let name = image.u32(aux)?;
            names.push(strings.get(image, u64::from(name))?);
        }
        if next == 0 {
            break;
        }
        at = add(at, u64::from(next))?;
    }
    Ok(names)
}

/// How many symbols at the front of the table can be undefined. `DT_GNU_HASH` sorts undefined symbols before all defined ones
/// and says where those begin; `DT_HASH` says how many there are in all. An executable that defines none has neither: its table
/// can only reach up to the next one.
fn symbol_count(image: &mut Image<'_>, tags: &Tags, symbols: u64, size: u64) -> io::Result<u64> {
    if let Some(table) = tags.gnu_hash {
        let at = image.offset_of(table)?;
        let first_defined = image.u32(add(at, 4)?)?;
        // Without any defined symbol GNU ld writes 1 here, whatever stands before.
        if first_defined > 1 {
            return Ok(u64::from(first_defined).min(MAX_SYMBOLS));
        }
    }
    if let Some(table) = tags.hash {
        let at = image.offset_of(table)?;
        return Ok(u64::from(image.u32(add(at, 4)?)?).min(MAX_SYMBOLS));
    }
    let next = tags
        .tables
        .iter()
        .filter(|address| **address > symbols)
        .min();
    Ok(next
        .map_or(0, |next| (next - symbols) / size)
        .min(MAX_SYMBOLS))
}

fn imports(
    image: &mut Image<'_>,
    strings: Strings,
    table: u64,
    count: u64,
) -> io::Result<Vec<ImportedSymbol>> {
    let wide = image.class == ElfClass::Elf64;
    let size = if wide { 24 } else { 16 };
    let mut found = Vec::new();
    for i in 1..count {
        let at = add(table, i * size)?;
        let (info_at, section_at) = if wide { (4, 6) } else { (12, 14) };
        if image.u16(add(at, section_at)?)? != 0 {
            continue;
        }
        let name_at = u64::from(image.u32(at)?);
        if name_at >= strings.size {
            break;
        }
        let Some(name) = image
            .pages
            .read_string(add(strings.offset, name_at)?, LONGEST)?
        else {
            continue;
        };
        if is_recorded(&name) {
            let mut info = [0];
            image.pages.read(add(at, info_at)?, &mut info)?;
            found.push(ImportedSymbol {
                name: text(&name)?,
                weak: info[0] >> 4 == STB_WEAK,
            });
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
