//! Inputs that are nearly right: good ones with bytes changed, cut and mixed, and surveys of what becomes of them.
//!
//! A fuzzer finds its own way; this is the same many inputs on every machine, without a nightly compiler, and it can pack what it
//! has changed and make digests fit again, which a fuzzer cannot. A crate names its [`Format`]s once; its tests read a sample of
//! each, and its example as many as it is told to:
//!
//! ```
//! use mikron_testkit::mutation::{Format, Mutator, survey};
//! let format = Format {
//!     name: "numbers",
//!     begin: || {
//!         let mutator = Mutator::new([b"12".to_vec(), b"-7".to_vec()]);
//!         Box::new(move |numbers| {
//!             let bytes = mutator.input(numbers);
//!             let text = String::from_utf8_lossy(&bytes);
//!             text.parse::<i32>().map(drop).map_err(|_| "no number".to_owned())
//!         })
//!     },
//! };
//! let found = survey(&format, 1000, 1);
//! assert!(found.accepted > 0 && found.refused["no number"] > 0);
//! ```

mod mutator;
mod numbers;
mod survey;

pub use mutator::Mutator;
pub use numbers::Numbers;
pub use survey::{Format, Outcome, Reader, Survey, main, refusal, sample, survey};
