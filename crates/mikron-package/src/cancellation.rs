//! Cancelling: how somebody who waits for a build says that nobody does any more.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Says to everything that works on a build to end. Copies of it are one and the same; one that was made by [`Default`] is never
/// cancelled.
///
/// ```
/// use mikron_package::Cancellation;
/// let cancellation = Cancellation::new();
/// let mut body = cancellation.watch(&b"some bytes"[..]);
/// assert_eq!(std::io::read_to_string(&mut body)?, "some bytes");
/// cancellation.cancel();
/// assert!(cancellation.check().is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Option<Arc<AtomicBool>>);

/// What a cancelled work ends with, inside of an [`io::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was cancelled")]
pub struct Cancelled;

impl Cancellation {
    /// The longest time in which a pause does not look whether it was cancelled.
    pub const STEP: Duration = Duration::from_millis(10);

    /// One that may be cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// Cancels: whoever looks from now on ends.
    pub fn cancel(&self) {
        if let Some(cancelled) = &self.0 {
            cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        let cancelled = self.0.as_ref();
        cancelled.is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
    }

    /// Whether anybody could cancel it. Where nobody can, nothing needs to wait in steps.
    pub fn is_possible(&self) -> bool {
        self.0.is_some()
    }

    /// An error where it was cancelled.
    ///
    /// # Errors
    /// [`Cancelled`], where it was.
    pub fn check(&self) -> io::Result<()> {
        if self.is_cancelled() {
            return Err(io::Error::other(Cancelled));
        }
        Ok(())
    }

    /// Sleeps, unless it is cancelled.
    ///
    /// # Errors
    /// [`Cancelled`], where it was.
    pub fn pause(&self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let step = if self.is_possible() { Self::STEP } else { left };
            std::thread::sleep(left.min(step));
        }
    }

    /// A reader that ends with an error once it is cancelled.
    pub fn watch<R: Read>(&self, input: R) -> Watched<R> {
        Watched {
            cancellation: self.clone(),
            input,
        }
    }
}

/// A reader that fails once a [`Cancellation`] was cancelled.
#[derive(Debug)]
pub struct Watched<R> {
    cancellation: Cancellation,
    input: R,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cancellation.check()?;
        self.input.read(buffer)
    }
}
