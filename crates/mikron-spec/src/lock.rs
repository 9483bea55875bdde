//! The lock: what a spec was resolved to, pinned by digest.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{Digest, Limits, PackageName, Platform, Timestamp, Version, normal_location};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::error::{Document, SpecError, SpecErrorKind};
use crate::family::SourceForm;
use crate::image_ref::ImageRef;
use crate::request::{PackageRequest, Select, take_slices};
use crate::source::Source;
use crate::spec::{DefinitionSource, Spec};
use crate::text::shown;
use mikron_yaml::{Node, Shape, Span};

use crate::yaml;
use crate::{check, lock_write};

/// What a spec was resolved to: the indexes that were read and, for each platform, every archive by digest.
///
/// The same value is always written as the same text, whatever order its lists were filled in.
///
/// ```
/// use mikron_package::Limits;
/// use mikron_spec::{Lock, LockedRequest, Spec};
/// # let text = "mikron: 1\nname: a\nsources: { debian: { deb: bookworm } }\npackages: [hello]\n";
/// let mut spec = Spec::parse("a.yaml", text, &Limits::default())?;
/// let mut lock = Lock::new(&spec);
/// lock.platforms.insert(spec.platforms[0], Default::default());
/// let text = lock.to_yaml();
/// let read = Lock::parse("a.lock", &text, &Limits::default())?;
/// assert_eq!(read, lock);
/// assert!(read.check(&spec).is_ok());
///
/// spec.packages.push("curl".parse()?);
/// let stale = read.check(&spec).unwrap_err();
/// assert_eq!(stale.changes[0].to_string(), "the package `curl` was added");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The name of the image.
    pub name: String,
    /// The date of the newest index: the time that everything in the image bears.
    pub epoch: Timestamp,
    /// What of the spec decided the outcome.
    pub request: LockedRequest,
    /// The image that it begins with, where there is one.
    pub base: Option<LockedBase>,
    /// What each source published.
    pub sources: BTreeMap<String, LockedSource>,
    /// What each platform consists of.
    pub platforms: BTreeMap<Platform, LockedPlatform>,
}

/// The image that another begins with, as it was when that was resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedBase {
    /// As the spec names it.
    pub image: ImageRef,
    /// The digest of its manifest or index.
    #[serde(with = "digest_text")]
    pub digest: Digest,
}

/// The parts of a spec that decide which packages are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedRequest {
    /// How much of the packages is taken.
    pub select: Select,
    /// Where definitions of capabilities are read from, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<DefinitionSource>,
    /// Files of further rules, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Rules that hold although they hold only when asked for, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// Rules that do not hold, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// The packages asked for, sorted.
    pub packages: Vec<PackageRequest>,
    /// The sources, without mirrors, authorities and credentials: where the same bytes are fetched from, and as whom, decides nothing.
    pub sources: BTreeMap<String, Source>,
}

impl LockedRequest {
    /// The parts of this spec.
    pub fn of(spec: &Spec) -> Self {
        let mut packages = spec.packages.clone();
        packages.sort_by_cached_key(ToString::to_string);
        let mut sources = spec.sources.clone();
        for source in sources.values_mut() {
            source.mirrors.clear();
            source.ca.clear();
            source.strip_credentials();
            source.components.sort_unstable();
        }
        let mut definitions = spec.definitions.clone();
        definitions.sort_unstable();
        let sorted = |rules: &[String]| {
            let mut rules = rules.to_vec();
            rules.sort_unstable();
            rules
        };
        Self {
            select: spec.selection(),
            definitions,
            rules: sorted(&spec.rules),
            with: sorted(&spec.with),
            without: sorted(&spec.without),
            packages,
            sources,
        }
    }
}

/// What a source published when it was resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedSource {
    /// Its suites.
    pub suites: Vec<LockedSuite>,
}

/// One suite of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedSuite {
    /// The suite, as in `bookworm-security`; for families without suites, empty.
    pub suite: String,
    /// For presets the archive that it belongs to, as in `debian-security`; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub archive: String,
    /// The signed file over its indexes.
    pub release: LockedRelease,
    /// The indexes that were read.
    pub indexes: Vec<LockedIndex>,
}

/// The signed file over a suite's indexes: `InRelease`, or `Release`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedRelease {
    /// Where it lies, relative to the source's base URL.
    pub path: String,
    /// Its digest.
    #[serde(with = "digest_text")]
    pub digest: Digest,
    /// When it was made.
    pub date: Timestamp,
    /// When it expires, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// An index that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedIndex {
    /// Where it lies, relative to the source's base URL.
    pub path: String,
    /// Its digest, as it was fetched.
    #[serde(with = "digest_text")]
    pub digest: Digest,
    /// Its size in bytes, as it was fetched.
    pub size: u64,
}

/// What one platform consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedPlatform {
    /// The packages that were chosen.
    pub packages: Vec<LockedPackage>,
}

/// The name of a package, and not what else a relation may call for.
fn plain_name<'de, D: Deserializer<'de>>(from: D) -> Result<PackageName, D::Error> {
    let text = String::deserialize(from)?;
    PackageName::new(&text).map_err(D::Error::custom)
}

/// One package of a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedPackage {
    /// Its name.
    #[serde(deserialize_with = "plain_name")]
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture in the family's own words (`amd64`, `all`).
    pub arch: String,
    /// Why it is there.
    pub role: Role,
    /// The source that it comes from.
    pub source: String,
    /// Where the archive lies, relative to the source's base URL.
    pub location: String,
    /// The size of the archive in bytes.
    pub size: u64,
    /// The digest of the archive.
    #[serde(with = "digest_text")]
    pub digest: Digest,
    /// What of it the image took, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<SelectionSummary>,
}

/// Why a package is in a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The spec asks for it.
    Root,
    /// Something depends on it.
    Dependency,
    /// Nothing depends on it; it is at hand for the files that only it has (Essential packages).
    Provider,
    /// Nothing depends on it but a file of the spec itself, or what the image starts.
    Found,
}

impl Role {
    /// The word in the lock.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Dependency => "dependency",
            Self::Provider => "provider",
            Self::Found => "found",
        }
    }
}

/// What of a package the image took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SelectionSummary {
    /// The number of entries.
    pub files: u64,
    /// The digest of their list.
    #[serde(with = "digest_text")]
    pub digest: Digest,
}

/// The form of a lock in YAML: its digest stands before what it covers.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Form {
    #[serde(rename = "mikron-lock")]
    version: u32,
    #[serde(with = "digest_text")]
    digest: Digest,
    name: String,
    epoch: Timestamp,
    request: LockedRequest,
    #[serde(default)]
    base: Option<LockedBase>,
    sources: BTreeMap<String, LockedSource>,
    platforms: BTreeMap<Platform, LockedPlatform>,
}

impl Lock {
    /// The version of the lock's schema that this crate reads and writes.
    pub const VERSION: u32 = 1;

    /// A lock of this spec in which nothing is resolved yet.
    pub fn new(spec: &Spec) -> Self {
        Self {
            name: spec.name.clone(),
            epoch: Timestamp::default(),
            request: LockedRequest::of(spec),
            base: None,
            sources: BTreeMap::new(),
            platforms: BTreeMap::new(),
        }
    }

    /// Reads a lock. `file` is only used in messages.
    ///
    /// # Errors
    /// When `text` is larger than [`Limits::lock`], is not a lock of this version, was changed after it was written, holds
    /// a digest other than SHA-256, or names a place outside its sources. The error says where.
    pub fn parse(file: &str, text: &str, limits: &Limits) -> Result<Self, SpecError> {
        Self::parse_with(&[], file, text, limits)
    }

    /// Reads a lock that may have sources of further families, by their forms.
    ///
    /// # Errors
    /// As [`Lock::parse`].
    pub fn parse_with(
        forms: &[&SourceForm],
        file: &str,
        text: &str,
        limits: &Limits,
    ) -> Result<Self, SpecError> {
        let document = Document::new(file, text);
        Self::read(forms, &document, limits).map_err(|error| damaged(&document, error))
    }

    /// Reads a lock out of the bytes of a file.
    ///
    /// # Errors
    /// As [`Lock::parse`]; when they are not text.
    pub fn from_bytes(
        forms: &[&SourceForm],
        file: &str,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Self, SpecError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse_with(forms, file, text, limits),
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = before.split(|byte| *byte == b'\n').count();
                let kind = SpecErrorKind::Invalid(format!("line {line} is not UTF-8"));
                let document = Document::new(file, "");
                Err(damaged(&document, document.error_of_file(kind, None)))
            }
        }
    }

    fn read(
        forms: &[&SourceForm],
        document: &Document<'_>,
        limits: &Limits,
    ) -> Result<Self, SpecError> {
        yaml::check_size(document, "lock", limits.lock)?;
        let form: Form = match yaml::read(document) {
            Ok(form) => form,
            Err(error) => return Err(better_error(document, limits).unwrap_or(error)),
        };
        if form.version != Self::VERSION {
            let kind = SpecErrorKind::SchemaVersion {
                found: form.version.to_string(),
                supported: Self::VERSION,
            };
            return Err(document.error_at(&["mikron-lock"], kind, None));
        }
        let mut lock = Self {
            name: form.name,
            epoch: form.epoch,
            request: form.request,
            base: form.base,
            sources: form.sources,
            platforms: form.platforms,
        };
        let request = &mut lock.request;
        crate::family::settle(
            &mut request.sources,
            forms,
            document,
            &["request", "sources"],
        )?;
        take_slices(
            &mut request.packages,
            &request.definitions,
            &request.sources,
        );
        lock.check_places(document)?;
        let computed = lock.digest();
        if computed != form.digest {
            let kind = SpecErrorKind::Tampered {
                stated: form.digest,
                computed,
            };
            return Err(document.error_at(&["digest"], kind, None));
        }
        Ok(lock)
    }

    /// The lock as text. Lists come out sorted.
    pub fn to_yaml(&self) -> String {
        lock_write::write(self, Some(self.digest()))
    }

    /// The digest of all that the lock says, which stands in its text too.
    pub fn digest(&self) -> Digest {
        Digest::of(lock_write::write(self, None).as_bytes())
    }

    /// Checks that everything lies below a source of the lock and stands there once.
    fn check_places(&self, document: &Document<'_>) -> Result<(), SpecError> {
        for (name, source) in &self.sources {
            if !self.request.sources.contains_key(name) {
                let known = self.request.sources.keys().cloned().collect();
                return Err(dangling(
                    document,
                    &["sources", name],
                    "source",
                    name,
                    known,
                ));
            }
            for (i, suite) in source.suites.iter().enumerate() {
                let i = i.to_string();
                let at = ["sources", name, "suites", &i];
                place(
                    document,
                    &[&at[..], &["release", "path"]].concat(),
                    &suite.release.path,
                )?;
                for (j, index) in suite.indexes.iter().enumerate() {
                    let j = j.to_string();
                    place(
                        document,
                        &[&at[..], &["indexes", &j, "path"]].concat(),
                        &index.path,
                    )?;
                }
            }
        }
        for (platform, content) in &self.platforms {
            let platform = platform.to_string();
            let mut seen = BTreeSet::new();
            for (i, package) in content.packages.iter().enumerate() {
                let i = i.to_string();
                let at = ["platforms", &platform, "packages", &i];
                let at = |key| [&at[..], &[key]].concat();
                place(document, &at("location"), &package.location)?;
                if !self.sources.contains_key(&package.source) {
                    let known = self.sources.keys().cloned().collect();
                    return Err(dangling(
                        document,
                        &at("source"),
                        "source",
                        &package.source,
                        known,
                    ));
                }
                if !seen.insert((&package.name, &package.arch)) {
                    let message = format!("the package `{}` stands here twice", package.name);
                    let kind = SpecErrorKind::Invalid(message);
                    return Err(document.error_at(&at("name"), kind, None));
                }
            }
        }
        Ok(())
    }
}

/// An error of a lock, with what can be done about any: a merge that stopped half-way is told apart.
fn damaged(document: &Document<'_>, mut error: SpecError) -> SpecError {
    const RENEW: &str = "`mikron lock` writes the lock anew, whatever stands there; or take it back from version control";
    let is_mark = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    if let Some(at) = document.text.lines().position(is_mark) {
        let span = Span {
            line: at + 1,
            column: 1,
            length: 7,
        };
        let kind =
            SpecErrorKind::Invalid("the lock holds both sides of a merge conflict".to_owned());
        return document.error(Some(span), kind, Some(RENEW.to_owned()));
    }
    error.help = Some(match error.help.take() {
        Some(help) => format!("{help}; {RENEW}"),
        None => RENEW.to_owned(),
    });
    error
}

fn dangling(
    document: &Document<'_>,
    at: &[&str],
    what: &'static str,
    name: &str,
    known: Vec<String>,
) -> SpecError {
    let name = shown(name);
    let kind = SpecErrorKind::Dangling { what, name, known };
    document.error_at(at, kind, None)
}

/// A place below a base URL, in the one form that it has.
fn place(document: &Document<'_>, at: &[&str], path: &str) -> Result<(), SpecError> {
    let fault = match normal_location(path) {
        Ok(normal) if normal == path => return Ok(()),
        Ok(_) => "has empty components",
        Err(fault) => fault,
    };
    let message = format!("`{}` does not lie in a source of the spec", shown(path));
    let help = format!("places are relative to the base URL of their source, and this one {fault}");
    Err(document.error_at(at, SpecErrorKind::Forbidden(message), Some(help)))
}

/// What is wrong beneath an error of types: a newer schema, or digests that prove nothing.
fn better_error(document: &Document<'_>, limits: &Limits) -> Option<SpecError> {
    let root = match yaml::check(document, limits.lock) {
        Ok(root) => root,
        Err(error) => return Some(error),
    };
    if let Err(error) = check::schema_version(document, &root, "mikron-lock", Lock::VERSION) {
        return Some(error);
    }
    let (node, algorithm) = weak_digest(&root)?;
    let kind = SpecErrorKind::WeakDigest { algorithm };
    Some(document.error(Some(node.span), kind, None))
}

/// The first value of a key `digest` that names another algorithm, and that algorithm.
fn weak_digest(node: &Node) -> Option<(&Node, String)> {
    match &node.shape {
        Shape::Scalar(_) => None,
        Shape::List(items) => items.iter().find_map(weak_digest),
        Shape::Map(pairs) => pairs.iter().find_map(|(key, _, value)| {
            let text = value.scalar().filter(|_| key == "digest");
            match text.map(|text| text.split_once(':').unwrap_or(("", text))) {
                None => weak_digest(value),
                Some(("sha256", _)) => None,
                Some(("", hex)) => {
                    let by_length = match hex.len() {
                        32 => "md5",
                        40 => "sha1",
                        _ => return None,
                    };
                    Some((value, by_length.to_owned()))
                }
                Some((algorithm, _)) => Some((value, shown(algorithm))),
            }
        }),
    }
}

/// A digest with our message, for `#[serde(with)]`.
mod digest_text {
    use std::str::FromStr;

    use mikron_package::Digest;
    use serde::Deserializer;

    use crate::text::{ValueError, parse, shown};

    struct Text(Digest);

    impl FromStr for Text {
        type Err = ValueError;

        fn from_str(text: &str) -> Result<Self, ValueError> {
            text.parse().map(Self).map_err(|_| {
                ValueError::new(
                    format!("`{}` is not a digest", shown(text)),
                    "expected is `sha256:` and 64 lower-case hexadecimal digits",
                )
            })
        }
    }

    pub(super) fn serialize<S: serde::Serializer>(
        digest: &Digest,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Digest, D::Error> {
        parse::<Text, D>(deserializer, "a digest").map(|text| text.0)
    }
}
