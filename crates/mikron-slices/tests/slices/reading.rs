//! What can be read, and what it becomes.

use mikron_package::{Architecture, Limits};
use mikron_slices::{ContentKind, Format, Release, SourceFile};

use crate::{fixture, good, keys, package, read, sound, synthetic};

#[test]
fn a_release_is_read_from_its_directory() {
    let release = fixture();
    assert_eq!(release.head().format, Format::V1);
    assert_eq!(release.packages().count(), 7);
    assert_eq!(release.len(), 26);
    assert_eq!(release.head().archives["extended"].priority, 15);
    assert_eq!(release.head().ignored_archives, ["unheard-of"]);
    assert_eq!(
        release.package("python3").unwrap().archive.as_deref(),
        Some("ubuntu")
    );
    assert!(release.check().is_empty(), "{:?}", release.check());
}

#[test]
fn a_path_is_what_its_options_say() {
    let release = fixture();
    let kinds = |slice: &str| -> Vec<String> {
        let slice = release.slice(&keys(&[slice])[0]).expect(slice);
        let contents = slice.contents.iter();
        contents
            .map(|c| format!("{} {:?} {:?}", c.path, c.kind, c.mode))
            .collect()
    };
    assert_eq!(
        kinds("base-files_state"),
        [
            "/run/ Copy { from: None } None",
            "/run/lock/ Directory Some(1023)",
            "/var/lock/ Symlink(\"/run/lock\") None",
            "/var/run/ Symlink(\"/run\") None",
            "/var/log/ Copy { from: None } None",
        ]
    );
    let nginx = release.slice(&keys(&["nginx_config"])[0]).unwrap();
    assert_eq!(nginx.hint.as_deref(), Some("Configuration; one site"));
    let site = nginx.contents.last().unwrap();
    let from = Some("/usr/share/nginx/site.conf".to_owned());
    assert_eq!(site.kind, ContentKind::Copy { from });
    assert_eq!((site.mode, site.mutable), (Some(0o600), true));
}

#[test]
fn modes_are_read_in_every_way_to_write_a_number() {
    let modes = ["0755", "0o755", "0x1ed", "493", "0b111101101", "'0755'"];
    for mode in modes {
        let text = package("aa", &[&format!("/d/: {{make: true, mode: {mode}}}")]);
        let release = good("v1", &[&text]);
        let slice = release.slice(&keys(&["aa_bins"])[0]).unwrap();
        assert_eq!(slice.contents[0].mode, Some(0o755), "{mode}");
    }
}

#[test]
fn essentials_of_a_package_belong_to_all_its_slices_but_themselves() {
    let release = fixture();
    let needed = |slice: &str| -> Vec<String> {
        let slice = release.slice(&keys(&[slice])[0]).expect(slice);
        slice.essential.iter().map(|e| e.key.to_string()).collect()
    };
    assert_eq!(needed("base-files_copyright"), Vec::<String>::new());
    assert_eq!(
        needed("nginx_bins"),
        [
            "nginx_copyright",
            "base-files_state",
            "libc6_libs",
            "nginx_config",
            "openssl_config"
        ]
    );
}

#[test]
fn format_v3_has_mappings_of_essentials_and_stores() {
    let release = good(
        "v3",
        &[
            "package: aa\nslices:\n  one: {}\n  two:\n    essential:\n      aa_one:\n      aa_three: {arch: arm64}\n      bin/other_tool: {}\n  three:\n",
        ],
    );
    let two = release.slice(&keys(&["aa_two"])[0]).unwrap();
    let arm = two.essential[1].architectures;
    assert_eq!(arm.named().collect::<Vec<_>>(), [Architecture::Arm64]);
    assert!(!arm.include(Architecture::Amd64));
    assert!(
        two.essential[0]
            .architectures
            .include(Architecture::Riscv64)
    );
    assert_eq!(two.essential[2].key.store(), Some("bin"));

    let head = format!(
        "{}stores:\n  bin: {{kind: bin, version: '26.04', default-prefix: /usr}}\n",
        synthetic::head("v3")
    );
    let stored = "package: hello\nstore: bin\ndefault-track: 3.1\nslices:\n  bins:\n    contents:\n      /bin/hello: {channel: 3.1/stable}\n";
    let files = [
        SourceFile::new("chisel.yaml", &head),
        SourceFile::new("slices/hello.yaml", stored),
    ];
    let release = Release::of_files(&files, &Limits::default()).unwrap();
    let store = release.package("hello").unwrap().store.clone().unwrap();
    assert_eq!(store, ("bin".to_owned(), "3.1".to_owned()));
    let error = release
        .select(&keys(&["hello_bins"]), Architecture::Amd64)
        .unwrap_err();
    assert!(error.to_string().contains("store"), "{error}");
}

#[test]
fn the_default_archive_of_format_v1_goes_first() {
    let head = synthetic::head("v1").replace(
        "archives:\n  main:\n",
        "archives:\n  other: {version: 24.04, components: [main], suites: [noble], public-keys: [archive-key]}\n  main:\n    default: true\n",
    );
    let files = [SourceFile::new("chisel.yaml", &head)];
    let release = Release::of_files(&files, &Limits::default()).unwrap();
    let archives = &release.head().archives;
    assert_eq!(archives["main"].priority, 1);
    assert!(archives["other"].priority < 0);
    assert!(release.is_empty());
}

#[test]
fn files_lie_in_directories_of_slices_and_other_files_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("slices/more/deeper");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(directory.path().join("chisel.yaml"), synthetic::head("v1")).unwrap();
    std::fs::write(
        below.join("hello.yaml"),
        package("hello", &["/usr/bin/hello:"]),
    )
    .unwrap();
    std::fs::write(below.join("README.md"), "not a definition").unwrap();
    let release = Release::read(directory.path(), &Limits::default()).unwrap();
    let hello = release.package("hello").unwrap();
    assert_eq!(hello.source.name(), "slices/more/deeper/hello.yaml");

    std::fs::write(
        directory.path().join("slices/hello.yaml"),
        "package: hello\n",
    )
    .unwrap();
    let error = sound(Release::read(directory.path(), &Limits::default())).unwrap_err();
    assert!(error.to_string().contains("is defined in"), "{error}");
}

#[test]
fn a_fault_of_one_file_costs_the_slices_of_that_file_alone() {
    let directory = tempfile::tempdir().unwrap();
    let slices = directory.path().join("slices");
    std::fs::create_dir_all(slices.join("more")).unwrap();
    std::fs::write(directory.path().join("chisel.yaml"), synthetic::head("v1")).unwrap();
    let tomcat = "package: tomcat10\nslices:\n  bins:\n    content:\n      /usr/bin/tomcat:\n";
    let needy = "package: needy\nslices:\n  bins:\n    essential: [tomcat10_bins]\n  libs:\n";
    let lost = "package: lost\nslices:\n  bins:\n    essential: [nobody_bins]\n";
    let prefers =
        |name: &str, target: &str| package(name, &[&format!("/usr/bin/x: {{prefer: {target}}}")]);
    let loops = "package: loops\nslices:\n  one:\n    essential: [loops_two]\n  two:\n    essential: [loops_one]\n  three:\n";
    for (name, text) in [
        ("good.yaml", package("good", &["/usr/bin/good:"])),
        ("tomcat10.yaml", tomcat.to_owned()),
        ("needy.yaml", needy.to_owned()),
        ("lost.yaml", lost.to_owned()),
        ("twice.yaml", "package: twice\n".to_owned()),
        ("more/twice.yaml", "package: twice\n".to_owned()),
        ("first.yaml", prefers("first", "last")),
        ("rival.yaml", prefers("rival", "last")),
        ("last.yaml", package("last", &["/usr/bin/x:"])),
        ("fan.yaml", prefers("fan", "tomcat10").replace("/x", "/y")),
        ("loops.yaml", loops.to_owned()),
    ] {
        std::fs::write(slices.join(name), text).unwrap();
    }
    std::fs::write(slices.join("latin.yaml"), b"package: latin\xe9\n").unwrap();
    let release = Release::read(directory.path(), &Limits::default()).unwrap();
    let faults: Vec<String> = release
        .faults()
        .iter()
        .map(|fault| fault.file.clone())
        .collect();
    assert_eq!(
        faults,
        [
            "slices/tomcat10.yaml",
            "slices/twice.yaml",
            "slices/lost.yaml",
            "slices/rival.yaml",
            "slices/loops.yaml",
            "slices/latin.yaml",
        ]
    );
    let select = |name: &str| {
        let selected = release.select(&keys(&[name]), Architecture::Amd64);
        selected
            .map(|selection| selection.slices().len())
            .map_err(|error| error.to_string())
    };
    for good in [
        "good_bins",
        "needy_libs",
        "first_bins",
        "last_bins",
        "fan_bins",
        "loops_three",
    ] {
        assert_eq!(select(good), Ok(1), "{good}");
    }
    for (bad, why) in [
        (
            "tomcat10_bins",
            "slices/tomcat10.yaml:4:5: unknown key `content`",
        ),
        (
            "needy_bins",
            "slices/tomcat10.yaml:4:5: unknown key `content`",
        ),
        ("lost_bins", "there is no package `nobody`"),
        ("twice_bins", "is defined in"),
        ("rival_bins", "prefers `last` here too"),
        ("loops_one", "essential to each other"),
        ("latin_bins", "UTF-8"),
    ] {
        let error = select(bad).unwrap_err();
        assert!(error.contains(why), "{bad}: {error}");
    }
    assert!(release.check().len() >= faults.len());
}

#[test]
fn a_directory_that_is_no_release_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let error = Release::read(directory.path(), &Limits::default()).unwrap_err();
    assert_eq!(error.file, "slices");
    std::fs::create_dir(directory.path().join("slices")).unwrap();
    let error = Release::read(directory.path(), &Limits::default()).unwrap_err();
    assert_eq!(error.file, "chisel.yaml");
}

#[test]
fn a_file_that_is_too_large_or_no_text_is_refused() {
    let limits = Limits {
        spec: 200,
        ..Limits::default()
    };
    let files = [SourceFile::new("chisel.yaml", &synthetic::head("v1"))];
    let error = Release::of_files(&files, &limits).unwrap_err();
    assert!(error.to_string().contains("200"), "{error}");

    let directory = tempfile::tempdir().unwrap();
    synthetic::write(directory.path(), 2).unwrap();
    std::fs::write(directory.path().join("slices/bad.yaml"), b"package: \xff\n").unwrap();
    let release = Release::read(directory.path(), &Limits::default());
    let error = sound(release).unwrap_err();
    assert!(error.to_string().contains("UTF-8"), "{error}");
}

#[test]
fn a_large_release_has_no_conflicts_and_its_order_is_that_of_its_files() {
    let files: Vec<SourceFile> = synthetic::release(120)
        .iter()
        .map(|(name, text)| SourceFile::new(name, text))
        .collect();
    let release = Release::of_files(&files, &Limits::default()).unwrap();
    assert!(release.len() > 400);
    assert_eq!(release.check(), []);
    let mut turned = files.clone();
    turned.reverse();
    let again = Release::of_files(&turned, &Limits::default()).unwrap();
    let names = |release: &Release| -> Vec<String> {
        release
            .packages()
            .map(|package| package.name.to_string())
            .collect()
    };
    assert_eq!(names(&release), names(&again));
}

#[test]
fn an_alias_stands_for_what_its_anchor_names() {
    let text = "package: aa\nslices:\n  one:\n    contents: &all\n      /usr/bin/a:\n  two:\n    contents: *all\n";
    let release = read("v1", &[text]).unwrap();
    let two = release.slice(&keys(&["aa_two"])[0]).unwrap();
    assert_eq!(two.contents[0].path, "/usr/bin/a");
}
