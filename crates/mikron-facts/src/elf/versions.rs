//! The tables of required and defined symbol versions (LSB core, "Symbol Versioning").

use std::collections::HashMap;
use std::io;

use super::tags::Strings;
use super::{Image, add, broken};
use crate::{NeededVersions, VersionNeed};

const VER_FLG_BASE: u16 = 1;
const VER_FLG_WEAK: u16 = 2;

/// A cap far above what any real library has; it bounds the time that a crafted file can take.
const MAX_VERSIONS: u64 = 65_536;

/// Names of versions by the index that `DT_VERSYM` has for them.
pub(super) type VersionNames = HashMap<u16, String>;

/// `Elf_Verneed` and `Elf_Vernaux` have one layout for both word sizes.
pub(super) fn version_needs(
    image: &mut Image<'_>,
    strings: Strings,
    mut at: u64,
    count: u64,
    indexes: &mut VersionNames,
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
            let index = image.u16(add(aux, 6)?)?;
            let name = image.u32(add(aux, 8)?)?;
            let step = image.u32(add(aux, 12)?)?;
            let name = strings.get(image, u64::from(name))?;
            indexes.insert(index, name.clone());
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

pub(super) fn version_definitions(
    image: &mut Image<'_>,
    strings: Strings,
    mut at: u64,
    count: u64,
    indexes: &mut VersionNames,
) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for _ in 0..count.min(MAX_VERSIONS) {
        let flags = image.u16(add(at, 2)?)?;
        let index = image.u16(add(at, 4)?)?;
        let aux_count = image.u16(add(at, 6)?)?;
        let aux = add(at, u64::from(image.u32(add(at, 12)?)?))?;
        let next = image.u32(add(at, 16)?)?;
        // The first auxiliary entry is the version itself, later ones are its parents.
        if flags & VER_FLG_BASE == 0 && aux_count > 0 {
            let name = image.u32(aux)?;
            let name = strings.get(image, u64::from(name))?;
            indexes.insert(index, name.clone());
            names.push(name);
        }
        if next == 0 {
            break;
        }
        at = add(at, u64::from(next))?;
    }
    Ok(names)
}
