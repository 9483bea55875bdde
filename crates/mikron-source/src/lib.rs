//! Package repositories: fetching, trust, the verified cache, the universe

pub mod universe;
