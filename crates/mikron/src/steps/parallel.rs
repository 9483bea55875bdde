//! Work on several threads, without a runtime.

use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use mikron_package::threads;

/// Threads beside those that compute: they wait for the network.
pub(crate) const FETCHERS: usize = 4;

/// Gets every item on [`FETCHERS`] threads, and works on what was got on `jobs` others, in overlap. The results come in no
/// particular order.
///
/// Threads that wait for the network are not those that compute: a decoder leaves megabytes with the thread that ran it, and
/// so only `jobs` threads have them.
pub(crate) fn overlap<I: Send, M: Send, O: Send>(
    jobs: usize,
    items: Vec<I>,
    get: impl Fn(I) -> M + Sync,
    work: impl Fn(M) -> O + Sync,
) -> Vec<O> {
    // Nobody has anything to do beyond one for each item.
    let (fetchers, jobs) = (FETCHERS.min(items.len()), jobs.min(items.len()));
    if items.len() <= 1 {
        return items.into_iter().map(|item| work(get(item))).collect();
    }
    let queue = Mutex::new(items.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let (sender, got) = sync_channel(fetchers);
    let got = Mutex::new(got);
    let next_got = || {
        let got = got.lock().unwrap_or_else(PoisonError::into_inner);
        got.recv().ok()
    };
    thread::scope(|scope| {
        let (next, get) = (&next, &get);
        for _ in 0..fetchers {
            let sender = sender.clone();
            let fetch = move || {
                for item in std::iter::from_fn(next) {
                    // Nobody receives any more only when a worker panicked.
                    if sender.send(get(item)).is_err() {
                        break;
                    }
                }
            };
            // Where the system gives none, those that there are fetch, and at last who works.
            let spawned = thread::Builder::new().spawn_scoped(scope, fetch);
            if spawned.is_err() {
                break;
            }
        }
        drop(sender);
        let done = threads::on(jobs, || {
            let got = std::iter::from_fn(&next_got);
            let left = std::iter::from_fn(next).map(get);
            got.chain(left).map(&work).collect::<Vec<O>>()
        });
        done.into_iter().flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn what_was_got_is_worked_on_by_so_many_threads_and_no_more() {
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut worked = overlap(
            2,
            (0..64).collect(),
            |n: i32| n + 1,
            |n| {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                n * 2
            },
        );
        worked.sort_unstable();
        assert_eq!(worked, (1..=64).map(|n| n * 2).collect::<Vec<_>>());
        assert!(most.into_inner() <= 2);
    }
}
