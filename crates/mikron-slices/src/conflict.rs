//! Conflicts: two slices that put something different at one place.
//!
//! They are found by the definitions alone, before any package is read. What comes out of one package is the same whoever
//! takes it. What comes out of two packages may differ, and what is made may differ from what a package has; so both are
//! conflicts, unless the definitions are identical and make the same thing, or `prefer` says which package wins.

use std::collections::BTreeMap;

use crate::{Content, ContentKind, Glob, Release, Slice, SliceError, SliceErrorKind, SliceKey};

/// One path of one slice.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    slice: &'a Slice,
    content: &'a Content,
}

impl<'a> Placed<'a> {
    pub(crate) fn new(slice: &'a Slice, content: &'a Content) -> Self {
        Self { slice, content }
    }

    fn key(&self) -> &'a SliceKey {
        &self.slice.key
    }

    fn is_wild(&self) -> bool {
        matches!(
            self.content.kind,
            ContentKind::Glob(_) | ContentKind::Manifest
        )
    }

    /// Whether both come out of the same package, and so are the same wherever they meet.
    fn is_shared_with(&self, other: &Self) -> bool {
        self.content.is_extracted()
            && other.content.is_extracted()
            && self.key().package() == other.key().package()
    }
}

/// All conflicts, in the order of their paths.
pub(crate) fn conflicts(release: &Release, placed: &[Placed<'_>]) -> Vec<SliceError> {
    let mut by_path: BTreeMap<&str, Vec<Placed<'_>>> = BTreeMap::new();
    for one in placed {
        by_path.entry(&one.content.path).or_default().push(*one);
    }
    let mut found = Vec::new();
    for (path, group) in &mut by_path {
        group.sort_by(|a, b| a.key().cmp(b.key()));
        for (at, one) in group.iter().enumerate() {
            // Each is held against those before it; one conflict says enough.
            if let Some(other) = group[..at]
                .iter()
                .find(|other| differ(release, path, one, other))
            {
                found.push(report(release, other, one));
            }
        }
    }
    let paths: Vec<(&str, &Vec<Placed<'_>>)> = by_path.iter().map(|(p, g)| (*p, g)).collect();
    let globs: Vec<(Glob, &Vec<Placed<'_>>)> = paths
        .iter()
        .filter(|(_, group)| group.iter().any(Placed::is_wild))
        .map(|(path, group)| (Glob::new(path), *group))
        .collect();
    for (at, (glob, group)) in globs.iter().enumerate() {
        // Paths without wildcards lie together in the order of paths; globs are few.
        let prefix = glob.literal_prefix();
        let from = paths.partition_point(|(other, _)| *other < prefix);
        let plain = paths[from..].iter();
        let plain = plain.take_while(|(other, _)| other.starts_with(prefix));
        for (other_path, others) in plain {
            if !Glob::is_glob(other_path) && glob.matches(other_path.as_bytes()) {
                found.extend(apart(release, group, others));
            }
        }
        for (other, others) in &globs[at + 1..] {
            if glob.meets(other) {
                found.extend(apart(release, group, others));
            }
        }
    }
    found
}

/// Whether two definitions of one path give different things.
fn differ(release: &Release, path: &str, a: &Placed<'_>, b: &Placed<'_>) -> bool {
    let (of_a, of_b) = (a.key().package(), b.key().package());
    if of_a == of_b {
        return !a.content.is_same(b.content);
    }
    let same = a.content.is_same(b.content) && !a.content.is_extracted();
    !same && !release.preferences().relate(path, of_a, of_b)
}

/// The first two of the definitions of two paths that meet which do not come out of the same package.
fn apart(release: &Release, some: &[Placed<'_>], others: &[Placed<'_>]) -> Option<SliceError> {
    some.iter().find_map(|one| {
        let other = others.iter().find(|other| !one.is_shared_with(other))?;
        Some(report(release, one, other))
    })
}

fn report(release: &Release, a: &Placed<'_>, b: &Placed<'_>) -> SliceError {
    // In the order of names, so that the same conflict has the same message whoever is selected first.
    let by_name = |one: &Placed<'_>| (one.key().to_string(), one.content.path.clone());
    let (first, second) = if by_name(a) <= by_name(b) {
        (a, b)
    } else {
        (b, a)
    };
    let what = |one: &Placed<'_>| {
        let mode = one
            .content
            .mode
            .map(|mode| format!(" with mode {mode:04o}"));
        let mutable = if one.content.mutable { ", mutable" } else { "" };
        let words = one.content.kind.words();
        format!("{words}{}{mutable}", mode.unwrap_or_default())
    };
    let error = SliceError::new(SliceErrorKind::Conflict {
        other: second.key().clone(),
        other_path: second.content.path.clone(),
    })
    .of_slice(first.key())
    .of_path(&first.content.path);
    let same_path = first.content.path == second.content.path;
    let same_package = first.key().package() == second.key().package();
    let remedy = match (same_path, same_package) {
        (true, true) => "give the path the same options in both slices",
        (true, false) => "select one of them, or let one package `prefer` the other for this path",
        (false, _) => "select one of them, or narrow the wildcards",
    };
    let error = error.help(format!(
        "`{}` has {}, `{}` has {}; {remedy}",
        first.key(),
        what(first),
        second.key(),
        what(second)
    ));
    let path = [
        "slices",
        first.key().slice(),
        "contents",
        &first.content.path,
    ];
    match release.shared_package(first.key().package()) {
        Some(package) => package.source.place(&path, error),
        None => error,
    }
}
