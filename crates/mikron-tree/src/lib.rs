//! Trees of one's own: a directory of the host, or a tar archive, as files of an image.
//!
//! A tree is what a spec takes in as a whole. What of it is taken is said by globs and by files that it holds itself
//! (`.dockerignore`, `.gitignore`); of what the file system knows beside names and contents the image gets one thing, whether a file's
//! owner may execute it, so that the same files make the same image on every machine. Links have to stay inside, and what is neither
//! file, directory nor link is refused.
//!
//! ```
//! use mikron_facts::{Spool, Symbols};
//! use mikron_tree::{Options, Reading, Tree};
//! use mikron_package::{Cancellation, RootPath};
//! let home = tempfile::tempdir()?;
//! std::fs::write(home.path().join("main.py"), "print('hello')\n")?;
//! std::fs::write(home.path().join("notes.txt"), "later\n")?;
//! let options = Options {
//!     exclude: vec!["*.txt".to_owned()],
//!     ..Options::at(RootPath::new(b"/srv/app")?)
//! };
//! let (spool, symbols) = (Spool::default(), Symbols::default());
//! let tree = Tree::read(home.path(), &options, &Reading::new(&spool, &symbols))?;
//! let paths: Vec<String> = tree.files().map(|file| file.entry.path.to_string()).collect();
//! assert_eq!(paths, ["/srv/app", "/srv/app/main.py"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod choice;
mod contents;
mod digest;
mod docker;
mod error;
mod git;
mod links;
mod open;
mod read;
mod record;
mod secrets;
mod walk;

pub use archive::{ArchiveTree, read_archive};
pub use choice::{Choice, IgnoreFile};
pub use contents::TreeContents;
pub use digest::digest;
pub use error::TreeError;
pub use read::{Modes, Options, Reading, Tree};
