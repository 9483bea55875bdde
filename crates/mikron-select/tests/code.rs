//! What code of interpreted languages names among its texts, and what lies beside the library of an interpreter.

mod support;

use std::io::Write;

use mikron_select::Role;

use support::{
    LIB, amd64, deb, dependency, has, libc, library, of, package, paths, program, root, selected,
    whole,
};

#[test]
fn code_that_loads_a_library_by_name_brings_it_and_what_finds_it() {
    let python = deb("python3").file("/usr/bin/python3", 0o755, program().build());
    let usb = deb("libusb")
        .file(
            &format!("{LIB}/libusb-1.0.so.0.3"),
            0o644,
            library("libusb-1.0.so.0"),
        )
        .symlink(&format!("{LIB}/libusb-1.0.so.0"), "libusb-1.0.so.0.3");
    let libc_bin = deb("libc-bin").file("/sbin/ldconfig", 0o755, program().build());
    let dist = "/usr/lib/python3/dist-packages/usb.py";
    let finds = "x = ctypes.util.find_library('usb-1.0')\n";
    for (path, code, loads, asks) in [
        (dist, finds, true, true),
        // The interpreter's own tests of it ask for nothing.
        (
            "/usr/lib/python3.11/test/support/usb.py",
            finds,
            true,
            false,
        ),
        (dist, "x = ffi.dlopen(\"libusb-1.0.so.0\")\n", true, false),
        (dist, "x = ctypes.CDLL('libusb-1.0.so.0')\n", true, false),
        (dist, "x = 'usb-1.0'\n", false, false),
    ] {
        let app = deb("python3-usb")
            .depends("python3, libusb, libc6")
            .file(path, 0o644, code);
        let mut inputs = vec![root(&app), root(&python)];
        inputs.extend([&usb, &libc_bin, &libc()].map(dependency));
        let (inputs, selection) = selected(inputs, &amd64());
        whole(&inputs, &selection);
        let chosen = paths(&inputs, &selection);
        let there = |path: &str| chosen.iter().any(|chosen| chosen == path);
        assert_eq!(there(&format!("{LIB}/libusb-1.0.so.0.3")), loads, "{code}");
        assert_eq!(there(&format!("{LIB}/libusb-1.0.so.0")), loads, "{code}");
        assert_eq!(there("/sbin/ldconfig"), asks, "{code}");
    }
}

#[test]
fn a_library_is_brought_by_the_name_for_linkers_that_code_loads_it_by() {
    let ruby = deb("ruby").file("/usr/bin/ruby", 0o755, program().build());
    let sass = deb("libsass1")
        .file(
            &format!("{LIB}/libsass.so.1.0.0"),
            0o644,
            library("libsass.so.1"),
        )
        .symlink(&format!("{LIB}/libsass.so.1"), "libsass.so.1.0.0");
    let links = deb("libsass-dev")
        .depends("libsass1")
        .symlink(&format!("{LIB}/libsass.so"), "libsass.so.1.0.0");
    let code = "ffi_lib \"/usr/lib/#{RbConfig::CONFIG['arch']}/libsass.#{ext}\"\n";
    let app = deb("ruby-sassc").depends("ruby, libsass-dev, libc6").file(
        "/usr/lib/ruby/vendor_ruby/sassc.rb",
        0o644,
        code,
    );
    let found = of(&app, &[&ruby, &sass, &links]);
    for name in ["libsass.so", "libsass.so.1.0.0"] {
        assert!(has(&found, &format!("{LIB}/{name}")), "{name}");
    }
}

#[test]
fn a_typelib_brings_the_libraries_that_it_describes() {
    let mut typelib = b"GOBJ\nMETADATA\r\n\x1a".to_vec();
    typelib.resize(52, 0);
    typelib.extend(56_u32.to_le_bytes());
    typelib.extend(b"libgreet-3.so.0,libother.so.1\0");
    let described = deb("gir1.2-greet-3").depends("libgreet").file(
        &format!("{LIB}/girepository-1.0/Greet-3.typelib"),
        0o644,
        typelib,
    );
    let greet = deb("libgreet")
        .file(
            &format!("{LIB}/libgreet-3.so.0.7"),
            0o644,
            library("libgreet-3.so.0"),
        )
        .symlink(&format!("{LIB}/libgreet-3.so.0"), "libgreet-3.so.0.7");
    let python = deb("python3").file("/usr/bin/python3", 0o755, program().build());
    let app = deb("python3-greet")
        .depends("python3, gir1.2-greet-3, libc6")
        .file(
            "/usr/lib/python3/dist-packages/greet.py",
            0o644,
            "import gi\n",
        );
    let found = of(&app, &[&described, &greet, &python]);
    for name in ["libgreet-3.so.0", "libgreet-3.so.0.7"] {
        assert!(has(&found, &format!("{LIB}/{name}")), "{name}");
    }
}

#[test]
fn code_that_starts_programs_brings_those_of_its_own_dependencies_that_it_names() {
    for (path, interpreter, code) in [
        (
            "/usr/lib/python3/dist-packages/git.py",
            "/usr/bin/python3",
            "from subprocess import Popen\nname = 'git'\n",
        ),
        (
            "/usr/share/perl5/Git.pm",
            "/usr/bin/perl",
            "open3($in, $out, $err, \"git log\");\n",
        ),
        (
            "/usr/lib/ruby/vendor_ruby/git.rb",
            "/usr/bin/ruby",
            "IO.popen(['/usr/bin/git', 'log'])\n",
        ),
        (
            "/usr/share/nodejs/git/index.js",
            "/usr/bin/node",
            "require('child_process').spawn('git', ['log'])\n",
        ),
    ] {
        let language = deb("language").file(interpreter, 0o755, program().build());
        let tool = |name: &str| {
            deb(name)
                .file(&format!("/usr/bin/{name}"), 0o755, program().build())
                .file(&format!("/usr/lib/{name}/helper"), 0o755, program().build())
        };
        let app = deb("code-git")
            .depends("language, git, less, libc6")
            .file(path, 0o644, code);
        let found = of(&app, &[&language, &tool("git"), &tool("less")]);
        for there in ["/usr/bin/git", "/usr/lib/git/helper"] {
            assert!(has(&found, there), "{path}: {there}");
        }
        assert!(!has(&found, "/usr/bin/less"), "{path}");
    }
}

/// The code of a package of R that holds one text.
fn database(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len())
        .expect("it is short")
        .to_be_bytes();
    let object = [
        b"X\n\0\0\0\x10\0\0\0\x01\0\x04\0\x09",
        &length[..],
        text.as_bytes(),
    ]
    .concat();
    let database = u32::try_from(object.len())
        .expect("it is short")
        .to_be_bytes()
        .to_vec();
    let mut encoder = flate2::write::ZlibEncoder::new(database, flate2::Compression::new(6));
    encoder.write_all(&object).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[test]
fn code_names_the_directory_of_a_dependencys_modules() {
    let dir = format!("{LIB}/JAGS/modules-4");
    for (path, interpreter, code) in [
        (
            "/usr/lib/R/site-library/rjags/R/rjags.rdb",
            "/usr/bin/Rscript",
            database(&dir),
        ),
        (
            "/usr/lib/python3/dist-packages/jags.py",
            "/usr/bin/python3",
            format!("path = '{dir}/'\n").into_bytes(),
        ),
        (
            "/usr/share/perl5/Jags.pm",
            "/usr/bin/perl",
            format!("our $path = \"{dir}\";\n").into_bytes(),
        ),
    ] {
        let language = deb("language").file(interpreter, 0o755, program().build());
        let jags = |at: &str| {
            deb("jags")
                .file("/usr/bin/jags", 0o755, program().build())
                .file(&format!("{at}/basemod.so"), 0o644, library("basemod.so"))
        };
        let app = deb("code")
            .depends("language, jags, libc6")
            .file(path, 0o644, code);
        let found = of(&app, &[&language, &jags(&dir)]);
        assert!(has(&found, &format!("{dir}/basemod.so")), "{path}");
        assert!(!has(&found, "/usr/bin/jags"), "{path}");
        let elsewhere = format!("{LIB}/JAGS/modules-5");
        let found = of(&app, &[&language, &jags(&elsewhere)]);
        assert!(!has(&found, &format!("{elsewhere}/basemod.so")), "{path}");
    }
}

#[test]
fn a_library_of_an_interpreter_and_those_for_it_bring_the_code_beside_them() {
    for (interpreter, dir, other) in [
        ("libtcl8.6.so", "/usr/share/tcltk/tcl8.6", "libtk8.6.so"),
        ("libruby-3.1.so.3.1", "/usr/lib/ruby/3.1.0", "libgems.so.1"),
        (
            "libpython3.11.so.1.0",
            "/usr/lib/python3.11",
            "libboost_x.so.1",
        ),
    ] {
        let with_code = |name: &str, soname: &str, code: &str| {
            deb(name)
                .file(&format!("{LIB}/{soname}"), 0o644, library(soname))
                .file(&format!("{dir}/{code}"), 0o644, "x")
        };
        let own = with_code("libinterpreter", interpreter, "init.tcl");
        let for_it = with_code("libfor", other, "tk.tcl");
        let app = |needed: &[&str]| {
            let elf = needed.iter().fold(program(), |elf, name| elf.needed(name));
            deb("app").depends("libinterpreter, libfor, libc6").file(
                "/usr/bin/app",
                0o755,
                elf.build(),
            )
        };
        let found = of(&app(&[interpreter, other]), &[&own, &for_it]);
        assert!(has(&found, &format!("{dir}/init.tcl")), "{interpreter}");
        assert!(has(&found, &format!("{dir}/tk.tcl")), "{interpreter}");
        // Without the interpreter nobody reads it.
        let found = of(&app(&[other]), &[&own, &for_it]);
        assert!(!has(&found, &format!("{dir}/tk.tcl")), "{interpreter}");
    }
}

#[test]
fn a_script_that_is_longer_than_one_piece_is_read_to_its_end() {
    let long = "# A line of many.\n".repeat(10_000);
    for (first, last) in [
        ("#!/bin/sh\n# \\\nexec wish \"$0\" -- \"$@\"\n", ""),
        ("#!/bin/sh\n", "wish --version\n"),
        (
            "#!/usr/bin/python3\nimport subprocess\n",
            "subprocess.run(['wish'])\n",
        ),
    ] {
        let tools = deb("tools")
            .file("/bin/sh", 0o755, program().build())
            .file("/usr/bin/python3", 0o755, program().build())
            .file("/usr/bin/wish", 0o755, program().build());
        let app = deb("app").depends("tools, libc6").file(
            "/usr/bin/app",
            0o755,
            format!("{first}{long}{last}"),
        );
        assert!(has(&of(&app, &[&tools]), "/usr/bin/wish"), "{first}{last}");
    }
}

#[test]
fn a_library_is_named_by_its_path_without_an_ending_in_a_file_that_loads_none() {
    let guile = deb("guile-3.0").file("/usr/bin/guile", 0o755, program().build());
    let real = deb("zlib1g").file(&format!("{LIB}/libz.so.1"), 0o644, library("libz.so.1"));
    let links = deb("zlib1g-dev")
        .depends("zlib1g")
        .symlink(&format!("{LIB}/libz.so"), "libz.so.1");
    for (code, named) in [
        ("(define %libz \"/usr/lib/x86_64-linux-gnu/libz\")", true),
        ("(define %libz \"libz.so\")", true),
        ("(define %libz \"libz.so.1\")", true),
        ("(define %name \"libz\")", false),
    ] {
        let app = deb("guile-zlib").depends("guile-3.0, zlib1g-dev").file(
            "/usr/share/guile/site/3.0/zlib/config.scm",
            0o644,
            code,
        );
        let found = of(&app, &[&guile, &real, &links]);
        assert_eq!(has(&found, &format!("{LIB}/libz.so.1")), named, "{code}");
    }
}

#[test]
fn a_script_of_a_root_brings_the_commands_that_every_installation_has() {
    for (interpreter, text) in [
        ("/usr/bin/perl", "my $gone = `rm -rf /tmp/x`;\n"),
        ("/usr/bin/ruby", "gone = %x(cd /tmp; rm -rf x)\n"),
        (
            "/usr/bin/python3",
            "import subprocess\nsubprocess.run(['/bin/rm', 'x'])\n",
        ),
        ("/usr/bin/python3", "name = 'rm'\n"),
    ] {
        let tools = deb("tools").file("/bin/rm", 0o755, program().build());
        let language = deb("language").file(interpreter, 0o755, program().build());
        let app = deb("app")
            .depends("language, libc6")
            .file("/usr/bin/app", 0o755, format!("#!{interpreter}\n{text}"))
            .file("/usr/bin/tool", 0o755, program().build());
        let mut inputs = vec![root(&app)];
        inputs.extend([&language, &libc()].map(dependency));
        inputs.push(package(Role::Provider, &tools));
        let named = !text.starts_with("name");
        for (start, taken) in [(None, named), (Some("app"), named), (Some("tool"), false)] {
            let mut wanted = amd64();
            wanted.programs = start.into_iter().map(str::to_owned).collect();
            let found = selected(inputs.clone(), &wanted);
            whole(&found.0, &found.1);
            assert_eq!(has(&found, "/bin/rm"), taken, "{text}: {start:?}");
        }
    }
}
