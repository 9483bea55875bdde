//! Real Debian packages in the clothes of other families: the same files, as .rpm and as .apk.
//!
//! So one service exists in all three families, and what differs between its images differs because of the families. rpmbuild
//! makes the .rpm files, with the provides and requires that it finds by itself, and createrepo_c their repository. The .apk
//! files are those of the [`crate::apk`] builder, with the tokens that abuild would write.

mod apk;
mod debian;
mod rpm;

pub use apk::apk_repository;
pub use debian::Debian;
pub use rpm::rpm_repository;
