//! How to merge, and whose packages.

use mikron_package::Family;

/// How to merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Times are clamped to this, and what is made gets it: seconds since 1970 (SOURCE_DATE_EPOCH).
    pub epoch: i64,
    /// Whether paths that differ only in case or in Unicode normalisation are an error.
    pub strict: bool,
    /// Whether devices and named pipes of packages are kept.
    pub devices: bool,
    /// The families whose packages the image is made from: they have the last word on the layout of the root and on accounts.
    /// None is Debian's.
    pub families: Vec<Family>,
}

impl Default for Options {
    /// Epoch 0, not strict, no devices, Debian.
    fn default() -> Self {
        Self {
            epoch: 0,
            strict: false,
            devices: false,
            families: Vec::new(),
        }
    }
}

impl Options {
    /// Whether /bin, /sbin and /lib* are links into /usr.
    pub fn merged_usr(&self) -> bool {
        merges_usr(&self.families)
    }
}

/// Whether /bin, /sbin and /lib* are links into /usr in an image of these families: where one of them has it so. None is Debian's.
pub fn merges_usr(families: &[Family]) -> bool {
    let merged = families.iter().any(|family| family.merged_usr);
    merged || (families.is_empty() && Family::default().merged_usr)
}
