//! YAML that people write: read within bounds, with the places of its parts, and names for messages about it.
//!
//! Specs, locks and slices come through here on their way to types. What is wrong with them is said by the crates that know what
//! they mean; this one knows where it stands, and what may have been meant.

mod node;
mod place;
mod suggest;

use serde_yaml::Options;

pub use node::{Node, Shape, locate_key, locate_value};
pub use place::{Span, line};
pub use suggest::{list, nearest, shown};

/// Deepest nesting of lists and mappings. The types need seven levels; each costs up to 32 KiB of stack in a debug build,
/// and a thread has 2 MiB.
const MAX_DEPTH: usize = 16;

/// How documents are read: one each, without tags, with few aliases, shallow, of bounded size when they are unfolded.
pub fn options() -> Options {
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
