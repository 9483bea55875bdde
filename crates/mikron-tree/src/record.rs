//! What is remembered of a tree from one reading to the next, so that files which did not change are not read again.

use mikron_facts::{Class, ContentFacts};
use mikron_package::{Digest, RootPath};
use serde::{Deserialize, Serialize};

use crate::walk::Stat;

/// A file whose last change lies so many seconds back when it is looked at is known by what the system says of it. Of one that is
/// younger a further change may fall into the same tick of the file system's clock, of which the coarsest have two seconds.
const SETTLED: i64 = 3;

/// What was learnt of one file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// The path in the tree.
    pub(crate) path: RootPath,
    pub(crate) stat: Stat,
    /// Whether the file had not been touched for a while when it was read.
    settled: bool,
    pub(crate) learnt: Learnt,
}

/// What the content of a file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Learnt {
    pub(crate) digest: Digest,
    pub(crate) class: Class,
    pub(crate) content: Option<Box<ContentFacts>>,
    /// Whether it looks like a secret.
    pub(crate) secret: bool,
}

impl Recorded {
    /// What was learnt of a file when the clock stood at `now` (seconds since 1970).
    pub(crate) fn new(path: RootPath, stat: Stat, learnt: Learnt, now: i64) -> Self {
        Self {
            path,
            stat,
            settled: stat.last_touched().saturating_add(SETTLED) <= now,
            learnt,
        }
    }

    /// Whether it still holds for a file of which the system says this.
    pub(crate) fn holds(&self, stat: &Stat) -> bool {
        self.settled && self.stat == *stat
    }
}

/// All files of a tree, in order of path.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Recorded> {
    // A record that cannot be read is none: all is learnt anew.
    postcard::from_bytes(bytes).unwrap_or_default()
}

pub(crate) fn encode(records: &[Recorded]) -> Option<Vec<u8>> {
    postcard::to_stdvec(records).ok()
}
