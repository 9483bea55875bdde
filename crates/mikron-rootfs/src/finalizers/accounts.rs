//! Accounts.

use mikron_package::MemoryContents;

use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::tree::Tree;

/// Accounts.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountsFinalizer;

impl Finalizer for AccountsFinalizer {
    fn name(&self) -> &'static str {
        "accounts"
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
