//! Relation fields are read as dpkg reads them.

use mikron_deb::{
    Deb822ErrorKind, RelationKind, check_relations, parse_provides, parse_relations,
    parse_requirements,
};
use mikron_package::{ArchQualifier, Limits, Operator, Requirement};

fn shown(value: &str) -> Vec<String> {
    parse_requirements(value.as_bytes(), &Limits::default())
        .expect("the field is good")
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn groups_alternatives_versions_and_qualifiers_are_kept() {
    let value = "libc6 (>= 2.34), default-mta | mail-transport-agent|c ( << 1:2-3 ),\n python3:any,\tperl:amd64 (=5)";
    let expected = [
        "libc6 (>= 2.34)",
        "default-mta | mail-transport-agent | c (<< 1:2-3)",
        "python3:any",
        "perl:amd64 (= 5)",
    ];
    assert_eq!(shown(value), expected);
}

#[test]
fn every_operator_has_its_meaning() {
    let cases = [
        ("a (<< 1)", Operator::Less),
        ("a (<= 1)", Operator::LessEqual),
        ("a (< 1)", Operator::LessEqual),
        ("a (= 1)", Operator::Equal),
        ("a (1)", Operator::Equal),
        ("a(>=1)", Operator::GreaterEqual),
        ("a (> 1)", Operator::GreaterEqual),
        ("a (>> 1)", Operator::Greater),
    ];
    for (text, operator) in cases {
        let found = parse_relations(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(
            found[0].constraint.as_ref().unwrap().operator,
            operator,
            "{text}"
        );
    }
}

#[test]
fn a_qualifier_is_any_native_or_a_name() {
    let found = parse_relations(b"a:any, b:native, c:i386, d", &Limits::default()).unwrap();
    let qualifiers: Vec<_> = found.into_iter().map(|relation| relation.arch).collect();
    let named = ArchQualifier::Named("i386".to_owned());
    let expected = [
        Some(ArchQualifier::Any),
        Some(ArchQualifier::Native),
        Some(named),
        None,
    ];
    assert_eq!(qualifiers, expected);
}

#[test]
fn an_empty_field_and_a_comma_at_the_end_are_nothing() {
    assert_eq!(shown(""), Vec::<String>::new());
    assert_eq!(shown(" a , "), ["a"]);
}

#[test]
fn malformed_relations_are_refused_with_what_is_wrong_and_where() {
    let cases = [
        (",a", "a package name is expected", 0),
        ("a,,b", "a package name is expected", 2),
        ("a |", "a package name is expected", 3),
        ("a | , b", "a package name is expected", 4),
        ("a b", "a comma, a bar or the end is expected", 2),
        ("a (>= 1", "a closing parenthesis is expected", 7),
        ("a (>= 1 2)", "a closing parenthesis is expected", 8),
        ("a (=> 1)", "the operator is none of <<, <=, =, >=, >>", 3),
        ("a: (1)", "an architecture is expected behind the colon", 2),
        (
            "a [amd64]",
            "an architecture restriction is only allowed in source packages",
            2,
        ),
        (
            "a <!nocheck>",
            "a build profile is only allowed in source packages",
            2,
        ),
        (
            "${misc:Depends}",
            "a substitution variable was left in place",
            0,
        ),
        ("+a", "a package name is expected", 0),
        ("\u{e9}", "a package name is expected", 0),
    ];
    for (text, expected, at) in cases {
        let error = parse_requirements(text.as_bytes(), &Limits::default()).unwrap_err();
        let Deb822ErrorKind::Relation { reason, .. } = &error.kind else {
            panic!("{text}: {error}")
        };
        assert_eq!((*reason, error.place.offset), (expected, at), "{text}");
    }
    for text in ["a (>= )", "a (>= x)", "a (>= 1:)", "a ()"] {
        let error = parse_requirements(text.as_bytes(), &Limits::default()).unwrap_err();
        assert!(
            matches!(error.kind, Deb822ErrorKind::Version(_)),
            "{text}: {error}"
        );
    }
}

#[test]
fn alternatives_stand_only_where_they_may() {
    let error = parse_relations(b"a, b | c", &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "in `c`: alternatives are not allowed here"
    );
    assert!(check_relations(b"a | b", RelationKind::Alternatives, &Limits::default()).is_ok());
    assert!(check_relations(b"a | b", RelationKind::Plain, &Limits::default()).is_err());
}

#[test]
fn what_is_provided_with_another_operator_than_equal_satisfies_nothing() {
    let found = parse_provides(b"a, b (= 1), c (>= 1)", &Limits::default()).unwrap();
    let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["a", "b (= 1)"]);
}

#[test]
fn one_relation_is_no_alternative() {
    let found = parse_requirements(b"a", &Limits::default()).unwrap();
    assert!(matches!(&found[..], [Requirement::One(_)]));
}
