//! What the tests of selections share, here, in mikron-matrix and in mikron-live: packages from builders.
#![allow(dead_code, reason = "each test uses a part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use mikron_deb::archive::DebFormat;
use mikron_facts::{PackageFacts, Spool, scan};
use mikron_matrix::{verify, why};
use mikron_package::{Limits, Origin, PackageFormat, Requirement};
use mikron_select::{Edge, LeftOutReason, PackageInput, Role, Rules, Selection, Wanted, select};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;

/// The facts of an archive in memory.
pub(crate) fn facts(deb: &[u8], spool: &Spool) -> Arc<PackageFacts> {
    let limits = Limits::default();
    let mut archive = DebFormat
        .open(Box::new(deb), &limits, &Origin::named("test.deb"))
        .expect("a .deb");
    Arc::new(
        scan(
            &mut *archive,
            spool,
            &limits,
            &|_| true,
            &Rules::builtin().symbols(),
        )
        .expect("facts"),
    )
}

/// A root, dependency or provider from a builder.
pub(crate) fn package(role: Role, builder: &DebBuilder) -> PackageInput {
    PackageInput::new(role, facts(&builder.build(), &Spool::default()))
}

pub(crate) fn root(builder: &DebBuilder) -> PackageInput {
    package(Role::root(), builder)
}

pub(crate) fn dependency(builder: &DebBuilder) -> PackageInput {
    package(Role::Dependency, builder)
}

pub(crate) fn amd64() -> Wanted {
    Wanted::new("linux/amd64".parse().expect("a platform"))
}

fn first(requirement: &Requirement, providers: &BTreeMap<String, usize>) -> Option<usize> {
    match requirement {
        Requirement::One(relation) => providers.get(relation.name.as_str()).copied(),
        Requirement::Any(items) => items.iter().find_map(|item| first(item, providers)),
        _ => None,
    }
}

/// Connects the inputs by their `Depends`, the first alternative that is there.
pub(crate) fn connect(inputs: &mut [PackageInput]) {
    let mut providers: BTreeMap<String, usize> = BTreeMap::new();
    for (index, input) in inputs.iter().enumerate() {
        for provided in &input.facts.metadata.record.provides {
            providers.entry(provided.name.to_string()).or_insert(index);
        }
    }
    for (index, input) in inputs.iter().enumerate() {
        providers.insert(input.name.to_string(), index);
    }
    for input in inputs {
        let record = &input.facts.metadata.record;
        let edge = |requirement: &Requirement| {
            first(requirement, &providers).map(|to| Edge {
                to,
                relation: requirement.to_string(),
            })
        };
        input.requires = record.requirements().filter_map(edge).collect();
    }
}

/// Selects over inputs that are connected by their dependencies.
pub(crate) fn selected(
    mut inputs: Vec<PackageInput>,
    wanted: &Wanted,
) -> (Vec<PackageInput>, Selection) {
    connect(&mut inputs);
    let selection = select(&inputs, wanted).expect("a selection");
    (inputs, selection)
}

/// The chosen paths that are no directories.
pub(crate) fn paths(inputs: &[PackageInput], selection: &Selection) -> Vec<String> {
    let chosen = selection.files.iter().filter(|chosen| {
        !inputs[chosen.file.package].facts.files[chosen.file.entry]
            .entry
            .is_directory()
    });
    chosen.map(|chosen| chosen.path.to_string()).collect()
}

pub(crate) const LIB: &str = "/usr/lib/x86_64-linux-gnu";

pub(crate) fn deb(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1.0", "amd64")
}

/// A C library with its loader, as bookworm has them: outside of /usr.
pub(crate) fn libc() -> DebBuilder {
    let libc = ElfBuilder::library("libc.so.6")
        .version_definition("GLIBC_2.34")
        .build();
    deb("libc6")
        .file(
            "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            0o755,
            ElfBuilder::library("ld-linux-x86-64.so.2").build(),
        )
        .symlink(
            "/lib64/ld-linux-x86-64.so.2",
            "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        )
        .file("/lib/x86_64-linux-gnu/libc.so.6", 0o755, libc)
        .file(
            &format!("{LIB}/gconv/UTF-7.so"),
            0o644,
            ElfBuilder::library("UTF-7.so").build(),
        )
}

pub(crate) fn program() -> ElfBuilder {
    ElfBuilder::executable()
        .needed("libc.so.6")
        .version_need("libc.so.6", &["GLIBC_2.34"])
}

pub(crate) fn whole(inputs: &[PackageInput], selection: &Selection) {
    assert!(selection.missing.is_empty(), "{:#?}", selection.missing);
    let violations = verify(selection, inputs, &amd64());
    assert!(violations.is_empty(), "{violations:#?}");
}

/// A shared library of this name and no symbols.
pub(crate) fn library(soname: &str) -> Vec<u8> {
    ElfBuilder::library(soname).build()
}

/// A selection of a root and its dependencies, which holds together.
pub(crate) fn of(app: &DebBuilder, dependencies: &[&DebBuilder]) -> (Vec<PackageInput>, Selection) {
    let mut inputs = vec![root(app)];
    inputs.extend(dependencies.iter().map(|deb| dependency(deb)));
    inputs.push(dependency(&libc()));
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    (inputs, selection)
}

/// Whether a file was chosen.
pub(crate) fn has(found: &(Vec<PackageInput>, Selection), path: &str) -> bool {
    why(&found.1, &found.0, path).is_some()
}

pub(crate) fn left_out<'s>(selection: &'s Selection, name: &str) -> &'s LeftOutReason {
    let left = selection.left_out.iter().find(|l| l.name.as_str() == name);
    &left.unwrap_or_else(|| panic!("{name} is in")).reason
}
