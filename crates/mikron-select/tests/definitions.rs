//! What a root gives of itself, and what the build does in place of its programs.

mod support;

use std::sync::Arc;

use mikron_matrix::{Explanation, explain};
use mikron_package::Limits;
use mikron_select::{Definitions, PackageInput, ProgramCause, Role, Wanted};
use mikron_testkit::archive::DebBuilder;

use support::{amd64, deb, dependency, libc, package, paths, program, root, selected, whole};

/// A package of tables that its own program makes an index of, with a shell script and a program.
fn tables() -> DebBuilder {
    deb("tables")
        .depends("dash, libc6")
        .file(
            "/usr/sbin/update-tables",
            0o755,
            "#!/bin/sh\nindex-tables\n",
        )
        .file("/usr/bin/index-tables", 0o755, program().build())
        .file("/usr/bin/show-tables", 0o755, program().build())
        .file("/usr/share/tables/one", 0o644, "x")
}

fn dash() -> DebBuilder {
    let shell = program().build();
    deb("dash")
        .depends("libc6")
        .file("/usr/bin/sh", 0o755, shell)
}

fn defined() -> Wanted {
    let text = "- package: tables\n  capability: index\n  instead-of: ['/usr/sbin/*', /usr/bin/index-tables]\n  \
                because: the build makes the index\n";
    let more = Definitions::parse("d.yaml", text, &Limits::default()).expect("well-formed");
    let all = Definitions::builtin()
        .extended(more)
        .expect("no contradiction");
    Wanted {
        definitions: Arc::new(all),
        ..amd64()
    }
}

/// The files of packages beside the C library's.
fn taken(inputs: Vec<PackageInput>, wanted: &Wanted) -> Vec<String> {
    let (inputs, selection) = selected(inputs, wanted);
    whole(&inputs, &selection);
    let mut all = paths(&inputs, &selection);
    all.retain(|path| !path.starts_with("/lib"));
    all
}

fn with(tables: PackageInput) -> Vec<PackageInput> {
    vec![tables, dependency(&dash()), dependency(&libc())]
}

#[test]
fn programs_whose_work_the_build_does_stay_out_of_a_root_and_so_does_what_they_need() {
    let wanted = defined();
    assert_eq!(
        taken(with(root(&tables())), &wanted),
        ["/usr/bin/show-tables", "/usr/share/tables/one"]
    );
    let (inputs, selection) = selected(with(root(&tables())), &wanted);
    for path in ["/usr/sbin/update-tables", "/usr/bin/index-tables"] {
        match explain(&selection, &inputs, path) {
            Explanation::FileLeftOut { because, .. } => {
                let capability = "index".to_owned();
                assert_eq!(because, Some(ProgramCause::Done { capability }), "{path}");
            }
            other => panic!("{other:?}"),
        }
    }
    // Without the definition it is a root like others.
    let all = taken(with(root(&tables())), &amd64());
    assert!(
        all.contains(&"/usr/sbin/update-tables".to_owned()),
        "{all:?}"
    );
}

#[test]
fn programs_whose_work_the_build_does_are_there_for_who_asks_for_them() {
    let wanted = defined();
    let scripts = Role::capabilities(vec!["sh".to_owned()]);
    let named = taken(with(package(scripts, &tables())), &wanted);
    assert_eq!(named[..2], ["/usr/bin/index-tables", "/usr/bin/sh"]);
    let mut started = wanted.clone();
    started.programs = vec!["update-tables".to_owned()];
    let started = taken(with(root(&tables())), &started);
    assert!(
        started.contains(&"/usr/bin/index-tables".to_owned()),
        "{started:?}"
    );
    let other = deb("other").file("/usr/bin/other", 0o755, "#!/bin/sh\nindex-tables --all\n");
    let mut inputs = with(root(&tables()));
    inputs.push(root(&other));
    let called = taken(inputs, &wanted);
    assert!(
        called.contains(&"/usr/bin/index-tables".to_owned()),
        "{called:?}"
    );
    assert!(
        !called.contains(&"/usr/sbin/update-tables".to_owned()),
        "{called:?}"
    );
}

#[test]
fn certificates_and_media_types_as_roots_bring_no_program() {
    let certificates = deb("ca-certificates")
        .depends("dash")
        .file("/usr/sbin/update-ca-certificates", 0o755, "#!/bin/sh\n")
        .file("/usr/share/ca-certificates/mozilla/A.crt", 0o644, "x");
    assert_eq!(
        taken(with(root(&certificates)), &amd64()),
        ["/usr/share/ca-certificates/mozilla/A.crt"]
    );
    let types = deb("shared-mime-info")
        .depends("libc6")
        .file("/usr/bin/update-mime-database", 0o755, program().build())
        .file("/usr/share/mime/packages/freedesktop.org.xml", 0o644, "x");
    assert_eq!(
        taken(with(root(&types)), &amd64()),
        ["/usr/share/mime/packages/freedesktop.org.xml"]
    );
}

#[test]
fn a_link_that_leads_nowhere_is_no_part_of_a_class_that_is_named() {
    let zones = deb("zones")
        .symlink("/usr/share/zoneinfo/localtime", "/etc/localtime")
        .file("/usr/share/zoneinfo/UTC", 0o644, "x");
    let data = Role::capabilities(vec!["data".to_owned()]);
    assert_eq!(
        taken(vec![package(data, &zones)], &amd64()),
        ["/usr/share/zoneinfo/UTC"]
    );
}
