//! The streams that are on, and what they hide.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::PackageRecord;

use super::{ModuleStream, Modules};
use crate::nevra::Nevra;
use crate::repomd::RepomdErrorKind;

/// What is hidden when some streams are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveModules {
    /// Packages of streams that are on, by full name.
    shown: BTreeSet<String>,
    /// Packages of streams that are not.
    hidden: BTreeSet<String>,
    /// Names that streams that are on have taken over.
    taken: BTreeSet<String>,
}

impl Modules {
    /// Turns streams on: those of `choices`, by module, and for the other modules their defaults.
    ///
    /// A default stream whose own needs are not on stays off.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use mikron_package::{Limits, Origin};
    /// use mikron_rpm::parse_modules;
    /// let text = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: x\n  stream: 1\n  version: 1\n";
    /// let modules = parse_modules(text.as_bytes(), &Limits::default(), &Origin::named("modules.yaml"))?;
    /// assert!(modules.enable(&BTreeMap::from([("x".to_owned(), "1".to_owned())])).is_ok());
    /// assert!(modules.enable(&BTreeMap::from([("x".to_owned(), "2".to_owned())])).is_err());
    /// # Ok::<(), mikron_rpm::RepomdError>(())
    /// ```
    ///
    /// # Errors
    /// When a choice names a stream that is not there, or one whose own needs are not on.
    pub fn enable(
        &self,
        choices: &BTreeMap<String, String>,
    ) -> Result<ActiveModules, RepomdErrorKind> {
        let mut on = self.defaults.clone();
        for (module, stream) in choices {
            if !self.has(module, stream) {
                return Err(self.no_such_stream(module, stream));
            }
            on.insert(module.clone(), stream.clone());
        }
        self.drop_unmet(&mut on, choices)?;
        Ok(self.split(&on))
    }

    fn has(&self, module: &str, stream: &str) -> bool {
        self.streams
            .iter()
            .any(|s| s.name == module && s.stream == stream)
    }

    fn no_such_stream(&self, module: &str, stream: &str) -> RepomdErrorKind {
        let streams = self.streams.iter().filter(|s| s.name == module);
        let known: BTreeSet<&str> = streams.map(|s| &*s.stream).collect();
        let known: Vec<&str> = known.into_iter().collect();
        RepomdErrorKind::NoSuchStream {
            module: module.to_owned(),
            stream: stream.to_owned(),
            known: if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            },
        }
    }

    /// Turns defaults off again that need what is not on, until nothing changes.
    fn drop_unmet(
        &self,
        on: &mut BTreeMap<String, String>,
        choices: &BTreeMap<String, String>,
    ) -> Result<(), RepomdErrorKind> {
        loop {
            let unmet = on.iter().find_map(|(module, stream)| {
                let mut builds = self
                    .streams
                    .iter()
                    .filter(|s| s.name == *module && s.stream == *stream)
                    .peekable();
                let first = *builds.peek()?;
                let met = builds.any(|build| is_met(build, on));
                (!met).then(|| (module.clone(), first.clone()))
            });
            let Some((module, build)) = unmet else {
                return Ok(());
            };
            if choices.contains_key(&module) {
                return Err(RepomdErrorKind::ModuleRequires {
                    needed: needs(&build),
                    module,
                    stream: build.stream,
                });
            }
            on.remove(&module);
        }
    }

    fn split(&self, on: &BTreeMap<String, String>) -> ActiveModules {
        // Of several builds of one stream and context the newest counts; the packages of the others are hidden.
        let mut newest: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let is_on = |s: &ModuleStream| on.get(&s.name) == Some(&s.stream) && is_met(s, on);
        for stream in self.streams.iter().filter(|s| is_on(s)) {
            let version = newest.entry((&stream.name, &stream.context)).or_default();
            *version = stream.version.max(*version);
        }
        let mut active = ActiveModules::default();
        for stream in &self.streams {
            let key = (&*stream.name, &*stream.context);
            let counts = is_on(stream) && newest.get(&key) == Some(&stream.version);
            for artifact in &stream.artifacts {
                let Some(nevra) = Nevra::parse(artifact) else {
                    continue;
                };
                let full = full_name(nevra.name, nevra.evr, nevra.arch);
                if !counts {
                    active.hidden.insert(full);
                    continue;
                }
                if !matches!(nevra.arch, "src" | "nosrc")
                    && !stream.demodularized.contains(artifact)
                {
                    active.taken.insert(nevra.name.to_owned());
                }
                active.shown.insert(full);
            }
        }
        active.hidden.retain(|full| !active.shown.contains(full));
        active
    }
}

/// Whether the streams that are on are those that a build was made for. The platform is the distribution itself.
fn is_met(build: &ModuleStream, on: &BTreeMap<String, String>) -> bool {
    let one = |(module, streams): (&String, &Vec<String>)| {
        if module == "platform" {
            return true;
        }
        let Some(stream) = on.get(module) else {
            return false;
        };
        let barred = |s: &String| s.strip_prefix('-') == Some(stream);
        let only_bars = streams.iter().all(|s| s.starts_with('-'));
        !streams.iter().any(barred) && (only_bars || streams.contains(stream))
    };
    build.requires.is_empty() || build.requires.iter().any(|all| all.iter().all(one))
}

/// What a build needs, for people.
fn needs(build: &ModuleStream) -> String {
    let alternative = |all: &BTreeMap<String, Vec<String>>| {
        let modules = all.iter().filter(|(module, _)| *module != "platform");
        let modules = modules.map(|(module, streams)| match &**streams {
            [] => module.clone(),
            streams => format!("{module}:{}", streams.join("|")),
        });
        modules.collect::<Vec<_>>().join(" and ")
    };
    let alternatives = build.requires.iter().map(alternative);
    alternatives.collect::<Vec<_>>().join(", or ")
}

fn full_name(name: &str, evr: &str, arch: &str) -> String {
    format!("{name}-{evr}.{arch}")
}

impl ActiveModules {
    /// Whether a package is hidden: it belongs to a stream that is not on, or to none and has, or offers, a name that a stream
    /// that is on has taken over.
    pub fn hides(&self, package: &PackageRecord) -> bool {
        if self.is_empty() {
            return false;
        }
        let full = full_name(
            package.name.as_str(),
            package.version.as_str(),
            &package.arch,
        );
        if self.shown.contains(&full) {
            return false;
        }
        self.hidden.contains(&full)
            || self.taken.contains(package.name.as_str())
            || package
                .provides
                .iter()
                .any(|provided| self.taken.contains(provided.name.as_str()))
    }

    /// The names that streams that are on have taken over. Packages of other repositories are hidden by them as well.
    pub fn taken(&self) -> impl Iterator<Item = &str> {
        self.taken.iter().map(String::as_str)
    }

    /// The same, with names that modules of other repositories have taken over.
    #[must_use]
    pub fn with_taken<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.taken.extend(names.into_iter().map(str::to_owned));
        self
    }

    /// Whether nothing is hidden at all.
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty() && self.taken.is_empty()
    }
}
