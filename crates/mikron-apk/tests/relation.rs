//! Relations as the manual of apk lists them.

use mikron_apk::{ApkOperator, parse_dependencies, parse_dependency};

#[test]
fn every_operator_is_read_and_written_back() {
    for (text, operator, version) in [
        ("a<1", ApkOperator::Less, "1"),
        ("a<=1.2", ApkOperator::LessEqual, "1.2"),
        ("a<~1.2", ApkOperator::LessBegins, "1.2"),
        ("a=1.2-r3", ApkOperator::Equal, "1.2-r3"),
        ("a~1.2", ApkOperator::Begins, "1.2"),
        ("a>~1.2", ApkOperator::GreaterBegins, "1.2"),
        ("a>=1.2_rc1", ApkOperator::GreaterEqual, "1.2_rc1"),
        ("a>1.2", ApkOperator::Greater, "1.2"),
        (
            "a><Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=",
            ApkOperator::Checksum,
            "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        ),
    ] {
        let dependency = parse_dependency(text).unwrap();
        let (found, of) = dependency.version.clone().unwrap();
        assert_eq!((found, of.as_str()), (operator, version), "{text}");
        assert_eq!(dependency.to_string(), text);
    }
    for (text, same) in [("a=~1", "a~1"), ("a~=1", "a~1"), ("a=>1", "a>=1")] {
        assert_eq!(parse_dependency(text).unwrap().to_string(), same);
    }
}

#[test]
fn names_of_all_kinds_conflicts_and_tags_are_read() {
    for text in [
        "nginx",
        "so:libcrypto.so.3",
        "cmd:sh",
        "pc:zlib>=1.2",
        "/bin/sh",
        "py3.12:requests",
        "!busybox",
        "!busybox<1.36",
        "php@edge",
        "php@edge>=8.3",
        "so:libfoo.so.1=1.2.3",
        "g++",
        ".makedepends-x",
    ] {
        assert_eq!(parse_dependency(text).unwrap().to_string(), text);
    }
    let late = parse_dependency("php>=8.3@edge").unwrap();
    assert_eq!(
        (late.tag.as_deref(), late.to_string().as_str()),
        (Some("edge"), "php@edge>=8.3")
    );
}

#[test]
fn a_conflict_and_what_has_two_operators_become_shared_relations() {
    let shown = |text: &str| {
        parse_dependency(text)
            .unwrap()
            .into_requirement()
            .to_string()
    };
    assert_eq!(shown("a~1.2"), "a (~ 1.2)");
    assert_eq!(shown("a>~1.2"), "a (~ 1.2) | a (>> 1.2)");
    assert_eq!(shown("a<~1.2"), "a (~ 1.2) | a (<< 1.2)");
    let relations: Vec<String> = parse_dependency("!a<~1")
        .unwrap()
        .into_relations()
        .map(|r| r.to_string())
        .collect();
    assert_eq!(relations, ["a (~ 1)", "a (<< 1)"]);
}

#[test]
fn what_is_no_relation_is_refused_with_a_reason() {
    for (text, reason) in [
        ("", "has no name that a package could have"),
        ("!", "has no name that a package could have"),
        ("!!a", "has no name that a package could have"),
        (">=1", "has no name that a package could have"),
        ("a>=", "has an operator without a version"),
        ("a>=@edge", "has an operator without a version"),
        ("a<>=~1", "has an unknown operator"),
        ("a<>=1", "has an unknown operator"),
        ("a@", "has an empty tag"),
        ("a@x=1@y", "has two tags"),
        ("a b", "has no name that a package could have"),
    ] {
        assert_eq!(parse_dependency(text).unwrap_err().reason, reason, "{text}");
    }
}

#[test]
fn a_list_holds_no_tags() {
    let list: Vec<String> = parse_dependencies("a  b>=1\tc")
        .map(|d| d.unwrap().to_string())
        .collect();
    assert_eq!(list, ["a", "b>=1", "c"]);
    assert!(parse_dependencies("a@edge").next().unwrap().is_err());
}

#[test]
fn a_tag_or_version_that_holds_an_operator_or_a_control_character_is_refused() {
    for text in ["2>~d@\0\u{10}~\0-r", "a>=1 2", "a>=1@b\u{7}"] {
        assert!(parse_dependency(text).is_err(), "{text:?}");
    }
}
