//! Makes a repository on which the two differ as small as it can be while the cause stays what it is.

use std::collections::BTreeSet;

use mikron_package::Family;

use super::Task;
use super::causes::{Cause, causes};
use crate::family::packages;

/// Orders of the packages that dnf is asked in at each step.
const ORDERS: usize = 3;

/// A repository, one package a line, each as its identity and its fields; and a request to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Small {
    lines: Vec<Vec<String>>,
    pub(crate) case: Vec<String>,
}

/// Something that can be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Line(usize),
    Field(usize, usize),
    Root(usize),
}

impl Small {
    pub(crate) fn new(text: &str, case: &[String]) -> Self {
        let line = |line: &str| line.split(';').map(|f| f.trim().to_owned()).collect();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Self {
            lines: lines.map(line).collect(),
            case: case.to_vec(),
        }
    }

    /// The repository as it is written.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(|fields| fields.join("; ")).collect();
        lines.join("\n")
    }

    /// The same with as little as possible; `None` where there is no dnf.
    pub(crate) fn shrink(mut self, cause: Cause) -> Option<Self> {
        let reached = self.reached();
        if is_keeping(cause, &reached)? {
            self = reached;
        }
        loop {
            let before = self.clone();
            self = self.reduce(cause, |own| {
                let lines = (0..own.lines.len()).map(Part::Line);
                lines.collect()
            })?;
            self = self.reduce(cause, |own| {
                let fields = |(at, line): (usize, &Vec<String>)| {
                    (1..line.len()).map(move |field| Part::Field(at, field))
                };
                let fields = own.lines.iter().enumerate().flat_map(fields);
                fields.collect()
            })?;
            self = self.reduce(cause, |own| (0..own.case.len()).map(Part::Root).collect())?;
            if self == before {
                return Some(self);
            }
        }
    }

    /// The same without the packages that no requirement leads to.
    fn reached(&self) -> Self {
        let words = |text: &str| -> Vec<String> {
            let bare = text.split_whitespace().map(|w| w.trim_matches(['(', ')']));
            bare.map(str::to_owned).collect()
        };
        let mut wanted: BTreeSet<String> = self.case.iter().flat_map(|c| words(c)).collect();
        let mut kept: BTreeSet<usize> = BTreeSet::new();
        loop {
            let is_wanted = |line: &[String]| {
                let offers =
                    |field: &&String| field.starts_with("Provides:") || field.starts_with("Files:");
                let name = line
                    .first()
                    .and_then(|identity| words(identity).into_iter().next());
                let offered = line.iter().filter(offers).flat_map(|field| words(field));
                name.into_iter()
                    .chain(offered)
                    .any(|word| wanted.contains(&word))
            };
            let lines = self.lines.iter().enumerate();
            let new: Vec<usize> = lines
                .filter(|(at, line)| !kept.contains(at) && is_wanted(line))
                .map(|(at, _)| at)
                .collect();
            if new.is_empty() {
                let rest = (0..self.lines.len()).filter(|at| !kept.contains(at));
                return self.without(&rest.map(Part::Line).collect::<Vec<_>>());
            }
            for at in &new {
                let required = self.lines[*at]
                    .iter()
                    .filter(|f| f.starts_with("Requires:"));
                wanted.extend(required.flat_map(|field| words(field)));
            }
            kept.extend(new);
        }
    }

    /// Leaves out parts, first many at once, then one by one.
    fn reduce(mut self, cause: Cause, parts: impl Fn(&Self) -> Vec<Part>) -> Option<Self> {
        let mut size = parts(&self).len() / 2;
        while size > 0 {
            let all = parts(&self);
            let chunks: Vec<&[Part]> = all.chunks(size).collect();
            let without: Vec<Self> = chunks.iter().map(|chunk| self.without(chunk)).collect();
            let keeping = keeping(cause, &without)?;
            let mut left_out: Vec<&[Part]> = chunks
                .iter()
                .zip(&keeping)
                .filter_map(|(chunk, keeps)| keeps.then_some(*chunk))
                .collect();
            // Each alone may go. Perhaps all together, or half of them, and so on.
            loop {
                let together = self.without(&left_out.concat());
                if left_out.len() < 2 || is_keeping(cause, &together)? {
                    self = together;
                    break;
                }
                left_out.truncate(left_out.len() / 2);
            }
            if left_out.is_empty() || left_out.len() == chunks.len() {
                size /= 2;
            }
            size = size.min(parts(&self).len());
        }
        Some(self)
    }

    fn without(&self, parts: &[Part]) -> Self {
        let field = |at: usize, line: &[String]| {
            let fields = line.iter().enumerate();
            let kept = fields.filter(|(field, _)| !parts.contains(&Part::Field(at, *field)));
            kept.map(|(_, field)| field.clone()).collect()
        };
        let lines = self.lines.iter().enumerate();
        let lines = lines.filter(|(at, _)| !parts.contains(&Part::Line(*at)));
        let case = self.case.iter().enumerate();
        let case = case.filter(|(at, _)| !parts.contains(&Part::Root(*at)));
        Self {
            lines: lines.map(|(at, line)| field(at, line)).collect(),
            case: case.map(|(_, root)| root.clone()).collect(),
        }
    }
}

fn is_keeping(cause: Cause, small: &Small) -> Option<bool> {
    Some(keeping(cause, std::slice::from_ref(small))?[0])
}

/// Whether the two still differ for the same cause.
fn keeping(cause: Cause, smaller: &[Small]) -> Option<Vec<bool>> {
    let task = |small: &Small| Task {
        packages: packages(Family::RPM, &small.text()),
        cases: if small.case.is_empty() {
            Vec::new()
        } else {
            vec![small.case.clone()]
        },
    };
    let tasks: Vec<Task> = smaller.iter().map(task).collect();
    let found = causes(&tasks, ORDERS)?.into_iter();
    let keeps = found.map(|found| found.first().is_some_and(|found| found.cause == cause));
    Some(keeps.collect())
}
