//! Presets.
mod defaults;
pub use defaults::debian_keyring;
