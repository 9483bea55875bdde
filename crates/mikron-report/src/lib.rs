//! The compatibility matrix as one self-contained HTML page.
//!
//! It stands at the side of the way from spec to image: [`page`] takes matrices as [`mikron_matrix::matrix`] makes them
//! and gives one text. It knows nothing of solving or selecting. The page needs no network, works from a file, in light and
//! dark and on paper, and without a pointer.
//!
//! Names come from archives, and archives are not trusted. Every one of them goes through one function that escapes it, none
//! goes into a script or a style, and the page's own policy (Content Security Policy, level 3) lets no other script run
//! than the one that it was made with.

mod details;
mod escape;
mod grid;
mod lists;
mod page;
mod treemap;

pub use page::page;
pub use treemap::{Rect, squarify};
