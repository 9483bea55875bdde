//! What stands for slices in a build without them: nothing is taken, and a spec that asks is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mikron_facts::{PackageFacts, Spool};
use mikron_package::{Limits, PackageName, Platform, Progress, RootPath};
use mikron_rootfs::{Finalizer, RootfsError};
use mikron_select::Given;
use mikron_solve::Root;
use mikron_spec::{DefinitionSource, Spec};

use crate::Error;
use crate::files::Beside;
use crate::order::Order;

/// No releases.
#[derive(Debug, Default)]
pub(crate) struct Releases;

impl Releases {
    /// # Errors
    /// When the spec names a release of slice definitions. There are no slices without one.
    pub(crate) fn read(
        order: &Order,
        _: &Beside,
        _: &dyn Progress,
        _: &Limits,
    ) -> Result<Self, Error> {
        let mut definitions = order.spec.definitions.iter();
        if definitions.any(|source| matches!(source, DefinitionSource::Chisel(_))) {
            return Err(Error::NotBuiltIn {
                what: "slices",
                feature: "slices",
            });
        }
        Ok(Self)
    }

    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "as with slices"
    )]
    pub(crate) fn select(&self, _: Platform) -> Result<Slices, Error> {
        Ok(Slices::default())
    }
}

/// No slices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slices(());

#[expect(clippy::unused_self, reason = "as with slices")]
impl Slices {
    pub(crate) fn cut(&self, _: &PackageName) -> bool {
        false
    }

    pub(crate) fn roots(&self, _: &Spec) -> Vec<Root> {
        Vec::new()
    }

    pub(crate) fn identity(&self) -> String {
        String::new()
    }

    #[expect(clippy::unnecessary_wraps, reason = "as with slices")]
    pub(crate) fn apply(&self, _: &[Arc<PackageFacts>], _: &Spool) -> Result<Sliced, Error> {
        Ok(Sliced)
    }
}

/// Packages as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sliced;

#[expect(clippy::unused_self, reason = "as with slices")]
impl Sliced {
    pub(crate) fn of(
        &self,
        _: &PackageName,
    ) -> Option<(&Arc<PackageFacts>, &BTreeMap<usize, Given>)> {
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }
}

/// No scripts. As no package is ever sliced, nothing runs it.
pub(crate) fn mutation(_: Arc<Sliced>, _: BTreeSet<RootPath>) -> Finalizer {
    Finalizer::new("slices", |_| Ok(()))
}

pub(crate) fn failure(_: &RootfsError) -> Option<Error> {
    None
}
