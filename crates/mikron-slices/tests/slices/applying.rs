//! What a selection takes out of a package, and what it makes beside it.

use mikron_slices::{Applied, MadeKind, Selection, SliceErrorKind};

use crate::{entries, fixture, good, keys, package, path, selected};

fn apply(selection: &Selection, package: &str, lines: &[&str]) -> Applied {
    let package = package.parse().expect(package);
    let applied = selection.apply(&package, &entries(lines));
    applied.unwrap_or_else(|errors| panic!("{}", errors[0]))
}

fn errors(selection: &Selection, package: &str, lines: &[&str]) -> Vec<String> {
    let package = package.parse().expect(package);
    let errors = selection
        .apply(&package, &entries(lines))
        .expect_err("something is missing");
    errors.iter().map(ToString::to_string).collect()
}

fn places(applied: &Applied) -> Vec<String> {
    applied
        .taken
        .iter()
        .map(|taken| taken.path.to_string())
        .collect()
}

const NGINX: [&str; 10] = [
    "/usr/",
    "/usr/sbin/",
    "/usr/sbin/nginx",
    "/usr/share/nginx/site.conf",
    "/usr/share/doc/nginx/copyright",
    "/etc/",
    "/etc/nginx/mime.types",
    "/etc/nginx/conf.d/",
    "/var/lib/nginx/",
    "/var/log/nginx/",
];

#[test]
fn slices_take_their_entries_and_their_parents_come_along() {
    let selection = selected(&fixture(), &["nginx_bins"]);
    let applied = apply(&selection, "nginx", &NGINX);
    assert_eq!(
        places(&applied),
        [
            "/etc/nginx/conf.d",
            "/etc/nginx/mime.types",
            "/etc/nginx-site.conf",
            "/usr/sbin/nginx",
            "/usr/share/doc/nginx/copyright",
            "/var/log/nginx",
        ]
    );
    let parents: Vec<&str> = applied.parents.iter().map(|at| NGINX[*at]).collect();
    assert_eq!(parents, ["/usr/", "/usr/sbin/", "/etc/", "/var/lib/nginx/"]);
    let body = &applied.made[0];
    assert_eq!(
        (body.path.to_string().as_str(), body.mode),
        ("/var/lib/nginx/body", 0o700)
    );
    assert_eq!(body.kind, MadeKind::Directory);
    assert_eq!(body.slices, keys(&["nginx_bins"]));
}

#[test]
fn a_copy_has_another_place_and_may_have_another_mode() {
    let selection = selected(&fixture(), &["nginx_config"]);
    let applied = apply(&selection, "nginx", &NGINX);
    let site = applied
        .taken
        .iter()
        .find(|t| t.path == path("/etc/nginx-site.conf"))
        .unwrap();
    assert_eq!(NGINX[site.entry], "/usr/share/nginx/site.conf");
    assert_eq!((site.mode, site.lifetime.mutable), (Some(0o600), true));
    // Nothing lies where it came from.
    assert!(!places(&applied).contains(&"/usr/share/nginx/site.conf".to_owned()));
}

#[test]
fn what_is_made_has_the_usual_modes_and_those_that_are_given() {
    let selection = selected(&fixture(), &["base-files_state", "tzdata_local"]);
    let package = [
        "/run/",
        "/var/",
        "/var/log/",
        "/usr/share/doc/base-files/copyright",
    ];
    let applied = apply(&selection, "base-files", &package);
    let made: Vec<_> = applied
        .made
        .iter()
        .map(|m| (m.path.to_string(), m.mode))
        .collect();
    assert_eq!(
        made,
        [
            ("/run/lock".to_owned(), 0o1777),
            ("/var/lock".to_owned(), 0o777),
            ("/var/run".to_owned(), 0o777),
        ]
    );
    assert_eq!(
        applied.made[1].kind,
        MadeKind::Symlink("/run/lock".to_owned())
    );
    let zones = [
        "/usr/share/zoneinfo/UTC",
        "/usr/share/zoneinfo/Asia/Tokyo",
        "/usr/share/doc/tzdata/copyright",
    ];
    let applied = apply(&selection, "tzdata", &zones);
    let text = applied
        .made
        .iter()
        .find(|m| m.path == path("/etc/timezone"))
        .unwrap();
    assert_eq!(
        (&text.kind, text.mode),
        (&MadeKind::Text("Etc/UTC\n".to_owned()), 0o644)
    );
}

#[test]
fn a_glob_takes_the_directory_that_it_begins_in_too() {
    let release = good(
        "v1",
        &[&package("aa", &["/usr/share/aa/**:", "/etc/aa/*:"])],
    );
    let selection = selected(&release, &["aa_bins"]);
    let lines = [
        "/usr/share/aa/",
        "/usr/share/aa/deep/",
        "/usr/share/aa/deep/file",
        "/etc/aa/",
        "/etc/aa/one",
        "/etc/aa/sub/",
        "/etc/aa/sub/two",
    ];
    let applied = apply(&selection, "aa", &lines);
    assert_eq!(
        places(&applied),
        [
            "/etc/aa",
            "/etc/aa/one",
            "/usr/share/aa",
            "/usr/share/aa/deep",
            "/usr/share/aa/deep/file"
        ]
    );
}

#[test]
fn an_entry_stays_when_one_slice_keeps_it() {
    let certificates = [
        "/usr/share/ca-certificates/mozilla/",
        "/usr/share/ca-certificates/mozilla/One.crt",
        "/usr/share/ca-certificates/mozilla/notes",
        "/usr/share/doc/ca-certificates/copyright",
    ];
    let gone = |names: &[&str]| -> Vec<String> {
        let applied = apply(
            &selected(&fixture(), names),
            "ca-certificates",
            &certificates,
        );
        let gone = applied.taken.iter().filter(|t| t.lifetime.until_mutate);
        gone.map(|taken| taken.path.to_string()).collect()
    };
    let folder = "/usr/share/ca-certificates/mozilla";
    let all = [
        folder.to_owned(),
        format!("{folder}/One.crt"),
        format!("{folder}/notes"),
    ];
    assert_eq!(gone(&["ca-certificates_bundle"]), all);
    assert_eq!(
        gone(&["ca-certificates_all"]),
        [folder.to_owned(), format!("{folder}/notes")]
    );
}

#[test]
fn every_slice_that_takes_an_entry_is_named() {
    let lines = [
        "/usr/bin/python3",
        "/usr/lib/python3/os.py",
        "/usr/lib/python3/json/",
        "/usr/lib/python3/json/tool.py",
        "/usr/share/doc/python3/copyright",
    ];
    let applied = apply(
        &selected(&fixture(), &["python3_standard"]),
        "python3",
        &lines,
    );
    let os = applied
        .taken
        .iter()
        .find(|t| t.path == path("/usr/lib/python3/os.py"))
        .unwrap();
    assert_eq!(os.slices, keys(&["python3_core", "python3_standard"]));
}

#[test]
fn a_manifest_is_asked_for_in_its_directory() {
    let selection = selected(&fixture(), &["base-files_chisel"]);
    let package = ["/run/", "/var/log/", "/usr/share/doc/base-files/copyright"];
    let applied = apply(&selection, "base-files", &package);
    assert_eq!(
        applied.manifests,
        [(path("/var/lib/chisel"), keys(&["base-files_chisel"]))]
    );
}

#[test]
fn hard_links_are_known_by_both_their_names() {
    let release = good("v1", &[&package("aa", &["/usr/bin/*:"])]);
    let selection = selected(&release, &["aa_bins"]);
    let lines = [
        "/usr/bin/one",
        "/usr/bin/two => /usr/bin/one",
        "/usr/bin/three",
    ];
    let applied = apply(&selection, "aa", &lines);
    let linked: Vec<_> = applied
        .taken
        .iter()
        .map(|t| (t.path.to_string(), t.is_hard_link))
        .collect();
    assert_eq!(
        linked,
        [
            ("/usr/bin/one".to_owned(), true),
            ("/usr/bin/three".to_owned(), false),
            ("/usr/bin/two".to_owned(), true)
        ]
    );
}

#[test]
fn what_the_package_does_not_have_is_an_error_for_each_path() {
    let contents = [
        "/usr/bin/gone:",
        "/opt/**:",
        "/etc/aa:",
        "/bin/:",
        "/etc/new: {copy: /etc/old}",
        "/usr/lib/x/:",
    ];
    let release = good("v1", &[&package("aa", &contents)]);
    let selection = selected(&release, &["aa_bins"]);
    let lines = [
        "/etc/aa/",
        "/bin -> usr/bin",
        "/usr/sbin/gone",
        "/usr/lib/x",
    ];
    let errors = selection
        .apply(&"aa".parse().unwrap(), &entries(&lines))
        .unwrap_err();
    assert_eq!(errors.len(), contents.len());
    assert!(
        errors
            .iter()
            .all(|e| matches!(e.kind, SliceErrorKind::NoContent { .. }))
    );
    insta::assert_snapshot!(self::errors(&selection, "aa", &lines).join("\n\n"));
}

#[test]
fn a_package_without_selected_slices_gives_nothing() {
    let selection = selected(&fixture(), &["tzdata_europe"]);
    let applied = apply(&selection, "nginx", &NGINX);
    assert!(applied.taken.is_empty() && applied.made.is_empty() && applied.parents.is_empty());
}

#[test]
fn names_that_are_no_text_are_matched_as_bytes() {
    let release = good("v1", &[&package("aa", &["/d/?:", "/d/é?:"])]);
    let selection = selected(&release, &["aa_bins"]);
    let mut found = entries(&["/d/", "/d/é", "/d/éa"]);
    found.push(mikron_package::Entry::new(
        mikron_package::RootPath::new(b"/d/\xff").unwrap(),
        mikron_package::EntryKind::File { size: 0 },
        0o644,
    ));
    let applied = selection.apply(&"aa".parse().unwrap(), &found).unwrap();
    assert_eq!(applied.taken.len(), 3);
}
