//! Rows 101 to 109 of the table of bad input, and the promise that no document makes the parser panic.

mod common;

use std::fmt::Write as _;

use common::{HEAD, bad, good, parse, with_head};
use mikron_package::Limits;
use mikron_spec::{Document, Policy, Spec, SpecErrorKind};
use mikron_yaml::YamlErrorKind;

#[test]
fn bad_101_billion_laughs() {
    let mut text = HEAD.to_owned();
    text.push_str("image:\n  labels:\n    a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let alias = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(text, "    a{level}: &a{level} [{alias}]");
    }
    let error = parse(&text).unwrap_err();
    assert!(
        matches!(
            error.kind,
            SpecErrorKind::Yaml(YamlErrorKind::TooComplex(_))
        ),
        "{error}"
    );
    assert!(error.at.line >= 7, "{error}");
    insta::assert_snapshot!(error.message(), @"the aliases of this document unfold to too much");
}

#[test]
fn bad_101_self_anchor() {
    let error = bad("image:\n  labels: &a\n    b: *a\n");
    assert!(
        matches!(
            error.kind,
            SpecErrorKind::Yaml(YamlErrorKind::TooComplex(_))
        ),
        "{error}"
    );
    assert_eq!((error.at.line, error.at.column), (7, 8));
    insta::assert_snapshot!(error.message(), @"this alias refers to something that holds it");
}

#[test]
fn bad_102_depth_of_ten_thousand() {
    let flow = format!("image: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    let mapping = format!("image: {}x{}\n", "{a: ".repeat(10_000), "}".repeat(10_000));
    let list = format!("image:\n  {}x\n", "- ".repeat(10_000));
    // A megabyte allows no more than a thousand levels of blocks.
    let block: String = (0..1_000).fold("image:\n".to_owned(), |mut text, level| {
        let _ = writeln!(text, "{}a:", " ".repeat(level + 1));
        text
    });
    for text in [flow, mapping, list, block] {
        let error = bad(&text);
        let shown: String = text.chars().take(40).collect();
        assert!(
            matches!(
                error.kind,
                SpecErrorKind::Yaml(YamlErrorKind::TooComplex(_))
            ),
            "{shown}: {error}"
        );
        assert_eq!(
            error.message(),
            "the document is nested too deeply",
            "{shown}"
        );
        assert!(
            error.at.line > 4 && error.at.snippet.chars().count() <= 400,
            "{shown}"
        );
    }
}

#[test]
fn bad_103_duplicate_key() {
    let error = bad("image: { workdir: /a }\nimage: { workdir: /b }\n");
    assert_eq!(
        error.kind,
        SpecErrorKind::Yaml(YamlErrorKind::DuplicateKey {
            key: "image".into()
        })
    );
    assert_eq!((error.at.line, error.at.column, error.at.length), (6, 1, 5));
    let inner = bad("image:\n  env: { A: 1, B: 2, A: 3 }\n");
    assert_eq!(
        inner.kind,
        SpecErrorKind::Yaml(YamlErrorKind::DuplicateKey { key: "A".into() })
    );
    insta::assert_snapshot!(inner, @r"
    test.yaml:6:22: the key `A` stands here twice
      |
    6 |   env: { A: 1, B: 2, A: 3 }
      |                      ^
    help: keep one of them
    ");
}

#[test]
fn a_tag_for_binary_content_is_refused_as_every_other_one() {
    for value in ["\"-\"", "\"%%\"", "/w=="] {
        let error = bad(&format!("packages: [!!binary {value}]\n"));
        assert_eq!(error.message(), "the tag `!!binary` has no meaning here");
    }
}

#[test]
fn bad_103_unknown_key() {
    let error = bad("pakcages: [nginx]\n");
    let SpecErrorKind::Yaml(YamlErrorKind::UnknownKey { key, known }) = &error.kind else {
        panic!("{error}");
    };
    assert_eq!(key, "pakcages");
    assert!(known.contains(&"packages".to_owned()));
    insta::assert_snapshot!(error, @r"
    test.yaml:5:1: unknown key `pakcages`
      |
    5 | pakcages: [nginx]
      | ^^^^^^^^
    help: did you mean `packages`?
    ");
}

#[test]
fn bad_104_several_documents() {
    let error = bad("packages: [nginx]\n---\nname: other\n");
    assert_eq!(
        error.kind,
        SpecErrorKind::Yaml(YamlErrorKind::SeveralDocuments)
    );
    assert_eq!(error.at.line, 6);
    assert_eq!(error.at.snippet, "---");
}

#[test]
fn bad_104_custom_tag() {
    for tag in [
        "!ruby/object:Gem",
        "!include",
        "!!python/object/apply:os.system",
        "!!binary",
    ] {
        let error = bad(&format!("image: {{ workdir: {tag} /a }}\n"));
        assert_eq!(error.at.line, 5, "{error}");
        assert!(
            error.message().contains("tag") || tag == "!!binary",
            "{error}"
        );
    }
    let error = bad("packages: !set [nginx]\n");
    assert!(
        matches!(error.kind, SpecErrorKind::Yaml(YamlErrorKind::Tag(_))),
        "{error}"
    );
}

#[test]
fn bad_105_typing_of_no_0777_and_1_10() {
    // Where text belongs, a scalar is the text that stands there.
    let spec = good(
        "image: { env: { A: no, B: 0777, C: 1.10, D: .5, E: 0x10, F: 1e3, G: 12:30:45, H: 1_000 } }\n",
    );
    let env: Vec<&str> = spec.image.env.values().map(String::as_str).collect();
    assert_eq!(
        env,
        [
            "no", "0777", "1.10", ".5", "0x10", "1e3", "12:30:45", "1_000"
        ]
    );
    let spec = good("packages: [{ name: a, version: 1.10 }]\n");
    assert_eq!(spec.packages[0].to_string(), "a (= 1.10)");
    // Where a name belongs, `no` and `on` are names.
    let spec = good("packages: [no, { name: on }]\nimage: { entrypoint: [yes, off] }\n");
    assert_eq!(spec.packages[0].name.as_str(), "no");
    assert_eq!(spec.packages[1].name.as_str(), "on");
    assert_eq!(spec.image.entrypoint, ["yes", "off"]);
    // A mode without quotes is refused: nobody can know which base was meant.
    for mode in ["0777", "755", "0o755", "420"] {
        let error = bad(&format!(
            "files: [{{ path: /a, type: directory, mode: {mode} }}]\n"
        ));
        assert!(
            error.help.as_ref().is_some_and(|h| h.contains("\"0644\"")),
            "{error}"
        );
        assert_eq!(error.at.line, 5, "{error}");
    }
    let spec = good("files: [{ path: /a, type: directory, mode: \"0777\" }]\n");
    assert_eq!(spec.files[0].mode.map(mikron_spec::Mode::bits), Some(0o777));
    // A number with a leading zero is octal to some and decimal to others.
    let error = bad("accounts: { users: [{ name: a, uid: 0101 }] }\n");
    assert_eq!(error.message(), "`0101` is not a user or group id");
}

#[test]
fn bad_105_null_where_text_belongs() {
    let error = bad("image: { env: { EMPTY: } }\n");
    insta::assert_snapshot!(error, @r"
    test.yaml:5:22: text is expected here, not nothing
      |
    5 | image: { env: { EMPTY: } }
      |                      ^
    help: write '' for empty text
    ");
}

#[test]
fn bad_106_spec_of_more_than_a_mebibyte() {
    let text = format!("{HEAD}# {}\n", "x".repeat(1 << 20));
    let error = parse(&text).unwrap_err();
    let SpecErrorKind::TooLarge(exceeded) = &error.kind else {
        panic!("{error}");
    };
    assert_eq!((exceeded.limit, exceeded.allowed), ("spec", 1 << 20));
    assert_eq!((error.at.line, error.at.snippet.as_str()), (0, ""));
    // The limit is the caller's.
    let limits = Limits {
        spec: 10,
        ..Limits::default()
    };
    assert!(Spec::parse("a", HEAD, &limits).is_err());
    let limits = Limits {
        spec: 2 << 20,
        ..Limits::default()
    };
    assert!(Spec::parse("a", &text, &limits).is_ok());
}

fn forbidden(policy: &Policy, rest: &str) -> String {
    let text = format!("mikron: 1\nname: test\n{rest}");
    let spec = parse(&text).unwrap_or_else(|error| panic!("{error}"));
    match policy.check(&spec, &Document::new("test.yaml", &text)) {
        Ok(()) => String::new(),
        Err(error) => {
            assert!(matches!(error.kind, SpecErrorKind::Forbidden(_)), "{error}");
            format!("{}:{} {}", error.at.line, error.at.column, error.message())
        }
    }
}

#[test]
fn bad_107_paths_outside_the_tree_of_the_spec() {
    let policy = Policy {
        serving: false,
        root: Some("/srv/specs".into()),
    };
    let from = |path: &str| {
        forbidden(
            &policy,
            &format!("files:\n  - path: /a\n    from: {path}\n"),
        )
    };
    for path in ["../secret", "/etc/shadow", "a/../../b", "./../x"] {
        let expected = format!("5:11 `{path}` lies outside the spec's directory");
        assert_eq!(from(path), expected);
    }
    for path in ["a", "a/../b", "./a/b", "..a"] {
        assert_eq!(from(path), "");
    }
    let source = |keys: &str, url: &str| {
        let text = format!("sources:\n  s: {{ deb: '{url}', suite: ./, keys: [{keys}] }}\n");
        forbidden(&policy, &text)
    };
    assert!(source("../k.asc", "https://example.org/").contains("`../k.asc` lies outside"));
    assert!(source("k.asc", "file:../repo").contains("`file:../repo` lies outside"));
    assert!(source("k.asc", "file:///srv/repo").contains("lies outside"));
    assert_eq!(source("k.asc", "file:repo"), "");
    // Without a root, a spec is its author's own business.
    let free = Policy::default();
    assert_eq!(forbidden(&free, "files: [{ path: /a, from: ../b }]\n"), "");
}

#[test]
fn bad_107_link_out_of_the_root() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let outside = tempfile::NamedTempFile::new().expect("a temporary file");
    std::os::unix::fs::symlink(outside.path(), root.path().join("link")).expect("a link");
    std::fs::write(root.path().join("file"), "").expect("a file");
    let policy = Policy {
        serving: false,
        root: Some(root.path().to_owned()),
    };
    assert!(policy.resolve(root.path(), "file").is_ok());
    let error = policy.resolve(root.path(), "link").unwrap_err();
    assert!(
        error.to_string().contains("leads out of that directory"),
        "{error}"
    );
    assert!(policy.resolve(root.path(), "missing").is_err());
    assert!(Policy::default().resolve(root.path(), "link").is_ok());
}

#[test]
fn bad_107_extends_that_is_no_list_of_names() {
    for (text, at) in [
        ("extends: web.yaml\n", (5, 10)),
        ("extends: [~]\n", (5, 11)),
        ("extends: [{ a: b }]\n", (5, 11)),
        ("extends: [web.yaml]\n", (5, 11)),
        ("extends: [builtin/nothing]\n", (5, 11)),
    ] {
        let error = bad(text);
        assert_eq!((error.at.line, error.at.column), at, "{error}");
    }
}

#[test]
fn bad_108_local_addresses_when_serving() {
    let policy = Policy {
        serving: true,
        root: None,
    };
    let check = |url: &str| {
        let text =
            format!("sources:\n  s:\n    deb: '{url}'\n    suite: ./\n    allow: [unsigned]\n");
        forbidden(&policy, &text)
    };
    for url in ["file:///srv/repo", "file:repo", "file://localhost/x"] {
        assert_eq!(
            check(url),
            "5:10 local files cannot be a source here",
            "{url}"
        );
    }
    for host in [
        "169.254.169.254",
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "100.64.0.1",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "repo",
        "a.localhost",
        "metadata.google.internal",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "localhost.",
        "[::]",
        "[ff02::1]",
        "255.255.255.255",
        "198.18.0.1",
        "LOCALHOST",
        "printer.local",
    ] {
        let message = check(&format!("http://{host}:80/debian"));
        assert!(
            message.contains("is not a public address"),
            "{host}: {message}"
        );
    }
    assert!(check("http://user:secret@example.org/").contains("credentials"));
    assert!(!check("http://user:secret@example.org/").contains("secret"));
    for host in [
        "example.org",
        "8.8.8.8",
        "[2606:4700::1]",
        "deb.example.org:8080",
    ] {
        assert_eq!(check(&format!("https://{host}/debian")), "", "{host}");
    }
    let mirrors = "sources:\n  s: { deb: bookworm, mirrors: { debian: 'http://10.0.0.1/' } }\n";
    assert_eq!(
        forbidden(&policy, mirrors),
        "4:42 `10.0.0.1` is not a public address"
    );
}

#[test]
fn bad_109_uid_minus_one() {
    for id in ["-1", "4294967295", "4294967296", "1.5", "+1"] {
        let error = bad(&format!(
            "accounts:\n  users:\n    - {{ name: a, uid: {id} }}\n"
        ));
        assert_eq!(error.message(), format!("`{id}` is not a user or group id"));
        assert_eq!((error.at.line, error.at.column), (7, 23), "{error}");
        let error = bad(&format!(
            "files: [{{ path: /a, type: directory, owner: {id} }}]\n"
        ));
        assert_eq!(error.message(), format!("`{id}` is not a user or group id"));
        assert!(with_head(&format!("run-as: '{id}:0'\n")).is_err());
    }
    assert!(with_head("run-as: 4294967294\n").is_ok());
}

#[test]
fn no_prefix_of_an_example_makes_the_parser_panic() {
    for (name, text) in common::examples() {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            if let Err(error) = Spec::parse(&name, &text[..end], &Limits::default()) {
                assert!(!error.message().is_empty());
                assert!(error.to_string().starts_with(&name));
            }
        }
    }
}

#[test]
fn control_characters_never_reach_a_message() {
    let error = bad("packages: [\"a\\e[31m\\u0001b\"]\n");
    assert!(!error.message().contains(char::is_control), "{error:?}");
    let error = bad("\"\\e[31m\": 1\n");
    assert!(!error.message().contains(char::is_control), "{error:?}");
}

#[test]
fn the_offending_line_is_shown_whatever_ends_lines() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("{HEAD}pakcages: [nginx]\n").replace('\n', end);
        let error = parse(&text).unwrap_err();
        assert_eq!((error.at.line, error.at.column), (5, 1));
        assert_eq!(error.at.snippet, "pakcages: [nginx]");
    }
}
