//! Variants, parameters, specs in parts, and the specs that come with the product.

mod common;

use std::sync::OnceLock;

use common::Shelf;
use mikron_spec::{Spec, builtin, builtins};
use proptest::prelude::*;

const HEAD: &str = "mikron: 1\nname: web\nsources: { debian: { deb: bookworm } }\n";

fn variants(rest: &str) -> Vec<(String, Spec)> {
    let shelf = Shelf::of(&[("web.yaml", format!("{HEAD}{rest}"))]);
    let specs = shelf
        .read("web.yaml")
        .unwrap_or_else(|error| panic!("{error}"));
    specs
        .variants
        .into_iter()
        .map(|(name, draft)| (name, draft.spec))
        .collect()
}

#[test]
fn a_variant_is_the_spec_with_a_part_on_top() {
    let all = variants(
        "packages: [nginx]\nrun-as: root\nvariants:\n  debug: { packages: [busybox] }\n  nonroot: { run-as: nonroot }\n  both: { extends: [debug, nonroot], image: { workdir: /x } }\n",
    );
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["debug", "nonroot", "both"]);
    let packages = |at: usize| all[at].1.packages.len();
    let users: Vec<String> = all
        .iter()
        .filter_map(|(_, spec)| spec.run_as.clone())
        .map(|user| user.to_string())
        .collect();
    assert_eq!((packages(0), packages(1), packages(2)), (2, 1, 2));
    assert_eq!(users, ["root", "nonroot", "nonroot"]);
    assert_eq!(all[2].1.image.workdir.to_string(), "/x");
}

#[test]
fn a_variant_takes_away_what_the_spec_has() {
    let all = variants(
        "packages: [nginx]\nrun-as: root\nimage: { workdir: /x, env: { A: b } }\nvariants:\n  less: { run-as: ~, packages: [~, bash], image: { env: ~ } }\n  more: { extends: [less], packages: [vim] }\n",
    );
    for (name, packages) in [("less", 1), ("more", 2)] {
        let (_, spec) = all.iter().find(|(other, _)| other == name).unwrap();
        assert_eq!(spec.packages.len(), packages, "{name}");
        assert!(spec.run_as.is_none() && spec.image.env.is_empty(), "{name}");
        assert_eq!(spec.image.workdir.to_string(), "/x", "{name}");
    }
}

#[test]
fn variants_are_inherited_and_go_together_as_specs_do() {
    let base = format!(
        "{HEAD}variants:\n  debug: {{ packages: [busybox], run-as: nonroot }}\n  other: {{ select: full }}\n"
    );
    let web = "extends: [base.yaml]\nvariants: { debug: { packages: [bash], run-as: ~ }, other: ~, more: { extends: [debug] } }\n";
    let shelf = Shelf::of(&[("base.yaml", base.as_str()), ("web.yaml", web)]);
    let specs = shelf
        .read("web.yaml")
        .unwrap_or_else(|error| panic!("{error}"));
    let all: Vec<(&str, usize, bool)> = specs
        .variants
        .iter()
        .map(|(name, draft)| {
            (
                name.as_str(),
                draft.spec.packages.len(),
                draft.spec.run_as.is_some(),
            )
        })
        .collect();
    assert_eq!(all, [("debug", 2, false), ("more", 2, false)]);
    let none = Shelf::of(&[
        ("base.yaml", base.as_str()),
        ("web.yaml", "extends: [base.yaml]\nvariants: ~\n"),
    ]);
    assert_eq!(
        none.read("web.yaml").map(|specs| specs.variants.len()),
        Ok(0)
    );
}

#[test]
fn a_parameter_has_its_default_a_value_from_below_or_from_outside() {
    let base = format!(
        "params: {{ USER: root, WHERE: ~ }}\n{HEAD}run-as: ${{USER}}\nimage: {{ workdir: \"/${{WHERE:-here}}\", env: {{ A: \"$${{USER}} $USER $\", \"${{USER}}\": x }} }}\n"
    );
    let script = "files: [{ path: /run.sh, text: \"echo ${HOME} ${USER:-x}\" }]\n";
    let web = format!("extends: [base.yaml]\n{script}");
    let declaring = "extends: [base.yaml]\nparams: { USER: nonroot }\n".to_owned();
    let shelf = Shelf::of(&[
        ("base.yaml", base),
        ("web.yaml", web),
        ("declaring.yaml", declaring),
    ]);
    let read = |file: &str, params: &[(&str, &str)]| {
        let specs = shelf
            .read_with(file, params)
            .unwrap_or_else(|error| panic!("{error}"));
        let spec = specs.plain.spec;
        (
            spec.run_as
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            spec.image.workdir.to_string(),
            spec,
        )
    };
    let (user, workdir, spec) = read("web.yaml", &[]);
    assert_eq!((user.as_str(), workdir.as_str()), ("root", "/here"));
    assert_eq!(spec.image.env["A"], "${USER} $USER $");
    // Keys stay, and what declares no parameters is taken as it is.
    assert_eq!(spec.image.env["${USER}"], "x");
    assert!(
        matches!(&spec.files[0].content, mikron_spec::FileContent::Text(text) if text == "echo ${HOME} ${USER:-x}")
    );
    assert_eq!(read("declaring.yaml", &[]).0, "nonroot");
    assert_eq!(
        read("declaring.yaml", &[("USER", "65534"), ("WHERE", "a")]).0,
        "65534"
    );
    assert_eq!(read("web.yaml", &[("WHERE", "a")]).1, "/a");
    let error = shelf.read_with("web.yaml", &[("USERS", "x")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "web.yaml: there is no parameter `USERS`\nhelp: did you mean `USER`?"
    );
    let unused = Shelf::of(&[("web.yaml", format!("{HEAD}params: {{ A: b }}\n"))]);
    let error = unused.read_with("web.yaml", &[("A", "c")]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("web.yaml: nothing uses the parameter `A`"),
        "{error}"
    );
    let none = Shelf::of(&[("web.yaml", HEAD)]);
    assert!(none.read_with("web.yaml", &[("A", "c")]).is_err());
}

#[test]
fn every_builtin_reads_with_its_flavours_for_both_releases_and_names_no_file() {
    let mut bases = 0;
    for name in builtins() {
        let text = builtin(name).expect("a builtin");
        assert!(text.lines().count() <= 25, "{name}");
        assert!(text.starts_with("# "), "{name}");
        if name == "flavours" {
            continue;
        }
        bases += 1;
        for suite in ["bookworm", "trixie"] {
            let web =
                format!("mikron: 1\nextends: [builtin/{name}]\nparams: {{ SUITE: {suite} }}\n");
            let shelf = Shelf::of(&[("web.yaml", web)]);
            let specs = shelf
                .read("web.yaml")
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(specs.plain.spec.name, name);
            assert!(specs.plain.spec.to_yaml().contains(suite), "{name}");
            let variants: Vec<&str> = specs
                .variants
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            assert_eq!(variants, ["nonroot", "debug", "debug-nonroot"], "{name}");
            let nonroot = &specs.variants[2].1.spec;
            assert_eq!(
                nonroot.run_as.as_ref().map(ToString::to_string).as_deref(),
                Some("nonroot"),
                "{name}"
            );
            for file in &nonroot.files {
                assert!(
                    !matches!(file.content, mikron_spec::FileContent::From(_)),
                    "{name}"
                );
            }
        }
    }
    assert_eq!(bases, 15);
}

/// A spec whose parts can be told apart: keys, entries of mappings, items of lists.
fn whole() -> Vec<String> {
    let mut parts: Vec<String> = [
        "name: web",
        "select: package",
        "strict: true",
        "run-as: app",
        "sources: { debian: { deb: bookworm } }",
        "sources: { debian: { priority: 900 } }",
        "sources: { vendor: { deb: 'https://example.org', suite: stable, keys: [a.asc] } }",
        "image: { entrypoint: [/a, b, b], cmd: [c] }",
        "image: { workdir: /x }",
        "layers: { limit: 3 }",
        "layers: { strategy: single }",
        "platforms: [linux/arm64, linux/amd64]",
        "accounts: { users: [{ name: app, uid: 7 }] }",
        "accounts: { groups: [{ name: web, gid: 9, members: [app] }] }",
        "variants: { a: { run-as: root } }",
        "variants: { b: { extends: [a], select: full } }",
    ]
    .map(str::to_owned)
    .into();
    for i in 0..4 {
        parts.push(format!(
            "image: {{ env: {{ V{i}: '{i}' }}, labels: {{ l{i}: x }} }}"
        ));
        parts.push(format!("packages: [p{i}]"));
        parts.push(format!("files: [{{ path: /f{i}, text: '{i}' }}]"));
        parts.push(format!("image: {{ ports: [{}] }}", 80 + i));
        parts.push(format!("with: [w{i}]"));
    }
    parts
}

/// What a spec says, whatever order it says it in.
fn said(mut spec: Spec) -> String {
    spec.packages.sort_by_key(ToString::to_string);
    spec.files.sort_by_key(|file| file.path.to_string());
    spec.with.sort();
    spec.image.ports.sort_by_key(ToString::to_string);
    spec.to_yaml()
}

/// The spec of some files and its variants, whatever order they say things in.
fn outcome(files: &[(String, String)]) -> (String, Vec<(String, String)>) {
    let specs = Shelf::of(files)
        .read("web.yaml")
        .unwrap_or_else(|error| panic!("{error}"));
    let variants = specs
        .variants
        .into_iter()
        .map(|(name, draft)| (name, said(draft.spec)));
    let mut variants: Vec<(String, String)> = variants.collect();
    variants.sort();
    (said(specs.plain.spec), variants)
}

/// What comes of the parts in their order.
fn reference() -> &'static (String, Vec<(String, String)>) {
    static REFERENCE: OnceLock<(String, Vec<(String, String)>)> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let parts = whole();
        let straight: Vec<String> = (0..parts.len())
            .map(|number| format!("{number}.yaml"))
            .collect();
        let each = parts
            .iter()
            .enumerate()
            .map(|(number, part)| (format!("{number}.yaml"), format!("mikron: 1\n{part}\n")));
        let mut files: Vec<(String, String)> = each.collect();
        files.push((
            "web.yaml".to_owned(),
            format!("extends: [{}]\n", straight.join(", ")),
        ));
        outcome(&files)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spec_that_is_split_comes_together_again_in_any_order(
        at in prop::collection::vec(0..6_usize, 36),
        order in Just([0, 1, 2, 3, 4, 5]).prop_shuffle(),
        nested in any::<bool>(),
    ) {
        let parts = whole();
        let mut files: Vec<(String, String)> = Vec::new();
        for file in 0..6 {
            // Parts that say something of one key stand in files of their own.
            for (number, part) in parts.iter().enumerate().filter(|(number, _)| at[*number] == file) {
                files.push((format!("{file}-{number}.yaml"), format!("mikron: 1\n{part}\n")));
            }
            let of_file: Vec<String> = files.iter().map(|(name, _)| name.clone()).filter(|name| name.starts_with(&format!("{file}-"))).collect();
            let next = if nested && file > 0 { format!(", {}.yaml", file - 1) } else { String::new() };
            let list = of_file.join(", ") + &next;
            files.push((format!("{file}.yaml"), format!("mikron: 1\nextends: [{}]\n", list.trim_start_matches(", "))));
        }
        let top: Vec<String> = order.iter().map(|file| format!("{file}.yaml")).collect();
        files.push(("web.yaml".to_owned(), format!("extends: [{}]\n", top.join(", "))));
        prop_assert_eq!(&outcome(&files), reference());
    }
}
