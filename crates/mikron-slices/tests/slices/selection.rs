//! Which slices come along, in which order, and which do not go together.

use mikron_package::Architecture;
use mikron_slices::{Reason, Selection, SliceErrorKind};

use crate::{fixture, good, keys, package, select, selected, synthetic};

fn names(selection: &Selection) -> Vec<String> {
    let slices = selection.slices().iter();
    slices
        .map(|selected| selected.slice.key.to_string())
        .collect()
}

#[test]
fn essentials_stand_before_what_needs_them() {
    let release = fixture();
    let selection = selected(&release, &["nginx_bins"]);
    assert_eq!(
        names(&selection),
        [
            "base-files_copyright",
            "base-files_links",
            "base-files_state",
            "libc6_copyright",
            "libc6_libs",
            "nginx_copyright",
            "nginx_config",
            "openssl_copyright",
            "openssl_config",
            "nginx_bins",
        ]
    );
    let packages: Vec<_> = selection
        .packages()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(packages, ["base-files", "libc6", "nginx", "openssl"]);
}

#[test]
fn the_order_does_not_depend_on_the_order_of_what_is_wanted() {
    let release = fixture();
    let one = selected(&release, &["tzdata_local", "nginx_bins", "python3_core"]);
    let other = selected(
        &release,
        &["python3_core", "nginx_bins", "tzdata_local", "nginx_bins"],
    );
    assert_eq!(names(&one), names(&other));
}

#[test]
fn every_slice_has_the_chain_that_brought_it_in() {
    let release = fixture();
    let selection = selected(&release, &["nginx_bins"]);
    let chain = |name: &str| -> Vec<String> {
        let key = &keys(&[name])[0];
        selection
            .chain(key)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        chain("base-files_copyright"),
        ["nginx_bins", "base-files_state", "base-files_copyright"]
    );
    assert_eq!(chain("nginx_bins"), ["nginx_bins"]);
    assert!(chain("tzdata_local").is_empty());
    let reason = &selection.slices().last().unwrap().reason;
    assert_eq!(*reason, Reason::Wanted);
}

#[test]
fn what_is_for_another_architecture_is_left_out() {
    let release = fixture();
    let wanted = keys(&["nginx_bins"]);
    let arm = release.select(&wanted, Architecture::Arm64).unwrap();
    let riscv = release.select(&wanted, Architecture::Riscv64).unwrap();
    assert!(names(&arm).contains(&"openssl_config".to_owned()));
    assert!(!names(&riscv).contains(&"openssl_config".to_owned()));
    let paths = |selection: &Selection| -> Vec<String> {
        let slices = selection.slices().iter();
        let contents = slices.flat_map(|s| selection.contents(&s.slice));
        contents.map(|content| content.path.clone()).collect()
    };
    assert!(!paths(&riscv).contains(&"/lib64".to_owned()));
    assert!(paths(&selected(&release, &["nginx_bins"])).contains(&"/lib64".to_owned()));
}

#[test]
fn a_long_chain_of_essentials_is_followed_to_its_end() {
    let count = 20_000;
    let mut text = String::from("package: aa\nslices:\n");
    for at in 0..count {
        text.push_str(&format!("  s{at:06}:\n"));
        if at + 1 < count {
            text.push_str(&format!("    essential: [aa_s{:06}]\n", at + 1));
        }
    }
    let release = good("v1", &[&text]);
    let selection = selected(&release, &["aa_s000000"]);
    assert_eq!(selection.slices().len(), count);
    assert_eq!(
        selection.slices()[0].slice.key.slice(),
        format!("s{:06}", count - 1)
    );
}

#[test]
fn conflicts_count_only_among_what_is_selected() {
    let one = package("one", &["/usr/bin/tool:"]);
    let two = package("two", &["/usr/bin/tool:"]);
    let release = good("v1", &[&one, &two]);
    assert!(select(&release, &["one_bins"]).is_ok());
    assert!(select(&release, &["two_bins"]).is_ok());
    let error = select(&release, &["two_bins", "one_bins"]).unwrap_err();
    assert!(
        matches!(&error.kind, SliceErrorKind::Conflict { .. }),
        "{error}"
    );
    assert_eq!(error.slice, Some(keys(&["one_bins"])[0].clone()));
    assert_eq!((error.file.as_str(), error.at.line), ("slices/one.yaml", 5));
    assert_eq!(release.check().len(), 1);
}

/// Whether two packages with these contents go together.
fn agree(one: &[&str], two: &[&str]) -> bool {
    let (one, two) = (package("one", one), package("two", two));
    let release = good("v1", &[&one, &two]);
    let apart = [
        select(&release, &["one_bins"]),
        select(&release, &["two_bins"]),
    ];
    assert!(apart.iter().all(Result::is_ok));
    let whole = release.check().is_empty();
    let together = select(&release, &["one_bins", "two_bins"]).is_ok();
    assert_eq!(whole, together);
    together
}

#[test]
fn what_is_made_alike_goes_together() {
    for same in [
        "/d/: {make: true}",
        "/d/: {make: true, mode: 01777}",
        "/f: {text: same}",
        "/f: {text: same, mutable: true}",
        "/l: {symlink: /target}",
        "/var/lib/chisel/**: {generate: manifest}",
    ] {
        assert!(agree(&[same], &[same]), "{same}");
    }
    assert!(agree(
        &["/f: {text: same, until: mutate}"],
        &["/f: {text: same}"]
    ));
}

#[test]
fn what_differs_or_may_differ_does_not_go_together() {
    for (one, two) in [
        ("/f:", "/f:"),
        ("/f: {text: one}", "/f: {text: two}"),
        ("/f: {text: one}", "/f: {text: one, mutable: true}"),
        ("/f: {text: one}", "/f: {text: one, mode: 0600}"),
        ("/d/: {make: true}", "/d/: {make: true, mode: 0700}"),
        ("/l: {symlink: /a}", "/l: {symlink: /b}"),
        ("/f: {text: one}", "/f:"),
        ("/usr/**:", "/usr/**:"),
        ("/usr/**:", "/usr/bin/a:"),
        ("/usr/*/a:", "/usr/bin/?:"),
        ("/usr/bin/?:", "/usr/bin/a: {text: one}"),
        (
            "/var/lib/chisel/**: {generate: manifest}",
            "/var/lib/chisel/f: {text: one}",
        ),
        ("/u*/b/c:", "/usr/**/c:"),
    ] {
        assert!(!agree(&[one], &[two]), "{one} and {two}");
        assert!(!agree(&[two], &[one]), "{two} and {one}");
    }
    for (one, two) in [
        ("/usr/bin/*:", "/usr/bin/x/y:"),
        ("/usr/*:", "/usr/lib/*:"),
        ("/usr/bin/a*:", "/usr/bin/b*:"),
        ("/usr/**/a:", "/usr/**/b:"),
        ("/f/:", "/f:"),
    ] {
        assert!(agree(&[one], &[two]), "{one} and {two}");
    }
}

#[test]
fn slices_of_one_package_share_what_comes_out_of_it() {
    let text = "package: aa\nslices:\n  one:\n    contents:\n      /usr/**:\n      /etc/a:\n  two:\n    contents:\n      /usr/bin/*:\n      /etc/a:\n";
    assert!(select(&good("v1", &[text]), &["aa_one", "aa_two"]).is_ok());
    let made = text.replace("/usr/bin/*:", "/usr/bin/x: {text: made}");
    let error = select(&good("v1", &[&made]), &["aa_one", "aa_two"]).unwrap_err();
    assert_eq!(error.path.as_deref(), Some("/usr/**"));
}

#[test]
fn the_preferred_package_wins_along_the_whole_line() {
    let one = package(
        "one",
        &["/usr/bin/eat: {text: one, prefer: two}", "/usr/bin/one:"],
    );
    let two = package("two", &["/usr/bin/eat: {prefer: three}"]);
    let three = package("three", &["/usr/bin/eat:"]);
    let release = good("v2", &[&one, &two, &three]);
    assert!(release.check().is_empty());
    let winner = |names: &[&str]| -> Vec<String> {
        let selection = selected(&release, names);
        let slices = selection.slices().iter();
        let having = slices.filter(|selected| {
            let mut contents = selection.contents(&selected.slice);
            contents.any(|content| content.path == "/usr/bin/eat")
        });
        having.map(|s| s.slice.key.to_string()).collect()
    };
    assert_eq!(winner(&["one_bins"]), ["one_bins"]);
    assert_eq!(winner(&["one_bins", "two_bins"]), ["two_bins"]);
    assert_eq!(winner(&["one_bins", "three_bins"]), ["three_bins"]);
    assert_eq!(
        winner(&["two_bins", "one_bins", "three_bins"]),
        ["three_bins"]
    );
}

#[test]
fn a_large_selection_is_ordered_and_complete() {
    let files: Vec<_> = synthetic::release(200)
        .iter()
        .map(|(name, text)| mikron_slices::SourceFile::new(name, text))
        .collect();
    let release = mikron_slices::Release::of_files(&files, &mikron_package::Limits::default());
    let release = release.unwrap();
    let top = format!("{}_libs", synthetic::name(199));
    let selection = selected(&release, &[&top]);
    assert_eq!(selection.slices().len(), 400);
    for (at, one) in selection.slices().iter().enumerate() {
        for needed in &one.slice.essential {
            let before = &selection.slices()[..at];
            assert!(before.iter().any(|other| other.slice.key == needed.key));
        }
    }
}
