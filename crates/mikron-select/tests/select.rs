//! The rules of the closure, each over packages of a few files.

mod support;

use mikron_facts::FileFacts;
use mikron_matrix::{Explanation, ViolationKind, explain, verify, why};
use mikron_select::{
    Given, LeftOutReason, MissingCause, ProgramCause, Reason, Role, Select, SelectError, Selection,
    Token, select,
};
use mikron_testkit::elf::ElfBuilder;

use support::{
    LIB, amd64, deb, dependency, left_out, libc, package, paths, program, root, selected, whole,
};

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
fn of_a_package_whose_entries_are_given_those_are_taken_and_what_files_need() {
    let app = deb("app")
        .depends("libc6, app-data")
        .file("/usr/sbin/app", 0o755, program().build())
        .file("/usr/sbin/other", 0o755, program().build())
        .file("/etc/app/app.conf", 0o644, "x")
        .file("/usr/share/app/part", 0o644, "x");
    let data = deb("app-data").file("/usr/share/app/data", 0o644, "x");
    let mut given = package(Role::Given, &app);
    for (path, build_input) in [("/usr/sbin/app", false), ("/usr/share/app/part", true)] {
        let is_it = |file: &FileFacts| file.entry.path.to_string() == path;
        let entry = given.facts.files.iter().position(is_it).expect("it has it");
        let new = Given {
            capability: "app_bins".to_owned(),
            through: vec!["all_bins".to_owned()],
            build_input,
        };
        given.given.insert(entry, new);
    }
    let inputs = vec![given, dependency(&libc()), dependency(&data)];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    assert_eq!(
        paths(&inputs, &selection),
        [
            "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
            "/usr/sbin/app",
        ]
    );
    let read: Vec<String> = selection
        .inputs
        .iter()
        .map(|f| f.path.to_string())
        .collect();
    assert_eq!(read, ["/usr/share/app/part"]);
    let chain = why(&selection, &inputs, "/usr/sbin/app").expect("it is chosen");
    assert_eq!(
        chain[0].reason.to_string(),
        "the spec names the capability `all_bins`, which requires `app_bins`"
    );
    let uses = &selection.packages[0].capabilities;
    let of_slice = uses.iter().find(|used| used.name == "app_bins");
    assert_eq!(of_slice.map(|used| used.files), Some(1));
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
    let mut of_app = amd64();
    of_app.programs = vec!["app".to_owned()];
    let (inputs_, selection) = selected(inputs(), &of_app);
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
    list[0].role = Role::capabilities(capabilities);
    let (inputs_, selection) = selected(list, &amd64());
    assert!(why(&selection, &inputs_, "/usr/bin/perl").is_some());

    // With the interpreter in the image anyway, the secondary script comes along.
    let mut list = inputs();
    list[1].role = Role::root();
    let (inputs_, selection) = selected(list, &of_app);
    let chain = why(&selection, &inputs_, "/usr/bin/app-helper").expect("taken");
    assert!(matches!(
        chain.last().map(|s| &s.reason),
        Some(Reason::Interpreted { .. })
    ));
}

#[test]
fn a_spec_that_names_no_program_asks_for_all_of_a_root_that_its_dependencies_can_run() {
    let perl_base = deb("perl-base").file("/usr/bin/perl", 0o755, program().build());
    let perl = deb("perl").depends("perl-base");
    let psmisc = deb("psmisc").file("/usr/bin/fuser", 0o755, program().build());
    let tcl = deb("tcl").file("/usr/bin/tclsh", 0o755, program().build());
    let app = deb("app")
        .depends("perl, psmisc, libc6")
        .file("/usr/bin/app", 0o755, program().build())
        .file("/usr/bin/app-report", 0o755, "#!/usr/bin/perl -w\n")
        .file("/usr/bin/app-menu", 0o755, "#!/usr/bin/tclsh\n")
        .file(
            "/usr/bin/app-stop",
            0o755,
            "#!/bin/sh\ncommand -v fuser && fuser -k /x\ncommand -v gone && gone\n",
        );
    let dash = deb("dash")
        .file("/bin/dash", 0o755, program().build())
        .symlink("/bin/sh", "dash");
    let inputs = vec![
        root(&app),
        dependency(&perl),
        dependency(&perl_base),
        dependency(&psmisc),
        dependency(&tcl),
        dependency(&dash),
        dependency(&libc()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    for path in ["/usr/bin/app-report", "/usr/bin/perl", "/usr/bin/fuser"] {
        assert!(why(&selection, &inputs, path).is_some(), "{path}");
    }
    // On Tcl nobody depends.
    for path in ["/usr/bin/app-menu", "/usr/bin/tclsh"] {
        assert!(why(&selection, &inputs, path).is_none(), "{path}");
    }
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
fn one_capability_of_a_package_is_taken_alone() {
    let certificates = deb("ca-certificates")
        .file("/usr/share/ca-certificates/mozilla/A.crt", 0o644, "x")
        .file("/usr/sbin/update-ca-certificates", 0o755, "#!/bin/sh\n")
        .dir("/etc/ssl/certs", 0o755);
    let input = |name: &str| {
        let capabilities = vec![name.to_owned()];
        vec![package(Role::capabilities(capabilities), &certificates)]
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
fn an_edge_that_leads_nowhere_is_a_typed_error() {
    let mut app = root(&deb("app"));
    app.requires = vec![mikron_select::Edge {
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

#[test]
fn of_another_package_of_the_source_come_data_and_helpers_and_the_programs_that_the_started_one_names()
 {
    let agent = |name: &str| program().constant(name).build();
    let app = deb("app")
        .field("Source", "suite")
        .depends("libc6, app-tools")
        .file("/usr/sbin/app", 0o755, agent("/usr/bin/app-agent --daemon"));
    let tools = deb("app-tools")
        .field("Source", "suite")
        .depends("libc6, tools-data")
        .file("/usr/bin/app-agent", 0o755, agent("app-scribe"))
        .file("/usr/bin/app-scribe", 0o755, program().build())
        .file("/usr/bin/app-cli", 0o755, program().build())
        .file("/usr/libexec/app/helper", 0o755, program().build())
        .file("/usr/share/app/common", 0o644, "x");
    let data = deb("tools-data").file("/usr/share/tools/data", 0o644, "x");
    let inputs = || {
        vec![
            root(&app),
            dependency(&tools),
            dependency(&data),
            dependency(&libc()),
        ]
    };
    let of_source = |paths: Vec<String>| -> Vec<String> {
        let own = |path: &String| path.starts_with("/usr/") && !path.starts_with(LIB);
        paths.into_iter().filter(own).collect()
    };
    let mut wanted = amd64();
    wanted.programs = vec!["/usr/sbin/app".to_owned()];
    let (inputs_of_it, selection) = selected(inputs(), &wanted);
    whole(&inputs_of_it, &selection);
    assert_eq!(
        of_source(paths(&inputs_of_it, &selection)),
        [
            "/usr/bin/app-agent",
            "/usr/bin/app-scribe",
            "/usr/libexec/app/helper",
            "/usr/sbin/app",
            "/usr/share/app/common",
            "/usr/share/tools/data",
        ]
    );
    let chain = why(&selection, &inputs_of_it, "/usr/bin/app-scribe").expect("in");
    let reason = chain.last().expect("a step").reason.to_string();
    assert_eq!(reason, "calls app-scribe");
    match explain(&selection, &inputs_of_it, "/usr/bin/app-cli") {
        Explanation::FileLeftOut {
            capability,
            because,
            ..
        } => {
            assert_eq!(capability, "app-tools:bins");
            assert_eq!(because, Some(ProgramCause::Unnamed));
        }
        other => panic!("{other:?}"),
    }
    // Where the image starts a program of either, or says nothing, both are what it is for.
    for started in [vec![], vec!["/usr/bin/app-agent".to_owned()]] {
        wanted.programs = started;
        let (inputs, selection) = selected(inputs(), &wanted);
        assert!(why(&selection, &inputs, "/usr/bin/app-cli").is_some());
    }
}

#[test]
fn a_package_of_the_source_whose_programs_nobody_names_brings_nothing_that_serves_them() {
    let fpm = deb("php-fpm")
        .field("Source", "php")
        .depends("libc6, php-cli")
        .file("/usr/sbin/php-fpm", 0o755, program().build());
    let cli = deb("php-cli")
        .field("Source", "php")
        .depends("libc6, php-readline")
        .file("/usr/bin/php", 0o755, program().build())
        .file("/usr/share/php-cli/php.ini", 0o644, "x");
    let readline = deb("php-readline").field("Source", "php").file(
        "/usr/share/php-readline/readline.ini",
        0o644,
        "x",
    );
    let mut wanted = amd64();
    wanted.programs = vec!["php-fpm".to_owned()];
    let inputs = vec![
        root(&fpm),
        dependency(&cli),
        dependency(&readline),
        dependency(&libc()),
    ];
    let (inputs, selection) = selected(inputs, &wanted);
    whole(&inputs, &selection);
    assert!(why(&selection, &inputs, "/usr/bin/php").is_none());
    assert!(why(&selection, &inputs, "/usr/share/php-cli/php.ini").is_some());
    assert_eq!(
        left_out(&selection, "php-readline"),
        &LeftOutReason::Unreached
    );
}

#[test]
fn a_program_whose_calls_cannot_be_read_may_name_everything() {
    let parts = || {
        deb("app")
            .field("Source", "suite")
            .depends("libc6, app-tools")
    };
    let library = ElfBuilder::library("libapp.so.1").build();
    let unended = parts().file(
        "/usr/sbin/app",
        0o755,
        program().constant("fullRUST_BACKTRACEapp-agent").build(),
    );
    let tools = deb("app-tools")
        .field("Source", "suite")
        .depends("libc6")
        .file("/usr/bin/app-agent", 0o755, program().build());
    let linked = parts()
        .file(
            "/usr/sbin/app",
            0o755,
            program().needed("libapp.so.1").build(),
        )
        .file(&format!("{LIB}/libapp.so.1"), 0o644, library);
    let script = parts()
        .file("/usr/sbin/app", 0o755, "#!/usr/bin/python3\n")
        .file("/usr/bin/python3", 0o755, program().build());
    let silent = parts().file("/usr/sbin/app", 0o755, program().build());
    let mut wanted = amd64();
    wanted.programs = vec!["/usr/sbin/app".to_owned()];
    for (app, takes_it) in [
        (unended, true),
        (linked, true),
        (script, true),
        (silent, false),
    ] {
        let inputs = vec![root(&app), dependency(&tools), dependency(&libc())];
        let (inputs, selection) = selected(inputs, &wanted);
        let chain = why(&selection, &inputs, "/usr/bin/app-agent");
        assert_eq!(chain.is_some(), takes_it);
        if let Some(step) = chain.and_then(|chain| chain.last().cloned()) {
            assert!(matches!(step.reason, Reason::Sibling { .. }), "{step}");
        }
    }
}

#[test]
fn a_script_of_a_dependency_that_is_left_out_says_which_command_it_lacks() {
    let app = deb("app")
        .depends("libc6, tools")
        .file("/usr/sbin/app", 0o755, program().build())
        .file("/usr/bin/sh", 0o755, program().build())
        .file("/usr/sbin/run-app", 0o755, "#!/bin/sh\nexec helper\n");
    let tools = deb("tools")
        .depends("libc6")
        .file("/usr/bin/helper", 0o755, program().build())
        .file("/usr/bin/tool-script", 0o755, "#!/bin/sh\nnobody-has-it\n")
        .file("/usr/bin/perl-script", 0o755, "#!/usr/bin/perl\n");
    let inputs = vec![root(&app), dependency(&tools), dependency(&libc())];
    let (inputs, selection) = selected(inputs, &amd64());
    let because = |path: &str| match explain(&selection, &inputs, path) {
        Explanation::FileLeftOut { because, .. } => because.map(|cause| cause.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        because("/usr/bin/tool-script").as_deref(),
        Some("it calls nobody-has-it, which is not in the image")
    );
    assert_eq!(
        because("/usr/bin/perl-script").as_deref(),
        Some("it is a script for /usr/bin/perl, which is not in the image")
    );
}
