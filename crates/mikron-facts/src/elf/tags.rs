//! What the dynamic section says, and the strings that it names.

use std::io;

use super::{Image, add, broken, text};

/// The string table.
#[derive(Clone, Copy)]
pub(super) struct Strings {
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Strings {
    pub(super) fn get(self, image: &mut Image<'_>, at: u64) -> io::Result<String> {
        if at >= self.size {
            return Err(broken("a name beyond the string table"));
        }
        let limit = (self.size - at).min(4097) as usize;
        match image.pages.read_string(add(self.offset, at)?, limit)? {
            Some(bytes) => text(&bytes),
            None => Err(broken("a name without an end")),
        }
    }
}

/// What a dynamic section says, as far as anybody asks.
#[derive(Default)]
pub(super) struct Tags {
    pub(super) needed: Vec<u64>,
    pub(super) filters: Vec<u64>,
    pub(super) auxiliaries: Vec<u64>,
    pub(super) soname: Option<u64>,
    pub(super) rpath: Option<u64>,
    pub(super) runpath: Option<u64>,
    pub(super) strings: Option<u64>,
    pub(super) strings_size: u64,
    pub(super) symbols: Option<u64>,
    pub(super) hash: Option<u64>,
    pub(super) gnu_hash: Option<u64>,
    pub(super) versions: Option<u64>,
    pub(super) needs: Option<u64>,
    pub(super) needs_count: u64,
    pub(super) definitions: Option<u64>,
    pub(super) definitions_count: u64,
    /// Addresses of all tables: none reaches into the next.
    pub(super) tables: Vec<u64>,
    pub(super) pie: bool,
}
