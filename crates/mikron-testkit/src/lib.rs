//! Test support: builders for archives and repositories, a faulty HTTP server, the reference tools and the machine's own
//! Debian mirror. Never published, never used outside of tests and benches.

pub mod apk;
pub mod archive;
pub mod battery;
pub mod elf;
pub mod http;
pub mod installed;
pub mod listing;
pub mod lot;
pub mod mirror;
pub mod mutation;
pub mod oracle;
pub mod readelf;
pub mod repackage;
pub mod repository;
pub mod rpm;
pub mod rpm_repository;
pub mod runtime;
pub mod tools;
pub mod trace;
