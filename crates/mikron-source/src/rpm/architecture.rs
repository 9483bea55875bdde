//! What architectures are called in a repository of rpm packages, and which of its packages fit.

use mikron_package::Architecture;

use super::RpmRepository;

/// All architectures, for locations that do not tell.
const ALL: [Architecture; 7] = [
    Architecture::Amd64,
    Architecture::Arm64,
    Architecture::ArmV7,
    Architecture::I386,
    Architecture::Ppc64le,
    Architecture::Riscv64,
    Architecture::S390x,
];

/// What stands for the architecture in URLs (dnf.conf(5), "Variables").
const VARIABLE: &str = "$basearch";

/// `$basearch`: the directory of an architecture is not always called as its packages are.
fn base_name(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::ArmV7 => "armhfp",
        Architecture::I386 => "i386",
        other => other.rpm(),
    }
}

impl RpmRepository {
    /// Whether each architecture has a place of its own.
    pub(super) fn is_per_architecture(&self) -> bool {
        let mut urls = self
            .bases
            .iter()
            .chain(&self.fallbacks)
            .chain(&self.mirrors);
        urls.any(|url| url.contains(VARIABLE))
    }

    /// The repository as it is for one architecture.
    pub(super) fn for_architecture(&self, architecture: Architecture) -> Self {
        if !self.is_per_architecture() {
            return self.clone();
        }
        let fill = |url: &String| url.replace(VARIABLE, base_name(architecture));
        Self {
            identity: fill(&self.identity),
            bases: self.bases.iter().map(fill).collect(),
            mirrors: self.mirrors.as_ref().map(fill),
            fallbacks: self.fallbacks.iter().map(fill).collect(),
            ..self.clone()
        }
    }

    /// The packages that fit, in rpm's words. Levels above the baseline (`x86_64_v3`) have to be asked for: an image of them does
    /// not run everywhere.
    pub(super) fn accepted(&self, architecture: Architecture) -> Vec<String> {
        match &self.options.architectures {
            Some(names) => names.clone(),
            None => vec![architecture.rpm().to_owned(), "noarch".to_owned()],
        }
    }

    /// The architectures that an archive may be of, by its name, the likeliest first.
    pub(super) fn of_location(location: &str) -> Vec<Architecture> {
        let stem = location.strip_suffix(".rpm").unwrap_or(location);
        let named = stem.rsplit('.').next().unwrap_or_default();
        let own = ALL.into_iter().find(|a| a.rpm() == named);
        own.map_or_else(|| ALL.to_vec(), |own| vec![own])
    }
}
