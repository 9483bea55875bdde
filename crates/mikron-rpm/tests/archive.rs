//! What a package holds comes out of the reader: entries, attributes, scripts, relations.

mod archive_support;

use archive_support::{origin, package, read, refused, says, skim};
use mikron_package::{EntryKind, Limits, PackageFormat};
use mikron_rpm::RpmFormat;
use mikron_rpm::archive::signed_header;
use mikron_testkit::archive::Compression;
use mikron_testkit::rpm::{HeaderValue, RpmBuilder};

#[test]
fn a_package_is_recognised_by_its_lead() {
    assert!(RpmFormat.recognises(&package().build()[..8]));
    assert!(!RpmFormat.recognises(b"!<arch>\n"));
}

#[test]
fn every_compression_and_both_headers_of_members_give_the_same_entries() {
    let builder = package()
        .file("/usr/bin/x", 0o4755, vec![b'x'; 70_000])
        .symlink("/usr/bin/y", "x")
        .dir("/var/empty", 0o1777)
        .device("/dev/null", 0o666, 1, 3)
        .fifo("/run/pipe", 0o600)
        .config("/etc/x.conf", "x = 1\n");
    let (_, expected) = read(&builder.build()).expect("a good package");
    assert_eq!(expected.len(), 6);
    assert_eq!(expected[0].kind, "char 1:3");
    assert_eq!((expected[3].mode, expected[3].size), (0o4755, 70_000));
    for compression in Compression::ALL {
        let packed = builder.clone().compression(compression);
        let (_, entries) = read(&packed.build()).expect("a good package");
        assert_eq!(entries, expected, "{compression:?}");
        let (_, entries) = read(&packed.stripped().build()).expect("a good package");
        assert_eq!(entries, expected, "{compression:?}, stripped");
    }
    assert_eq!(skim(&builder.build()).expect("a good package"), 6);
}

#[test]
fn the_first_name_of_a_file_has_the_content_and_the_others_are_links() {
    let builder = package()
        .file("/usr/bin/c", 0o755, "content")
        .hardlink("/usr/bin/a", "/usr/bin/c")
        .hardlink("/usr/bin/b", "/usr/bin/c")
        .file("/usr/bin/between", 0o755, "other");
    for builder in [builder.clone(), builder.stripped()] {
        let (_, entries) = read(&builder.build()).expect("a good package");
        let found: Vec<(String, &str, u64)> = entries
            .iter()
            .map(|entry| (entry.path.to_string(), &*entry.kind, entry.size))
            .collect();
        let expected = [
            ("/usr/bin/between", "file", 5),
            ("/usr/bin/a", "file", 7),
            ("/usr/bin/b", "hardlink", 0),
            ("/usr/bin/c", "hardlink", 0),
        ];
        let expected = expected.map(|(path, kind, size)| (path.to_owned(), kind, size));
        assert_eq!(found, expected);
        assert!(entries[2..].iter().all(|entry| entry.link == b"usr/bin/a"));
    }
}

#[test]
fn owners_times_and_capabilities_come_from_the_header() {
    let bytes = package()
        .file("/usr/bin/x", 0o755, "x")
        .owner("nginx", "adm")
        .capabilities("cap_net_bind_service=ep")
        .mtime(1_234_567_890)
        .build();
    let mut reader = RpmFormat
        .open(Box::new(&*bytes), &Limits::default(), &origin())
        .expect("a good package");
    let entry = reader.next_entry().expect("an entry").expect("an entry");
    assert_eq!(entry.user.as_deref(), Some("nginx"));
    assert_eq!(entry.group.as_deref(), Some("adm"));
    assert_eq!(entry.mtime, 1_234_567_890);
    let value = &entry.xattrs[&b"security.capability"[..]];
    assert_eq!(value[..8], [1, 0, 0, 2, 0, 4, 0, 0]);
    assert_eq!(value.len(), 20);
}

#[test]
fn ghosts_are_listed_and_are_no_entries() {
    let bytes = package()
        .ghost("/var/log/x.log", 0o640)
        .owner("x", "x")
        .file("/usr/bin/x", 0o755, "x")
        .build();
    let (metadata, entries) = read(&bytes).expect("a good package");
    assert_eq!(entries.len(), 1);
    assert_eq!(metadata.ghosts.len(), 1);
    let ghost = &metadata.ghosts[0];
    assert_eq!(ghost.path.to_string(), "/var/log/x.log");
    assert_eq!((ghost.mode, ghost.user.as_deref()), (0o640, Some("x")));
}

#[test]
fn relations_become_those_of_the_record() {
    let bytes = package()
        .epoch(3)
        .requires("libc.so.6(GLIBC_2.34)(64bit)")
        .requires("(mta or sendmail >= 8)")
        .relation(1049, "/bin/sh", 1 << 8 | 1 << 10)
        .provides("virtual = 2")
        .conflicts("old < 1")
        .conflicts("(a unless b)")
        .obsoletes("ancient <= 2:1-1")
        .recommends("nice")
        .supplements("(x and y)")
        .build();
    let (metadata, _) = read(&bytes).expect("a good package");
    let record = &metadata.record;
    let texts = |list: &[mikron_package::Requirement]| -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    };
    assert_eq!(record.version.as_str(), "3:1.0-1");
    assert_eq!(record.source.as_str(), "x");
    assert_eq!(record.source_version, None);
    assert_eq!(
        texts(&record.depends),
        ["mta | sendmail (>= 8)", "libc.so.6(GLIBC_2.34)(64bit)"]
    );
    assert_eq!(texts(&record.pre_depends), ["/bin/sh"]);
    assert_eq!(record.conflicts[0].to_string(), "old (<< 1)");
    assert_eq!(texts(&record.rich_conflicts), ["(a unless b)"]);
    assert_eq!(record.obsoletes[0].to_string(), "ancient (<= 2:1-1)");
    assert_eq!(texts(&record.recommends), ["nice"]);
    assert_eq!(texts(&record.supplements), ["x, y"]);
    let provided: Vec<String> = record.provides.iter().map(ToString::to_string).collect();
    assert_eq!(provided, ["virtual (= 2)", "x (= 1.0-1)"]);
}

#[test]
fn scriptlets_name_their_interpreters() {
    let bytes = package()
        .script("%post", "/sbin/ldconfig", "")
        .script("%pre", "/bin/sh", "exit 0")
        .script("%pretrans", "<lua>", "print(1)")
        .build();
    let (metadata, _) = read(&bytes).expect("a good package");
    let scripts: Vec<(&str, &[u8])> = metadata
        .scripts
        .iter()
        .map(|script| (&*script.name, &*script.text))
        .collect();
    assert_eq!(
        scripts,
        [
            ("%pretrans", &b"#!<lua>\nprint(1)"[..]),
            ("%pre", b"#!/bin/sh\nexit 0"),
            ("%post", b"#!/sbin/ldconfig\n"),
        ]
    );
}

#[test]
fn accounts_that_provides_carry_are_kept_as_lines_of_sysusers() {
    let bytes = package()
        .provides("user(nginx) = dSBuZ2lueCAtICJuZ2lueCIgL3Zhci9saWIvbmdpbng=")
        .provides("group(nginx)")
        .build();
    let (metadata, _) = read(&bytes).expect("a good package");
    let (_, lines) = metadata
        .extra
        .iter()
        .find(|(name, _)| name == "sysusers")
        .expect("there are lines");
    assert_eq!(lines, b"u nginx - \"nginx\" /var/lib/nginx\n");
}

#[test]
fn the_module_and_the_source_of_a_package_are_known() {
    let bytes = package()
        .tag(5096, HeaderValue::text("nginx:1.22:1:abc"))
        .tag(1044, HeaderValue::text("y-2.0-3.src.rpm"))
        .build();
    let (metadata, _) = read(&bytes).expect("a good package");
    assert_eq!(metadata.record.source.as_str(), "y");
    let version = metadata.record.source_version.expect("it differs");
    assert_eq!(version.as_str(), "2.0-3");
    let label = ("Modularity Label".to_owned(), "nginx:1.22:1:abc".to_owned());
    assert!(metadata.fields.contains(&label));
}

#[test]
fn features_of_rpm_are_checked_and_are_no_dependencies() {
    let known = package().relation(1049, "rpmlib(FileCaps) <= 4.6.1-1", 1 << 24);
    let (metadata, _) = read(&known.build()).expect("a good package");
    assert!(metadata.record.depends.is_empty());
    let unknown = package().relation(1049, "rpmlib(Teleportation) <= 9-1", 1 << 24);
    says(
        &refused(&unknown.build()),
        "header",
        "rpmlib(Teleportation)",
    );
    let newer = package().relation(1049, "rpmlib(FileCaps) > 9-1", 1 << 24);
    says(&refused(&newer.build()), "header", "rpmlib(FileCaps)");
}

#[test]
fn source_packages_are_refused_by_name() {
    let mut sections = package().parts().sections();
    sections.lead[7] = 1;
    assert!(
        refused(&sections.join())
            .to_string()
            .contains("a source package")
    );
    let mut parts = package().parts();
    parts.header.remove(1044);
    says(&refused(&parts.build()), "header", "a source package");
}

#[test]
fn signatures_are_handed_out_with_the_bytes_that_they_sign() {
    let mut sections = package().parts().sections();
    sections
        .signature
        .set(268, HeaderValue::Binary(vec![1, 2, 3]))
        .set(1002, HeaderValue::Binary(vec![9]));
    let bytes = sections.join();
    let header = signed_header(&mut &*bytes, &Limits::default(), &origin()).expect("a header");
    assert_eq!(header.bytes, sections.header);
    assert_eq!(header.signatures.len(), 1);
    assert_eq!(header.signatures[0].tag, 268);
    assert_eq!(header.signatures[0].packets, [1, 2, 3]);
}

#[test]
fn files_that_come_in_another_order_than_the_headers_are_found() {
    use mikron_testkit::rpm::{CpioBuilder, CpioFields};
    let mut parts = package()
        .file("/a", 0o644, "1")
        .file("/b", 0o644, "2")
        .file("/c", 0o644, "3")
        .parts();
    let fields = CpioFields::new(0o100_644);
    parts.cpio = CpioBuilder::new()
        .member(b"./c", fields, b"3")
        .member(b"/a", fields, b"1")
        .member(b"b", fields, b"2")
        .trailer()
        .build();
    let (_, entries) = read(&parts.build()).expect("a good package");
    let paths: Vec<String> = entries.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(paths, ["/c", "/a", "/b"]);
}

#[test]
fn a_package_without_files_has_no_entries() {
    let (metadata, entries) =
        read(&RpmBuilder::new("meta", "1", "1", "noarch").build()).expect("a good package");
    assert!(entries.is_empty());
    assert_eq!(metadata.record.name.as_str(), "meta");
}

#[test]
fn the_kinds_of_entries_are_those_of_the_header() {
    let bytes = package().symlink("/lib", "usr/lib").build();
    let mut reader = RpmFormat
        .open(Box::new(&*bytes), &Limits::default(), &origin())
        .expect("a good package");
    let entry = reader.next_entry().expect("an entry").expect("an entry");
    let target = b"usr/lib".to_vec();
    assert_eq!(entry.kind, EntryKind::Symlink { target });
    assert_eq!(entry.mode, 0o777);
    let mut body = Vec::new();
    std::io::Read::read_to_end(reader.body(), &mut body).expect("an empty body");
    assert!(body.is_empty());
}
