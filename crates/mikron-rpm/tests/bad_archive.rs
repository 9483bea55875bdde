//! Rows 44 to 52 and 55 to 62 of the table of bad input: headers and payloads. Rows 53 and 54 are about keys, which the sources
//! judge; so is what follows from row 55.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod archive_support;

use std::io::{self, Read};

use archive_support::{origin, package, read, refused, refused_with, says, skim};
use mikron_package::{ArchiveErrorKind, Limits};
use mikron_rpm::archive::signed_header;
use mikron_testkit::archive::Compression;
use mikron_testkit::rpm::{CpioBuilder, CpioFields, HeaderValue, RpmParts, RpmSections};

const REGULAR: u32 = 0o100_644;

fn parts() -> RpmParts {
    package().file("/usr/bin/x", 0o755, "content").parts()
}

fn with_cpio(cpio: CpioBuilder) -> Vec<u8> {
    RpmParts {
        cpio: cpio.build(),
        ..parts()
    }
    .build()
}

/// Where in a header with its magic the entry of a tag lies.
fn item_of(header: &[u8], tag: u32) -> usize {
    let tags = u32::from_be_bytes(header[8..12].try_into().unwrap()) as usize;
    (0..tags)
        .map(|number| 16 + 16 * number)
        .find(|at| header[*at..*at + 4] == tag.to_be_bytes())
        .expect("the tag is there")
}

/// An archive of which one word of the main header is changed, under digests that fit.
fn with_word(at: impl Fn(&[u8]) -> usize, word: u32) -> Vec<u8> {
    let mut sections = parts().sections();
    let at = at(&sections.header);
    sections.header[at..at + 4].copy_from_slice(&word.to_be_bytes());
    sections.seal();
    sections.join()
}

#[test]
fn bad_044_more_tags_than_rpm_allows() {
    for tags in [0x1_0000, u32::MAX] {
        let error = refused(&with_word(|_| 8, tags));
        says(&error, "header", "rpm allows 65535");
    }
    let mut sections = parts().sections();
    let mut bytes = sections.join();
    bytes[104..108].copy_from_slice(&0x1_0000_u32.to_be_bytes());
    says(&refused(&bytes), "signature header", "rpm allows 65535");
    // No tags at all is no header either.
    sections.header = [&sections.header[..8], &[0; 8]].concat();
    says(&refused(&sections.seal().join()), "header", "no tags");
}

#[test]
fn bad_045_sizes_that_overflow_or_exceed_everything() {
    for store in [u32::MAX, u32::MAX - 16 * 40 + 1, 0x8000_0000] {
        let error = refused(&with_word(|_| 12, store));
        assert!(matches!(error.kind, ArchiveErrorKind::Limit(_)), "{error}");
    }
    // Within the limit, and yet more than there is: nothing is reserved for it.
    let error = refused(&with_word(|_| 12, 15 << 20));
    assert!(
        matches!(error.kind, ArchiveErrorKind::Truncated(_)),
        "{error}"
    );
    let limits = Limits {
        control: 1000,
        ..Limits::default()
    };
    let error = refused_with(&parts().build(), &limits);
    assert!(matches!(error.kind, ArchiveErrorKind::Limit(_)), "{error}");
}

#[test]
fn bad_046_offsets_and_counts_outside_of_the_store() {
    for (field, word) in [(8, 0x00ff_ffff), (8, u32::MAX), (12, 0x00ff_ffff), (12, 0)] {
        let bytes = with_word(|header| item_of(header, 1028) + field, word);
        says(&refused(&bytes), "header", "lies outside of the header");
    }
    let misaligned = with_word(|header| item_of(header, 1028) + 4, 99);
    says(&refused(&misaligned), "header", "is of no known type");
    // Two tags over one value would make checking it cost more than its size.
    let overlapping = with_word(|header| item_of(header, 1117) + 8, 0);
    says(&refused(&overlapping), "header", "overlaps another one");
    // A count that lies is found by the other arrays of the file list.
    let bytes = with_word(|header| item_of(header, 1030) + 12, 2);
    assert!(refused(&bytes).entry.as_deref() == Some("header"));
}

#[test]
fn packages_of_rpm_3_are_refused_by_their_form_with_what_to_do() {
    let advice = "a package of the form that rpm before 4.0 wrote (";
    let error = refused(&with_word(|_| 16, 64));
    for part in [
        advice,
        "rpmbuild --rebuild",
        "does not begin with its region",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
    for kind in [0, 1, 3] {
        let mut bytes = parts().sections().join();
        bytes[79] = kind;
        let error = refused(&bytes).to_string();
        assert!(
            error.contains(advice) && error.contains(&format!("the type {kind}")),
            "{error}"
        );
    }
}

#[test]
fn bad_047_a_region_that_lies() {
    let region = |field: usize, word: u32| with_word(move |_| 16 + field, word);
    for (bytes, words) in [
        (region(0, 64), "does not begin with its region"),
        (region(4, 6), "not of the kind"),
        (region(8, 0x00ff_ffff), "outside of the header"),
        (region(8, 0), "trailer of the region is wrong"),
        (region(12, 32), "not of the kind"),
    ] {
        says(&refused(&bytes), "header", words);
    }
    let trailer = |header: &[u8]| {
        let at = header.len() - 16;
        (at, at + 8)
    };
    for (at, word, words) in [
        (0, 62, "trailer of the region is wrong"),
        (8, 16, "trailer of the region is wrong"),
        (8, (-16_i32).cast_unsigned(), "does not cover the whole"),
        (
            8,
            i32::MIN.cast_unsigned(),
            "trailer of the region is wrong",
        ),
        (8, 0xffff_0000, "trailer of the region is wrong"),
    ] {
        let bytes = with_word(|header| trailer(header).0 + at, word);
        says(&refused(&bytes), "header", words);
    }
}

#[test]
fn bad_048_a_text_without_its_end() {
    // The last text of the store, behind which only the region's trailer stands, is made to run into it.
    let mut sections = parts().sections();
    let at = sections.header.len() - 17;
    assert_eq!(sections.header[at], 0);
    sections.header[at..].fill(b'a');
    let error = refused(&sections.seal().join());
    says(&error, "header", "trailer of the region is wrong");
    // More texts than the store has.
    let bytes = with_word(|header| item_of(header, 5097) + 12, 40);
    says(&refused(&bytes), "header", "does not end inside");
}

#[test]
fn bad_049_a_directory_that_is_not_there() {
    for index in [1, u32::MAX] {
        let mut parts = parts();
        parts.header.set(1116, HeaderValue::Words(vec![index]));
        says(&refused(&parts.build()), "header", "names directory");
    }
    let mut parts = parts();
    parts.header.set(1116, HeaderValue::Words(vec![0, 0]));
    says(&refused(&parts.build()), "header", "2 values for 1 files");
}

#[test]
fn bad_050_names_that_lead_elsewhere() {
    for (name, words) in [
        ("../x", "has a `/`"),
        ("a/b", "has a `/`"),
        ("..", "`..` component"),
        (&"n".repeat(256), "more than 255 bytes"),
    ] {
        let mut parts = parts();
        parts.header.set(1117, HeaderValue::texts(&[name]));
        let path = [b"./usr/bin/", name.as_bytes()].concat();
        parts.cpio = CpioBuilder::new()
            .member(&path, CpioFields::new(REGULAR), b"content")
            .trailer()
            .build();
        says(&refused(&parts.build()), "header", words);
        // Nor can a ghost have that name.
        parts.header.set(1037, HeaderValue::Words(vec![1 << 6]));
        says(&refused(&parts.build()), "header", words);
    }
    let mut parts = parts();
    parts
        .header
        .set(1118, HeaderValue::texts(&["/usr/../bin/"]));
    says(&refused(&parts.build()), "header", "`..` component");
}

#[test]
fn bad_051_digests_that_differ() {
    let zeros = |digits: usize| HeaderValue::text(&"0".repeat(digits));
    // Of the header.
    for (tag, digits, name) in [(269, 40, "SHA-1"), (273, 64, "SHA-256")] {
        let mut sections = parts().sections();
        sections.signature.set(tag, zeros(digits));
        let words = format!("the {name} of the header is");
        says(&refused(&sections.join()), "header", &words);
    }
    // Of the payload, packed and unpacked: the header is intact, and so are its digests.
    for (tag, words) in [
        (5092, "the SHA-256 of the payload is"),
        (5097, "the SHA-256 of the unpacked payload is"),
    ] {
        let mut sections = parts().sections();
        let at = sections.header.len();
        let digest = item_of(&sections.header, tag);
        let offset = u32::from_be_bytes(sections.header[digest + 8..][..4].try_into().unwrap());
        let tags = u32::from_be_bytes(sections.header[8..12].try_into().unwrap());
        let place = 16 + 16 * tags as usize + offset as usize;
        assert!(place < at);
        sections.header[place] ^= 1;
        let bytes = sections.seal().join();
        says(&refused(&bytes), "payload", words);
        // Who reads no content finds it all the same.
        assert!(skim(&bytes).is_err());
    }
    // Of header and payload.
    let mut sections = parts().sections();
    sections
        .signature
        .set(1004, HeaderValue::Binary(vec![0; 16]));
    let error = refused(&sections.join());
    says(&error, "payload", "the MD5 of the header and payload is");
    // Of a file, whether its content is read or not.
    let mut parts = parts();
    let digest = mikron_package::Digest::of(b"other").hex();
    parts.header.set(1035, HeaderValue::texts(&[digest]));
    let bytes = parts.build();
    says(
        &refused(&bytes),
        "/usr/bin/x",
        "the SHA-256 of the content is",
    );
    assert!(skim(&bytes).is_err());
    // The size.
    let mut sections = parts_sections();
    sections.signature.set(1000, HeaderValue::Words(vec![1]));
    says(
        &refused(&sections.join()),
        "payload",
        "header and payload have",
    );
    // Some builders count the unpacked size in another way, and rpm never looks at it.
    let mut sections = parts_sections();
    sections.signature.set(1007, HeaderValue::Words(vec![1]));
    read(&sections.join()).expect("a good package");
    // What cannot be a digest is none.
    let mut sections = parts_sections();
    sections.signature.set(273, HeaderValue::text("abc"));
    says(
        &refused(&sections.join()),
        "signature header",
        "is not one: `abc`",
    );
}

fn parts_sections() -> RpmSections {
    parts().sections()
}

#[test]
fn bad_052_tags_in_the_signature_header_are_ignored() {
    let (plain, entries) = read(&parts().build()).expect("a good package");
    let mut sections = parts().sections();
    sections
        .signature
        .set(1003, HeaderValue::Words(vec![99]))
        .set(1022, HeaderValue::text("evil"))
        .set(1023, HeaderValue::text("rm -rf /"))
        .set(1047, HeaderValue::texts(&["glibc"]))
        .set(1117, HeaderValue::texts(&["shadow"]))
        .set(5092, HeaderValue::texts(&["0"]));
    let (metadata, found) = read(&sections.join()).expect("a good package");
    assert_eq!(found, entries);
    assert_eq!(metadata.record, plain.record);
    assert_eq!(metadata.scripts, plain.scripts);
    assert_eq!(metadata.fields, plain.fields);
}

/// Which digests an archive is said to have, and whether its header proves the rest.
fn digests(sections: &RpmSections) -> (String, bool) {
    let bytes = sections.join();
    let header = signed_header(&mut &*bytes, &Limits::default(), &origin()).expect("a header");
    let texts: Vec<String> = header.digests.iter().map(ToString::to_string).collect();
    let (metadata, _) = read(&bytes).expect("a good package");
    let said = metadata.fields.iter().find(|(name, _)| name == "Digests");
    assert_eq!(said.expect("a field").1, texts.join(", "));
    (texts.join(", "), header.proves_payload)
}

#[test]
fn bad_055_archives_that_md5_or_sha_1_alone_prove() {
    let before = "SHA-1 of the header, MD5 of the header and payload";
    let (said, proved) = digests(&parts().sections());
    assert!(said.starts_with("SHA-1 of the header, SHA-256 of the header, MD5 of"));
    assert!(said.ends_with(
        "SHA-256 of the payload, SHA-256 of the unpacked payload, SHA-256 of the contents"
    ));
    assert!(proved);
    // rpm 4.6 to 4.13: every file by SHA-256.
    let said = format!("{before}, SHA-256 of the contents");
    assert_eq!(digests(&parts().old_sections()), (said, true));
    // rpm before: every file by MD5.
    let md5 = "9a0364b9e99bb480dd25e1f0284c8555";
    let mut oldest = parts();
    oldest
        .header
        .set(1035, HeaderValue::texts(&[md5]))
        .remove(5011);
    let said = format!("{before}, MD5 of the contents");
    assert_eq!(digests(&oldest.old_sections()), (said, false));
    // A strong digest of the payload covers for weak ones of the files.
    assert!(digests(&oldest.sections()).1);
    // SHA-1 of the payload does not.
    let mut sections = oldest.old_sections();
    let sha1 = <sha1::Sha1 as sha1::Digest>::digest(&sections.payload);
    let sha1 = sha1
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    oldest.header.set(5092, HeaderValue::texts(&[sha1]));
    oldest.header.set(5093, HeaderValue::Words(vec![2]));
    sections.header = oldest.header.build();
    let said = format!("{before}, SHA-1 of the payload, MD5 of the contents");
    assert_eq!(
        digests(sections.seal())
            .0
            .replace("SHA-256 of the header, ", ""),
        said
    );
    assert!(!digests(&sections).1);
    // One file without a digest is enough to have none.
    let mut some = package()
        .file("/a", 0o644, "a")
        .file("/b", 0o644, "b")
        .parts();
    let a = mikron_package::Digest::of(b"a").hex();
    some.header.set(1035, HeaderValue::texts(&[a.as_str(), ""]));
    assert_eq!(digests(&some.old_sections()), (before.to_owned(), false));
    // Where there is no content, nothing is left to be proved.
    let none = package()
        .symlink("/a", "b")
        .ghost("/c", 0o644)
        .file("/d", 0o644, "");
    assert_eq!(
        digests(&none.parts().old_sections()),
        (before.to_owned(), true)
    );
}

#[test]
fn bad_056_names_without_size_or_end() {
    for (size, words) in [
        (0, "has no size"),
        (5, "does not end where its size says"),
        (20, "does not end where its size says"),
        (1 << 30, "more than a path can have"),
        (u32::MAX, "more than a path can have"),
    ] {
        let fields = CpioFields {
            name_size: Some(size),
            ..CpioFields::new(REGULAR)
        };
        let cpio = CpioBuilder::new().member(b"./usr/bin/x", fields, b"content");
        says(&refused(&with_cpio(cpio.trailer())), "payload", words);
    }
    let cpio = CpioBuilder::new().member(b"", CpioFields::new(REGULAR), b"content");
    says(&refused(&with_cpio(cpio.trailer())), "payload", "is empty");
    let number = CpioBuilder::new().raw(b"070701xxxxxxxx").raw(&[b'0'; 200]);
    says(
        &refused(&with_cpio(number)),
        "payload",
        "is not a hexadecimal number",
    );
}

#[test]
fn bad_057_sizes_of_payload_and_header_that_differ() {
    for content in [&b"conten"[..], b"content!", b""] {
        let fields = CpioFields::new(REGULAR);
        let cpio = CpioBuilder::new().member(b"./usr/bin/x", fields, content);
        let error = refused(&with_cpio(cpio.trailer()));
        says(&error, "/usr/bin/x", "and the header says 7");
    }
    // A stripped member has no size of its own: what follows is then no header.
    let cpio = CpioBuilder::new().stripped(0, b"content and more of it");
    says(
        &refused(&with_cpio(cpio.trailer())),
        "payload",
        "does not begin a cpio member",
    );
}

#[test]
fn bad_058_files_of_only_one_of_header_and_payload() {
    let fields = CpioFields::new(REGULAR);
    let whole = CpioBuilder::new().member(b"./usr/bin/x", fields, b"content");
    let more = whole.clone().member(b"./usr/bin/y", fields, b"");
    says(
        &refused(&with_cpio(more.trailer())),
        "./usr/bin/y",
        "the header does not have",
    );
    let none = CpioBuilder::new();
    says(
        &refused(&with_cpio(none.trailer())),
        "/usr/bin/x",
        "the payload does not have",
    );
    let twice = whole.clone().member(b"./usr/bin/x", fields, b"content");
    says(&refused(&with_cpio(twice.trailer())), "/usr/bin/x", "twice");
    says(
        &refused(&with_cpio(whole.clone())),
        "payload",
        "ends too early",
    );
    let behind = whole.trailer().member(b"./usr/bin/y", fields, b"");
    says(
        &refused(&with_cpio(behind)),
        "payload",
        "follow the end of the cpio archive",
    );
    // A ghost is not brought, and a payload that brings it contradicts the header.
    let ghost = package().ghost("/var/log/x", 0o644).parts();
    let cpio = CpioBuilder::new().member(b"./var/log/x", fields, b"");
    let cpio = cpio.trailer().build();
    says(
        &refused(&RpmParts { cpio, ..ghost }.build()),
        "/var/log/x",
        "calls a ghost",
    );
}

#[test]
fn bad_059_a_number_of_no_file() {
    for number in [1, u32::MAX] {
        let cpio = CpioBuilder::new().stripped(number, b"content");
        says(
            &refused(&with_cpio(cpio.trailer())),
            "payload",
            "and the header 1",
        );
    }
}

#[test]
fn bad_060_a_link_with_the_name_of_the_trailer_is_not_the_end() {
    let bytes = package()
        .symlink("/TRAILER!!!", "x")
        .file("/z", 0o644, "z")
        .parts();
    let cpio = CpioBuilder::new()
        .member(b"TRAILER!!!", CpioFields::new(0o120_777), b"x")
        .member(b"./z", CpioFields::new(REGULAR), b"z")
        .trailer()
        .build();
    let (_, entries) = read(&RpmParts { cpio, ..bytes }.build()).expect("a good package");
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1].path.to_string(), "/z");
}

#[test]
fn bad_061_a_compressor_that_the_payload_is_not_packed_by() {
    let named = ["gzip", "bzip2", "xz", "lzma", "zstd", "none"];
    for packed in Compression::ALL {
        for name in named {
            let mut parts = parts();
            parts.compression = packed;
            parts.header.set(1125, HeaderValue::text(name));
            let right = match packed {
                Compression::None => "none",
                Compression::Gzip => "gzip",
                Compression::Bzip2 => "bzip2",
                Compression::Xz => "xz",
                Compression::Lzma => "lzma",
                Compression::Zstd => "zstd",
            };
            let bytes = parts.build();
            if name == right {
                read(&bytes).expect("a good package");
            } else {
                let error = refused(&bytes);
                assert_eq!(error.entry.as_deref(), Some("payload"), "{error}");
            }
        }
    }
    let mut parts = parts();
    parts.header.set(1125, HeaderValue::text("zpaq"));
    let error = refused(&parts.build());
    says(&error, "payload", "packed by `zpaq` is not supported");
    parts.header.set(1124, HeaderValue::text("drpm"));
    says(
        &refused(&parts.build()),
        "payload",
        "format `drpm` is not supported",
    );
}

#[test]
fn bad_062_a_false_number_of_links() {
    let member = |links: u32| {
        let fields = CpioFields {
            links,
            ..CpioFields::new(REGULAR)
        };
        let cpio = CpioBuilder::new().member(b"./usr/bin/x", fields, b"content");
        with_cpio(cpio.trailer())
    };
    for links in [2, 1000, u32::MAX] {
        says(&refused(&member(links)), "/usr/bin/x", "and the header 1");
    }
    for links in [0, 1] {
        read(&member(links)).expect("builders leave it so");
    }
    // A set of which a name never comes.
    let parts = package()
        .file("/a", 0o644, "content")
        .hardlink("/b", "/a")
        .parts();
    let fields = CpioFields {
        links: 2,
        ..CpioFields::new(REGULAR)
    };
    let cpio = CpioBuilder::new().member(b"./a", fields, b"").trailer();
    let cpio = cpio.build();
    let error = refused(&RpmParts { cpio, ..parts }.build());
    says(&error, "/b", "the payload does not have");
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    let bytes = package()
        .file("/usr/bin/x", 0o755, vec![b'x'; 3000])
        .symlink("/usr/bin/y", "x")
        .compression(Compression::None)
        .build();
    read(&bytes).expect("a good package");
    for end in (0..bytes.len()).step_by(7) {
        refused(&bytes[..end]);
    }
}

#[test]
fn what_follows_the_payload_is_refused() {
    for compression in Compression::ALL {
        let mut bytes = package()
            .file("/x", 0o644, "x")
            .compression(compression)
            .build();
        bytes.extend_from_slice(b"more");
        refused(&bytes);
    }
}

#[test]
fn leads_that_are_not_of_a_binary_package_are_refused() {
    for (at, value, words) in [
        (0, 0, "not an rpm package"),
        (4, 2, "package format 2.0 is not supported"),
        (7, 7, "unknown type 7"),
        (79, 1, "its signature has the type 1"),
    ] {
        let mut sections = parts().sections();
        sections.lead[at] = value;
        let error = refused(&sections.join());
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(matches!(refused(b"").kind, ArchiveErrorKind::Truncated(_)));
}

#[test]
fn identities_that_are_none_are_refused() {
    for (tag, text, words) in [
        (1000, "", "no name"),
        (1000, "a b", "not a package name"),
        (1001, "1-2", "has a `-`"),
        (1002, "", "no release"),
        (1001, "1/2", "not allowed"),
    ] {
        let bytes = package().tag(tag, HeaderValue::text(text)).build();
        says(&refused(&bytes), "header", words);
    }
    let bytes = package().tag(1003, HeaderValue::text("1")).build();
    says(&refused(&bytes), "header", "tag 1003 is of another type");
}

#[test]
fn links_and_capabilities_that_contradict_themselves_are_refused() {
    let parts = package().symlink("/usr/bin/y", "x").parts();
    let link = CpioFields::new(0o120_777);
    let cpio = CpioBuilder::new()
        .member(b"./usr/bin/y", link, b"z")
        .trailer();
    let cpio = cpio.build();
    let error = refused(&RpmParts { cpio, ..parts }.build());
    says(
        &error,
        "/usr/bin/y",
        "leads to `z` in the payload, and to `x` in the header",
    );
    let bytes = package()
        .file("/x", 0o755, "x")
        .capabilities("cap_fly=ep")
        .build();
    says(&refused(&bytes), "/x", "names an unknown capability");
}

#[test]
fn limits_bound_the_archive_its_entries_and_what_they_unpack_to() {
    let bytes = package()
        .file("/a", 0o644, vec![0; 100_000])
        .file("/b", 0o644, "b")
        .build();
    let limits = Limits::default();
    for limits in [
        Limits {
            archive: 1000,
            ..limits.clone()
        },
        Limits {
            entries: 1,
            ..limits.clone()
        },
        Limits {
            unpacked: 99_999,
            ..limits
        },
    ] {
        let error = refused_with(&bytes, &limits);
        assert!(matches!(error.kind, ArchiveErrorKind::Limit(_)), "{error}");
    }
}

#[test]
fn a_failing_source_is_an_error_of_the_archive() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the cable is cut")),
                n => Ok(n),
            }
        }
    }
    use mikron_package::PackageFormat as _;
    let bytes = parts().build();
    for end in [50, 200, bytes.len() - 10] {
        let source = Failing(&bytes[..end]);
        let opened = mikron_rpm::RpmFormat.open(
            Box::new(source),
            &Limits::default(),
            &archive_support::origin(),
        );
        let error = match opened {
            Err(error) => error,
            Ok(mut reader) => loop {
                match reader.next_entry() {
                    Err(error) => break error,
                    Ok(entry) => assert!(entry.is_some(), "read to the end"),
                }
            },
        };
        assert!(error.to_string().contains("the cable is cut"), "{error}");
    }
}
