//! Parts of a document, read side by side and given in order.

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, available_parallelism};

use mikron_rpm::PrimaryParts;

/// More threads than this have nothing to do: unpacking is slower.
const MOST: usize = 6;

/// A part, and where what was read of it goes.
type Task<T> = (Vec<u8>, SyncSender<Option<T>>);

/// Cuts on one thread, reads on as many as the machine has, and gives what was read to `take` on this one, in the order of the
/// document. `None` as soon as cutting, reading or taking does not go well.
///
/// A few parts are under way at once: what was read waits until it is its turn.
pub(super) fn side_by_side<R: Read + Send, T: Send>(
    mut parts: PrimaryParts<R>,
    read: impl Fn(Vec<u8>) -> Option<T> + Sync,
    mut take: impl FnMut(T) -> Option<()>,
) -> Option<()> {
    let threads = available_parallelism().map_or(1, usize::from).min(MOST);
    let (tasks, todo) = sync_channel::<Task<T>>(threads);
    let (turns, in_order) = sync_channel::<Receiver<Option<T>>>(2 * threads);
    let todo = Mutex::new(todo);
    std::thread::scope(|scope| {
        // The receiver ends with the closure that owns it: a thread that waits to send then ends, too.
        let in_order = in_order;
        let cut = move || {
            loop {
                let (sender, turn) = sync_channel(1);
                let goes_on = match parts.next_part() {
                    Ok(None) => false,
                    Ok(Some(part)) => {
                        turns.send(turn).is_ok() && tasks.send((part, sender)).is_ok()
                    }
                    Err(_) => {
                        // Whose turn it is learns from the sender's end that there is nothing.
                        let _ = turns.send(turn);
                        false
                    }
                };
                if !goes_on {
                    break;
                }
            }
        };
        Builder::new().spawn_scoped(scope, cut).ok()?;
        for number in 0..threads {
            let work = || {
                loop {
                    let task = todo.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((part, sender)) = task else { break };
                    // Who does not wait for it any more has met a fault.
                    let _ = sender.send(read(part));
                }
            };
            // One is enough, and none is as good as a document that cannot be read so.
            let spawned = Builder::new().spawn_scoped(scope, work);
            if spawned.is_err() && number == 0 {
                return None;
            }
        }
        for turn in in_order {
            take(turn.recv().ok()??)?;
        }
        Some(())
    })
}
