//! Paths that two packages have: their content is the same, or a rule says whose stands there.

use mikron_package::EntryKind;
use mikron_select::{FileRef, Found, PackageInput, Role, Selection, Token};

use super::{Check, ViolationKind};

pub(super) fn check(check: &mut Check<'_>, selection: &Selection) {
    for chosen in super::own(selection) {
        let facts = check.facts(chosen.file);
        if facts.entry.is_directory() {
            continue;
        }
        let path = check.tree.normal(facts.entry.path.as_bytes());
        // What stands before all others at the path. Where that is what a finalizer makes, there is a rule.
        let Some(Found::Entry(first)) = check.tree.at(&path) else {
            continue;
        };
        if first != chosen.file
            && !check.facts(first).entry.is_directory()
            && !same_content(check, first, chosen.file)
            && !has_rule(check, first, chosen.file)
        {
            let kind = ViolationKind::TwoOwners {
                package: check.packages[chosen.file.package].name.clone(),
                other: check.packages[first.package].name.clone(),
            };
            let token = Token::Path(facts.entry.path.to_string());
            check.report(chosen.file, token, kind);
        }
    }
}

/// Mode and owner may differ: dpkg(1) compares nothing but the fact that both have the path; what is read is what counts.
fn same_content(check: &Check<'_>, a: FileRef, b: FileRef) -> bool {
    let (a, b) = (check.facts(a), check.facts(b));
    match (&a.entry.kind, &b.entry.kind) {
        (EntryKind::Symlink { target: a }, EntryKind::Symlink { target: b }) => a == b,
        (
            EntryKind::File { .. } | EntryKind::Hardlink { .. },
            EntryKind::File { .. } | EntryKind::Hardlink { .. },
        ) => a.digest.is_some() && a.digest == b.digest,
        (a, b) => a == b,
    }
}

/// Whether something says whose file stands at the path: the spec itself, a finalizer that makes the path (alternatives), or
/// `Replaces`. What a package diverts lies elsewhere by then. Version constraints of `Replaces` are not judged here: what they exclude the solver did not take.
fn has_rule(check: &Check<'_>, a: FileRef, b: FileRef) -> bool {
    let (one, other) = (&check.packages[a.package], &check.packages[b.package]);
    if one.role == Role::Files || other.role == Role::Files {
        return true;
    }
    let path = check.tree.normal(check.facts(a).entry.path.as_bytes());
    let here = |at: &[u8]| *check.tree.normal(at) == *path;
    let wanted = check.wanted;
    if wanted
        .provided
        .iter()
        .any(|made| here(made.path.as_bytes()))
    {
        return true;
    }
    let replaces = |one: &PackageInput, other: &PackageInput| {
        let relations = &one.facts.metadata.record.replaces;
        relations.iter().any(|relation| relation.name == other.name)
    };
    replaces(one, other) || replaces(other, one)
}
