//! Selections that are wrong on purpose, each with the message that a user reads: file, token, remedy, chain.

#[path = "../../mikron-select/tests/support/mod.rs"]
mod support;

use mikron_facts::X86Level;
use mikron_matrix::{ViolationKind, verify, why};
use mikron_package::RootPath;
use mikron_select::{PackageInput, Provided, Role, Selection, Token, Wanted};
use mikron_testkit::archive::{DebBuilder, class, jar};
use mikron_testkit::elf::ElfBuilder;

use support::{LIB, amd64, deb, dependency, libc, package, program, root, selected, whole};

/// What the user reads.
fn report(inputs: &[PackageInput], selection: &Selection, wanted: &Wanted) -> String {
    let violations = verify(selection, inputs, wanted);
    let lines: Vec<String> = violations.iter().map(|v| format!("{v:#}")).collect();
    lines.join("\n")
}

/// Selects over an `app` with some dependencies and the C library, and gives what the user reads.
fn judged(app: &DebBuilder, others: &[DebBuilder], wanted: &Wanted) -> String {
    let mut inputs = vec![root(app)];
    inputs.extend(others.iter().map(dependency));
    inputs.push(dependency(&libc()));
    let (inputs, selection) = selected(inputs, wanted);
    report(&inputs, &selection, wanted)
}

fn app(program: &ElfBuilder) -> DebBuilder {
    deb("app")
        .depends("libx, libc6")
        .file("/usr/bin/app", 0o755, program.build())
}

fn libx(library: &ElfBuilder) -> DebBuilder {
    deb("libx").file(&format!("{LIB}/libx.so.1"), 0o644, library.build())
}

fn x() -> ElfBuilder {
    ElfBuilder::library("libx.so.1")
}

#[test]
fn a_musl_library_under_a_glibc_program() {
    let program = program().needed("libx.so.1");
    let library = x().needed("libc.musl-x86_64.so.1");
    let musl = deb("musl").file(
        "/lib/libc.musl-x86_64.so.1",
        0o755,
        ElfBuilder::library("libc.musl-x86_64.so.1").build(),
    );
    insta::assert_snapshot!(judged(&app(&program), &[libx(&library).depends("musl"), musl], &amd64()), @r"
    /usr/bin/app is made for glibc and loads soname(libc.musl-x86_64.so.1), and /lib/libc.musl-x86_64.so.1 is made for musl: take both from one distribution
      /usr/bin/app (app): the spec names its package (bins)
    /usr/bin/app is made for glibc and loads soname(libx.so.1), and /usr/lib/x86_64-linux-gnu/libx.so.1 is made for musl: take both from one distribution
      /usr/bin/app (app): the spec names its package (bins)
    ");
}

#[test]
fn a_library_too_old_for_a_required_symbol_version() {
    let program = program()
        .needed("libx.so.1")
        .version_need("libx.so.1", &["X_2"]);
    let library = x().version_definition("X_1");
    insta::assert_snapshot!(judged(&app(&program), &[libx(&library)], &amd64()), @r"
    /usr/bin/app needs soname(libx.so.1, X_2), and /usr/lib/x86_64-linux-gnu/libx.so.1 has no more than X_1: take it from a newer release, or build the program where its libraries are no newer than those of the image
      /usr/bin/app (app): the spec names its package (bins)
    ");
}

#[test]
fn a_library_of_another_machine() {
    let program = program().needed("libx.so.1");
    insta::assert_snapshot!(judged(&app(&program), &[libx(&x().machine(183))], &amd64()), @r"
    /usr/bin/app needs soname(libx.so.1), and /usr/lib/x86_64-linux-gnu/libx.so.1 is of another machine: take the package of the platform's architecture
      /usr/bin/app (app): the spec names its package (bins)
    ");
}

#[test]
fn a_library_of_another_calling_convention() {
    let armhf = Wanted::new("linux/arm/v7".parse().expect("a platform"));
    // ElfBuilder writes 64-bit files alone, and the flags are the same in both.
    let program = ElfBuilder::executable()
        .machine(40)
        .flags(0x0500_0400)
        .needed("libx.so.1")
        .interpreter("/lib/ld-linux-armhf.so.3");
    let of = |flags| {
        let library = x().machine(40).flags(flags);
        deb("libx").file("/usr/lib/libx.so.1", 0o644, library.build())
    };
    let soft = judged(&app(&program), &[of(0x0500_0200)], &armhf);
    assert!(soft.contains("libx.so.1 is of another machine"), "{soft}");
    for flags in [0x0500_0400, 0x0500_0000] {
        let fine = judged(&app(&program), &[of(flags)], &armhf);
        assert!(!fine.contains("libx.so.1"), "{fine}");
    }
}

#[test]
fn an_interpreter_that_is_missing_or_of_another_machine() {
    let other = program().interpreter("/lib/ld-other.so.1");
    insta::assert_snapshot!(judged(&app(&other), &[], &amd64()), @r"
    /usr/bin/app is run by path(/lib/ld-other.so.1), which is not in the image: add the package that has it to `packages`
      /usr/bin/app (app): the spec names its package (bins)
    ");
    let loader = ElfBuilder::library("ld-other.so.1").machine(183).build();
    let loader = deb("libx").file("/lib/ld-other.so.1", 0o755, loader);
    insta::assert_snapshot!(judged(&app(&other), &[loader], &amd64()), @r"
    /usr/bin/app needs path(/lib/ld-other.so.1), and /lib/ld-other.so.1 is of another machine: take the package of the platform's architecture
      /usr/bin/app (app): the spec names its package (bins)
    ");
}

#[test]
fn a_program_for_a_better_processor_than_the_platforms() {
    let program = program().needed("libx.so.1");
    let needs_v3 = || x().x86_needed(0b0111);
    insta::assert_snapshot!(judged(&app(&program), &[libx(&needs_v3())], &amd64()), @r"
    /usr/lib/x86_64-linux-gnu/libx.so.1 needs a processor of x86-64-v3, and the image is for x86-64-v1: take a build for the platform's processors, or raise the platform's level
      /usr/bin/app (app): the spec names its package (bins)
      /usr/lib/x86_64-linux-gnu/libx.so.1 (libx): is linked with libx.so.1
    ");
    let mut newer = amd64();
    newer.x86_level = X86Level::V3;
    assert_eq!(judged(&app(&program), &[libx(&needs_v3())], &newer), "");
    // The loader takes a variant only where the processor is good enough.
    let hwcaps = format!("{LIB}/glibc-hwcaps/x86-64-v3/libx.so.1");
    let both = libx(&x()).file(&hwcaps, 0o644, needs_v3().build());
    let named = app(&program).depends("libx, libc6");
    let whole = deb("app2").depends("libx");
    let mut wanted = amd64();
    wanted.select = mikron_select::Select::Full;
    let (inputs, selection) = selected(
        vec![
            root(&named),
            root(&whole),
            dependency(&both),
            dependency(&libc()),
        ],
        &wanted,
    );
    assert!(why(&selection, &inputs, &hwcaps).is_some());
    assert_eq!(report(&inputs, &selection, &wanted), "");
}

#[test]
fn a_variant_for_better_processors_that_is_older_than_its_library() {
    let program = program()
        .needed("libx.so.1")
        .version_need("libx.so.1", &["X_2"]);
    let hwcaps = format!("{LIB}/glibc-hwcaps/x86-64-v3/libx.so.1");
    let both = libx(&x().version_definition("X_1").version_definition("X_2")).file(
        &hwcaps,
        0o644,
        x().version_definition("X_1").build(),
    );
    let mut wanted = amd64();
    wanted.select = mikron_select::Select::Full;
    insta::assert_snapshot!(judged(&app(&program), &[both], &wanted), @r"
    /usr/bin/app needs soname(libx.so.1, X_2), and /usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libx.so.1 has no more than X_1: take it from a newer release, or build the program where its libraries are no newer than those of the image
      /usr/bin/app (app): the spec names its package (bins)
    ");
}

#[test]
fn a_symbol_that_nothing_defines() {
    let program = || {
        program()
            .needed("libx.so.1")
            .version_need("libx.so.1", &["X_1"])
            .import_of("x_open", "X_1")
            .import("x_close")
            .import("x_read")
    };
    let library = || {
        x().version_definition("X_1")
            .export_of("x_open", "X_1")
            .export("x_close")
    };
    let now = app(&program().bind_now());
    insta::assert_snapshot!(judged(&now, &[libx(&library())], &amd64()), @r"
    /usr/bin/app needs symbol(x_read), which no library that it loads defines: take program and libraries from one release, or add the package that has the symbol
      /usr/bin/app (app): the spec names its package (bins)
    ");
    assert_eq!(
        judged(&now, &[libx(&library().export("x_read"))], &amd64()),
        ""
    );
    // Bound late, the program may never ask for it.
    assert_eq!(judged(&app(&program()), &[libx(&library())], &amd64()), "");
    // Where another library defines it, the loader is content.
    let more = ElfBuilder::library("liby.so.1").export("x_read");
    let more = deb("liby").file(&format!("{LIB}/liby.so.1"), 0o644, more.build());
    let through = library().needed("liby.so.1");
    assert_eq!(
        judged(&now, &[libx(&through).depends("liby"), more], &amd64()),
        ""
    );
}

#[test]
fn a_private_library_where_the_loader_does_not_look() {
    let program = program().needed("libx.so.1");
    let private = x().build();
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, program.build())
        .file("/usr/lib/app/libx.so.1", 0o644, private.clone());
    insta::assert_snapshot!(judged(&app, &[], &amd64()), @r"
    /usr/bin/app needs soname(libx.so.1), and /usr/lib/app/libx.so.1 lies where the loader does not look: add its directory to `LD_LIBRARY_PATH` in `image.env`, or link to it with `files`
      /usr/bin/app (app): the spec names its package (bins)
    ");
    let mut wanted = amd64();
    wanted.library_path = vec!["/usr/lib/app".to_owned()];
    assert_eq!(judged(&app, &[], &wanted), "");
    // A plugin may need what its program has loaded by path.
    let plugin = ElfBuilder::library("plugin.so").needed("libx.so.1");
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, support::program().build())
        .file("/usr/lib/app/libx.so.1", 0o644, private)
        .file("/usr/lib/app/plugin.so", 0o644, plugin.build());
    assert_eq!(judged(&app, &[], &amd64()), "");
}

#[test]
fn an_unmet_dlopen_note_is_an_error_when_required_and_listed_otherwise() {
    let note = |priority: &str| {
        let json = format!(
            r#"[{{"soname":["libx.so.1"],"feature":"x","description":"Reads X","priority":"{priority}"}}]"#
        );
        app(&program().dlopen_note(&json))
    };
    insta::assert_snapshot!(judged(&note("required"), &[], &amd64()), @r"
    /usr/bin/app cannot do without soname(libx.so.1) (x), which is not in the image: add the package that has the library to `packages`
      /usr/bin/app (app): the spec names its package (bins)
    ");
    for (priority, taken) in [("recommended", true), ("suggested", false)] {
        let there = vec![
            root(&note(priority)),
            dependency(&libx(&x())),
            dependency(&libc()),
        ];
        let (inputs, selection) = selected(there, &amd64());
        whole(&inputs, &selection);
        assert_eq!(why(&selection, &inputs, "libx").is_some(), taken);
        assert_eq!(selection.unmet_notes.is_empty(), taken);
        let absent = vec![root(&note(priority)), dependency(&libc())];
        let (inputs, selection) = selected(absent, &amd64());
        whole(&inputs, &selection);
        assert_eq!(selection.unmet_notes[0].path.to_string(), "/usr/bin/app");
        assert_eq!(selection.unmet_notes[0].note.sonames, ["libx.so.1"]);
    }
}

#[test]
fn two_owners_of_a_path_with_different_content() {
    let one = || deb("one").file("/usr/lib/shared.conf", 0o644, "one");
    let two = || deb("two").file("/usr/lib/shared.conf", 0o644, "two");
    let judge = |a: &DebBuilder, b: &DebBuilder, wanted: &Wanted| {
        let (inputs, selection) = selected(vec![root(a), root(b)], wanted);
        report(&inputs, &selection, wanted)
    };
    insta::assert_snapshot!(judge(&one(), &two(), &amd64()), @r"
    two and one give /usr/lib/shared.conf different contents: take one of the packages, or `remove` the path and add it with `files`
      /usr/lib/shared.conf (two): the spec names its package (data)
    ");
    let path = RootPath::new(b"/usr/lib/shared.conf").expect("a path");

    let replaces = two().field("Replaces", "one (<< 2)");
    assert_eq!(judge(&one(), &replaces, &amd64()), "");
    let mut made = amd64();
    made.provided = vec![Provided {
        path,
        target: None,
        by: "alternatives".to_owned(),
    }];
    assert_eq!(judge(&one(), &two(), &made), "");
    // Before and after the merge of /usr, with one content.
    let same = deb("two").file("/lib/shared.conf", 0o644, "one");
    assert_eq!(judge(&one(), &same, &amd64()), "");
    let other = deb("two").file("/lib/shared.conf", 0o644, "two");
    assert!(judge(&one(), &other, &amd64()).contains("different contents"));
    let mut own = vec![root(&one())];
    own.insert(0, package(Role::Files, &two()));
    let (inputs, selection) = selected(own, &amd64());
    assert_eq!(report(&inputs, &selection, &amd64()), "");
}

#[test]
fn a_module_whose_needs_nobody_brings_is_left_out_with_its_reason() {
    let plugin = ElfBuilder::library("q_atm.so").needed("libatm.so.1");
    let tc = |more: &str| {
        deb("tc")
            .depends("libc6")
            .file("/usr/bin/tc", 0o755, program().build())
            .file(&format!("/usr/lib/tc/{more}"), 0o644, plugin.build())
    };
    let good = ElfBuilder::library("m_good.so").build();
    let package = tc("q_atm.so").file("/usr/lib/tc/m_good.so", 0o644, good);
    let (inputs, selection) = selected(vec![root(&package), dependency(&libc())], &amd64());
    whole(&inputs, &selection);
    assert_eq!(selection.modules_left_out.len(), 1);
    let module = &selection.modules_left_out[0];
    assert_eq!(module.path.to_string(), "/usr/lib/tc/q_atm.so");
    assert_eq!(module.token, Token::Soname("libatm.so.1".to_owned()));
    assert!(why(&selection, &inputs, "/usr/lib/tc/q_atm.so").is_none());
    assert!(why(&selection, &inputs, "/usr/lib/tc/m_good.so").is_some());

    // Asked for by path or capability, it is a hole in the image.
    let mut by_path = amd64();
    by_path.mentions = vec!["/usr/lib/tc/q_atm.so".to_owned()];
    let capability = Role::capabilities(vec!["modules".to_owned()]);
    for (role, wanted) in [(Role::root(), by_path), (capability, amd64())] {
        let inputs = vec![support::package(role, &package), dependency(&libc())];
        let (inputs, selection) = selected(inputs, &wanted);
        assert!(selection.modules_left_out.is_empty());
        assert_eq!(selection.missing.len(), 1);
        let violations = verify(&selection, &inputs, &wanted);
        assert_eq!(violations[0].kind, ViolationKind::Library);
    }
}

#[test]
fn the_same_hole_in_a_program_or_its_library_is_an_error() {
    let private = ElfBuilder::library("libp.so").needed("libatm.so.1");
    let program = program().needed("libp.so").rpath("$ORIGIN/../lib/app");
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, program.build())
        .file("/usr/lib/app/libp.so", 0o644, private.build());
    let (inputs, selection) = selected(vec![root(&app), dependency(&libc())], &amd64());
    assert!(selection.modules_left_out.is_empty());
    assert_eq!(selection.missing.len(), 1);
    insta::assert_snapshot!(report(&inputs, &selection, &amd64()), @r"
    /usr/lib/app/libp.so needs soname(libatm.so.1), which is not in the image: add the package that has it to `packages`
      /usr/lib/app/libp.so (app): the spec names its package (modules)
    ");
}

/// An application of one's own beside packages, and what the user reads.
fn judged_own(own: &DebBuilder, packages: &[DebBuilder]) -> String {
    let mut inputs: Vec<PackageInput> = packages.iter().map(root).collect();
    inputs.push(dependency(&libc()));
    inputs.push(package(Role::Files, own));
    let (inputs, selection) = selected(inputs, &amd64());
    report(&inputs, &selection, &amd64())
}

#[test]
fn modules_of_another_interpreter_than_that_of_the_image() {
    let interpreter = |path: &str| deb("engine").file(path, 0o755, program().build());
    let module = |exports: &str| ElfBuilder::library("module.so").export(exports).build();
    let python = interpreter("/usr/bin/python3.11");
    let site = "/srv/venv/lib/python3.12/site-packages";
    let wheel = |tag: &str| {
        let name = format!("{site}/pkg/_fast.cpython-{tag}-x86_64-linux-gnu.so");
        deb("own").file(&name, 0o644, module("PyInit__fast"))
    };
    let other = wheel("312").file(
        &format!("{site}/pkg/_slow.cpython-312-x86_64-linux-gnu.so"),
        0o644,
        module("x"),
    );
    let text = judged_own(&other, std::slice::from_ref(&python));
    assert!(
        text.contains("/pkg/_fast.cpython-312-x86_64-linux-gnu.so and one more file are made for Python 3.12, and the image has 3.11"),
        "{text}"
    );
    assert!(
        text.contains("install or compile it for the version that the image has"),
        "{text}"
    );
    let right = wheel("311");
    let moved = judged_own(&right, &[interpreter("/usr/bin/python3.11")]);
    assert!(moved.is_empty(), "{moved}");
    assert_eq!(
        judged_own(&other, &[interpreter("/usr/bin/perl")]),
        "",
        "nobody loads them"
    );

    let addon = deb("own").file(
        "/srv/node_modules/x/build/x.node",
        0o755,
        module("node_register_module_v115"),
    );
    let node = |version: &str| {
        let library = ElfBuilder::library(&format!("libnode.so.{version}"));
        deb("engine").file(
            &format!("{LIB}/libnode.so.{version}"),
            0o644,
            library.build(),
        )
    };
    let text = judged_own(&addon, &[node("108")]);
    assert!(
        text.contains("(NODE_MODULE_VERSION) 115, and the image has 108"),
        "{text}"
    );
    assert_eq!(judged_own(&addon, &[node("115")]), "");
}

#[test]
fn classes_of_a_newer_release_than_the_run_time_environment() {
    let jre = deb("jre").file(
        "/usr/lib/jvm/java-17/release",
        0o644,
        b"JAVA_VERSION=\"17.0.15\"\n",
    );
    let app = |classes: &[(&str, Vec<u8>)]| deb("own").file("/app/app.jar", 0o644, jar(classes));
    let text = judged_own(
        &app(&[("A.class", class(61)), ("b/B.class", class(65))]),
        std::slice::from_ref(&jre),
    );
    assert!(
        text.contains("/app/app.jar is made for Java 21 (class version 65), and the image has 17"),
        "{text}"
    );
    // Other machines pass over these.
    let several = [
        ("A.class", class(61)),
        ("META-INF/versions/21/A.class", class(65)),
        ("module-info.class", class(65)),
        ("data.bin", class(65)),
    ];
    assert_eq!(judged_own(&app(&several), std::slice::from_ref(&jre)), "");
    let plain = deb("own").file("/app/A.class", 0o644, class(65));
    assert!(judged_own(&plain, std::slice::from_ref(&jre)).contains("class version 65"));
    let no_archive = deb("own").file("/app/app.jar", 0o644, b"no archive");
    assert_eq!(judged_own(&no_archive, &[jre]), "", "it holds no class");
}

#[test]
fn wheels_and_environments_of_another_python_or_machine() {
    let python = deb("engine").file("/usr/bin/python3.11", 0o755, program().build());
    let judged = |path: &str, text: &str| {
        let own = deb("own").file(&format!("/srv/{path}"), 0o644, text.as_bytes());
        judged_own(&own, std::slice::from_ref(&python))
    };
    let wheel = |tag: &str| judged("vendor/pkg-1.dist-info/WHEEL", &format!("Tag: {tag}\n"));
    for fitting in [
        "cp311-cp311-manylinux2014_x86_64",
        "cp38-abi3-linux_x86_64",
        "py3-none-any",
    ] {
        assert_eq!(wheel(fitting), "", "{fitting}");
    }
    for (tag, expected) in [
        (
            "cp312-cp312-linux_x86_64",
            "is made for Python 3.12, and the image has 3.11",
        ),
        (
            "cp312-abi3-linux_x86_64",
            "is made for Python 3.12 or later, and the image has 3.11",
        ),
        (
            "cp311-cp311-musllinux_1_2_x86_64",
            "and the image is for linux/amd64 with glibc",
        ),
        (
            "cp311-cp311-linux_aarch64",
            "is of a wheel for cp311-cp311-linux_aarch64",
        ),
    ] {
        let text = wheel(tag);
        assert!(text.contains(expected), "{tag}: {text}");
    }
    let text = judged("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.12.1\n");
    assert!(
        text.contains("pyvenv.cfg is made for Python 3.12, and the image has 3.11"),
        "{text}"
    );
    assert_eq!(
        judged("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n"),
        ""
    );
}
