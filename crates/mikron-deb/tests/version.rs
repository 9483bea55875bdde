//! Versions stand in the order of deb-version(7), and in that of dpkg.

use std::cmp::Ordering;
use std::process::Command;

use mikron_deb::DebVersionOrder;
use mikron_package::VersionOrder;
use mikron_testkit::tools::tool;
use proptest::prelude::*;

fn compare(a: &str, b: &str) -> Ordering {
    DebVersionOrder.compare(a, b)
}

#[test]
fn a_tilde_sorts_before_the_end() {
    let rising = ["1~~", "1~~a", "1~", "1", "1a"];
    for pair in rising.windows(2) {
        assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
    }
}

#[test]
fn letters_sort_before_all_else() {
    assert_eq!(compare("1a", "1+"), Ordering::Less);
    assert_eq!(compare("1Z", "1a"), Ordering::Less);
}

#[test]
fn numbers_compare_as_numbers_of_any_size() {
    let (big, bigger) = (
        "1.99999999999999999999999998",
        "1.99999999999999999999999999",
    );
    assert_eq!(compare(big, bigger), Ordering::Less);
    assert_eq!(compare("1.9", "1.10"), Ordering::Less);
    assert_eq!(compare("1.007", "1.7"), Ordering::Equal);
}

#[test]
fn an_epoch_counts_before_all_else_and_its_absence_is_zero() {
    assert_eq!(compare("1:0", "99"), Ordering::Greater);
    assert_eq!(compare("0:1", "1"), Ordering::Equal);
}

#[test]
fn the_revision_begins_at_the_last_dash_and_its_absence_is_zero() {
    assert_eq!(compare("1-2-3", "1-2-4"), Ordering::Less);
    assert_eq!(compare("1", "1-0"), Ordering::Equal);
    assert_eq!(compare("1-1", "1.1-1"), Ordering::Less);
}

#[test]
fn what_is_no_version_is_refused_with_a_reason() {
    let refused = [
        ("", "is empty"),
        ("1 2", "holds white space"),
        (":1", "has an empty epoch"),
        ("a:1", "has an epoch that is not a number"),
        ("2147483648:1", "has an epoch that is too big"),
        ("1:", "has nothing behind the epoch"),
        ("1-", "has an empty revision"),
        ("a1", "does not start with a digit"),
        ("-1", "does not start with a digit"),
        ("1_2", "holds a character that is not allowed"),
        (
            "1:1-a:b",
            "has a revision with a character that is not allowed",
        ),
    ];
    for (version, reason) in refused {
        let error = DebVersionOrder.validate(version).unwrap_err();
        assert_eq!(error.reason, reason, "{version}");
    }
    for version in ["0", "1:2:3-4", "2147483647:1", "1.2+b~rc-3+deb12u1"] {
        assert_eq!(DebVersionOrder.validate(version), Ok(()), "{version}");
    }
}

/// Versions of the archive, with the pairs that are known to be hard.
const VERSIONS: &[&str] = &[
    "0",
    "0-1",
    "0.0.0~git20220101.abcdef-1",
    "0~20200101-2",
    "0+20200101-2",
    "00.1",
    "0.1",
    "0.01",
    "1",
    "1-0",
    "1-1",
    "1-1+b1",
    "1-1.1",
    "1-1~bpo12+1",
    "1-1+deb12u1",
    "1-1ubuntu1",
    "1.0",
    "1.0~rc1",
    "1.0~rc1+dfsg-1",
    "1.0+dfsg-1",
    "1.0.0",
    "1.0a",
    "1.0A",
    "1.0+",
    "1.0-",
    "1.10",
    "1.9",
    "1:0.9",
    "1:1.22.1-9+deb12u1",
    "1.22.1-9+deb12u1",
    "1.22.1-9",
    "10:1",
    "2:1",
    "2024a-0+deb12u1",
    "2024b-1",
    "252.30-1~deb12u2",
    "252.30-1",
    "3.11.2-6+deb12u5",
    "3.11.2-6",
    "3.0.15-1~deb12u1",
    "3.0.15-1",
    "1~~",
    "1~~a",
    "1~",
    "1a",
    "1.2-3-4",
    "1.2-3-5",
    "1.99999999999999999999",
    "1.99999999999999999998",
    "0:1",
];

#[test]
fn the_order_equals_that_of_dpkg() {
    let Some(dpkg) = tool("dpkg") else { return };
    let valid: Vec<_> = VERSIONS
        .iter()
        .filter(|version| DebVersionOrder.validate(version).is_ok())
        .collect();
    let pairs: Vec<_> = valid
        .iter()
        .flat_map(|a| valid.iter().map(move |b| (**a, **b)))
        .collect();
    assert!(pairs.len() >= 2000, "{}", pairs.len());
    let half = pairs.len() / 2;
    std::thread::scope(|scope| {
        for part in [&pairs[..half], &pairs[half..]] {
            let dpkg = &dpkg;
            scope.spawn(move || {
                for (a, b) in part {
                    // One question suffices where the answer is yes, and it names what we say.
                    let relation = match compare(a, b) {
                        Ordering::Less => "lt",
                        Ordering::Equal => "eq",
                        Ordering::Greater => "gt",
                    };
                    let status = Command::new(dpkg)
                        .args(["--compare-versions", a, relation, b])
                        .status()
                        .expect("dpkg starts");
                    assert!(status.success(), "dpkg does not say {a} {relation} {b}");
                }
            });
        }
    });
}

fn any_text() -> impl Strategy<Value = String> {
    "[0-9a-cA-Z.+~:-]{0,12}|\\PC{0,8}"
}

proptest! {
    #[test]
    fn comparing_the_other_way_round_gives_the_reverse(a in any_text(), b in any_text()) {
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
    }

    #[test]
    fn the_order_is_transitive(mut texts in prop::collection::vec(any_text(), 3)) {
        texts.sort_by(|a, b| compare(a, b));
        prop_assert_ne!(compare(&texts[0], &texts[1]), Ordering::Greater);
        prop_assert_ne!(compare(&texts[1], &texts[2]), Ordering::Greater);
        prop_assert_ne!(compare(&texts[0], &texts[2]), Ordering::Greater);
    }
}
