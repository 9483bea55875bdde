//! Ctrl-C: the work ends as if it had failed, and takes away what it has made.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use mikron::package::Cancellation;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The signal that came; 0 where none did.
static SIGNAL: AtomicU8 = AtomicU8::new(0);

/// What the first signal cancels. A second one ends the process at once.
pub(crate) fn cancellation() -> Cancellation {
    let cancellation = Cancellation::new();
    // Without a handler, the signal ends the process.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        return cancellation;
    };
    let to_cancel = cancellation.clone();
    let wait = move || {
        for signal in &mut signals {
            SIGNAL.store(u8::try_from(signal).unwrap_or_default(), Ordering::Relaxed);
            if to_cancel.is_cancelled() {
                std::process::exit(128 + signal);
            }
            to_cancel.cancel();
        }
    };
    let waiting = thread::Builder::new().name("signals".to_owned());
    // Whoever cannot wait for signals can still be killed.
    drop(waiting.spawn(wait));
    cancellation
}

/// How shells see a process that a signal has ended.
pub(crate) fn exit_code() -> ExitCode {
    ExitCode::from(128 + SIGNAL.load(Ordering::Relaxed))
}
