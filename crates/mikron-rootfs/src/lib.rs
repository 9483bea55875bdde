//! The merged tree: which package owns each path, what happens when two want the same one, and what takes the place of
//! maintainer scripts.
//!
//! This crate stands between the selection and the layers. It takes [`Part`]s (the chosen entries of the chosen
//! packages), merges them into a virtual [`Tree`] by the rules of dpkg(1) and of a merged /usr, runs the [`Finalizer`]s
//! that produce declaratively what maintainer scripts would have produced, adds the files and accounts of the spec, and
//! hands out nodes sorted by path. Every path knows its owner; every maintainer script is accounted for in a
//! [`ScriptReport`]. Nothing here touches the host's filesystem.
//!
//! ```
//! use mikron_package::{Entry, EntryKind, MemoryContents, RootPath};
//! use mikron_rootfs::{Assembly, Part, assemble, builtin_finalizers};
//!
//! let mut contents = MemoryContents::default();
//! let program = contents.add(b"\x7fELF...".to_vec());
//! let entry = Entry::new(RootPath::new(b"/bin/hello")?, EntryKind::File { size: 7 }, 0o755);
//! let assembly = Assembly {
//!     parts: vec![Part::new("hello", "bins", entry, Some(program))],
//!     ..Assembly::default()
//! };
//! let rootfs = assemble(assembly, &contents, &builtin_finalizers())?;
//! // /usr is merged: the program lies in /usr/bin, and /bin leads there.
//! assert!(rootfs.tree.get(&RootPath::new(b"/usr/bin/hello")?).is_some());
//! assert!(rootfs.tree.get(&RootPath::new(b"/bin")?).is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accounts;
mod assemble;
mod calls;
mod diagnostic;
mod error;
mod files;
mod finalize;
mod finalizer;
mod finalizers;
mod installation;
mod merge;
mod options;
mod part;
mod pem;
mod runs;
mod scripts;
mod statics;
mod tree;
mod x509;

pub use accounts::{Accounts, Group, RunAs, User};
pub use assemble::{Assembly, Rootfs, assemble};
pub use calls::scan;
pub use diagnostic::Diagnostic;
pub use error::{Claim, EntryFault, FinalizerFault, OrderError, RootfsError};
pub use files::{FileSource, SpecFile, SpecFileKind};
pub use finalize::{Context, Further, Installed, Package, Report, Template, Work};
pub use finalizer::Finalizer;
pub use finalizers::{Alternative, alternatives, builtin_finalizers, scripted_accounts, sources};
pub use installation::Installation;
pub use mikron_shell::{Call, Guard, Kind, Word};
pub use options::{Options, merges_usr};
pub use part::{Below, Owner, Part};
pub use pem::{Certificate, PemError};
pub use runs::CallSite;
pub use scripts::{Diversion, Effect, Outcome, ScriptReport, Sources, diversions};
pub use tree::{LayerGroup, Node, Share, Totals, Tree, follow};
