//! A repository of any family: what the facade asks of it, whatever its metadata look like.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs::File;
use std::sync::Arc;

use mikron_package::{
    Architecture, Digest, Family, OddRecords, PackageName, PackageRecord, Sought, threads,
};

use crate::context::Context;
use crate::download::Wanted;
use crate::error::{SourceError, SourceErrorKind};
use crate::universe::Part;

/// A package repository.
///
/// The families differ in what they sign and how they name it; to a build they are all the same: something that publishes
/// indexes for architectures, and has the archives that those name.
///
/// ```
/// use mikron_source::Repository;
/// use mikron_source::deb::DebRepository;
/// use mikron_source::preset::debian_keyring;
/// let debian = DebRepository::new("vendor", "https://example.org/debian", "stable", debian_keyring());
/// let repository: &dyn Repository = &debian;
/// assert_eq!(repository.source(), "vendor");
/// ```
pub trait Repository: Debug + Send + Sync {
    /// The name of the source in the spec.
    fn source(&self) -> &str;

    /// The family of its packages.
    fn family(&self) -> Family;

    /// That no location of it is known, where that is so: nothing can be asked then.
    fn unplaced(&self) -> Option<SourceError> {
        None
    }

    /// Asks what it publishes for these architectures. The result has one item for each, in their order.
    ///
    /// # Errors
    /// When nothing can be fetched, or what was fetched is not believed.
    fn publish(
        &self,
        context: &Context<'_>,
        architectures: &[Architecture],
    ) -> Result<Vec<Arc<dyn Published>>, SourceError>;

    /// What to ask a [`Downloader`](crate::download::Downloader) for to get an archive: its digest and size, and its location
    /// behind every base URL.
    ///
    /// # Errors
    /// When the location leads out of the repository. A lock is text that anybody may have edited.
    fn archive(&self, location: &str, size: u64, digest: Digest) -> Result<Wanted, SourceError>;

    /// Learns where an archive lies, where only others know that (a mirror list). To be called before [`Repository::archive`]
    /// where nothing was published, as for a locked build.
    ///
    /// # Errors
    /// When nobody says where they are.
    fn prepare(&self, context: &Context<'_>, location: &str) -> Result<(), SourceError> {
        let _ = (context, location);
        Ok(())
    }

    /// Checks an archive that was fetched by its digest, where the metadata of the repository alone do not prove it: the
    /// packages of some are signed, and their metadata are not. `archive` stands at its start, and is left anywhere.
    ///
    /// # Errors
    /// When it is not signed as it should be.
    fn check(
        &self,
        context: &Context<'_>,
        name: &str,
        archive: &mut File,
    ) -> Result<(), SourceError> {
        let _ = (context, name, archive);
        Ok(())
    }

    /// Whether an archive of this source rather lies here than in the source's other repositories.
    fn is_likely(&self, location: &str) -> bool {
        let _ = location;
        true
    }

    /// Finds the digest of an archive that the index proves by a [`Checksum`](mikron_package::Checksum) alone: fetches it
    /// where that is needed, checks it, and keeps it in the cache. Does nothing to a record that has its digest.
    ///
    /// # Errors
    /// When the archive cannot be fetched, or is not the one that the index means.
    fn pin(&self, context: &Context<'_>, record: &mut PackageRecord) -> Result<(), SourceError> {
        let _ = (context, record);
        Ok(())
    }
}

/// What a repository publishes for one architecture, verified.
pub trait Published: Debug + Send + Sync {
    /// The name of the source in the spec.
    fn source(&self) -> &str;

    /// The family of its packages.
    fn family(&self) -> Family;

    /// The architecture.
    fn architecture(&self) -> Architecture;

    /// When it was published, in seconds since 1970; 0 where that is unknown.
    fn date(&self) -> i64;

    /// A digest over everything that a solution depends on: what is published, and what is preferred.
    fn identity(&self) -> Digest;

    /// All indexes, as parts of a universe.
    ///
    /// # Errors
    /// When one can neither be found nor fetched, or is malformed.
    fn parts(&self, context: &Context<'_>) -> Result<Vec<Part>, SourceError>;

    /// What the repositories beside it have to know.
    ///
    /// # Errors
    /// As [`Published::parts`].
    fn told(&self, context: &Context<'_>) -> Result<Told, SourceError> {
        let _ = context;
        Ok(Told::default())
    }

    /// All indexes, made with what the repositories beside it tell.
    ///
    /// # Errors
    /// As [`Published::parts`].
    fn parts_beside(&self, context: &Context<'_>, told: &Told) -> Result<Vec<Part>, SourceError> {
        let _ = told;
        self.parts(context)
    }

    /// Who has what is looked for, by a list of the files of all its packages that lies beside the indexes and is fetched when this
    /// is asked: wherever files of that name lie, for a path there. `None` where it publishes no such list; what records themselves
    /// say of files, the universe knows.
    ///
    /// # Errors
    /// As [`Published::parts`].
    fn holders(
        &self,
        context: &Context<'_>,
        sought: &Sought,
    ) -> Result<Option<Vec<Holder>>, SourceError> {
        let _ = (context, sought);
        Ok(None)
    }

    /// What a lock says of it.
    fn summary(&self) -> PublishedSuite;
}

/// A package of a repository that has a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// The package.
    pub package: PackageName,
    /// The path of the file, from `/`.
    pub path: String,
}

/// What one repository tells those beside it in a spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Paths that its packages call for and that none of them has. Indexes do not hold every path: there are millions, and
    /// hardly any is called for.
    pub open_paths: BTreeSet<String>,
    /// Names that its modules have taken over: packages of these names that belong to no module are hidden.
    pub taken_names: BTreeSet<String>,
}

/// What a lock says of something published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSuite {
    /// The suite of a Debian repository; else empty, as the source has only one.
    pub suite: String,
    /// The archive's name where it has one that is no URL (`debian-security`); else empty.
    pub archive: String,
    /// The signed file: its path below the base URL, and its digest.
    pub signed: (String, Digest),
    /// When it was published, in seconds since 1970.
    pub date: i64,
    /// Until when it is valid, in seconds since 1970.
    pub valid_until: Option<i64>,
    /// The indexes.
    pub indexes: Vec<PublishedFile>,
}

/// A published file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedFile {
    /// Its path below the base URL.
    pub path: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// The parts of one universe out of all that is published for it: a path that packages of one repository call for is looked for
/// in the others, and what the modules of one hide is hidden in all.
///
/// # Errors
/// As [`Published::parts`].
pub fn parts(
    context: &Context<'_>,
    published: &[&Arc<dyn Published>],
) -> Result<Vec<Part>, SourceError> {
    let parts = all_parts(context, published)?;
    let sources: BTreeSet<&str> = parts.iter().map(|part| &*part.source).collect();
    for source in sources {
        warn_of_odd(context, source, &parts);
    }
    Ok(parts)
}

/// Tells how many records of a source cannot be used, with the first of them; once for all its indexes.
fn warn_of_odd(context: &Context<'_>, source: &str, parts: &[Part]) {
    const NAMED: usize = 3;
    let own = parts.iter().filter(|part| part.source == source);
    let mut odd = OddRecords::default();
    let mut label = None;
    for part in own {
        let of_part = part.index.odd().unwrap_or_default();
        if !of_part.is_empty() {
            label.get_or_insert(&part.label);
        }
        odd.extend(of_part, |_| true);
    }
    let Some(label) = label else { return };
    let named: Vec<String> = odd.iter().take(NAMED).map(ToString::to_string).collect();
    let more = odd.count() - named.len() as u64;
    let (records, are) = if odd.count() == 1 {
        ("record", "is")
    } else {
        ("records", "are")
    };
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    context.warn(&format!(
        "source {source} ({label}): {} {records} of its index cannot be used and {are} left out: {}{more}",
        odd.count(),
        named.join(", "),
    ));
}

fn all_parts(
    context: &Context<'_>,
    published: &[&Arc<dyn Published>],
) -> Result<Vec<Part>, SourceError> {
    if let [one] = published {
        return one.parts(context);
    }
    let mut all = Told::default();
    for one in published {
        let told = one.told(context)?;
        all.open_paths.extend(told.open_paths);
        all.taken_names.extend(told.taken_names);
    }
    let mut parts = Vec::new();
    for one in published {
        parts.extend(one.parts_beside(context, &all)?);
    }
    Ok(parts)
}

/// The error for all repositories of which no location is known: who adds one of them wants to know of the others.
pub fn unplaced(repositories: &[Arc<dyn Repository>]) -> Option<SourceError> {
    let mut all = repositories.iter().filter_map(|one| one.unplaced());
    let mut error = all.next()?;
    for more in all {
        if let (
            SourceErrorKind::Unplaced { archives },
            SourceErrorKind::Unplaced { archives: more },
        ) = (&mut *error.kind, *more.kind)
        {
            archives.extend(more);
            archives.sort_unstable();
            archives.dedup();
        }
    }
    Some(error)
}

/// Asks several repositories at once. The result has one item for each pair, repositories within architectures, in the given
/// order.
///
/// # Errors
/// The first error, in that order.
pub fn refresh(
    context: &Context<'_>,
    repositories: &[Arc<dyn Repository>],
    architectures: &[Architecture],
) -> Result<Vec<Arc<dyn Published>>, SourceError> {
    if !context.offline
        && let Some(error) = unplaced(repositories)
    {
        return Err(error);
    }
    let by_repository = threads::each(
        repositories.len(),
        repositories.iter().collect(),
        |repository| repository.publish(context, architectures),
    );
    let mut published = Vec::new();
    for result in by_repository {
        published.extend(result?);
    }
    // Architectures first, then the repositories' own order; the sort is stable.
    let place =
        |of: &Arc<dyn Published>| architectures.iter().position(|a| *a == of.architecture());
    published.sort_by_key(place);
    Ok(published)
}
