//! Which library the loader takes: the order of ld.so(8), and that of musl.

mod support;

use mikron_matrix::{verify, why};
use mikron_select::{PackageInput, Selection, Wanted};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;

use support::{LIB, amd64, deb, dependency, libc, program, root, selected, whole};

/// A library of one name in some directories.
fn in_dirs(dirs: &[&str]) -> DebBuilder {
    let file = ElfBuilder::library("libx.so.1").build();
    let place = |deb: DebBuilder, dir: &&str| deb.file(&format!("{dir}/libx.so.1"), 0o644, &file);
    dirs.iter().fold(deb("libx"), place)
}

fn app(program: &ElfBuilder) -> DebBuilder {
    deb("app")
        .depends("libx, libc6")
        .file("/usr/bin/app", 0o755, program.build())
}

/// The directory of the library that was taken.
fn taken(app: &DebBuilder, libx: &DebBuilder, wanted: &Wanted) -> String {
    let inputs = vec![root(app), dependency(libx), dependency(&libc())];
    let (inputs, selection) = selected(inputs, wanted);
    assert!(verify(&selection, &inputs, wanted).is_empty());
    only(&inputs, &selection)
}

fn only(inputs: &[PackageInput], selection: &Selection) -> String {
    let all = support::paths(inputs, selection);
    let libraries: Vec<&str> = all
        .iter()
        .filter_map(|p| p.strip_suffix("/libx.so.1"))
        .collect();
    assert_eq!(libraries.len(), 1, "{libraries:?}");
    libraries[0].to_owned()
}

#[test]
fn rpath_stands_before_the_environment_and_runpath_behind_it() {
    let libx = in_dirs(&["/opt/rpath", "/opt/env", "/opt/runpath", LIB]);
    let mut wanted = amd64();
    wanted.library_path = vec!["/opt/env".to_owned()];
    let program = || program().needed("libx.so.1");
    let rpath = app(&program().rpath("/opt/rpath"));
    let runpath = app(&program().runpath("/opt/runpath"));
    let both = app(&program().rpath("/opt/rpath").runpath("/opt/runpath"));
    assert_eq!(taken(&rpath, &libx, &wanted), "/opt/rpath");
    assert_eq!(taken(&runpath, &libx, &wanted), "/opt/env");
    assert_eq!(taken(&runpath, &libx, &amd64()), "/opt/runpath");
    // Where there is a RUNPATH, RPATH is ignored.
    assert_eq!(taken(&both, &libx, &wanted), "/opt/env");
    assert_eq!(taken(&both, &libx, &amd64()), "/opt/runpath");
    assert_eq!(taken(&app(&program()), &libx, &amd64()), LIB);
}

#[test]
fn the_cache_stands_before_the_default_directories_where_the_image_has_one() {
    let libx =
        in_dirs(&["/opt/cached", LIB]).file("/etc/ld.so.conf.d/x.conf", 0o644, "/opt/cached\n");
    let program = app(&program().needed("libx.so.1"));
    assert_eq!(taken(&program, &libx, &amd64()), LIB);
    let with_cache = libx.file("/etc/ld.so.cache", 0o644, "a cache");
    let mut wanted = amd64();
    wanted.mentions = vec!["/etc/ld.so.cache".to_owned()];
    assert_eq!(taken(&program, &with_cache, &wanted), "/opt/cached");
}

#[test]
fn a_file_without_default_directories_finds_nothing_there() {
    let libx = in_dirs(&[LIB]);
    // Its C library would not be found either: it has a run path for that one.
    let lonely = program()
        .needed("libx.so.1")
        .no_default_dirs()
        .runpath("/opt/x");
    let inputs = vec![root(&app(&lonely)), dependency(&libx), dependency(&libc())];
    let (inputs, selection) = selected(inputs, &amd64());
    assert!(!selection.missing.is_empty());
    assert!(!verify(&selection, &inputs, &amd64()).is_empty());
}

#[test]
fn a_filter_is_needed_and_an_auxiliary_library_is_taken_where_it_is_at_hand() {
    let with = |file: ElfBuilder| {
        let libx = in_dirs(&[LIB]);
        let there = vec![root(&app(&file)), dependency(&libx), dependency(&libc())];
        let absent = vec![root(&app(&file)), dependency(&libc())];
        (selected(there, &amd64()), selected(absent, &amd64()))
    };
    let (there, absent) = with(program().filter("libx.so.1"));
    whole(&there.0, &there.1);
    assert!(why(&there.1, &there.0, "libx").is_some());
    assert_eq!(absent.1.missing.len(), 1);
    assert_eq!(verify(&absent.1, &absent.0, &amd64()).len(), 1);
    let (there, absent) = with(program().auxiliary("libx.so.1"));
    whole(&there.0, &there.1);
    assert!(why(&there.1, &there.0, "libx").is_some());
    whole(&absent.0, &absent.1);
}

#[test]
fn the_directories_of_a_loader_follow_from_where_its_c_library_lies() {
    // As in Fedora: no directory with a triplet is searched.
    let file = |name: &str| ElfBuilder::library(name).build();
    let libc = deb("glibc")
        .file(
            "/lib64/ld-linux-x86-64.so.2",
            0o755,
            file("ld-linux-x86-64.so.2"),
        )
        .file("/lib64/libc.so.6", 0o755, file("libc.so.6"));
    let program = ElfBuilder::executable()
        .needed("libc.so.6")
        .needed("libx.so.1");
    let app = deb("app")
        .depends("libx, glibc")
        .file("/usr/bin/app", 0o755, program.build());
    for (dir, found) in [("/usr/lib64", true), (LIB, false), ("/usr/lib", false)] {
        let inputs = vec![root(&app), dependency(&in_dirs(&[dir])), dependency(&libc)];
        let (inputs, selection) = selected(inputs, &amd64());
        assert_eq!(selection.missing.is_empty(), found, "{dir}");
        assert_eq!(
            verify(&selection, &inputs, &amd64()).is_empty(),
            found,
            "{dir}"
        );
    }
}

#[test]
fn musl_hands_run_paths_down_and_is_its_own_c_library() {
    let musl = || {
        let loader = ElfBuilder::library("libc.musl-x86_64.so.1").build();
        deb("musl")
            .file("/lib/ld-musl-x86_64.so.1", 0o755, loader)
            .symlink("/lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1")
    };
    let program = || {
        ElfBuilder::executable()
            .interpreter("/lib/ld-musl-x86_64.so.1")
            .needed("libc.musl-x86_64.so.1")
            .needed("libpthread.so.0")
            .needed("liby.so.1")
    };
    let liby = ElfBuilder::library("liby.so.1")
        .needed("libx.so.1")
        .needed("libc.musl-x86_64.so.1")
        .build();
    let app = |program: ElfBuilder| {
        deb("app")
            .depends("libx, musl")
            .file("/usr/bin/app", 0o755, program.build())
            .file("/opt/own/liby.so.1", 0o644, &liby)
    };
    let judge = |program: ElfBuilder, libx: &DebBuilder, musl: &DebBuilder| {
        let inputs = vec![root(&app(program)), dependency(libx), dependency(musl)];
        let (inputs, selection) = selected(inputs, &amd64());
        let violations = verify(&selection, &inputs, &amd64());
        assert_eq!(
            selection.missing.is_empty(),
            violations.is_empty(),
            "{violations:#?}"
        );
        violations.is_empty()
    };
    // liby finds libx by the RUNPATH of the program, which glibc would not hand down.
    let own = || program().runpath("/opt/own");
    assert!(judge(own(), &in_dirs(&["/opt/own"]), &musl()));
    assert!(judge(own(), &in_dirs(&["/usr/local/lib"]), &musl()));
    assert!(!judge(own(), &in_dirs(&[LIB]), &musl()));
    // Its path file stands for all default directories.
    let elsewhere = musl().file("/etc/ld-musl-x86_64.path", 0o644, "/opt/more\n/opt/other");
    assert!(judge(own(), &in_dirs(&["/opt/other"]), &elsewhere));
    assert!(!judge(own(), &in_dirs(&["/usr/local/lib"]), &elsewhere));
}
