//! The rules of the closure, each over packages of a few files.

mod support;

use mikron_capability::{
    Explanation, Glob, LeftOutReason, MissingCause, PackageInput, Provided, Reason, Role, Select,
    SelectError, Selection, Token, ViolationKind, explain, select, verify, why,
};
use mikron_package::RootPath;
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;
use support::{amd64, dependency, package, paths, root, selected};

const LIB: &str = "/usr/lib/x86_64-linux-gnu";

fn deb(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1.0", "amd64")
}

/// A C library with its loader, as bookworm has them: outside of /usr.
fn libc() -> DebBuilder {
    let libc = ElfBuilder::library("libc.so.6")
        .version_definition("GLIBC_2.34")
        .build();
    deb("libc6")
        .file(
            "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            0o755,
            ElfBuilder::library("ld-linux-x86-64.so.2").build(),
        )
        .symlink(
            "/lib64/ld-linux-x86-64.so.2",
            "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        )
        .file("/lib/x86_64-linux-gnu/libc.so.6", 0o755, libc)
        .file(
            &format!("{LIB}/gconv/UTF-7.so"),
            0o644,
            ElfBuilder::library("UTF-7.so").build(),
        )
}

fn program() -> ElfBuilder {
    ElfBuilder::executable()
        .needed("libc.so.6")
        .version_need("libc.so.6", &["GLIBC_2.34"])
}

fn whole(inputs: &[PackageInput], selection: &Selection) {
    assert!(selection.missing.is_empty(), "{:#?}", selection.missing);
    let violations = verify(selection, inputs, &amd64());
    assert!(violations.is_empty(), "{violations:#?}");
}

fn left_out<'s>(selection: &'s Selection, name: &str) -> &'s LeftOutReason {
    let left = selection.left_out.iter().find(|l| l.name.as_str() == name);
    &left.unwrap_or_else(|| panic!("{name} is in")).reason
}

#[test]
fn a_root_brings_programs_configuration_data_and_empty_directories_and_no_documentation() {
    let app = deb("app")
        .depends("libc6")
        .file("/usr/sbin/app", 0o755, program().build())
        .file("/etc/app/app.conf", 0o644, "x")
        .file("/usr/share/app/page.html", 0o644, "x")
        .dir("/var/log/app", 0o750)
        .file("/usr/share/doc/app/copyright", 0o644, "x")
        .file("/usr/share/man/man8/app.8.gz", 0o644, "x")
        .file("/usr/share/locale/de/LC_MESSAGES/app.mo", 0o644, "x")
        .file("/lib/systemd/system/app.service", 0o644, "x")
        .file("/etc/init.d/app", 0o755, "#!/bin/sh\n")
        .file("/etc/logrotate.d/app", 0o644, "x")
        .file("/usr/share/bash-completion/completions/app", 0o644, "x");
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &amd64());
    whole(&inputs, &selection);
    assert_eq!(
        paths(&inputs, &selection),
        [
            "/etc/app/app.conf",
            "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
            "/usr/sbin/app",
            "/usr/share/app/page.html",
        ]
    );
    assert!(why(&selection, &inputs, "/var/log/app").is_some());
    assert!(why(&selection, &inputs, "/etc/init.d").is_none());
    match explain(&selection, &inputs, "/usr/share/man/man8/app.8.gz") {
        Explanation::FileLeftOut { capability, .. } => assert_eq!(capability, "app:man"),
        other => panic!("{other:?}"),
    }
    let app = &selection.packages[0];
    let docs = app
        .capabilities
        .iter()
        .find(|c| c.name == "licences")
        .expect("listed");
    assert_eq!((docs.files, docs.files_left), (0, 1));
}

#[test]
fn every_file_and_package_carries_a_chain_that_begins_with_the_spec() {
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, program().build());
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &amd64());
    for chosen in &selection.files {
        let chain = why(&selection, &inputs, &chosen.path.to_string()).expect("a chain");
        assert_eq!(chain[0].reason.by(), None, "{}", chosen.path);
        assert!(chain[1..].iter().all(|step| step.reason.by().is_some()));
    }
    let chain = why(&selection, &inputs, "/lib64/ld-linux-x86-64.so.2").expect("a chain");
    assert_eq!(chain[0].path.to_string(), "/usr/bin/app");
    assert!(matches!(chain[1].reason, Reason::Interpreter { .. }));
    // The other way round /usr is merged, too.
    assert!(why(&selection, &inputs, "/usr/lib64/ld-linux-x86-64.so.2").is_some());
    assert!(selection.packages.iter().all(|p| !p.chain.is_empty()));
}

#[test]
fn of_a_library_package_only_the_needed_library_is_taken_with_each_link() {
    let z = deb("libz")
        .file(
            &format!("{LIB}/libz.so.1.2"),
            0o644,
            ElfBuilder::library("libz.so.1").needed("libc.so.6").build(),
        )
        .symlink(&format!("{LIB}/libz.so.1"), "libz.so.1.2")
        .symlink(&format!("{LIB}/libz.so"), "libz.so.1")
        .file(
            &format!("{LIB}/libother.so.1"),
            0o644,
            ElfBuilder::library("libother.so.1").build(),
        )
        .file("/usr/share/libz/table", 0o644, "x");
    let unneeded = deb("libx").file(
        &format!("{LIB}/libx.so.1"),
        0o644,
        ElfBuilder::library("libx.so.1").build(),
    );
    let app = deb("app").depends("libz, libx, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libz.so.1").build(),
    );
    let inputs = vec![
        root(&app),
        dependency(&z),
        dependency(&unneeded),
        dependency(&libc()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    let chosen = paths(&inputs, &selection);
    let z: Vec<_> = chosen
        .iter()
        .filter(|p| p.contains("libz") || p.contains("libother"))
        .collect();
    assert_eq!(
        z,
        [&format!("{LIB}/libz.so.1"), &format!("{LIB}/libz.so.1.2")]
    );
    assert_eq!(
        *left_out(&selection, "libx"),
        LeftOutReason::OnlyUnneededLibraries
    );
}

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
fn a_dependency_with_data_is_kept_and_one_with_programs_is_not() {
    let zones = deb("tzdata")
        .file("/usr/share/zoneinfo/UTC", 0o644, vec![1; 4000])
        .file("/usr/sbin/tzconfig", 0o755, "#!/bin/sh\n");
    let tool = deb("tool")
        .file("/usr/bin/tool", 0o755, program().build())
        .file("/usr/share/tool/data", 0o644, "x");
    let docs = deb("base").file("/usr/share/doc/base/README", 0o644, "x");
    let behind = deb("behind").file("/usr/share/behind/data", 0o644, "x");
    let app = deb("app").depends("tzdata, tool, base, libc6").file(
        "/usr/bin/app",
        0o755,
        program().build(),
    );
    let inputs = vec![
        root(&app),
        dependency(&zones),
        dependency(&tool.depends("behind")),
        dependency(&docs),
        dependency(&behind),
        dependency(&libc()),
        package(
            Role::Provider,
            &deb("dash").file("/bin/dash", 0o755, program().build()),
        ),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    let chain = why(&selection, &inputs, "/usr/share/zoneinfo/UTC").expect("kept");
    assert!(matches!(&chain[1].reason, Reason::Data { relation, .. } if relation == "tzdata"));
    assert!(why(&selection, &inputs, "/usr/sbin/tzconfig").is_none());
    let programs = vec!["tool".to_owned()];
    assert_eq!(
        *left_out(&selection, "tool"),
        LeftOutReason::UnnamedPrograms { programs }
    );
    assert_eq!(*left_out(&selection, "base"), LeftOutReason::Documentation);
    assert_eq!(*left_out(&selection, "behind"), LeftOutReason::Unreached);
    assert_eq!(
        *left_out(&selection, "dash"),
        LeftOutReason::ProviderUnneeded
    );
}

#[test]
fn a_script_that_is_an_entry_pulls_its_interpreter_and_a_secondary_one_does_not() {
    let perl = deb("perl")
        .file("/usr/bin/perl", 0o755, program().build())
        .file("/usr/share/perl/5.36/strict.pm", 0o644, "x");
    let app = deb("app")
        .depends("perl, libc6")
        .file("/usr/bin/app", 0o755, program().build())
        .file("/usr/bin/app-helper", 0o755, "#!/usr/bin/perl -w\n");
    let inputs = || vec![root(&app), dependency(&perl), dependency(&libc())];
    let (inputs_, selection) = selected(inputs(), &amd64());
    whole(&inputs_, &selection);
    assert!(why(&selection, &inputs_, "perl").is_none());
    assert!(why(&selection, &inputs_, "/usr/bin/app-helper").is_none());
    let helper = selection.packages[0]
        .capabilities
        .iter()
        .find(|c| c.name == "perl");
    assert_eq!(helper.map(|c| (c.files, c.files_left)), Some((0, 1)));

    // Named by the entrypoint, or asked for as app:perl, it is an entry.
    let mut wanted = amd64();
    wanted.programs = vec!["app-helper".to_owned()];
    let (inputs_, selection) = selected(inputs(), &wanted);
    whole(&inputs_, &selection);
    assert!(why(&selection, &inputs_, "/usr/bin/perl").is_some());
    assert!(why(&selection, &inputs_, "/usr/share/perl/5.36/strict.pm").is_some());
    let capabilities = vec!["bins".to_owned(), "perl".to_owned()];
    let mut list = inputs();
    list[0].role = Role::Root { capabilities };
    let (inputs_, selection) = selected(list, &amd64());
    assert!(why(&selection, &inputs_, "/usr/bin/perl").is_some());

    // With the interpreter in the image anyway, the secondary script comes along.
    let mut list = inputs();
    list[1].role = Role::root();
    let (inputs_, selection) = selected(list, &amd64());
    let chain = why(&selection, &inputs_, "/usr/bin/app-helper").expect("taken");
    assert!(matches!(
        chain.last().map(|s| &s.reason),
        Some(Reason::Interpreted { .. })
    ));
}

#[test]
fn a_missing_shell_is_reported_and_an_essential_package_provides_it() {
    let app = deb("app").file("/usr/bin/app", 0o755, "#!/bin/sh\nexit\n");
    let (inputs, selection) = selected(vec![root(&app)], &amd64());
    assert_eq!(
        selection.missing[0].token,
        Token::Path("/bin/sh".to_owned())
    );
    assert_eq!(selection.missing[0].cause, MissingCause::Absent);
    assert_eq!(
        verify(&selection, &inputs, &amd64())[0].kind,
        ViolationKind::Interpreter
    );

    let dash = deb("dash")
        .file("/bin/dash", 0o755, program().build())
        .symlink("/bin/sh", "dash")
        .file("/usr/share/dash/data", 0o644, "x");
    let inputs = vec![
        root(&app),
        package(Role::Provider, &dash),
        package(Role::Provider, &libc()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    assert!(why(&selection, &inputs, "/bin/dash").is_some());
    assert!(why(&selection, &inputs, "/usr/share/dash/data").is_none());
}

#[test]
fn code_of_a_language_follows_its_interpreter() {
    let interpreter = deb("python3.11").depends("libpython3.11-stdlib").file(
        "/usr/bin/python3.11",
        0o755,
        program().build(),
    );
    let stdlib = deb("libpython3.11-stdlib")
        .field("Source", "python3.11")
        .file("/usr/lib/python3.11/os.py", 0o644, "x");
    let module = deb("python3-yaml").file("/usr/lib/python3/dist-packages/yaml.py", 0o644, "x");
    let main = deb("python3")
        .depends("python3.11")
        .symlink("/usr/bin/python3", "python3.11");
    let app = deb("app").depends("python3, python3-yaml").file(
        "/usr/bin/app",
        0o755,
        "#!/usr/bin/python3\n",
    );
    let inputs = vec![
        root(&app),
        dependency(&main),
        dependency(&interpreter),
        dependency(&stdlib),
        dependency(&module),
        package(Role::Provider, &libc()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    for path in [
        "/usr/bin/python3",
        "/usr/lib/python3.11/os.py",
        "/usr/lib/python3/dist-packages/yaml.py",
    ] {
        assert!(why(&selection, &inputs, path).is_some(), "{path}");
    }

    let app =
        deb("app")
            .depends("python3, python3-yaml")
            .file("/usr/bin/app", 0o755, program().build());
    let inputs = vec![
        root(&app),
        dependency(&main),
        dependency(&interpreter),
        dependency(&stdlib),
        dependency(&module),
        package(Role::Provider, &libc()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    let reason = LeftOutReason::InterpreterAbsent {
        interpreter: "python3".to_owned(),
    };
    assert_eq!(*left_out(&selection, "python3-yaml"), reason);
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
        "/usr/bin/app needs soname(libc.so.6, GLIBC_2.38), which /lib/x86_64-linux-gnu/libc.so.6 does not define: \
         a newer version of its package is needed"
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
        .file("/usr/share/app/x", 0o644, "x");
    let mut wanted = amd64();
    wanted.remove = vec![Glob::new("/usr/share/app/**").expect("a glob")];
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &wanted);
    whole(&inputs, &selection);
    assert!(why(&selection, &inputs, "/usr/share/app/x").is_none());

    wanted.remove = vec![Glob::new("/lib/*/libc.so.*").expect("a glob")];
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &wanted);
    assert!(
        matches!(&selection.missing[0].cause, MissingCause::Removed { path } if path.to_string().ends_with("libc.so.6"))
    );
    assert_eq!(
        verify(&selection, &inputs, &wanted)[0].kind,
        ViolationKind::Library
    );
}

#[test]
fn one_capability_of_a_package_is_taken_alone() {
    let certificates = deb("ca-certificates")
        .file("/usr/share/ca-certificates/mozilla/A.crt", 0o644, "x")
        .file("/usr/sbin/update-ca-certificates", 0o755, "#!/bin/sh\n")
        .dir("/etc/ssl/certs", 0o755);
    let input = |name: &str| {
        let capabilities = vec![name.to_owned()];
        vec![package(Role::Root { capabilities }, &certificates)]
    };
    let (inputs, selection) = selected(input("bundle"), &amd64());
    assert!(paths(&inputs, &selection).is_empty());
    assert!(why(&selection, &inputs, "/etc/ssl/certs").is_some());
    assert_eq!(
        selection.inputs[0].path.to_string(),
        "/usr/share/ca-certificates/mozilla/A.crt"
    );
    let (inputs, selection) = selected(input("data"), &amd64());
    assert_eq!(
        paths(&inputs, &selection),
        ["/usr/share/ca-certificates/mozilla/A.crt"]
    );
    let error = select(&input("bundel"), &amd64()).expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "ca-certificates has no capability `bundel` (it has: bins, bundle, data, sh)"
    );
}

#[test]
fn a_metapackage_hands_its_place_to_what_it_depends_on() {
    let meta = deb("postgresql").depends("postgresql-15");
    let server = deb("postgresql-15").depends("libc6").file(
        "/usr/lib/postgresql/15/bin/postgres",
        0o755,
        program().build(),
    );
    let (inputs, selection) = selected(
        vec![root(&meta), dependency(&server), dependency(&libc())],
        &amd64(),
    );
    whole(&inputs, &selection);
    let chain = why(&selection, &inputs, "/usr/lib/postgresql/15/bin/postgres").expect("in");
    assert!(
        matches!(&chain[0].reason, Reason::Meta { package, .. } if package.as_str() == "postgresql")
    );
}

#[test]
fn package_and_full_take_more_and_never_essential_packages_whole() {
    let app = deb("app")
        .depends("tool, libc6")
        .file("/usr/bin/app", 0o755, program().build())
        .file("/usr/share/doc/app/README", 0o644, "x");
    let tool = deb("tool")
        .file("/usr/bin/tool", 0o755, program().build())
        .hardlink("/usr/bin/tool2", "/usr/bin/tool");
    let dash = deb("dash").file("/bin/dash", 0o755, program().build());
    for (mode, docs) in [(Select::Package, false), (Select::Full, true)] {
        let mut wanted = amd64();
        wanted.select = mode;
        let inputs = vec![
            root(&app),
            dependency(&tool),
            dependency(&libc()),
            package(Role::Provider, &dash),
        ];
        let (inputs, selection) = selected(inputs, &wanted);
        whole(&inputs, &selection);
        assert!(why(&selection, &inputs, "/usr/bin/tool2").is_some());
        assert!(why(&selection, &inputs, &format!("{LIB}/gconv/UTF-7.so")).is_some());
        assert_eq!(
            why(&selection, &inputs, "/usr/share/doc/app/README").is_some(),
            docs
        );
        assert!(why(&selection, &inputs, "dash").is_none());
    }
}

#[test]
fn files_of_the_spec_are_started_from_and_stand_before_those_of_packages() {
    let z = deb("libz").file(
        &format!("{LIB}/libz.so.1"),
        0o644,
        ElfBuilder::library("libz.so.1").build(),
    );
    let own = deb("files").file("/app/server", 0o755, program().needed("libz.so.1").build());
    let inputs = vec![
        package(Role::Files, &own),
        dependency(&z),
        dependency(&libc()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    let chain = why(&selection, &inputs, &format!("{LIB}/libz.so.1")).expect("in");
    assert_eq!(chain[0].reason, Reason::Spec);
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
fn an_edge_that_leads_nowhere_is_a_typed_error() {
    let mut app = root(&deb("app"));
    app.requires = vec![mikron_capability::Edge {
        to: 7,
        relation: "x".to_owned(),
    }];
    assert!(matches!(
        select(&[app], &amd64()),
        Err(SelectError::NoSuchInput { to: 7, .. })
    ));
}

#[test]
fn a_selection_survives_compact_and_readable_encodings() {
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, program().build());
    let (_, selection) = selected(vec![root(&app), dependency(&libc())], &amd64());
    let bytes = postcard::to_stdvec(&selection).expect("encoded");
    assert_eq!(
        postcard::from_bytes::<Selection>(&bytes).expect("decoded"),
        selection
    );
    let json = serde_json::to_string(&selection).expect("encoded");
    assert_eq!(
        serde_json::from_str::<Selection>(&json).expect("decoded"),
        selection
    );
}
