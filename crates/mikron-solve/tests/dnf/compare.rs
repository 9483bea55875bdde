//! Holds our solutions against dnf's.

use mikron_package::{Family, PackageRecord, Universe};
use mikron_solve::{ResolvoSolver, SolveError, Solver};

use super::{Answer, Task, ask};
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

impl Outcome {
    pub(crate) fn of(ours: &Answer, theirs: &Answer) -> Self {
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => Self::Same,
            (Ok(ours), Ok(theirs)) if ours.is_subset(theirs) => Self::Fewer,
            (Ok(_), Ok(_)) => Self::Other,
            (Err(_), Err(_)) => Self::Refused,
            (Ok(_), Err(_)) => Self::OnlyOurs,
            (Err(_), Ok(_)) => Self::OnlyTheirs,
        }
    }

    /// Whether both came to the same.
    pub(crate) fn agrees(self) -> bool {
        matches!(self, Self::Same | Self::Refused)
    }
}

/// A case with both answers.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    pub(crate) case: Vec<String>,
    pub(crate) outcome: Outcome,
    pub(crate) ours: Answer,
    pub(crate) theirs: Answer,
}

/// Solves each case of each task, proves the solution, and compares it with dnf's; `None` where there is no dnf.
pub(crate) fn compare(tasks: &[Task]) -> Option<Vec<Vec<Compared>>> {
    let answers = ask(tasks)?;
    let of_task = |(task, answers): (&Task, Vec<Answer>)| {
        let ours = solve(&task.packages, &task.cases);
        let cases = task.cases.iter().zip(ours.into_iter().zip(answers));
        let compared = cases.map(|(case, (ours, theirs))| Compared {
            case: case.clone(),
            outcome: Outcome::of(&ours, &theirs),
            ours,
            theirs,
        });
        compared.collect()
    };
    Some(tasks.iter().zip(answers).map(of_task).collect())
}

/// What we choose for each case, proved by a checker of its own.
pub(crate) fn solve(packages: &[Package], cases: &[Vec<String>]) -> Vec<Answer> {
    let universe = fill(Family::RPM, packages);
    let solve = |case: &Vec<String>| {
        let roots: Vec<&str> = case.iter().map(String::as_str).collect();
        let request = request(&roots);
        match ResolvoSolver::default().solve(&universe, &request) {
            Ok(solution) => {
                let records = solution.packages.iter().map(|p| universe.record(p.id));
                let records: Vec<PackageRecord> = records.collect();
                let check = Check {
                    family: Family::RPM,
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
        }
    };
    cases.iter().map(solve).collect()
}
