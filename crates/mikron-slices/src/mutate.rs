//! Mutation: the scripts of a selection, run in its order when everything is in place.

#[cfg(feature = "starlark")]
mod guard;

use std::collections::BTreeMap;

use mikron_package::RootPath;

use crate::release::script_error;
use crate::script::ScriptError;
use crate::{Applied, ScriptLimits, Selection, SliceError, SliceKey, Stage};

/// What the scripts of a selection did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mutated {
    /// Files that were written, with the slices whose scripts did it, in order.
    pub written: BTreeMap<RootPath, Vec<SliceKey>>,
    /// Files that are to be removed now: all slices that name them say `until: mutate`.
    pub removed: Vec<RootPath>,
    /// Directories that are to be removed now if nothing is left in them, the deepest first.
    pub emptied: Vec<RootPath>,
    /// What scripts printed, by slice, in order.
    pub printed: Vec<(SliceKey, String)>,
}

/// Runs the mutation scripts of a selection.
///
/// `applied` is the selection applied to each of its packages; it says what may be read and written.
///
/// # Errors
/// [`SliceErrorKind::Script`](crate::SliceErrorKind::Script) from the first script that fails. What was written before stays
/// written.
pub fn mutate(
    selection: &Selection,
    applied: &[Applied],
    stage: &mut dyn Stage,
    limits: &ScriptLimits,
) -> Result<Mutated, SliceError> {
    let known = Known::of(applied);
    let mut mutated = Mutated::default();
    for selected in selection.slices() {
        let key = &selected.slice.key;
        let Some(text) = &selected.slice.mutate else {
            continue;
        };
        let (written, result) = run(text, &known, stage, limits);
        for path in written {
            let slices = mutated.written.entry(path).or_default();
            if slices.last() != Some(key) {
                slices.push(key.clone());
            }
        }
        let printed = result.map_err(|error| {
            let source = selection
                .package(key.package())
                .map(|package| &package.source);
            script_error(source, key, &error)
        })?;
        if !printed.is_empty() {
            let text = String::from_utf8_lossy(&printed).into_owned();
            mutated.printed.push((key.clone(), text));
        }
    }
    for (path, entry) in known.paths.iter().rev() {
        if entry.until_mutate && entry.is_directory {
            mutated.emptied.push(path.clone());
        } else if entry.until_mutate {
            mutated.removed.push(path.clone());
        }
    }
    mutated.removed.reverse();
    Ok(mutated)
}

/// Runs one script. Gives the files that it wrote, and what it printed.
#[cfg(feature = "starlark")]
fn run(
    text: &str,
    known: &Known,
    stage: &mut dyn Stage,
    limits: &ScriptLimits,
) -> (Vec<RootPath>, Result<Vec<u8>, ScriptError>) {
    let mut guarded = guard::Guarded::new(known, stage);
    let result = crate::script::parse(text)
        .and_then(|script| crate::script::run(&script, &mut guarded, limits));
    (guarded.written, result)
}

/// [`Release::select`](crate::Release::select) has refused scripts already.
#[cfg(not(feature = "starlark"))]
fn run(
    _: &str,
    _: &Known,
    _: &mut dyn Stage,
    _: &ScriptLimits,
) -> (Vec<RootPath>, Result<Vec<u8>, ScriptError>) {
    (Vec::new(), Err(ScriptError::not_built_in()))
}

/// What is known of a path.
#[derive(Clone, Copy)]
struct Entry {
    is_directory: bool,
    mutable: bool,
    until_mutate: bool,
    is_hard_link: bool,
}

/// The paths that scripts may know of.
struct Known {
    paths: BTreeMap<RootPath, Entry>,
}

impl Known {
    fn of(applied: &[Applied]) -> Self {
        let mut paths: BTreeMap<RootPath, Entry> = BTreeMap::new();
        let mut add = |path: &RootPath, new: Entry| {
            let entry = paths.entry(path.clone()).or_insert(new);
            entry.mutable |= new.mutable;
            entry.is_hard_link |= new.is_hard_link;
            // It goes when all say so.
            entry.until_mutate &= new.until_mutate;
        };
        for package in applied {
            for taken in &package.taken {
                let entry = Entry {
                    is_directory: taken.is_directory,
                    mutable: taken.lifetime.mutable,
                    until_mutate: taken.lifetime.until_mutate,
                    is_hard_link: taken.is_hard_link,
                };
                add(&taken.path, entry);
            }
            for made in &package.made {
                let entry = Entry {
                    is_directory: matches!(made.kind, crate::MadeKind::Directory),
                    mutable: made.lifetime.mutable,
                    until_mutate: made.lifetime.until_mutate,
                    is_hard_link: false,
                };
                add(&made.path, entry);
            }
        }
        // Directories above are known, and stay.
        let above: Vec<RootPath> = paths.keys().flat_map(RootPath::ancestors).collect();
        for path in above {
            paths.entry(path).or_insert(Entry {
                is_directory: true,
                mutable: false,
                until_mutate: false,
                is_hard_link: false,
            });
        }
        Self { paths }
    }
}
