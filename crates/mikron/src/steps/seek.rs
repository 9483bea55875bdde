//! Packages for what is sought: the sources are asked who has a library, a loader, an interpreter or a command.

use std::collections::BTreeSet;

use mikron_package::{PackageName, Platform, Sought, Universe};

use crate::Error;
use crate::error::{Candidate, UnfoundCause};
use crate::steps::sought::Need;
use crate::steps::sources::{Published, Sources};
use crate::steps::universes::Universes;

/// Who looks.
pub(crate) struct Seeker<'a> {
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) published: &'a Published,
    pub(crate) universes: &'a Universes<'a>,
    pub(crate) platform: Platform,
}

impl Seeker<'_> {
    /// The package that has what is needed, or why there is not one. Of several a package that is `there`, or that every
    /// installation has, will do.
    ///
    /// # Errors
    /// When a source cannot be asked.
    pub(crate) fn seek(
        &self,
        need: &Need,
        there: &BTreeSet<PackageName>,
    ) -> Result<Result<PackageName, UnfoundCause>, Error> {
        if self.universes.iter().next().is_none() {
            return Ok(Err(UnfoundCause::NoSource));
        }
        let mut candidates: BTreeSet<Candidate> = BTreeSet::new();
        for universe in self.universes.iter() {
            candidates.extend(self.providers(universe, &need.sought));
        }
        let (holders, unlisted) =
            self.sources
                .holders(self.published, self.platform, &need.sought)?;
        for holder in holders {
            // A package that is listed with its files and not in the index cannot be had.
            let mut universes = self.universes.iter();
            if is_shown(&holder.path)
                && universes.any(|universe| !universe.named(holder.package.as_str()).is_empty())
            {
                candidates.insert(Candidate {
                    package: holder.package,
                    path: Some(holder.path).filter(|path| !path.is_empty()),
                });
            }
        }
        let mut preferred = there.clone();
        for universe in self.universes.iter() {
            let essential = universe.essential().into_iter();
            preferred.extend(essential.map(|id| universe.record(id).name));
        }
        let is_preferred = |name: &PackageName| preferred.contains(name);
        Ok(need.choose(candidates.into_iter().collect(), &is_preferred, unlisted))
    }

    /// The packages whose records say that they have it.
    fn providers(&self, universe: &dyn Universe, sought: &Sought) -> Vec<Candidate> {
        let provided = (universe.family().provided_as)(sought, self.platform.architecture);
        let ids = provided.iter().flat_map(|name| universe.providers(name));
        let candidate = |id| Candidate {
            package: universe.record(id).name,
            path: None,
        };
        ids.map(candidate).collect()
    }
}

/// Whether a file is for programs to use, and not for debuggers.
fn is_shown(path: &str) -> bool {
    !path.starts_with("/usr/lib/debug/")
}
