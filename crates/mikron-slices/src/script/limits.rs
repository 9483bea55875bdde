//! How much a script may take.

/// Bounds for one run of a script.
///
/// ```
/// use mikron_slices::ScriptLimits;
/// let limits = ScriptLimits { steps: 1_000, ..ScriptLimits::default() };
/// assert!(limits.memory > 1 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptLimits {
    /// Expressions and statements that may be evaluated. Work over long texts counts by its length.
    pub steps: u64,
    /// Bytes that may be asked for over the whole run; nothing that is given up comes back.
    pub memory: u64,
    /// Bytes of one file that is read or written.
    pub file: u64,
}

impl Default for ScriptLimits {
    fn default() -> Self {
        Self {
            steps: 10_000_000,
            memory: 256 << 20,
            file: 64 << 20,
        }
    }
}
