//! CaBundle.

use mikron_package::MemoryContents;

use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::tree::Tree;

/// CaBundle.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaBundleFinalizer;

impl Finalizer for CaBundleFinalizer {
    fn name(&self) -> &'static str {
        "ca_bundle"
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
