//! `primary.xml`: one element for each package, with all that solving and fetching need.
//!
//! Hundreds of megabytes of text pass through here once, and become the compact index. Every package is checked in full on its
//! way, so that nothing that is read from the compact index later can turn out to be malformed. A package that breaks a rule is
//! left out and told of; what is wrong with the document as a whole is an error.

use std::borrow::Cow;
use std::io::BufRead;

use mikron_package::{
    Checksum, LimitExceeded, Limits, OddRecord, OddRecords, Origin, PackageName, PackageRecord,
    Relation, Requirement, Version,
};

use super::census::Census;
use super::data::location;
use super::evr::Evr;
use super::xml::{Step, Tag, XmlReader, XmlSource, XmlStream, XmlText};
use super::{FileChecksum, RepomdError, RepomdErrorKind};
use crate::nevra::source_package;
use crate::relation::{SENSE_EQUAL, SENSE_GREATER, SENSE_LESS, is_rpmlib, relation, requirement};

/// Reads the packages of a `primary.xml` from a stream, one at a time.
///
/// Source packages come too, as architecture `src`. Relations to `rpmlib()` are left out: the archive's own header is checked
/// against them.
///
/// ```
/// use mikron_package::{Limits, Origin};
/// use mikron_rpm::PrimaryReader;
/// let text = format!(
///     r#"<metadata xmlns:rpm="r" packages="1"><package type="rpm"><name>a</name><arch>noarch</arch>
///        <version epoch="1" ver="2" rel="3"/><checksum type="sha256" pkgid="YES">{}</checksum>
///        <size package="9" installed="5" archive="7"/><location href="a-2-3.noarch.rpm"/><format>
///        <rpm:requires><rpm:entry name="b" flags="GE" epoch="0" ver="4"/></rpm:requires>
///        <file>/usr/bin/a</file></format></package></metadata>"#,
///     "0".repeat(64),
/// );
/// let limits = Limits::default();
/// let mut reader = PrimaryReader::new(text.as_bytes(), &limits, &Origin::named("primary.xml"));
/// let package = reader.next_package()?.unwrap();
/// assert_eq!(package.version.as_str(), "1:2-3");
/// assert_eq!(package.depends[0].to_string(), "b (>= 4)");
/// assert_eq!(package.provides[0].to_string(), "/usr/bin/a");
/// assert!(reader.next_package()?.is_none());
/// # Ok::<(), mikron_rpm::RepomdError>(())
/// ```
pub struct PrimaryReader<S> {
    xml: XmlReader<S>,
    limits: Limits,
    base: Option<String>,
    promised: Option<u64>,
    /// `None` where others look over all packages: this is a part of the document.
    census: Option<Census>,
    package: Draft,
    good: bool,
    odd: OddRecords,
    /// What is wrong with the first of them.
    fault: Option<RepomdError>,
}

impl<S> std::fmt::Debug for PrimaryReader<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrimaryReader")
            .field("promised", &self.promised)
            .field("census", &self.census)
            .finish_non_exhaustive()
    }
}

impl<R: BufRead> PrimaryReader<XmlStream<R>> {
    /// A reader of the unpacked text; `origin` names source and file in errors.
    pub fn new(input: R, limits: &Limits, origin: &Origin) -> Self {
        Self::of(XmlReader::new(input, limits, origin, "metadata"), limits)
    }
}

impl<'t> PrimaryReader<XmlText<'t>> {
    /// A reader of a text in memory.
    pub fn of_text(text: &'t [u8], limits: &Limits, origin: &Origin) -> Self {
        Self::of(XmlReader::of_text(text, limits, origin, "metadata"), limits)
    }
}

impl<S: XmlSource> PrimaryReader<S> {
    fn of(xml: XmlReader<S>, limits: &Limits) -> Self {
        Self {
            xml,
            limits: limits.clone(),
            base: None,
            promised: None,
            census: Some(Census::default()),
            package: Draft::default(),
            good: false,
            odd: OddRecords::default(),
            fault: None,
        }
    }

    /// Names the repository's own base URL: `xml:base` may name it, and no other.
    #[must_use]
    pub fn with_base(mut self, base: &str) -> Self {
        self.base = Some(base.to_owned());
        self
    }

    /// Reads one of several parts of a document ([`super::PrimaryParts`]): number and checksums are not looked at, which is the
    /// work of who has them all.
    #[must_use]
    pub fn part(mut self) -> Self {
        self.census = None;
        self
    }

    /// How many packages the root promises, once it was read.
    pub fn promised(&self) -> Option<u64> {
        self.promised
    }

    /// The packages so far that are malformed or lack identity, checksum or location, or whose location leads out of the
    /// repository: they were passed over.
    pub fn odd(&self) -> &OddRecords {
        &self.odd
    }

    /// The next package that can be used; `None` at the end.
    ///
    /// # Errors
    /// When reading fails, two packages share one checksum, `packages=` is false, or a limit is exceeded; and where no package
    /// can be used, what is wrong with the first.
    pub fn next_package(&mut self) -> Result<Option<PackageRecord>, RepomdError> {
        loop {
            match self.advance()? {
                Progress::Begin | Progress::More => {}
                Progress::Package => {
                    let identity = self.package.identity();
                    let record = match self.package.finish() {
                        Ok(record) => record,
                        Err((kind, element)) => {
                            let fault = self.fault_in(kind, element, &identity[0]);
                            self.leave_out(identity, fault);
                            continue;
                        }
                    };
                    let new = self
                        .census
                        .as_mut()
                        .map_or(Ok(true), |census| census.is_new(&record));
                    if new.map_err(|kind| self.fault_in(kind, "", &identity[0]))? {
                        self.good = true;
                        return Ok(Some(record));
                    }
                }
                Progress::End => {
                    let Some(census) = &self.census else {
                        return Ok(None);
                    };
                    census.finish().map_err(|kind| self.xml.fault(kind))?;
                    return match self.fault.take() {
                        Some(fault) if !self.good => Err(fault),
                        _ => Ok(None),
                    };
                }
            }
        }
    }

    /// Takes one step.
    fn advance(&mut self) -> Result<Progress, RepomdError> {
        let package = &mut self.package;
        let outcome = match self.xml.step()? {
            Step::Open(tag) => match (tag.depth, tag.name()) {
                (1, _) => count(&tag).map(|count| {
                    self.promised = count;
                    if let Some(census) = &mut self.census {
                        census.promise(count);
                    }
                    Progress::More
                }),
                (2, "package") => Ok(Progress::Begin),
                _ => package
                    .open(&tag, self.base.as_deref())
                    .or_else(|kind| package.keep(kind))
                    .map(|()| Progress::More),
            },
            Step::Text(piece) => package
                .add_text(&piece, &self.limits)
                .map(|()| Progress::More),
            Step::Close => package.close(),
            Step::End => return Ok(Progress::End),
        };
        let end = self.xml.position();
        let package = &mut self.package;
        let outcome = outcome.and_then(|progress| {
            if matches!(progress, Progress::Begin) {
                package.begin = Some(end);
            }
            // What describes one package is held in memory until it is complete.
            let begin = package.begin.unwrap_or(end);
            LimitExceeded::check("control", end - begin, self.limits.control)?;
            if matches!(progress, Progress::Package) {
                self.census
                    .as_mut()
                    .map_or(Ok(()), |census| census.count(&self.limits))?;
            }
            Ok(progress)
        });
        outcome.map_err(|kind| self.fault_in(kind, self.package.element, &self.package.name))
    }

    fn fault_in(&self, kind: RepomdErrorKind, element: &str, package: &str) -> RepomdError {
        let fault = self.xml.fault(kind).in_package(package);
        if element.is_empty() {
            fault
        } else {
            fault.in_element(element)
        }
    }

    fn leave_out(&mut self, [name, version, arch]: [String; 3], fault: RepomdError) {
        let reason = match &fault.place.element {
            Some(element) => format!("{element}: {}", fault.kind),
            None => fault.kind.to_string(),
        };
        self.odd
            .add(OddRecord::new(&name, &version, &arch, &reason));
        self.fault.get_or_insert(fault);
    }
}

/// What a step came to.
enum Progress {
    /// A package begins.
    Begin,
    More,
    /// A package is complete.
    Package,
    End,
}

/// `packages=` of the root.
pub(super) fn count(tag: &Tag<'_>) -> Result<Option<u64>, RepomdErrorKind> {
    let Some(text) = tag.attribute("packages")? else {
        return Ok(None);
    };
    let count = text.trim_ascii().parse();
    count
        .map(Some)
        .map_err(|_| RepomdErrorKind::value(&text, "a number of packages"))
}

/// What a list of `rpm:entry` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Requires,
    Provides,
    Conflicts,
    Obsoletes,
    Recommends,
    Supplements,
    Suggests,
    Enhances,
}

/// A package that is being read.
#[derive(Default)]
struct Draft {
    /// Elements that are open inside of it.
    depth: usize,
    /// The element whose text is wanted, or that is being judged; for messages too.
    element: &'static str,
    text: String,
    /// Room for the version of a relation.
    version: String,
    list: Option<List>,
    /// Offset behind its first tag; `None` outside of a package.
    begin: Option<u64>,
    /// What is wrong with it, and the element in which that was found.
    fault: Option<(RepomdErrorKind, &'static str)>,

    name: String,
    arch: String,
    evr: Option<String>,
    checksum_kind: Option<String>,
    checksum: Option<FileChecksum>,
    location: Option<String>,
    size: u64,
    installed_size: u64,
    sourcerpm: String,

    pre_depends: Vec<Requirement>,
    depends: Vec<Requirement>,
    recommends: Vec<Requirement>,
    supplements: Vec<Requirement>,
    suggests: Vec<Requirement>,
    enhances: Vec<Requirement>,
    conflicts: Vec<Relation>,
    rich_conflicts: Vec<Requirement>,
    obsoletes: Vec<Relation>,
    provides: Vec<Relation>,
    files: Vec<Relation>,
}

impl Draft {
    fn open(&mut self, tag: &Tag<'_>, base: Option<&str>) -> Result<(), RepomdErrorKind> {
        if self.begin.is_none() {
            return Ok(());
        }
        self.depth = tag.depth - 2;
        self.text.clear();
        self.element = match (tag.depth, tag.name()) {
            (3, "name") => "name",
            (3, "arch") => "arch",
            (3, "version") => "version",
            (3, "checksum") => "checksum",
            (3, "size") => "size",
            (3, "location") => "location",
            (4, "sourcerpm") => "sourcerpm",
            (4, "file") => "file",
            (4, name) => {
                self.list = match name {
                    "requires" => Some(List::Requires),
                    "provides" => Some(List::Provides),
                    "conflicts" => Some(List::Conflicts),
                    "obsoletes" => Some(List::Obsoletes),
                    "recommends" => Some(List::Recommends),
                    "supplements" => Some(List::Supplements),
                    "suggests" => Some(List::Suggests),
                    "enhances" => Some(List::Enhances),
                    _ => None,
                };
                ""
            }
            (5, "entry") => "entry",
            _ => "",
        };
        match self.element {
            "version" => {
                let mut version = Evr::default();
                tag.attributes(|key, value| {
                    version.set(key, value);
                    Ok(())
                })?;
                if version.version.is_empty() {
                    return Err(RepomdErrorKind::Missing("ver"));
                }
                self.once(|draft| draft.evr.replace(version.join()).is_some())
            }
            "checksum" => {
                let kind = tag
                    .attribute("type")?
                    .ok_or(RepomdErrorKind::Missing("type"))?;
                self.once(|draft| draft.checksum_kind.replace(kind).is_some())
            }
            "size" => {
                let (mut size, mut installed) = (0, 0);
                tag.attributes(|key, value| {
                    let wanted = match key {
                        "package" => &mut size,
                        "installed" => &mut installed,
                        _ => return Ok(()),
                    };
                    *wanted = value
                        .parse()
                        .map_err(|_| RepomdErrorKind::value(&value, "a number of bytes"))?;
                    Ok(())
                })?;
                (self.size, self.installed_size) = (size, installed);
                Ok(())
            }
            "location" => {
                let location = location(tag, base)?;
                self.once(|draft| draft.location.replace(location).is_some())
            }
            "entry" => self.entry(tag),
            _ => Ok(()),
        }
    }

    fn once(&mut self, taken: impl FnOnce(&mut Self) -> bool) -> Result<(), RepomdErrorKind> {
        if taken(self) {
            return Err(RepomdErrorKind::Duplicate);
        }
        Ok(())
    }

    /// Takes an element's text, where it is wanted. What stands between elements is not.
    fn add_text(&mut self, piece: &str, limits: &Limits) -> Result<(), RepomdErrorKind> {
        if matches!(
            self.element,
            "name" | "arch" | "checksum" | "sourcerpm" | "file"
        ) {
            self.text.push_str(piece);
            LimitExceeded::check("field", self.text.len() as u64, limits.field)?;
        }
        Ok(())
    }

    /// Keeps what is wrong with this package alone, until it is complete.
    fn keep(&mut self, kind: RepomdErrorKind) -> Result<(), RepomdErrorKind> {
        if !kind.is_of_one_package() {
            return Err(kind);
        }
        self.fault.get_or_insert((kind, self.element));
        Ok(())
    }

    /// Ends the innermost element, which may be the package itself.
    fn close(&mut self) -> Result<Progress, RepomdErrorKind> {
        if self.begin.is_none() {
            return Ok(Progress::More);
        }
        if self.depth == 0 {
            self.begin = None;
            return Ok(Progress::Package);
        }
        if self.depth == 2 {
            self.list = None;
        }
        self.take_text().or_else(|kind| self.keep(kind))?;
        self.element = "";
        self.text.clear();
        self.depth -= 1;
        Ok(Progress::More)
    }

    /// Takes the text of the element that ends.
    fn take_text(&mut self) -> Result<(), RepomdErrorKind> {
        let text = self.text.trim_ascii();
        let set = |field: &mut String| {
            if field.is_empty() {
                text.clone_into(field);
                Ok(())
            } else {
                Err(RepomdErrorKind::Duplicate)
            }
        };
        match self.element {
            "name" => set(&mut self.name)?,
            "arch" => set(&mut self.arch)?,
            "sourcerpm" => set(&mut self.sourcerpm)?,
            "checksum" => {
                let kind = self.checksum_kind.as_deref().unwrap_or_default();
                self.checksum = Some(FileChecksum::parse(kind, text)?);
            }
            "file" => {
                if !self.text.starts_with('/') {
                    return Err(RepomdErrorKind::value(&self.text, "an absolute path"));
                }
                // A path with white space is a path, but rpm splits relations at it: nothing can ask for it.
                if let Ok(name) = PackageName::wanted(&self.text) {
                    self.files.push(Relation::named(name));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// One relation of the list that is open.
    fn entry(&mut self, tag: &Tag<'_>) -> Result<(), RepomdErrorKind> {
        let Some(list) = self.list else { return Ok(()) };
        let (mut name, mut flags, mut evr, mut pre) = (Cow::default(), 0, Evr::default(), false);
        tag.attributes(|key, value| {
            match key {
                "name" => name = value,
                "flags" => flags = sense(&value)?,
                "pre" => pre = matches!(&*value, "1" | "true"),
                _ => evr.set(key, value),
            }
            Ok(())
        })?;
        // One text serves all relations.
        let mut version = std::mem::take(&mut self.version);
        version.clear();
        evr.join_to(&mut version);
        let outcome = self.relate(list, &name, flags, &version, pre);
        self.version = version;
        outcome
    }

    /// Adds a relation to its list.
    fn relate(
        &mut self,
        list: List,
        name: &str,
        flags: u32,
        evr: &str,
        pre: bool,
    ) -> Result<(), RepomdErrorKind> {
        let offered = matches!(list, List::Provides | List::Obsoletes);
        if name.is_empty() {
            return Err(RepomdErrorKind::Missing("name"));
        }
        if name.contains(char::is_whitespace) && !name.starts_with('(') && list != List::Requires {
            // Nothing can ask for a name with white space in it, so that nobody needs to know who offers or minds it.
            return Ok(());
        }
        if offered {
            let relation = relation(name, flags, evr)?;
            match list {
                List::Provides => self.provides.push(relation),
                _ => self.obsoletes.push(relation),
            }
            return Ok(());
        }
        if list == List::Requires && is_rpmlib(name) {
            return Ok(());
        }
        let wanted = requirement(name, flags, evr)?;
        match (list, wanted) {
            (List::Requires, wanted) if pre => self.pre_depends.push(wanted),
            (List::Requires, wanted) => self.depends.push(wanted),
            (List::Recommends, wanted) => self.recommends.push(wanted),
            (List::Supplements, wanted) => self.supplements.push(wanted),
            (List::Suggests, wanted) => self.suggests.push(wanted),
            (List::Enhances, wanted) => self.enhances.push(wanted),
            (_, Requirement::One(relation)) => self.conflicts.push(relation),
            (_, rich) => self.rich_conflicts.push(rich),
        }
        Ok(())
    }

    /// Forgets all but the room that was taken: lists grow once for all packages, and not for each.
    fn reset(&mut self) {
        let Self {
            mut text,
            version,
            mut name,
            mut arch,
            mut sourcerpm,
            mut pre_depends,
            mut depends,
            mut recommends,
            mut supplements,
            mut suggests,
            mut enhances,
            mut conflicts,
            mut rich_conflicts,
            mut obsoletes,
            mut provides,
            mut files,
            ..
        } = std::mem::take(self);
        for text in [&mut text, &mut name, &mut arch, &mut sourcerpm] {
            text.clear();
        }
        for list in [
            &mut pre_depends,
            &mut depends,
            &mut recommends,
            &mut supplements,
            &mut suggests,
            &mut enhances,
            &mut rich_conflicts,
        ] {
            list.clear();
        }
        for list in [&mut conflicts, &mut obsoletes, &mut provides, &mut files] {
            list.clear();
        }
        *self = Self {
            text,
            version,
            name,
            arch,
            sourcerpm,
            pre_depends,
            depends,
            recommends,
            supplements,
            suggests,
            enhances,
            conflicts,
            rich_conflicts,
            obsoletes,
            provides,
            files,
            ..Self::default()
        };
    }

    /// Name, version and architecture as far as they were read, for messages.
    fn identity(&self) -> [String; 3] {
        let version = self.evr.clone().unwrap_or_default();
        [self.name.clone(), version, self.arch.clone()]
    }

    /// The record, or what is wrong with it and in which element.
    fn finish(&mut self) -> Result<PackageRecord, (RepomdErrorKind, &'static str)> {
        let record = match self.fault.take() {
            Some(fault) => Err(fault),
            None => self.record().map_err(|kind| (kind, "")),
        };
        self.reset();
        record
    }

    fn record(&mut self) -> Result<PackageRecord, RepomdErrorKind> {
        for (found, missing) in [(&self.name, "name"), (&self.arch, "arch")] {
            if found.is_empty() {
                return Err(RepomdErrorKind::Missing(missing));
            }
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if self.arch.len() > 64 || !self.arch.bytes().all(plain) {
            return Err(RepomdErrorKind::value(&self.arch, "an architecture"));
        }
        let evr = self.evr.take().ok_or(RepomdErrorKind::Missing("version"))?;
        if evr.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(RepomdErrorKind::value(&evr, "a version"));
        }
        let name = PackageName::new(&self.name)?;
        let mut record = PackageRecord::new(name, Version::new(&evr), &self.arch);
        if let Some((source, version)) = source_package(&self.sourcerpm) {
            record.source = source;
            let own = evr.split_once(':').map_or(&*evr, |(_, rest)| rest);
            record.source_version = (version.as_str() != own).then_some(version);
        }
        let checksum = self
            .checksum
            .take()
            .ok_or(RepomdErrorKind::Missing("checksum"))?;
        match (checksum.sha256(), <[u8; 64]>::try_from(checksum.as_bytes())) {
            (Some(digest), _) => record.digest = Some(digest),
            (None, Ok(bytes)) => record.checksum = Some(Checksum::Sha512(bytes)),
            (None, Err(_)) => {
                return Err(RepomdErrorKind::UnknownChecksum(checksum.kind().to_owned()));
            }
        }
        let location = self.location.take();
        record.location = location.ok_or(RepomdErrorKind::Missing("location"))?;
        record.size = self.size;
        record.installed_size = self.installed_size;
        // A copy takes as much room as it needs, and no more.
        record.pre_depends = self.pre_depends.drain(..).collect();
        record.depends = self.depends.drain(..).collect();
        record.recommends = self.recommends.drain(..).collect();
        record.supplements = self.supplements.drain(..).collect();
        record.suggests = self.suggests.drain(..).collect();
        record.enhances = self.enhances.drain(..).collect();
        record.conflicts = self.conflicts.drain(..).collect();
        record.rich_conflicts = self.rich_conflicts.drain(..).collect();
        record.obsoletes = self.obsoletes.drain(..).collect();
        self.provides.append(&mut self.files);
        record.provides = self.provides.drain(..).collect();
        Ok(record)
    }
}

/// `flags=` of an entry as the bits of the header.
fn sense(flags: &str) -> Result<u32, RepomdErrorKind> {
    Ok(match flags {
        "LT" => SENSE_LESS,
        "LE" => SENSE_LESS | SENSE_EQUAL,
        "EQ" => SENSE_EQUAL,
        "GE" => SENSE_GREATER | SENSE_EQUAL,
        "GT" => SENSE_GREATER,
        other => {
            return Err(RepomdErrorKind::value(
                other,
                "one of LT, LE, EQ, GE and GT",
            ));
        }
    })
}
