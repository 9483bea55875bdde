//! Which functions of a script are called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The calls of functions, each with the function that it stands in.
#[derive(Default)]
pub(super) struct Reach {
    names: BTreeMap<Option<Arc<str>>, BTreeSet<String>>,
    /// Beginnings of names that are only known when the script runs.
    beginnings: BTreeMap<Option<Arc<str>>, BTreeSet<String>>,
}

impl Reach {
    /// `from` calls a function, or hands its name on.
    pub(super) fn name(&mut self, from: Option<&Arc<str>>, name: &str) {
        let names = self.names.entry(from.cloned()).or_default();
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
    }

    /// `from` calls something of which only the beginning of the name is known.
    pub(super) fn beginning(&mut self, from: Option<&Arc<str>>, written: &str) {
        let known = written
            .split(['$', '`', '*', '('])
            .next()
            .unwrap_or_default();
        let names = self.beginnings.entry(from.cloned()).or_default();
        names.insert(known.to_owned());
    }

    /// Whether what stands in `from`, or outside of all functions, calls a function or may do so.
    fn calls(&self, from: Option<&Arc<str>>, name: &str) -> bool {
        let from = from.cloned();
        let begins = |beginning: &String| name.starts_with(beginning.as_str());
        let names = self.names.get(&from);
        let beginnings = self.beginnings.get(&from);
        names.is_some_and(|names| names.contains(name))
            || beginnings.is_some_and(|beginnings| beginnings.iter().any(begins))
    }

    /// The functions among these that a function calls, in order of name.
    pub(super) fn called_by<'a>(
        &self,
        function: &str,
        all: impl Iterator<Item = &'a str>,
    ) -> Vec<String> {
        let from: Arc<str> = function.into();
        let called = all.filter(|name| self.calls(Some(&from), name));
        let mut called: Vec<String> = called.map(str::to_owned).collect();
        called.sort_unstable();
        called
    }

    /// The functions that are reached from outside of all functions.
    pub(super) fn reached<'a>(
        &self,
        functions: impl Iterator<Item = &'a str>,
    ) -> BTreeSet<&'a str> {
        let mut waiting: BTreeSet<&'a str> = functions.collect();
        let mut reached = BTreeSet::new();
        let mut open: Vec<Option<Arc<str>>> = vec![None];
        while let Some(from) = open.pop() {
            let called = waiting.iter().copied();
            let found: Vec<&'a str> = called
                .filter(|name| self.calls(from.as_ref(), name))
                .collect();
            for name in found {
                waiting.remove(name);
                reached.insert(name);
                open.push(Some(name.into()));
            }
        }
        reached
    }
}
