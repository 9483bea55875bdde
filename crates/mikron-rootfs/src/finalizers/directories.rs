//! Directories.

use mikron_package::MemoryContents;

use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::tree::Tree;

/// Directories.
#[derive(Clone, Copy, Debug, Default)]
pub struct DirectoriesFinalizer;

impl Finalizer for DirectoriesFinalizer {
    fn name(&self) -> &'static str {
        "directories"
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
