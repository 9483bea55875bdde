//! Facts of an ELF file against what readelf says of it.

use std::collections::BTreeSet;

use mikron_facts::{ElfClass, ElfFacts, ElfKind, SymbolKey};
use mikron_testkit::readelf::ReadElf;

/// Everything in which facts differ from what readelf says; `recorded` are the symbols that facts keep as imports.
pub(crate) fn differences(facts: &ElfFacts, said: &ReadElf, recorded: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            found.push(format!("{what}: {ours} against {theirs}"));
        }
    };
    let class = match facts.class {
        ElfClass::Elf32 => "ELF32",
        ElfClass::Elf64 => "ELF64",
    };
    compare("class", class.to_owned(), said.class.clone());
    macro_rules! same {
        ($($field:ident),*) => {
            $(compare(stringify!($field), format!("{:?}", facts.$field), format!("{:?}", said.$field));)*
        };
    }
    same!(
        flags,
        interpreter,
        dynamic,
        soname,
        needed,
        filters,
        auxiliaries,
        rpath,
        runpath,
        bind_now,
        no_default_dirs
    );
    compare(
        "definitions",
        format!("{:?}", facts.version_definitions),
        format!("{:?}", said.definitions),
    );
    let mut needs = std::collections::BTreeMap::new();
    for need in &facts.version_needs {
        let names = need.versions.iter().map(|version| version.name.clone());
        needs
            .entry(need.library.clone())
            .or_insert_with(Vec::new)
            .extend(names);
    }
    compare("needs", format!("{needs:?}"), format!("{:?}", said.needs));
    // Object files have sections alone, and facts come from segments.
    let linked = facts.kind != ElfKind::Relocatable;
    let kernel = facts.minimum_kernel.map(|kernel| kernel.to_string());
    compare(
        "kernel",
        format!("{kernel:?}"),
        format!("{:?}", said.minimum_kernel.as_ref().filter(|_| linked)),
    );
    let level = facts.x86_level.map(|level| level as u8 + 1);
    compare(
        "level",
        format!("{level:?}"),
        format!("{:?}", said.x86_level.filter(|_| linked)),
    );

    let imports: BTreeSet<&str> = facts.imports.iter().map(|i| i.name.as_str()).collect();
    let undefined = said.undefined.iter().map(|symbol| symbol.name.as_str());
    let undefined: BTreeSet<&str> = undefined.filter(|name| recorded.contains(name)).collect();
    let imports = imports.into_iter().filter(|name| recorded.contains(name));
    compare(
        "imports",
        format!("{:?}", imports.collect::<BTreeSet<_>>()),
        format!("{undefined:?}"),
    );
    if facts.is_executable() && facts.binds_at_once() {
        let ours: BTreeSet<(&str, Option<&str>)> = facts.unresolved.iter().collect();
        let strong = said.undefined.iter().filter(|symbol| !symbol.weak);
        let theirs: BTreeSet<_> = strong
            .map(|symbol| (symbol.name.as_str(), symbol.version.as_deref()))
            .collect();
        let only = |a: &BTreeSet<_>, b| format!("{:?}", a.difference(b).collect::<Vec<_>>());
        let (of_us, of_readelf) = (only(&ours, &theirs), only(&theirs, &ours));
        compare("only unresolved by us", of_us, "[]".to_owned());
        compare("only undefined by readelf", of_readelf, "[]".to_owned());
    }
    if let Some(exports) = &facts.exports {
        let names: BTreeSet<_> = said
            .defined
            .iter()
            .map(|symbol| (&symbol.name, &symbol.version, symbol.default))
            .collect();
        compare(
            "exports",
            exports.len().to_string(),
            names.len().to_string(),
        );
        let absent = said.defined.iter().find(|symbol| {
            !exports.defines(SymbolKey::new(&symbol.name, symbol.version.as_deref()))
                || (symbol.default && !exports.defines(SymbolKey::new(&symbol.name, None)))
        });
        compare("symbol", format!("{absent:?}"), "None".to_owned());
    }
    found
}
