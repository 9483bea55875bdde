//! Measurements of Mikron against its peers.
//!
//! `cargo bench -p mikron-benches` measures the steps one by one; `mikron-compare` measures whole commands side by side in
//! one run and prints the ratios that are promised. Never published.

pub mod made;
pub mod measure;
pub mod peers;
pub mod suite;
pub mod table;
