//! Relations, versions, and the list of applets in a busybox.

use std::cmp::Ordering;

use mikron_apk::{
    ApkVersionOrder, applets, format_checksum, parse_checksum, parse_dependencies, parse_dependency,
};
use mikron_package::VersionOrder as _;
use mikron_testkit::mutation::{Format, Mutator, refusal};

/// One relation: what is read and written again reads as the same.
pub(super) const RELATION: Format = Format {
    name: "relation",
    begin: || {
        let mutator = Mutator::new(RELATIONS.map(|text| text.as_bytes().to_vec()))
            .words(&RELATION_WORDS)
            .text();
        Box::new(move |numbers| {
            let bytes = mutator.input(numbers);
            let text = String::from_utf8_lossy(&bytes);
            let _ = parse_dependencies(&text).count();
            if let Ok(checksum) = parse_checksum(&text) {
                assert_eq!(format_checksum(&checksum), text);
            }
            let dependency = parse_dependency(&text).map_err(|_| "malformed".to_owned())?;
            let again = parse_dependency(&dependency.to_string());
            assert_eq!(again.as_ref(), Ok(&dependency), "{text:?}");
            assert!(!dependency.clone().into_requirement().to_string().is_empty());
            for relation in dependency.into_relations() {
                assert!(!relation.to_string().is_empty());
            }
            Ok(())
        })
    },
};

/// Versions: the order is total, and a version begins with itself.
pub(super) const VERSION: Format = Format {
    name: "version",
    begin: || {
        let mutator = Mutator::new(VERSIONS.map(|text| text.as_bytes().to_vec()))
            .words(&VERSION_WORDS)
            .text();
        Box::new(move |numbers| {
            let mut texts =
                [(); 3].map(|()| String::from_utf8_lossy(&mutator.input(numbers)).into_owned());
            let order = ApkVersionOrder;
            let valid = order.validate(&texts[0]);
            if valid.is_ok() {
                assert!(!texts[0].contains(['/', ':']), "{texts:?}");
            }
            assert!(order.begins_with(&texts[0], &texts[0]), "{texts:?}");
            assert_eq!(
                order.compare(&texts[0], &texts[1]),
                order.compare(&texts[1], &texts[0]).reverse()
            );
            texts.sort_by(|a, b| order.compare(a, b));
            assert_ne!(
                order.compare(&texts[0], &texts[2]),
                Ordering::Greater,
                "{texts:?}"
            );
            valid.map_err(|error| refusal(&error))
        })
    },
};

/// The list of applets.
pub(super) const APPLETS: Format = Format {
    name: "applets",
    begin: || {
        let binary =
            b"\x7fELF\0\0ls\0[\0[[\0ash\0busybox\0cat\0ls\0sh\0\0rodata\0a\0ash\0b\0c\0d\0";
        let mutator = Mutator::new([binary.to_vec()]).words(&[
            "\0sh\0",
            "\0ash\0",
            "\0busybox\0",
            "\0",
            "zz\0",
        ]);
        Box::new(move |numbers| {
            let bytes = mutator.input(numbers);
            let names = applets(&bytes).ok_or("no list")?;
            assert!(names.len() >= 4 && names.is_sorted());
            Ok(())
        })
    },
};

const RELATIONS: [&str; 14] = [
    "nginx",
    "a<=1.2",
    "a~1.2",
    "a>~1.2-r3",
    "a=1.2b_rc4_p~0a1f-r5",
    "!busybox<1.36",
    "php@edge>=8.3",
    "php>=8.3@edge",
    "so:libfoo.so.1=1.2.3",
    "cmd:sh",
    "/bin/sh",
    "a><Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=",
    "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=",
    "a b=1 !c so:d",
];

const RELATION_WORDS: [&str; 16] = [
    "<", ">", "=", "~", "><", "<=", ">~", "!", "@", "@edge", " ", "so:", "/", "Q1", "\n", "é",
];

const VERSIONS: [&str; 10] = [
    "1.2.3b_rc4_p~0a1f-r5",
    "1.0_alpha",
    "1.0_pre2_git20240101",
    "0.01.010",
    "1~deadbeef",
    "12345678901234567890.1",
    "1a",
    "1-r0",
    "1.-r",
    "",
];

const VERSION_WORDS: [&str; 14] = [
    "_alpha", "_beta", "_pre", "_rc", "_cvs", "_git", "_p", "-r", "-r1", ".", "~0f", "00", "é", "z",
];
