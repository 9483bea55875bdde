//! Work on several threads, without a runtime.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

/// Threads beside those that compute: they wait for the network.
pub(crate) const FETCHERS: usize = 4;

/// Does `work` for every item on up to `threads` threads. The results come in no particular order.
pub(crate) fn each<I: Send, O: Send>(
    threads: usize,
    items: Vec<I>,
    work: impl Fn(I) -> O + Sync,
) -> Vec<O> {
    let threads = threads.min(items.len());
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let queue = Mutex::new(items.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        let worker = || std::iter::from_fn(next).map(&work).collect::<Vec<O>>();
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let finished = workers.into_iter().flat_map(|worker| {
            // A panic of a thread goes on in the caller, as if there were no threads.
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        finished.collect()
    })
}

/// Lets so many threads in at a time.
pub(crate) struct Gate {
    free: Mutex<usize>,
    left: Condvar,
}

/// A thread that was let in; it leaves when this is dropped.
pub(crate) struct Turn<'a>(&'a Gate);

impl Gate {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            free: Mutex::new(places.max(1)),
            left: Condvar::new(),
        }
    }

    pub(crate) fn enter(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .left
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_item_is_worked_on_once() {
        let mut doubled = each(4, (0..100).collect(), |n: i32| n * 2);
        doubled.sort_unstable();
        assert_eq!(doubled, (0..100).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn a_gate_lets_only_so_many_in() {
        let gate = Gate::new(2);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        each(8, (0..64).collect(), |_: i32| {
            let _turn = gate.enter();
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
        });
        assert!(most.into_inner() <= 2);
    }
}
