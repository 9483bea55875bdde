//! Threads that help each other: who has no layer left to make compresses pieces of those that others make.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A piece of work, which passes its result on by itself.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

/// The work that waits for a thread without any of its own.
#[derive(Default)]
pub(crate) struct Pool {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    /// Threads that have work of their own, of which they may leave some to others.
    busy: usize,
    /// Threads that have none.
    helpers: usize,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves work to whoever helps. It comes back where as much as there are helpers is waiting already: then it is done
    /// sooner by its owner.
    pub(crate) fn offer(&self, work: Work) -> Option<Work> {
        let mut state = self.state();
        if state.waiting.len() >= state.helpers {
            return Some(work);
        }
        state.waiting.push_back(work);
        self.changed.notify_one();
        None
    }

    /// Does some work that waits, if there is any.
    pub(crate) fn help(&self) -> bool {
        let work = self.state().waiting.pop_front();
        work.map(|work| work()).is_some()
    }

    /// One thread's own work, which lasts until the guard is dropped.
    pub(crate) fn own_work(&self) -> OwnWork<'_> {
        self.state().busy += 1;
        OwnWork(self)
    }

    /// Helps until nobody has work of their own.
    pub(crate) fn help_to_the_end(&self) {
        let mut state = self.state();
        state.helpers += 1;
        while state.busy > 0 {
            if let Some(work) = state.waiting.pop_front() {
                drop(state);
                work();
                state = self.state();
            } else {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.helpers -= 1;
    }
}

/// Dropped when a thread has no work of its own any more, also where it panics: nobody waits for it then.
pub(crate) struct OwnWork<'a>(&'a Pool);

impl Drop for OwnWork<'_> {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
        self.0.changed.notify_all();
    }
}
