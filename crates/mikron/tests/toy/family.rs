//! The family: archives in plain tar, an index of text lines, an order of versions of its own, and one value that holds it all.

use std::cmp::Ordering;
use std::io::Read;
use std::sync::Arc;

use mikron::package::{
    Architecture, ArchiveError, ArchiveMetadata, ArchiveReader, DatabaseError, DatabaseFile,
    Digest, Entry, Family, FamilyData, Installed, Limits, Origin, PackageDatabase, PackageFormat,
    PackageRecord, Relation, Requirement, RootPath, ScriptKind, StaticGroup, StaticUser, Version,
    VersionError, VersionOrder, When,
};
use mikron::solve::rules::Rules;
use mikron::source::download::Wanted;
use mikron::source::universe::{IndexBuilder, Part};
use mikron::source::{
    Context, MetadataError, Published, PublishedFile, PublishedSuite, Repository, SourceError,
    SourceErrorKind,
};
use mikron::spec::SourceForm;
use mikron::{Error, FamilySource, PackageFamily};
use mikron_archive::{TarDialect, TarReader};

// ---- What it knows ------------------------------------------------------------------------------------------------------

static DATA: FamilyData = FamilyData {
    name: "toy",
    users: &[
        user("root", 0, 0, "/root"),
        user("player", 7, 7, "/toys"),
        user("nobody", 65534, 65534, "/"),
    ],
    groups: &[group("root", 0), group("box", 7), group("nobody", 65534)],
    scripts: &[ScriptKind {
        name: "SETUP",
        when: When::After,
        arguments: &["new"],
    }],
    nologin: "/bin/none",
    ..FamilyData::PLAIN
};

const TOY: Family = Family::new(&DATA);

const fn user(name: &'static str, uid: u32, gid: u32, home: &'static str) -> StaticUser {
    let comment = name;
    StaticUser {
        name,
        uid,
        gid,
        comment,
        home,
    }
}

const fn group(name: &'static str, gid: u32) -> StaticGroup {
    StaticGroup { name, gid }
}

// ---- Versions: words of a row, the later the greater; what is none of them comes first -----------------------------------

struct Sizes;

impl Sizes {
    const ROW: [&str; 4] = ["small", "medium", "large", "huge"];

    fn place(version: &str) -> Option<usize> {
        Self::ROW.iter().position(|word| *word == version)
    }
}

impl VersionOrder for Sizes {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        (Self::place(a), a).cmp(&(Self::place(b), b))
    }

    fn validate(&self, version: &str) -> Result<(), VersionError> {
        Self::place(version).map(drop).ok_or_else(|| VersionError {
            version: version.to_owned(),
            reason: "is no size",
        })
    }
}

// ---- Records: `name version needs…`, which both archives and the index have ----------------------------------------------

fn record(line: &str) -> Option<PackageRecord> {
    let mut words = line.split(' ');
    let (name, version) = (words.next()?.parse().ok()?, words.next()?);
    Sizes.validate(version).ok()?;
    let mut record = PackageRecord::new(name, Version::new(version), "amd64");
    for need in words {
        let need = Relation::named(need.parse().ok()?);
        record.depends.push(Requirement::One(need));
    }
    Some(record)
}

// ---- Archives: a tar whose first entry, `TOY`, is the record, and whose second may be `SETUP` -----------------------------

struct Tar;

struct Reader<'a> {
    tar: TarReader<Box<dyn Read + Send + 'a>>,
    metadata: ArchiveMetadata,
    next: Option<Entry>,
}

impl PackageFormat for Tar {
    fn family(&self) -> Family {
        TOY
    }

    fn recognises(&self, prefix: &[u8]) -> bool {
        prefix.starts_with(b"TOY\0")
    }

    fn open<'a>(
        &self,
        input: Box<dyn Read + Send + 'a>,
        limits: &Limits,
        _: &Origin,
    ) -> Result<Box<dyn ArchiveReader + 'a>, ArchiveError> {
        let mut tar = TarReader::new(input, TarDialect::Posix, limits);
        let control = |tar: &mut TarReader<_>| {
            let mut text = Vec::new();
            let limit = limits.control;
            let read = Read::take(tar, limit).read_to_end(&mut text);
            read.map_err(ArchiveError::from_io).map(|_| text)
        };
        let first = tar.next_entry()?;
        let line = control(&mut tar)?;
        let line = first
            .filter(|entry| entry.path.as_bytes() == b"TOY")
            .map(|_| line);
        let record = line.and_then(|line| record(std::str::from_utf8(&line).ok()?.trim_end()));
        let record = record.ok_or_else(|| ArchiveError::malformed("it has no record"))?;
        let (mut scripts, mut next) = (Vec::new(), tar.next_entry()?);
        if let Some(entry) = &next
            && let Some(kind) = ScriptKind::of(TOY.scripts, &entry.path.to_text()[1..])
        {
            scripts.push(kind.script(control(&mut tar)?));
            next = tar.next_entry()?;
        }
        let metadata = ArchiveMetadata {
            record,
            fields: Vec::new(),
            scripts,
            config_files: Vec::new(),
            ghosts: Vec::new(),
            extra: Vec::new(),
        };
        Ok(Box::new(Reader {
            tar,
            metadata,
            next,
        }))
    }

    fn order(&self) -> &'static dyn VersionOrder {
        &Sizes
    }

    fn database(&self) -> Option<&dyn PackageDatabase> {
        Some(&Shelf)
    }
}

impl ArchiveReader for Reader<'_> {
    fn metadata(&self) -> &ArchiveMetadata {
        &self.metadata
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        match self.next.take() {
            Some(entry) => Ok(Some(entry)),
            None => self.tar.next_entry(),
        }
    }

    fn body(&mut self) -> &mut dyn Read {
        &mut self.tar
    }
}

// ---- The database: a line a package ----------------------------------------------------------------------------------------

struct Shelf;

impl PackageDatabase for Shelf {
    fn write(
        &self,
        packages: &[Installed<'_>],
        _: &dyn mikron::package::Contents,
        _: i64,
    ) -> Result<Vec<DatabaseFile>, DatabaseError> {
        let records = packages.iter().map(|package| &package.metadata.record);
        let lines = records.map(|record| format!("{} {}\n", record.name, record.version));
        let text = lines.collect::<Vec<_>>().concat();
        let path = RootPath::new(b"toys/shelf").unwrap();
        let (mode, bytes) = (0o644, text.into_bytes());
        Ok(vec![DatabaseFile { path, mode, bytes }])
    }
}

// ---- Repositories: `index.txt`, whose digest and size the spec gives; a line a package: size, SHA-256, record ---------------

#[derive(Clone, Debug)]
struct ToyBox {
    name: String,
    base: String,
    index: (Digest, u64),
}

impl ToyBox {
    fn fault(&self, kind: SourceErrorKind) -> SourceError {
        SourceError {
            source: self.name.clone(),
            suite: self.base.clone(),
            kind: Box::new(kind),
        }
    }

    fn wanted(&self, location: &str, size: u64, digest: Digest) -> Wanted {
        Wanted {
            name: location.to_owned(),
            digest,
            size,
            urls: vec![format!("{}/{location}", self.base)],
        }
    }
}

impl Repository for ToyBox {
    fn source(&self) -> &str {
        &self.name
    }

    fn family(&self) -> Family {
        TOY
    }

    fn publish(
        &self,
        _: &Context<'_>,
        architectures: &[Architecture],
    ) -> Result<Vec<Arc<dyn Published>>, SourceError> {
        let published = |_: &Architecture| Arc::new(self.clone()) as Arc<dyn Published>;
        Ok(architectures.iter().map(published).collect())
    }

    fn archive(&self, location: &str, size: u64, digest: Digest) -> Result<Wanted, SourceError> {
        if location.contains(['/', '%']) {
            return Err(self.fault(SourceErrorKind::NoLocation));
        }
        Ok(self.wanted(location, size, digest))
    }
}

impl Published for ToyBox {
    fn source(&self) -> &str {
        &self.name
    }

    fn family(&self) -> Family {
        TOY
    }

    fn architecture(&self) -> Architecture {
        Architecture::Amd64
    }

    fn date(&self) -> i64 {
        1_700_000_000
    }

    fn identity(&self) -> Digest {
        self.index.0
    }

    fn parts(&self, context: &Context<'_>) -> Result<Vec<Part>, SourceError> {
        let wanted = self.wanted("index.txt", self.index.1, self.index.0);
        let malformed = |error: MetadataError| {
            let url = wanted.urls[0].clone();
            self.fault(SourceErrorKind::Malformed { url, error })
        };
        let further = |text: &dyn ToString| malformed(MetadataError::Further(text.to_string()));
        let got = context.downloader().get(&wanted);
        let mut text = String::new();
        let mut file = got.map_err(|error| self.fault(SourceErrorKind::Fetch(error)))?;
        file.read_to_string(&mut text).map_err(|e| further(&e))?;
        let mut index = IndexBuilder::new("amd64", &["amd64"]);
        for line in text.lines() {
            let parsed = || {
                let (size, rest) = line.split_once(' ')?;
                let (digest, line) = rest.split_once(' ')?;
                let mut record = record(line)?;
                record.location = format!("{}-{}.toy", record.name, record.version);
                record.size = size.parse().ok()?;
                record.digest = format!("sha256:{digest}").parse().ok();
                Some(record)
            };
            let record = parsed().ok_or_else(|| further(&format!("`{line}` is no package")))?;
            index
                .add(&record)
                .map_err(|error| malformed(error.into()))?;
        }
        Ok(vec![Part {
            index: Arc::new(index.finish().map_err(|error| malformed(error.into()))?),
            source: self.name.clone(),
            priority: 500,
            label: self.base.clone(),
        }])
    }

    fn summary(&self) -> PublishedSuite {
        let (digest, size) = self.index;
        let path = "index.txt".to_owned();
        PublishedSuite {
            suite: String::new(),
            archive: String::new(),
            signed: (path.clone(), digest),
            date: self.date(),
            valid_until: None,
            indexes: vec![PublishedFile { path, digest, size }],
        }
    }
}

// ---- All of it, registered once ------------------------------------------------------------------------------------------------

pub(crate) struct Toy;

impl Rules for Toy {}

static FORM: SourceForm = SourceForm {
    family: TOY,
    keys: &["index", "size"],
    check: |source| match index(source) {
        Some(_) => Ok(()),
        None => Err((
            "nothing proves the index of this box".to_owned(),
            "add `index`, its SHA-256, and `size`".to_owned(),
        )),
    },
};

fn index(source: &mikron::spec::Source) -> Option<(Digest, u64)> {
    let own = |key: &str| source.own.get(key)?.one();
    Some((own("index")?.parse().ok()?, own("size")?.parse().ok()?))
}

impl PackageFamily for Toy {
    fn family(&self) -> Family {
        TOY
    }

    fn format(&self) -> &'static dyn PackageFormat {
        &Tar
    }

    fn rules(&self) -> &'static dyn Rules {
        &Toy
    }

    fn form(&self) -> Option<&'static SourceForm> {
        Some(&FORM)
    }

    fn repositories(&self, of: &FamilySource<'_>) -> Result<Vec<Arc<dyn Repository>>, Error> {
        let index = index(of.source).unwrap();
        let (name, base) = (of.name.to_owned(), of.url());
        Ok(vec![Arc::new(ToyBox { name, base, index })])
    }
}
