//! What was written, and what the place could not hold.

use std::collections::BTreeMap;

use mikron_package::RootPath;

use crate::Loss;

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Number of entries.
    pub entries: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// What the place could not hold: of which entry first, and of how many.
    pub lost: BTreeMap<Loss, (RootPath, u64)>,
}

impl Unpacked {
    pub(crate) fn lose(&mut self, loss: Loss, path: &RootPath) {
        let first = || (path.clone(), 0);
        self.lost.entry(loss).or_insert_with(first).1 += 1;
    }

    /// Each loss in words.
    pub fn losses(&self) -> impl Iterator<Item = String> {
        self.lost.iter().map(|(loss, (path, count))| match count {
            1 => format!("{path} has lost {loss}"),
            n => format!("{path} and {} more have lost {loss}", n - 1),
        })
    }
}
