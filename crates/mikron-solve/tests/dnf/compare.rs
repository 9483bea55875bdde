//! Holds our solutions against dnf's.

use mikron_package::{Family, PackageRecord, Universe};
use mikron_solve::{ResolvoSolver, SolveError, Solver};

use super::{Set, ask};
use crate::family::check::Check;
use crate::family::{Package, fill, names, request};

/// What a case came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Both choose the same packages.
    Same,
    /// Both refuse.
    Refused,
    /// Ours is part of dnf's: dnf keeps a package of which a later choice made it superfluous.
    Fewer,
    /// Both are solutions, of different choices.
    Other,
    /// dnf refuses what has a solution.
    OnlyOurs,
    /// We refuse what dnf solves.
    OnlyTheirs,
}

/// A case with both answers.
pub(crate) struct Compared {
    pub(crate) case: Vec<String>,
    pub(crate) outcome: Outcome,
    pub(crate) ours: Result<Set, String>,
    pub(crate) theirs: Result<Set, String>,
}

/// Solves each case, proves the solution, and compares it with dnf's; `None` where there is no dnf.
pub(crate) fn compare(packages: &[Package], cases: &[Vec<String>]) -> Option<Vec<Compared>> {
    let answers = ask(packages, cases)?;
    let universe = fill(Family::Rpm, packages);
    let mut compared = Vec::new();
    for (case, theirs) in cases.iter().zip(answers) {
        let roots: Vec<&str> = case.iter().map(String::as_str).collect();
        let request = request(&roots);
        let ours = match ResolvoSolver::default().solve(&universe, &request) {
            Ok(solution) => {
                let records = solution.packages.iter().map(|p| universe.record(p.id));
                let records: Vec<PackageRecord> = records.collect();
                let check = Check {
                    family: Family::Rpm,
                    all: packages,
                    request: &request,
                };
                let set: Vec<&PackageRecord> = records.iter().collect();
                assert!(check.is_solution(&set), "{case:?}: {:?}", names(&solution));
                Ok(names(&solution).into_iter().collect())
            }
            Err(error @ (SolveError::Conflict(_) | SolveError::Missing(_))) => {
                Err(error.to_string())
            }
            Err(error) => panic!("{case:?}: {error}"),
        };
        let outcome = outcome(&ours, &theirs);
        compared.push(Compared {
            case: case.clone(),
            outcome,
            ours,
            theirs,
        });
    }
    Some(compared)
}

fn outcome(ours: &Result<Set, String>, theirs: &Result<Set, String>) -> Outcome {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => Outcome::Same,
        (Ok(ours), Ok(theirs)) if ours.is_subset(theirs) => Outcome::Fewer,
        (Ok(_), Ok(_)) => Outcome::Other,
        (Err(_), Err(_)) => Outcome::Refused,
        (Ok(_), Err(_)) => Outcome::OnlyOurs,
        (Err(_), Ok(_)) => Outcome::OnlyTheirs,
    }
}
