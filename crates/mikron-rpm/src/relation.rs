//! Relations: a name, sense flags and a version, or a rich dependency (rpm-dependencies(7)).
//!
//! Both the header of an archive and `primary.xml` bring relations as three parts; both come through here, and become the
//! shared [`Relation`] and [`Requirement`].

mod rich;
mod rpmlib;

use mikron_package::{
    Constraint, LimitExceeded, NameError, Operator, PackageName, Relation, Requirement, Version,
};

pub use rich::{MAX_RICH_DEPTH, MAX_RICH_LEN, RichContext, parse_rich};
pub use rpmlib::{RPMLIB_FEATURES, check_rpmlib, is_rpmlib};

/// `RPMSENSE_LESS`.
pub const SENSE_LESS: u32 = 1 << 1;
/// `RPMSENSE_GREATER`.
pub const SENSE_GREATER: u32 = 1 << 2;
/// `RPMSENSE_EQUAL`.
pub const SENSE_EQUAL: u32 = 1 << 3;

const LESS_EQUAL: u32 = SENSE_LESS | SENSE_EQUAL;
const GREATER_EQUAL: u32 = SENSE_GREATER | SENSE_EQUAL;

/// A relation out of its three parts. A relation without a version, or without a sense, is to any version, as rpm has it.
///
/// ```
/// use mikron_rpm::{SENSE_EQUAL, SENSE_GREATER, relation};
/// let found = relation("libc.so.6(GLIBC_2.34)(64bit)", SENSE_GREATER | SENSE_EQUAL, "1:2.34-1")?;
/// assert_eq!(found.to_string(), "libc.so.6(GLIBC_2.34)(64bit) (>= 1:2.34-1)");
/// # Ok::<(), mikron_rpm::RelationError>(())
/// ```
///
/// # Errors
/// When the name is a rich dependency or no name at all, the flags ask for both less and greater, or the version holds
/// white space.
pub fn relation(name: &str, flags: u32, evr: &str) -> Result<Relation, RelationError> {
    if name.starts_with('(') {
        return Err(RelationError::new(name, RelationErrorKind::RichNotAllowed));
    }
    let fault = |kind: RelationErrorKind| RelationError::new(name, kind);
    let sense = flags & (SENSE_LESS | SENSE_GREATER | SENSE_EQUAL);
    let operator = match sense {
        0 => None,
        SENSE_LESS => Some(Operator::Less),
        LESS_EQUAL => Some(Operator::LessEqual),
        SENSE_EQUAL => Some(Operator::Equal),
        GREATER_EQUAL => Some(Operator::GreaterEqual),
        SENSE_GREATER => Some(Operator::Greater),
        _ => return Err(fault(RelationErrorKind::Sense(sense))),
    };
    related(name, operator, evr).map_err(fault)
}

/// A relation by operator.
fn related(
    name: &str,
    operator: Option<Operator>,
    evr: &str,
) -> Result<Relation, RelationErrorKind> {
    let name = PackageName::wanted(name)?;
    let constraint = match operator {
        Some(operator) if !evr.is_empty() => {
            // Nearly all versions are plain ASCII: one look at their bytes tells.
            let plain = evr.bytes().fold(true, |all, b| all & b.is_ascii_graphic());
            if !plain && evr.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(RelationErrorKind::Version(excerpt(evr)));
            }
            Some(Constraint {
                operator,
                version: Version::new(evr),
            })
        }
        _ => None,
    };
    Ok(Relation {
        name,
        arch: None,
        constraint,
    })
}

/// What must hold: a relation, or a rich dependency where the name begins with a parenthesis.
///
/// ```
/// use mikron_package::Requirement;
/// use mikron_rpm::requirement;
/// let found = requirement("(mta or (exim and exim-config >= 4))", 0, "")?;
/// assert!(matches!(&found, Requirement::Any(of) if of.len() == 2));
/// # Ok::<(), mikron_rpm::RelationError>(())
/// ```
///
/// # Errors
/// As [`relation`] and [`parse_rich`].
pub fn requirement(name: &str, flags: u32, evr: &str) -> Result<Requirement, RelationError> {
    if name.starts_with('(') {
        return parse_rich(name, RichContext::Any);
    }
    relation(name, flags, evr).map(Requirement::One)
}

/// A relation that cannot be read, or that nothing can satisfy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in the relation `{}`: {kind}", .relation.escape_debug())]
pub struct RelationError {
    /// The first hundred characters of the relation.
    pub relation: String,
    /// What is wrong.
    pub kind: RelationErrorKind,
}

impl RelationError {
    fn new(relation: &str, kind: impl Into<RelationErrorKind>) -> Self {
        Self {
            relation: excerpt(relation),
            kind: kind.into(),
        }
    }
}

/// What is wrong with a relation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelationErrorKind {
    /// No name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Flags that ask for less and for greater at once.
    #[error("the flags {0:#x} ask for versions both less and greater")]
    Sense(u32),
    /// A version that cannot be one.
    #[error("`{}` is not a version", .0.escape_debug())]
    Version(String),
    /// A rich dependency where rpm allows only a plain one: in Provides and Obsoletes.
    #[error("a rich dependency cannot stand here")]
    RichNotAllowed,
    /// A rich dependency that breaks the rules.
    #[error("{reason} (byte {offset})")]
    Rich {
        /// What is wrong.
        reason: &'static str,
        /// Where, in bytes from its beginning.
        offset: usize,
    },
    /// An operator that does not exist.
    #[error("`{}` is not an operator of rich dependencies (byte {offset})", .word.escape_debug())]
    Operator {
        /// What stood there.
        word: String,
        /// Where, in bytes from the beginning.
        offset: usize,
    },
    /// A cap was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// A feature of rpm's that Mikron does not have.
    #[error(
        "the package needs a feature of rpm that is not supported; known are those of rpm 4.18"
    )]
    Feature,
}

fn excerpt(text: &str) -> String {
    text.chars().take(100).collect()
}
