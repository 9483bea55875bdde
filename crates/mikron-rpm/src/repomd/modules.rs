//! `modules.yaml`: which packages belong to which stream of a module, and which streams are on by default.
//!
//! A package of a stream that is not on is hidden, and so is a package outside of all modules whose name a stream that is on
//! has taken over. Profiles and translations are of no use to a solver.

mod active;

use std::collections::BTreeMap;
use std::fmt;

use mikron_package::{LimitExceeded, Limits, Origin};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{RepomdError, RepomdErrorKind};

pub use active::ActiveModules;

/// The modules of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modules {
    /// What is known of streams: several versions and contexts of each.
    pub streams: Vec<ModuleStream>,
    /// The stream of each module that is on unless another one is asked for.
    pub defaults: BTreeMap<String, String>,
}

/// One build of one stream of a module (modulemd, version 2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleStream {
    /// The module: `nodejs`.
    pub name: String,
    /// The stream: `18`.
    pub stream: String,
    /// Its version; of one stream and context the highest counts.
    pub version: u64,
    /// What tells builds apart that were made beside different other streams.
    pub context: String,
    /// The architecture that it was built for, where it is said.
    pub arch: Option<String>,
    /// Streams of other modules that it was built for. Of each alternative all must hold: a module has one of these streams, or
    /// any where there are none; a dash before a stream bars it.
    pub requires: Vec<BTreeMap<String, Vec<String>>>,
    /// The packages of it: `name-epoch:version-release.architecture`.
    pub artifacts: Vec<String>,
    /// Packages that it gave back: they count as such outside of all modules.
    pub demodularized: Vec<String>,
}

/// A document, as far as its kind goes.
#[derive(Deserialize)]
struct Kind {
    document: String,
    version: u64,
}

#[derive(Deserialize)]
struct StreamDocument {
    data: StreamData,
}

#[derive(Deserialize)]
struct StreamData {
    name: Text,
    stream: Text,
    version: u64,
    #[serde(default)]
    context: Option<Text>,
    #[serde(default)]
    arch: Option<Text>,
    #[serde(default)]
    dependencies: Dependencies,
    #[serde(default)]
    artifacts: Rpms,
    #[serde(default)]
    demodularized: Rpms,
}

/// By module its streams, for each alternative. In version 2 there is a list of alternatives, and lists of streams; in version 1 a
/// single one, whose streams are texts.
#[derive(Default)]
struct Dependencies(Vec<BTreeMap<String, Vec<String>>>);

#[derive(Deserialize)]
struct Alternative<T> {
    #[serde(default = "BTreeMap::new")]
    requires: BTreeMap<String, T>,
}

/// Which of the two it is shows at its first character. Reading it into a value first would not do: what a value holds of an
/// unquoted `5.10` is a number, and no stream any more.
impl<'de> Deserialize<'de> for Dependencies {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(EitherVersion)
    }
}

struct EitherVersion;

impl<'de> Visitor<'de> for EitherVersion {
    type Value = Dependencies;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of dependencies")
    }

    fn visit_unit<E>(self) -> Result<Dependencies, E> {
        Ok(Dependencies::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Dependencies, A::Error> {
        let mut alternatives = Vec::new();
        while let Some(Alternative { requires }) = list.next_element::<Alternative<Vec<Text>>>()? {
            let texts = |texts: Vec<Text>| texts.into_iter().map(|Text(text)| text).collect();
            let requires = requires
                .into_iter()
                .map(|(name, streams)| (name, texts(streams)));
            alternatives.push(requires.collect());
        }
        Ok(Dependencies(alternatives))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Dependencies, A::Error> {
        let from = MapAccessDeserializer::new(map);
        let Alternative { requires } = Alternative::<Text>::deserialize(from)?;
        let requires = requires
            .into_iter()
            .map(|(name, Text(stream))| (name, vec![stream]));
        Ok(Dependencies(vec![requires.collect()]))
    }
}

#[derive(Default, Deserialize)]
struct Rpms {
    #[serde(default)]
    rpms: Vec<String>,
}

#[derive(Deserialize)]
struct DefaultsDocument {
    data: DefaultsData,
}

#[derive(Deserialize)]
struct DefaultsData {
    module: Text,
    #[serde(default)]
    stream: Option<Text>,
}

/// A text that publishers forget to quote: `stream: 10`.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // In YAML, a plain scalar that is asked for as text is the text as it stands: `1.10` keeps its zero.
        String::deserialize(from).map(Self)
    }
}

/// Reads the text of `modules.yaml`: documents of several kinds, of which streams and defaults are taken.
///
/// ```
/// use mikron_package::{Limits, Origin};
/// use mikron_rpm::parse_modules;
/// let text = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: nodejs\n  stream: \"18\"\n  version: 1\n  context: a\n\
///             \x20 artifacts:\n    rpms: [\"nodejs-1:18.1-1.x86_64\"]\n...\n";
/// let modules = parse_modules(text.as_bytes(), &Limits::default(), &Origin::named("modules.yaml"))?;
/// assert_eq!(modules.streams[0].artifacts, ["nodejs-1:18.1-1.x86_64"]);
/// # Ok::<(), mikron_rpm::RepomdError>(())
/// ```
///
/// # Errors
/// When a document is malformed, two defaults of one module differ, or a limit ([`Limits::index`] for the whole,
/// [`Limits::field`] for a document, [`Limits::entries`]) is exceeded.
pub fn parse_modules(
    text: &[u8],
    limits: &Limits,
    origin: &Origin,
) -> Result<Modules, RepomdError> {
    let fault = |kind: RepomdErrorKind, at: u64| RepomdError::new(kind, origin, at);
    LimitExceeded::check("index", text.len() as u64, limits.index)
        .map_err(|limit| fault(limit.into(), 0))?;
    let text = str::from_utf8(text)
        .map_err(|error| fault(RepomdErrorKind::NotUtf8, error.valid_up_to() as u64))?;
    let mut modules = Modules::default();
    let mut artifacts = 0;
    for (line, document) in documents(text) {
        let read = LimitExceeded::check("field", document.len() as u64, limits.field)
            .map_err(RepomdErrorKind::from)
            .and_then(|()| modules.take(document));
        read.map_err(|kind| fault(on_line(kind, line), line))?;
        let last = modules.streams.last();
        artifacts += last.map_or(0, |stream| stream.artifacts.len() as u64);
        LimitExceeded::check("entries", artifacts, limits.entries)
            .map_err(|limit| fault(limit.into(), line))?;
    }
    Ok(modules)
}

/// The documents of a stream with the number of lines before each. A line that begins with `---` or `...` ends a document,
/// whatever it stands in (YAML 1.2, section 9.1).
fn documents(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let mut rest = text;
    let mut line = 0;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let begin = line;
            let mut end = 0;
            let mut next = rest.len();
            for part in rest.split_inclusive('\n') {
                line += 1;
                let marker = part.trim_ascii_end();
                let is_marker = ["---", "..."].iter().any(|m| {
                    marker
                        .strip_prefix(m)
                        .is_some_and(|behind| behind.is_empty() || behind.starts_with([' ', '\t']))
                });
                if is_marker {
                    next = end + part.len();
                    break;
                }
                end += part.len();
            }
            let document = &rest[..end];
            rest = &rest[next..];
            let blank = |l: &str| l.trim_ascii().is_empty() || l.starts_with(['#', '%']);
            if !document.lines().all(blank) {
                return Some((begin, document));
            }
        }
    })
}

impl Modules {
    fn take(&mut self, document: &str) -> Result<(), RepomdErrorKind> {
        let kind: Kind = read(document)?;
        match (&*kind.document, kind.version) {
            ("modulemd", 1 | 2) => {
                let data = read::<StreamDocument>(document)?.data;
                self.streams.push(data.into());
            }
            ("modulemd-defaults", 1) => {
                let data = read::<DefaultsDocument>(document)?.data;
                let Some(Text(stream)) = data.stream else {
                    return Ok(());
                };
                if self
                    .defaults
                    .insert(data.module.0, stream.clone())
                    .is_some_and(|first| first != stream)
                {
                    return Err(RepomdErrorKind::Duplicate);
                }
            }
            // Translations, obsoletes, packagers' input, and what comes later.
            _ => {}
        }
        Ok(())
    }
}

impl From<StreamData> for ModuleStream {
    fn from(data: StreamData) -> Self {
        Self {
            name: data.name.0,
            stream: data.stream.0,
            version: data.version,
            context: data.context.map(|Text(text)| text).unwrap_or_default(),
            arch: data.arch.map(|Text(text)| text),
            requires: data.dependencies.0,
            artifacts: data.artifacts.rpms,
            demodularized: data.demodularized.rpms,
        }
    }
}

fn read<'de, T: Deserialize<'de>>(document: &'de str) -> Result<T, RepomdErrorKind> {
    let options = serde_yaml::options! {
        with_snippet: false,
        budget: serde_yaml::budget! {
            max_depth: 32,
            flow_nesting_limit: 64,
            max_documents: 1,
            max_aliases: 100,
            max_anchors: 100,
            max_events: 4_000_000,
            max_nodes: 2_000_000,
        },
    };
    serde_yaml::from_str_with_options(document, options).map_err(|error| {
        let place = error.location();
        let (line, column) = place.map_or((1, 1), |place| (place.line(), place.column()));
        RepomdErrorKind::Yaml {
            line,
            column,
            message: error.to_string(),
        }
    })
}

/// Counts the line of a document from the beginning of the file.
fn on_line(kind: RepomdErrorKind, before: u64) -> RepomdErrorKind {
    match kind {
        RepomdErrorKind::Yaml {
            line,
            column,
            message,
        } => RepomdErrorKind::Yaml {
            line: line + before,
            column,
            message,
        },
        other => other,
    }
}
