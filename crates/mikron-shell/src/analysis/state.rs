//! The values of variables where the walk through a script stands.
//!
//! Changes are written down, so that a branch can be taken back and joined with the others at the cost of what it changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::expand::ELEMENT;

/// A variable of more possible values is unknown.
pub(super) const MAX_TEXTS: usize = 8;

/// What is known of a variable's value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// The texts that it may have, in the order of the script; none when nothing is known.
    pub(super) texts: Vec<Arc<str>>,
    /// Whether it may also have another one, in a case that is not the ordinary one.
    pub(super) others: bool,
    /// Whether it is unset, which `${x-…}` tells from empty.
    pub(super) unset: bool,
}

impl Value {
    pub(super) fn known(text: &str) -> Self {
        Self {
            texts: vec![text.into()],
            ..Self::default()
        }
    }

    pub(super) fn unset() -> Self {
        Self {
            unset: true,
            ..Self::known("")
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self.texts.as_slice(), [only] if only.is_empty())
    }
}

/// How a branch is joined with the way past it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// There is none: one of the branches is taken.
    None,
    /// A value that was known before stays when the branch puts an unknown one in its place.
    Ordinary,
    /// So does an empty one, whatever the branch puts in its place: whether the file is there that is asked for is not known.
    Files,
    /// The branch may be taken many times: what it makes unknown is unknown.
    Loop,
}

/// What a branch changed.
pub(super) type Changes = BTreeMap<Box<str>, Value>;

/// The positional parameters of a function's call, or those that `set` made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Positional {
    /// Those before the first that is not known.
    pub(super) known: Arc<[Arc<str>]>,
    /// Whether these are all.
    pub(super) complete: bool,
}

/// The values of all variables.
#[derive(Default)]
pub(super) struct State {
    values: HashMap<Box<str>, Value>,
    journal: Vec<(Box<str>, Option<Value>)>,
    pub(super) positional: Option<Positional>,
    /// Whether any variable ever had several values.
    pub(super) several: bool,
}

impl State {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The variables of one value, with that.
    pub(super) fn known(&self) -> BTreeMap<String, String> {
        let known = self.values.iter().filter(|(_, value)| !value.others);
        let known = known.filter_map(|(name, value)| match value.texts.as_slice() {
            [only] if !only.starts_with(ELEMENT) => Some((name.to_string(), only.to_string())),
            _ => None,
        });
        known.collect()
    }

    pub(super) fn set(&mut self, name: &str, mut value: Value) {
        if value.texts.len() > MAX_TEXTS {
            value = Value::default();
        }
        self.several |= value.texts.len() > 1 || (value.others && !value.texts.is_empty());
        let old = self.values.insert(name.into(), value);
        self.journal.push((name.into(), old));
    }

    /// Puts back what a variable was, also when it was not there.
    pub(super) fn put_back(&mut self, name: &str, value: Option<Value>) {
        let old = match value {
            Some(value) => self.values.insert(name.into(), value),
            None => self.values.remove(name),
        };
        self.journal.push((name.into(), old));
    }

    /// Where a branch begins.
    pub(super) fn mark(&self) -> usize {
        self.journal.len()
    }

    /// Takes back what was changed since a mark, and tells it.
    pub(super) fn take_back(&mut self, mark: usize) -> Changes {
        let mut changes = Changes::new();
        while self.journal.len() > mark {
            let Some((name, old)) = self.journal.pop() else {
                break;
            };
            let now = match old {
                Some(old) => self.values.insert(name.clone(), old),
                None => self.values.remove(&name),
            };
            changes.entry(name).or_insert(now.unwrap_or_default());
        }
        changes
    }

    /// Goes on behind branches; `before` tells the value of a variable that has none here.
    pub(super) fn join(
        &mut self,
        mut branches: Vec<Changes>,
        past: Past,
        mut before: impl FnMut(&str) -> Value,
    ) {
        if past == Past::None && branches.len() == 1 {
            for (name, value) in branches.remove(0) {
                self.set(&name, value);
            }
            return;
        }
        let names: Vec<Box<str>> = branches.iter().flat_map(|b| b.keys().cloned()).collect();
        let mut done: BTreeMap<Box<str>, Value> = BTreeMap::new();
        for name in names {
            if done.contains_key(&name) {
                continue;
            }
            let base = self.get(&name).cloned().unwrap_or_else(|| before(&name));
            let mut all: Vec<&Value> = branches
                .iter()
                .map(|changes| changes.get(&name).unwrap_or(&base))
                .collect();
            if past != Past::None {
                all.insert(0, &base);
            }
            let value = merge(&base, &all, past);
            done.insert(name, value);
        }
        for (name, value) in done {
            self.set(&name, value);
        }
    }
}

fn merge(base: &Value, all: &[&Value], past: Past) -> Value {
    if past == Past::Files && base.is_empty() {
        return base.clone();
    }
    let ordinary = matches!(past, Past::Ordinary | Past::Files) && !base.texts.is_empty();
    let mut value = Value {
        unset: all.iter().all(|one| one.unset),
        ..Value::default()
    };
    for one in all {
        if one.texts.is_empty() && !ordinary {
            return Value::default();
        }
        value.others |= one.others || one.texts.is_empty();
        for text in &one.texts {
            if !value.texts.contains(text) {
                value.texts.push(text.clone());
            }
        }
    }
    value
}
