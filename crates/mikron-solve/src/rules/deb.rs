//! dpkg and apt: alternatives in the order of the control file, a real package before one that provides it, multi-arch
//! (deb-control(5), apt_preferences(5)).

use std::cmp::Ordering;
use std::collections::BTreeSet;

use mikron_package::{ArchQualifier, MultiArch, PackageId, PackageName, PackageRecord, Relation};

use super::{Ban, Rules};
use crate::RelationKind;
use crate::catalog::Catalog;
use crate::clauses::Clause;
use crate::terms::{Candidate, Choice, View};

/// The rules of dpkg and apt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deb;

impl Rules for Deb {
    fn architecture_fits(
        &self,
        catalog: &Catalog<'_>,
        relation: &Relation,
        view: &View,
        record: &PackageRecord,
    ) -> bool {
        let (arch, native) = (catalog.architecture(record), catalog.native());
        match &relation.arch {
            None => {
                let wanted = view.foreign.as_deref().unwrap_or(native);
                arch == wanted || record.multi_arch == MultiArch::Foreign
            }
            Some(ArchQualifier::Any) => record.multi_arch == MultiArch::Allowed,
            Some(ArchQualifier::Native) => arch == native,
            Some(ArchQualifier::Named(wanted)) => arch == wanted,
        }
    }

    fn forbids_architecture(
        &self,
        catalog: &Catalog<'_>,
        relation: &Relation,
        record: &PackageRecord,
    ) -> bool {
        match &relation.arch {
            None | Some(ArchQualifier::Any) => true,
            Some(ArchQualifier::Native) => catalog.architecture(record) == catalog.native(),
            Some(ArchQualifier::Named(wanted)) => catalog.architecture(record) == wanted,
        }
    }

    fn compare(&self, catalog: &Catalog<'_>, a: PackageId, b: PackageId) -> Ordering {
        let native = |id| catalog.architecture(&catalog.record(id)) == catalog.native();
        (native(b).cmp(&native(a)))
            .then_with(|| catalog.priority(b).cmp(&catalog.priority(a)))
            .then_with(|| catalog.compare_versions(b, a))
    }

    fn found(&self, catalog: &Catalog<'_>, relation: &Relation, view: &View) -> Vec<Candidate> {
        let fits = |id: &PackageId| catalog.fits(*id, relation, view);
        let real = catalog.versions(&relation.name);
        let mut found: Vec<PackageId> = real.iter().copied().filter(fits).collect();
        // Who asks for a package by its name means that one, and nothing that provides the name beside it, as with apt.
        let names: BTreeSet<PackageName> = if view.asked && !found.is_empty() {
            BTreeSet::new()
        } else {
            catalog.provider_names(&relation.name)
        };
        let mut providers = Vec::with_capacity(names.len());
        for name in names {
            let versions = catalog.versions(&name);
            let ids: Vec<_> = versions.iter().copied().filter(fits).collect();
            let Some(&best) = ids.first() else { continue };
            let record = catalog.record(best);
            // As apt ranks them: what every installation holds, the native one, by importance. A package whose preferred
            // version does not provide the name comes last, and the name decides what is left.
            let rank = (
                !catalog.is_preferred(&record),
                versions.first() != Some(&best),
                !record.essential,
                catalog.architecture(&record) != catalog.native(),
                record.priority,
            );
            providers.push((rank, ids));
        }
        // Stable: they come in order of name.
        providers.sort_by_key(|(rank, _)| *rank);
        found.extend(providers.into_iter().flat_map(|(_, ids)| ids));
        found.into_iter().map(Candidate::alone).collect()
    }

    /// As the alternatives stand, but first those of which an earlier lock has one.
    fn arranged(
        &self,
        catalog: &Catalog<'_>,
        _clause: &Clause,
        _view: &View,
        mut choices: Vec<Choice>,
    ) -> Vec<Choice> {
        if choices.len() > 1 && catalog.has_preferences() {
            let preferred = |c: &&Choice| catalog.is_preferred(&catalog.record(c.id));
            let kept: BTreeSet<usize> = choices
                .iter()
                .filter(preferred)
                .map(|c| c.alternative)
                .collect();
            choices.sort_by_key(|choice| !kept.contains(&choice.alternative));
        }
        choices
    }

    fn bans(&self, record: &PackageRecord) -> Vec<Ban> {
        let conflicts = record.conflicts.iter();
        let conflicts = conflicts.map(|r| Ban::answers(RelationKind::Conflicts, r));
        let breaks = record.breaks.iter();
        conflicts
            .chain(breaks.map(|r| Ban::answers(RelationKind::Breaks, r)))
            .collect()
    }
}
