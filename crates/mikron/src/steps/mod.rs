//! The steps from a spec to its image, each from data to data. None of them knows who asks: [`Run`](crate::run::Run) takes them
//! one after the other.
//!
//! `inputs` (`tables`, `slices`), `own`, `base`, `sources` (`universes`), `resolve` (`pinned`), `facts`, `closure`, `tree`, `layers`
//! and `image`, `publish`.

pub(crate) mod base;
pub(crate) mod certificates;
pub(crate) mod closure;
pub(crate) mod contents;
pub(crate) mod dangling;
pub(crate) mod database;
pub(crate) mod engines;
pub(crate) mod facts;
pub(crate) mod frames;
pub(crate) mod image;
pub(crate) mod inputs;
pub(crate) mod installed;
pub(crate) mod layers;
pub(crate) mod links;
pub(crate) mod memo;
pub(crate) mod own;
pub(crate) mod parallel;
pub(crate) mod pinned;
pub(crate) mod placed;
pub(crate) mod places;
pub(crate) mod publish;
pub(crate) mod resolve;
pub(crate) mod resolved;
pub(crate) mod scripts;
pub(crate) mod seek;
#[cfg(feature = "slices")]
pub(crate) mod slices;
#[cfg(not(feature = "slices"))]
#[path = "without_slices.rs"]
pub(crate) mod slices;
pub(crate) mod sought;
pub(crate) mod sources;
pub(crate) mod tables;
pub(crate) mod translate;
pub(crate) mod tree;
pub(crate) mod universes;
pub(crate) mod wanted;
