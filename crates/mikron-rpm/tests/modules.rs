//! Modules: which packages are hidden when which streams are on.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

use std::collections::BTreeMap;

use mikron_package::{Limits, Origin, PackageRecord, Relation, Version};
use mikron_rpm::{ActiveModules, Modules, RepomdErrorKind, parse_modules};

const TEXT: &str = r#"---
document: modulemd
version: 2
data:
  name: nodejs
  stream: "16"
  version: 1
  context: aaa
  arch: x86_64
  summary: A runtime
  dependencies:
  - requires:
      platform: [el9]
  artifacts:
    rpms:
    - nodejs-1:16.1-1.x86_64
    - nodejs-1:16.1-1.src
    - npm-1:8.0-1.x86_64
...
---
document: modulemd
version: 2
data:
  name: nodejs
  stream: 18
  version: 2
  context: aaa
  artifacts:
    rpms:
    - nodejs-1:18.2-1.x86_64
---
document: modulemd
version: 2
data:
  name: nodejs
  stream: 18
  version: 1
  context: aaa
  artifacts:
    rpms:
    - nodejs-1:18.1-1.x86_64
---
document: modulemd
version: 2
data:
  name: perl-app
  stream: 1.10
  version: 1
  context: bbb
  dependencies:
  - requires: { perl: ["5.30"] }
  artifacts: { rpms: ["perl-app-0:1-1.noarch"] }
---
document: modulemd
version: 2
data:
  name: perl
  stream: "5.30"
  version: 1
  context: ccc
  artifacts: { rpms: ["perl-4:5.30-1.x86_64", "given-0:1-1.noarch"] }
  demodularized: { rpms: ["given-0:1-1.noarch"] }
---
document: modulemd-defaults
version: 1
data:
  module: nodejs
  stream: "16"
  profiles: { "16": [common] }
---
document: modulemd-defaults
version: 1
data: { module: perl-app, stream: "1.10" }
---
document: modulemd-translations
version: 1
data: { module: nodejs, stream: "16", modified: 1, translations: {} }
"#;

fn modules(text: &str) -> Modules {
    parse_modules(
        text.as_bytes(),
        &Limits::default(),
        &Origin::named("modules.yaml"),
    )
    .unwrap()
}

fn enable(choices: &[(&str, &str)]) -> Result<ActiveModules, RepomdErrorKind> {
    let choices = choices
        .iter()
        .map(|(m, s)| ((*m).to_owned(), (*s).to_owned()));
    modules(TEXT).enable(&choices.collect::<BTreeMap<_, _>>())
}

fn package(name: &str, version: &str, arch: &str) -> PackageRecord {
    PackageRecord::new(name.parse().unwrap(), Version::new(version), arch)
}

#[test]
fn streams_keep_the_text_of_their_numbers() {
    let modules = modules(TEXT);
    let streams: Vec<&str> = modules.streams.iter().map(|s| &*s.stream).collect();
    assert_eq!(streams, ["16", "18", "18", "1.10", "5.30"]);
    assert_eq!(modules.defaults["nodejs"], "16");
}

#[test]
fn the_default_stream_is_on_and_hides_the_others_and_the_names_it_takes() {
    let active = enable(&[]).unwrap();
    assert!(!active.hides(&package("nodejs", "1:16.1-1", "x86_64")));
    assert!(active.hides(&package("nodejs", "1:18.2-1", "x86_64")));
    assert!(
        active.hides(&package("npm", "1:9-1", "x86_64")),
        "a name of the stream, outside of it"
    );
    assert!(!active.hides(&package("bash", "5-1", "x86_64")));
    let mut other = package("other", "1-1", "x86_64");
    other.provides = vec![Relation::named("npm".parse().unwrap())];
    assert!(
        active.hides(&other),
        "it offers a name that the stream took over"
    );
}

#[test]
fn a_choice_replaces_the_default_and_only_its_newest_build_counts() {
    let active = enable(&[("nodejs", "18")]).unwrap();
    assert!(!active.hides(&package("nodejs", "1:18.2-1", "x86_64")));
    assert!(active.hides(&package("nodejs", "1:18.1-1", "x86_64")));
    assert!(active.hides(&package("nodejs", "1:16.1-1", "x86_64")));
    assert!(!active.hides(&package("npm", "1:9-1", "x86_64")));
}

#[test]
fn a_stream_is_on_only_beside_the_streams_it_was_built_for() {
    let app = package("perl-app", "1-1", "noarch");
    assert!(
        enable(&[]).unwrap().hides(&app),
        "a default whose needs are not on stays off"
    );
    assert!(!enable(&[("perl", "5.30")]).unwrap().hides(&app));
    let error = enable(&[("perl-app", "1.10")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the module `perl-app:1.10` needs perl:5.30; enable it as well"
    );
}

#[test]
fn what_a_stream_gave_back_does_not_take_its_name_over() {
    let active = enable(&[("perl", "5.30")]).unwrap();
    assert!(active.hides(&package("perl", "4:5.36-1", "x86_64")));
    assert!(!active.hides(&package("given", "2-1", "noarch")));
}

#[test]
fn an_unknown_stream_is_refused_with_those_that_there_are() {
    let error = enable(&[("nodejs", "20")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no stream `20` of a module `nodejs`; there are: 16, 18"
    );
}

/// Streams by module, for each alternative.
type Alternatives = &'static [&'static [(&'static str, &'static [&'static str])]];

#[test]
fn streams_without_quotes_are_the_texts_that_stand_there() {
    let document = |dependencies: &str| {
        let text = format!(
            "document: modulemd\nversion: 2\ndata:\n  name: app\n  stream: 1.10\n  version: 1\n  context: 00012345\n\
             \x20 dependencies: {dependencies}\n"
        );
        let stream = modules(&text).streams.remove(0);
        assert_eq!((&*stream.stream, &*stream.context), ("1.10", "00012345"));
        stream.requires
    };
    let requires = |list: Alternatives| -> Vec<BTreeMap<String, Vec<String>>> {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let one = |pairs: &&'static [(&'static str, &'static [&'static str])]| {
            let pairs = pairs
                .iter()
                .map(|(name, streams)| ((*name).to_owned(), texts(streams)));
            pairs.collect()
        };
        list.iter().map(one).collect()
    };
    let cases: [(&str, Alternatives); 6] = [
        (
            "[{ requires: { perl: [5.24], platform: [el8] } }]",
            &[&[("perl", &["5.24"]), ("platform", &["el8"])]],
        ),
        (
            "[{ requires: { perl: [5.10, -5.30] } }, { requires: { perl: [6] } }]",
            &[&[("perl", &["5.10", "-5.30"])], &[("perl", &["6"])]],
        ),
        (
            "[{ requires: { python: [on, 3.0, 0x10] } }]",
            &[&[("python", &["on", "3.0", "0x10"])]],
        ),
        ("[{ buildrequires: { perl: [5.24] } }]", &[&[]]),
        ("{ requires: { perl: 5.20 } }", &[&[("perl", &["5.20"])]]),
        ("", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(document(text), requires(expected), "{text}");
    }
}

#[test]
fn malformed_documents_are_refused_with_their_line_in_the_file() {
    let text = format!("{TEXT}---\ndocument: modulemd\nversion: 2\ndata: {{ name: [] }}\n");
    let read = |text: &str| {
        parse_modules(
            text.as_bytes(),
            &Limits::default(),
            &Origin::named("modules.yaml"),
        )
    };
    let error = read(&text).unwrap_err();
    let expected = text.lines().count() as u64;
    assert!(
        matches!(error.kind, RepomdErrorKind::Yaml { line, .. } if line == expected),
        "{error}"
    );
    assert!(read("---\ndocument: modulemd\nversion: 2\n").is_err());
    let twice = "document: modulemd-defaults\nversion: 1\ndata: { module: a, stream: x }\n---\n\
                 document: modulemd-defaults\nversion: 1\ndata: { module: a, stream: y }\n";
    assert!(matches!(
        read(twice).unwrap_err().kind,
        RepomdErrorKind::Duplicate
    ));
    let bomb = format!("document: x\nversion: 1\ndata: {}\n", "[".repeat(10_000));
    assert!(read(&bomb).is_err());
}
