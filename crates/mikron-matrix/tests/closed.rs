//! Libraries as the loader finds them, and what is reported when something is missing.

#[path = "../../mikron-select/tests/support/mod.rs"]
mod support;

use mikron_matrix::{Explanation, ViolationKind, explain, verify, why};
use mikron_package::{Globs, RootPath};
use mikron_select::{MissingCause, Provided, Token};
use mikron_testkit::elf::ElfBuilder;

use support::{LIB, amd64, deb, dependency, libc, program, root, selected, whole};

#[test]
fn an_imported_pthread_exit_brings_libgcc() {
    let gcc = deb("libgcc-s1").file(
        "/lib/x86_64-linux-gnu/libgcc_s.so.1",
        0o644,
        ElfBuilder::library("libgcc_s.so.1").build(),
    );
    for (symbol, there) in [
        ("pthread_exit", true),
        ("pthread_cancel", true),
        ("backtrace", true),
        ("pthread_create", false),
    ] {
        let app = deb("app").depends("libgcc-s1, libc6").file(
            "/usr/bin/app",
            0o755,
            program().import(symbol).build(),
        );
        let (inputs, selection) = selected(
            vec![root(&app), dependency(&gcc), dependency(&libc())],
            &amd64(),
        );
        whole(&inputs, &selection);
        assert_eq!(
            why(&selection, &inputs, "libgcc-s1").is_some(),
            there,
            "{symbol}"
        );
    }
    let app = deb("app").depends("libc6").file(
        "/usr/bin/app",
        0o755,
        program().import("backtrace").build(),
    );
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &amd64());
    assert_eq!(
        selection.missing[0].token,
        Token::Soname("libgcc_s.so.1".to_owned())
    );
    assert_eq!(
        selection.missing[0].chain[0].path.to_string(),
        "/usr/bin/app"
    );
    assert_eq!(
        verify(&selection, &inputs, &amd64())[0].kind,
        ViolationKind::Library
    );
}

#[test]
fn run_paths_are_followed_as_the_loader_does() {
    let own = |name: &str| ElfBuilder::library(name);
    // RUNPATH holds for the program's own libraries only; RPATH also for those below.
    let app = deb("app")
        .depends("libc6")
        .file(
            "/usr/bin/app",
            0o755,
            program()
                .needed("liba.so")
                .rpath("$ORIGIN/../lib/app")
                .build(),
        )
        .file(
            "/usr/lib/app/liba.so",
            0o644,
            own("liba.so").needed("libb.so").build(),
        )
        .file("/usr/lib/app/libb.so", 0o644, own("libb.so").build());
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &amd64());
    whole(&inputs, &selection);

    let private = deb("private").file("/opt/x/libp.so", 0o644, own("libp.so").build());
    let app = deb("app").depends("private, libc6").file(
        "/usr/bin/app",
        0o755,
        program()
            .needed("libp.so")
            .runpath("/opt/${LIB}:/opt/x")
            .build(),
    );
    let (inputs, selection) = selected(
        vec![root(&app), dependency(&private), dependency(&libc())],
        &amd64(),
    );
    whole(&inputs, &selection);

    let app = deb("app").depends("private, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libp.so").build(),
    );
    let (_, selection) = selected(
        vec![root(&app), dependency(&private), dependency(&libc())],
        &amd64(),
    );
    let found = RootPath::new(b"/opt/x/libp.so").expect("a path");
    assert_eq!(
        selection.missing[0].cause,
        MissingCause::Elsewhere { paths: vec![found] }
    );
}

#[test]
fn a_library_that_only_the_loaders_cache_knows_asks_for_a_cache() {
    let fake = deb("libfake")
        .file(
            "/etc/ld.so.conf.d/fake.conf",
            0o644,
            "# comment\n/usr/lib/x86_64-linux-gnu/fake\n",
        )
        .file(
            &format!("{LIB}/fake/libfake.so.0"),
            0o644,
            ElfBuilder::library("libfake.so.0").build(),
        );
    let app = deb("app").depends("libfake, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libfake.so.0").build(),
    );
    let (inputs, selection) = selected(
        vec![root(&app), dependency(&fake), dependency(&libc())],
        &amd64(),
    );
    whole(&inputs, &selection);
    assert_eq!(selection.loader_dirs, ["/usr/lib/x86_64-linux-gnu/fake"]);
}

#[test]
fn a_library_of_another_machine_is_no_answer() {
    let z = deb("libz").file(
        &format!("{LIB}/libz.so.1"),
        0o644,
        ElfBuilder::library("libz.so.1").machine(183).build(),
    );
    let app = deb("app").depends("libz, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libz.so.1").build(),
    );
    let (inputs, selection) = selected(
        vec![root(&app), dependency(&z), dependency(&libc())],
        &amd64(),
    );
    assert!(matches!(
        selection.missing[0].cause,
        MissingCause::WrongMachine { .. }
    ));
    assert_eq!(
        verify(&selection, &inputs, &amd64())[0].token.to_string(),
        "soname(libz.so.1)"
    );

    let foreign = deb("foreign").file("/usr/bin/foreign", 0o755, program().machine(183).build());
    let (inputs, selection) = selected(vec![root(&foreign)], &amd64());
    assert_eq!(
        verify(&selection, &inputs, &amd64())[0].kind,
        ViolationKind::Machine
    );
}

#[test]
fn a_library_too_old_for_a_symbol_version_is_a_violation_with_file_token_and_chain() {
    let app = deb("app").depends("libc6").file(
        "/usr/bin/app",
        0o755,
        program().version_need("libc.so.6", &["GLIBC_2.38"]).build(),
    );
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &amd64());
    let violations = verify(&selection, &inputs, &amd64());
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].chain[0].path.to_string(), "/usr/bin/app");
    assert_eq!(
        violations[0].to_string(),
        "/usr/bin/app needs soname(libc.so.6, GLIBC_2.38), and /lib/x86_64-linux-gnu/libc.so.6 has no more than GLIBC_2.34: \
         take it from a newer release, or build the program where its libraries are no newer than those of the image"
    );
}

#[test]
fn a_link_that_dangles_by_itself_is_set_aside_and_one_that_is_named_is_missing() {
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, program().build())
        .symlink("/usr/share/app/modules", "../../lib/app/modules")
        .symlink("/usr/share/app/loop", "loop")
        .symlink("/usr/bin/start", "/opt/absent");
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &amd64());
    whole(&inputs, &selection);
    assert_eq!(selection.dangling.len(), 3);
    assert!(matches!(
        explain(&selection, &inputs, "/usr/share/app/modules"),
        Explanation::Dangling { .. }
    ));

    let mut wanted = amd64();
    wanted.programs = vec!["/usr/bin/start".to_owned()];
    let (_, selection) = selected(vec![root(&app), dependency(&libc())], &wanted);
    assert_eq!(
        selection.missing[0].token,
        Token::Path("/usr/bin/start".to_owned())
    );
    wanted.programs = vec!["/usr/share/app/loop".to_owned()];
    let (_, selection) = selected(vec![root(&app), dependency(&libc())], &wanted);
    assert_eq!(selection.missing[0].cause, MissingCause::LinkLoop);
}

#[test]
fn what_a_finalizer_makes_is_followed_like_a_packaged_link() {
    let awk = deb("mawk")
        .depends("libc6")
        .file("/usr/bin/mawk", 0o755, program().build());
    let app = deb("app")
        .depends("mawk")
        .file("/usr/bin/app", 0o755, "#!/usr/bin/awk -f\n");
    let mut wanted = amd64();
    wanted.provided = vec![
        Provided {
            path: RootPath::new(b"/usr/bin/awk").expect("a path"),
            target: Some(b"/etc/alternatives/awk".to_vec()),
            by: "alternatives".to_owned(),
        },
        Provided {
            path: RootPath::new(b"/etc/alternatives/awk").expect("a path"),
            target: Some(b"/usr/bin/mawk".to_vec()),
            by: "alternatives".to_owned(),
        },
    ];
    let (inputs, selection) = selected(
        vec![root(&app), dependency(&awk), dependency(&libc())],
        &wanted,
    );
    assert!(selection.missing.is_empty(), "{:?}", selection.missing);
    assert!(verify(&selection, &inputs, &wanted).is_empty());
    assert!(why(&selection, &inputs, "/usr/bin/mawk").is_some());
}

#[test]
fn removed_paths_provide_nothing_and_are_named_where_they_are_missed() {
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, program().build())
        .file("/usr/bin/other", 0o755, program().build())
        .file("/usr/share/app/x", 0o644, "x");
    let mut wanted = amd64();
    wanted.remove = Globs::new(&["/usr/share/app/**", "/bin/other"]).expect("globs");
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &wanted);
    whole(&inputs, &selection);
    assert!(why(&selection, &inputs, "/usr/share/app/x").is_none());
    assert!(why(&selection, &inputs, "/usr/bin/other").is_none());

    // By the path of the package, and by that in the image.
    for path in ["/lib/*/libc.so.*", "/usr/lib/*/libc.so.*"] {
        wanted.remove = Globs::new(&[path]).expect("a glob");
        let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &wanted);
        assert!(
            matches!(&selection.missing[0].cause, MissingCause::Removed { path } if path.to_string().ends_with("libc.so.6"))
        );
        assert_eq!(
            verify(&selection, &inputs, &wanted)[0].kind,
            ViolationKind::Library
        );
    }
}

#[test]
fn a_required_dlopen_note_is_followed_and_an_unmet_one_is_missing() {
    let note = r#"[{"soname":["libn.so.2","libn.so.1"],"priority":"required"},{"soname":["libopt.so.1"]}]"#;
    let app = deb("app").depends("libn, libc6").file(
        "/usr/bin/app",
        0o755,
        program().dlopen_note(note).build(),
    );
    let n = deb("libn").file(
        &format!("{LIB}/libn.so.1"),
        0o644,
        ElfBuilder::library("libn.so.1").build(),
    );
    let (inputs, selection) = selected(
        vec![root(&app), dependency(&n), dependency(&libc())],
        &amd64(),
    );
    whole(&inputs, &selection);
    assert!(why(&selection, &inputs, "libn").is_some());
    let (_, selection) = selected(vec![root(&app), dependency(&libc())], &amd64());
    assert_eq!(
        selection.missing[0].token,
        Token::Soname("libn.so.2".to_owned())
    );
}

#[test]
fn a_library_that_the_program_has_loaded_by_its_run_path_is_there_for_another() {
    let private = "/usr/lib/x86_64-linux-gnu/app";
    let app = |order: [&str; 2]| {
        deb("app")
            .depends("libc6")
            .file(
                "/usr/bin/app",
                0o755,
                program()
                    .runpath(private)
                    .needed(order[0])
                    .needed(order[1])
                    .build(),
            )
            .file(
                &format!("{private}/libcore.so"),
                0o644,
                ElfBuilder::library("libcore.so")
                    .needed("libshared.so")
                    .build(),
            )
            .file(
                &format!("{private}/libshared.so"),
                0o644,
                ElfBuilder::library("libshared.so").build(),
            )
    };
    for order in [
        ["libcore.so", "libshared.so"],
        ["libshared.so", "libcore.so"],
    ] {
        let inputs = vec![root(&app(order)), dependency(&libc())];
        let (inputs, selection) = selected(inputs, &amd64());
        whole(&inputs, &selection);
    }
    // A program that does not ask for it itself has not loaded it.
    let inputs = vec![root(&app(["libcore.so", "libc.so.6"])), dependency(&libc())];
    let (inputs, selection) = selected(inputs, &amd64());
    let violations = verify(&selection, &inputs, &amd64());
    assert!(
        matches!(violations[0].kind, ViolationKind::Elsewhere { .. }),
        "{violations:?}"
    );
}
