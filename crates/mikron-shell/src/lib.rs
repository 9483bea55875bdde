//! Shell scripts: a full parser, and the commands that a script calls.
//!
//! This crate is the reader of shell scripts for all others. mikron-facts asks which commands a script needs that is
//! reached at run time, mikron-rootfs what a maintainer script would have done. [`parse`] yields the tree of a script
//! in the Shell Command Language (POSIX.1-2024, XCU 2) with the forms of bash and ksh that scripts in distributions use;
//! [`commands`] yields what it calls. Nothing is run.
//!
//! The grammar is one for all shells, the union of dash's and bash's. Where they differ on the same text (`&>`, `[[`), the
//! reading of bash is taken.
//!
//! brush-parser (MIT) was tried instead: it needs exponential time for nested brackets, overflows the stack on nested
//! braces, leaves words and substitutions as text, and yields nothing of a script that it cannot read to the end.
//!
//! ```
//! use mikron_shell::{Kind, Limits, commands, parse};
//! let script = parse(b"for i in a b; do tar -xf \"$i\"; done | sort > /tmp/list\n", &Limits::default());
//! let calls = commands(&script);
//! let names: Vec<&str> = calls.iter().map(|call| call.name()).collect();
//! assert_eq!(names, ["tar", "tar", "sort"]);
//! assert_eq!(calls[1].literal_arguments(), Some(vec!["-xf", "b"]));
//! assert_eq!(calls[2].writes[0].text, "/tmp/list");
//! ```

mod analysis;
pub mod ast;
mod call;
mod error;
mod parser;
mod pattern;
pub mod run;

pub use analysis::{Library, commands, commands_assuming, functions, library};
pub use ast::{CommandKind, Script};
pub use call::{Builtin, Call, Guard, Kind, Word};
pub use error::{ErrorKind, Limits, ParseError};
pub use parser::parse;
pub use pattern::fits;
