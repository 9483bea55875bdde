//! The documents as a reader has them: their commands, the files that they show, their links; and a reader who does all of it.
//!
//! What tests need to know of a page and readers do not stands in comments that no reader sees:
//!
//! - `<!-- file NAME -->` before a block: who reads the page writes the block into this file;
//! - `<!-- given NAME: WHAT -->`: what the page takes to be there ([`Given`]).
//!
//! Blocks that are indented, or `sh`, hold commands that succeed. Those of `console` hold commands behind `$ ` and what they say:
//! where that has a line that begins with `error:`, the command fails. `…` is any text, and alone on a line any lines.

mod page;
mod reader;
mod shown;

pub use page::{Block, Given, Link, Page, pages};
pub use reader::{Command, Reader};
pub use shown::{lacks, missing};
