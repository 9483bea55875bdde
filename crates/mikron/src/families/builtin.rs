//! The families that come with Mikron: what a source of each means.

use std::sync::Arc;

use mikron_apk::ApkFormat;
use mikron_deb::DebFormat;
use mikron_package::{Family, PackageFormat};
use mikron_rpm::RpmFormat;
use mikron_solve::rules::{self, Rules};
use mikron_source::Repository;
use mikron_source::apk::{ApkKeys, ApkOptions, ApkRepository, ApkTrust};
use mikron_source::deb::{DebOptions, DebRepository, Trust};
use mikron_source::preset::Preset;
use mikron_source::rpm::{RpmOptions, RpmRepository, Signed};
use mikron_source::trust::Keyring;
use mikron_spec::{Allow, Place};

use super::{FamilySource, PackageFamily};
use crate::Error;
use crate::error::SourceFault;

/// Debian and its relatives.
pub(super) struct Deb;

impl PackageFamily for Deb {
    fn family(&self) -> Family {
        Family::DEB
    }

    fn format(&self) -> &'static dyn PackageFormat {
        &DebFormat
    }

    fn rules(&self) -> &'static dyn Rules {
        &rules::Deb
    }

    fn repositories(&self, of: &FamilySource<'_>) -> Result<Vec<Arc<dyn Repository>>, Error> {
        let repositories = deb_repositories(of)?.into_iter();
        let shared = |repository| Arc::new(repository) as Arc<dyn Repository>;
        Ok(repositories.map(shared).collect())
    }
}

/// Red Hat, SUSE and their relatives.
pub(super) struct Rpm;

impl PackageFamily for Rpm {
    fn family(&self) -> Family {
        Family::RPM
    }

    fn format(&self) -> &'static dyn PackageFormat {
        &RpmFormat
    }

    fn rules(&self) -> &'static dyn Rules {
        &rules::Rpm
    }

    fn repositories(&self, of: &FamilySource<'_>) -> Result<Vec<Arc<dyn Repository>>, Error> {
        let FamilySource { name, source, .. } = *of;
        let trust = match keyring(of)? {
            _ if source.allow.contains(&Allow::Unsigned) => Trust::Unsigned,
            Some(keyring) => Trust::Keys(keyring),
            None => return Err(without_keys(name)),
        };
        let bases = vec![of.url()];
        let mut repository = RpmRepository::at(name, &bases, source.mirrorlist.as_deref(), trust);
        repository.priority = source.priority.unwrap_or(repository.priority);
        repository.signed = match source.signed {
            mikron_spec::Signed::Metadata => Signed::Metadata,
            mikron_spec::Signed::Packages => Signed::Packages,
        };
        let architectures =
            (!source.architectures.is_empty()).then(|| source.architectures.clone());
        repository.options = RpmOptions {
            allow_expired: source.allow.contains(&Allow::Expired),
            allow_older: source.allow.contains(&Allow::RolledBack),
            exclude: source.exclude.clone(),
            architectures,
            modules: source.modules.clone(),
            ..RpmOptions::default()
        };
        Ok(vec![Arc::new(repository)])
    }
}

/// Alpine and its relatives.
pub(super) struct Apk;

impl PackageFamily for Apk {
    fn family(&self) -> Family {
        Family::APK
    }

    fn format(&self) -> &'static dyn PackageFormat {
        &ApkFormat
    }

    fn rules(&self) -> &'static dyn Rules {
        &rules::Apk
    }

    fn repositories(&self, of: &FamilySource<'_>) -> Result<Vec<Arc<dyn Repository>>, Error> {
        let FamilySource { name, source, .. } = *of;
        let mut keys = Vec::new();
        for (path, bytes) in of.keys()? {
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
        let mut repository = ApkRepository::new(name, &of.url(), trust);
        repository.priority = source.priority.unwrap_or(repository.priority);
        repository.tag = source.tagged.then(|| name.to_owned());
        repository.options = ApkOptions {
            allow_weak_signature: source.allow.contains(&Allow::WeakSignature),
            allow_older: source.allow.contains(&Allow::RolledBack),
        };
        Ok(vec![Arc::new(repository)])
    }
}

fn deb_repositories(of: &FamilySource<'_>) -> Result<Vec<DebRepository>, Error> {
    let FamilySource { name, source, .. } = *of;
    let keyring = keyring(of)?;
    let mut repositories = match &source.place {
        Place::Preset(preset) => {
            let preset = Preset::deb(preset).map_err(SourceFault::from)?;
            let mut locations = of.locations.clone();
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
        Place::Url(_) => {
            let base = of.url();
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

fn without_keys(name: &str) -> Error {
    SourceFault::WithoutKeys(name.to_owned()).into()
}

/// The OpenPGP keys that the spec names; `None` where it names none.
fn keyring(of: &FamilySource<'_>) -> Result<Option<Keyring>, Error> {
    let mut keyrings = Vec::new();
    for (_, bytes) in of.keys()? {
        keyrings.push(Keyring::new(bytes).map_err(SourceFault::from)?);
    }
    if keyrings.is_empty() {
        return Ok(None);
    }
    Ok(Some(Keyring::of_all(&keyrings).map_err(SourceFault::from)?))
}
