//! Solutions of apk's packages as another implementation has them (`recorded/apk.txt` says which).

mod family;

use family::{packages, solve};
use mikron_apk::ApkVersionOrder;
use mikron_package::{Family, MemoryUniverse};

/// A universe, what is asked for, and what came of it.
struct Case<'a> {
    universe: &'a str,
    roots: Vec<&'a str>,
    answer: &'a str,
}

fn cases(text: &str) -> impl Iterator<Item = Case<'_>> {
    text.split("\n\n").filter_map(|block| {
        let (universe, rest) = block.rsplit_once("=> ")?;
        let (roots, answer) = rest.trim_end().split_once(": ")?;
        Some(Case {
            universe,
            roots: roots.split(", ").collect(),
            answer,
        })
    })
}

/// Where both answers hold and the choice is another one: theirs, ours, and why.
const OTHERWISE: [[&str; 3]; 2] = [
    [
        "app 1.10, base 2_rc1, file 2",
        "app 1.10, base 2_rc1, edit 1",
        "two packages provide a name in one version: of those the name decides, and not the version of the package",
    ],
    [
        "app 1.1, base 1.10, edit 2_rc1, file 1",
        "app 1.1, base 1.10, core 2_rc1, edit 2_rc1, file 2",
        "the latest version of a package that is asked for by its name comes before a smaller set",
    ],
];

#[test]
fn another_implementation_has_recorded_the_same_solutions() {
    let recorded = include_str!("recorded/apk.txt");
    let mut count = 0;
    for case in cases(recorded) {
        let mut universe = MemoryUniverse::new(Family::APK, "x86_64", &ApkVersionOrder);
        for (record, priority, source) in packages(Family::APK, case.universe) {
            universe.add_from(record, priority, &source);
        }
        let ours = match solve(&universe, &case.roots) {
            Err(_) => "refused".to_owned(),
            Ok(solution) => {
                let package = |p: &mikron_solve::Solved| format!("{} {}", p.name, p.version);
                let packages: Vec<String> = solution.packages.iter().map(package).collect();
                packages.join(", ")
            }
        };
        let known = OTHERWISE.iter().find(|[theirs, ..]| *theirs == case.answer);
        let expected = known.map_or(case.answer, |[_, ours, _]| ours);
        assert_eq!(ours, expected, "{}{:?}", case.universe, case.roots);
        count += 1;
    }
    assert_eq!(count, 143);
}
