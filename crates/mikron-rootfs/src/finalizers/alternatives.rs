//! Alternatives.

use mikron_package::MemoryContents;

use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::tree::Tree;

/// Alternatives.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlternativesFinalizer;

impl Finalizer for AlternativesFinalizer {
    fn name(&self) -> &'static str {
        "alternatives"
    }

    fn run(
        &self,
        _: &Context<'_>,
        _: &mut Tree,
        _: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        Ok(Report::new(self.name()))
    }
}
