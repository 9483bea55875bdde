//! A repository as large as a distribution's.

use std::fmt::Write as _;

use mikron_package::{
    Constraint, Operator, PackageName, PackageRecord, Relation, Requirement, Version,
};

use super::RpmRepositoryBuilder;

/// A repository of so many packages. Each has what one of a large distribution has in the mean: three kilobytes of
/// `primary.xml` with ten provided names, twelve relations and four paths. The same on every call.
pub fn synthetic(packages: usize) -> RpmRepositoryBuilder {
    let mut description = String::new();
    for sentence in 0..12 {
        let _ = writeln!(
            description,
            "This is sentence {sentence} of what the package does & for whom."
        );
    }
    let mut builder = RpmRepositoryBuilder::new()
        .timestamp(1_700_000_000)
        .description(&description);
    for number in 0..packages {
        builder = builder.package(record(number, packages), format!("archive {number}"));
    }
    builder
}

fn record(number: usize, packages: usize) -> PackageRecord {
    let name = |number: usize| format!("package-{}-{number}", ["lib", "tool", "font"][number % 3]);
    let version = format!(
        "{}.{}.{}-{}.el9",
        number % 7,
        number % 31,
        number % 13,
        1 + number % 5
    );
    let arch = if number.is_multiple_of(4) {
        "noarch"
    } else {
        "x86_64"
    };
    let mut record = PackageRecord::new(plain(&name(number)), Version::new(&version), arch);
    record.installed_size = 1000 * number as u64;
    let exactly = |name: &str, version: &str| Relation {
        constraint: Some(Constraint::exactly(Version::new(version))),
        ..Relation::named(wanted(name))
    };
    record.provides.push(exactly(&name(number), &version));
    record
        .provides
        .push(exactly(&format!("{}({arch})", name(number)), &version));
    for part in 0..8 {
        record.provides.push(Relation::named(wanted(&format!(
            "lib{number}-{part}.so.1()(64bit)"
        ))));
    }
    for file in 0..4 {
        record.provides.push(Relation::named(wanted(&format!(
            "/usr/bin/command-{number}-{file}"
        ))));
    }
    for step in 1..=9 {
        let other = (number * 7 + step * 131) % packages;
        let relation = match step % 3 {
            0 => Relation {
                constraint: Some(Constraint {
                    operator: Operator::GreaterEqual,
                    version: Version::new("0.0.1"),
                }),
                ..Relation::named(wanted(&name(other)))
            },
            _ => Relation::named(wanted(&format!("lib{other}-{}.so.1()(64bit)", step % 8))),
        };
        record.depends.push(Requirement::One(relation));
    }
    for fixed in ["libc.so.6(GLIBC_2.34)(64bit)", "rtld(GNU_HASH)"] {
        record
            .depends
            .push(Requirement::One(Relation::named(wanted(fixed))));
    }
    let either = [name(number / 2), name(number / 3)].map(|n| Relation::named(wanted(&n)));
    let either = either.into_iter().map(Requirement::One).collect();
    record.depends.push(Requirement::Any(either));
    record
}

fn plain(name: &str) -> PackageName {
    PackageName::new(name).expect("made of letters, digits and dashes")
}

fn wanted(name: &str) -> PackageName {
    PackageName::wanted(name).expect("a name without white space")
}
