//! What a package can be asked to do, put together from the list of its files: a probe for packages that nobody knows.
//!
//! A package of a language is asked to load everything that its files offer under a name of their own (`import`, `use`,
//! `require`, `library`); a package with programs to show versions and help; one with a service of systemd to start it and to
//! listen. The same probe is run in a minimal image and in a full installation, and [`Outcome::lacking`] says what the one
//! does and the other does not. Nothing here knows the name of a package.

mod contents;
mod language;
mod outcome;
mod probe;
mod service;

pub use contents::Contents;
pub use language::Language;
pub use outcome::Outcome;
pub use probe::{Call, Probe};
pub use service::Service;

/// The kinds of packages that are drawn and counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Code of a language.
    Code(Language),
    /// Programs of any kind.
    Programs,
    /// Services of systemd.
    Daemons,
}

impl Family {
    /// Every family, in the order of tables.
    pub fn all() -> Vec<Self> {
        let code = Language::ALL.map(Self::Code);
        [&code[..], &[Self::Programs, Self::Daemons]].concat()
    }

    /// The word for it in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code(language) => language.name(),
            Self::Programs => "programs",
            Self::Daemons => "daemons",
        }
    }

    /// The family of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|family| family.name() == name)
    }

    /// Whether a package of this name with these files is of the family. `paths` are absolute.
    pub fn holds(self, package: &str, paths: &[&str]) -> bool {
        match self {
            Self::Code(language) => {
                language.has_name(package) && !language.items(package, paths).is_empty()
            }
            Self::Programs => {
                let of_language = Language::ALL.iter().any(|l| l.has_name(package));
                !of_language && probe::programs(package, paths).next().is_some()
            }
            Self::Daemons => paths.iter().any(|path| service::is_unit(path)),
        }
    }

    /// What a package of the family is asked to do; `None` where its files offer nothing.
    pub fn probe(self, package: &str, contents: &Contents) -> Option<Probe> {
        let paths: Vec<&str> = contents.paths.iter().map(String::as_str).collect();
        match self {
            Self::Code(language) => {
                let items = match language {
                    // The names of Tcl's packages stand in their indexes.
                    Language::Tcl => language::tcl_packages(contents.texts.values()),
                    _ => language.items(package, &paths),
                };
                (!items.is_empty()).then(|| Probe::Load(language.load(&paths, items)))
            }
            Self::Programs => {
                let programs: Vec<&str> = probe::programs(package, &paths).take(3).collect();
                (!programs.is_empty()).then(|| Probe::version_and_help(&programs))
            }
            Self::Daemons => Service::of(package, contents).map(Probe::Serve),
        }
    }
}
