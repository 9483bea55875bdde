//! Globs against a reference that is too simple to be wrong.

use mikron_slices::Glob;
use proptest::prelude::*;

/// All that a glob says, as it is defined: by trying everything.
fn reference(glob: &[char], text: &[char]) -> bool {
    match (glob, text) {
        ([], []) => true,
        (['*', '*', rest @ ..], _) => (0..=text.len()).any(|at| reference(rest, &text[at..])),
        (['*', rest @ ..], _) => (0..=text.len())
            .take_while(|at| !text[..*at].contains(&'/'))
            .any(|at| reference(rest, &text[at..])),
        (['?', rest @ ..], [c, text @ ..]) => *c != '/' && reference(rest, text),
        ([g, rest @ ..], [c, text @ ..]) => g == c && reference(rest, text),
        _ => false,
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// Every text of at most four of these characters.
fn texts() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..4 {
        last = last
            .iter()
            .flat_map(|text| ['a', 'b', '/'].map(|c| format!("{text}{c}")))
            .collect();
        all.extend(last.clone());
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_glob_matches_what_the_reference_matches(glob in "[ab/é*?]{0,9}", text in "[ab/é]{0,9}") {
        let expected = reference(&chars(&glob), &chars(&text));
        prop_assert_eq!(Glob::new(&glob).matches(text.as_bytes()), expected);
    }

    #[test]
    fn a_text_made_of_a_glob_matches_it(glob in "(/|[ab]|\\?|\\*|\\*\\*){1,8}", filling in "[ab/]{0,4}") {
        let plain = filling.replace('/', "a");
        let text = glob.replace("**", &filling).replace('*', &plain).replace('?', "b");
        prop_assert!(Glob::new(&glob).matches(text.as_bytes()) == reference(&chars(&glob), &chars(&text)));
    }

    #[test]
    fn two_globs_meet_when_some_text_matches_both(a in "[ab/*?]{0,4}", b in "[ab/*?]{0,4}") {
        let (one, other) = (Glob::new(&a), Glob::new(&b));
        let both = |text: &String| one.matches(text.as_bytes()) && other.matches(text.as_bytes());
        // Patterns of four characters that meet at all meet in a text of at most eight, and here mostly of four.
        let found = texts().iter().any(both);
        let met = one.meets(&other);
        prop_assert_eq!(met, other.meets(&one));
        prop_assert!(met || !found, "{} and {} meet", a, b);
        let wild = |glob: &str| glob.contains(['*', '?']);
        if a.len() + b.len() <= 4 || !wild(&a) || !wild(&b) {
            prop_assert_eq!(met, found, "{} and {}", a, b);
        }
    }
}

#[test]
fn a_question_mark_is_a_whole_character() {
    let glob = Glob::new("/?");
    assert!(glob.matches("/é".as_bytes()));
    assert!(glob.matches("/語".as_bytes()));
    assert!(glob.matches(b"/\xff"));
    assert!(!glob.matches(b"/\xff\xff"));
    assert!(glob.meets(&Glob::new("/é")));
    assert!(!glob.meets(&Glob::new("/éé")));
}

#[test]
fn hostile_globs_end_soon() {
    let glob = format!("/{}b", "a*".repeat(100));
    let text = format!("/{}", "a".repeat(250));
    assert!(!Glob::new(&glob).matches(text.as_bytes()));
    let spanning = format!("/{}b", "a**".repeat(100));
    assert!(!Glob::new(&spanning).matches(text.as_bytes()));
    assert!(Glob::new(&glob).meets(&Glob::new(&spanning)));
}
