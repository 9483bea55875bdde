//! Several compact indexes of one family as one [`Universe`].

use std::cmp::Ordering;
use std::sync::Arc;

use mikron_package::{
    Digest, Family, OddRecord, PackageFormat, PackageId, PackageName, PackageRecord, Universe,
    Version, VersionOrder,
};

use super::bytes::CompactError;
use super::compact::CompactIndex;
use super::similar::similar;

/// One index of a universe.
#[derive(Clone, Debug)]
pub struct Part {
    /// The index.
    pub index: Arc<CompactIndex>,
    /// The name of the source in the spec.
    pub source: String,
    /// The pin priority of its packages (apt_preferences(5)); 500 unless the spec says otherwise.
    pub priority: i32,
    /// The suite and component, for messages: `bookworm/main`.
    pub label: String,
}

/// All indexes of one family in one build: main archive, updates, security, third parties.
///
/// The order of the parts matters: where two of them hold one package in one version and architecture, that of the
/// higher priority counts, and of equal ones the earlier. The other is hidden altogether.
///
/// ```
/// use std::sync::Arc;
/// use mikron_deb::DebFormat;
/// use mikron_package::{Limits, Origin, Universe};
/// use mikron_source::universe::{IndexUniverse, Part, build_index};
/// let text = format!(
///     "Package: a\nVersion: 1\nArchitecture: all\nFilename: pool/a_1_all.deb\nSize: 9\nSHA256: {}\n",
///     "0".repeat(64),
/// );
/// let index = build_index(text.as_bytes(), "amd64", &Limits::default(), &Origin::named("Packages"))?;
/// let part = Part { index: Arc::new(index), source: "debian".into(), priority: 500, label: "example/main".into() };
/// let universe = IndexUniverse::new(&DebFormat, "amd64", vec![part])?;
/// let id = universe.named("a")[0];
/// assert_eq!(universe.record(id).location, "pool/a_1_all.deb");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct IndexUniverse {
    family: Family,
    order: &'static dyn VersionOrder,
    architecture: String,
    parts: Vec<Part>,
}

/// Indexes that do not make a universe.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UniverseError {
    /// Two indexes of one source name different archives for one identity: a mixed-up or tampered repository.
    #[error(
        "source {source_name}: {first} and {second} hold different archives of {package} {version} {architecture} \
         ({} and {}); the repository contradicts itself",
        shown(.digests.0.as_ref()), shown(.digests.1.as_ref())
    )]
    Conflict {
        /// The source in the spec.
        source_name: String,
        /// The label of the one index.
        first: String,
        /// The label of the other.
        second: String,
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// Its architecture.
        architecture: String,
        /// The digests that the two name.
        digests: (Option<Digest>, Option<Digest>),
    },
    /// An index that was built for another architecture.
    #[error(
        "source {source_name}: {label} was read for {found}, and the universe is for {expected}"
    )]
    Architecture {
        /// The source in the spec.
        source_name: String,
        /// The label of the index.
        label: String,
        /// The architecture of the index.
        found: String,
        /// The architecture of the universe.
        expected: String,
    },
    /// More indexes, or more packages in one, than a package's number has room for.
    #[error(
        "there are too many indexes ({parts}, at most 255) or packages in one ({records}, at most 16777215)"
    )]
    TooMany {
        /// The number of indexes.
        parts: usize,
        /// The largest number of packages in one of them.
        records: u32,
    },
    /// A compact index that does not hold together.
    #[error("source {source_name}: {label}: {error}")]
    Compact {
        /// The source in the spec.
        source_name: String,
        /// The label of the index.
        label: String,
        /// What is wrong.
        error: CompactError,
    },
}

impl std::fmt::Debug for IndexUniverse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexUniverse")
            .field("family", &self.family)
            .field("architecture", &self.architecture)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

fn shown(digest: Option<&Digest>) -> String {
    digest.map_or_else(|| "no digest".to_owned(), ToString::to_string)
}

/// Low bits of a [`PackageId`]: the number of the record. The high ones: the part.
const RECORD_BITS: u32 = 24;

impl IndexUniverse {
    /// Puts indexes of a format together. None is read but for finding contradictions between parts of one source.
    ///
    /// # Errors
    /// When an index is for another architecture, two of one source contradict each other, or there are too many.
    pub fn new(
        format: &dyn PackageFormat,
        architecture: &str,
        parts: Vec<Part>,
    ) -> Result<Self, UniverseError> {
        let records = parts.iter().map(|p| p.index.len()).max().unwrap_or(0);
        if parts.len() > 255 || records >= 1 << RECORD_BITS {
            return Err(UniverseError::TooMany {
                parts: parts.len(),
                records,
            });
        }
        for part in &parts {
            if part.index.architecture() != architecture {
                return Err(UniverseError::Architecture {
                    source_name: part.source.clone(),
                    label: part.label.clone(),
                    found: part.index.architecture().to_owned(),
                    expected: architecture.to_owned(),
                });
            }
        }
        let universe = Self {
            family: format.family(),
            order: format.order(),
            architecture: architecture.to_owned(),
            parts,
        };
        universe.check()?;
        Ok(universe)
    }

    /// The indexes, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The number of records in all indexes, hidden ones counted too.
    pub fn len(&self) -> usize {
        self.parts
            .iter()
            .map(|part| part.index.len() as usize)
            .sum()
    }

    /// Whether there is no package at all.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.index.is_empty())
    }

    /// All packages that are not hidden, by part and in order of name.
    pub fn all(&self) -> impl Iterator<Item = PackageId> {
        self.parts
            .iter()
            .enumerate()
            .flat_map(|(part, p)| (0..p.index.len()).map(move |record| id(part, record)))
            .filter(|id| !self.is_hidden(*id))
    }

    /// Looks for one identity with two archives in parts of one source.
    fn check(&self) -> Result<(), UniverseError> {
        for (number, first) in self.parts.iter().enumerate() {
            for second in &self.parts[number + 1..] {
                if first.source == second.source {
                    check_pair(first, second)?;
                }
            }
        }
        Ok(())
    }

    fn part(&self, id: PackageId) -> Option<(usize, &Part, u32)> {
        let number = (id.0 >> RECORD_BITS) as usize;
        let part = self.parts.get(number)?;
        Some((number, part, id.0 & ((1 << RECORD_BITS) - 1)))
    }

    /// Whether another part holds the same identity and counts more.
    fn is_hidden(&self, id: PackageId) -> bool {
        let Some((number, part, record)) = self.part(id) else {
            return true;
        };
        if self.parts.len() == 1 {
            return false;
        }
        let Ok(identity) = part.index.identity(record) else {
            return true;
        };
        self.parts.iter().enumerate().any(|(other, p)| {
            let counts_more =
                p.priority > part.priority || (p.priority == part.priority && other < number);
            counts_more && find(&p.index, identity).is_some()
        })
    }

    /// Gathers ids from all parts, without the hidden ones. Corruption shows as absence: the cache has checked the
    /// digest of every part, and the solver then says what is missing.
    fn gather<I: IntoIterator<Item = u32>>(
        &self,
        records: impl Fn(&CompactIndex) -> Result<I, CompactError>,
    ) -> Vec<PackageId> {
        let mut ids = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            if let Ok(records) = records(&part.index) {
                ids.extend(records.into_iter().map(|record| id(number, record)));
            }
        }
        ids.retain(|id| !self.is_hidden(*id));
        ids
    }
}

fn id(part: usize, record: u32) -> PackageId {
    PackageId((part as u32) << RECORD_BITS | record)
}

/// The record of an identity, where the index has it.
fn find(index: &CompactIndex, identity: [&[u8]; 3]) -> Option<u32> {
    index
        .named(identity[0])
        .ok()?
        .find(|record| index.identity(*record).is_ok_and(|other| other == identity))
}

/// Walks over the smaller of two indexes and looks each package up in the other.
fn check_pair(a: &Part, b: &Part) -> Result<(), UniverseError> {
    let (small, large) = if a.index.len() < b.index.len() {
        (a, b)
    } else {
        (b, a)
    };
    let fault = |part: &Part| {
        let (source_name, label) = (part.source.clone(), part.label.clone());
        move |error| UniverseError::Compact {
            source_name,
            label,
            error,
        }
    };
    for record in 0..small.index.len() {
        let identity = small.index.identity(record).map_err(fault(small))?;
        let Some(twin) = find(&large.index, identity) else {
            continue;
        };
        let first = small.index.digest(record).map_err(fault(small))?;
        let second = large.index.digest(twin).map_err(fault(large))?;
        let checksum = |part: &Part, record: u32| {
            let record = part.index.record(record).map_err(fault(part))?;
            Ok::<_, UniverseError>(record.checksum)
        };
        // Where an index has no digests, its checksums tell.
        let differ = match (first, second) {
            (None, None) => checksum(small, record)? != checksum(large, twin)?,
            _ => first != second,
        };
        if differ {
            let [package, version, architecture] =
                identity.map(|text| String::from_utf8_lossy(text).into_owned());
            return Err(UniverseError::Conflict {
                source_name: a.source.clone(),
                first: small.label.clone(),
                second: large.label.clone(),
                package,
                version,
                architecture,
                digests: (first, second),
            });
        }
    }
    Ok(())
}

impl Universe for IndexUniverse {
    fn family(&self) -> Family {
        self.family
    }

    fn architecture(&self) -> &str {
        &self.architecture
    }

    fn order(&self) -> &dyn VersionOrder {
        self.order
    }

    fn named(&self, name: &str) -> Vec<PackageId> {
        self.gather(|index| index.named(name.as_bytes()))
    }

    fn providers(&self, name: &str) -> Vec<PackageId> {
        self.gather(|index| index.providers(name.as_bytes()))
    }

    fn obsoleters(&self, name: &str) -> Vec<PackageId> {
        self.gather(|index| index.obsoleters(name.as_bytes()))
    }

    fn triggered(&self, name: &str) -> Vec<PackageId> {
        self.gather(|index| index.triggered(name.as_bytes()))
    }

    fn odd(&self, name: &str) -> Vec<(OddRecord, String)> {
        let of_part = |part: &Part| {
            let odd = part.index.odd().unwrap_or_default();
            let named = odd
                .named(name)
                .map(|odd| (odd.clone(), part.source.clone()));
            named.collect::<Vec<_>>()
        };
        self.parts.iter().flat_map(of_part).collect()
    }

    fn record(&self, id: PackageId) -> PackageRecord {
        self.part(id)
            .and_then(|(_, part, record)| part.index.record(record).ok())
            .unwrap_or_else(|| {
                let name = PackageName::new("unknown").expect("a literal that obeys the rule");
                PackageRecord::new(name, Version::new("0"), "all")
            })
    }

    fn priority(&self, id: PackageId) -> i32 {
        self.part(id).map_or(500, |(_, part, _)| part.priority)
    }

    fn source(&self, id: PackageId) -> &str {
        self.part(id).map_or("", |(_, part, _)| &part.source)
    }

    fn essential(&self) -> Vec<PackageId> {
        let mut ids = self.gather(CompactIndex::essential);
        let name = |id: &PackageId| {
            let (_, part, record) = self.part(*id)?;
            part.index.name(record).ok()
        };
        ids.sort_by(|a, b| match name(a).cmp(&name(b)) {
            Ordering::Equal => a.cmp(b),
            different => different,
        });
        ids
    }

    fn similar(&self, name: &str) -> Vec<PackageName> {
        let names = self.parts.iter().flat_map(|part| part.index.all_names());
        similar(name, names, 5)
            .into_iter()
            .filter_map(|name| PackageName::new(str::from_utf8(&name).ok()?).ok())
            .collect()
    }
}
