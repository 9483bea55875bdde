//! Specs that extend others: the rule of every key, paths, chains, and errors at the ancestor's place.

mod common;

use common::Shelf;
use mikron_spec::{Spec, SpecError};

/// The head of every spec of these tests.
const HEAD: &str = "mikron: 1\nname: web\nsources:\n  debian: { deb: bookworm }\n";

/// A spec, which is compared with the YAML of one without the head.
#[derive(Debug)]
struct Merged(Spec);

impl<T: AsRef<str>> PartialEq<T> for Merged {
    fn eq(&self, other: &T) -> bool {
        common::parse(&format!("{HEAD}{}", other.as_ref())).as_ref() == Ok(&self.0)
    }
}

/// What comes of a spec with `after` that extends one with `before`.
fn merged(before: &str, after: &str) -> Merged {
    let spec = Shelf::of(&[
        ("base.yaml", &format!("{HEAD}{before}")),
        ("web.yaml", &format!("extends: [base.yaml]\n{after}")),
    ])
    .spec("web.yaml");
    Merged(spec.unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn one_value_takes_the_place_of_another_and_null_leaves_the_default() {
    for (key, one, other) in [
        ("select", "package", "full"),
        ("strict", "true", "~"),
        ("run-as", "nonroot", "root"),
        ("package-database", "false", "~"),
    ] {
        let before = format!("{key}: {one}\n");
        assert_eq!(merged(&before, ""), before);
        if other != "~" {
            assert_eq!(
                merged(&before, &format!("{key}: {other}\n")),
                format!("{key}: {other}\n")
            );
        }
        assert_eq!(merged(&before, &format!("{key}: ~\n")), "", "{key}");
        assert_eq!(merged(&before, &format!("{key}:\n")), "", "{key}");
    }
    let spec =
        |after: &str| Shelf::of(&[("base.yaml", HEAD), ("web.yaml", after)]).spec("web.yaml");
    assert_eq!(
        spec("extends: [base.yaml]\nname: other\n").map(|spec| spec.name),
        Ok("other".to_owned())
    );
    assert_eq!(
        spec("extends: [base.yaml]\nkind: build\n").map(|spec| spec.kind),
        Ok(mikron_spec::Kind::Build)
    );
}

#[test]
fn lists_append_each_item_once_where_it_stands_last() {
    for key in ["definitions", "rules", "installation", "with", "remove"] {
        let before = format!("{key}: [/a, /b]\n");
        let appended = format!("{key}:\n  - /a\n  - /b\n  - /c\n");
        assert_eq!(merged(&before, &format!("{key}: [/c]\n")), appended);
        let again = format!("{key}:\n  - /b\n  - /c\n  - /a\n");
        assert_eq!(merged(&before, &format!("{key}: [/c, /a]\n")), again);
        assert_eq!(merged(&before, &format!("{key}: ~\n")), "");
        assert_eq!(
            merged(&before, &format!("{key}: [~, /c]\n")),
            format!("{key}:\n  - /c\n")
        );
    }
    assert_eq!(
        merged("without: [a]\n", "without: [b]\n"),
        "without:\n  - a\n  - b\n"
    );
    assert_eq!(
        merged(
            "definitions: [{ chisel: /x }]\n",
            "definitions: [{ chisel: /x }]\n"
        ),
        "definitions:\n  - chisel: /x\n"
    );
    assert_eq!(merged("rules: [/a]\n", "rules: none\n"), "rules: none\n");
    assert_eq!(merged("rules: none\n", "rules: [/a]\n"), "rules:\n  - /a\n");
}

#[test]
fn a_package_that_is_named_again_is_asked_for_as_it_was_named_last() {
    assert_eq!(
        merged("packages: [nginx]\n", "packages: [curl]\n"),
        "packages:\n  - nginx\n  - curl\n"
    );
    let version = "packages: [curl, { name: nginx, version: '>= 1.22' }]\n";
    assert_eq!(
        merged("packages: [nginx, curl]\n", version),
        "packages:\n  - curl\n  - name: nginx\n    version: \">= 1.22\"\n"
    );
    assert_eq!(
        merged(
            "packages: [{ name: a, source: debian }]\n",
            "packages: [a]\n"
        ),
        "packages:\n  - a\n"
    );
    let parts = "packages: [{ name: nginx, capabilities: [licences] }, nginx]\n";
    assert_eq!(
        merged("packages: ['nginx:licences']\n", parts),
        "packages:\n  - \"nginx:licences\"\n  - nginx\n"
    );
    assert_eq!(merged("packages: [nginx]\n", "packages: ~\n"), "");
    assert_eq!(
        merged("packages: [nginx]\n", "packages: [~, curl]\n"),
        "packages:\n  - curl\n"
    );
}

#[test]
fn of_two_files_at_one_path_and_two_accounts_of_one_name_there_is_the_later_whole() {
    let before = "files:\n  - { path: /a, text: one, owner: '1' }\n  - { path: /b, text: two }\n";
    assert_eq!(
        merged(before, "files: [{ path: /a, target: /c }]\n"),
        "files:\n  - path: /b\n    text: two\n  - path: /a\n    type: symlink\n    target: /c\n"
    );
    let before = "accounts: { users: [{ name: a, uid: 1, comment: x }], groups: [{ name: g, gid: 5, members: [a] }] }\n";
    let after = "accounts: { users: [{ name: a, uid: 2 }], groups: [{ name: g, gid: 6 }, { name: h, gid: 7 }] }\n";
    let accounts = "accounts: { users: [{ name: a, uid: 2 }], groups: [{ name: g, gid: 6 }, { name: h, gid: 7 }] }\n";
    assert_eq!(merged(before, after), accounts);
}

#[test]
fn mappings_merge_and_null_takes_out_one_key() {
    let before = "image: { env: { A: '1', B: '2' }, labels: { l: x }, ports: [80], workdir: /a }\n";
    let after =
        "image: { env: { B: '3', A: ~, C: '4' }, labels: ~, ports: [443], stop-signal: SIGQUIT }\n";
    assert_eq!(
        merged(before, after),
        "image:\n  env:\n    B: \"3\"\n    C: \"4\"\n  workdir: /a\n  ports:\n    - 80/tcp\n    - 443/tcp\n  stop-signal: SIGQUIT\n"
    );
    assert_eq!(
        merged(
            "layers: { limit: 5, strategy: single }\n",
            "layers: { limit: 6 }\n"
        ),
        "layers:\n  strategy: single\n  limit: 6\n"
    );
    assert_eq!(
        merged(
            "file-capabilities: { /a: cap_net_raw+ep, /b: cap_net_raw+ep }\n",
            "file-capabilities: { /a: ~ }\n"
        ),
        "file-capabilities:\n  /b: cap_net_raw+ep\n"
    );
    // With nothing inherited there is nothing to take out.
    assert_eq!(merged("", "image: { env: { A: ~ } }\n"), "");
}

#[test]
fn a_command_line_and_the_platforms_are_one_value() {
    assert_eq!(
        merged(
            "image: { entrypoint: [/a, -b], cmd: [c] }\n",
            "image: { entrypoint: [/d], cmd: [e, e] }\n"
        ),
        "image:\n  entrypoint:\n    - /d\n  cmd:\n    - e\n    - e\n"
    );
    assert_eq!(
        merged("platforms: [linux/amd64]\n", "platforms: [linux/arm64]\n"),
        "platforms:\n  - linux/arm64\n"
    );
}

#[test]
fn sources_merge_by_name_and_key() {
    let before = "  vendor: { deb: 'https://example.org', suite: stable, keys: [/a.asc] }\n";
    let after = "sources: { vendor: { priority: 900, keys: [/b.asc] }, debian: ~ }\n";
    let spec = Shelf::of(&[
        ("base.yaml", &format!("{HEAD}{before}")),
        ("web.yaml", &format!("extends: [base.yaml]\n{after}")),
    ]);
    let spec = spec
        .spec("web.yaml")
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(spec.sources.len(), 1);
    assert_eq!(spec.sources["vendor"].priority, Some(900));
    assert_eq!(spec.sources["vendor"].keys, ["/a.asc", "/b.asc"]);
}

#[test]
fn paths_are_those_of_the_file_that_names_them() {
    let base = "mikron: 1\nsources:\n  s: { deb: 'file:repo', suite: ./, keys: [k.asc], ca: [/ca.pem] }\n\
        definitions: [d, { chisel: c }]\nrules: [./r.yaml]\ninstallation: [../i.yaml]\ncertificates: [ca.pem]\n\
        files: [{ path: /a, from: a }, { path: /b, text: from }]\nextends: [more/part.yaml]\n";
    let shelf = Shelf::of(&[
        ("images/../bases/base.yaml", base),
        (
            "images/../bases/more/part.yaml",
            "mikron: 1\nfiles: [{ path: /c, from: c }]\nrules: [s.yaml]\n",
        ),
        (
            "images/web.yaml",
            "mikron: 1\nname: web\nextends: [../bases/base.yaml]\nfiles: [{ path: /d, from: d }]\n",
        ),
    ]);
    let yaml = shelf
        .spec("images/web.yaml")
        .unwrap_or_else(|error| panic!("{error}"))
        .to_yaml();
    for path in [
        "deb: file:../bases/repo",
        "- ../bases/k.asc",
        "- ../bases/ca.pem",
        "- /ca.pem",
        "- ../bases/d\n",
        "chisel: ../bases/c",
        "- ../bases/r.yaml",
        "- ../bases/../i.yaml",
        "from: ../bases/a",
        "text: from",
        "from: ../bases/more/c",
        "- ../bases/more/s.yaml",
        "from: d",
    ] {
        assert!(yaml.contains(path), "{path}\n{yaml}");
    }
}

#[test]
fn a_chain_of_ten_is_put_together_from_its_end() {
    let files: Vec<(String, String)> = (0..10)
        .map(|i| {
            let extends = if i < 9 {
                format!("extends: [{}.yaml]\n", i + 1)
            } else {
                HEAD.to_owned()
            };
            (
                format!("{i}.yaml"),
                format!(
                    "{extends}image: {{ env: {{ LAST: '{i}', V{i}: x }}, ports: [{}] }}\n",
                    80 + i
                ),
            )
        })
        .collect();
    let spec = Shelf::of(&files)
        .spec("0.yaml")
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(spec.image.env["LAST"], "0");
    assert_eq!(spec.image.env.len(), 11);
    let ports: Vec<u16> = spec.image.ports.iter().map(|port| port.number).collect();
    assert_eq!(ports, [89, 88, 87, 86, 85, 84, 83, 82, 81, 80]);
}

#[test]
fn what_is_reached_twice_counts_once_where_it_is_reached_first() {
    let shelf = Shelf::of(&[
        (
            "base.yaml",
            format!("{HEAD}select: package\nimage: {{ ports: [80] }}\n"),
        ),
        ("a.yaml", "extends: [base.yaml]\nselect: full\n".to_owned()),
        (
            "b.yaml",
            "extends: [./base.yaml]\nimage: { ports: [443] }\n".to_owned(),
        ),
        ("web.yaml", "extends: [a.yaml, b.yaml]\n".to_owned()),
    ]);
    let spec = shelf
        .spec("web.yaml")
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(spec.select, Some(mikron_spec::Select::Full));
    assert_eq!(spec.image.ports.len(), 2);
    // Of two that say something of one key the later wins.
    let shelf = Shelf::of(&[
        ("base.yaml", HEAD),
        ("a.yaml", "select: full\n"),
        ("b.yaml", "select: package\n"),
        ("web.yaml", "extends: [base.yaml, a.yaml, b.yaml]\n"),
    ]);
    assert_eq!(
        shelf.spec("web.yaml").map(|spec| spec.select),
        Ok(Some(mikron_spec::Select::Package))
    );
}

fn error(files: &[(&str, &str)]) -> SpecError {
    match Shelf::of(files).spec(files[0].0) {
        Ok(spec) => panic!("accepted: {spec:?}"),
        Err(error) => error,
    }
}

#[test]
fn errors_stand_at_the_place_in_the_file_at_fault() {
    let cases: &[&[(&str, &str)]] = &[
        &[
            ("web.yaml", "extends: [base.yaml]\n"),
            ("base.yaml", "mikron: 1\nname: web\npackges: []\n"),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\n"),
            ("base.yaml", "mikron: 1\nname: web\nname: web\n"),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\n"),
            ("base.yaml", "mikron: 2\nfuture: key\n"),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\n"),
            ("base.yaml", "mikron: 1\nname: web\nimage: { env: [a] }\n"),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\n"),
            ("base.yaml", "mikron: 1\nname: web\nimage:\n  colour: red\n"),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\n"),
            (
                "base.yaml",
                "mikron: 1\nname: web\nfiles:\n  - path: /a\n    mode: 0644\n    text: x\n",
            ),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\n"),
            (
                "base.yaml",
                "mikron: 1\nname: web\nfiles:\n  - { path: /b, text: x }\n  - { path: /a }\n",
            ),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\n"),
            (
                "base.yaml",
                "mikron: 1\nname: web\nfiles: [{ pth: /a, text: x }]\n",
            ),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\nname: web\n"),
            (
                "base.yaml",
                "mikron: 1\nsources: { debian: { deb: bookworm } }\npackages:\n  - { name: a, source: debain }\n",
            ),
        ],
        &[
            (
                "web.yaml",
                "extends: [base.yaml]\nsources: { debian: { suite: x } }\n",
            ),
            (
                "base.yaml",
                "mikron: 1\nname: web\nsources: { debian: { deb: bookworm } }\n",
            ),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\nrun-as: app\n"),
            ("base.yaml", "mikron: 1\nname: web\n"),
        ],
        &[
            ("web.yaml", "extends: [base.yaml]\nname: ~\n"),
            ("base.yaml", "mikron: 1\nname: web\n"),
        ],
        &[
            ("web.yaml", "name: web\nextends: [base.yaml]\n"),
            ("base.yaml", "select: full\n"),
        ],
        &[("web.yaml", "mikron: 1\nname: web\nextends: [gone.yaml]\n")],
        &[
            ("web.yaml", "extends: [base.yaml]\n"),
            ("base.yaml", "extends:\n  - deeper.yaml\n"),
            ("deeper.yaml", "extends: [web.yaml]\n"),
        ],
        &[("web.yaml", "extends: [web.yaml]\n")],
        &[("web.yaml", "extends: base.yaml\n")],
    ];
    let shown: Vec<String> = cases.iter().map(|case| error(case).to_string()).collect();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("messages_about_ancestors", shown.join("\n\n"));
    });
}

#[test]
fn a_chain_that_is_too_long_and_too_many_files_are_refused() {
    let long: Vec<(String, String)> = (0..20)
        .map(|i| (format!("{i}.yaml"), format!("extends: [{}.yaml]\n", i + 1)))
        .collect();
    let error = Shelf::of(&long).spec("0.yaml").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("15.yaml:1:11: more than 16 specs extend each other: 0.yaml → 1.yaml"),
        "{error}"
    );
    let names: Vec<String> = (0..70).map(|i| format!("{i}.yaml")).collect();
    let mut wide: Vec<(String, String)> = names
        .iter()
        .map(|name| (name.clone(), "mikron: 1\n".to_owned()))
        .collect();
    wide.push((
        "web.yaml".to_owned(),
        format!("{HEAD}extends: [{}]\n", names.join(", ")),
    ));
    let error = Shelf::of(&wide).spec("web.yaml").unwrap_err();
    assert!(error.to_string().contains("at most 64 files"), "{error}");
}

#[test]
fn the_flat_spec_says_where_each_line_comes_from() {
    let base = "mikron: 1\nsources: { debian: { deb: bookworm } }\nfiles:\n  - path: /etc/motd\n    text: |\n      two\n      lines\nimage: { env: { A: no, B: 1.10 } }\n";
    let web = "name: web\nextends: [base.yaml]\nfiles: [{ path: /a, text: '', mode: \"0755\" }]\nimage:\n  env: { B: ~, C: '' }\n  ports: []\n";
    let shelf = Shelf::of(&[("base.yaml", base), ("web.yaml", web)]);
    let draft = shelf
        .read("web.yaml")
        .unwrap_or_else(|error| panic!("{error}"))
        .plain;
    let resolved = draft.text.resolved();
    insta::assert_snapshot!("resolved", resolved);
    let again = common::parse(&resolved).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, draft.spec);
}

#[test]
fn the_flat_spec_of_every_example_is_the_spec() {
    for (name, text) in common::examples() {
        let shelf = Shelf::of(&[(name.as_str(), text.as_str())]);
        let draft = shelf
            .read(&name)
            .unwrap_or_else(|error| panic!("{error}"))
            .plain;
        let resolved = draft.text.resolved();
        let again = common::parse(&resolved).unwrap_or_else(|error| panic!("{error}\n{resolved}"));
        assert_eq!(again, draft.spec, "{name}");
        // Extended by a spec that adds nothing it is the same, too.
        let shelf = Shelf::of(&[
            (name.as_str(), text.as_str()),
            ("x.yaml", &format!("extends: [{name}]\n")),
        ]);
        assert_eq!(shelf.spec("x.yaml"), Ok(draft.spec), "{name}");
    }
}

#[test]
fn a_spec_without_parts_reads_as_it_did() {
    let shelf = Shelf::of(&[(
        "web.yaml",
        "mikron: 1\nname: web\nimage: { env: { A: ~ } }\n",
    )]);
    let error = shelf.spec("web.yaml").unwrap_err();
    assert_eq!(
        (error.at.line, error.help.as_deref()),
        (3, Some("write '' for empty text"))
    );
}
