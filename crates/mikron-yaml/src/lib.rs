//! YAML that people write: read within bounds, with the places of its parts, and names for messages about it.
//!
//! Specs, locks, rules, definitions and slices come through here on their way to types. What is wrong with their form is said here,
//! with the place and what may have been meant; what is wrong with their meaning is said by the crates that know it.
//!
//! The types carry no places: of what only later checks find, the place is looked up in the text ([`locate_value`], [`locate_key`]).
//! No other crate knows which YAML library is used for what people write.

mod append;
mod error;
mod excerpt;
mod flat;
mod node;
mod place;
mod suggest;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_yaml::Options;

pub use append::append;
pub use error::{TableError, YamlError, YamlErrorKind, custom};
pub use excerpt::Excerpt;
pub use flat::{Flat, Line, Place};
pub use node::{Node, Scalar, Shape, locate_key, locate_value};
pub use place::{Span, line};
pub use suggest::{list, nearest, shown};

/// Deepest nesting of lists and mappings. The types need seven levels; each costs up to 32 KiB of stack in a debug build,
/// and a thread has 2 MiB.
const MAX_DEPTH: usize = 16;

/// How documents are read: one each, without tags, with few aliases, shallow, of bounded size when they are unfolded.
fn options() -> Options {
    serde_yaml::options! {
        with_snippet: false,
        reject_unsupported_tags: true,
        strict_booleans: true,
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: 2 * MAX_DEPTH,
            max_documents: 1,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: 100_000,
            max_merge_keys: 100,
            max_events: 4_000_000,
            max_nodes: 2_000_000,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 8,
        },
    }
}

/// Reads a document into its types.
///
/// # Errors
/// When it is not YAML, not of the types' shape, or asks for more work than a document deserves.
///
/// ```
/// let error = mikron_yaml::read::<Vec<u16>>("- 80\n- many\n").unwrap_err();
/// assert_eq!(error.to_string(), "a whole number of 0 or more is expected here, not `many`");
/// assert_eq!(error.span.map(|span| (span.line, span.column, span.length)), Some((2, 3, 4)));
/// ```
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_yaml::from_str_with_options(text, options())
        .map_err(|error| error::translate(text, &error))
}

/// Reads a table of at most `allowed` bytes. `file` is only used in messages.
///
/// # Errors
/// As [`read`], with the file and the line; when the text is larger.
///
/// ```
/// let error = mikron_yaml::read_table::<Vec<u16>>("ports.yaml", "- many\n", 100).unwrap_err();
/// assert!(error.to_string().starts_with("ports.yaml:1:3: a whole number of 0 or more"));
/// ```
pub fn read_table<T: DeserializeOwned>(
    file: &str,
    text: &str,
    allowed: u64,
) -> Result<T, TableError> {
    let found = text.len() as u64;
    let read = if found > allowed {
        Err(YamlError {
            span: None,
            kind: YamlErrorKind::TooLarge { allowed, found },
            help: None,
        })
    } else {
        read(text)
    };
    read.map_err(|error| TableError {
        file: file.to_owned(),
        at: Excerpt::new(text, error.span),
        kind: error.kind,
        help: error.help,
    })
}

/// Writes a value as YAML. What is written (maps of text, numbers, lists) cannot fail to serialize, so a failure is shown in the
/// text rather than hidden.
pub fn write<T: Serialize>(value: &T) -> String {
    serde_yaml::to_string(value).unwrap_or_else(|error| format!("# cannot be written: {error}\n"))
}
