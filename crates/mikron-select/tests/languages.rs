//! Code of interpreted languages, their interpreters, and packages that stand in for others, each over packages of a few files.

mod support;

use mikron_matrix::{Explanation, NeedState, Violation, explain, matrix, verify, why};
use mikron_select::{LookedFor, ProgramCause, Reason, Role, Select};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;

use support::{LIB, amd64, deb, dependency, libc, package, paths, program, root, selected, whole};

/// An interpreter in a package of its own behind the one that code depends on, as Debian has them.
fn interpreter(program_path: &str) -> [DebBuilder; 2] {
    let name = program_path.rsplit('/').next().expect("a name");
    let inner =
        deb("interpreter-minimal")
            .depends("libc6")
            .file(program_path, 0o755, program().build());
    let outer = deb("interpreter").depends("interpreter-minimal").file(
        "/usr/share/interpreter/data",
        0o644,
        name,
    );
    [outer, inner]
}

#[test]
fn a_root_that_is_code_brings_its_interpreter_and_the_code_that_it_depends_on() {
    for (dir, at) in [
        ("/usr/lib/python3/dist-packages", "/usr/bin/python3"),
        ("/usr/share/perl5", "/usr/bin/perl"),
        ("/usr/lib/ruby/vendor_ruby", "/usr/bin/ruby3.1"),
        ("/usr/share/nodejs", "/usr/bin/node"),
        ("/usr/share/php", "/usr/bin/php8.2"),
        ("/usr/share/tcltk", "/usr/bin/tclsh8.6"),
        ("/usr/share/lua/5.4", "/usr/bin/lua5.4"),
        (
            "/usr/share/guile/site",
            "/usr/lib/x86_64-linux-gnu/guile/3.0/bin/guile",
        ),
        ("/usr/lib/R/site-library", "/usr/bin/Rscript"),
        ("/usr/lib/ocaml", "/usr/bin/ocamlrun"),
        ("/usr/lib/erlang/lib", "/usr/bin/escript"),
    ] {
        let code = |name: &str| deb(name).file(&format!("{dir}/{name}/init"), 0o644, "x");
        let library = ElfBuilder::library("libdeep.so.1").build();
        let app = code("app").depends("interpreter, middle");
        let middle = code("middle")
            .depends("libc6, deep")
            .file("/usr/bin/normalizer", 0o755, program().build())
            .file("/usr/libexec/middle/helper", 0o755, program().build());
        let deep = code("deep").file(&format!("{LIB}/libdeep.so.1"), 0o644, library);
        let [outer, inner] = interpreter(at);
        let inputs = vec![
            root(&app),
            dependency(&middle),
            dependency(&deep),
            dependency(&outer),
            dependency(&inner),
            dependency(&libc()),
        ];
        let (inputs, selection) = selected(inputs, &amd64());
        whole(&inputs, &selection);
        for path in [
            &format!("{dir}/middle/init"),
            &format!("{dir}/deep/init"),
            "/usr/libexec/middle/helper",
            "/usr/share/interpreter/data",
        ] {
            assert!(why(&selection, &inputs, path).is_some(), "{path}");
        }
        let chain = why(&selection, &inputs, at).expect("the interpreter is in");
        let reason = chain.last().expect("a step").reason.to_string();
        assert!(reason.starts_with("is code for "), "{reason}");
        assert!(why(&selection, &inputs, &format!("{LIB}/libdeep.so.1")).is_none());
        match explain(&selection, &inputs, "/usr/bin/normalizer") {
            Explanation::FileLeftOut { because, .. } => {
                assert_eq!(because, Some(ProgramCause::Code));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_parts_of_an_interpreter_that_other_packages_of_its_source_have_come_with_it() {
    // Byte code with the line of a script: a program all the same.
    let byte_code = [&b"#!/usr/bin/ocamlrun\nT\0\0\0"[..], &[0xff; 300]].concat();
    let of_source = |name: &str| deb(name).field("Source", "ocaml");
    let run = of_source("ocaml-base").depends("libc6").file(
        "/usr/bin/ocamlrun",
        0o755,
        program().build(),
    );
    let top = of_source("ocaml-interp")
        .depends("ocaml-compiler-libs, ocaml-base")
        .file("/usr/bin/ocaml", 0o755, byte_code);
    let parts = of_source("ocaml-compiler-libs").depends("ocaml").file(
        "/usr/lib/ocaml/compiler-libs/topdirs.cmi",
        0o644,
        "x",
    );
    let all = of_source("ocaml")
        .depends("ocaml-base, libc6")
        .file("/usr/bin/ocamlc.opt", 0o755, program().build())
        .file("/usr/lib/ocaml/stdlib.cma", 0o644, "x")
        .file("/usr/lib/ocaml/stdlib.cmxa", 0o644, "x");
    let code =
        deb("libhmap-ocaml")
            .depends("ocaml-base")
            .file("/usr/lib/ocaml/hmap/hmap.cma", 0o644, "x");
    let inputs = vec![
        root(&code),
        root(&top),
        dependency(&parts),
        dependency(&all),
        dependency(&run),
        dependency(&libc()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    let is_in = |path: &str| why(&selection, &inputs, path).is_some();
    for path in [
        "/usr/bin/ocaml",
        "/usr/bin/ocamlrun",
        "/usr/lib/ocaml/stdlib.cma",
        "/usr/lib/ocaml/compiler-libs/topdirs.cmi",
    ] {
        assert!(is_in(path), "{path}");
    }
    for path in ["/usr/bin/ocamlc.opt", "/usr/lib/ocaml/stdlib.cmxa"] {
        assert!(!is_in(path), "{path}");
    }
}

#[test]
fn one_of_several_scripts_of_a_root_may_be_for_a_shell_that_nobody_depends_on() {
    let perl = deb("perl").file("/usr/bin/perl", 0o755, program().build());
    let parallel = deb("parallel")
        .depends("perl, libc6")
        .file("/usr/bin/parallel", 0o755, "#!/usr/bin/perl\n")
        .file("/usr/bin/sem", 0o755, "#!/usr/bin/perl\n")
        .file("/usr/bin/env_parallel.ksh", 0o755, "#!/usr/bin/ksh\n");
    let inputs = || vec![root(&parallel), dependency(&perl), dependency(&libc())];
    let (all, selection) = selected(inputs(), &amd64());
    whole(&all, &selection);
    assert!(why(&selection, &all, "/usr/bin/sem").is_some());
    match explain(&selection, &all, "/usr/bin/env_parallel.ksh") {
        Explanation::FileLeftOut { because, .. } => {
            let ksh = "/usr/bin/ksh".to_owned();
            assert_eq!(because, Some(ProgramCause::Interpreter(ksh)));
        }
        other => panic!("{other:?}"),
    }
    // It is looked for outside of the closure, and whoever starts it needs it.
    let shell = LookedFor::Command("ksh".to_owned());
    assert!(selection.wants.iter().any(|want| want.looked_for == shell));
    let mut wanted = amd64();
    wanted.programs = vec!["/usr/bin/env_parallel.ksh".to_owned()];
    let (_, selection) = selected(inputs(), &wanted);
    assert_eq!(selection.missing.len(), 1);
}

#[test]
fn an_interpreter_that_code_brought_counts_as_the_roots_for_rules() {
    let library = ElfBuilder::library("libguile-3.0.so.1").import("iconv_open");
    let guile = deb("guile-3.0-libs")
        .depends("libc6")
        .file(&format!("{LIB}/libguile-3.0.so.1"), 0o644, library.build())
        .file(
            &format!("{LIB}/guile/3.0/bin/guile"),
            0o755,
            program().needed("libguile-3.0.so.1").build(),
        );
    let code = deb("guile-lzlib").depends("guile-3.0-libs").file(
        "/usr/share/guile/site/3.0/lzlib.scm",
        0o644,
        "x",
    );
    let inputs = vec![
        root(&code),
        dependency(&guile),
        dependency(&libc_with_gconv()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    let modules = format!("{LIB}/gconv/gconv-modules");
    assert!(why(&selection, &inputs, &modules).is_some());
}

#[test]
fn code_beside_a_compiled_program_waits_for_its_interpreter() {
    let [outer, inner] = interpreter("/usr/bin/perl");
    let git = deb("git")
        .depends("libc6, interpreter, liberror")
        .file("/usr/bin/git", 0o755, program().build())
        .file("/usr/share/perl5/Git.pm", 0o644, "x");
    let error = deb("liberror")
        .file("/usr/share/perl5/Error.pm", 0o644, "x")
        .file("/usr/bin/error", 0o755, program().build());
    let inputs = || {
        vec![
            root(&git),
            dependency(&outer),
            dependency(&inner),
            dependency(&error),
            dependency(&libc()),
        ]
    };
    let (all, selection) = selected(inputs(), &amd64());
    assert!(why(&selection, &all, "/usr/bin/perl").is_none());
    assert!(why(&selection, &all, "/usr/share/perl5/Error.pm").is_none());
    // With the interpreter in the image for another reason, it has waited for that.
    let mut all = inputs();
    all[2].role = Role::root();
    let (all, selection) = selected(all, &amd64());
    assert!(why(&selection, &all, "/usr/share/perl5/Error.pm").is_some());
}

#[test]
fn a_part_of_code_that_is_asked_for_by_name_brings_no_interpreter() {
    let [outer, inner] = interpreter("/usr/bin/python3");
    let yaml = deb("python3-yaml").depends("interpreter").file(
        "/usr/lib/python3/dist-packages/yaml.py",
        0o644,
        "x",
    );
    let capabilities = vec!["source".to_owned()];
    let inputs = vec![
        package(Role::capabilities(capabilities), &yaml),
        dependency(&outer),
        dependency(&inner),
        dependency(&libc()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    let chosen = paths(&inputs, &selection);
    assert!(chosen.contains(&"/usr/lib/python3/dist-packages/yaml.py".to_owned()));
    assert!(
        !chosen.contains(&"/usr/bin/python3".to_owned()),
        "{chosen:?}"
    );
}

#[test]
fn a_capability_that_is_named_beside_its_package_is_taken_besides() {
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, program().build())
        .file("/usr/share/doc/app/copyright", 0o644, "x");
    let capabilities = vec!["licences".to_owned()];
    let role = Role::Root {
        capabilities,
        whole: true,
    };
    let inputs = vec![package(role, &app), dependency(&libc())];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    for path in ["/usr/bin/app", "/usr/share/doc/app/copyright"] {
        assert!(why(&selection, &inputs, path).is_some(), "{path}");
    }
}

/// The C library with a converter of character sets.
fn libc_with_gconv() -> DebBuilder {
    libc().file(&format!("{LIB}/gconv/gconv-modules"), 0o644, "x")
}

#[test]
fn a_package_that_stands_in_for_one_without_files_is_a_root_to_every_rule() {
    let server = || {
        deb("php8.2-cli").depends("libc6").file(
            "/usr/bin/php8.2",
            0o755,
            program().import("iconv_open").build(),
        )
    };
    let far = deb("php").depends("php-cli").dir("/var/lib/php", 0o755);
    let near = deb("php-cli")
        .depends("php8.2-cli, libc6")
        .symlink("/usr/bin/php.default", "php8.2");
    let inputs = vec![
        root(&far),
        dependency(&near),
        dependency(&server()),
        dependency(&libc_with_gconv()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    assert!(why(&selection, &inputs, &format!("{LIB}/gconv/gconv-modules")).is_some());
    let roots = selection.packages.iter().filter(|package| package.root);
    let names: Vec<&str> = roots.map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["php", "php-cli", "php8.2-cli"]);
}

#[test]
fn what_stands_in_for_a_package_is_taken_as_much_as_that_one() {
    let meta = deb("desktop").depends("panel");
    let panel = deb("panel")
        .depends("libc6")
        .file("/usr/bin/panel", 0o755, program().build())
        .file("/usr/share/doc/panel/README", 0o644, "x");
    for (select, docs) in [(None, false), (Some(Select::Full), true)] {
        let mut inputs = vec![root(&meta), dependency(&panel), dependency(&libc())];
        inputs[0].select = select;
        let (inputs, selection) = selected(inputs, &amd64());
        let taken = why(&selection, &inputs, "/usr/share/doc/panel/README").is_some();
        assert_eq!(taken, docs);
    }
}

#[test]
fn the_package_that_has_an_interpreters_name_brings_the_code_that_it_depends_on() {
    for (name, target, dir) in [
        ("ruby", "ruby3.1", "/usr/lib/ruby/vendor_ruby"),
        ("python3", "python3.11", "/usr/lib/python3/dist-packages"),
        ("tclsh", "tclsh8.6", "/usr/share/tcltk"),
    ] {
        let at = format!("/usr/bin/{name}");
        let app =
            deb("app")
                .depends("named")
                .file("/usr/bin/app", 0o755, format!("#!{at}\n").as_bytes());
        let named = deb("named").depends("inner, gems").symlink(&at, target);
        let inner = deb("inner").depends("libc6").file(
            &format!("/usr/bin/{target}"),
            0o755,
            program().build(),
        );
        let gems = deb("gems").file(&format!("{dir}/gems.x"), 0o644, "x").file(
            "/usr/bin/gem",
            0o755,
            "#!/bin/sh\n",
        );
        let inputs = vec![
            root(&app),
            dependency(&named),
            dependency(&inner),
            dependency(&gems),
            dependency(&libc()),
        ];
        let (inputs, selection) = selected(inputs, &amd64());
        whole(&inputs, &selection);
        let code = format!("{dir}/gems.x");
        assert!(why(&selection, &inputs, &code).is_some(), "{code}");
        assert!(why(&selection, &inputs, "/usr/bin/gem").is_none());
    }
}

#[test]
fn an_extension_of_a_root_counts_as_the_roots_for_rules() {
    let extension = |name: &str, path: &str| {
        let module = ElfBuilder::library("x.so").import("iconv_open");
        deb(name)
            .depends("interpreter")
            .file(path, 0o644, module.build())
    };
    for (at, path) in [
        ("/usr/bin/php8.2", "/usr/lib/php/20220829/iconv.so"),
        ("/usr/bin/python3", "/usr/lib/python3/dist-packages/conv.so"),
        (
            "/usr/bin/perl",
            "/usr/lib/x86_64-linux-gnu/perl5/5.36/auto/Iconv.so",
        ),
        (
            "/usr/bin/ruby",
            "/usr/lib/x86_64-linux-gnu/ruby/vendor_ruby/3.1.0/iconv.so",
        ),
    ] {
        let [outer, inner] = interpreter(at);
        let of = |extension_is_root: bool| {
            let app = deb("app").depends("interpreter-minimal, extension");
            let mut inputs = vec![
                root(&app.file("/usr/share/app/data", 0o644, "x")),
                dependency(&extension("extension", path)),
                dependency(&outer),
                dependency(&inner),
                dependency(&libc_with_gconv()),
            ];
            inputs[if extension_is_root { 1 } else { 3 }].role = Role::root();
            let (inputs, selection) = selected(inputs, &amd64());
            whole(&inputs, &selection);
            why(&selection, &inputs, &format!("{LIB}/gconv/gconv-modules")).is_some()
        };
        assert!(of(true), "{path} as a root");
        assert!(of(false), "{path} beside its interpreter as a root");
    }
}

#[test]
fn private_programs_lie_beside_the_one_that_a_script_starts() {
    let emulator = deb("erlang-base")
        .depends("libc6")
        .file(
            "/usr/lib/erlang/erts-13/bin/erlexec",
            0o755,
            program().build(),
        )
        .file(
            "/usr/lib/erlang/erts-13/bin/beam.smp",
            0o755,
            program().build(),
        )
        .file("/usr/bin/epmd", 0o755, program().build());
    let dash = deb("dash")
        .depends("libc6")
        .file("/usr/bin/sh", 0o755, program().build());
    let app = deb("app").depends("erlang-base").file(
        "/usr/bin/app",
        0o755,
        "#!/bin/sh\nexec /usr/lib/erlang/erts-13/bin/erlexec \"$@\"\n",
    );
    let inputs = vec![
        root(&app),
        dependency(&emulator),
        package(Role::Provider, &dash),
        dependency(&libc()),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    let chain = why(&selection, &inputs, "/usr/lib/erlang/erts-13/bin/beam.smp").expect("in");
    let last = &chain.last().expect("a step").reason;
    assert!(matches!(last, Reason::Program { .. }), "{last:?}");
    assert!(why(&selection, &inputs, "/usr/bin/epmd").is_none());
}

#[test]
fn what_extends_an_emulator_brings_it_whatever_programs_it_has() {
    // Its module is linked with the emulator's library, which names a part of it. The script that starts all needs sed besides.
    let library = ElfBuilder::library("libR.so").constant("Rprof");
    let module = ElfBuilder::library("Rserve.so").needed("libR.so");
    let core = deb("r-base-core")
        .depends("libc6, dash, sed")
        .file("/usr/lib/libR.so", 0o644, library.build())
        .file("/usr/lib/R/bin/Rprof", 0o755, program().build())
        .file("/usr/lib/R/bin/exec/R", 0o755, program().build())
        .file(
            "/usr/lib/R/bin/R",
            0o755,
            "#!/bin/sh\nsed -n 1p /x\nexec /usr/lib/R/bin/exec/R\n",
        )
        .symlink("/usr/bin/R", "../lib/R/bin/R")
        .file("/usr/bin/Rscript", 0o755, program().build());
    let dash = deb("dash").file("/bin/sh", 0o755, program().build());
    let sed = deb("sed").file("/bin/sed", 0o755, program().build());
    let rserve = deb("r-cran-rserve")
        .depends("r-base-core, libc6")
        .file("/usr/bin/Rserve", 0o755, program().build())
        .file("/usr/lib/R/site-library/Rserve/R/Rserve", 0o644, "x")
        .file(
            "/usr/lib/R/site-library/Rserve/libs/Rserve.so",
            0o644,
            module.build(),
        );
    let mut inputs = vec![root(&rserve)];
    inputs.extend([&core, &dash, &sed, &libc()].map(dependency));
    let (all, selection) = selected(inputs, &amd64());
    for path in [
        "/usr/bin/Rscript",
        "/usr/bin/R",
        "/usr/lib/R/bin/R",
        "/bin/sed",
    ] {
        assert!(why(&selection, &all, path).is_some(), "{path}");
    }
}

#[test]
fn who_names_a_program_gets_no_emulator_for_the_code_beside_it() {
    let core = deb("r-base-core")
        .depends("libc6")
        .file("/usr/lib/R/bin/exec/R", 0o755, program().build())
        .file("/usr/bin/Rscript", 0o755, program().build());
    let rserve = deb("r-cran-rserve")
        .depends("r-base-core, libc6")
        .file("/usr/bin/Rserve", 0o755, program().build())
        .file("/usr/lib/R/site-library/Rserve/R/Rserve", 0o644, "x");
    let inputs = vec![root(&rserve), dependency(&core), dependency(&libc())];
    let mut wanted = amd64();
    wanted.programs = vec!["Rserve".to_owned()];
    let (all, selection) = selected(inputs, &wanted);
    assert!(why(&selection, &all, "/usr/bin/Rscript").is_none());
}

#[test]
fn the_program_that_a_package_is_named_after_is_one_of_the_root_whatever_interprets_it() {
    let bash = deb("bash")
        .depends("libc6")
        .file("/usr/bin/bash", 0o755, program().build());
    let core = deb("r-base-core")
        .field("Source", "r-base")
        .depends("bash, libc6")
        .file("/usr/lib/R/bin/exec/R", 0o755, program().build())
        .file("/usr/bin/R", 0o755, "#!/bin/bash\n")
        .file("/usr/bin/Rother", 0o755, "#!/bin/bash\nnobody-has-it\n");
    let inputs = vec![root(&core), dependency(&bash), dependency(&libc())];
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    assert!(why(&selection, &inputs, "/usr/bin/R").is_some());
    assert!(why(&selection, &inputs, "/usr/bin/bash").is_some());
}

#[test]
fn what_a_file_that_came_with_a_whole_package_lacks_is_no_failure() {
    let routing = deb("iproute2")
        .depends("libc6")
        .file("/usr/bin/ip", 0o755, program().build())
        .file("/usr/bin/routel", 0o755, "#!/usr/bin/python3\n")
        .file(
            "/usr/lib/app/plugin",
            0o755,
            program().needed("libnobody.so.1").build(),
        );
    let app = deb("app")
        .depends("libc6, iproute2")
        .file("/usr/bin/app", 0o755, program().build());
    for select in [Select::Package, Select::Full] {
        let mut wanted = amd64();
        wanted.select = select;
        let inputs = vec![root(&app), dependency(&routing), dependency(&libc())];
        let (inputs, selection) = selected(inputs, &wanted);
        assert!(why(&selection, &inputs, "/usr/bin/routel").is_some());
        let unreached = selection.missing.iter().filter(|need| need.is_unreached());
        let mut by: Vec<String> = unreached
            .map(|need| need.chain.last().expect("a step").path.to_string())
            .collect();
        by.sort();
        assert_eq!(by, ["/usr/bin/routel", "/usr/lib/app/plugin"]);
        assert_eq!(selection.missing.len(), by.len());
        let violations = verify(&selection, &inputs, &wanted);
        assert_eq!(violations.len(), 2, "{violations:#?}");
        assert!(violations.iter().all(Violation::is_unreached));
        let matrix = matrix(&selection, &inputs, &wanted, &violations, &[]);
        assert_eq!(matrix.missing().count(), 0);
        let mut waived = matrix.needs.iter().filter(|n| n.state == NeedState::Waived);
        assert!(waived.any(|need| need.token.to_string() == "soname(libnobody.so.1)"));
    }
    // What a root's own program lacks is a failure in any case.
    let app = deb("app").depends("libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libnobody.so.1").build(),
    );
    let mut wanted = amd64();
    wanted.select = Select::Full;
    let (_, selection) = selected(vec![root(&app), dependency(&libc())], &wanted);
    assert_eq!(selection.missing.len(), 1);
    assert!(!selection.missing[0].is_unreached());
}
