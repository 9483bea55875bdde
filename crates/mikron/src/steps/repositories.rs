//! The sources of a spec as repositories. The only place above the format crates where families are told apart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron_package::Limits;
use mikron_source::Repository;
use mikron_source::apk::{ApkKeys, ApkOptions, ApkRepository, ApkTrust};
use mikron_source::deb::{DebOptions, DebRepository, Trust};
use mikron_source::preset::{Locations, Preset};
use mikron_source::rpm::{RpmOptions, RpmRepository, Signed};
use mikron_source::trust::Keyring;
use mikron_spec::{Allow, Place, Source};

use crate::Error;
use crate::error::SourceFault;
use crate::files::Beside;

/// The repositories of one source, with their base URLs and keys.
pub(crate) fn repositories_of(
    beside: &Beside,
    name: &str,
    source: &Source,
    locations: &Locations,
) -> Result<Vec<Arc<dyn Repository>>, Error> {
    match source.family.name() {
        "rpm" => Ok(vec![shared_rpm(beside, name, source)?]),
        "apk" => Ok(vec![shared_apk(beside, name, source)?]),
        _ => {
            let repositories = deb_repositories(beside, name, source, locations)?;
            let shared = |repository| Arc::new(repository) as Arc<dyn Repository>;
            Ok(repositories.into_iter().map(shared).collect())
        }
    }
}

fn deb_repositories(
    beside: &Beside,
    name: &str,
    source: &Source,
    locations: &Locations,
) -> Result<Vec<DebRepository>, Error> {
    let keyring = keyring(beside, source)?;
    let mut repositories = match &source.place {
        Place::Preset(preset) => {
            let preset = Preset::deb(preset).map_err(SourceFault::from)?;
            let mut locations = locations.clone();
            for (archive, url) in &source.mirrors {
                locations.mirrors.insert(archive.clone(), url.clone());
            }
            let mut repositories = preset.repositories(name, &locations);
            if !source.components.is_empty() {
                for repository in &mut repositories {
                    repository.components.clone_from(&source.components);
                }
            }
            repositories
        }
        Place::Url(url) => {
            let base = absolute(beside, url);
            let suite = source.suite.clone().unwrap_or_default();
            let unsigned = source.allow.contains(&Allow::Unsigned);
            let trust = match &keyring {
                Some(keyring) => Trust::Keys(keyring.clone()),
                None if unsigned => Trust::Unsigned,
                None => return Err(without_keys(name)),
            };
            vec![DebRepository::at(
                name,
                &base,
                &suite,
                &source.components,
                trust,
            )]
        }
    };
    for repository in &mut repositories {
        if let Some(priority) = source.priority {
            repository.priority = priority;
        }
        repository.options = DebOptions {
            allow_expired: source.allow.contains(&Allow::Expired),
            allow_older: source.allow.contains(&Allow::RolledBack),
            allow_other_suite: source.allow.contains(&Allow::Mixed),
            ..DebOptions::default()
        };
        if source.allow.contains(&Allow::Unsigned) {
            repository.trust = Trust::Unsigned;
        } else if let Some(keyring) = &keyring {
            repository.trust = Trust::Keys(keyring.clone());
        }
    }
    Ok(repositories)
}

fn shared_rpm(beside: &Beside, name: &str, source: &Source) -> Result<Arc<dyn Repository>, Error> {
    let trust = match keyring(beside, source)? {
        _ if source.allow.contains(&Allow::Unsigned) => Trust::Unsigned,
        Some(keyring) => Trust::Keys(keyring),
        None => return Err(without_keys(name)),
    };
    let bases = vec![base(beside, source)];
    let mut repository = RpmRepository::at(name, &bases, source.mirrorlist.as_deref(), trust);
    repository.priority = source.priority.unwrap_or(repository.priority);
    repository.signed = match source.signed {
        mikron_spec::Signed::Metadata => Signed::Metadata,
        mikron_spec::Signed::Packages => Signed::Packages,
    };
    let architectures = (!source.architectures.is_empty()).then(|| source.architectures.clone());
    repository.options = RpmOptions {
        allow_expired: source.allow.contains(&Allow::Expired),
        allow_older: source.allow.contains(&Allow::RolledBack),
        exclude: source.exclude.clone(),
        architectures,
        modules: source.modules.clone(),
        ..RpmOptions::default()
    };
    Ok(Arc::new(repository))
}

fn shared_apk(beside: &Beside, name: &str, source: &Source) -> Result<Arc<dyn Repository>, Error> {
    let mut keys = Vec::new();
    for (path, bytes) in key_files(beside, source)? {
        let file = path.file_name().unwrap_or_default();
        let text = crate::files::text(&path, bytes)?;
        keys.push((file.to_string_lossy().into_owned(), text));
    }
    let trust = if source.allow.contains(&Allow::Unsigned) {
        ApkTrust::Unsigned
    } else if keys.is_empty() {
        return Err(without_keys(name));
    } else {
        let pairs = keys
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        ApkTrust::Keys(ApkKeys::new(pairs).map_err(SourceFault::from)?)
    };
    let mut repository = ApkRepository::new(name, &base(beside, source), trust);
    repository.priority = source.priority.unwrap_or(repository.priority);
    repository.tag = source.tagged.then(|| name.to_owned());
    repository.options = ApkOptions {
        allow_weak_signature: source.allow.contains(&Allow::WeakSignature),
        allow_older: source.allow.contains(&Allow::RolledBack),
    };
    Ok(Arc::new(repository))
}

/// The base URL of a source that is no preset.
fn base(beside: &Beside, source: &Source) -> String {
    match &source.place {
        Place::Url(url) => absolute(beside, url),
        Place::Preset(name) => name.clone(),
    }
}

fn without_keys(name: &str) -> Error {
    Error::Unsupported {
        what: format!("the source `{name}` without keys"),
        remedy: "name them with `keys`, or write `allow: [unsigned]`".to_owned(),
    }
}

/// The key files that the spec names, with their contents.
fn key_files(beside: &Beside, source: &Source) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    let cap = Limits::default().release;
    let files = source.keys.iter().map(|named| beside.read(named, cap));
    files.collect()
}

/// The OpenPGP keys that the spec names; `None` where it names none.
fn keyring(beside: &Beside, source: &Source) -> Result<Option<Keyring>, Error> {
    let mut keyrings = Vec::new();
    for (_, bytes) in key_files(beside, source)? {
        keyrings.push(Keyring::new(bytes).map_err(SourceFault::from)?);
    }
    if keyrings.is_empty() {
        return Ok(None);
    }
    Ok(Some(Keyring::of_all(&keyrings).map_err(SourceFault::from)?))
}

/// A `file:` path that does not begin with `/` is relative to the spec's directory.
fn absolute(beside: &Beside, url: &str) -> String {
    let Some(path) = url.strip_prefix("file:") else {
        return url.to_owned();
    };
    if path.starts_with('/') {
        beside.note(Path::new(path.strip_prefix("//").unwrap_or(path)));
        return url.to_owned();
    }
    beside.note(&beside.directory.join(path));
    let base = &*beside.directory;
    let here = if base.as_os_str().is_empty() {
        Path::new(".")
    } else {
        base
    };
    let absolute = std::path::absolute(here).unwrap_or(here.to_owned());
    format!("{}/{path}", mikron_source::fetch::file_url(&absolute))
}
