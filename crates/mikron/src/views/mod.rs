//! What is asked of a run: the build itself, its lock, and what explains either.

pub(crate) mod build;
pub(crate) mod capabilities;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod lock;
pub(crate) mod matrix;
pub(crate) mod pair;
pub(crate) mod scripts;
