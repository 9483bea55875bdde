//! Specs that extend others, with variants and parameters, on the command line.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use common::{Home, SPEC};

fn home() -> Home {
    let home = Home::new();
    home.write("base.yaml", SPEC);
    let spec = "mikron: 1\nextends: [base.yaml]\nparams: { WHO: root }\nrun-as: ${WHO}\nvariants:\n  nonroot: { run-as: nonroot }\n";
    home.write("greet.yaml", spec);
    home
}

#[test]
fn one_build_makes_all_variants_and_says_so() {
    let home = home();
    let said = home.run(&["-q", "build", "greet.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for line in [
        "written to oci:./out/greet:latest",
        "written to oci:./out/greet:nonroot",
    ] {
        assert!(said.out.contains(line), "{}", said.out);
    }
    let run = home.run(&["-q", "build", "greet.yaml", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["variants"][0]["variant"], "nonroot");
    assert_ne!(report["variants"][0]["digest"], report["digest"]);
    let wrong = |option: &str, value: &str| {
        let run = home.run(&["-q", "build", "greet.yaml", option, value]);
        assert_eq!(run.code, 1, "{}", run.err);
        run.err
    };
    assert!(wrong("--variant", "nonrot").contains("did you mean `nonroot`?"));
    assert!(wrong("--param", "WHOM=nonroot").contains("did you mean `WHO`?"));
    assert!(wrong("-o", "docker:all.tar").contains("--variant NAME"));
}

#[test]
fn a_flat_spec_says_of_each_line_where_it_comes_from() {
    let home = home();
    let flat = home.run(&[
        "inspect",
        "greet.yaml",
        "--resolved",
        "--param",
        "WHO=nonroot",
    ]);
    assert_eq!(flat.code, 0, "{}", flat.err);
    let line = flat.out.lines().find(|line| line.starts_with("run-as"));
    assert!(
        line.is_some_and(
            |line| line.starts_with("run-as: nonroot ") && line.ends_with("# greet.yaml:4")
        ),
        "{}",
        flat.out
    );
    assert!(flat.out.contains("# base.yaml:"), "{}", flat.out);
}

#[test]
fn specs_that_come_with_the_product_are_printed_and_listed() {
    let home = Home::new();
    let list = home.run(&["schema", "--builtin"]).out;
    assert!(list.lines().any(|line| line == "builtin/nginx"), "{list}");
    for name in list.lines() {
        let text = home.run(&["schema", "--builtin", name]).out;
        assert_eq!(
            Some(text.as_str()),
            mikron::spec::builtin(name.trim_start_matches("builtin/"))
        );
    }
    let wrong = home.run(&["schema", "--builtin", "ngnix"]);
    assert!(
        wrong.code == 1 && wrong.err.contains("did you mean `nginx`?"),
        "{}",
        wrong.err
    );
}
