//! What entries have beside path and kind, held once for all that have it alike.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::SharedText;

/// Extended attributes by name, as bytes (`user.…`, `security.capability`).
pub type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// So many values are remembered by a thread.
const REMEMBERED: usize = 4;

thread_local! {
    static RECENT: RefCell<Vec<Arc<Attributes>>> = const { RefCell::new(Vec::new()) };
}

/// Mode, owner, time and extended attributes of an entry. Most entries of an archive have the same.
///
/// ```
/// use std::sync::Arc;
/// use mikron_package::Attributes;
/// let one = Attributes { mode: 0o644, ..Attributes::default() }.shared();
/// let other = Attributes { mode: 0o644, ..Attributes::default() }.shared();
/// assert!(Arc::ptr_eq(&one, &other));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission, setuid, setgid and sticky bits: the low twelve bits of `st_mode`.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Owner by name where the archive gives one (ustar `uname`).
    pub user: Option<SharedText>,
    /// Group by name where the archive gives one (ustar `gname`).
    pub group: Option<SharedText>,
    /// Modification time in seconds since 1970, never negative.
    pub mtime: i64,
    /// Extended attributes.
    pub xattrs: Xattrs,
}

impl Attributes {
    /// The same, in one place with equal ones that were made shortly before.
    pub fn shared(self) -> Arc<Self> {
        RECENT.with_borrow_mut(|recent| {
            if let Some(known) = recent.iter().find(|known| ***known == self) {
                return Arc::clone(known);
            }
            if recent.len() == REMEMBERED {
                recent.remove(0);
            }
            let new = Arc::new(self);
            recent.push(Arc::clone(&new));
            new
        })
    }
}
