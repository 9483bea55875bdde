//! The caps that every reader takes.

use serde::{Deserialize, Serialize};

/// Absolute caps on what an input may ask for. Absolute and not ratios: honest data compresses a thousandfold too.
///
/// One value is handed to every reader of a build. All sizes are in bytes.
///
/// ```
/// use mikron_package::Limits;
/// let limits = Limits { entries: 10, ..Limits::default() };
/// assert!(limits.check_entries(11).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Size of one archive as fetched.
    pub archive: u64,
    /// Unpacked size of one archive's data.
    pub unpacked: u64,
    /// Unpacked size of an archive's metadata (`control.tar`).
    pub control: u64,
    /// Number of entries in one archive.
    pub entries: u64,
    /// Size of one extension record (PAX header, GNU long name).
    pub extension: u64,
    /// Number of extension headers before one entry.
    pub stacked_extensions: u32,
    /// Number of regions in a sparse map.
    pub sparse_regions: u32,
    /// Size of all extended attributes of one entry.
    pub xattrs: u64,
    /// Base-two logarithm of the largest zstd window that is accepted.
    pub zstd_window_log: u32,
    /// Memory that an xz decoder may use.
    pub xz_memory: u64,
    /// Size of one index as fetched.
    pub index: u64,
    /// Unpacked size of one index.
    pub index_unpacked: u64,
    /// Size of a signed file (InRelease).
    pub release: u64,
    /// Length of one line or folded field in an index.
    pub field: u64,
    /// Number of alternatives in one relation field.
    pub alternatives: u32,
    /// Size of a spec or of a file that it includes as YAML.
    pub spec: u64,
    /// Size of a lock.
    pub lock: u64,
    /// Size of a manifest or an image index (OCI distribution-spec: 4 MiB).
    pub manifest: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        Self {
            archive: 4 * GIB,
            unpacked: 16 * GIB,
            control: 16 * MIB,
            entries: 2_000_000,
            extension: MIB,
            stacked_extensions: 16,
            sparse_regions: 10_000,
            xattrs: MIB,
            zstd_window_log: 27,
            xz_memory: 128 * MIB,
            index: 512 * MIB,
            index_unpacked: 2 * GIB,
            release: 16 * MIB,
            field: 4 * MIB,
            alternatives: 10_000,
            spec: MIB,
            lock: 64 * MIB,
            manifest: 4 * MIB,
        }
    }
}

impl Limits {
    /// These limits for an archive that says how much room it takes: what unpacks to more than its size and its own words make
    /// plausible is refused long before [`Limits::unpacked`]. That is 256 MiB, and beside it four times the installed size that
    /// it declares and a hundred times [`Limits::archive`], which is to be the size of the archive where that is known. So an
    /// archive of a few bytes never takes up the room of a large one, while honest runs of zeros pass.
    ///
    /// ```
    /// use mikron_package::Limits;
    /// let tiny = Limits { archive: 320, ..Limits::default() };
    /// assert_eq!(tiny.plausible(0).unpacked, (256 << 20) + 32_000);
    /// assert_eq!(tiny.plausible(1 << 30).unpacked, (256 << 20) + 32_000 + (4 << 30));
    /// assert_eq!(Limits::default().plausible(0).unpacked, Limits::default().unpacked);
    /// ```
    #[must_use]
    pub fn plausible(&self, installed_size: u64) -> Self {
        const ALWAYS: u64 = 256 << 20;
        let declared = installed_size.saturating_mul(4);
        let packed = self.archive.saturating_mul(100);
        let plausible = ALWAYS.saturating_add(declared).saturating_add(packed);
        Self {
            unpacked: self.unpacked.min(plausible),
            ..self.clone()
        }
    }

    /// Checks a count of entries.
    ///
    /// # Errors
    /// When `count` exceeds [`Limits::entries`].
    pub fn check_entries(&self, count: u64) -> Result<(), LimitExceeded> {
        LimitExceeded::check("entries", count, self.entries)
    }
}

/// A cap that an input exceeded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit `{limit}` of {allowed} is exceeded ({found})")]
pub struct LimitExceeded {
    /// The name of the field of [`Limits`].
    pub limit: &'static str,
    /// What the input asked for, as far as it was counted.
    pub found: u64,
    /// What is allowed.
    pub allowed: u64,
}

impl LimitExceeded {
    /// `Err` when `found` exceeds `allowed`.
    ///
    /// # Errors
    /// That very case.
    pub fn check(limit: &'static str, found: u64, allowed: u64) -> Result<(), Self> {
        if found > allowed {
            Err(Self {
                limit,
                found,
                allowed,
            })
        } else {
            Ok(())
        }
    }
}
