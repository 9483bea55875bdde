//! Relations and rich dependencies, with `rpmspec` as the judge of what is well-formed.

use std::process::Command;

use mikron_package::{Requirement, VersionError, VersionOrder};
use mikron_rpm::{
    MAX_RICH_DEPTH, MAX_RICH_LEN, RPMLIB_FEATURES, RelationErrorKind, RichContext, SENSE_EQUAL,
    SENSE_GREATER, SENSE_LESS, check_rpmlib, parse_rich, relation, requirement,
};
use mikron_testkit::tools::tool;

fn rich(text: &str) -> Requirement {
    requirement(text, 0, "").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn senses_become_operators() {
    let shown = |flags| relation("a", flags, "1:2-3").unwrap().to_string();
    // Other bits of the header (where it came from, whether a script needs it) do not matter here.
    assert_eq!(shown(SENSE_LESS | 1 << 14), "a (<< 1:2-3)");
    assert_eq!(shown(SENSE_LESS | SENSE_EQUAL), "a (<= 1:2-3)");
    assert_eq!(shown(SENSE_EQUAL), "a (= 1:2-3)");
    assert_eq!(shown(SENSE_GREATER | SENSE_EQUAL), "a (>= 1:2-3)");
    assert_eq!(shown(SENSE_GREATER), "a (>> 1:2-3)");
    assert_eq!(shown(0), "a");
    assert_eq!(relation("a", SENSE_EQUAL, "").unwrap().to_string(), "a");
    assert!(matches!(
        relation("a", SENSE_LESS | SENSE_GREATER, "1")
            .unwrap_err()
            .kind,
        RelationErrorKind::Sense(6)
    ));
}

#[test]
fn every_operator_of_rich_dependencies_is_read() {
    let cases = [
        ("(a or b or c)", "a | b | c"),
        ("(a and b)", "a, b"),
        ("(a)", "a"),
        ("(a if b)", "(a if b)"),
        ("(a if b else c)", "(a if b else c)"),
        ("(a unless b else c)", "(a unless b else c)"),
        ("(a with b with c)", "(a with (b with c))"),
        ("(a without b)", "(a without b)"),
        (
            "(foo >= 1.2 or bar(x)(64bit) < 3:2-1)",
            "foo (>= 1.2) | bar(x)(64bit) (<< 3:2-1)",
        ),
        ("( /bin/sh   or  b == 1~rc1 )", "/bin/sh | b (= 1~rc1)"),
        ("((a if b) and (c or d))", "(a if b), c | d"),
        ("(a=1 or b)", "a=1 | b"),
    ];
    for (text, shown) in cases {
        assert_eq!(rich(text).to_string(), shown, "{text}");
    }
}

#[test]
fn a_rich_dependency_that_mixes_operators_is_refused_with_the_reason() {
    let message = |text: &str| requirement(text, 0, "").unwrap_err().to_string();
    let mixed = message("(a or b and c)");
    assert!(
        mixed.starts_with("in the relation `(a or b and c)`: different operators stand"),
        "{mixed}"
    );
    assert!(message("(a or b").contains("a closing parenthesis is missing"));
    assert!(message("(a nor b)").contains("`nor` is not an operator"));
    assert!(message("((a and b) with c)").contains("`with` and `without` join packages"));
    assert!(
        relation("(a or b)", 0, "").is_err(),
        "Provides are never rich"
    );
}

#[test]
fn depth_and_length_of_rich_dependencies_are_bounded() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(requirement(&nested(MAX_RICH_DEPTH), 0, "").is_ok());
    for deep in [MAX_RICH_DEPTH + 1, 30_000] {
        let error = requirement(&nested(deep), 0, "").unwrap_err();
        assert!(matches!(error.kind, RelationErrorKind::Limit(_)), "{error}");
    }
    let long = format!("({} or b)", "a".repeat(MAX_RICH_LEN));
    assert!(matches!(
        requirement(&long, 0, "").unwrap_err().kind,
        RelationErrorKind::Limit(_)
    ));
}

struct Dots;

impl VersionOrder for Dots {
    fn compare(&self, a: &str, b: &str) -> std::cmp::Ordering {
        let parts = |v: &str| -> Vec<u64> {
            let parts = v.split(['.', '-']);
            parts.map(|part| part.parse().unwrap_or(0)).collect()
        };
        parts(a).cmp(&parts(b))
    }
    fn validate(&self, _: &str) -> Result<(), VersionError> {
        Ok(())
    }
}

#[test]
fn features_of_rpm_are_checked_against_those_that_are_known() {
    let flags = SENSE_LESS | SENSE_EQUAL;
    for (feature, version) in RPMLIB_FEATURES {
        let name = format!("rpmlib({feature})");
        assert_eq!(check_rpmlib(&name, flags, version, &Dots), Ok(()));
    }
    for (name, version) in [
        ("rpmlib(ShortCircuited)", "4.9.0-1"),
        ("rpmlib(Telepathy)", "9.0-1"),
        ("rpmlib(PayloadIsXz", "5.2-1"),
        ("rpmlib(PayloadIsXz)", "4.2-1"),
    ] {
        let error = check_rpmlib(name, flags, version, &Dots).unwrap_err();
        assert_eq!(error.kind, RelationErrorKind::Feature, "{name}");
    }
}

#[test]
fn the_known_features_are_those_that_rpm_shows() {
    let Some(rpm) = tool("rpm") else { return };
    let output = Command::new(rpm).arg("--showrc").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let shown: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("rpmlib("))
        .collect();
    if shown.is_empty() {
        return mikron_testkit::tools::skip("rpm shows no features");
    }
    for line in shown {
        let (feature, version) = line.split_once(") = ").unwrap();
        assert!(RPMLIB_FEATURES.contains(&(feature, version)), "{line}");
    }
}

/// A small generator: the same expressions on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }

    fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len() as u64) as usize]
    }

    fn expression(&mut self, depth: u64) -> String {
        if depth == 0 || self.below(3) == 0 {
            let simple = [
                "a",
                "b >= 1.2",
                "lib.so.6(X)(64bit)",
                "/bin/sh",
                "c = 1:2-3",
            ];
            // Now and then something that is none.
            let odd = ["", "d >=", "e <> 1", "f,g", "h ) i"];
            let of: &[&str] = if self.below(25) == 0 { &odd } else { &simple };
            return self.of(of).to_owned();
        }
        let words = ["and", "or", "if", "unless", "with", "without"];
        let word = self.of(&words);
        let mut text = format!(
            "({} {word} {}",
            self.expression(depth - 1),
            self.expression(depth - 1)
        );
        match self.below(6) {
            0 => text = format!("{text} {word} {}", self.expression(depth - 1)),
            1 => text = format!("{text} else {}", self.expression(depth - 1)),
            2 if self.below(4) == 0 => text = format!("{text} {} x", self.of(&words)),
            _ => {}
        }
        text.push(')');
        text
    }
}

#[test]
fn what_rpmbuild_refuses_is_refused_and_what_it_takes_is_taken() {
    let Some(rpmspec) = tool("rpmspec") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    let mut accepted = 0;
    for round in 0..140 {
        let text = loop {
            let text = random.expression(1 + round % 3);
            if text.starts_with('(') {
                break text;
            }
        };
        let (tag, context) = if round % 3 == 0 {
            ("Conflicts", RichContext::Conflicts)
        } else {
            ("Requires", RichContext::Requires)
        };
        let spec = dir.path().join("t.spec");
        let lines = format!(
            "Name: t\nVersion: 1\nRelease: 1\nSummary: t\nLicense: t\n{tag}: {text}\n%description\nt\n"
        );
        std::fs::write(&spec, lines).unwrap();
        let output = Command::new(&rpmspec)
            .args(["-q", "--qf", &format!("[%{{{}}}\n]", tag.to_uppercase())])
            .arg(&spec)
            .output()
            .unwrap();
        let ours = parse_rich(&text, context);
        let shown = String::from_utf8_lossy(&output.stdout);
        // Behind the closing parenthesis rpm reads a further relation of the same line; there is none in a header.
        let taken = output.status.success() && shown.lines().count() == 1;
        assert_eq!(
            ours.is_ok(),
            taken,
            "{tag}: {text}: {ours:?}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        accepted += usize::from(taken);
        if taken {
            assert!(parse_rich(&text, RichContext::Any).is_ok(), "{text}");
        }
    }
    assert!(
        (40..120).contains(&accepted),
        "{accepted} of 140 were well-formed"
    );
}
