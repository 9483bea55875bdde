//! Relations as apk writes them: `so:libz.so.1`, `nginx~1.24`, `!busybox<1.36`, `php@edge` (apk-world(5)).

use std::fmt;

use mikron_package::{
    Constraint, NameError, Operator, PackageName, Relation, Requirement, Version,
};

/// How apk compares versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApkOperator {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `<~`: earlier, or beginning with it.
    LessBegins,
    /// `=`
    Equal,
    /// `~`, also `=~` and `~=`: beginning with it, in whole parts.
    Begins,
    /// `>~`: later, or beginning with it.
    GreaterBegins,
    /// `>=`
    GreaterEqual,
    /// `>`
    Greater,
    /// `><`: exactly the package with this checksum.
    Checksum,
}

impl ApkOperator {
    /// apk takes the signs for a set and reads them in any order.
    fn parse(text: &str) -> Option<Self> {
        let has = |sign| text.contains(sign);
        Some(match (has('<'), has('='), has('>'), has('~')) {
            (true, false, false, false) => Self::Less,
            (true, true, false, false) => Self::LessEqual,
            (true, _, false, true) => Self::LessBegins,
            (false, true, false, false) => Self::Equal,
            (false, _, false, true) => Self::Begins,
            (false, _, true, true) => Self::GreaterBegins,
            (false, true, true, false) => Self::GreaterEqual,
            (false, false, true, false) => Self::Greater,
            (true, false, true, false) => Self::Checksum,
            _ => return None,
        })
    }

    /// The operators of the shared types, any of which will do.
    fn shared(self) -> (Operator, Option<Operator>) {
        match self {
            Self::Less => (Operator::Less, None),
            Self::LessEqual => (Operator::LessEqual, None),
            Self::LessBegins => (Operator::Begins, Some(Operator::Less)),
            // No version equals a checksum, so nothing answers to it. Only /etc/apk/world has such relations.
            Self::Equal | Self::Checksum => (Operator::Equal, None),
            Self::Begins => (Operator::Begins, None),
            Self::GreaterBegins => (Operator::Begins, Some(Operator::Greater)),
            Self::GreaterEqual => (Operator::GreaterEqual, None),
            Self::Greater => (Operator::Greater, None),
        }
    }
}

impl fmt::Display for ApkOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::LessBegins => "<~",
            Self::Equal => "=",
            Self::Begins => "~",
            Self::GreaterBegins => ">~",
            Self::GreaterEqual => ">=",
            Self::Greater => ">",
            Self::Checksum => "><",
        })
    }
}

/// One relation.
///
/// ```
/// use mikron_apk::parse_dependency;
/// let dependency = parse_dependency("!so:libssl.so.3<3.1")?;
/// assert!(dependency.conflict);
/// assert_eq!(dependency.name.as_str(), "so:libssl.so.3");
/// assert_eq!(parse_dependency("php@edge>=8.3")?.tag.as_deref(), Some("edge"));
/// # Ok::<(), mikron_apk::RelationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Whether it must not be there (`!`).
    pub conflict: bool,
    /// A package, or what packages provide: `so:`, `cmd:`, `pc:`, a path.
    pub name: PackageName,
    /// The sources that it may come from (`@tag`). Only what a user asks for has one.
    pub tag: Option<String>,
    /// The versions that will do.
    pub version: Option<(ApkOperator, Version)>,
}

impl Dependency {
    /// The relations of the shared types, any of which will do; the tag is left out.
    fn shared(self) -> (Relation, Option<Relation>) {
        let relation = |constraint| Relation {
            name: self.name.clone(),
            arch: None,
            constraint,
        };
        let Some((operator, version)) = self.version else {
            return (relation(None), None);
        };
        let (first, second) = operator.shared();
        let with = |operator| {
            relation(Some(Constraint {
                operator,
                version: version.clone(),
            }))
        };
        (with(first), second.map(with))
    }

    /// What must hold, whether `!` stood before it or not.
    pub fn into_requirement(self) -> Requirement {
        match self.shared() {
            (relation, None) => Requirement::One(relation),
            (first, Some(second)) => {
                Requirement::Any(vec![Requirement::One(first), Requirement::One(second)])
            }
        }
    }

    /// The relations that it stands for, any of which is one.
    pub fn into_relations(self) -> impl Iterator<Item = Relation> {
        let (first, second) = self.shared();
        std::iter::once(first).chain(second)
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.conflict {
            f.write_str("!")?;
        }
        write!(f, "{}", self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, "@{tag}")?;
        }
        if let Some((operator, version)) = &self.version {
            write!(f, "{operator}{version}")?;
        }
        Ok(())
    }
}

fn is_comparer(c: char) -> bool {
    matches!(c, '<' | '=' | '>' | '~')
}

/// Reads one relation: `[!]name[@tag][operator version]`. The tag may stand at the end, too.
///
/// A version that breaks the rules is kept: in apk the relation is then answered by nothing, and the package stays in the
/// index.
///
/// # Errors
/// When the name is missing or holds what no name may, an operator is unknown or without a version, or a tag or version is empty or holds
/// what none may.
pub fn parse_dependency(text: &str) -> Result<Dependency, RelationError> {
    let wrong = |reason| RelationError {
        text: text.chars().take(100).collect(),
        reason,
    };
    let (conflict, rest) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (head, tail) = rest.split_at(rest.find(is_comparer).unwrap_or(rest.len()));
    let (name, mut tag) = split_tag(head);
    let version = if tail.is_empty() {
        None
    } else {
        let (operator, version) = tail.split_at(
            tail.find(|c| !is_comparer(c))
                .ok_or_else(|| wrong("has an operator without a version"))?,
        );
        let operator =
            ApkOperator::parse(operator).ok_or_else(|| wrong("has an unknown operator"))?;
        let (version, late) = split_tag(version);
        if late.is_some() && tag.is_some() {
            return Err(wrong("has two tags"));
        }
        tag = tag.or(late);
        if version.is_empty() {
            return Err(wrong("has an operator without a version"));
        }
        Some((operator, Version::new(version)))
    };
    if tag.is_some_and(str::is_empty) {
        return Err(wrong("has an empty tag"));
    }
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '@' || is_comparer(c);
    if tag.is_some_and(|tag| tag.contains(odd)) {
        return Err(wrong("has a tag with characters that no tag has"));
    }
    // A version may have `~` before the hash of a commit, and the hash of a package ends in `=`.
    let odd = |c: char| !matches!(c, '~' | '=') && odd(c);
    if version
        .as_ref()
        .is_some_and(|(_, version)| version.as_str().contains(odd))
    {
        return Err(wrong("has a version with characters that no version has"));
    }
    let name = PackageName::wanted(name)
        .ok()
        .filter(|name| !name.as_str().starts_with('!'))
        .ok_or_else(|| wrong("has no name that a package could have"))?;
    Ok(Dependency {
        conflict,
        name,
        tag: tag.map(str::to_owned),
        version,
    })
}

fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.split_once('@') {
        Some((text, tag)) => (text, Some(tag)),
        None => (text, None),
    }
}

/// Reads a list of relations with blanks between them, as indexes hold them. Tags do not belong there.
pub fn parse_dependencies(
    text: &str,
) -> impl Iterator<Item = Result<Dependency, RelationError>> + '_ {
    text.split_ascii_whitespace().map(|word| {
        let dependency = parse_dependency(word)?;
        match dependency.tag {
            None => Ok(dependency),
            Some(_) => Err(RelationError {
                text: word.chars().take(100).collect(),
                reason: "has a tag, which only a user's own list may",
            }),
        }
    })
}

/// A malformed relation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relation `{}` {reason}", .text.escape_debug())]
pub struct RelationError {
    /// The first hundred characters of what stood there.
    pub text: String,
    /// What is wrong, as the end of the sentence "the relation …".
    pub reason: &'static str,
}

impl From<NameError> for RelationError {
    fn from(error: NameError) -> Self {
        Self {
            text: error.name,
            reason: "has no name that a package could have",
        }
    }
}
