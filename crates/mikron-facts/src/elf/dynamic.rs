//! The dynamic section and the tables that it names.

use std::io;

use super::symbols::Table;
use super::tags::{Strings, Tags};
use super::versions::{VersionNames, version_definitions, version_needs};
use super::{Image, Segment, add};
use crate::{ElfFacts, ElfKind};

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
const DT_AUXILIARY: u64 = 0x7fff_fffd;
const DT_FILTER: u64 = 0x7fff_ffff;

const DF_BIND_NOW: u64 = 8;
const DF_1_NOW: u64 = 1;
const DF_1_NODEFLIB: u64 = 0x800;
const DF_1_PIE: u64 = 0x0800_0000;

/// A cap far above what any real library has; it bounds the time that a crafted file can take.
const MAX_DYNAMIC: u64 = 65_536;

/// Reads the dynamic section in `segment` into `facts`, whose interpreter is known already.
pub(super) fn read(
    image: &mut Image<'_>,
    segment: Segment,
    facts: &mut ElfFacts,
) -> io::Result<()> {
    facts.dynamic = true;
    let tags = read_tags(image, segment, facts)?;
    let shared = facts.kind == ElfKind::Shared;
    if shared && (tags.pie || (facts.interpreter.is_some() && tags.soname.is_none())) {
        facts.kind = ElfKind::PositionIndependent;
    }
    let Some(strings) = tags.strings else {
        // A static-pie file has a dynamic section and may lack all names.
        return Ok(());
    };
    let strings = Strings {
        offset: image.offset_of(strings)?,
        size: tags.strings_size,
    };
    let mut names = |all: &[u64]| -> io::Result<Vec<String>> {
        all.iter().map(|at| strings.get(image, *at)).collect()
    };
    facts.needed = names(&tags.needed)?;
    facts.filters = names(&tags.filters)?;
    facts.auxiliaries = names(&tags.auxiliaries)?;
    let mut name = |at: Option<u64>| at.map(|at| strings.get(image, at)).transpose();
    facts.soname = name(tags.soname)?;
    facts.rpath = split(name(tags.rpath)?);
    facts.runpath = split(name(tags.runpath)?);
    let mut names = VersionNames::default();
    if let Some(needs) = tags.needs {
        let at = image.offset_of(needs)?;
        facts.version_needs = version_needs(image, strings, at, tags.needs_count, &mut names)?;
    }
    if let Some(definitions) = tags.definitions {
        let at = image.offset_of(definitions)?;
        let count = tags.definitions_count;
        facts.version_definitions = version_definitions(image, strings, at, count, &mut names)?;
    }
    if let Some(table) = Table::open(image, &tags, strings)? {
        let record = facts.is_executable() && facts.binds_at_once();
        let undefined = table.undefined(image, &names, record)?;
        facts.imports = undefined.imports;
        facts.unresolved = undefined.unresolved;
        if facts.kind == ElfKind::Shared {
            facts.exports = table.exports(image, &names)?;
        }
    }
    Ok(())
}

fn read_tags(image: &mut Image<'_>, segment: Segment, facts: &mut ElfFacts) -> io::Result<Tags> {
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
            DT_FILTER => tags.filters.push(value),
            DT_AUXILIARY => tags.auxiliaries.push(value),
            DT_SONAME => tags.soname = Some(value),
            DT_RPATH => tags.rpath = Some(value),
            DT_RUNPATH => tags.runpath = Some(value),
            DT_STRTAB => tags.strings = Some(value),
            DT_STRSZ => tags.strings_size = value,
            DT_SYMTAB => tags.symbols = Some(value),
            DT_HASH => tags.hash = Some(value),
            DT_GNU_HASH => tags.gnu_hash = Some(value),
            DT_VERSYM => tags.versions = Some(value),
            DT_VERNEED => tags.needs = Some(value),
            DT_VERNEEDNUM => tags.needs_count = value,
            DT_VERDEF => tags.definitions = Some(value),
            DT_VERDEFNUM => tags.definitions_count = value,
            DT_BIND_NOW => facts.bind_now = true,
            DT_FLAGS => facts.bind_now |= value & DF_BIND_NOW != 0,
            DT_FLAGS_1 => {
                facts.bind_now |= value & DF_1_NOW != 0;
                facts.no_default_dirs |= value & DF_1_NODEFLIB != 0;
                tags.pie |= value & DF_1_PIE != 0;
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
