//! The finalizers that Mikron brings.

mod accounts;
mod alternatives;
mod ca_bundle;
mod directories;

pub use accounts::AccountsFinalizer;
pub use alternatives::AlternativesFinalizer;
pub use ca_bundle::CaBundleFinalizer;
pub use directories::DirectoriesFinalizer;
