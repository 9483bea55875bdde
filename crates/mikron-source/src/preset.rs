//! Presets: what distributions are called, where they lie, and who signs them.
//!
//! A preset (`deb: bookworm`) names a distribution and no host. Where its archives are is found in this order: the spec's
//! own URL; `--mirror NAME=URL` and `MIKRON_MIRROR_NAME`; the user's settings; the machine's apt sources where they serve
//! that distribution; last the defaults that the program was built with.

mod apt;
mod defaults;

use std::collections::BTreeMap;

pub use apt::{AptSource, parse_apt_sources};
pub use defaults::debian_keyring;

use crate::deb::{DebOptions, DebRepository, Trust};
use crate::environment::Environment;
use crate::trust::Keyring;
use defaults::{Archive, DEBIAN, Release};

/// A distribution that is known by name.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    release: &'static Release,
}

/// Where to look for the base URLs of a preset's archives, besides the built-in defaults.
#[derive(Clone, Debug, Default)]
pub struct Locations {
    /// The URL in the spec, for the main archive.
    pub spec: Option<String>,
    /// `--mirror NAME=URL`: names of archives (`debian`, `debian-security`) with their URLs.
    pub mirrors: BTreeMap<String, String>,
    /// The user's settings: names of archives with their URLs, the best first.
    pub settings: BTreeMap<String, Vec<String>>,
    /// Environment variables and apt sources.
    pub environment: Environment,
    /// The Date of the lock in seconds since 1970: then the snapshot service of that moment is a fallback.
    pub lock_date: Option<i64>,
}

/// A name that no preset has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no preset `{name}`; the known ones are {}", .known.join(", "))]
pub struct UnknownPreset {
    /// The name.
    pub name: String,
    /// The names that there are.
    pub known: Vec<&'static str>,
}

impl Preset {
    /// The Debian release of this codename.
    ///
    /// ```
    /// use mikron_source::preset::{Locations, Preset};
    /// let locations = Locations { spec: Some("https://example.org/debian".into()), ..Locations::default() };
    /// let repositories = Preset::deb("bookworm")?.repositories("debian", &locations);
    /// let suites: Vec<_> = repositories.iter().map(|r| r.suite.as_str()).collect();
    /// assert_eq!(suites, ["bookworm", "bookworm-updates", "bookworm-security"]);
    /// assert_eq!(repositories[0].bases, ["https://example.org/debian"]);
    /// # Ok::<(), mikron_source::preset::UnknownPreset>(())
    /// ```
    ///
    /// # Errors
    /// When there is none; the error names those that there are.
    pub fn deb(name: &str) -> Result<Self, UnknownPreset> {
        let found = DEBIAN.iter().find(|release| release.names.contains(&name));
        found
            .map(|release| Self { release })
            .ok_or_else(|| UnknownPreset {
                name: name.to_owned(),
                known: Self::known(),
            })
    }

    /// The names of all presets.
    pub fn known() -> Vec<&'static str> {
        DEBIAN
            .iter()
            .flat_map(|release| release.names.iter().copied())
            .collect()
    }

    /// The codename.
    pub fn name(&self) -> &'static str {
        self.release.names[0]
    }

    /// Who signs it.
    pub fn keyring(&self) -> Keyring {
        debian_keyring()
    }

    /// Its repositories, for a source of this name in the spec: main archive, updates, security.
    pub fn repositories(&self, source: &str, locations: &Locations) -> Vec<DebRepository> {
        let apt = locations.environment.apt_sources();
        let apt: Vec<AptSource> = apt
            .iter()
            .flat_map(|(path, text)| parse_apt_sources(path, text))
            .collect();
        let keyring = self.keyring();
        let repository = |(archive, suite): &(Archive, &str)| {
            let (bases, fallbacks) = locations.of(*archive, suite, &apt);
            DebRepository {
                name: source.to_owned(),
                identity: archive.name().to_owned(),
                bases,
                fallbacks,
                suite: (*suite).to_owned(),
                components: vec!["main".to_owned()],
                priority: 500,
                trust: Trust::Keys(keyring.clone()),
                options: DebOptions::default(),
                not_before: None,
            }
        };
        self.release.suites.iter().map(repository).collect()
    }
}

impl Locations {
    /// The base URLs of an archive: those of the first place that knows any, and all others as fallbacks for files whose
    /// digest is known.
    fn of(&self, archive: Archive, suite: &str, apt: &[AptSource]) -> (Vec<String>, Vec<String>) {
        let name = archive.name();
        let variable = format!("MIKRON_MIRROR_{}", name.to_uppercase().replace('-', "_"));
        let one = |url: Option<&str>| url.map(str::to_owned).into_iter().collect::<Vec<_>>();
        let places = [
            one(self.spec.as_deref().filter(|_| archive == Archive::Debian)),
            one(self.mirrors.get(name).map(String::as_str)),
            one(self.environment.var(&variable)),
            self.settings.get(name).cloned().unwrap_or_default(),
            apt::bases_for(apt, archive.name(), suite),
            one(archive.public()),
        ];
        let mut places: Vec<Vec<String>> =
            places.into_iter().filter(|urls| !urls.is_empty()).collect();
        let bases = if places.is_empty() {
            Vec::new()
        } else {
            places.remove(0)
        };
        let snapshot = self.lock_date.and_then(|date| archive.snapshot(date));
        let mut fallbacks: Vec<String> = Vec::new();
        for url in places.into_iter().flatten().chain(snapshot) {
            if !bases.contains(&url) && !fallbacks.contains(&url) {
                fallbacks.push(url);
            }
        }
        (bases, fallbacks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(locations: &Locations, place: usize) -> (Vec<String>, Vec<String>) {
        let repository = Preset::deb("bookworm")
            .unwrap()
            .repositories("debian", locations)
            .remove(place);
        (repository.bases, repository.fallbacks)
    }

    #[test]
    fn locations_are_found_in_the_documented_order() {
        let root = tempfile::tempdir().unwrap();
        let apt = root.path().join("etc/apt");
        std::fs::create_dir_all(&apt).unwrap();
        std::fs::write(
            apt.join("sources.list"),
            "deb http://apt.example.org/debian bookworm main\n",
        )
        .unwrap();
        let mut locations = Locations::default();
        let public = bases(&locations, 0).0;
        assert!(public.is_empty() || public[0].contains("://"), "{public:?}");
        locations.environment = Environment::empty().with_root(root.path());
        assert_eq!(
            bases(&locations, 0),
            (vec!["http://apt.example.org/debian".into()], public.clone())
        );
        // The apt sources do not have this suite.
        assert_eq!(bases(&locations, 1).0, public);
        locations.settings = BTreeMap::from([(
            "debian".to_owned(),
            vec!["http://settings.example.org".to_owned()],
        )]);
        assert_eq!(bases(&locations, 0).0, ["http://settings.example.org"]);
        locations.environment = locations
            .environment
            .with("MIKRON_MIRROR_DEBIAN", "http://env.example.org");
        locations.environment = locations
            .environment
            .with("MIKRON_MIRROR_DEBIAN_SECURITY", "http://sec.example.org");
        assert_eq!(bases(&locations, 0).0, ["http://env.example.org"]);
        assert_eq!(bases(&locations, 2).0, ["http://sec.example.org"]);
        locations.mirrors =
            BTreeMap::from([("debian".to_owned(), "http://flag.example.org".to_owned())]);
        assert_eq!(bases(&locations, 0).0, ["http://flag.example.org"]);
        locations.spec = Some("http://spec.example.org".into());
        locations.lock_date = Some(1_783_764_997);
        let (first, fallbacks) = bases(&locations, 0);
        assert_eq!(first, ["http://spec.example.org"]);
        assert_eq!(
            fallbacks[..4],
            [
                "http://flag.example.org",
                "http://env.example.org",
                "http://settings.example.org",
                "http://apt.example.org/debian",
            ]
        );
        // The spec's URL is that of the main archive only.
        assert_eq!(bases(&locations, 2).0, ["http://sec.example.org"]);
    }

    #[test]
    fn an_unknown_preset_names_the_known_ones() {
        let error = Preset::deb("bokworm").unwrap_err();
        assert!(error.to_string().contains("bookworm"), "{error}");
        assert_eq!(Preset::deb("unstable").unwrap().name(), "sid");
    }
}
