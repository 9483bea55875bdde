//! What files name among their constants, and where that counts.

mod support;

use mikron_matrix::why;
use mikron_package::RootPath;
use mikron_select::{LookedFor, Provided, Role, Selection};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;

use support::{
    LIB, amd64, deb, dependency, has, libc, library, of, package, program, root, selected, whole,
};

#[test]
fn a_program_that_another_one_names_is_taken_of_a_dependency_and_of_no_other_package() {
    let tool = deb("tool")
        .file("/usr/bin/tool", 0o755, program().build())
        .file("/usr/bin/unnamed", 0o755, program().build())
        .file("/usr/share/tool/data", 0o644, "x");
    let other = deb("other").file("/usr/bin/other", 0o755, program().build());
    let between =
        deb("between")
            .depends("other")
            .file("/usr/bin/between", 0o755, program().build());
    for text in [
        "/usr/bin/tool",
        "tool -x",
        "\"%s%stool\" -w",
        "exec tool %s",
    ] {
        let app = deb("app").depends("tool, between, libc6").file(
            "/usr/bin/app",
            0o755,
            program().constant(text).constant("other").build(),
        );
        let found = of(&app, &[&tool, &between, &other]);
        assert!(has(&found, "/usr/bin/tool"), "{text}");
        assert!(has(&found, "/usr/share/tool/data"), "{text}");
        assert!(!has(&found, "/usr/bin/unnamed"), "{text}");
        assert!(!has(&found, "/usr/bin/other"), "{text}");
    }
}

#[test]
fn a_library_whose_version_a_program_puts_together_is_taken_of_a_dependency() {
    let unicode = deb("libicu72").file(
        &format!("{LIB}/libicuuc.so.72.1"),
        0o644,
        library("libicuuc.so.72"),
    );
    let unicode = unicode.symlink(&format!("{LIB}/libicuuc.so.72"), "libicuuc.so.72.1");
    for (text, named) in [
        ("libicuuc.so.%s", true),
        ("libicuuc.so.", true),
        // A directory is looked through for it.
        ("libicuuc.*", true),
        ("libicuuc.so*", true),
        ("libicuu*", false),
        ("libicuuc.%s", false),
    ] {
        let app = deb("app").depends("libicu72, libc6").file(
            "/usr/bin/app",
            0o755,
            program().constant(text).build(),
        );
        let found = of(&app, &[&unicode]);
        for name in ["libicuuc.so.72", "libicuuc.so.72.1"] {
            assert_eq!(
                has(&found, &format!("{LIB}/{name}")),
                named,
                "{text}: {name}"
            );
        }
    }
}

#[test]
fn a_library_whose_name_a_program_begins_is_taken_of_its_own_package_and_of_a_dependency() {
    let plugin = |deb: DebBuilder, name: &str| {
        deb.file(&format!("{LIB}/{name}.so.0.0.0"), 0o644, library(name))
            .symlink(&format!("{LIB}/{name}.so"), &format!("{name}.so.0.0.0"))
    };
    for (text, named) in [
        ("libcpu_", true),
        ("libcpu_%s.so", true),
        ("/usr/lib/x/libcpu_%s", true),
        ("libcp", false),
        ("cpu_", false),
    ] {
        let app = deb("cpu").depends("cpu-passwd, libc6").file(
            "/usr/sbin/cpu",
            0o755,
            program().constant(text).build(),
        );
        let app = plugin(app, "libcpu_ldap");
        let passwd = plugin(deb("cpu-passwd").depends("far"), "libcpu_passwd");
        let far = plugin(deb("far"), "libcpu_far");
        let found = of(&app, &[&passwd, &far]);
        for name in ["libcpu_ldap", "libcpu_passwd"] {
            assert_eq!(
                has(&found, &format!("{LIB}/{name}.so")),
                named,
                "{text}: {name}"
            );
        }
        assert!(!has(&found, &format!("{LIB}/libcpu_far.so")), "{text}");
    }
}

#[test]
fn a_program_stands_before_a_link_that_a_script_may_make_in_its_place() {
    let tools = ["ps", "uptime", "vmstat"];
    let mut procps = deb("procps");
    let mut elf = program();
    let mut wanted = amd64();
    for tool in tools {
        let path = format!("/usr/bin/{tool}");
        procps = procps.file(&path, 0o755, program().build());
        elf = elf.constant(&path);
        wanted.provided.push(Provided {
            path: RootPath::new(path.as_bytes()).unwrap(),
            target: Some(format!("{path}.procps").into_bytes()),
            by: "update-alternatives of procps".to_owned(),
        });
    }
    let app = deb("app").depends("procps, libc6");
    let app = app.file("/usr/bin/app", 0o755, elf.build());
    let inputs = vec![root(&app), dependency(&procps), dependency(&libc())];
    let found = selected(inputs, &wanted);
    whole(&found.0, &found.1);
    for tool in tools {
        assert!(has(&found, &format!("/usr/bin/{tool}")), "{tool}");
    }
}

#[test]
fn a_program_is_named_by_the_link_of_an_alternative_and_a_shell_by_nothing() {
    let tool = deb("tool").file("/usr/bin/tool-curses", 0o755, program().build());
    // As every rpm with a script of its own depends on one.
    let shell = deb("dash")
        .file("/usr/bin/dash", 0o755, program().build())
        .symlink("/usr/bin/sh", "dash");
    let app = deb("app").depends("tool, dash, libc6").file(
        "/usr/bin/app",
        0o755,
        program().constant("/tool").constant("sh").build(),
    );
    let mut wanted = amd64();
    wanted.provided.push(Provided {
        path: RootPath::new(b"/usr/bin/tool").unwrap(),
        target: Some(b"/usr/bin/tool-curses".to_vec()),
        by: "update-alternatives of tool".to_owned(),
    });
    let inputs = vec![
        root(&app),
        dependency(&tool),
        dependency(&shell),
        dependency(&libc()),
    ];
    let found = selected(inputs, &wanted);
    assert!(has(&found, "/usr/bin/tool-curses"));
    assert!(!has(&found, "/usr/bin/dash"));
}

#[test]
fn a_named_program_of_a_dependency_brings_no_interpreter_of_another_language() {
    let perl = deb("perl").file("/usr/bin/perl", 0o755, program().build());
    let tool = deb("tool")
        .depends("perl")
        .file("/usr/bin/tool", 0o755, "#!/usr/bin/perl\n");
    let app = deb("app").depends("perl, tool, libc6").file(
        "/usr/bin/app",
        0o755,
        program().constant("perl").constant("tool").build(),
    );
    let found = of(&app, &[&perl, &tool]);
    assert!(!has(&found, "/usr/bin/perl") && !has(&found, "/usr/bin/tool"));
}

#[test]
fn a_library_does_not_bring_the_programs_of_its_source_that_it_does_not_depend_on() {
    let lib = deb("libssl").field("Source", "ssl").file(
        &format!("{LIB}/libssl.so.3"),
        0o644,
        ElfBuilder::library("libssl.so.3").constant("ssl").build(),
    );
    let tool = deb("ssl")
        .depends("libssl, libc6")
        .file("/usr/bin/ssl", 0o755, program().build());
    let app = deb("app").depends("libssl, other, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libssl.so.3").build(),
    );
    let other = deb("other")
        .depends("ssl")
        .file("/usr/bin/other", 0o755, program().build());
    let found = of(&app, &[&lib, &tool, &other]);
    assert!(!has(&found, "/usr/bin/ssl"));
}

#[test]
fn a_private_script_for_the_shell_is_half_of_the_program_that_names_it() {
    let shell = deb("dash")
        .file("/usr/bin/dash", 0o755, program().build())
        .symlink("/usr/bin/sh", "dash");
    let perl = deb("perl").file("/usr/bin/perl", 0o755, program().build());
    for (interpreter, taken) in [("/bin/sh", true), ("/usr/bin/perl", false)] {
        let path = "/usr/lib/app/app-script";
        let app = deb("app")
            .depends("dash, perl, libc6")
            .file(
                "/usr/sbin/app",
                0o755,
                program().constant("/app-script").build(),
            )
            .file(path, 0o755, format!("#!{interpreter}\n:\n"));
        let mut wanted = amd64();
        wanted.programs = vec!["/usr/sbin/app".to_owned()];
        let inputs = vec![
            root(&app),
            dependency(&shell),
            dependency(&perl),
            dependency(&libc()),
        ];
        let found = selected(inputs, &wanted);
        whole(&found.0, &found.1);
        assert_eq!(has(&found, path), taken, "{interpreter}");
        assert_eq!(has(&found, "/usr/bin/dash"), taken, "{interpreter}");
    }
}

#[test]
fn a_link_among_the_data_of_a_program_brings_no_interpreter() {
    let perl = deb("perl").file("/usr/bin/perl", 0o755, program().build());
    let tool = deb("tool")
        .depends("perl")
        .file("/usr/bin/tool", 0o755, program().build())
        .file("/usr/lib/tool/more.pl", 0o755, "#!/usr/bin/perl\n")
        .symlink("/usr/lib/tool/more", "more.pl");
    let app = deb("app").depends("tool, perl, libc6").file(
        "/usr/bin/app",
        0o755,
        program().constant("/usr/bin/tool").build(),
    );
    let found = of(&app, &[&tool, &perl]);
    assert!(has(&found, "/usr/bin/tool") && !has(&found, "/usr/bin/perl"));
}

#[test]
fn private_programs_are_taken_of_the_same_source_when_they_are_named() {
    let compiler = deb("compiler")
        .depends("parts")
        .file(
            "/usr/bin/cc",
            0o755,
            program().constant("cc1").constant("collect2").build(),
        )
        .file("/usr/lib/compiler/collect2", 0o755, program().build());
    let parts = deb("parts").field("Source", "compiler").file(
        "/usr/lib/compiler/cc1",
        0o755,
        program().build(),
    );
    let app = deb("app").depends("compiler, libc6").file(
        "/usr/bin/app",
        0o755,
        program().constant("cc -c").build(),
    );
    let found = of(&app, &[&compiler, &parts]);
    assert!(has(&found, "/usr/lib/compiler/collect2") && has(&found, "/usr/lib/compiler/cc1"));
}

#[test]
fn a_library_that_another_one_loads_by_name_is_taken_of_its_own_package_and_of_dependencies() {
    let nss = deb("libnss")
        .depends("libsql, libc6")
        .file(
            &format!("{LIB}/libnss.so"),
            0o644,
            ElfBuilder::library("libnss.so")
                .constant("libsoft.so")
                .build(),
        )
        .file(
            &format!("{LIB}/libsoft.so"),
            0o644,
            ElfBuilder::library("libsoft.so")
                .constant("libsql.so.0")
                .build(),
        )
        .file(
            &format!("{LIB}/libunnamed.so"),
            0o644,
            library("libunnamed.so"),
        );
    let sql = deb("libsql")
        .file(
            &format!("{LIB}/libsql.so.0.8"),
            0o644,
            library("libsql.so.0"),
        )
        .symlink(&format!("{LIB}/libsql.so.0"), "libsql.so.0.8");
    let foreign = deb("foreign").file(&format!("{LIB}/libfar.so.1"), 0o644, library("libfar.so.1"));
    let app = deb("app").depends("libnss, libc6").file(
        "/usr/bin/app",
        0o755,
        program()
            .needed("libnss.so")
            .constant("libfar.so.1")
            .build(),
    );
    let found = of(&app, &[&nss, &sql, &foreign]);
    for name in ["libsoft.so", "libsql.so.0", "libsql.so.0.8"] {
        assert!(has(&found, &format!("{LIB}/{name}")), "{name}");
    }
    assert!(!has(&found, &format!("{LIB}/libunnamed.so")));
    assert!(!has(&found, &format!("{LIB}/libfar.so.1")));
}

#[test]
fn modules_are_taken_where_a_library_names_their_directory_and_their_package_is_in_the_image() {
    // As Qt: the library that looks for plugins names the directory, and the packages that depend on it have the plugins.
    let core = deb("libcore").file(
        &format!("{LIB}/libcore.so.5"),
        0o644,
        ElfBuilder::library("libcore.so.5")
            .constant("lib/x86_64-linux-gnu/qt/plugins")
            .build(),
    );
    let gui = deb("libgui")
        .depends("libcore, libc6")
        .file(
            &format!("{LIB}/libgui.so.5"),
            0o644,
            ElfBuilder::library("libgui.so.5")
                .needed("libcore.so.5")
                .build(),
        )
        .file(
            &format!("{LIB}/qt/plugins/platforms/off.so"),
            0o644,
            library("off.so"),
        )
        .file(&format!("{LIB}/other/x.so"), 0o644, library("x.so"));
    let unused = deb("libsvg").depends("libcore").file(
        &format!("{LIB}/libsvg.so.5"),
        0o644,
        library("libsvg.so.5"),
    );
    let unused = unused.file(
        &format!("{LIB}/qt/plugins/svg.so"),
        0o644,
        library("svg.so"),
    );
    let app = deb("app").depends("libgui, libsvg, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libgui.so.5").build(),
    );
    let found = of(&app, &[&gui, &core, &unused]);
    assert!(has(&found, &format!("{LIB}/qt/plugins/platforms/off.so")));
    assert!(!has(&found, &format!("{LIB}/other/x.so")));
    assert!(!has(&found, &format!("{LIB}/qt/plugins/svg.so")));
}

#[test]
fn data_of_a_library_is_taken_where_the_library_names_it() {
    let lib = deb("libspell")
        .file(
            &format!("{LIB}/libspell.so.1"),
            0o644,
            ElfBuilder::library("libspell.so.1")
                .constant("/usr/share/spell/%s.table")
                .constant("/etc/spell.conf")
                .build(),
        )
        .file("/usr/share/spell/en.table", 0o644, "x")
        .file("/usr/share/unnamed/x", 0o644, "x")
        .file("/etc/spell.conf", 0o644, "x");
    let app = deb("app").depends("libspell, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libspell.so.1").build(),
    );
    let found = of(&app, &[&lib]);
    assert!(has(&found, "/usr/share/spell/en.table") && has(&found, "/etc/spell.conf"));
    assert!(!has(&found, "/usr/share/unnamed/x"));
}

#[test]
fn a_named_module_whose_own_library_no_package_has_is_left_out() {
    let lib = deb("libx")
        .file(
            &format!("{LIB}/libx.so.1"),
            0o644,
            ElfBuilder::library("libx.so.1")
                .constant("/usr/lib/x/plugins")
                .build(),
        )
        .file(
            "/usr/lib/x/plugins/odd.so",
            0o644,
            ElfBuilder::library("odd.so")
                .needed("libnowhere.so.1")
                .build(),
        );
    let app = deb("app").depends("libx, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libx.so.1").build(),
    );
    let found = of(&app, &[&lib]);
    assert!(!has(&found, "/usr/lib/x/plugins/odd.so"));
    assert_eq!(found.1.modules_left_out.len(), 1);
}

#[test]
fn a_package_without_files_says_which_programs_of_its_source_belong_together() {
    let of_source = |name: &str| deb(name).field("Source", "gnupg2");
    let gpg = program().constant("gpg-agent");
    let gpg = of_source("gpg")
        .depends("libc6")
        .file("/usr/bin/gpg", 0o755, gpg.build());
    let agent = of_source("gpg-agent").depends("libc6").file(
        "/usr/bin/gpg-agent",
        0o755,
        program().build(),
    );
    let meta = of_source("gnupg").depends("gpg, gpg-agent");
    let shell = deb("dash").file("/bin/sh", 0o755, program().build());
    let app = deb("pass").depends("gnupg, dash").file(
        "/usr/bin/pass",
        0o755,
        "#!/bin/sh\ngpg --list-keys\n",
    );
    let found = of(&app, &[&meta, &gpg, &agent, &shell]);
    assert!(has(&found, "/usr/bin/gpg"));
    assert!(has(&found, "/usr/bin/gpg-agent"));
}

#[test]
fn a_command_that_every_installation_has_is_taken_where_a_root_starts_it() {
    let tools = deb("tools")
        .file("/bin/chmod", 0o755, program().build())
        .file("/bin/gzip", 0o755, program().build())
        .file("/bin/rm", 0o755, program().build());
    let shell = deb("dash").file("/bin/sh", 0o755, program().build());
    for (elf, taken) in [
        (program().constant("/bin/gzip"), &["/bin/gzip"][..]),
        (
            program().constant("rm -rf cache").import("system"),
            &["/bin/rm", "/bin/sh"],
        ),
        // What is a function of C, too, is a command where it has arguments.
        (
            program().constant("chmod 600 x").import("popen"),
            &["/bin/chmod", "/bin/sh"],
        ),
        (program().constant("chmod").import("popen"), &[]),
        (program().constant("rm -rf cache"), &[]),
        (program().constant("gzip").import("puts"), &[]),
    ] {
        let app = deb("app")
            .depends("libc6")
            .file("/usr/bin/app", 0o755, elf.build());
        let inputs = || vec![root(&app), dependency(&libc())];
        let (_, selection) = selected(inputs(), &amd64());
        let wants = selection.wants.iter();
        let commands = wants.filter(|want| matches!(want.looked_for, LookedFor::Command(_)));
        assert_eq!(commands.count(), taken.len(), "{taken:?}");
        let providers = [&tools, &shell].map(|deb| package(Role::Provider, deb));
        let (all, selection) = selected([inputs(), providers.into()].concat(), &amd64());
        whole(&all, &selection);
        for path in ["/bin/chmod", "/bin/gzip", "/bin/rm", "/bin/sh"] {
            let is_in = why(&selection, &all, path).is_some();
            assert_eq!(is_in, taken.contains(&path), "{path}: {taken:?}");
        }
    }
}

#[test]
fn a_program_of_every_installation_brings_those_that_are_named_after_it_and_that_it_names() {
    let dpkg = deb("dpkg")
        .file(
            "/usr/bin/dpkg",
            0o755,
            program().constant("dpkg-query").constant("split").build(),
        )
        .file("/usr/bin/dpkg-query", 0o755, program().build())
        .file("/usr/bin/dpkg-trigger", 0o755, program().build())
        .file("/usr/bin/split", 0o755, program().build());
    let shell = deb("dash").file("/bin/sh", 0o755, program().build());
    let app =
        deb("app")
            .depends("libc6")
            .file("/usr/bin/app", 0o755, "#!/bin/sh\ndpkg --status app\n");
    let mut inputs = vec![root(&app), dependency(&libc())];
    inputs.extend([&dpkg, &shell].map(|deb| package(Role::Provider, deb)));
    let found = selected(inputs, &amd64());
    assert!(has(&found, "/usr/bin/dpkg-query"));
    assert!(!has(&found, "/usr/bin/dpkg-trigger"));
    assert!(!has(&found, "/usr/bin/split"));
}

#[test]
fn a_program_for_a_machine_brings_the_tools_of_that_machine_that_it_names() {
    for (machine, dir) in [
        ("alpha-linux-gnu", "/usr/alpha-linux-gnu/bin"),
        ("avr", "/usr/lib/avr/bin"),
        ("arm-none-eabi", "/usr/lib/arm-none-eabi/bin"),
    ] {
        let tool = |name: &str| format!("/usr/bin/{machine}-{name}");
        let tools = ["ar", "as"].iter().fold(deb("binutils"), |deb, name| {
            deb.file(&tool(name), 0o755, program().build())
                .symlink(&format!("{dir}/{name}"), &tool(name))
        });
        let gcc = deb("gcc").depends("binutils, libc6").file(
            &tool("gcc-ar"),
            0o755,
            program().constant("ar").constant("as").build(),
        );
        let found = of(&gcc, &[&tools]);
        for name in ["ar", "as"] {
            assert!(has(&found, &tool(name)), "{machine} {name}");
            assert!(has(&found, &format!("{dir}/{name}")), "{machine} {name}");
        }
        let other = deb("other").depends("binutils, libc6").file(
            "/usr/bin/other",
            0o755,
            program().constant("ar").build(),
        );
        assert!(!has(&of(&other, &[&tools]), &tool("ar")));
    }
}

#[test]
fn every_program_of_a_root_for_bash_is_asked_for_where_the_spec_names_none() {
    let bash = deb("bash").file("/bin/bash", 0o755, program().build());
    let app = deb("app")
        .depends("libc6")
        .file("/usr/sbin/appd", 0o755, program().build())
        .file("/usr/sbin/app-theme", 0o755, "#!/bin/bash\n:\n")
        .file("/usr/bin/app-report", 0o755, "#!/usr/bin/perl\n");
    for (entrypoint, taken) in [(None, true), (Some("appd"), false)] {
        let mut wanted = amd64();
        wanted.programs = entrypoint.into_iter().map(str::to_owned).collect();
        let inputs = vec![root(&app), dependency(&libc())];
        let asks = |selection: &Selection| !selection.missing.is_empty();
        assert_eq!(asks(&selected(inputs.clone(), &wanted).1), taken);
        let all = [inputs, vec![package(Role::Provider, &bash)]].concat();
        let found = selected(all, &wanted);
        whole(&found.0, &found.1);
        assert_eq!(has(&found, "/usr/sbin/app-theme"), taken);
        assert!(!has(&found, "/usr/bin/app-report"));
    }
}
