//! A repository of several hundred packages out of a seed: versions, ranges of provides, files, rich dependencies of all
//! kinds, conflicts, obsoletes, architectures.

use std::fmt::Write as _;

use crate::family::numbers::Numbers;

/// Names of packages.
const NAMES: u64 = 240;
/// Names that are provided only.
const VIRTUAL: u64 = 40;
/// Files.
const FILES: u64 = 30;

fn name(number: u64) -> String {
    // Names whose order is not that in which they are made.
    let letters = b"kqazmwsxedcrfvtgbyhnujilop";
    let letter = |n: u64| char::from(letters[(n % 26) as usize]);
    format!("{}{}{number}", letter(number * 7), letter(number * 3 + 1))
}

fn file(number: u64) -> String {
    match number % 3 {
        0 => format!("/usr/bin/tool{number}"),
        1 => format!("/etc/conf{number}"),
        _ => format!("/opt/data{number}"),
    }
}

fn constraint(numbers: &mut Numbers) -> String {
    let operator = numbers.pick(&[">=", ">=", ">=", "<", "<=", "=", ">"]);
    format!(" {operator} {}", 1 + numbers.below(3))
}

/// Something that a package calls for. Packages of low numbers are called for more often, and call for yet lower ones, so that
/// what a request leads to has an end.
fn wanted(numbers: &mut Numbers, below: u64) -> String {
    match numbers.below(20) {
        0..=2 => format!("virtual{}", numbers.below(VIRTUAL)),
        3 => format!("virtual{}{}", numbers.below(VIRTUAL), constraint(numbers)),
        4 => file(numbers.below(FILES)),
        6 if numbers.once_in(8) => "nowhere".to_owned(),
        _ => {
            let number = numbers.below((below / 3).max(4));
            let constraint = if numbers.once_in(5) {
                constraint(numbers)
            } else {
                String::new()
            };
            format!("{}{constraint}", name(number))
        }
    }
}

fn rich(numbers: &mut Numbers, below: u64, depth: u32) -> String {
    let kind = numbers.below(12);
    let mut part = || {
        if depth > 0 && numbers.once_in(4) {
            rich(numbers, below, depth - 1)
        } else {
            wanted(numbers, below)
        }
    };
    let (a, b, c) = (part(), part(), part());
    match kind {
        0..=3 => format!("({a} or {b})"),
        4 => format!("({a} or {b} or {c})"),
        5 => format!("({a} and {b})"),
        6 | 7 => format!("({a} if {b})"),
        8 => format!("({a} if {b} else {c})"),
        9 => format!("({a} unless {b} else {c})"),
        10 => {
            let number = numbers.below(VIRTUAL);
            format!("(virtual{number} >= 1 with virtual{number} < 3)")
        }
        _ => {
            let number = numbers.below(VIRTUAL);
            format!("(virtual{number} without {})", name(numbers.below(NAMES)))
        }
    }
}

/// One package a line, as the tests of the rules have them.
pub(crate) fn repository(numbers: &mut Numbers) -> String {
    let mut text = String::new();
    for number in 0..NAMES {
        let versions = [1, 1, 1, 2, 3][numbers.below(5) as usize];
        for version in 1..=versions {
            let arch = if numbers.once_in(5) {
                "noarch"
            } else {
                "x86_64"
            };
            let epoch = if numbers.once_in(40) { "1:" } else { "" };
            let _ = write!(
                text,
                "{} {epoch}{version}-{} {arch}",
                name(number),
                1 + numbers.below(3)
            );
            for _ in 0..[0, 0, 1, 1, 1, 2, 2, 3][numbers.below(8) as usize] {
                let required = if numbers.once_in(3) {
                    rich(numbers, number, 1)
                } else {
                    wanted(numbers, number)
                };
                let _ = write!(text, "; Requires: {required}");
            }
            if numbers.once_in(8) {
                let other = name(numbers.below(NAMES));
                let _ = match numbers.below(4) {
                    0 => write!(text, "; Conflicts: {other}"),
                    1 => write!(text, "; Conflicts: {other} < {}", 2 + numbers.below(2)),
                    2 => {
                        let and = name(numbers.below(60));
                        write!(text, "; Conflicts: ({other} and {and})")
                    }
                    _ => {
                        let unless = name(numbers.below(60));
                        write!(text, "; Conflicts: ({other} unless {unless})")
                    }
                };
            }
            if numbers.once_in(14) {
                let old = numbers.below(NAMES);
                let constraint = match numbers.below(3) {
                    0 => String::new(),
                    n => format!(" < {}", n + 1),
                };
                let _ = write!(text, "; Obsoletes: {}{constraint}", name(old));
                if numbers.once_in(2) {
                    let _ = write!(text, "; Provides: {} = 4", name(old));
                }
            }
            if numbers.once_in(4) {
                // What is provided by packages of high numbers leads back up.
                let number = numbers.below(VIRTUAL * (NAMES - number) / NAMES + 1);
                let _ = match numbers.below(4) {
                    0 | 1 => write!(text, "; Provides: virtual{number}"),
                    2 => write!(
                        text,
                        "; Provides: virtual{number} = {}",
                        1 + numbers.below(4)
                    ),
                    _ => write!(
                        text,
                        "; Provides: virtual{number} >= {}",
                        1 + numbers.below(3)
                    ),
                };
            }
            if numbers.once_in(4) {
                let _ = write!(text, "; Files: {}", file(numbers.below(FILES)));
            }
            text.push('\n');
        }
    }
    text
}

/// The same repository with weak dependencies, which bring nothing in, but have a say in choices.
pub(crate) fn with_weak(numbers: &mut Numbers, text: &str) -> String {
    let mut weak = String::new();
    for line in text.lines() {
        weak.push_str(line);
        if numbers.once_in(4) {
            let recommended = wanted(numbers, NAMES);
            let _ = write!(weak, "; Recommends: {recommended}");
        }
        if numbers.once_in(8) {
            let _ = write!(weak, "; Supplements: {}", name(numbers.below(NAMES)));
        }
        if numbers.once_in(4) {
            let _ = write!(weak, "; Suggests: {}", wanted(numbers, NAMES));
        }
        if numbers.once_in(8) {
            let _ = write!(weak, "; Enhances: {}", name(numbers.below(NAMES)));
        }
        weak.push('\n');
    }
    weak
}

/// What is asked for: one to three packages, now and then something that is provided.
pub(crate) fn case(numbers: &mut Numbers) -> Vec<String> {
    let count = [1, 1, 1, 2, 3][numbers.below(5) as usize];
    let root = |numbers: &mut Numbers| match numbers.below(12) {
        0 => format!("virtual{}", numbers.below(VIRTUAL)),
        1 => file(numbers.below(FILES)),
        2 => format!("{} = {}", name(numbers.below(NAMES)), 1 + numbers.below(2)),
        3 => format!("virtual{} >= 2", numbers.below(VIRTUAL)),
        _ => name(numbers.below(NAMES)),
    };
    (0..count).map(|_| root(numbers)).collect()
}
