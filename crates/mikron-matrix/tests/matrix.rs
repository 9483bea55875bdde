//! The matrix over packages of a few files.

#[path = "../../mikron-select/tests/support/mod.rs"]
mod support;

use mikron_matrix::{Matrix, NeedState, Standing, State, explain_token, matrix, verify};
use mikron_select::{Role, Token, select};
use mikron_testkit::elf::ElfBuilder;

use support::{amd64, connect, deb, dependency, libc, package, program, root};

const LIB: &str = "/usr/lib/x86_64-linux-gnu";

fn closure(
    builders: Vec<mikron_select::PackageInput>,
) -> (Vec<mikron_select::PackageInput>, Matrix) {
    let mut inputs = builders;
    connect(&mut inputs);
    let wanted = amd64();
    let selection = select(&inputs, &wanted).expect("a selection");
    let violations = verify(&selection, &inputs, &wanted);
    let matrix = matrix(&selection, &inputs, &wanted, &violations, &[]);
    (inputs, matrix)
}

fn app() -> mikron_testkit::archive::DebBuilder {
    let elf = program()
        .needed("libgreet.so.1")
        .version_need("libgreet.so.1", &["GREET_1"]);
    deb("app")
        .depends("libc6, libgreet1 (>= 1), app-doc")
        .file("/usr/bin/app", 0o755, elf.build())
        .file("/etc/app.conf", 0o644, "x")
        .file("/usr/share/doc/app/copyright", 0o644, "x")
}

fn greet() -> mikron_testkit::archive::DebBuilder {
    let library = ElfBuilder::library("libgreet.so.1").version_definition("GREET_1");
    deb("libgreet1")
        .file(&format!("{LIB}/libgreet.so.1.0"), 0o644, library.build())
        .symlink(&format!("{LIB}/libgreet.so.1"), "libgreet.so.1.0")
}

fn docs() -> mikron_testkit::archive::DebBuilder {
    deb("app-doc").file("/usr/share/doc/app/manual", 0o644, "long")
}

fn need<'m>(matrix: &'m Matrix, token: &str) -> &'m mikron_matrix::Need {
    let token: Token = token.parse().expect("a token");
    matrix
        .needs
        .iter()
        .find(|n| n.token == token)
        .expect("the need")
}

fn provider_of(matrix: &Matrix, token: &str) -> String {
    let provider = need(matrix, token).provider.as_ref().expect("a provider");
    provider
        .row()
        .map_or_else(String::new, |row| matrix.capabilities[row].name.clone())
}

#[test]
fn what_is_required_stands_against_the_capability_that_provides_it() {
    let inputs = vec![
        root(&app()),
        dependency(&greet()),
        dependency(&libc()),
        dependency(&docs()),
    ];
    let (_, matrix) = closure(inputs);
    assert_eq!(
        provider_of(&matrix, "soname(libgreet.so.1)"),
        "libgreet1:libs"
    );
    assert_eq!(
        provider_of(&matrix, "soname(libgreet.so.1, GREET_1)"),
        "libgreet1:libs"
    );
    assert_eq!(
        provider_of(&matrix, "path(/lib64/ld-linux-x86-64.so.2)"),
        "libc6:libs"
    );
    assert_eq!(need(&matrix, "soname(libgreet.so.1)").state, NeedState::Met);
    assert_eq!(
        need(&matrix, "soname(libgreet.so.1)")
            .file
            .as_ref()
            .expect("a file")
            .to_string(),
        "/usr/bin/app"
    );
    let names: Vec<&str> = matrix.packages.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["app", "app-doc", "libc6", "libgreet1"]);
    assert_eq!(matrix.packages[0].standing, Standing::Root);
    assert_eq!(matrix.packages[0].state, State::Partly);
    assert_eq!(matrix.packages[1].state, State::LeftOut);
    assert_eq!(matrix.packages[1].why, "only documentation");
    let dependency = &matrix.packages[0].depends[0];
    assert_eq!(
        (dependency.package, dependency.relation.as_str()),
        (1, "app-doc")
    );
    assert!(matrix.missing().next().is_none());
}

#[test]
fn every_row_in_the_image_has_a_chain_from_the_spec() {
    let inputs = vec![
        root(&app()),
        dependency(&greet()),
        dependency(&libc()),
        dependency(&docs()),
    ];
    let (_, matrix) = closure(inputs);
    for row in matrix.capabilities.iter().filter(|row| row.state.is_in()) {
        assert!(!row.chain.is_empty(), "{}", row.name);
    }
    let libs = matrix.row("libgreet1:libs").expect("a row");
    let chain: Vec<_> = matrix.capabilities[libs]
        .chain
        .iter()
        .map(|link| {
            (
                matrix.capabilities[link.capability].name.as_str(),
                link.by.as_str(),
            )
        })
        .collect();
    assert_eq!(
        chain,
        [
            ("app:bins", "the spec names its package (bins)"),
            ("libgreet1:libs", "soname(libgreet.so.1)"),
        ]
    );
}

#[test]
fn what_nobody_provides_is_missing_with_its_cause() {
    let (_, matrix) = closure(vec![root(&app()), dependency(&libc())]);
    let missing: Vec<String> = matrix
        .missing()
        .map(|need| need.token.to_string())
        .collect();
    assert!(
        missing.contains(&"soname(libgreet.so.1)".to_owned()),
        "{missing:?}"
    );
    let need = need(&matrix, "soname(libgreet.so.1)");
    assert_eq!(
        need.cause.as_deref(),
        Some("no package of the closure has it")
    );
    assert_eq!(need.provider, None);
}

#[test]
fn of_two_that_provide_one_token_the_first_by_order_wins() {
    let one = deb("one").file("/usr/bin/greet", 0o755, "#!/bin/sh\n");
    let two = deb("two").file("/usr/local/bin/greet", 0o755, "#!/bin/sh\n");
    let shell = deb("dash").file("/bin/sh", 0o755, program().build());
    let inputs = vec![
        root(&one),
        root(&two),
        package(Role::Provider, &shell),
        package(Role::Provider, &libc()),
    ];
    let (_, matrix) = closure(inputs);
    assert_eq!(matrix.clashes.len(), 1);
    let clash = &matrix.clashes[0];
    assert_eq!(clash.token.to_string(), "command(greet)");
    let order: Vec<String> = clash.providers.iter().map(|p| p.path.to_string()).collect();
    assert_eq!(order, ["/usr/local/bin/greet", "/usr/bin/greet"]);
    assert!(clash.is_in() && clash.rule.contains("PATH"), "{clash:?}");
}

#[test]
fn a_token_is_explained_from_both_sides() {
    let mut inputs = vec![
        root(&app()),
        dependency(&greet()),
        dependency(&libc()),
        dependency(&docs()),
    ];
    connect(&mut inputs);
    let wanted = amd64();
    let selection = select(&inputs, &wanted).expect("a selection");
    let matrix = matrix(
        &selection,
        &inputs,
        &wanted,
        &[],
        &[(1, Token::User("greet".to_owned()))],
    );
    let ask = |text: &str| {
        explain_token(
            &matrix,
            &selection,
            &inputs,
            &text.parse().expect("a token"),
        )
    };
    let answer = ask("soname(libgreet.so.1)");
    assert_eq!(answer.providers[0].name, "libgreet1:libs");
    assert!(answer.providers[0].chosen);
    assert_eq!(answer.providers[0].chain.len(), 2);
    assert_eq!(answer.required_by[0].name, "app:bins");
    let path = ask("path(/usr/share/doc/app/manual)");
    assert_eq!(
        (path.providers[0].name.as_str(), path.providers[0].chosen),
        ("app-doc:docs", false)
    );
    // Of a capability that is in the image in part, the file decides.
    let left = ask("path(/usr/share/doc/app/copyright)");
    assert!(!left.providers[0].chosen);
    assert_eq!(left.providers[0].why, "not read at run time");
    let command = ask("command(app)");
    let path = command.providers[0].path.as_ref().expect("a path");
    assert_eq!(
        (path.to_string().as_str(), command.providers[0].chosen),
        ("/usr/bin/app", true)
    );
    let package = ask("package(libgreet1)");
    assert!(package.required_by.iter().any(|user| user.name == "app"));
    assert!(
        ask("user(greet)").providers[0]
            .name
            .starts_with("libgreet1:")
    );
    assert!(ask("command(none)").is_unknown());
}

#[test]
fn the_same_closure_gives_the_same_matrix_in_any_order_of_inputs() {
    let inputs = || {
        vec![
            root(&app()),
            dependency(&greet()),
            dependency(&libc()),
            dependency(&docs()),
        ]
    };
    let (_, first) = closure(inputs());
    let mut turned = inputs();
    turned.reverse();
    let (_, second) = closure(turned);
    assert_eq!(first, second);
    let json = serde_json::to_string(&first).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Matrix>(&json).expect("a matrix"),
        first
    );
}
