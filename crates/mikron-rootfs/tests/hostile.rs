//! Rows 30–41 of the table of bad input, as far as they concern the merged tree.

mod common;

use common::{EPOCH, Image, Look, path};
use mikron_package::{Entry, EntryKind, Globs, RootPath};
use mikron_rootfs::{Diagnostic, EntryFault, RootfsError};

fn fault(error: &RootfsError) -> &EntryFault {
    match error {
        RootfsError::Entry { fault, .. } => fault,
        other => panic!("another error: {other}"),
    }
}

#[test]
fn bad_030_a_write_through_a_link_stays_inside_the_root() {
    let image = Image::new()
        .link("a", "/srv/data", "/var/lib/data")
        .link("a", "/srv/up", "../var/lib/up")
        .file("b", "/srv/data/x", "1")
        .file("b", "/srv/up/y", "2");
    let rootfs = image.merge().unwrap();
    assert!(rootfs.at("/var/lib/data/x").is_some() && rootfs.at("/var/lib/up/y").is_some());
    assert!(rootfs.at("/srv/data/x").is_none());
}

#[test]
fn bad_030_a_write_through_a_link_that_leaves_the_root_is_refused() {
    let image = Image::new()
        .package("evil", |_| {})
        .link("evil", "/srv/out", "../../../etc")
        .file("evil", "/srv/out/passwd", "x");
    let error = image.error();
    assert_eq!(
        *fault(&error),
        EntryFault::Escape {
            link: path("/srv/out")
        }
    );
    assert_eq!(
        error.to_string(),
        "evil (pool/evil_1_amd64.deb, source debian): /srv/out/passwd: the way to it leaves the root through the link /srv/out"
    );
}

#[test]
fn bad_030_links_in_a_circle_are_refused() {
    for (a, b) in [("/x/b", "/x/a"), ("b", "a"), ("b/..", "a/.")] {
        let image = Image::new()
            .link("p", "/x/a", a)
            .link("p", "/x/b", b)
            .file("p", "/x/a/f", "1");
        assert!(matches!(fault(&image.error()), EntryFault::Loop { .. }));
    }
}

#[test]
fn bad_030_links_below_links_are_resolved_too() {
    let image = Image::new()
        .link("p", "/a", "/b")
        .link("p", "/a/l", "/c")
        .file("q", "/a/l/f", "1");
    let rootfs = image.merge().unwrap();
    assert_eq!(rootfs.target("/b/l").as_deref(), Some("/c"));
    assert!(rootfs.at("/c/f").is_some());
}

#[test]
fn bad_031_a_directory_at_the_path_of_a_link_leaves_the_target_alone() {
    let image = Image::new()
        .dir("a", "/etc/secret", 0o700)
        .link("a", "/srv/open", "/etc/secret")
        .dir("b", "/srv/open", 0o777);
    let rootfs = image.merge().unwrap();
    assert_eq!(rootfs.at("/etc/secret").unwrap().entry.mode, 0o700);
    assert_eq!(rootfs.target("/srv/open").as_deref(), Some("/etc/secret"));
    let expected = Diagnostic::DirectoryOverLink {
        path: path("/srv/open"),
        ignored: "b".into(),
    };
    assert!(rootfs.diagnostics.contains(&expected));
}

#[test]
fn bad_032_a_hard_link_to_nothing_is_refused() {
    let error = Image::new().hardlink("p", "/usr/x", "/usr/y").error();
    assert_eq!(
        error.to_string(),
        "p: /usr/x: the hard link names /usr/y, which the package does not bring"
    );
}

#[test]
fn bad_032_a_hard_link_to_a_directory_or_to_itself_is_refused() {
    let error = Image::new()
        .dir("p", "/usr/y", 0o755)
        .hardlink("p", "/usr/x", "/usr/y")
        .error();
    assert!(matches!(
        fault(&error),
        EntryFault::HardlinkToOther {
            found: "directory",
            ..
        }
    ));
    let error = Image::new().hardlink("p", "/usr/x", "/usr/x").error();
    assert!(matches!(fault(&error), EntryFault::HardlinkLoop { .. }));
}

#[test]
fn bad_032_a_hard_link_to_another_packages_file_is_refused() {
    let error = Image::new()
        .file("a", "/etc/shadow", "x")
        .hardlink("b", "/srv/x", "/etc/shadow")
        .error();
    assert!(matches!(fault(&error), EntryFault::HardlinkMissing { .. }));
}

#[test]
fn bad_032_an_absolute_target_means_the_root_and_dot_dot_is_no_path() {
    assert_eq!(
        RootPath::new(b"/etc/passwd").unwrap().as_bytes(),
        b"etc/passwd"
    );
    let error = RootPath::new(b"../etc/passwd").unwrap_err();
    assert!(error.to_string().contains("`..`"));
}

#[test]
fn bad_033_two_packages_with_other_content_at_one_path_are_named() {
    let image = Image::new()
        .package("a", |_| {})
        .package("b", |_| {})
        .file("a", "/usr/x", "1")
        .file("b", "/usr/x", "2");
    let error = image.error();
    assert!(
        matches!(&error, RootfsError::Duplicate { first, second, .. }
        if first.package == "a" && second.package == "b")
    );
    let text = error.to_string();
    assert!(
        text.contains("/usr/x") && text.contains("pool/a_1") && text.contains("pool/b_1"),
        "{text}"
    );
}

#[test]
fn bad_033_one_package_twice_with_other_content_is_refused() {
    let error = Image::new()
        .file("a", "/usr/x", "1")
        .file("a", "/usr/x", "2")
        .error();
    assert!(matches!(error, RootfsError::Duplicate { .. }));
}

#[test]
fn bad_034_names_that_differ_in_case_or_normalisation_are_said() {
    let image = || {
        Image::new()
            .file("a", "/usr/Readme", "1")
            .file("a", "/usr/readme", "2")
            .file("a", "/usr/caf\u{e9}", "3")
            .file("a", "/usr/cafe\u{301}", "4")
    };
    let rootfs = image().merge().unwrap();
    let collisions = rootfs
        .diagnostics
        .iter()
        .filter(|d| matches!(d, Diagnostic::Collision { .. }));
    assert_eq!(collisions.count(), 2);
    let mut strict = image();
    strict.assembly.options.strict = true;
    let error = strict.error();
    assert!(matches!(&error, RootfsError::Collision { .. }));
    assert!(error.to_string().contains("differ only in case"), "{error}");
}

#[test]
fn bad_035_a_file_never_becomes_a_directory() {
    let image = Image::new()
        .file("a", "/usr/x", "1")
        .file("b", "/usr/x/y", "2");
    let error = image.error();
    assert!(
        matches!(&error, RootfsError::NotADirectory { first, second, .. }
        if first.package == "a" && second.package == "b")
    );
    assert!(
        error.to_string().contains("/usr/x is a file of a"),
        "{error}"
    );
    let error = Image::new()
        .dir("a", "/usr/x", 0o755)
        .file("b", "/usr/x", "2")
        .error();
    assert!(matches!(error, RootfsError::NotADirectory { .. }));
    let error = Image::new()
        .link("a", "/l", "/f")
        .file("a", "/f", "1")
        .dir("b", "/l/d", 0o755)
        .error();
    assert!(matches!(error, RootfsError::NotADirectory { .. }));
}

#[test]
fn bad_036_devices_and_pipes_are_refused_unless_allowed() {
    let kinds = [
        (
            EntryKind::CharDevice { major: 1, minor: 3 },
            "character device",
        ),
        (
            EntryKind::BlockDevice { major: 8, minor: 0 },
            "block device",
        ),
        (EntryKind::Fifo, "named pipe"),
    ];
    for (kind, name) in kinds {
        let image = || Image::new().entry("p", Entry::new(path("/dev/x"), kind.clone(), 0o666));
        let error = image().error();
        assert!(matches!(fault(&error), EntryFault::Device { .. }));
        assert!(error.to_string().contains(name), "{error}");
        let mut allowed = image();
        allowed.assembly.options.devices = true;
        assert_eq!(
            allowed.merge().unwrap().at("/dev/x").unwrap().entry.kind,
            kind
        );
    }
}

#[test]
fn bad_037_setuid_and_file_capabilities_are_kept_and_listed() {
    let image = Image::new()
        .file_with("p", "/usr/bin/su", "1", |entry| entry.mode = 0o4755)
        .file_with("p", "/usr/bin/wall", "2", |entry| entry.mode = 0o2755)
        .file_with("p", "/usr/bin/ping", "3", |entry| {
            entry
                .xattrs
                .insert(b"security.capability".to_vec(), vec![1, 2, 3]);
        })
        .dir("p", "/var/mail", 0o2775)
        .file("p", "/usr/bin/plain", "4");
    let rootfs = image.merge().unwrap();
    let listed: Vec<String> = rootfs
        .tree
        .privileged()
        .map(|n| n.entry.path.to_string())
        .collect();
    assert_eq!(listed, ["/usr/bin/ping", "/usr/bin/su", "/usr/bin/wall"]);
    assert_eq!(rootfs.at("/usr/bin/su").unwrap().entry.mode, 0o4755);
    assert_eq!(rootfs.at("/usr/bin/ping").unwrap().entry.xattrs.len(), 1);
}

#[test]
fn bad_038_attributes_of_the_engine_are_refused() {
    for name in [
        "trusted.overlay.opaque",
        "trusted.x",
        "user.overlay.whiteout",
    ] {
        let image = Image::new().file_with("p", "/x", "1", |entry| {
            entry.xattrs.insert(name.into(), b"y".to_vec());
        });
        let error = image.error();
        assert!(matches!(fault(&error), EntryFault::Xattr { .. }));
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn bad_039_mode_bits_that_do_not_exist_are_refused() {
    let error = Image::new()
        .file_with("p", "/x", "1", |entry| entry.mode = 0o10_0644)
        .error();
    assert_eq!(*fault(&error), EntryFault::Mode { mode: 0o10_0644 });
}

#[test]
fn bad_040_times_are_clamped_to_the_epoch_and_never_negative() {
    let image = Image::new()
        .file_with("p", "/old", "1", |entry| entry.mtime = -5)
        .file_with("p", "/kept", "2", |entry| entry.mtime = 1_000)
        .file_with("p", "/new", "3", |entry| entry.mtime = i64::MAX);
    let rootfs = image.merge().unwrap();
    let times = ["/old", "/kept", "/new"].map(|at| rootfs.at(at).unwrap().entry.mtime);
    assert_eq!(times, [0, 1_000, EPOCH]);
}

#[test]
fn bad_041_whiteout_names_are_refused_anywhere_in_a_path() {
    for at in ["/etc/.wh.passwd", "/.wh..wh..opq", "/.wh.dir/x"] {
        let error = Image::new().file("p", at, "1").error();
        assert_eq!(*fault(&error), EntryFault::Whiteout);
        assert!(error.to_string().contains(at), "{error}");
    }
}

#[test]
fn what_no_image_can_hold_is_left_out_where_a_pattern_takes_it_away() {
    let image = |patterns: &[&str]| {
        let mut image = Image::new()
            .file("p", "/usr/share/doc/.wh.x", "1")
            .file("p", "/usr/share/doc/x", "2")
            .file_with("p", "/opt/odd", "3", |entry| entry.mode = 0o10_0644);
        image.assembly.remove = Globs::new(patterns).unwrap();
        image
    };
    let rootfs = image(&["/**/.wh.*", "/opt/**"]).merge().unwrap();
    assert!(rootfs.at("/usr/share/doc/x").is_some());
    assert!(rootfs.at("/usr/share/doc/.wh.x").is_none());
    assert!(rootfs.at("/opt/odd").is_none());
    let unused = |one: &Diagnostic| matches!(one, Diagnostic::PatternUnused { .. });
    assert!(
        !rootfs.diagnostics.iter().any(unused),
        "{:?}",
        rootfs.diagnostics
    );
    // A pattern that spares it spares it from nothing.
    let error = image(&["/**/.wh.*", "/opt/**", "!/usr/share/doc/.wh.x"]).error();
    assert_eq!(*fault(&error), EntryFault::Whiteout);
}
