//! Alpine's formats: the `.apk` archive, the package index, and the order of versions.
//!
//! This crate stands at the start of the way from spec to image. It turns bytes into the shared types of
//! [`mikron_package`], and knows nothing of repositories, solving or images.
