//! Threads for work that can be done side by side. A system that gives fewer of them, or none, makes it slower and not wrong.

use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// Does `work` on this thread and on up to `most - 1` others, and gives what each came to; where the system gives no more threads
/// (a limit of processes, no memory for their stacks) on those that there are.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// let next = AtomicU32::new(0);
/// let done = mikron_package::threads::on(4, || {
///     std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < 100)).sum::<u32>()
/// });
/// assert_eq!(done.into_iter().sum::<u32>(), 4950);
/// ```
///
/// # Panics
/// Where `work` does, as if there were no threads.
pub fn on<T: Send>(most: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let mut others = Vec::new();
        for _ in 1..most {
            let Ok(other) = Builder::new().spawn_scoped(scope, &work) else {
                break;
            };
            others.push(other);
        }
        let mut done = vec![work()];
        for other in others {
            match other.join() {
                Ok(result) => done.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    })
}

/// Does `work` for each of some items, on up to `most` threads. The results come in the order of the items.
///
/// ```
/// let squares = mikron_package::threads::each(2, vec![1, 2, 3], |n| n * n);
/// assert_eq!(squares, [1, 4, 9]);
/// ```
///
/// # Panics
/// Where `work` does, as if there were no threads.
pub fn each<I: Send, T: Send>(most: usize, items: Vec<I>, work: impl Fn(I) -> T + Sync) -> Vec<T> {
    let most = most.min(items.len());
    if most <= 1 {
        return items.into_iter().map(work).collect();
    }
    let queue = Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let done = on(most, || {
        let done = std::iter::from_fn(next).map(|(number, item)| (number, work(item)));
        done.collect::<Vec<_>>()
    });
    let mut done: Vec<(usize, T)> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled: Vec<usize> = items.iter().map(|n| n * 2).collect();
        for most in [1, 2, 7, 5000] {
            assert_eq!(each(most, items.clone(), |n| n * 2), doubled);
        }
    }

    #[test]
    fn no_more_threads_work_than_were_asked_for() {
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        each(3, vec![(); 50], |()| {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
        });
        assert!(most.into_inner() <= 3);
    }

    #[test]
    #[should_panic(expected = "a worker gives up")]
    fn a_panic_of_a_worker_goes_on_in_the_caller() {
        each(4, vec![1, 2, 3, 4], |n| {
            assert!(n != 3, "a worker gives up");
        });
    }
}
