//! What a package offers: its capabilities, each with the tokens that it provides and requires.

use std::collections::{BTreeMap, HashSet};

use mikron_facts::FileFacts;
use mikron_package::{Relation, Requirement};
use mikron_select::{Definitions, PackageInput, Token, capability_of, defined};
use serde::{Deserialize, Serialize};

use super::{provided, required};

/// How much something is required.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Without it the file does not work.
    #[default]
    Required,
    /// Without it a function is missing that most would expect.
    Recommended,
    /// Without it something rarely used is missing, or the loader warns.
    Optional,
}

/// A token that is required.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Required {
    /// What.
    pub token: Token,
    /// How much.
    pub strength: Strength,
    /// What does as well, in the order in which it is tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instead: Vec<Token>,
}

impl Required {
    /// A token without which nothing works.
    pub const fn new(token: Token) -> Self {
        Self::with(token, Strength::Required)
    }

    /// A token that is required so much.
    pub const fn with(token: Token, strength: Strength) -> Self {
        Self {
            token,
            strength,
            instead: Vec::new(),
        }
    }
}

/// Where a capability comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// From the kind of the package's content: a [`mikron_facts::Class`], or the scripts for one interpreter.
    Automatic,
    /// From a definition, which names the files.
    Definition,
}

/// A named subset of a package's entries.
///
/// The automatic ones divide the package; those by definition take from what the others hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Its name: `libs`, `perl`, `bundle`.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Number of its entries that are not directories.
    pub files: usize,
    /// Sum of their sizes in bytes.
    pub bytes: u64,
    /// Its entries, as indexes into [`mikron_facts::PackageFacts::files`]; directories are left out of automatic ones.
    #[serde(skip)]
    pub entries: Vec<usize>,
    /// What it provides, in order and once each.
    pub provides: Vec<Token>,
    /// What it requires, in order and once each. What it provides itself is not left out.
    pub requires: Vec<Required>,
}

/// The capabilities of a package with their tokens, in order of name. It looks at nothing but the facts of the package and
/// what is defined for it.
///
/// ```
/// use std::sync::Arc;
/// use mikron_facts::{FileFacts, PackageFacts};
/// use mikron_matrix::capabilities;
/// use mikron_select::{Definitions, PackageInput, Role, Token};
/// use mikron_package::{Entry, EntryKind, RootPath};
/// let link = EntryKind::Symlink { target: b"busybox".to_vec() };
/// let files = vec![FileFacts::new(Entry::new(RootPath::new(b"/bin/sh")?, link, 0o777))];
/// let facts = PackageFacts::of_files("shell".parse()?, files);
/// let all = capabilities(&PackageInput::new(Role::root(), Arc::new(facts)), &Definitions::builtin());
/// assert_eq!(all[0].name, "bins");
/// assert_eq!(all[0].provides, ["path(/usr/bin/sh)".parse()?, "command(sh)".parse::<Token>()?]);
/// assert_eq!(all[0].requires[0].token.to_string(), "path(/bin/busybox)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn capabilities(input: &PackageInput, definitions: &Definitions) -> Vec<Capability> {
    let files = &input.facts.files;
    let mut parts: BTreeMap<(&str, Origin), Vec<usize>> = BTreeMap::new();
    for (at, file) in files.iter().enumerate() {
        if !file.entry.is_directory() {
            let part = parts.entry((capability_of(file), Origin::Automatic));
            part.or_default().push(at);
        }
    }
    let own = defined(input, definitions);
    for (name, entries) in &own {
        parts.insert((name, Origin::Definition), entries.clone());
    }
    let capability = |((name, origin), entries): ((&str, Origin), Vec<usize>)| {
        let chosen = || entries.iter().map(|at| &files[*at]);
        let content = chosen().filter(|file| !file.entry.is_directory());
        let definition = definitions.get(input.name.as_str(), name);
        let definition = definition.filter(|_| origin == Origin::Definition);
        let mut provides = all_provided(chosen());
        provides.extend(
            definition
                .into_iter()
                .flat_map(|d| d.provides.iter().cloned()),
        );
        let mut requires = all_required(chosen());
        let by_hand = definition.into_iter().flat_map(|d| &d.requires);
        requires.extend(by_hand.map(|requirement| Required::new(requirement.token())));
        Capability {
            name: name.to_owned(),
            origin,
            files: content.clone().count(),
            bytes: content.map(|file| file.entry.size()).sum(),
            provides,
            requires,
            entries,
        }
    };
    parts.into_iter().map(capability).collect()
}

fn all_provided<'f>(files: impl Iterator<Item = &'f FileFacts>) -> Vec<Token> {
    let mut tokens = Vec::new();
    for file in files {
        provided(file, &mut tokens);
    }
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

fn all_required<'f>(files: impl Iterator<Item = &'f FileFacts>) -> Vec<Required> {
    let mut tokens = Vec::new();
    let mut seen = HashSet::new();
    let mut of_file = Vec::new();
    for file in files {
        required(file, &mut of_file);
        tokens.extend(of_file.drain(..).filter(|one| seen.insert(one.clone())));
    }
    tokens.sort_unstable();
    // Required here and optional there is required.
    tokens.dedup_by(|next, first| next.token == first.token && next.instead == first.instead);
    tokens
}

/// What a package as a whole provides (its own name and version, and virtual packages) and requires (its dependencies).
pub fn package_tokens(input: &PackageInput) -> (Vec<Token>, Vec<Required>) {
    let record = &input.facts.metadata.record;
    let token = |relation: &Relation| {
        let version = relation.constraint.as_ref();
        let version = version.map(|c| format!("{} {}", c.operator, c.version));
        Token::Package(relation.name.to_string(), version)
    };
    let own = Token::Package(input.name.to_string(), Some(format!("= {}", input.version)));
    let mut provides = vec![own];
    provides.extend(record.provides.iter().map(token));
    let requires = record.requirements().filter_map(|requirement| {
        let mut tokens = names(requirement).into_iter().map(token);
        Some(Required {
            token: tokens.next()?,
            strength: Strength::Required,
            instead: tokens.collect(),
        })
    });
    let requires = requires.collect();
    (provides, requires)
}

/// The relations of a requirement in order; for an expression of rpm those that it could lead to.
fn names(requirement: &Requirement) -> Vec<&Relation> {
    match requirement {
        Requirement::One(relation) => vec![relation],
        Requirement::Any(items) | Requirement::All(items) => items.iter().flat_map(names).collect(),
        Requirement::If {
            then, otherwise, ..
        }
        | Requirement::Unless {
            then, otherwise, ..
        } => {
            let otherwise = otherwise.iter().flat_map(|r| names(r));
            names(then).into_iter().chain(otherwise).collect()
        }
        Requirement::With(one, _) | Requirement::Without(one, _) => names(one),
    }
}
