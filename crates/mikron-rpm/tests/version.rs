//! Versions stand in the order of rpm-version(7), and in that of librpm; provides answer requirements as they do there.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use mikron_package::{Constraint, Operator, Version, VersionOrder};
use mikron_rpm::RpmVersionOrder;
use mikron_testkit::rpm::RpmBuilder;
use mikron_testkit::tools::tool;
use proptest::prelude::*;

fn compare(a: &str, b: &str) -> Ordering {
    RpmVersionOrder.compare(a, b)
}

#[test]
fn a_tilde_sorts_before_the_end_and_a_caret_behind_it() {
    let rising = ["1~~", "1~~a", "1~", "1~rc", "1", "1^", "1^git", "1a", "1.1"];
    for pair in rising.windows(2) {
        assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
    }
}

#[test]
fn separators_only_separate() {
    assert_eq!(compare("1.0_1", "1+0.1"), Ordering::Equal);
    assert_eq!(compare("1..0", "1.0."), Ordering::Equal);
    assert_eq!(compare("1.a", "1a"), Ordering::Equal);
}

#[test]
fn numbers_are_later_than_letters_and_compare_at_any_size() {
    assert_eq!(compare("1.1", "1.a"), Ordering::Greater);
    assert_eq!(compare("1.007", "1.7"), Ordering::Equal);
    let (big, bigger) = ("1.99999999999999999999998", "1.99999999999999999999999");
    assert_eq!(compare(big, bigger), Ordering::Less);
}

#[test]
fn an_epoch_counts_before_all_else_and_its_absence_is_zero() {
    assert_eq!(compare("1:0-1", "99-1"), Ordering::Greater);
    assert_eq!(compare("0:1-1", "1-1"), Ordering::Equal);
}

#[test]
fn a_missing_release_sorts_first_and_answers_every_release() {
    assert_eq!(compare("1", "1-0"), Ordering::Less);
    let answers = |offered: &str, operator, wanted: &str| {
        let offered = Constraint::exactly(Version::new(offered));
        let wanted = Constraint {
            operator,
            version: Version::new(wanted),
        };
        RpmVersionOrder.answers(Some(&offered), Some(&wanted))
    };
    assert!(answers("1.0-5", Operator::Equal, "1.0"));
    assert!(answers("1.0", Operator::Equal, "1.0-5"));
    assert!(answers("1.0-5", Operator::LessEqual, "1.0"));
    assert!(!answers("1.0-5", Operator::Greater, "1.0"));
    assert!(!answers("1:1.0-5", Operator::Equal, "1.0"));
}

#[test]
fn a_side_without_a_version_answers_everything() {
    let one = Constraint::exactly(Version::new("1"));
    assert!(RpmVersionOrder.answers(None, Some(&one)));
    assert!(RpmVersionOrder.answers(Some(&one), None));
    assert!(RpmVersionOrder.answers(None, None));
}

#[test]
fn what_is_no_version_is_refused_with_a_reason() {
    let refused = [
        ("", "is empty"),
        ("1 2", "holds white space"),
        ("a:1", "has an epoch that is not a number"),
        (":1", "has an epoch that is not a number"),
        ("4294967296:1", "has an epoch that is too big"),
        ("1:", "has an empty version or release"),
        ("1-", "has an empty version or release"),
        ("1/2", "holds a character that is not allowed"),
    ];
    for (version, reason) in refused {
        let error = RpmVersionOrder.validate(version).unwrap_err();
        assert_eq!(error.reason, reason, "{version}");
    }
    assert!(RpmVersionOrder.validate("1-1-1").is_err());
    for version in ["0", "2:1.0~rc1^git-3.el9", "4294967295:1", "a-b", "1.0_2+x"] {
        assert_eq!(RpmVersionOrder.validate(version), Ok(()), "{version}");
    }
}

/// The numbers of a fixed seed (Steele, Lea, Flood: SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % end as u64) as usize
    }

    /// A version of pieces that are hard to order, or a change of another one.
    fn version(&mut self) -> String {
        const PIECES: [&str; 34] = [
            "0",
            "1",
            "2",
            "9",
            "10",
            "007",
            "12345678901234567890",
            "a",
            "b",
            "A",
            "Z",
            "rc",
            "beta",
            "git",
            "el9",
            "fc40",
            ".",
            ".",
            ".",
            "~",
            "^",
            "_",
            "+",
            "-",
            "-",
            ":",
            "..",
            "~~",
            "^^",
            "~^",
            "^~",
            "1.0",
            "5.el8",
            "00",
        ];
        let mut text = String::new();
        for _ in 0..=self.below(6) {
            text.push_str(PIECES[self.below(PIECES.len())]);
        }
        text
    }

    fn pair(&mut self) -> (String, String) {
        let a = self.version();
        let b = match self.below(3) {
            0 => self.version(),
            1 => a.clone() + &self.version(),
            _ => {
                let at = self.below(a.len() + 1);
                a[..at].to_owned() + &self.version() + &a[at..]
            }
        };
        (a, b)
    }
}

#[test]
fn the_order_of_a_hundred_thousand_pairs_equals_that_of_librpm() {
    let Some(rpm) = tool("rpm") else { return };
    let mut numbers = Numbers(2026);
    let pairs: Vec<_> = (0..100_000).map(|_| numbers.pair()).collect();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let list = dir.path().join("pairs");
    let mut text = String::new();
    for (a, b) in &pairs {
        writeln!(text, "{a} {b}").expect("writes to memory");
    }
    fs::write(&list, text).expect("a file");
    let answers = dir.path().join("answers");
    let program = dir.path().join("compare.lua");
    let lua = format!(
        "local out = io.open('{}', 'w')\nfor line in io.lines('{}') do\n  local a, b = line:match('^(%S+) (%S+)$')\n  \
         out:write(rpm.vercmp(a, b), '\\n')\nend\nout:close()\n",
        answers.display(),
        list.display()
    );
    fs::write(&program, lua).expect("a file");
    let status = Command::new(rpm)
        .arg("--eval")
        .arg(format!("%{{lua:dofile('{}')}}", program.display()))
        .status();
    assert!(status.expect("rpm starts").success());
    let answers = fs::read_to_string(&answers).expect("rpm wrote its answers");
    let mut count = 0;
    for ((a, b), answer) in pairs.iter().zip(answers.lines()) {
        let theirs = answer.parse::<i32>().expect("a number").cmp(&0);
        assert_eq!(compare(a, b), theirs, "{a} against {b}");
        count += 1;
    }
    assert_eq!(count, pairs.len());
}

const OPERATORS: [(&str, Operator); 5] = [
    ("<", Operator::Less),
    ("<=", Operator::LessEqual),
    ("=", Operator::Equal),
    (">=", Operator::GreaterEqual),
    (">", Operator::Greater),
];

const VERSIONS: [&str; 9] = [
    "1", "1-1", "1-2", "1.1", "1~rc-1", "0:1-1", "1:1", "1:1-1", "2",
];

#[test]
fn provides_answer_requirements_where_librpm_says_so() {
    let Some(rpm) = tool("rpm") else { return };
    let mut offers = RpmBuilder::new("offers", "1", "1", "noarch");
    let mut wants = RpmBuilder::new("wants", "1", "1", "noarch");
    let mut unanswered = Vec::new();
    let mut number = 0;
    for (offer, offer_operator) in OPERATORS {
        for offered in VERSIONS {
            for (want, want_operator) in OPERATORS {
                for wanted in VERSIONS {
                    number += 1;
                    let (a, b) = (
                        format!("t{number:04} {offer} {offered}"),
                        format!("t{number:04} {want} {wanted}"),
                    );
                    let side = |operator, version| {
                        let version = Version::new(version);
                        Some(Constraint { operator, version })
                    };
                    let ours = RpmVersionOrder.answers(
                        side(offer_operator, offered).as_ref(),
                        side(want_operator, wanted).as_ref(),
                    );
                    if !ours {
                        unanswered.push(b.clone());
                    }
                    offers = offers.provides(&a);
                    wants = wants.requires(&b);
                }
            }
        }
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| dir.path().join(name);
    fs::write(path("offers.rpm"), offers.build()).expect("a file");
    fs::write(path("wants.rpm"), wants.build()).expect("a file");
    let output = Command::new(rpm)
        .args([
            "-i",
            "--test",
            "--force-debian",
            "--nosignature",
            "--dbpath",
        ])
        .arg(path("db"))
        .args([path("offers.rpm"), path("wants.rpm")])
        .env("LC_ALL", "C")
        .output()
        .expect("rpm starts");
    let text = String::from_utf8_lossy(&output.stderr);
    let mut theirs: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_suffix(" is needed by wants-1-1.noarch"))
        .map(str::to_owned)
        .collect();
    theirs.sort();
    unanswered.sort();
    assert!(
        unanswered.len() > 500 && unanswered.len() < number,
        "{text}"
    );
    assert_eq!(theirs, unanswered, "{text}");
}

fn any_text() -> impl Strategy<Value = String> {
    "[0-9a-cA-Z.+~^:-]{0,12}|\\PC{0,8}"
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
