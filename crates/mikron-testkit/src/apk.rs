//! Builders for `.apk` archives, `APKINDEX.tar.gz` and the repositories around them, well-formed and malformed.
//!
//! ```
//! use mikron_testkit::apk::{ApkBuilder, ApkKey, ApkRepositoryBuilder};
//! let key = ApkKey::shared("builder");
//! let hello = ApkBuilder::new("hello", "1.0-r0", "x86_64")
//!     .field("depend", "so:libc.musl-x86_64.so.1")
//!     .file("/usr/bin/hello", 0o755, b"hello")
//!     .signed(&key);
//! let repository = ApkRepositoryBuilder::new("x86_64").package(&hello).sign_with(&key).build();
//! assert!(repository.file("x86_64/APKINDEX.tar.gz").starts_with(&[0x1f, 0x8b]));
//! assert!(repository.file("x86_64/hello-1.0-r0.apk").starts_with(&[0x1f, 0x8b]));
//! ```

mod builder;
mod key;
mod repository;

pub use builder::{Apk, ApkBuilder};
pub use key::{ApkHash, ApkKey};
pub use repository::{ApkRepository, ApkRepositoryBuilder, many_packages};
