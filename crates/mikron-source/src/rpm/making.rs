//! From `primary.xml` to a compact index: read side by side, filtered, completed from `filelists.xml`.

use std::collections::{BTreeSet, HashSet};

use mikron_package::{
    Architecture, Limits, OddRecords, Origin, PackageName, PackageRecord, Relation,
};
use mikron_rpm::{
    ActiveModules, Census, PrimaryParts, PrimaryReader, RepomdData, RepomdError, read_filelists,
};

use super::filter::Excludes;
use super::parallel::side_by_side;
use super::paths::{Holders, Paths};
use super::{RpmRepository, VerifiedRepomd};
use crate::context::Context;
use crate::error::SourceError;
use crate::universe::{CompactIndex, IndexBuilder, WriteError};

/// What making an index needs to know.
pub(super) struct Work<'a> {
    pub(super) repository: &'a RpmRepository,
    pub(super) context: &'a Context<'a>,
    pub(super) verified: &'a VerifiedRepomd,
    pub(super) architecture: Architecture,
    pub(super) accepted: Vec<String>,
    pub(super) modules: ActiveModules,
}

impl Work<'_> {
    /// Reads `primary.xml` once, and once more where a path is called for that only `filelists.xml` names. Gives the paths that
    /// nobody has, too.
    pub(super) fn index(
        &self,
        primary: &RepomdData,
        others: &BTreeSet<String>,
    ) -> Result<(CompactIndex, Vec<String>), SourceError> {
        let mut paths = Paths::default();
        let index = self.pass(primary, |record| paths.note(record))?;
        let mut open = paths.missing(&index);
        let missing: HashSet<&str> = open.iter().chain(others).map(String::as_str).collect();
        if missing.is_empty() || !self.verified.repomd.data.contains_key("filelists") {
            return Ok((index, open));
        }
        let repository = self.repository;
        let data = repository.data(self.verified, "filelists")?;
        let text = repository.open(self.context, data)?;
        let mut holders = Holders::default();
        let origin = repository.origin(data);
        read_filelists(text, self.context.limits, &origin, |package, path| {
            if missing.contains(path) {
                holders.add(package, path);
            }
        })
        .map_err(|error| repository.malformed_index(&data.location, error))?;
        if holders.is_empty() {
            return Ok((index, open));
        }
        let index = self.pass(primary, |record| {
            for path in holders.of(record) {
                if let Ok(name) = PackageName::wanted(path) {
                    record.provides.push(Relation::named(name));
                }
            }
        })?;
        // Packages that are left out hold nothing.
        open.retain(|path| {
            let providers = index.providers(path.as_bytes());
            providers.is_ok_and(|found| found.is_empty())
        });
        Ok((index, open))
    }

    /// One pass over all packages that are not left out.
    ///
    /// Parts of the text are read side by side. Where one of them is not as it should be, the whole is read from front to back,
    /// and either that is fine, or the fault has its place.
    fn pass(
        &self,
        primary: &RepomdData,
        mut each: impl FnMut(&mut PackageRecord),
    ) -> Result<CompactIndex, SourceError> {
        let excludes = Excludes(&self.repository.options.exclude);
        let mut wanted = |record: &mut PackageRecord| {
            let wanted = self.accepted.contains(&record.arch)
                && !excludes.hide(record.name.as_str(), record.version.as_str(), &record.arch)
                && !self.modules.hides(record);
            if wanted {
                each(record);
            }
            wanted
        };
        let mut builder = self.builder();
        let read = self.read_parts(primary, |mut record| {
            !wanted(&mut record) || builder.add(&record).is_ok()
        });
        let odd = if let Some(odd) = read {
            odd
        } else {
            builder = self.builder();
            self.read_whole(primary, |mut record| {
                let add = wanted(&mut record);
                if add { builder.add(&record) } else { Ok(()) }
            })?
        };
        let mut left_out = OddRecords::default();
        left_out.extend(odd, |odd| {
            !excludes.hide(&odd.name, &odd.version, &odd.arch)
        });
        builder.leave_out(left_out);
        builder
            .finish()
            .map_err(|error| self.repository.malformed_index(&primary.location, error))
    }

    fn builder(&self) -> IndexBuilder {
        let accepted: Vec<&str> = self.accepted.iter().map(String::as_str).collect();
        IndexBuilder::new(self.architecture.rpm(), &accepted)
    }

    /// Hands all packages to `add` in order, read side by side, and gives those that cannot be used. `None` where anything is
    /// wrong.
    fn read_parts(
        &self,
        primary: &RepomdData,
        mut add: impl FnMut(PackageRecord) -> bool,
    ) -> Option<OddRecords> {
        let text = self.repository.open(self.context, primary).ok()?;
        let limits = self.context.limits;
        let base = self.repository.bases.first().map(String::as_str);
        let mut census = Census::default();
        let (mut odd, mut good) = (OddRecords::default(), false);
        let parts = PrimaryParts::new(text, limits);
        side_by_side(
            parts,
            |part| Packages::read(&part, limits, base),
            |packages| {
                census.promise(packages.promised);
                for _ in 0..packages.odd.count() {
                    census.count(limits).ok()?;
                }
                odd.extend(packages.odd, |_| true);
                for record in packages.records {
                    good = true;
                    census.count(limits).ok()?;
                    if census.is_new(&record).ok()? && !add(record) {
                        return None;
                    }
                }
                Some(())
            },
        )?;
        census.finish().ok()?;
        (good || odd.is_empty()).then_some(odd)
    }

    /// Hands all packages to `add` in order, read from front to back, and gives those that cannot be used.
    fn read_whole(
        &self,
        primary: &RepomdData,
        mut add: impl FnMut(PackageRecord) -> Result<(), WriteError>,
    ) -> Result<OddRecords, SourceError> {
        let repository = self.repository;
        let text = repository.open(self.context, primary)?;
        let origin = repository.origin(primary);
        let mut reader = PrimaryReader::new(text, self.context.limits, &origin);
        if let [base, ..] = &*repository.bases {
            reader = reader.with_base(base);
        }
        let fault = |error: RepomdError| repository.malformed_index(&primary.location, error);
        while let Some(record) = reader.next_package().map_err(fault)? {
            let added = add(record);
            added.map_err(|error| repository.malformed_index(&primary.location, error))?;
        }
        Ok(reader.odd().clone())
    }
}

/// The packages of one part of `primary.xml`.
struct Packages {
    promised: Option<u64>,
    records: Vec<PackageRecord>,
    odd: OddRecords,
}

impl Packages {
    /// Reads a part; `None` where anything is wrong with it.
    fn read(part: &[u8], limits: &Limits, base: Option<&str>) -> Option<Self> {
        let mut reader = PrimaryReader::of_text(part, limits, &Origin::default()).part();
        if let Some(base) = base {
            reader = reader.with_base(base);
        }
        let mut records = Vec::new();
        while let Some(record) = reader.next_package().ok()? {
            records.push(record);
        }
        Some(Self {
            promised: reader.promised(),
            records,
            odd: reader.odd().clone(),
        })
    }
}
