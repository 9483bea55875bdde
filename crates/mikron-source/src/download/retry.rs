//! When to try again, and how long to wait before.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use super::Failure;
use crate::fetch::FetchError;

/// How often and how long a download is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts at each location.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each further one. A random part of up to half of it is added,
    /// so that many clients do not come back at the same moment.
    pub pause: Duration,
    /// The longest pause, also where a server's `Retry-After` asks for a longer one.
    pub longest_pause: Duration,
    /// No attempt begins later than this after the first.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            pause: Duration::from_millis(300),
            longest_pause: Duration::from_secs(20),
            deadline: Duration::from_secs(15 * 60),
        }
    }
}

impl RetryPolicy {
    /// For how long a host where nobody answers is asked again: no attempt there begins later than this after the first.
    ///
    /// ```
    /// use mikron_source::download::RetryPolicy;
    /// assert_eq!(RetryPolicy::default().patience().as_secs(), 60);
    /// ```
    pub fn patience(&self) -> Duration {
        self.deadline.min(Duration::from_secs(60))
    }

    /// One attempt at each location.
    pub fn once() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }
}

/// The state of one download's retries.
pub(super) struct Retries<'a> {
    policy: &'a RetryPolicy,
    begun: Instant,
    failed: u32,
}

impl<'a> Retries<'a> {
    pub(super) fn new(policy: &'a RetryPolicy) -> Self {
        Self {
            policy,
            begun: Instant::now(),
            failed: 0,
        }
    }

    /// A new location has all its attempts before it.
    pub(super) fn next_location(&mut self) {
        self.failed = 0;
    }

    /// How long to wait before the next attempt at this location; `None` when there is to be none.
    pub(super) fn delay(&mut self, failure: &Failure) -> Option<Duration> {
        self.failed += 1;
        if !failure.is_transient() || self.failed >= self.policy.attempts {
            return None;
        }
        let pause = self
            .policy
            .pause
            .saturating_mul(1 << (self.failed - 1).min(16));
        let jitter = pause.mul_f64(random() / 2.0);
        let asked = failure.retry_after().unwrap_or_default();
        let delay = (pause + jitter).max(asked).min(self.policy.longest_pause);
        let of_host = failure.fetch().is_some_and(FetchError::is_of_host);
        let deadline = if of_host {
            self.policy.patience()
        } else {
            self.policy.deadline
        };
        (self.begun.elapsed() + delay < deadline).then_some(delay)
    }
}

/// A number in 0..1. The standard library's hash keys are random; nothing here needs more.
fn random() -> f64 {
    let number = RandomState::new().build_hasher().finish() >> 32;
    f64::from(number as u32) / (f64::from(u32::MAX) + 1.0)
}
