//! Whether commands surely end the script.

use super::definitions::Definitions;
use crate::ast::{Command, CommandKind, Item, Pipeline};

/// How deep functions that end the script are followed.
const MAX_DEPTH: usize = 4;

/// How a script ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With success, or by another program in its place.
    Success,
    /// With failure, or with the status of what failed before.
    Failure,
}

/// How a list surely ends the script, or, where `returns` counts, the function.
pub(super) fn list(
    list: &[Item],
    known: &Definitions<'_>,
    returns: bool,
    depth: usize,
) -> Option<End> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut lone = list
        .iter()
        .filter(|item| item.and_or.rest.is_empty() && !item.background);
    lone.find_map(|item| pipeline(&item.and_or.first, known, returns, depth))
}

/// The same for one pipeline.
pub(super) fn pipeline(
    pipeline: &Pipeline,
    known: &Definitions<'_>,
    returns: bool,
    depth: usize,
) -> Option<End> {
    match pipeline.commands.as_slice() {
        [only] => command(only, known, returns, depth),
        _ => None,
    }
}

fn command(command: &Command, known: &Definitions<'_>, returns: bool, depth: usize) -> Option<End> {
    match &command.kind {
        CommandKind::Group(inner) => list(inner, known, returns, depth + 1),
        CommandKind::Simple(simple) => {
            let (name, arguments) = simple.words.split_first()?;
            match name.bare()? {
                "exit" => Some(status(arguments)),
                "return" if returns => Some(status(arguments)),
                "exec" if !arguments.is_empty() => Some(End::Success),
                name => function(name, known, depth),
            }
        }
        _ => None,
    }
}

/// How a function surely ends the script. Each is looked into once: functions that call each other would be so many times over.
fn function(name: &str, known: &Definitions<'_>, depth: usize) -> Option<End> {
    let (name, body) = known.functions.get_key_value(name)?;
    if let Some(end) = known.ends.borrow().get(name) {
        return *end;
    }
    // One that calls itself does not end the script by that.
    known.ends.borrow_mut().insert(*name, None);
    let end = match &body.kind {
        CommandKind::Group(inner) => list(inner, known, false, depth + 1),
        _ => None,
    };
    known.ends.borrow_mut().insert(*name, end);
    end
}

fn status(arguments: &[crate::ast::Word]) -> End {
    match arguments.first().and_then(crate::ast::Word::bare) {
        Some("0") => End::Success,
        _ => End::Failure,
    }
}
