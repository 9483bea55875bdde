//! Whether a lock still fits its spec, and if not, what has changed.

use std::collections::BTreeMap;
use std::fmt;

use crate::image_ref::ImageRef;
use crate::lock::{Lock, LockedRequest};
use crate::request::Select;
use crate::source::Source;
use crate::spec::Spec;

/// A lock that was written for another state of the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleLock {
    /// What has changed in the spec since, at least one thing.
    pub changes: Vec<Change>,
}

impl fmt::Display for StaleLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock does not fit the spec any more:")?;
        for change in &self.changes {
            write!(f, "\n  {change}")?;
        }
        Ok(())
    }
}

impl std::error::Error for StaleLock {}

/// One thing that has changed in a spec since its lock was written. Everything is in the form in which it is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Change {
    /// The spec asks for one more package.
    #[error("the package `{0}` was added")]
    PackageAdded(String),
    /// The spec does not ask for a package any more.
    #[error("the package `{0}` was removed")]
    PackageRemoved(String),
    /// The spec asks for another version, source, or part of a package.
    #[error("the package `{locked}` became `{wanted}`")]
    PackageChanged {
        /// What the lock was made for.
        locked: String,
        /// What the spec says now.
        wanted: String,
    },
    /// The spec begins with another image.
    #[error("the base became {} (it was {})", shown(.wanted.as_deref()), shown(.locked.as_deref()))]
    BaseChanged {
        /// What the lock was made for.
        locked: Option<String>,
        /// What there is now.
        wanted: Option<String>,
    },
    /// One more platform.
    #[error("the platform `{0}` was added")]
    PlatformAdded(String),
    /// A platform fewer.
    #[error("the platform `{0}` was removed")]
    PlatformRemoved(String),
    /// One more source.
    #[error("the source `{0}` was added")]
    SourceAdded(String),
    /// A source fewer.
    #[error("the source `{0}` was removed")]
    SourceRemoved(String),
    /// A source is described in another way.
    #[error("the source `{name}` has another {}", keys.join(", "))]
    SourceChanged {
        /// The source.
        name: String,
        /// The keys whose values differ.
        keys: Vec<&'static str>,
    },
    /// Definitions of capabilities are read from elsewhere.
    #[error("`definitions` changed")]
    DefinitionsChanged,
    /// Other rules hold.
    #[error("`{key}` became {wanted:?} (it was {locked:?})")]
    RulesChanged {
        /// The key: `with` or `without`.
        key: &'static str,
        /// What the lock was made for.
        locked: Vec<String>,
        /// What the spec says now.
        wanted: Vec<String>,
    },
    /// Another part of the packages is taken.
    #[error("`select` became `{wanted}` (it was `{locked}`)")]
    SelectChanged {
        /// What the lock was made for.
        locked: Select,
        /// What the spec says now.
        wanted: Select,
    },
}

/// A base in a message.
fn shown(base: Option<&str>) -> String {
    base.map_or_else(|| "none".to_owned(), |base| format!("`{base}`"))
}

impl Lock {
    /// Whether this lock was written for what `spec` says now.
    ///
    /// # Errors
    /// When sources, packages, select or platforms have changed since; the error lists all changes.
    pub fn check(&self, spec: &Spec) -> Result<(), StaleLock> {
        let wanted = LockedRequest::of(spec);
        let mut changes = Vec::new();
        if self.request.select != wanted.select {
            changes.push(Change::SelectChanged {
                locked: self.request.select,
                wanted: wanted.select,
            });
        }
        if self.request.definitions != wanted.definitions {
            changes.push(Change::DefinitionsChanged);
        }
        for (key, locked, wanted) in [
            ("with", &self.request.with, &wanted.with),
            ("without", &self.request.without, &wanted.without),
            ("rules", &self.request.rules, &wanted.rules),
        ] {
            if locked != wanted {
                changes.push(Change::RulesChanged {
                    key,
                    locked: locked.clone(),
                    wanted: wanted.clone(),
                });
            }
        }
        let base = |image: &ImageRef| image.to_string();
        let locked = self.base.as_ref().map(|locked| base(&locked.image));
        let named = spec.from.as_ref().map(base);
        if locked != named {
            let wanted = named;
            changes.push(Change::BaseChanged { locked, wanted });
        }
        sources(&self.request.sources, &wanted.sources, &mut changes);
        packages(&self.request, &wanted, &mut changes);
        let locked = |platform| self.platforms.contains_key(platform);
        for platform in spec.platforms.iter().filter(|p| !locked(p)) {
            changes.push(Change::PlatformAdded(platform.to_string()));
        }
        let gone = self
            .platforms
            .keys()
            .filter(|p| !spec.platforms.contains(p));
        changes.extend(gone.map(|p| Change::PlatformRemoved(p.to_string())));
        if changes.is_empty() {
            Ok(())
        } else {
            Err(StaleLock { changes })
        }
    }
}

fn sources(
    locked: &BTreeMap<String, Source>,
    wanted: &BTreeMap<String, Source>,
    changes: &mut Vec<Change>,
) {
    for (name, new) in wanted {
        match locked.get(name) {
            None => changes.push(Change::SourceAdded(name.clone())),
            Some(old) if old != new => changes.push(Change::SourceChanged {
                name: name.clone(),
                keys: differing(old, new),
            }),
            Some(_) => {}
        }
    }
    let gone = locked.keys().filter(|name| !wanted.contains_key(*name));
    changes.extend(gone.cloned().map(Change::SourceRemoved));
}

fn differing(old: &Source, new: &Source) -> Vec<&'static str> {
    let mut keys = Vec::new();
    if (old.family, &old.place, &old.own) != (new.family, &new.place, &new.own) {
        keys.push(new.family_key());
    }
    let mut differ = |key, differs: bool| {
        if differs {
            keys.push(key);
        }
    };
    differ("suite", old.suite != new.suite);
    differ("components", old.components != new.components);
    differ("keys", old.keys != new.keys);
    differ("priority", old.priority != new.priority);
    differ("allow", old.allow != new.allow);
    differ("mirrorlist", old.mirrorlist != new.mirrorlist);
    differ("signed", old.signed != new.signed);
    differ("exclude", old.exclude != new.exclude);
    differ("architectures", old.architectures != new.architectures);
    differ("modules", old.modules != new.modules);
    differ("tagged", old.tagged != new.tagged);
    keys
}

fn packages(locked: &LockedRequest, wanted: &LockedRequest, changes: &mut Vec<Change>) {
    let mut old: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for request in &locked.packages {
        old.entry(&request.name)
            .or_default()
            .push(request.to_string());
    }
    let mut new: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for request in &wanted.packages {
        new.entry(&request.name)
            .or_default()
            .push(request.to_string());
    }
    for (name, texts) in &mut new {
        let Some(olds) = old.get_mut(name) else {
            changes.extend(texts.drain(..).map(Change::PackageAdded));
            continue;
        };
        let same: Vec<String> = texts.iter().filter(|t| olds.contains(t)).cloned().collect();
        texts.retain(|text| !same.contains(text));
        olds.retain(|text| !same.contains(text));
        while !texts.is_empty() && !olds.is_empty() {
            changes.push(Change::PackageChanged {
                locked: olds.remove(0),
                wanted: texts.remove(0),
            });
        }
        changes.extend(texts.drain(..).map(Change::PackageAdded));
        changes.extend(olds.drain(..).map(Change::PackageRemoved));
    }
    for (name, texts) in old {
        if !new.contains_key(name) {
            changes.extend(texts.into_iter().map(Change::PackageRemoved));
        }
    }
}
