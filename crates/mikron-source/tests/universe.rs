//! Compact indexes hold what the text held, survive corruption, and make up a universe.

use std::sync::Arc;

use mikron_deb::{Deb822Error, DebFormat, read_packages};
use mikron_package::{
    Checksum, Constraint, Digest, Limits, Origin, PackageId, PackageName, PackageRecord, Relation,
    Requirement, Universe, Version,
};
use mikron_rpm::RpmFormat;
use mikron_source::universe::{
    CompactError, CompactIndex, IndexBuilder, IndexUniverse, Part, UniverseError, build_index,
};

fn stanza(name: &str, version: &str, more: &str) -> String {
    let digest = Digest::of(format!("{name} {version}").as_bytes()).hex();
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: amd64\n{more}\
         Filename: pool/{name}_{version}.deb\nSize: 9\nSHA256: {digest}\nDescription: not needed\n more\n\n"
    )
}

fn origin() -> Origin {
    Origin {
        source: "debian".to_owned(),
        archive: "main/Packages".to_owned(),
    }
}

fn build(text: &str) -> Result<CompactIndex, Deb822Error> {
    build_index(text.as_bytes(), "amd64", &Limits::default(), &origin())
}

fn index(text: &str) -> CompactIndex {
    build(text).expect("the index is good")
}

fn part(text: &str, source: &str, priority: i32, label: &str) -> Part {
    Part {
        index: Arc::new(index(text)),
        source: source.to_owned(),
        priority,
        label: label.to_owned(),
    }
}

fn universe(parts: Vec<Part>) -> IndexUniverse {
    IndexUniverse::new(&DebFormat, "amd64", parts).expect("the parts agree")
}

fn names(universe: &IndexUniverse, ids: &[PackageId]) -> Vec<String> {
    let shown = |id: &PackageId| {
        let record = universe.record(*id);
        format!(
            "{} {} {}",
            record.name,
            record.version,
            universe.source(*id)
        )
    };
    ids.iter().map(shown).collect()
}

fn sample() -> String {
    [
        stanza("zlib", "1:1.2", "Multi-Arch: same\nSource: zlib-src (1.1)\n"),
        stanza("postfix", "3.7", "Provides: mail-transport-agent, default-mta (= 1), postfix\nPre-Depends: a\nDepends: b (>= 1),\n c | d\n"),
        stanza("exim4", "4.96", "Provides: mail-transport-agent, odd (>= 1), mail-transport-agent\nConflicts: mail-transport-agent\n"),
        stanza("base-files", "12", "Essential: yes\nPriority: required\nSection: admin\nInstalled-Size: 3\n"),
        stanza("awk", "1", "Essential: yes\n"),
        stanza("zlib", "1:1.1", ""),
    ]
    .concat()
}

#[test]
fn every_record_equals_that_of_the_text() {
    let (text, limits) = (sample(), Limits::default());
    let index = CompactIndex::open(index(&text).as_bytes().to_vec()).unwrap();
    let mut expected = Vec::new();
    read_packages(text.as_bytes(), &limits, &origin(), |package| {
        expected.push(package.to_record(&limits)?);
        Ok::<(), Deb822Error>(())
    })
    .unwrap();
    expected.sort_by(|a, b| (&a.name, a.version.as_str()).cmp(&(&b.name, b.version.as_str())));
    let found: Vec<_> = (0..index.len()).map(|n| index.record(n).unwrap()).collect();
    assert_eq!(found, expected);
    assert_eq!(index.architecture(), "amd64");
}

#[test]
fn the_same_text_gives_the_same_bytes() {
    assert_eq!(index(&sample()).as_bytes(), index(&sample()).as_bytes());
}

#[test]
fn packages_of_other_architectures_are_left_out() {
    let text = [
        stanza("a", "1", "").replace("Architecture: amd64", "Architecture: i386"),
        stanza("b", "1", "").replace("Architecture: amd64", "Architecture: all"),
    ]
    .concat();
    let index = index(&text);
    assert_eq!((index.len(), index.name(0).unwrap()), (1, &b"b"[..]));
}

#[test]
fn an_empty_index_is_one() {
    let universe = universe(vec![part("", "debian", 500, "main")]);
    assert!(universe.is_empty());
    assert_eq!(
        (
            universe.named("a"),
            universe.providers("a"),
            universe.essential()
        ),
        (vec![], vec![], vec![])
    );
    assert!(universe.similar("a").is_empty());
}

#[test]
fn names_providers_and_essential_packages_are_found() {
    let universe = universe(vec![part(&sample(), "debian", 500, "main")]);
    assert_eq!(
        names(&universe, &universe.named("zlib")),
        ["zlib 1:1.1 debian", "zlib 1:1.2 debian"]
    );
    assert_eq!(universe.named("zli"), []);
    assert_eq!(
        names(&universe, &universe.providers("mail-transport-agent")),
        ["exim4 4.96 debian", "postfix 3.7 debian"]
    );
    assert_eq!(
        names(&universe, &universe.providers("default-mta")),
        ["postfix 3.7 debian"]
    );
    for none in ["odd", "postfix", "zlib", ""] {
        assert_eq!(universe.providers(none), [], "{none}");
    }
    assert_eq!(
        names(&universe, &universe.essential()),
        ["awk 1 debian", "base-files 12 debian"]
    );
    assert_eq!(universe.all().count(), 6);
}

/// Records of the families whose indexes are no lists of fields.
fn records() -> Vec<PackageRecord> {
    let wanted = |text: &str| PackageName::wanted(text).expect("no white space in it");
    let exactly = |text: &str, version: &str| Relation {
        constraint: Some(Constraint::exactly(Version::new(version))),
        ..Relation::named(wanted(text))
    };
    let record = |name: &str, version: &str| {
        let plain = name.parse().expect("a plain name");
        let mut record = PackageRecord::new(plain, Version::new(version), "x86_64");
        record.location = format!("Packages/{name}-{version}.rpm");
        record.digest = Some(Digest::of(record.location.as_bytes()));
        record.provides.push(exactly(name, version));
        record
    };
    let mut new = record("new", "2-1");
    new.obsoletes = vec![exactly("old", "1"), Relation::named(wanted("old"))];
    new.obsoletes.push(Relation::named(wanted("older")));
    new.provides.push(exactly("old", "1"));
    new.provides.push(Relation::named(wanted("/usr/bin/new")));
    let (a, b) = ("/bin/sh", "libc.so.6(GLIBC_2.34)(64bit)");
    let either = [a, b].map(|text| Requirement::One(Relation::named(wanted(text))));
    new.depends.push(Requirement::Any(either.to_vec()));
    new.pre_depends.push(Requirement::One(exactly("old", "1")));
    let mut other = record("other", "1-1");
    other.obsoletes.push(Relation::named(wanted("old")));
    other.digest = None;
    other.checksum = Some(Checksum::Sha512([7; 64]));
    other.source = wanted("source-of-other");
    other.essential = true;
    let mut doc = record("doc", "1-1");
    doc.install_if = vec![exactly("new", "2-1"), Relation::named(wanted("docs"))];
    vec![record("old", "1-1"), new, other, doc, record("old", "0-1")]
}

fn index_of(records: &[PackageRecord]) -> CompactIndex {
    let mut builder = IndexBuilder::new("x86_64", &["x86_64", "noarch"]);
    for record in records {
        builder.add(record).expect("there is room");
    }
    builder.finish().expect("no contradiction")
}

#[test]
fn every_record_is_what_was_added() {
    let mut records = records();
    let index = index_of(&records);
    let bytes = index.as_bytes().to_vec();
    assert_eq!(bytes, index_of(&records).as_bytes(), "the same every time");
    let index = CompactIndex::open(bytes).unwrap();
    records.sort_by_key(|r| (r.name.clone(), r.version.to_string()));
    let found: Vec<_> = (0..index.len()).map(|n| index.record(n).unwrap()).collect();
    assert_eq!(found, records);
    let digest = |record: &PackageRecord| record.digest;
    let found: Vec<_> = (0..index.len()).map(|n| index.digest(n).unwrap()).collect();
    assert_eq!(found, records.iter().map(digest).collect::<Vec<_>>());
}

#[test]
fn obsoleters_and_what_is_triggered_are_found_by_name() {
    let part = Part {
        index: Arc::new(index_of(&records())),
        source: "el9".to_owned(),
        priority: 500,
        label: "el9".to_owned(),
    };
    let universe = IndexUniverse::new(&RpmFormat, "x86_64", vec![part]).unwrap();
    let found = |ids: Vec<PackageId>| names(&universe, &ids).join(", ");
    assert_eq!(
        found(universe.obsoleters("old")),
        "new 2-1 el9, other 1-1 el9"
    );
    assert_eq!(found(universe.obsoleters("older")), "new 2-1 el9");
    for trigger in ["new", "docs"] {
        assert_eq!(found(universe.triggered(trigger)), "doc 1-1 el9");
    }
    assert_eq!(found(universe.providers("old")), "new 2-1 el9");
    assert_eq!(found(universe.providers("/usr/bin/new")), "new 2-1 el9");
    for none in ["", "ol", "oldest", "doc"] {
        assert_eq!(found(universe.obsoleters(none)), "", "{none}");
        assert_eq!(found(universe.triggered(none)), "", "{none}");
        assert_eq!(found(universe.providers(none)), "", "{none}");
    }
}

#[test]
fn indexes_of_debian_have_neither_obsoleters_nor_triggers() {
    let universe = universe(vec![part(&sample(), "debian", 500, "main")]);
    assert_eq!(universe.obsoleters("mail-transport-agent"), []);
    assert_eq!(universe.triggered("zlib"), []);
}

#[test]
fn a_package_in_several_parts_counts_once_and_the_higher_priority_wins() {
    let text = stanza("nginx", "1", "Provides: httpd\nEssential: yes\n");
    let newer = stanza("nginx", "2", "Provides: httpd\n");
    let universe = universe(vec![
        part(&text, "debian", 500, "main"),
        part(&format!("{text}{newer}"), "vendor", 900, "main"),
        part(&text, "late", 900, "main"),
    ]);
    let found = universe.named("nginx");
    assert_eq!(
        names(&universe, &found),
        ["nginx 1 vendor", "nginx 2 vendor"]
    );
    assert_eq!(universe.providers("httpd"), found);
    assert_eq!(universe.essential(), found[..1]);
    assert_eq!(universe.all().collect::<Vec<_>>(), found);
    assert_eq!((universe.priority(found[0]), universe.len()), (900, 4));
}

#[test]
fn an_unknown_number_is_no_panic() {
    let universe = universe(vec![part(&sample(), "debian", 500, "main")]);
    for id in [PackageId(99), PackageId(u32::MAX)] {
        assert_eq!(universe.record(id).name.as_str(), "unknown");
        let _ = (universe.priority(id), universe.source(id));
    }
}

#[test]
fn an_index_of_another_architecture_is_refused() {
    let error =
        IndexUniverse::new(&DebFormat, "arm64", vec![part("", "debian", 500, "main")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "source debian: main was read for amd64, and the universe is for arm64"
    );
}

#[test]
fn names_that_resemble_come_best_first() {
    let text: String = [
        "nginx",
        "nginx-core",
        "nginy",
        "inx",
        "postgresql-15",
        "libnginx-mod-geoip",
    ]
    .map(|name| stanza(name, "1", "Provides: ngin-x\n"))
    .concat();
    let universe = universe(vec![part(&text, "debian", 500, "main")]);
    let similar = |name: &str| {
        universe
            .similar(name)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(similar("ngnix")[0], "nginx");
    assert_eq!(similar("nginxx")[..2], ["ngin-x", "nginx"]);
    assert_eq!(similar("postgresql")[0], "postgresql-15");
    assert_eq!(similar("nginx-cor")[0], "nginx-core");
    assert_eq!(similar("completely-different"), Vec::<String>::new());
    assert_eq!(similar(""), Vec::<String>::new());
}

/// The table of bad input refused the whole index. Nothing tells which of the two is meant, so neither is taken, and the index
/// says so to whoever needs the package.
#[test]
fn bad_088_conflicting_stanzas() {
    let good = stanza(
        "nginx",
        "1",
        "Depends: a\nProvides: httpd\nEssential: yes\n",
    );
    let other_digest = good.replace(&Digest::of(b"nginx 1").hex(), &"0".repeat(64));
    let other_depends = good.replace("Depends: a", "Depends: b");
    let other_size = good.replace("Size: 9", "Size: 10");
    for other in [other_digest, other_depends, other_size] {
        let newer = stanza("nginx", "2", "Provides: httpd\n");
        let text = format!("{good}{}{other}{newer}", stanza("b", "1", ""));
        let universe = universe(vec![part(&text, "debian", 500, "main")]);
        assert_eq!(
            names(&universe, &universe.named("nginx")),
            ["nginx 2 debian"]
        );
        assert_eq!(
            names(&universe, &universe.providers("httpd")),
            ["nginx 2 debian"]
        );
        assert_eq!((universe.len(), universe.essential()), (2, vec![]));
        let odd = universe.odd("nginx");
        assert_eq!(
            (odd.len(), &*odd[0].0.version, &*odd[0].1),
            (1, "1", "debian")
        );
        assert!(
            odd[0].0.reason.contains("two records of it differ"),
            "{}",
            odd[0].0
        );
    }
}

#[test]
fn odd_records_stay_with_the_index_that_is_kept() {
    let odd = [
        stanza("odd", "abc", ""),
        stanza("foreign", "abc", "").replace("Architecture: amd64", "Architecture: s390x"),
        stanza("sizeless", "1", "").replace("Size: 9\n", ""),
    ];
    let text = format!("{}{}", odd.concat(), sample());
    let kept = CompactIndex::open(index(&text).as_bytes().to_vec()).unwrap();
    let named: Vec<String> = kept
        .odd()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        named,
        [
            "odd abc (Version: the version `abc` does not start with a digit)",
            "sizeless 1 (Size: the field is missing)",
        ]
    );
    assert!(index(&sample()).odd().unwrap().is_empty());
    // Records of the other families go the same way.
    let mut records = records();
    let mut twin = records[0].clone();
    twin.digest = Some(Digest::of(b"another archive"));
    records.push(twin);
    let index = index_of(&records);
    assert_eq!(index.len() as usize, records.len() - 2);
    assert_eq!(index.odd().unwrap().named("old").count(), 1);
}

#[test]
fn a_stanza_that_stands_twice_counts_once() {
    let good = stanza("nginx", "1", "Provides: httpd\nEssential: yes\n");
    let moved = good.replace("pool/", "pool/other/");
    let universe = universe(vec![part(
        &format!("{good}{good}{moved}"),
        "debian",
        500,
        "main",
    )]);
    assert_eq!(universe.len(), 1);
    assert_eq!(universe.providers("httpd").len(), 1);
    assert_eq!(universe.essential().len(), 1);
    assert_eq!(
        universe.record(universe.named("nginx")[0]).location,
        "pool/nginx_1.deb"
    );
}

#[test]
fn bad_088_conflicting_indexes_of_one_source() {
    let good = stanza("nginx", "1", "");
    let other = good.replace(&Digest::of(b"nginx 1").hex(), &"0".repeat(64));
    let more = format!("{other}{}", stanza("b", "1", ""));
    let parts = vec![
        part(&good, "debian", 500, "bookworm/main"),
        part(&more, "debian", 500, "bookworm-updates/main"),
    ];
    let error = IndexUniverse::new(&DebFormat, "amd64", parts).unwrap_err();
    assert!(
        matches!(&error, UniverseError::Conflict { package, .. } if package == "nginx"),
        "{error}"
    );
    let message = "source debian: bookworm/main and bookworm-updates/main hold different archives of nginx 1 amd64";
    assert!(error.to_string().starts_with(message), "{error}");
    // Two vendors may well build one version differently: the pin decides.
    let parts = vec![
        part(&good, "debian", 500, "main"),
        part(&more, "vendor", 500, "main"),
    ];
    assert_eq!(universe(parts).named("nginx").len(), 1);
}

#[test]
fn a_corrupted_index_is_an_error_and_never_a_panic() {
    assert!(matches!(
        CompactIndex::open(Vec::new()),
        Err(CompactError::Format)
    ));
    assert!(matches!(
        CompactIndex::open(b"MIKRINDX".to_vec()),
        Err(CompactError::Corrupt(8))
    ));
    let odd = format!("{}{}", stanza("odd", "abc", ""), sample());
    for good in [index(&odd), index_of(&records())] {
        corrupt(good.as_bytes());
    }
}

/// Tries every beginning, and several values for every byte.
fn corrupt(good: &[u8]) {
    for length in 0..good.len() {
        exercise(good[..length].to_vec());
    }
    for at in 0..good.len() {
        for value in [
            0,
            1,
            0x7f,
            0x80,
            0xff,
            good[at] ^ 1,
            good[at].wrapping_add(1),
        ] {
            let mut bad = good.to_vec();
            bad[at] = value;
            exercise(bad);
        }
    }
}

/// Opens it and asks for everything.
fn exercise(bytes: Vec<u8>) {
    let Ok(index) = CompactIndex::open(bytes) else {
        return;
    };
    let architecture = index.architecture().to_owned();
    for number in 0..index.len().min(20) {
        let _ = index.record(number);
    }
    let _ = (
        index.named(b"zlib"),
        index.providers(b"mail-transport-agent"),
        index.obsoleters(b"old"),
        index.triggered(b"docs"),
        index.essential(),
    );
    let part = Part {
        index: Arc::new(index),
        source: "a".into(),
        priority: 500,
        label: "a".into(),
    };
    let Ok(universe) = IndexUniverse::new(&DebFormat, &architecture, vec![part.clone(), part])
    else {
        return;
    };
    let _ = (
        universe.named("zlib"),
        universe.providers("default-mta"),
        universe.essential(),
    );
    if universe.len() < 100 {
        let _ = universe.similar("zlip");
    }
}
