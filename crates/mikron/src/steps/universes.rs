//! What there is to choose from on one platform: a universe for each family of the spec's sources.
//!
//! Each family solves by its own rules over its own packages. A request of the spec goes to the family that has the package;
//! where several have it, the request names its source.

use std::sync::Arc;

use mikron_package::{Family, Relation, Universe};
use mikron_solve::Root;
use mikron_spec::Spec;

use crate::Error;

/// The universes of one platform, in the order of the names of the spec's sources.
#[derive(Clone, Default)]
pub(crate) struct Universes<'a>(Vec<Arc<dyn Universe + 'a>>);

impl<'a> Universes<'a> {
    pub(crate) fn new(universes: Vec<Arc<dyn Universe + 'a>>) -> Self {
        Self(universes)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Universe> {
        self.0.iter().map(|universe| &**universe)
    }

    /// The requests for each universe, in their order.
    ///
    /// # Errors
    /// When several families have a package, and the spec does not say which.
    pub(crate) fn assign(&self, spec: &Spec, roots: Vec<Root>) -> Result<Vec<Vec<Root>>, Error> {
        let mut assigned = vec![Vec::new(); self.0.len()];
        for root in roots {
            let place = self.place(spec, &root)?;
            if let Some(roots) = assigned.get_mut(place) {
                roots.push(root);
            }
        }
        Ok(assigned)
    }

    /// The universe that a request is for.
    fn place(&self, spec: &Spec, root: &Root) -> Result<usize, Error> {
        if self.0.len() < 2 {
            return Ok(0);
        }
        if let Some(source) = root.source.as_ref().and_then(|name| spec.sources.get(name)) {
            return Ok(self.of(source.family).unwrap_or(0));
        }
        let Some(Relation { name, .. }) = root.requirement.relations().first().copied() else {
            return Ok(0);
        };
        let having = |has: &dyn Fn(&dyn Universe) -> bool| -> Vec<usize> {
            let places = self
                .iter()
                .enumerate()
                .filter(|(_, universe)| has(*universe));
            places.map(|(place, _)| place).collect()
        };
        let real = having(&|universe| !universe.named(name.as_str()).is_empty());
        let mut found = real;
        if found.is_empty() {
            found = having(&|universe| !universe.providers(name.as_str()).is_empty());
        }
        if found.is_empty() {
            found = having(&|universe| !universe.odd(name.as_str()).is_empty());
        }
        match found.as_slice() {
            // The solver of the first will say that nobody has it.
            [] => Ok(0),
            [one] => Ok(*one),
            several => Err(Error::SeveralFamilies {
                package: name.clone(),
                families: several
                    .iter()
                    .map(|place| self.0[*place].family())
                    .collect(),
            }),
        }
    }

    fn of(&self, family: Family) -> Option<usize> {
        self.iter().position(|universe| universe.family() == family)
    }
}

/// The families of a spec's sources, in the order of the sources' names.
pub(crate) fn families(spec: &Spec) -> Vec<Family> {
    let mut families = Vec::new();
    for source in spec.sources.values() {
        if !families.contains(&source.family) {
            families.push(source.family);
        }
    }
    families
}
