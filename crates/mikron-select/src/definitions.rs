//! Definitions: capabilities that a person has written down, because no class of files is what is meant.
//!
//! A definition names a capability of a package, the files that belong to it, what it needs and what it offers, and why it
//! exists. Where it has the name of an automatic capability (`bins`), it stands in its place. Those that ship with the
//! product stand in `definitions/builtin.yaml`; a spec may name files or directories with more.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use mikron_package::{Glob, Limits, RootPath};
use serde::{Deserialize, Serialize};

use crate::{RulesError, SelectError, Token};

const BUILTIN: &str = include_str!("definitions/builtin.yaml");

/// A table of definitions.
///
/// ```
/// use mikron_select::Definitions;
/// use mikron_package::Limits;
/// let text = "
/// - package: nginx-common
///   capability: defaults
///   files: ['/etc/nginx/**', '!/etc/nginx/sites-enabled/**']
///   requires: ['netbase:config', 'command(sh)']
///   because: a site of its own wants the configuration without the example
/// ";
/// let more = Definitions::parse("nginx.yaml", text, &Limits::default())?;
/// let all = Definitions::builtin().extended(more)?;
/// assert!(all.get("nginx-common", "defaults").is_some());
/// assert!(all.get("ca-certificates", "bundle").is_some());
/// # Ok::<(), mikron_select::RulesError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definitions {
    definitions: Vec<Definition>,
}

/// One capability that a person has written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The package.
    pub package: String,
    /// The name of the capability.
    pub capability: String,
    /// The files that belong to it.
    #[serde(default)]
    pub files: Patterns,
    /// The files that finalizers read for it and that are not part of the image.
    #[serde(default)]
    pub reads: Patterns,
    /// The programs whose work the build does with it. Of a package that the spec names as a whole they stay out: who wants them
    /// names their capability (`ca-certificates:sh`), or starts one.
    #[serde(default, rename = "instead-of")]
    pub instead_of: Patterns,
    /// What it needs beside what its files say themselves.
    #[serde(default)]
    pub requires: Vec<Requirement>,
    /// What it offers beside what its files say themselves, as tokens.
    #[serde(default)]
    pub provides: Vec<Token>,
    /// What its users should know.
    #[serde(default)]
    pub note: Option<String>,
    /// Why it exists.
    pub because: String,
}

/// Globs of paths; those that begin with `!` take out again what others fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Patterns {
    take: Vec<Glob>,
    leave: Vec<Glob>,
}

impl Patterns {
    /// Whether a path is meant.
    ///
    /// ```
    /// use mikron_select::Patterns;
    /// use mikron_package::RootPath;
    /// let patterns = Patterns::try_from(vec!["/etc/**".to_owned(), "!/etc/ssl/**".to_owned()])?;
    /// let fits = |path: &[u8]| patterns.fits(&RootPath::new(path).expect("a path"));
    /// assert!(fits(b"/etc/passwd") && !fits(b"/etc/ssl/openssl.cnf") && !fits(b"/usr/bin/env"));
    /// # Ok::<(), mikron_select::SelectError>(())
    /// ```
    pub fn fits(&self, path: &RootPath) -> bool {
        self.take.iter().any(|glob| glob.matches(path))
            && !self.leave.iter().any(|glob| glob.matches(path))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.take.is_empty()
    }

    /// The first glob that fits none of these paths.
    pub(crate) fn idle<'p>(
        &self,
        paths: &(impl Iterator<Item = &'p RootPath> + Clone),
    ) -> Option<&Glob> {
        let fits_none = |glob: &&Glob| !paths.clone().any(|path| glob.matches(path));
        self.take.iter().find(fits_none)
    }
}

impl TryFrom<Vec<String>> for Patterns {
    type Error = SelectError;

    fn try_from(texts: Vec<String>) -> Result<Self, SelectError> {
        let mut patterns = Self::default();
        for text in texts {
            match text.strip_prefix('!') {
                Some(rest) => patterns.leave.push(Glob::new(rest)?),
                None => patterns.take.push(Glob::new(&text)?),
            }
        }
        Ok(patterns)
    }
}

impl From<Patterns> for Vec<String> {
    fn from(patterns: Patterns) -> Self {
        let leave = patterns
            .leave
            .iter()
            .map(|glob| format!("!{}", glob.as_str()));
        patterns
            .take
            .iter()
            .map(|glob| glob.as_str().to_owned())
            .chain(leave)
            .collect()
    }
}

/// What a definition needs: a capability of a package, a command, a path or a library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Requirement {
    /// `libssl3:libs`.
    Capability {
        /// The package.
        package: String,
        /// The capability.
        capability: String,
    },
    /// `command(sh)`.
    Command(String),
    /// `path(/etc/services)`.
    Path(String),
    /// `soname(libz.so.1)`.
    Soname(String),
}

impl Requirement {
    /// As a token; a capability is one of its package.
    pub fn token(&self) -> Token {
        match self {
            Self::Capability { package, .. } => Token::Package(package.clone(), None),
            Self::Command(name) => Token::Command(name.clone()),
            Self::Path(path) => Token::Path(path.clone()),
            Self::Soname(name) => Token::Soname(name.clone()),
        }
    }
}

impl FromStr for Requirement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inside = |kind: &str| {
            let rest = text
                .strip_prefix(kind)?
                .strip_prefix('(')?
                .strip_suffix(')')?;
            (!rest.is_empty()).then(|| rest.to_owned())
        };
        if let Some(command) = inside("command") {
            return Ok(Self::Command(command));
        }
        if let Some(path) = inside("path").filter(|path| path.starts_with('/')) {
            return Ok(Self::Path(path));
        }
        if let Some(soname) = inside("soname") {
            return Ok(Self::Soname(soname));
        }
        match text.split_once(':') {
            Some((package, capability)) if !package.is_empty() && !capability.is_empty() => {
                Ok(Self::Capability {
                    package: package.to_owned(),
                    capability: capability.to_owned(),
                })
            }
            _ => Err(format!(
                "`{}` is not a requirement: write `package:capability`, `command(x)`, `path(/x)` or `soname(x)`",
                text.escape_debug()
            )),
        }
    }
}

impl TryFrom<String> for Requirement {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Requirement> for String {
    fn from(requirement: Requirement) -> Self {
        requirement.to_string()
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capability {
                package,
                capability,
            } => write!(f, "{package}:{capability}"),
            Self::Command(name) => write!(f, "command({name})"),
            Self::Path(path) => write!(f, "path({path})"),
            Self::Soname(name) => write!(f, "soname({name})"),
        }
    }
}

impl Definitions {
    /// The definitions that ship with the product.
    ///
    /// # Panics
    /// Never: the table is a constant, and a test reads it.
    pub fn builtin() -> Arc<Self> {
        static DEFINITIONS: OnceLock<Arc<Definitions>> = OnceLock::new();
        let read = || {
            let table = Self::parse("builtin definitions", BUILTIN, &Limits::default());
            Arc::new(table.expect("a constant that the tests read"))
        };
        Arc::clone(DEFINITIONS.get_or_init(read))
    }

    /// Reads a table. `file` is only used in messages.
    ///
    /// # Errors
    /// When `text` is larger than [`Limits::spec`], is not YAML of this form, or defines one capability twice.
    pub fn parse(file: &str, text: &str, limits: &Limits) -> Result<Self, RulesError> {
        let definitions: Vec<Definition> = mikron_yaml::read_table(file, text, limits.spec)?;
        let table = Self { definitions };
        table.check(file)?;
        Ok(table)
    }

    /// This table with another in front of it: where both define a capability, the other's stands.
    ///
    /// # Errors
    /// When the other contradicts itself.
    pub fn extended(&self, more: Self) -> Result<Self, RulesError> {
        more.check("definitions")?;
        let mut definitions = more.definitions;
        let new = |known: &&Definition| {
            let same =
                |d: &Definition| (&d.package, &d.capability) == (&known.package, &known.capability);
            !definitions.iter().any(same)
        };
        let rest: Vec<Definition> = self.definitions.iter().filter(new).cloned().collect();
        definitions.extend(rest);
        Ok(Self { definitions })
    }

    fn check(&self, file: &str) -> Result<(), RulesError> {
        let mut names = HashSet::new();
        for definition in &self.definitions {
            let wrong = |reason: &'static str| RulesError::Definition {
                file: file.to_owned(),
                capability: format!("{}:{}", definition.package, definition.capability),
                reason,
            };
            if !names.insert((&definition.package, &definition.capability)) {
                return Err(wrong("stands twice"));
            }
            if definition.files.is_empty()
                && definition.reads.is_empty()
                && definition.requires.is_empty()
                && definition.instead_of.is_empty()
            {
                return Err(wrong("has no `files`, `reads`, `instead-of` or `requires`"));
            }
        }
        Ok(())
    }

    /// The definition of a capability.
    pub fn get(&self, package: &str, capability: &str) -> Option<&Definition> {
        let is_it = |d: &&Definition| d.package == package && d.capability == capability;
        self.definitions.iter().find(is_it)
    }

    /// The definition by which the build does the work of a program.
    pub fn instead_of(&self, package: &str, program: &RootPath) -> Option<&Definition> {
        let is_it = |d: &&Definition| d.package == package && d.instead_of.fits(program);
        self.definitions.iter().find(is_it)
    }

    /// The definitions for a package.
    pub fn of<'d>(&'d self, package: &'d str) -> impl Iterator<Item = &'d Definition> {
        self.definitions
            .iter()
            .filter(move |definition| definition.package == package)
    }

    /// All definitions.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Definitions, RulesError> {
        Definitions::parse("d.yaml", text, &Limits::default())
    }

    #[test]
    fn the_definitions_that_ship_with_the_product_can_be_read_and_say_why() {
        assert!(
            Definitions::builtin()
                .iter()
                .all(|definition| definition.because.len() > 20)
        );
    }

    #[test]
    fn requirements_are_written_as_they_are_read() {
        for text in [
            "libssl3:libs",
            "command(sh)",
            "path(/etc/services)",
            "soname(libz.so.1)",
        ] {
            assert_eq!(text.parse::<Requirement>().unwrap().to_string(), text);
        }
        for text in ["libssl3", ":libs", "command()", "path(etc)", ""] {
            assert!(text.parse::<Requirement>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_definition_that_stands_twice_or_says_nothing_is_refused_by_name() {
        let twice = "- { package: a, capability: b, files: [/x], because: c }\n- { package: a, capability: b, files: [/y], because: c }\n";
        assert_eq!(
            parse(twice).unwrap_err().to_string(),
            "d.yaml: the definition `a:b` stands twice"
        );
        let empty = "- { package: a, capability: b, because: c }";
        assert!(
            parse(empty)
                .unwrap_err()
                .to_string()
                .contains("has no `files`")
        );
    }

    #[test]
    fn a_definition_of_the_user_stands_in_place_of_a_built_in_one() {
        let own =
            parse("- { package: ca-certificates, capability: bundle, files: [/x], because: mine }")
                .unwrap();
        let all = Definitions::builtin().extended(own).unwrap();
        assert_eq!(
            all.get("ca-certificates", "bundle").unwrap().because,
            "mine"
        );
        assert_eq!(all.of("ca-certificates").count(), 1);
    }
}
