//! The passes in their order.
//!
//! Each is a function over the [`State`]: it looks at what was chosen, and chooses more. They run in turn until none of them
//! chooses anything any more.

use std::collections::HashSet;

use super::state::State;
use super::{
    FileRef, PackageInput, Selection, Wanted, companions, finish, follow, included, interpreted,
    named, ruled, start, units, walk,
};
use crate::SelectError;

type Pass = fn(&mut State<'_>);

/// What is there, and what the spec names itself.
const START: [Pass; 5] = [
    start::below,
    start::files,
    start::programs,
    start::mentions,
    start::links,
];

/// What brings more, in this order, after a walk over the files that were chosen before (what each of them needs itself). Files
/// that passes choose are walked before a pass that asks what is there.
const PASSES: [Pass; 11] = [
    // What rules say of each chosen file, and what it names.
    ruled::apply_rules,
    named::take_places,
    included::take_included,
    units::serve,
    walk::drain,
    interpreted::bring_interpreters,
    walk::drain,
    // What whole packages bring.
    follow::follow_edges,
    follow::take_interpreted,
    interpreted::awaited_code,
    companions::name_companions,
];

/// The selection without the files in `removed`.
pub(super) fn run(
    packages: &[PackageInput],
    wanted: &Wanted,
    removed: HashSet<FileRef>,
) -> Result<Selection, SelectError> {
    let mut state = State::new(packages, wanted, removed);
    for pass in START {
        pass(&mut state);
    }
    for package in 0..packages.len() {
        start::seed(&mut state, package)?;
    }
    close(&mut state);
    follow::take_whole(&mut state);
    close(&mut state);
    Ok(finish::finish(&mut state))
}

/// Follows what is chosen until nothing comes any more.
fn close(state: &mut State<'_>) {
    loop {
        walk::drain(state);
        let before = state.progress();
        for pass in PASSES {
            pass(state);
        }
        if state.chosen.queue.is_empty() && before == state.progress() {
            break;
        }
    }
}
