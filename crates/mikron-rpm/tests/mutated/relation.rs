//! Rich dependencies, and the order of versions.

use mikron_package::{Constraint, Operator, Version, VersionOrder};
use mikron_rpm::{RichContext, RpmVersionOrder, parse_rich, relation, requirement};
use mikron_testkit::mutation::{Format, Mutator, refusal};

/// Rich dependencies and plain relations with their flags.
pub(super) const RICH: Format = Format {
    name: "rich",
    begin: || {
        let mutator = Mutator::new(RICH_TEXTS.map(|text| text.as_bytes().to_vec()))
            .words(&RICH_WORDS)
            .text();
        Box::new(move |numbers| {
            let text = mutator.input(numbers);
            let text = String::from_utf8_lossy(&text);
            let flags = numbers.any() as u32;
            if relation(&text, flags, "1:2-3").is_ok() {
                assert!(requirement(&text, flags, "1:2-3").is_ok(), "{text}");
            }
            let rich = parse_rich(&text, RichContext::Any);
            for context in [RichContext::Requires, RichContext::Conflicts] {
                if let Ok(built) = parse_rich(&text, context) {
                    assert_eq!(Ok(built), rich, "what may be built may be read");
                }
            }
            if let Ok(inner) = &rich
                && let Ok(outer) = parse_rich(&format!("({text})"), RichContext::Any)
            {
                assert_eq!(*inner, outer, "parentheses around parentheses mean nothing");
            }
            rich.map(drop).map_err(|error| refusal(&error.kind))
        })
    },
};

/// Versions: the order is total, and ranges overlap whichever is named first.
pub(super) const VERSION: Format = Format {
    name: "version",
    begin: || {
        let mutator = Mutator::new(VERSIONS.map(|text| text.as_bytes().to_vec()))
            .words(&VERSION_WORDS)
            .text();
        Box::new(move |numbers| {
            let mut texts =
                [(); 3].map(|()| String::from_utf8_lossy(&mutator.input(numbers)).into_owned());
            let order = RpmVersionOrder;
            let valid = order.validate(&texts[0]);
            assert!(order.compare(&texts[0], &texts[0]).is_eq());
            assert_eq!(
                order.compare(&texts[0], &texts[1]),
                order.compare(&texts[1], &texts[0]).reverse()
            );
            let all = [
                Operator::Less,
                Operator::LessEqual,
                Operator::Equal,
                Operator::GreaterEqual,
                Operator::Greater,
            ];
            let mut side = |text: &str| Constraint {
                operator: *numbers.pick(&all),
                version: Version::new(text),
            };
            let (a, b) = (side(&texts[0]), side(&texts[1]));
            assert_eq!(
                order.answers(Some(&a), Some(&b)),
                order.answers(Some(&b), Some(&a))
            );
            texts.sort_by(|a, b| order.compare(a, b));
            assert!(order.compare(&texts[0], &texts[2]).is_le(), "{texts:?}");
            valid.map_err(|_| "malformed".to_owned())
        })
    },
};

const RICH_TEXTS: [&str; 9] = [
    "(a if b else c)",
    "(a unless b else c)",
    "((a if b) and (c or d))",
    "(foo >= 1.2 or bar(x)(64bit) < 3:2-1)",
    "(a with b with c)",
    "(a without b)",
    "( /bin/sh   or  b == 1~rc1 )",
    "(((((((((a and b) and c) and d) and e) and f) and g) and h) and i) and j)",
    "libc.so.6(GLIBC_2.34)(64bit)",
];

const RICH_WORDS: [&str; 20] = [
    "(",
    ")",
    "((((((((",
    "))))))))",
    " and ",
    " or ",
    " if ",
    " else ",
    " unless ",
    " with ",
    " without ",
    "<=",
    ">= ",
    "==",
    "= 1:2-3",
    " ",
    "(a)",
    "()",
    "\0",
    "é",
];

const VERSIONS: [&str; 10] = [
    "1:1.0-1",
    "1.0~rc1^git-1",
    "1.0^-2",
    "1~",
    "12345678901234567890",
    "0012.1.a",
    "4294967295:1-1.el9",
    "a.b_c+d",
    "-1",
    "",
];

const VERSION_WORDS: [&str; 12] = [
    "~", "^", "~~", "^^", ":", "-", ".", "00", "é", "1", "a", "_",
];
