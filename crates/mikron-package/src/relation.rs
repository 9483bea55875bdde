//! What packages say of each other.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{PackageName, Version, VersionOrder};

/// One package, by name and perhaps by version: `libc6 (>= 2.34)`, `python3:any`.
///
/// ```
/// use mikron_package::{Constraint, Operator, Relation, Version};
/// let relation = Relation {
///     constraint: Some(Constraint { operator: Operator::GreaterEqual, version: Version::new("2.34") }),
///     ..Relation::named("libc6".parse()?)
/// };
/// assert_eq!(relation.to_string(), "libc6 (>= 2.34)");
/// # Ok::<(), mikron_package::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Relation {
    /// The package or virtual package.
    pub name: PackageName,
    /// `:any`, `:native` or `:arch` behind the name.
    pub arch: Option<ArchQualifier>,
    /// The versions that will do; `None` for all, and then an unversioned `Provides` will do too.
    pub constraint: Option<Constraint>,
}

impl Relation {
    /// A relation to any version of `name`.
    pub fn named(name: PackageName) -> Self {
        Self {
            name,
            arch: None,
            constraint: None,
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(arch) = &self.arch {
            write!(f, ":{arch}")?;
        }
        if let Some(Constraint { operator, version }) = &self.constraint {
            write!(f, " ({operator} {version})")?;
        }
        Ok(())
    }
}

/// The architecture qualifier of a relation (deb-control(5), "Depends").
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchQualifier {
    /// `:any`: any architecture, when the package is `Multi-Arch: allowed`.
    Any,
    /// `:native`: the native architecture.
    Native,
    /// A named architecture.
    Named(String),
}

impl fmt::Display for ArchQualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Native => "native",
            Self::Named(name) => name,
        })
    }
}

/// An operator and a version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Constraint {
    /// How the versions are compared.
    pub operator: Operator,
    /// What they are compared with.
    pub version: Version,
}

impl Constraint {
    /// Exactly this version.
    pub fn exactly(version: Version) -> Self {
        Self {
            operator: Operator::Equal,
            version,
        }
    }

    /// Whether a package of this version will do, in the given order.
    pub fn matches(&self, version: &str, order: &dyn VersionOrder) -> bool {
        let offered = Self::exactly(Version::new(version));
        order.answers(Some(&offered), Some(self))
    }
}

/// How versions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// `<<`: strictly earlier.
    #[serde(rename = "<<")]
    Less,
    /// `<=`: earlier or equal.
    #[serde(rename = "<=")]
    LessEqual,
    /// `=`: equal.
    #[serde(rename = "=")]
    Equal,
    /// `>=`: later or equal.
    #[serde(rename = ">=")]
    GreaterEqual,
    /// `>>`: strictly later.
    #[serde(rename = ">>")]
    Greater,
    /// `~`: beginning with it, in whole parts. Only apk has it; see [`VersionOrder::begins_with`].
    #[serde(rename = "~")]
    Begins,
}

impl Operator {
    /// Whether an ordering of "candidate against constraint" satisfies the operator. Of [`Operator::Begins`] it tells only
    /// that equal versions do.
    pub fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
            Self::Equal | Self::Begins => ordering.is_eq(),
            Self::GreaterEqual => ordering.is_ge(),
            Self::Greater => ordering.is_gt(),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<<",
            Self::LessEqual => "<=",
            Self::Equal => "=",
            Self::GreaterEqual => ">=",
            Self::Greater => ">>",
            Self::Begins => "~",
        })
    }
}

/// What must hold: one relation, or an expression over relations. Debian uses [`Requirement::One`] and
/// [`Requirement::Any`]; the others are rpm's rich dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// This relation.
    One(Relation),
    /// At least one of these, earlier ones preferred: `a | b`, `(a or b)`.
    Any(Vec<Requirement>),
    /// All of these: `(a and b)`.
    All(Vec<Requirement>),
    /// `(then if condition else otherwise)`.
    If {
        /// What must hold when the condition does.
        then: Box<Requirement>,
        /// The condition.
        condition: Box<Requirement>,
        /// What must hold when it does not.
        otherwise: Option<Box<Requirement>>,
    },
    /// `(then unless condition else otherwise)`: the former when the condition does not hold, the latter when it does. rpm
    /// allows it in `Conflicts` only.
    Unless {
        /// What must hold when the condition does not.
        then: Box<Requirement>,
        /// The condition.
        condition: Box<Requirement>,
        /// What must hold when it does.
        otherwise: Option<Box<Requirement>>,
    },
    /// One package that satisfies both: `(a with b)`.
    With(Box<Requirement>, Box<Requirement>),
    /// One package that satisfies the first and not the second: `(a without b)`.
    Without(Box<Requirement>, Box<Requirement>),
}

impl Requirement {
    /// All relations in it, conditions included, in their order.
    pub fn relations(&self) -> Vec<&Relation> {
        let mut relations = Vec::new();
        self.collect(&mut relations);
        relations
    }

    fn collect<'a>(&'a self, into: &mut Vec<&'a Relation>) {
        match self {
            Self::One(relation) => into.push(relation),
            Self::Any(items) | Self::All(items) => {
                for item in items {
                    item.collect(into);
                }
            }
            Self::If {
                then,
                condition,
                otherwise,
            }
            | Self::Unless {
                then,
                condition,
                otherwise,
            } => {
                then.collect(into);
                condition.collect(into);
                if let Some(otherwise) = otherwise {
                    otherwise.collect(into);
                }
            }
            Self::With(a, b) | Self::Without(a, b) => {
                a.collect(into);
                b.collect(into);
            }
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, items: &[Self], between: &str| {
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    f.write_str(between)?;
                }
                write!(f, "{item}")?;
            }
            Ok(())
        };
        match self {
            Self::One(relation) => write!(f, "{relation}"),
            Self::Any(items) => list(f, items, " | "),
            Self::All(items) => list(f, items, ", "),
            Self::If {
                then,
                condition,
                otherwise: None,
            } => write!(f, "({then} if {condition})"),
            Self::If {
                then,
                condition,
                otherwise: Some(other),
            } => {
                write!(f, "({then} if {condition} else {other})")
            }
            Self::Unless {
                then,
                condition,
                otherwise: None,
            } => write!(f, "({then} unless {condition})"),
            Self::Unless {
                then,
                condition,
                otherwise: Some(other),
            } => write!(f, "({then} unless {condition} else {other})"),
            Self::With(a, b) => write!(f, "({a} with {b})"),
            Self::Without(a, b) => write!(f, "({a} without {b})"),
        }
    }
}
