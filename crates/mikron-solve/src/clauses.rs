//! Brings requirements into the form that a solver takes: a conjunction of clauses, each a list of alternatives that
//! may stand under a condition.
//!
//! Debian's requirements are one clause each. The other forms are rpm's rich dependencies.

use mikron_package::{Relation, Requirement};

/// A set of packages: those of a relation, or of two relations taken together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Matcher {
    One(Relation),
    Both(Box<Matcher>, Box<Matcher>),
    Except(Box<Matcher>, Box<Matcher>),
}

/// One alternative of a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// Its place in the requirement, counted from 0.
    pub(crate) alternative: usize,
    pub(crate) matcher: Matcher,
}

/// When a clause has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Holds(Matcher),
    All(Vec<When>),
    Any(Vec<When>),
}

/// At least one of the terms, when the condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clause {
    pub(crate) when: Option<When>,
    pub(crate) terms: Vec<Term>,
}

/// Why a requirement has no such form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClauseError {
    /// More terms than allowed.
    TooMany(u64),
    /// A condition where none can stand.
    Condition,
}

/// The clauses of a requirement, with at most `limit` terms in all.
pub(crate) fn clauses(requirement: &Requirement, limit: u32) -> Result<Vec<Clause>, ClauseError> {
    let limit = limit as usize;
    let mut result = Vec::new();
    collect(requirement, None, limit, 0, &mut result)?;
    Ok(result)
}

/// How deep requirements may nest: more than any package has, less than a stack holds.
const DEPTH: usize = 64;

fn collect(
    requirement: &Requirement,
    when: Option<&When>,
    limit: usize,
    depth: usize,
    result: &mut Vec<Clause>,
) -> Result<(), ClauseError> {
    if depth > DEPTH {
        return Err(ClauseError::Condition);
    }
    match requirement {
        Requirement::All(items) => {
            for item in items {
                collect(item, when, limit, depth + 1, result)?;
            }
            Ok(())
        }
        Requirement::If {
            then,
            condition,
            otherwise,
        } => {
            let condition_when = condition_of(condition, depth + 1)?;
            let both = match when {
                Some(outer) => When::All(vec![outer.clone(), condition_when]),
                None => condition_when,
            };
            collect(then, Some(&both), limit, depth + 1, result)?;
            if let Some(otherwise) = otherwise {
                // "Not the condition, or …" read the other way: the otherwise part, or the condition.
                let either = Requirement::Any(vec![(**otherwise).clone(), (**condition).clone()]);
                collect(&either, when, limit, depth + 1, result)?;
            }
            Ok(())
        }
        other => {
            for terms in conjunction(other, limit, depth + 1)? {
                result.push(Clause {
                    when: when.cloned(),
                    terms,
                });
            }
            let count = result
                .iter()
                .map(|clause| clause.terms.len())
                .sum::<usize>();
            check(count, limit)
        }
    }
}

/// A requirement without conditions as a conjunction of disjunctions; the places count the outermost alternatives.
fn conjunction(
    requirement: &Requirement,
    limit: usize,
    depth: usize,
) -> Result<Vec<Vec<Term>>, ClauseError> {
    let items = match requirement {
        Requirement::Any(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    check(items.len(), limit)?;
    let mut product: Vec<Vec<Term>> = vec![Vec::new()];
    for (alternative, item) in items.iter().enumerate() {
        let mut parts = disjunctions(item, limit, depth + 1)?;
        if let [only] = parts.as_mut_slice() {
            let terms = std::mem::take(only);
            for clause in &mut product {
                let place = terms.iter().cloned().map(|matcher| Term {
                    alternative,
                    matcher,
                });
                clause.extend(place);
            }
        } else {
            let size = product
                .iter()
                .map(Vec::len)
                .sum::<usize>()
                .max(product.len());
            check(size.saturating_mul(parts.len()), limit)?;
            let mut next = Vec::with_capacity(product.len() * parts.len());
            for clause in &product {
                for part in &parts {
                    let mut clause = clause.clone();
                    let place = part.iter().cloned().map(|matcher| Term {
                        alternative,
                        matcher,
                    });
                    clause.extend(place);
                    next.push(clause);
                }
            }
            product = next;
        }
    }
    Ok(product)
}

fn disjunctions(
    requirement: &Requirement,
    limit: usize,
    depth: usize,
) -> Result<Vec<Vec<Matcher>>, ClauseError> {
    if depth > DEPTH {
        return Err(ClauseError::Condition);
    }
    match requirement {
        Requirement::One(_) | Requirement::With(..) | Requirement::Without(..) => {
            Ok(vec![vec![matcher(requirement, depth)?]])
        }
        Requirement::All(items) => {
            let mut parts = Vec::new();
            for item in items {
                parts.extend(disjunctions(item, limit, depth + 1)?);
                check(parts.iter().map(Vec::len).sum(), limit)?;
            }
            Ok(parts)
        }
        Requirement::Any(_) => {
            let clauses = conjunction(requirement, limit, depth + 1)?;
            let matchers =
                |clause: Vec<Term>| clause.into_iter().map(|term| term.matcher).collect();
            Ok(clauses.into_iter().map(matchers).collect())
        }
        Requirement::If { .. } | Requirement::Unless { .. } => Err(ClauseError::Condition),
    }
}

fn matcher(requirement: &Requirement, depth: usize) -> Result<Matcher, ClauseError> {
    if depth > DEPTH {
        return Err(ClauseError::Condition);
    }
    let inner = |part: &Requirement| matcher(part, depth + 1).map(Box::new);
    match requirement {
        Requirement::One(relation) => Ok(Matcher::One(relation.clone())),
        Requirement::With(a, b) => Ok(Matcher::Both(inner(a)?, inner(b)?)),
        Requirement::Without(a, b) => Ok(Matcher::Except(inner(a)?, inner(b)?)),
        _ => Err(ClauseError::Condition),
    }
}

fn condition_of(requirement: &Requirement, depth: usize) -> Result<When, ClauseError> {
    if depth > DEPTH {
        return Err(ClauseError::Condition);
    }
    let list = |items: &[Requirement]| {
        items
            .iter()
            .map(|item| condition_of(item, depth + 1))
            .collect::<Result<Vec<_>, _>>()
    };
    match requirement {
        Requirement::Any(items) => Ok(When::Any(list(items)?)),
        Requirement::All(items) => Ok(When::All(list(items)?)),
        Requirement::If { .. } | Requirement::Unless { .. } => Err(ClauseError::Condition),
        other => Ok(When::Holds(matcher(other, depth + 1)?)),
    }
}

fn check(count: usize, limit: usize) -> Result<(), ClauseError> {
    if count > limit {
        Err(ClauseError::TooMany(count as u64))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str) -> Requirement {
        Requirement::One(Relation::named(name.parse().unwrap()))
    }

    fn shape(requirement: &Requirement) -> Vec<Vec<(usize, String)>> {
        let term = |term: Term| match term.matcher {
            Matcher::One(relation) => (term.alternative, relation.to_string()),
            other => (term.alternative, format!("{other:?}")),
        };
        let clauses = clauses(requirement, 100).unwrap();
        clauses
            .into_iter()
            .map(|c| c.terms.into_iter().map(term).collect())
            .collect()
    }

    #[test]
    fn alternatives_keep_their_places() {
        let any = Requirement::Any(vec![one("a"), one("b")]);
        assert_eq!(shape(&any), [[(0, "a".to_owned()), (1, "b".to_owned())]]);
    }

    #[test]
    fn a_conjunction_inside_of_alternatives_is_multiplied_out() {
        let all = Requirement::All(vec![one("a"), one("b")]);
        let any = Requirement::Any(vec![all, one("c")]);
        let expected = [
            [(0, "a".to_owned()), (1, "c".to_owned())],
            [(0, "b".to_owned()), (1, "c".to_owned())],
        ];
        assert_eq!(shape(&any), expected);
    }

    #[test]
    fn the_otherwise_part_is_an_alternative_to_the_condition() {
        let requirement = Requirement::If {
            then: Box::new(one("a")),
            condition: Box::new(one("b")),
            otherwise: Some(Box::new(one("c"))),
        };
        let clauses = clauses(&requirement, 100).unwrap();
        assert_eq!(clauses.len(), 2);
        assert!(clauses[0].when.is_some() && clauses[1].when.is_none());
        assert_eq!(clauses[1].terms.len(), 2);
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let mut deep = one("a");
        for _ in 0..1000 {
            deep = Requirement::Any(vec![deep, one("b")]);
        }
        assert_eq!(clauses(&deep, 1_000_000), Err(ClauseError::Condition));
        // Dropping it recurses too, so the test keeps the depth within what a stack holds.
    }

    #[test]
    fn a_product_that_explodes_is_refused() {
        let pair = |i: usize| Requirement::All(vec![one(&format!("a{i}")), one(&format!("b{i}"))]);
        let any = Requirement::Any((0..40).map(pair).collect());
        assert!(matches!(
            clauses(&any, 10_000),
            Err(ClauseError::TooMany(_))
        ));
    }
}
