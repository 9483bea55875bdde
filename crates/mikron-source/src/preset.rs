//! Presets: what distributions are called, where they lie, and who signs them.
//!
//! A preset (`deb: bookworm`) names a distribution and no host. Where its archives are is found in this order: the spec's
//! own URL; `--mirror NAME=URL` and `MIKRON_MIRROR_NAME`; the user's settings; the machine's apt sources where they serve
//! that distribution, or else another release of the same archive; last the defaults that the program was built with.

mod apt;
mod defaults;

use std::collections::BTreeMap;
use std::fmt;

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
        let apt = locations.apt();
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

/// Where a base URL is known from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The spec.
    Spec,
    /// `--mirror`, or who calls the library.
    Option,
    /// A variable of the environment.
    Variable(String),
    /// The user's settings.
    Settings,
    /// The machine's apt sources have suites of the archive.
    Apt,
    /// The program was built with it.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spec => "the spec",
            Self::Option => "--mirror",
            Self::Variable(name) => name,
            Self::Settings => "the user's settings",
            Self::Apt => "the machine's apt sources",
            Self::BuiltIn => "built in",
        })
    }
}

/// The names of the archives that presets lie in: in options, settings and the environment.
///
/// ```
/// assert_eq!(mikron_source::preset::archives(), ["debian", "debian-security"]);
/// ```
pub fn archives() -> [&'static str; 2] {
    Archive::ALL.map(Archive::name)
}

/// The variable of the environment that names the base URL of an archive.
///
/// ```
/// use mikron_source::preset::mirror_variable;
/// assert_eq!(mirror_variable("debian-security"), "MIKRON_MIRROR_DEBIAN_SECURITY");
/// ```
pub fn mirror_variable(archive: &str) -> String {
    format!("MIKRON_MIRROR_{}", archive.to_uppercase().replace('-', "_"))
}

impl Locations {
    /// The base URLs of an archive by where they are known from, the first to be asked first. It counts for whatever release: what
    /// [`Preset::repositories`] asks may have a better place in the machine's apt sources.
    pub fn of_archive(&self, archive: &str) -> Vec<(Origin, Vec<String>)> {
        let apt = self.apt();
        let archive = Archive::ALL.into_iter().find(|a| a.name() == archive);
        archive.map_or_else(Vec::new, |archive| self.places(archive, "", &apt))
    }

    fn apt(&self) -> Vec<AptSource> {
        let texts = self.environment.apt_sources();
        let parsed = texts
            .iter()
            .flat_map(|(path, text)| parse_apt_sources(path, text));
        parsed.collect()
    }

    /// The base URLs of an archive: those of the first place that knows any, and all others as fallbacks for files whose
    /// digest is known.
    fn of(&self, archive: Archive, suite: &str, apt: &[AptSource]) -> (Vec<String>, Vec<String>) {
        let mut places = self
            .places(archive, suite, apt)
            .into_iter()
            .map(|(_, urls)| urls);
        let bases = places.next().unwrap_or_default();
        let snapshot = self.lock_date.and_then(|date| archive.snapshot(date));
        let mut fallbacks: Vec<String> = Vec::new();
        for url in places.flatten().chain(snapshot) {
            if !bases.contains(&url) && !fallbacks.contains(&url) {
                fallbacks.push(url);
            }
        }
        (bases, fallbacks)
    }

    /// The places that know base URLs, in order.
    fn places(
        &self,
        archive: Archive,
        suite: &str,
        apt: &[AptSource],
    ) -> Vec<(Origin, Vec<String>)> {
        let name = archive.name();
        let variable = mirror_variable(name);
        let one = |url: Option<&str>| url.map(str::to_owned).into_iter().collect::<Vec<_>>();
        // A mirror has all releases of an archive; apt only says which of them the machine uses.
        let of_apt = apt::bases_for(apt, name, suite, |served| archive.has(served));
        let places = [
            (
                Origin::Spec,
                one(self.spec.as_deref().filter(|_| archive == Archive::Debian)),
            ),
            (
                Origin::Option,
                one(self.mirrors.get(name).map(String::as_str)),
            ),
            (
                Origin::Variable(variable.clone()),
                one(self.environment.var(&variable)),
            ),
            (
                Origin::Settings,
                self.settings.get(name).cloned().unwrap_or_default(),
            ),
            (Origin::Apt, of_apt),
            (Origin::BuiltIn, one(archive.public())),
        ];
        let known = places.into_iter().filter(|(_, urls)| !urls.is_empty());
        known.collect()
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
        // The apt sources do not have this suite, but the archive that it is in.
        let apt = ["http://apt.example.org/debian"];
        assert_eq!(bases(&locations, 1).0, apt);
        // Nor do they have the archive of this one.
        assert!(!bases(&locations, 2).0.contains(&apt[0].to_owned()));
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
    fn where_apt_knows_one_release_the_others_are_looked_for_at_the_same_place() {
        let root = tempfile::tempdir().unwrap();
        let apt = root.path().join("etc/apt");
        std::fs::create_dir_all(&apt).unwrap();
        let list = "deb http://vendor.example.org/apt bookworm main\n\
                    deb http://a.example.org/debian stable main\n\
                    deb http://a.example.org/debian-security bookworm-security main\n\
                    deb http://b.example.org/ubuntu jammy main\n";
        std::fs::write(apt.join("sources.list"), list).unwrap();
        let locations = Locations {
            environment: Environment::empty().with_root(root.path()),
            ..Locations::default()
        };
        let [main, vendor, security] = [
            "http://a.example.org/debian",
            "http://vendor.example.org/apt",
            "http://a.example.org/debian-security",
        ];
        for (release, first) in [("trixie", main), ("sid", main), ("bookworm", main)] {
            let repositories = Preset::deb(release)
                .unwrap()
                .repositories("debian", &locations);
            assert_eq!(repositories[0].bases, [first, vendor], "{release}");
            if let Some(repository) = repositories.get(2) {
                assert_eq!(repository.bases[0], security, "{release}");
            }
        }
        let known = locations.of_archive("debian");
        assert_eq!(known[0].0, Origin::Apt);
        assert!(locations.of_archive("fedora").is_empty());
    }

    #[test]
    fn an_unknown_preset_names_the_known_ones() {
        let error = Preset::deb("bokworm").unwrap_err();
        assert!(error.to_string().contains("bookworm"), "{error}");
        assert_eq!(Preset::deb("unstable").unwrap().name(), "sid");
    }
}
