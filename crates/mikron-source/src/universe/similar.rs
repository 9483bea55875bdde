//! Names that resemble a name, for "did you mean".

use std::borrow::Cow;

/// The best `count` of `names`, best first: fewest edits, then the order of the bytes. Names that differ in more than a
/// third of their characters only count where one holds the other whole.
pub(super) fn similar<'a>(
    name: &str,
    names: impl Iterator<Item = Cow<'a, [u8]>>,
    count: usize,
) -> Vec<Cow<'a, [u8]>> {
    let name = name.as_bytes();
    if name.is_empty() || name.len() > 512 {
        return Vec::new();
    }
    let most = (name.len() / 3).max(1);
    let mut rows = Rows::default();
    let mut best: Vec<(usize, Cow<'a, [u8]>)> = Vec::new();
    for candidate in names {
        // The worst that is still wanted: nothing beyond it needs to be known exactly.
        let worst = match best.last() {
            Some((worst, _)) if best.len() == count => *worst,
            _ => usize::MAX,
        };
        let distance = rows
            .distance(name, &candidate, most.min(worst))
            .or_else(|| {
                let apart = name.len().abs_diff(candidate.len());
                // Behind all near names, by how much is missing.
                (name.len() >= 3 && apart + most <= worst && holds(&candidate, name))
                    .then_some(apart + most)
            });
        let Some(distance) = distance else { continue };
        let found = (distance, candidate);
        let at = best.partition_point(|other| *other < found);
        if at < count && best.get(at) != Some(&found) {
            best.insert(at, found);
            best.truncate(count);
        }
    }
    best.into_iter().map(|(_, name)| name).collect()
}

fn holds(long: &[u8], short: &[u8]) -> bool {
    long.len() > short.len() && memchr::memmem::find(long, short).is_some()
}

/// Rows of the table of edits, kept between names.
#[derive(Default)]
struct Rows {
    before: Vec<usize>,
    last: Vec<usize>,
    row: Vec<usize>,
}

impl Rows {
    /// Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`; `None` for more than
    /// `most`.
    fn distance(&mut self, a: &[u8], b: &[u8], most: usize) -> Option<usize> {
        if a.len().abs_diff(b.len()) > most {
            return None;
        }
        self.last.clear();
        self.last.extend(0..=b.len());
        self.before.clone_from(&self.last);
        for (i, x) in a.iter().enumerate() {
            self.row.clear();
            self.row.push(i + 1);
            let mut least = i + 1;
            for (j, y) in b.iter().enumerate() {
                let replaced = self.last[j] + usize::from(x != y);
                let mut cost = replaced.min(self.last[j + 1] + 1).min(self.row[j] + 1);
                if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                    cost = cost.min(self.before[j - 1] + 1);
                }
                least = least.min(cost);
                self.row.push(cost);
            }
            if least > most {
                return None;
            }
            std::mem::swap(&mut self.before, &mut self.last);
            std::mem::swap(&mut self.last, &mut self.row);
        }
        self.last.last().copied().filter(|cost| *cost <= most)
    }
}
