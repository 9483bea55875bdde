//! Test support: builders for archives and repositories, a faulty HTTP server, the reference tools that a machine may have.
//! Never published, never used outside of tests and benches. What takes root or the live archive is in `mikron-live`.

pub mod apk;
pub mod archive;
pub mod documents;
pub mod elf;
pub mod frozen;
pub mod http;
pub mod layout;
pub mod listing;
pub mod mutation;
pub mod readelf;
pub mod repackage;
pub mod repository;
pub mod rpm;
pub mod rpm_repository;
pub mod skipped;
pub mod tools;
