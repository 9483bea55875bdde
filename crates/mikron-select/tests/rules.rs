//! Needs that files do not say of themselves: the rules, and the commands that shell scripts call.

mod support;

use std::sync::Arc;

use mikron_facts::{Symbols, read_elf};
use mikron_matrix::why;
use mikron_package::Limits;
use mikron_select::{
    Definitions, LookedFor, PackageInput, Reason, Role, Rules, Wanted, Without, WithoutCause,
    select,
};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;

use support::{LIB, amd64, deb, dependency, libc, paths, program, root, selected, whole};

fn provider(package: &DebBuilder) -> PackageInput {
    PackageInput {
        role: Role::Provider,
        ..dependency(package)
    }
}

fn without<'s>(list: &'s [Without], rule: &str) -> Option<&'s Without> {
    list.iter().find(|without| without.rule == rule)
}

/// A program that imports a symbol, and the C library.
fn importing(symbol: &str) -> Vec<PackageInput> {
    let app =
        deb("app")
            .depends("libc6")
            .file("/usr/bin/app", 0o755, program().import(symbol).build());
    vec![root(&app), dependency(&libc())]
}

#[test]
fn a_program_that_converts_character_sets_brings_the_modules_for_it() {
    let with_gconv = || {
        libc()
            .file(&format!("{LIB}/gconv/gconv-modules"), 0o644, "x")
            .file(
                &format!("{LIB}/gconv/ISO8859-1.so"),
                0o644,
                ElfBuilder::library("ISO8859-1.so").build(),
            )
    };
    let mut inputs = importing("iconv_open");
    inputs[1] = dependency(&with_gconv());
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    let chosen = paths(&inputs, &selection);
    assert!(
        chosen.contains(&format!("{LIB}/gconv/ISO8859-1.so")),
        "{chosen:?}"
    );
    let module = selection
        .files
        .iter()
        .find(|file| file.path.to_string().ends_with("gconv-modules"))
        .expect("chosen");
    assert!(
        matches!(&*module.reason, Reason::Rule { rule, trigger, .. } if rule == "gconv" && trigger == "imports iconv_open")
    );
    // A program that does not gets none of it.
    let mut inputs = importing("malloc");
    inputs[1] = dependency(&with_gconv());
    let (inputs, selection) = selected(inputs, &amd64());
    assert!(
        paths(&inputs, &selection)
            .iter()
            .all(|path| !path.contains("gconv"))
    );
}

#[test]
fn a_rule_that_is_switched_off_brings_nothing_and_is_listed_with_what_that_costs() {
    let mut inputs = importing("iconv_open");
    inputs[1] = dependency(&libc().file(&format!("{LIB}/gconv/gconv-modules"), 0o644, "x"));
    let wanted = Wanted {
        without: vec!["gconv".to_owned()],
        ..amd64()
    };
    let (inputs, selection) = selected(inputs, &wanted);
    assert!(
        paths(&inputs, &selection)
            .iter()
            .all(|path| !path.contains("gconv"))
    );
    let left = without(&selection.without, "gconv").expect("listed");
    assert_eq!(left.cause, WithoutCause::Off);
    assert_eq!(
        left.to_string(),
        "without: text in other character sets comes out as wrong bytes, often without an error \
         (/usr/bin/app imports iconv_open; the spec switches the rule gconv off)"
    );
}

#[test]
fn a_rule_that_holds_only_when_asked_for_is_listed_until_it_is() {
    let zones = deb("tzdata")
        .file("/usr/share/zoneinfo/UTC", 0o644, "TZif")
        .file("/usr/share/zoneinfo/Europe/Paris", 0o644, "TZif");
    let inputs = || {
        let mut inputs = importing("localtime");
        inputs.push(provider(&zones));
        inputs
    };
    let (all, selection) = selected(inputs(), &amd64());
    assert!(
        paths(&all, &selection)
            .iter()
            .all(|path| !path.contains("zoneinfo"))
    );
    let left = without(&selection.without, "local-time").expect("listed");
    assert!(
        left.to_string()
            .ends_with("`with: [local-time]` brings it)"),
        "{left}"
    );
    let wanted = Wanted {
        with: vec!["local-time".to_owned()],
        ..amd64()
    };
    let (all, selection) = selected(inputs(), &wanted);
    assert!(paths(&all, &selection).contains(&"/usr/share/zoneinfo/Europe/Paris".to_owned()));
    assert!(without(&selection.without, "local-time").is_none());
}

#[test]
fn a_library_of_apt_says_what_of_apt_it_lacks_until_that_is_asked_for() {
    let apt = deb("apt")
        .file("/etc/apt/apt.conf.d/01autoremove", 0o644, "x")
        .file("/usr/lib/apt/apt-helper", 0o755, program().build())
        .file("/usr/share/apt/x", 0o644, "x")
        .dir("/var/lib/apt/lists", 0o755);
    for soname in ["libapt-pkg.so.6.0", "libapt-pkg.so.7.0"] {
        let library = ElfBuilder::library(soname).build();
        let app = deb("app")
            .depends("libc6")
            .file("/usr/bin/app", 0o755, program().needed(soname).build())
            .file(&format!("{LIB}/{soname}"), 0o644, library);
        let inputs = || vec![root(&app), dependency(&libc()), provider(&apt)];
        let (all, selection) = selected(inputs(), &amd64());
        assert!(without(&selection.without, "apt").is_some(), "{soname}");
        assert!(why(&selection, &all, "/var/lib/apt/lists").is_none());
        let wanted = Wanted {
            with: vec!["apt".to_owned()],
            ..amd64()
        };
        let (all, selection) = selected(inputs(), &wanted);
        for path in ["/var/lib/apt/lists", "/etc/apt/apt.conf.d/01autoremove"] {
            assert!(why(&selection, &all, path).is_some(), "{soname}: {path}");
        }
    }
}

#[test]
fn a_package_that_a_rule_looks_for_is_wished_for_and_its_absence_is_told() {
    let (_, selection) = selected(importing("initscr"), &amd64());
    let want = selection
        .wants
        .iter()
        .find(|want| want.packages.contains(&"ncurses-base".to_owned()));
    assert_eq!(want.expect("wished for").looked_for, LookedFor::Package);
    let python = deb("python3")
        .depends("libc6")
        .file("/usr/lib/python3.11/zoneinfo/__init__.py", 0o644, "x")
        .file("/usr/bin/python3.11", 0o755, program().build());
    let (_, selection) = selected(vec![root(&python), dependency(&libc())], &amd64());
    let left = without(&selection.without, "time-zones").expect("listed");
    assert_eq!(
        left.cause,
        WithoutCause::Absent {
            what: "/usr/share/zoneinfo/* of tzdata".to_owned()
        }
    );
}

#[test]
fn who_verifies_peers_gets_the_certificate_authorities_and_the_library_itself_does_not_count() {
    let certificates = deb("ca-certificates").dir("/etc/ssl/certs", 0o755).file(
        "/usr/share/ca-certificates/mozilla/A.crt",
        0o644,
        "PEM",
    );
    let mut inputs = importing("SSL_CTX_set_default_verify_paths");
    inputs.push(provider(&certificates));
    let (_, selection) = selected(inputs, &amd64());
    assert_eq!(selection.inputs.len(), 1, "the certificates are read");
    assert!(
        matches!(&*selection.inputs[0].reason, Reason::Rule { rule, .. } if rule == "ca-certificates")
    );
    let ssl = deb("libssl3").file(
        &format!("{LIB}/libssl.so.3"),
        0o644,
        ElfBuilder::library("libssl.so.3")
            .import("X509_STORE_set_default_paths")
            .build(),
    );
    let app = deb("app").depends("libssl3, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libssl.so.3").build(),
    );
    let inputs = vec![
        root(&app),
        dependency(&ssl),
        dependency(&libc()),
        provider(&certificates),
    ];
    let (_, selection) = selected(inputs, &amd64());
    assert!(selection.inputs.is_empty());
}

#[test]
fn the_table_of_a_user_stands_beside_the_built_in_one() {
    let text = "
- rule: plugins
  when: { soname: [libplug.so.1] }
  brings: [{ path: '/usr/lib/plug/*.so' }]
  because: the library loads every plugin of its directory
  without: no format is known
";
    let more = Rules::parse("my-rules.yaml", text, &Limits::default()).expect("well-formed");
    let rules = Rules::builtin().extended(more).expect("no name twice");
    let plug = deb("libplug1")
        .file(
            &format!("{LIB}/libplug.so.1"),
            0o644,
            ElfBuilder::library("libplug.so.1").build(),
        )
        .file(
            "/usr/lib/plug/a.so",
            0o644,
            ElfBuilder::library("a.so").build(),
        );
    let app = deb("app").depends("libplug1, libc6").file(
        "/usr/bin/app",
        0o755,
        program().needed("libplug.so.1").build(),
    );
    let inputs = || vec![root(&app), dependency(&plug), dependency(&libc())];
    let wanted = Wanted {
        rules: Arc::new(rules),
        ..amd64()
    };
    let (all, selection) = selected(inputs(), &wanted);
    assert!(paths(&all, &selection).contains(&"/usr/lib/plug/a.so".to_owned()));
    let (all, selection) = selected(inputs(), &amd64());
    assert!(!paths(&all, &selection).contains(&"/usr/lib/plug/a.so".to_owned()));
}

#[test]
fn a_shell_script_of_a_root_brings_the_shell_and_the_commands_that_it_calls() {
    let tool = |name: &str| (format!("/usr/bin/{name}"), program().build());
    let base = [tool("mkdir"), tool("id"), tool("sed")];
    let base = base.into_iter().fold(deb("coreutils"), |deb, (path, elf)| {
        deb.file(&path, 0o755, elf)
    });
    let dash = deb("dash").file("/bin/sh", 0o755, program().build());
    let perl = deb("perl-base").file("/usr/bin/perl", 0o755, program().build());
    let script = "#!/bin/sh
command -v id >/dev/null && id
mkdir -p /var/lib/app
helper() { sed -n 1p; }
perl -e 1
nowhere --now
";
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, program().build())
        .file("/usr/bin/app-install", 0o755, script);
    let inputs = vec![
        root(&app),
        dependency(&libc()),
        provider(&base),
        provider(&dash),
        provider(&perl),
    ];
    let (all, selection) = selected(inputs, &amd64());
    whole(&all, &selection);
    let chosen = paths(&all, &selection);
    assert!(chosen.contains(&"/usr/bin/mkdir".to_owned()), "{chosen:?}");
    // It looks first whether there is an `id`, nothing calls `helper`, and scripts bring no interpreter.
    for other in ["/usr/bin/id", "/usr/bin/sed", "/usr/bin/perl"] {
        assert!(!chosen.contains(&other.to_owned()), "{other}");
    }
    let left = without(&selection.without, "commands").expect("listed");
    assert_eq!(left.trigger, "calls nowhere, perl");
    let want = selection
        .wants
        .iter()
        .any(|want| want.looked_for == LookedFor::Command("nowhere".to_owned()));
    assert!(want && select(&all, &amd64()).is_ok());
}

#[test]
fn a_definition_stands_in_place_of_a_class_and_brings_what_it_requires() {
    let text = "
- package: app
  capability: config
  files: ['/etc/app/**', '!/etc/app/example/**']
  requires: ['tools:bins', 'command(helper)']
  because: the example is not wanted
";
    let definitions = Definitions::parse("d.yaml", text, &Limits::default()).expect("well-formed");
    let app = deb("app")
        .depends("tools")
        .file("/etc/app/app.conf", 0o644, "x")
        .file("/etc/app/example/site", 0o644, "x");
    let tools = deb("tools").file("/usr/bin/tool", 0o755, "x");
    let helper = deb("helper").file("/usr/bin/helper", 0o755, "x");
    let role = Role::capabilities(vec!["config".to_owned()]);
    let wanted = Wanted {
        definitions: Arc::new(definitions),
        ..amd64()
    };
    let app = PackageInput { role, ..root(&app) };
    let inputs = vec![app, dependency(&tools), provider(&helper)];
    let (all, selection) = selected(inputs, &wanted);
    assert_eq!(
        paths(&all, &selection),
        ["/etc/app/app.conf", "/usr/bin/helper", "/usr/bin/tool"]
    );
    let tool = selection
        .files
        .iter()
        .find(|file| file.path.to_string() == "/usr/bin/tool");
    assert_eq!(
        tool.expect("chosen").reason.to_string(),
        "the definition of app:config requires tools:bins"
    );
}

#[test]
fn a_glob_of_a_definition_that_matches_nothing_is_an_error_that_names_it() {
    let text = "- { package: app, capability: site, files: [/srv/app/**], because: moved since }";
    let definitions = Definitions::parse("d.yaml", text, &Limits::default()).expect("well-formed");
    let app = deb("app").file("/usr/share/app/page.html", 0o644, "x");
    let role = Role::capabilities(vec!["site".to_owned()]);
    let wanted = Wanted {
        definitions: Arc::new(definitions),
        ..amd64()
    };
    let error = select(&[PackageInput { role, ..root(&app) }], &wanted).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "app:site: the glob `/srv/app/**` matches nothing in the package"
    );
}

#[test]
fn facts_record_the_symbols_that_the_rules_of_a_user_ask_for() {
    let text = "- { rule: own, when: { imports: [frobnicate] }, brings: [{ soname: libfrob.so.1 }], because: it loads it, without: nothing }";
    let more = Rules::parse("own.yaml", text, &Limits::default()).expect("well-formed");
    let rules = Rules::builtin().extended(more).expect("no name twice");
    let file = program().import("frobnicate").build();
    let builtin = Rules::builtin().symbols();
    let imports = |symbols: &Symbols| {
        let elf = read_elf(file.as_slice(), symbols).expect("well-formed");
        elf.imports.len()
    };
    assert_eq!((imports(&builtin), imports(&rules.symbols())), (0, 1));
    assert_ne!(builtin.digest(), rules.symbols().digest());
}

/// What sets a rule off, and a file that it brings below the directory of libraries.
struct Plugins {
    rule: &'static str,
    soname: &'static str,
    import: &'static str,
    file: &'static str,
}

const PLUGINS: [Plugins; 9] = [
    plugins("gio-modules", "libgio-2.0.so.0", "gio/modules/libgiotls.so"),
    plugins(
        "gstreamer",
        "libgstreamer-1.0.so.0",
        "gstreamer-1.0/libgstx.so",
    ),
    plugins(
        "pixbuf-loaders",
        "libgdk_pixbuf-2.0.so.0",
        "gdk-pixbuf-2.0/2.10.0/loaders/libpixbufloader-svg.so",
    ),
    plugins(
        "imagemagick",
        "libMagickCore-7.Q16HDRI.so.10",
        "ImageMagick-7.1.1/modules-Q16HDRI/coders/png.la",
    ),
    plugins("openssl-legacy", "libcrypto.so.3", "ossl-modules/legacy.so"),
    plugins("openssl-engines", "libcrypto.so.3", "engines-3/afalg.so"),
    plugins(
        "gwenhywfar",
        "libgwenhywfar.so.80",
        "gwenhywfar/plugins/80/dbio/csv.so",
    ),
    plugins("sasl", "libsasl2.so.2", "sasl2/libplain.so"),
    Plugins {
        import: "getaddrinfo",
        ..plugins("nss-modules", "libx.so.1", "libnss_myhostname.so.2")
    },
];

const fn plugins(rule: &'static str, soname: &'static str, file: &'static str) -> Plugins {
    Plugins {
        rule,
        soname,
        import: "f",
        file,
    }
}

/// A C library with its loader in this directory.
fn libc_in(lib: &str) -> DebBuilder {
    let libc = ElfBuilder::library("libc.so.6").version_definition("GLIBC_2.34");
    let loader = ElfBuilder::library("ld-linux-x86-64.so.2");
    let interpreter = "/lib64/ld-linux-x86-64.so.2";
    let real = format!("{lib}/ld-linux-x86-64.so.2");
    let package = deb("libc6")
        .file(&format!("{lib}/libc.so.6"), 0o755, libc.build())
        .file(&real, 0o755, loader.build());
    if lib == "/usr/lib64" {
        return package;
    }
    package.symlink(interpreter, &real)
}

#[test]
fn plugins_are_found_where_each_family_keeps_its_libraries() {
    for lib in [LIB, "/usr/lib64", "/usr/lib"] {
        for case in &PLUGINS {
            let Plugins { rule, soname, .. } = case;
            let file = format!("{lib}/{}", case.file);
            let library = ElfBuilder::library(soname).build();
            let plugin = ElfBuilder::library("plugin.so").build();
            let of_library = deb("library")
                .file(&format!("{lib}/{soname}"), 0o644, library)
                .file(&file, 0o644, plugin);
            let program = program().needed(soname).import(case.import).build();
            let app = deb("app").depends("libc6, library");
            let app = app.file("/usr/bin/app", 0o755, program);
            let inputs = [
                root(&app),
                dependency(&of_library),
                dependency(&libc_in(lib)),
            ];
            let switched = vec![(*rule).to_owned()];
            let with = Wanted {
                with: switched.clone(),
                ..amd64()
            };
            let (all, selection) = selected(inputs.to_vec(), &with);
            let chosen = paths(&all, &selection);
            assert!(chosen.contains(&file), "{rule}: {file}: {chosen:?}");
            let without = Wanted {
                without: switched,
                ..amd64()
            };
            let (all, selection) = selected(inputs.to_vec(), &without);
            assert!(!paths(&all, &selection).contains(&file), "{rule}: {file}");
        }
    }
}

#[test]
fn what_runs_jobs_at_their_time_brings_the_shell_that_runs_them() {
    for (name, brings) in [
        ("cron", true),
        ("crond", true),
        ("atd", true),
        ("chronyd", false),
    ] {
        let app = deb("app").depends("libc6");
        let app = app.file(&format!("/usr/sbin/{name}"), 0o755, program().build());
        let shell = deb("dash").file("/bin/sh", 0o755, program().build());
        let inputs = vec![root(&app), provider(&shell), dependency(&libc())];
        let (inputs, selection) = selected(inputs, &amd64());
        let chosen = paths(&inputs, &selection);
        assert_eq!(
            chosen.contains(&"/bin/sh".to_owned()),
            brings,
            "{name}: {chosen:?}"
        );
    }
}
