//! Shortest chains from the spec to each capability.

use std::collections::VecDeque;

use super::{CapabilityRow, Link};

/// A step that a chain can take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    /// The capability that it starts from; `None` for the spec.
    from: Option<usize>,
    /// Which of several ways between the same two is told.
    rank: u8,
    to: usize,
    by: String,
}

impl Way {
    pub(super) const fn new(from: Option<usize>, to: usize, by: String, rank: u8) -> Self {
        Self { from, rank, to, by }
    }
}

/// Finds for every row the chain with the fewest links, by going from the spec in all directions at once.
pub(super) fn fill(rows: &mut [CapabilityRow], ways: &[Way]) {
    let mut ways: Vec<&Way> = ways.iter().collect();
    ways.sort_unstable();
    let mut before: Vec<Option<&Way>> = vec![None; rows.len()];
    let mut queue = VecDeque::from([None]);
    while let Some(at) = queue.pop_front() {
        let start = ways.partition_point(|way| way.from < at);
        for way in ways[start..].iter().take_while(|way| way.from == at) {
            let slot = &mut before[way.to];
            if slot.is_none() {
                *slot = Some(way);
                queue.push_back(Some(way.to));
            }
        }
    }
    for (at, row) in rows.iter_mut().enumerate() {
        let mut chain = Vec::new();
        let mut next = Some(at);
        // A row is only reached from one that was reached before it: the way back ends at the spec.
        while let Some(way) = next.and_then(|at| before[at]) {
            chain.push(Link {
                capability: way.to,
                by: way.by.clone(),
            });
            next = way.from;
        }
        chain.reverse();
        row.chain = chain;
    }
}
