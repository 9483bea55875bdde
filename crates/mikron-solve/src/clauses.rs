//! Brings requirements into the form that a solver takes: a conjunction of clauses, each a list of alternatives of which
//! one must be there unless something is not.
//!
//! Debian's and Alpine's requirements are one clause each. The other forms are rpm's rich dependencies, of which each
//! operator is a formula over "a package of this set is there" (rpm-dependency-generators(7), "Boolean Dependencies"):
//! `a if c else o` is (¬c ∨ a) ∧ (c ∨ o), and `a unless c else o` is (c ∨ a) ∧ (¬c ∨ o). A rich `Conflicts` is the
//! negation of its formula.

use mikron_package::{Relation, Requirement};

/// A set of packages: those of a relation, or of several relations taken together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Matcher {
    One(Relation),
    Either(Vec<Matcher>),
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

/// When a package of each set of `when` is there, one of the terms must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clause {
    pub(crate) when: Vec<Matcher>,
    pub(crate) terms: Vec<Term>,
}

impl Clause {
    fn size(&self) -> usize {
        self.when.len() + self.terms.len()
    }

    fn or(&mut self, other: &Self) {
        for matcher in &other.when {
            if !self.when.contains(matcher) {
                self.when.push(matcher.clone());
            }
        }
        self.terms.extend_from_slice(&other.terms);
    }
}

/// Why a requirement has no such form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClauseError {
    /// More terms than allowed.
    TooMany(u64),
    /// An expression where only relations can stand, or nesting without end.
    Form,
}

/// How deep requirements may nest: more than any package has, less than a stack holds.
const DEPTH: usize = 64;

/// The clauses of a requirement that is to hold, or that must not; with at most `limit` terms in all.
pub(crate) fn clauses(
    requirement: &Requirement,
    holds: bool,
    limit: u32,
) -> Result<Vec<Clause>, ClauseError> {
    let form = Form {
        limit: limit as usize,
    };
    match requirement {
        Requirement::Any(items) if holds => {
            check(items.len(), form.limit)?;
            let mut product = vec![Clause::default()];
            for (alternative, item) in items.iter().enumerate() {
                let mut clauses = form.of(item, true, 1)?;
                let terms = clauses.iter_mut().flat_map(|clause| &mut clause.terms);
                terms.for_each(|term| term.alternative = alternative);
                form.multiply(&mut product, &clauses)?;
            }
            Ok(product)
        }
        other => form.of(other, holds, 0),
    }
}

struct Form {
    limit: usize,
}

impl Form {
    fn of(
        &self,
        requirement: &Requirement,
        holds: bool,
        depth: usize,
    ) -> Result<Vec<Clause>, ClauseError> {
        if depth > DEPTH {
            return Err(ClauseError::Form);
        }
        let of = |part: &Requirement, holds| self.of(part, holds, depth + 1);
        match (requirement, holds) {
            (Requirement::Any(items), true) | (Requirement::All(items), false) => {
                check(items.len(), self.limit)?;
                let mut product = vec![Clause::default()];
                for item in items {
                    self.multiply(&mut product, &of(item, holds)?)?;
                }
                Ok(product)
            }
            (Requirement::All(items), true) | (Requirement::Any(items), false) => {
                let mut all = Vec::new();
                for item in items {
                    all.extend(of(item, holds)?);
                    check(all.iter().map(Clause::size).sum(), self.limit)?;
                }
                Ok(all)
            }
            (
                Requirement::If {
                    then,
                    condition,
                    otherwise,
                },
                _,
            ) => {
                let mut all = self.either(of(condition, false)?, &of(then, holds)?)?;
                match otherwise {
                    Some(other) => {
                        all.extend(self.either(of(other, holds)?, &of(condition, true)?)?);
                    }
                    // Without an `else` it holds where the condition does not.
                    None if holds => {}
                    None => all.extend(of(condition, true)?),
                }
                Ok(all)
            }
            (
                Requirement::Unless {
                    then,
                    condition,
                    otherwise,
                },
                _,
            ) => {
                let mut all = self.either(of(then, holds)?, &of(condition, true)?)?;
                match otherwise {
                    Some(other) => {
                        all.extend(self.either(of(condition, false)?, &of(other, holds)?)?);
                    }
                    // Without an `else` it does not hold where the condition does.
                    None if holds => all.extend(of(condition, false)?),
                    None => {}
                }
                Ok(all)
            }
            (_, true) => Ok(vec![Clause {
                when: Vec::new(),
                terms: vec![Term {
                    alternative: 0,
                    matcher: matcher(requirement, depth)?,
                }],
            }]),
            (_, false) => Ok(vec![Clause {
                when: vec![matcher(requirement, depth)?],
                terms: Vec::new(),
            }]),
        }
    }

    fn either(&self, mut a: Vec<Clause>, b: &[Clause]) -> Result<Vec<Clause>, ClauseError> {
        self.multiply(&mut a, b)?;
        Ok(a)
    }

    /// Makes a conjunction of clauses into the one that holds when it or the other does.
    fn multiply(&self, product: &mut Vec<Clause>, by: &[Clause]) -> Result<(), ClauseError> {
        if let [only] = by {
            for clause in product.iter_mut() {
                clause.or(only);
            }
            return Ok(());
        }
        let size: usize = product.iter().map(Clause::size).sum();
        check(size.max(product.len()).saturating_mul(by.len()), self.limit)?;
        let mut next = Vec::with_capacity(product.len() * by.len());
        for clause in product.iter() {
            for part in by {
                let mut clause = clause.clone();
                clause.or(part);
                next.push(clause);
            }
        }
        *product = next;
        Ok(())
    }
}

fn matcher(requirement: &Requirement, depth: usize) -> Result<Matcher, ClauseError> {
    if depth > DEPTH {
        return Err(ClauseError::Form);
    }
    let inner = |part: &Requirement| matcher(part, depth + 1).map(Box::new);
    match requirement {
        Requirement::One(relation) => Ok(Matcher::One(relation.clone())),
        Requirement::With(a, b) => Ok(Matcher::Both(inner(a)?, inner(b)?)),
        Requirement::Without(a, b) => Ok(Matcher::Except(inner(a)?, inner(b)?)),
        Requirement::Any(items) => {
            let items = items.iter().map(|item| matcher(item, depth + 1));
            Ok(Matcher::Either(items.collect::<Result<_, _>>()?))
        }
        _ => Err(ClauseError::Form),
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

    fn when(then: &str, condition: Requirement, otherwise: Option<&str>) -> Requirement {
        Requirement::If {
            then: Box::new(one(then)),
            condition: Box::new(condition),
            otherwise: otherwise.map(|name| Box::new(one(name))),
        }
    }

    fn unless(then: &str, condition: &str, otherwise: Option<&str>) -> Requirement {
        Requirement::Unless {
            then: Box::new(one(then)),
            condition: Box::new(one(condition)),
            otherwise: otherwise.map(|name| Box::new(one(name))),
        }
    }

    fn name(matcher: &Matcher) -> String {
        match matcher {
            Matcher::One(relation) => relation.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// Clauses as `¬a b c`.
    fn shape(requirement: &Requirement, holds: bool) -> Vec<String> {
        let clause = |clause: Clause| {
            let when = clause.when.iter().map(|m| format!("¬{}", name(m)));
            let terms = clause.terms.iter().map(|t| name(&t.matcher));
            when.chain(terms).collect::<Vec<_>>().join(" ")
        };
        let clauses = clauses(requirement, holds, 100).unwrap();
        clauses.into_iter().map(clause).collect()
    }

    #[test]
    fn alternatives_keep_their_places() {
        let any = Requirement::Any(vec![one("a"), one("b")]);
        let clauses = clauses(&any, true, 100).unwrap();
        let places: Vec<_> = clauses[0].terms.iter().map(|t| t.alternative).collect();
        assert_eq!((clauses.len(), places), (1, vec![0, 1]));
    }

    #[test]
    fn a_conjunction_inside_of_alternatives_is_multiplied_out() {
        let all = Requirement::All(vec![one("a"), one("b")]);
        let any = Requirement::Any(vec![all, one("c")]);
        assert_eq!(shape(&any, true), ["a c", "b c"]);
    }

    #[test]
    fn a_condition_is_the_negation_of_an_alternative() {
        assert_eq!(shape(&when("a", one("b"), None), true), ["¬b a"]);
        assert_eq!(
            shape(&when("a", one("b"), Some("c")), true),
            ["¬b a", "c b"]
        );
        let both = Requirement::All(vec![one("b"), one("c")]);
        assert_eq!(shape(&when("a", both, None), true), ["¬b ¬c a"]);
        let either = Requirement::Any(vec![one("b"), one("c")]);
        assert_eq!(shape(&when("a", either, None), true), ["¬b a", "¬c a"]);
        assert_eq!(shape(&unless("a", "b", None), true), ["a b", "¬b"]);
        assert_eq!(shape(&unless("a", "b", Some("c")), true), ["a b", "¬b c"]);
    }

    #[test]
    fn what_must_not_hold_is_negated_whole() {
        assert_eq!(shape(&one("a"), false), ["¬a"]);
        let both = Requirement::All(vec![one("a"), one("b")]);
        assert_eq!(shape(&both, false), ["¬a ¬b"]);
        let either = Requirement::Any(vec![one("a"), one("b")]);
        assert_eq!(shape(&either, false), ["¬a", "¬b"]);
        assert_eq!(shape(&when("a", one("b"), None), false), ["¬b ¬a", "b"]);
        assert_eq!(shape(&unless("a", "b", None), false), ["¬a b"]);
        assert_eq!(
            shape(&unless("a", "b", Some("c")), false),
            ["¬a b", "¬b ¬c"]
        );
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let mut deep = one("a");
        for _ in 0..1000 {
            deep = Requirement::Any(vec![deep, one("b")]);
        }
        assert_eq!(clauses(&deep, true, 1_000_000), Err(ClauseError::Form));
        // Dropping it recurses too, so the test keeps the depth within what a stack holds.
    }

    #[test]
    fn a_product_that_explodes_is_refused() {
        let pair = |i: usize| Requirement::All(vec![one(&format!("a{i}")), one(&format!("b{i}"))]);
        let any = Requirement::Any((0..40).map(pair).collect());
        assert!(matches!(
            clauses(&any, true, 10_000),
            Err(ClauseError::TooMany(_))
        ));
    }
}
