//! The finalizers that Mikron brings.

mod accounts;
mod alternatives;
mod base;
mod ca_bundle;
mod declarations;
mod directories;
mod options;
mod static_ids;
mod user_calls;

pub use accounts::AccountsFinalizer;
pub use alternatives::{Alternative, AlternativesFinalizer, alternatives};
pub use base::BaseFinalizer;
pub use ca_bundle::CaBundleFinalizer;
pub use directories::DirectoriesFinalizer;
pub use user_calls::scripted_accounts;
