//! Versions stand in the order that apk gives them.

use std::cmp::Ordering;
use std::process::Command;

use mikron_apk::ApkVersionOrder;
use mikron_package::{Constraint, Operator, Version, VersionOrder};
use mikron_testkit::tools::tool;
use proptest::prelude::*;

fn compare(a: &str, b: &str) -> Ordering {
    ApkVersionOrder.compare(a, b)
}

fn rising(versions: &[&str]) {
    for (place, a) in versions.iter().enumerate() {
        for b in &versions[place + 1..] {
            assert_eq!(compare(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(compare(b, a), Ordering::Greater, "{b} {a}");
        }
    }
}

#[test]
fn numbers_compare_as_numbers_of_any_size() {
    rising(&[
        "1",
        "2",
        "10",
        "99999999999999999999998",
        "99999999999999999999999",
    ]);
    rising(&["1.2", "1.9", "1.10", "1.10.1", "2"]);
    assert_eq!(compare("007", "7"), Ordering::Equal);
}

#[test]
fn a_number_with_a_zero_in_front_is_a_fraction() {
    rising(&["1.0", "1.00", "1.01", "1.011", "1.02", "1.1", "1.9", "1.10"]);
}

#[test]
fn a_letter_comes_behind_the_plain_version_and_before_the_next_number() {
    rising(&["1.0", "1.0a", "1.0b", "1.0z", "1.0.1"]);
}

#[test]
fn suffixes_stand_before_and_behind_the_plain_version() {
    rising(&[
        "1.0_alpha",
        "1.0_alpha1",
        "1.0_alpha2",
        "1.0_alpha10",
        "1.0_beta",
        "1.0_pre1",
        "1.0_rc1",
        "1.0_rc1_git20240101",
        "1.0",
        "1.0_cvs1",
        "1.0_svn1",
        "1.0_git20240101",
        "1.0_hg1",
        "1.0_p1",
        "1.0_p2",
    ]);
}

#[test]
fn revision_and_hash_count_last() {
    rising(&[
        "1.0",
        "1.0-r0",
        "1.0-r1",
        "1.0-r10",
        "1.0~abc",
        "1.0~abc-r1",
        "1.0a",
    ]);
    rising(&["1.0_p1", "1.0_p1-r0", "1.0_p1_git1"]);
}

#[test]
fn what_is_no_version_is_refused_with_a_reason() {
    for (version, reason) in [
        ("", "is empty"),
        ("a1", "does not begin with a number"),
        (
            "1.",
            "has a dot without a number behind it, or in the wrong place",
        ),
        (
            "1..2",
            "has a dot without a number behind it, or in the wrong place",
        ),
        (
            "1a.2",
            "has a dot without a number behind it, or in the wrong place",
        ),
        ("1ab", "has a letter in the wrong place"),
        ("1a2", "has a number in the wrong place"),
        ("1_foo", "has an unknown suffix, or one in the wrong place"),
        ("1_", "has an unknown suffix, or one in the wrong place"),
        (
            "1-r0_p1",
            "has an unknown suffix, or one in the wrong place",
        ),
        ("1-1", "does not end in `-r` and a number"),
        ("1-r", "does not end in `-r` and a number"),
        ("1-r1-r2", "does not end in `-r` and a number"),
        (
            "1~",
            "has a commit hash that is empty or in the wrong place",
        ),
        (
            "1~xyz",
            "has a commit hash that is empty or in the wrong place",
        ),
        ("1 2", "holds a character that is not allowed"),
        ("1/2", "holds a character that is not allowed"),
        ("1:2", "holds a character that is not allowed"),
        ("1A", "holds a character that is not allowed"),
    ] {
        let error = ApkVersionOrder.validate(version).unwrap_err();
        assert_eq!(error.reason, reason, "{version}");
    }
    for version in ["0", "1.2.3b_rc4_p~0a1f-r5", "20240101", "1_git", "0.0.0-r0"] {
        assert_eq!(ApkVersionOrder.validate(version), Ok(()), "{version}");
    }
}

#[test]
fn a_tilde_takes_what_begins_with_whole_parts() {
    for (version, start, begins) in [
        ("1.2", "1.2", true),
        ("1.2.3-r4", "1.2", true),
        ("1.2_rc1", "1.2", true),
        ("1.2a", "1.2", true),
        ("1.2-r1", "1.2-r1", true),
        ("1.20", "1.2", false),
        ("1.3", "1.2", false),
        ("1.2-r10", "1.2-r1", false),
        ("1", "1.2", false),
    ] {
        assert_eq!(
            ApkVersionOrder.begins_with(version, start),
            begins,
            "{version} ~ {start}"
        );
    }
}

#[test]
fn a_relation_is_answered_by_what_has_a_version_that_fits() {
    let constraint = |operator, version: &str| Constraint {
        operator,
        version: Version::new(version),
    };
    let offered = constraint(Operator::Equal, "1.24.0-r7");
    let answers = |operator, version| {
        ApkVersionOrder.answers(Some(&offered), Some(&constraint(operator, version)))
    };
    assert!(answers(Operator::Begins, "1.24"));
    assert!(answers(Operator::GreaterEqual, "1.24.0"));
    assert!(answers(Operator::Less, "1.24.1"));
    assert!(!answers(Operator::Equal, "1.24.0"));
    // An unversioned provides answers no versioned relation; what is no version, such as a checksum, is answered by nothing.
    assert!(!ApkVersionOrder.answers(None, Some(&offered)));
    assert!(ApkVersionOrder.answers(None, None));
    assert!(!answers(Operator::Equal, "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk="));
    assert!(!answers(Operator::GreaterEqual, "1.0-beta"));
}

/// Texts that are mostly versions, made of few parts so that many of them are nearly alike.
fn version() -> impl Strategy<Value = String> {
    let number = prop::sample::select(vec!["0", "1", "2", "10", "01", "00", "010"]);
    let part = prop_oneof![
        4 => number.clone().prop_map(|n| format!(".{n}")),
        1 => prop::sample::select(vec!["a", "b", "_", "~", "-r", ".", "-", "A"]).prop_map(str::to_owned),
        3 => prop::sample::select(vec!["_alpha", "_beta", "_pre", "_rc", "_cvs", "_svn", "_git", "_hg", "_p"]).prop_map(str::to_owned),
        2 => prop::sample::select(vec!["~ab", "~0a", "-r0", "-r1", "-r10"]).prop_map(str::to_owned),
        1 => number.clone().prop_map(str::to_owned),
    ];
    (number, prop::collection::vec(part, 0..5))
        .prop_map(|(first, parts)| format!("{first}{}", parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_order_is_total(a in version(), b in version(), c in version()) {
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        let mut sorted = [&a, &b, &c];
        sorted.sort_by(|x, y| compare(x, y));
        prop_assert_ne!(compare(sorted[0], sorted[2]), Ordering::Greater);
        if compare(&a, &b).is_eq() {
            prop_assert_eq!(compare(&a, &c), compare(&b, &c));
        }
    }

    #[test]
    fn no_text_makes_it_panic(a in ".{0,20}", b in ".{0,20}") {
        let _ = compare(&a, &b);
        let _ = ApkVersionOrder.validate(&a);
        let _ = ApkVersionOrder.begins_with(&a, &b);
    }
}

#[test]
fn apk_itself_says_the_same() {
    // apk is not to be had on most machines; what others have recorded stands for it there.
    let Some(apk) = tool("apk") else { return };
    let versions = [
        "1",
        "1.0",
        "1.00",
        "1.01",
        "1.1",
        "1.10",
        "1.9",
        "2",
        "1.0a",
        "1.0b",
        "1.0_alpha",
        "1.0_alpha1",
        "1.0_rc2",
        "1.0_p1",
        "1.0_git1",
        "1.0-r0",
        "1.0-r1",
        "1.0_p1-r0",
        "1.0~ab",
        "1.0~ab-r0",
        "1.0.1",
        "007",
        "7",
    ];
    for a in versions {
        for b in versions {
            let output = Command::new(&apk)
                .args(["version", "-t", a, b])
                .output()
                .expect("apk runs");
            let sign = match compare(a, b) {
                Ordering::Less => "<",
                Ordering::Equal => "=",
                Ordering::Greater => ">",
            };
            assert_eq!(
                String::from_utf8_lossy(&output.stdout).trim(),
                sign,
                "{a} {b}"
            );
        }
    }
}

#[test]
fn other_implementations_have_recorded_the_same() {
    let recorded = include_str!("recorded/versions.txt");
    let mut compared = 0;
    for line in recorded.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let (Some(a), Some(sign), Some(b)) = (words.next(), words.next(), words.next()) else {
            panic!("{line}");
        };
        for version in [a, b] {
            assert_eq!(ApkVersionOrder.validate(version), Ok(()), "{line}");
        }
        let ours = match compare(a, b) {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        assert_eq!(ours, sign, "{line}");
        compared += 1;
    }
    assert_eq!(compared, 600);
}
