//! How packages share one tree.

mod common;

use common::{EPOCH, Image, Look, path};
use mikron_package::{Constraint, Entry, EntryKind, Globs, Operator, Relation, Version};
use mikron_rootfs::{Diagnostic, FileSource, Owner, Part, Share, SpecFile, SpecFileKind};

fn replaces(name: &str, constraint: Option<&str>) -> Relation {
    let constraint = constraint.map(|version| Constraint {
        operator: Operator::Less,
        version: Version::new(version),
    });
    Relation {
        constraint,
        ..Relation::named(name.parse().expect("a good name"))
    }
}

#[test]
fn entries_of_the_old_top_level_move_below_usr_and_links_lead_there() {
    let image = Image::new()
        .dir("libc6", "/lib64", 0o755)
        .link(
            "libc6",
            "/lib64/ld-linux-x86-64.so.2",
            "/lib/x86_64-linux-gnu/ld.so",
        )
        .file("libc6", "/lib/x86_64-linux-gnu/ld.so", "elf")
        .file("dash", "/bin/dash", "elf")
        .link("dash", "/bin/sh", "dash");
    let rootfs = image.merge().unwrap();
    assert_eq!(rootfs.target("/lib64").as_deref(), Some("usr/lib64"));
    assert_eq!(rootfs.target("/bin").as_deref(), Some("usr/bin"));
    assert!(rootfs.at("/sbin").is_none(), "nothing needs it");
    for found in ["/lib64/ld-linux-x86-64.so.2", "/bin/sh"] {
        assert!(
            rootfs.tree.lookup(&path(found)).unwrap().entry.is_file(),
            "{found}"
        );
    }
    assert_eq!(rootfs.at("/lib64").unwrap().owner, Owner::Layout);
}

#[test]
fn a_link_that_moves_keeps_its_meaning() {
    let image = Image::new()
        .file("p", "/usr/share/x", "1")
        .link("p", "/lib/x", "../usr/share/x")
        .link("p", "/lib/y", "../lib/z");
    let rootfs = image.merge().unwrap();
    assert_eq!(rootfs.target("/usr/lib/x").as_deref(), Some("/usr/share/x"));
    assert_eq!(rootfs.target("/usr/lib/y").as_deref(), Some("../lib/z"));
}

#[test]
fn a_link_that_would_lead_to_itself_gives_way_to_the_file() {
    let image = Image::new()
        .file("p", "/bin/tool", "1")
        .link("p", "/usr/bin/tool", "/bin/tool");
    let rootfs = image.merge().unwrap();
    assert!(rootfs.at("/usr/bin/tool").unwrap().entry.is_file());
    assert!(matches!(
        &rootfs.diagnostics[..],
        [Diagnostic::SelfLink { .. }]
    ));
}

#[test]
fn links_of_base_files_into_usr_are_those_of_the_layout() {
    let image = Image::new()
        .link("base-files", "/bin", "usr/bin")
        .file("p", "/bin/x", "1");
    let rootfs = image.merge().unwrap();
    assert_eq!(rootfs.target("/bin").as_deref(), Some("usr/bin"));
}

#[test]
fn the_result_does_not_depend_on_the_order_of_packages() {
    let image = |names: [&str; 3]| {
        names.into_iter().fold(Image::new(), |image, name| {
            image
                .package(name, |record| record.essential = name == "c")
                .dir(name, "/var/x", if name == "c" { 0o700 } else { 0o755 })
                .file(name, &format!("/srv/{name}"), name)
                .file(name, "/srv/same", "same")
        })
    };
    let expected: Vec<_> = image(["a", "b", "c"])
        .merge()
        .unwrap()
        .tree
        .nodes()
        .cloned()
        .collect();
    for names in [["c", "b", "a"], ["b", "a", "c"]] {
        let rootfs = image(names).merge().unwrap();
        assert!(rootfs.tree.nodes().eq(expected.iter()));
        assert_eq!(
            rootfs.at("/var/x").unwrap().entry.mode,
            0o700,
            "the essential package's"
        );
    }
}

#[test]
fn directories_that_nobody_brings_are_made_and_those_that_hold_nothing_are_not() {
    let rootfs = Image::new().file("p", "/a/b/c", "1").merge().unwrap();
    let node = rootfs.at("/a/b").unwrap();
    assert_eq!(
        (node.entry.mode, node.entry.uid, node.entry.mtime),
        (0o755, 0, EPOCH)
    );
    assert_eq!(node.owner, Owner::Layout);
    let mut image = Image::new()
        .file("p", "/a/b/c", "1")
        .dir("p", "/kept", 0o700);
    image.assembly.remove = Globs::new(&["/a/b/c"]).unwrap();
    let rootfs = image.merge().unwrap();
    assert!(rootfs.at("/a").is_none() && rootfs.at("/kept").is_some());
}

#[test]
fn replaces_decides_between_two_files() {
    for swap in [false, true] {
        let (new, old) = if swap { ("a", "b") } else { ("b", "a") };
        let image = Image::new()
            .package(new, |record| {
                record.replaces = vec![replaces(old, Some("2"))];
            })
            .package(old, |_| {})
            .file(old, "/x", "old")
            .file(new, "/x", "new");
        let rootfs = image.merge().unwrap();
        assert_eq!(rootfs.at("/x").unwrap().owner.package(), Some(new));
        assert!(matches!(&rootfs.diagnostics[..], [Diagnostic::Replaced { by, .. }] if by == new));
    }
    // Each replaces the other: the higher priority has it, whoever comes first.
    for (first, second) in [(1, 2), (2, 1)] {
        let with = |priority: u32, other: &'static str| {
            move |record: &mut mikron_package::PackageRecord| {
                record.replaces = vec![replaces(other, None)];
                record.replaces_priority = priority;
            }
        };
        let image = Image::new()
            .package("a", with(first, "b"))
            .package("b", with(second, "a"))
            .file("a", "/x", "of a")
            .file("b", "/x", "of b");
        let owner = if first > second { "a" } else { "b" };
        let rootfs = image.merge().unwrap();
        assert_eq!(rootfs.at("/x").unwrap().owner.package(), Some(owner));
    }
    let image = Image::new()
        .package("b", |record| {
            record.replaces = vec![replaces("a", Some("1"))];
        })
        .package("a", |_| {})
        .file("a", "/x", "old")
        .file("b", "/x", "new");
    image.error();
}

#[test]
fn hard_links_keep_one_content_and_name_the_first_path() {
    let image = Image::new()
        .file_with("p", "/usr/bin/z", "same", |entry| entry.mode = 0o755)
        .hardlink("p", "/usr/bin/a", "/usr/bin/z")
        .hardlink("p", "/usr/bin/m", "/usr/bin/a");
    let rootfs = image.merge().unwrap();
    let first = rootfs.at("/usr/bin/a").unwrap();
    assert_eq!((first.entry.size(), first.entry.mode), (4, 0o755));
    assert_eq!(rootfs.target("/usr/bin/m").as_deref(), Some("/usr/bin/a"));
    assert_eq!(rootfs.target("/usr/bin/z").as_deref(), Some("/usr/bin/a"));
    assert_eq!(
        (rootfs.tree.totals().files, rootfs.tree.totals().bytes),
        (3, 4)
    );
}

#[test]
fn a_hard_link_survives_the_removal_of_its_file() {
    let mut image = Image::new()
        .file("p", "/usr/a", "same")
        .hardlink("p", "/usr/b", "/usr/a");
    image.assembly.remove = Globs::new(&["/usr/a"]).unwrap();
    let rootfs = image.merge().unwrap();
    assert_eq!(rootfs.at("/usr/b").unwrap().entry.size(), 4);
}

#[test]
fn a_hard_link_whose_file_was_not_chosen_stands_alone() {
    let mut image = Image::new();
    let content = image.contents.add(b"same".to_vec());
    let target = path("/usr/lib/x");
    let file = Entry::new(target.clone(), EntryKind::File { size: 4 }, 0o755);
    let link = Entry::new(path("/lib/y"), EntryKind::Hardlink { target }, 0);
    image
        .assembly
        .parts
        .push(Part::new("p", "bins", link, Some(content)).with_linked(file));
    let rootfs = image.merge().unwrap();
    let node = rootfs.at("/usr/lib/y").unwrap();
    assert_eq!((node.entry.size(), node.entry.mode), (4, 0o755));
}

#[test]
fn groups_for_layers_bring_the_directories_above_their_files() {
    let image = Image::new()
        .dir("a", "/opt", 0o711)
        .file("a", "/opt/a/x", "1")
        .file("b", "/opt/b/y", "2");
    let rootfs = image.finalize().unwrap();
    let groups = rootfs.tree.by_share();
    let of: Vec<Share> = groups.iter().map(|group| group.of.clone()).collect();
    let package = |name: &str| Share::Package(name.into());
    assert_eq!(of, [package("a"), package("b"), Share::Rest]);
    let paths =
        |at: usize| -> Vec<String> { groups[at].paths.iter().map(ToString::to_string).collect() };
    assert_eq!(paths(1), ["/opt", "/opt/b", "/opt/b/y"]);
    assert_eq!(groups[1].bytes, 1);
    let rest = paths(2);
    assert!(
        rest.contains(&"/etc/passwd".into()) && rest.contains(&"/tmp".into()),
        "{rest:?}"
    );
}

fn spec_file(at: &str, kind: SpecFileKind) -> SpecFile {
    SpecFile {
        path: path(at),
        kind,
        owner: None,
        group: None,
        mode: None,
        layer: None,
    }
}

#[test]
fn the_specs_own_files_stand_above_all_others() {
    let mut image = Image::new()
        .file("p", "/etc/p.conf", "theirs")
        .link("p", "/etc/l", "/srv");
    let bytes = |text: &str| SpecFileKind::File(FileSource::Bytes(text.into()));
    image.assembly.files = vec![
        spec_file("/etc/p.conf", bytes("ours")),
        spec_file("/bin/tool", bytes("moved")),
        spec_file("/etc/l/x", bytes("through")),
        SpecFile {
            owner: Some("33".into()),
            mode: Some(0o750),
            ..spec_file("/run/p", SpecFileKind::Directory)
        },
        spec_file("/etc/passwd", bytes("web:x:5:6::/:/x\n")),
    ];
    image.assembly.run_as = Some("web".into());
    image.assembly.remove = Globs::new(&["/etc/**", "/nothing/*"]).unwrap();
    let rootfs = image.finalize().unwrap();
    assert_eq!(rootfs.text("/etc/p.conf"), "ours");
    assert_eq!(rootfs.text("/etc/passwd"), "web:x:5:6::/:/x\n");
    assert_eq!(rootfs.run_as.unwrap().to_string(), "5:6");
    assert_eq!(rootfs.text("/srv/x"), "through");
    let run = &rootfs.at("/run/p").unwrap().entry;
    assert_eq!((run.uid, run.gid, run.mode), (33, 33, 0o750));
    assert!(
        rootfs.at("/etc/group").is_none(),
        "what finalizers make can be removed"
    );
    assert!(rootfs.diagnostics.contains(&Diagnostic::Overridden {
        path: path("/etc/p.conf"),
        package: "p".into(),
    }));
    assert!(rootfs.diagnostics.contains(&Diagnostic::PatternUnused {
        pattern: "/nothing/*".into(),
    }));
}

#[test]
fn a_directory_that_holds_something_stays_and_is_told_of() {
    let mut image = Image::new()
        .file("p", "/usr/lib/p", "1")
        .dir("p", "/var/p", 0o755)
        .dir("p", "/srv/p", 0o755)
        .file("p", "/srv/p/q", "1");
    let remove = ["/usr", "/lib", "/var/p", "/srv/p", "/srv/p/**"];
    image.assembly.remove = Globs::new(&remove).unwrap();
    let rootfs = image.merge().unwrap();
    assert!(rootfs.at("/usr/lib/p").is_some() && rootfs.at("/srv/p").is_none());
    let stays = |text: &str| Diagnostic::DirectoryStays { path: path(text) };
    assert_eq!(rootfs.diagnostics, [stays("/lib"), stays("/usr")]);
}

#[test]
fn a_spec_file_in_the_merged_usr_lies_where_packages_files_lie() {
    let mut image = Image::new();
    image.assembly.files = vec![spec_file(
        "/bin/tool",
        SpecFileKind::File(FileSource::Bytes(b"x".to_vec())),
    )];
    let rootfs = image.merge().unwrap();
    assert!(rootfs.at("/usr/bin/tool").is_some());
    assert_eq!(rootfs.target("/bin").as_deref(), Some("usr/bin"));
}

#[test]
fn spec_files_that_cannot_be_placed_say_why() {
    let file = || SpecFileKind::File(FileSource::Bytes(Vec::new()));
    let cases = [
        (spec_file("/opt", file()), "a directory lies there"),
        (
            spec_file("/opt/x/y", file()),
            "would have to be a directory",
        ),
        (
            spec_file("/opt/x", SpecFileKind::Directory),
            "no directory lies there",
        ),
        (spec_file("/etc/.wh.x", file()), "whiteouts"),
        (spec_file("/", SpecFileKind::Directory), "root directory"),
        (
            SpecFile {
                mode: Some(0o20_000),
                ..spec_file("/x", file())
            },
            "above 7777",
        ),
        (
            SpecFile {
                owner: Some("who".into()),
                ..spec_file("/x", file())
            },
            "user `who`",
        ),
        (
            SpecFile {
                group: Some("what".into()),
                ..spec_file("/x", file())
            },
            "group `what`",
        ),
        (
            spec_file("/x", SpecFileKind::Symlink(Vec::new())),
            "target is empty",
        ),
    ];
    for (file, reason) in cases {
        let mut image = Image::new().file("p", "/opt/x", "1");
        let at = file.path.to_string();
        image.assembly.files = vec![file];
        let error = image.error().to_string();
        assert!(error.contains(reason) && error.contains(&at), "{error}");
    }
}

#[test]
fn patterns_remove_what_packages_brought_and_directories_that_become_empty_by_it() {
    let mut image = Image::new()
        .dir("p", "/usr/share/doc", 0o755)
        .dir("p", "/usr/share/doc/p", 0o755)
        .file("p", "/usr/share/doc/p/changelog", "1")
        .file("p", "/usr/share/doc/p/copyright", "2")
        .file("p", "/usr/share/man/man1/p.1", "3");
    image.assembly.remove = Globs::new(&[
        "/usr/share/doc/**",
        "!/usr/share/doc/**/copyright",
        "/usr/share/man",
        "/usr/share/man/**",
    ])
    .unwrap();
    let rootfs = image.merge().unwrap();
    assert!(rootfs.at("/usr/share/doc/p/copyright").is_some());
    assert!(rootfs.at("/usr/share/doc/p/changelog").is_none());
    assert!(rootfs.at("/usr/share/man").is_none());
}

#[test]
fn the_links_of_a_merged_usr_stay_whatever_a_pattern_says() {
    let mut image = Image::new()
        .file("p", "/lib/x86_64-linux-gnu/libp.so", "1")
        .file("p", "/usr/bin/p", "2");
    image.assembly.remove = Globs::new(&["/lib*", "/bin", "/usr/bin/none"]).unwrap();
    let rootfs = image.merge().unwrap();
    for link in ["/lib", "/bin"] {
        assert!(rootfs.at(link).is_some(), "{link}");
    }
    // They took nothing, and that is said.
    let unused = rootfs.diagnostics.iter();
    let unused = unused.filter(|one| {
        use Diagnostic::{DirectoryStays, PatternUnused};
        matches!(one, PatternUnused { .. } | DirectoryStays { .. })
    });
    assert_eq!(unused.count(), 3, "{:?}", rootfs.diagnostics);
}

#[test]
fn a_tree_leaves_directories_that_are_there_and_lies_in_its_layer() {
    let mut image = Image::new().dir("p", "/opt", 0o711);
    let bytes = |text: &str| SpecFileKind::File(FileSource::Bytes(text.into()));
    let of_tree = |at: &str, kind| SpecFile {
        owner: Some("7".into()),
        layer: Some("app".into()),
        ..spec_file(at, kind)
    };
    image.assembly.files = vec![
        spec_file("/srv/app/data", SpecFileKind::Directory),
        of_tree("/opt", SpecFileKind::TreeDirectory),
        of_tree("/srv/app", SpecFileKind::TreeDirectory),
        of_tree("/srv/app/data", SpecFileKind::TreeDirectory),
        of_tree("/srv/app/x", bytes("x")),
    ];
    let rootfs = image.finalize().unwrap();
    let at = |path: &str| {
        let entry = &rootfs.at(path).unwrap().entry;
        (entry.mode, entry.uid)
    };
    assert_eq!(at("/opt"), (0o711, 0), "a package has it");
    assert_eq!(at("/srv/app"), (0o755, 7), "nobody else has it");
    assert_eq!(at("/srv/app/data"), (0o755, 0), "the spec says what it is");
    let groups = rootfs.tree.by_share();
    let layer = groups
        .iter()
        .find(|group| group.of == Share::Layer("app".into()));
    let paths: Vec<String> = layer
        .unwrap()
        .paths
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(paths, ["/srv", "/srv/app", "/srv/app/x"]);
}
