//! Repository metadata that are refused, by row of the table of bad input.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

use std::fmt::Write as _;
use std::io::{self, BufRead, Read};

use mikron_package::{Limits, OddRecords, Origin, PackageRecord, Version};
use mikron_rpm::{
    FileChecksum, PrimaryReader, Repomd, RepomdError, RepomdErrorKind, Unpacked, parse_metalink,
    parse_mirrorlist, parse_repomd, read_filelists,
};
use mikron_testkit::archive::Compression;
use mikron_testkit::rpm_repository::{ChecksumKind, RpmRepositoryBuilder};

fn origin() -> Origin {
    Origin {
        source: "vendor".to_owned(),
        archive: "repodata/primary.xml.gz".to_owned(),
    }
}

fn builder() -> RpmRepositoryBuilder {
    builder_of(&["good", "evil"])
}

fn builder_of(names: &[&str]) -> RpmRepositoryBuilder {
    let record = |name: &str| {
        let mut record =
            PackageRecord::new(name.parse().unwrap(), Version::new("2:1.0-1"), "x86_64");
        record.provides = vec![mikron_rpm::relation("/usr/bin/x", 0, "").unwrap()];
        record.depends = vec![mikron_rpm::requirement("(a or b >= 1)", 0, "").unwrap()];
        record
    };
    names
        .iter()
        .fold(RpmRepositoryBuilder::new(), |builder, name| {
            builder.package(record(name), format!("archive of {name}"))
        })
}

fn read(text: &[u8]) -> Result<Vec<PackageRecord>, RepomdError> {
    read_from(text, &Limits::default())
}

fn read_from(input: impl BufRead, limits: &Limits) -> Result<Vec<PackageRecord>, RepomdError> {
    read_all(input, limits).map(|(records, _)| records)
}

fn read_all(
    input: impl BufRead,
    limits: &Limits,
) -> Result<(Vec<PackageRecord>, OddRecords), RepomdError> {
    let mut reader = PrimaryReader::new(input, limits, &origin());
    let mut records = Vec::new();
    while let Some(record) = reader.next_package()? {
        records.push(record);
    }
    Ok((records, reader.odd().clone()))
}

/// Reads the primary of the two packages with a part replaced, and checks that the error says where. What is wrong with one
/// package alone costs that package, and is an error where there is no other.
fn refused(from: &str, to: &str) -> RepomdError {
    let text = builder().primary_text();
    let at = text.rfind(from).expect("the part is there");
    let text = format!("{}{to}{}", &text[..at], &text[at + from.len()..]);
    let error = match read_all(text.as_bytes(), &Limits::default()) {
        Err(error) => error,
        Ok((good, odd)) => {
            let alone = builder_of(&["evil"]).edit_primary(from, to).primary_text();
            let error = read(alone.as_bytes()).expect_err("the package is bad");
            let odd: Vec<_> = odd.iter().collect();
            assert_eq!((good.len(), odd.len()), (1, 1), "{error}");
            assert!(
                error.to_string().contains(&odd[0].reason),
                "{}: {error}",
                odd[0]
            );
            error
        }
    };
    assert_eq!(error.place.origin, origin());
    let message = error.to_string();
    assert!(
        message.starts_with("repodata/primary.xml.gz (source vendor): "),
        "{message}"
    );
    assert!(message.contains(" (byte "), "{message}");
    error
}

fn repomd(text: &str) -> Result<Repomd, RepomdError> {
    parse_repomd(text.as_bytes(), &Limits::default(), &origin())
}

#[test]
fn a_good_repository_reads_to_the_records_that_it_was_made_of() {
    for compression in [
        Compression::None,
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
    ] {
        let built = builder().compression(compression);
        let mut expected: Vec<PackageRecord> = built.records().cloned().collect();
        let repository = built.build();
        let found = repomd(&repository.repomd).unwrap();
        let data = found.file("primary").unwrap();
        let bytes = repository.file(&data.location);
        assert!(data.checksum.matches(bytes));
        let text = Unpacked::new(bytes, data, &Limits::default()).unwrap();
        let mut records = read_from(text, &Limits::default()).unwrap();
        expected.sort_by(|a, b| a.name.cmp(&b.name));
        records.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(records, expected, "{compression:?}");
    }
}

#[test]
fn bad_091_doctype_or_entity() {
    let doctype = refused(
        "<metadata",
        "<!DOCTYPE metadata [<!ENTITY a \"b\">]><metadata",
    );
    assert!(
        matches!(doctype.kind, RepomdErrorKind::DocumentType),
        "{doctype}"
    );
    let text = refused("<name>evil</name>", "<name>&evil;</name>");
    assert!(
        matches!(&text.kind, RepomdErrorKind::Entity(name) if name == "evil"),
        "{text}"
    );
    let attribute = refused("ver=\"1.0\"", "ver=\"&file;\"");
    assert!(
        matches!(&attribute.kind, RepomdErrorKind::Entity(name) if name == "file"),
        "{attribute}"
    );
    let bomb =
        repomd("<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a \"&b;&b;\">]><repomd>&a;</repomd>");
    assert!(matches!(
        bomb.unwrap_err().kind,
        RepomdErrorKind::DocumentType
    ));
    // The five that XML has, and numbers, are text.
    let text = builder().edit_primary("href=\"Packages/evil", "href=\"Packages/&#101;vil");
    assert!(
        read(text.primary_text().as_bytes()).unwrap()[1]
            .location
            .contains("Packages/evil")
    );
}

#[test]
fn bad_092_eight_hundred_thousand_attributes() {
    let many = |n: usize| {
        let attributes = (0..n).fold(String::new(), |mut text, i| {
            let _ = write!(text, " a{i}=\"\"");
            text
        });
        format!("<version{attributes} ")
    };
    let error = refused("<version ", &many(800_000));
    assert!(
        matches!(&error.kind, RepomdErrorKind::Limit(l) if l.limit == "field"),
        "{error}"
    );
    let error = refused("<version ", &many(100));
    assert!(
        matches!(error.kind, RepomdErrorKind::Attributes(32)),
        "{error}"
    );
    let error = refused("<version ", "<version ver=\"1\" ");
    assert!(
        matches!(&error.kind, RepomdErrorKind::DuplicateAttribute(name) if name == "ver"),
        "{error}"
    );
}

#[test]
fn bad_093_elements_a_hundred_thousand_deep() {
    for depth in [40, 100_000] {
        let deep = format!("<format>{}", "<x>".repeat(depth));
        let error = refused("<format>", &deep);
        assert!(matches!(error.kind, RepomdErrorKind::Depth(32)), "{error}");
    }
}

#[test]
fn bad_094_href_that_leads_elsewhere() {
    let cases = [
        ("../evil.rpm", "has a `..` component"),
        ("Packages/../../evil.rpm", "has a `..` component"),
        ("/etc/passwd", "is absolute"),
        ("https://example.org/evil.rpm", "has a scheme"),
        ("Packages/%2e%2e/evil.rpm", "hides a dot"),
        ("a&#9;b", "control character"),
        ("a\\..\\b", "holds a backslash"),
    ];
    for (href, reason) in cases {
        let error = refused(
            "href=\"Packages/evil-1.0-1.x86_64.rpm\"",
            &format!("href=\"{href}\""),
        );
        assert_eq!(error.place.package.as_deref(), Some("evil"));
        assert!(error.to_string().contains(reason), "{href}: {error}");
        let location = format!("href=\"{href}\"");
        let own = builder().build().path_of("primary.xml.gz").to_owned();
        let text = builder()
            .build()
            .repomd
            .replace(&format!("href=\"{own}\""), &location);
        assert!(
            repomd(&text).unwrap_err().to_string().contains(reason),
            "{href}"
        );
    }
    let foreign = "<location xml:base=\"https://evil.example.org/\" href=\"x.rpm\"/>";
    let error = refused(
        "<location href=\"Packages/evil-1.0-1.x86_64.rpm\"/>",
        foreign,
    );
    assert!(
        matches!(&error.kind, RepomdErrorKind::ForeignBase(_)),
        "{error}"
    );
    // The repository's own base may be named.
    let text = builder()
        .edit_primary(
            "<location ",
            "<location xml:base=\"https://example.org/x\" ",
        )
        .primary_text();
    let reader = PrimaryReader::new(text.as_bytes(), &Limits::default(), &origin());
    assert!(
        reader
            .with_base("https://example.org/x/")
            .next_package()
            .unwrap()
            .is_some()
    );
}

#[test]
fn bad_095_open_size_or_open_checksum_mismatch() {
    let repository = builder().build();
    let good = repomd(&repository.repomd).unwrap();
    let good = good.file("primary").unwrap();
    let bytes = repository.file(&good.location);
    let read = |data: &mikron_rpm::RepomdData| {
        let text = Unpacked::new(bytes, data, &Limits::default()).unwrap();
        read_from(text, &Limits::default()).map_err(|error| error.kind)
    };
    assert_eq!(read(good).unwrap().len(), 2);
    let size = good.open_size.unwrap();
    for promised in [size - 1, size + 1, 1] {
        let mut data = good.clone();
        data.open_size = Some(promised);
        let error = read(&data).unwrap_err();
        assert!(
            matches!(error, RepomdErrorKind::OpenSize { promised: p, .. } if p == promised),
            "{error}"
        );
    }
    for kind in ["sha256", "sha384", "sha512"] {
        let digits = match kind {
            "sha256" => 64,
            "sha384" => 96,
            _ => 128,
        };
        let mut data = good.clone();
        data.open_checksum = Some(FileChecksum::parse(kind, &"0".repeat(digits)).unwrap());
        let error = read(&data).unwrap_err();
        assert!(
            matches!(&error, RepomdErrorKind::OpenChecksum { .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains(&format!("promises {kind}:0000")),
            "{error}"
        );
    }
}

#[test]
fn bad_097_two_packages_with_one_checksum() {
    let digest = |text: &str| mikron_package::Digest::of(text.as_bytes()).hex();
    let error = refused(&digest("archive of evil"), &digest("archive of good"));
    assert!(
        error
            .to_string()
            .contains("a second package has the checksum of good-2:1.0-1.x86_64"),
        "{error}"
    );
    assert_eq!(error.place.package.as_deref(), Some("evil"));
    // One archive that lies in two places is no contradiction; the first place is taken.
    let text = builder().primary_text();
    let begin = text.find("<package ").unwrap();
    let end = text.find("</package>").unwrap() + "</package>".len();
    let again = text[begin..end].replace("href=\"Packages/", "href=\"More/");
    let text = format!("{}{again}{}", &text[..end], &text[end..]);
    let records = read(text.replace("packages=\"2\"", "packages=\"3\"").as_bytes()).unwrap();
    assert_eq!(records.len(), 2);
    assert!(records[0].location.starts_with("Packages/"));
}

#[test]
fn bad_098_false_count_of_packages() {
    for promised in ["0", "1", "3", "60000"] {
        let error = refused("packages=\"2\"", &format!("packages=\"{promised}\""));
        assert!(
            matches!(error.kind, RepomdErrorKind::Count { promised: p, .. } if p.to_string() == promised),
            "{error}"
        );
    }
    let error = refused("packages=\"2\"", "packages=\"-2\"");
    assert!(
        matches!(error.kind, RepomdErrorKind::Value { .. }),
        "{error}"
    );
    let digest = "0".repeat(64);
    let text = format!(
        "<filelists packages=\"2\"><package pkgid=\"{digest}\" name=\"a\" arch=\"b\"></package></filelists>"
    );
    let error = read_filelists(text.as_bytes(), &Limits::default(), &origin(), |_, _| {});
    assert!(matches!(
        error.unwrap_err().kind,
        RepomdErrorKind::Count {
            promised: 2,
            found: 1
        }
    ));
}

#[test]
fn bad_099_not_utf8() {
    let text = builder().primary_text();
    for (from, to) in [
        (&b"<name>evil"[..], &b"<name>\xe9vil"[..]),
        (b"ver=\"1.0\"", b"ver=\"1\xff0\""),
        (b"What is in it", b"What \xc3\x28 it"),
    ] {
        let at = text
            .as_bytes()
            .windows(from.len())
            .position(|w| w == from)
            .unwrap();
        let bytes = [
            &text.as_bytes()[..at],
            to,
            &text.as_bytes()[at + from.len()..],
        ]
        .concat();
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error.kind, RepomdErrorKind::NotUtf8), "{error}");
    }
    let error = refused("encoding=\"UTF-8\"", "encoding=\"ISO-8859-1\"");
    assert!(matches!(error.kind, RepomdErrorKind::NotUtf8), "{error}");
}

#[test]
fn weak_checksums_are_no_checksums() {
    for (kind, name) in [(ChecksumKind::Md5, "md5"), (ChecksumKind::Sha1, "sha")] {
        let record = PackageRecord::new("a".parse().unwrap(), Version::new("1-1"), "noarch");
        let built = RpmRepositoryBuilder::new()
            .checksum(kind)
            .package(record, "x");
        let error = read(built.primary_text().as_bytes()).unwrap_err();
        assert!(
            matches!(&error.kind, RepomdErrorKind::WeakChecksum(k) if k == name),
            "{error}"
        );
        let error = repomd(&built.build().repomd).unwrap_err();
        let expected = format!("the only checksum is a weak one ({name}); ask the repository");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn metadata_that_are_only_there_as_zchunk_are_named() {
    let repository = builder().zchunk_only().build();
    let error = repomd(&repository.repomd)
        .unwrap()
        .file("primary")
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`primary` is only published as zchunk"),
        "{error}"
    );
    // Beside a plain file it is passed over.
    let text = builder().build().repomd;
    let begin = text.find("<data type=\"primary\">").unwrap();
    let end = text.find("</data>").unwrap() + "</data>".len();
    let zchunk = text[begin..end]
        .replace("\"primary\"", "\"primary_zck\"")
        .replace(".gz", ".zck");
    let both = format!("{}{zchunk}{}", &text[..begin], &text[begin..]);
    assert!(
        repomd(&both)
            .unwrap()
            .file("primary")
            .unwrap()
            .location
            .contains("xml.gz")
    );
    let data = repomd(&text).unwrap();
    let data = data.file("primary").unwrap();
    let error = Unpacked::new(&b"\0ZCK1..."[..], data, &Limits::default()).unwrap_err();
    assert!(matches!(error, RepomdErrorKind::Zchunk(_)));
}

#[test]
fn repomd_without_what_matters_is_refused() {
    let good = builder().build().repomd;
    for (from, to, part) in [
        ("<location ", "<elsewhere ", "`location` is missing"),
        (
            "<checksum type=\"sha256\"",
            "<checksum ",
            "`type` is missing",
        ),
        (
            "<data type=\"filelists\"",
            "<data type=\"primary\"",
            "the element stands twice",
        ),
        ("<size>", "<size>x", "is not a number of bytes"),
        ("</repomd>", "", "cut off"),
        ("<repomd ", "<html ", "the document is a `html`"),
        (
            "</revision>",
            "</revision><revision>2</revision>",
            "the element stands twice",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let error = repomd(&good.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(part), "{from}: {error}");
    }
    assert!(repomd("").is_err());
    assert!(repomd(&format!("{good}<repomd></repomd>")).is_err());
}

#[test]
fn packages_without_what_matters_are_refused() {
    for (from, to, part) in [
        ("<name>evil</name>", "", "`name` is missing"),
        (
            "<name>evil</name>",
            "<name>e vil</name>",
            "is not a package name",
        ),
        (
            "<name>evil</name>",
            "<name>evil</name><name>evil</name>",
            "stands twice",
        ),
        (
            "<arch>x86_64</arch>",
            "<arch>../x</arch>",
            "is not an architecture",
        ),
        (
            "<checksum type=\"sha256\"",
            "<checksum type=\"crc\"",
            "`crc` are not supported",
        ),
        ("ver=\"1.0\"", "ver=\"1 0\"", "is not a version"),
        ("<file>/usr", "<file>usr", "is not an absolute path"),
        ("(a or b &gt;= 1)", "(a or b and c)", "different operators"),
        ("(a or b &gt;= 1)", "a b", "is not a package name"),
        ("</metadata>", "", "cut off"),
        ("</rpm:requires>", "</rpm:provides>", "not well-formed"),
    ] {
        let error = refused(from, to);
        assert!(error.to_string().contains(part), "{from}: {error}");
    }
}

/// Text without end, out of nothing.
struct Endless(&'static [u8]);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Endless {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.0)
    }
    fn consume(&mut self, _: usize) {}
}

#[test]
fn endless_metadata_end_at_a_limit() {
    let limits = Limits {
        field: 1 << 16,
        control: 1 << 18,
        index_unpacked: 1 << 20,
        ..Limits::default()
    };
    let head = "<metadata><package type=\"rpm\"><name>a</name><format><rpm:provides>";
    let cases: [(&'static [u8], &str); 4] = [
        (b"xxxxxxxx", "field"),
        (b"<rpm:entry name=\"a\"/>", "control"),
        (b"<!-- -->", "control"),
        (b"<rpm:entry name=\"", "field"),
    ];
    for (endless, limit) in cases {
        let input = io::BufReader::new(head.as_bytes().chain(Endless(endless)));
        let error = read_from(input, &limits).unwrap_err();
        assert!(
            matches!(&error.kind, RepomdErrorKind::Limit(l) if l.limit == limit),
            "{limit}: {error}"
        );
    }
    let input = io::BufReader::new(b"<metadata>".chain(Endless(b"<x/>")));
    let error = read_from(input, &limits).unwrap_err();
    assert!(
        matches!(&error.kind, RepomdErrorKind::Limit(l) if l.limit == "index_unpacked"),
        "{error}"
    );
}

#[test]
fn metalinks_give_mirrors_in_order_and_what_they_may_serve() {
    let repository = builder().build();
    let text = repository.metalink(&["https://a.example.org/x", "http://b.example.org/x"]);
    let parse = |text: &str| parse_metalink(text.as_bytes(), &Limits::default(), &origin());
    let found = parse(&text).unwrap();
    assert_eq!(
        found.urls,
        ["https://a.example.org/x/", "http://b.example.org/x/"]
    );
    let bytes = repository.file("repodata/repomd.xml");
    assert_eq!(found.matching(bytes).unwrap().timestamp, Some(1));
    assert!(found.matching(b"another").is_none());
    // What mirrors had before is named too.
    let before = format!(
        "<mm0:alternates><mm0:alternate><size>3</size><verification><hash type=\"sha256\">{}</hash></verification>\
         </mm0:alternate></mm0:alternates><resources",
        mikron_package::Digest::of(b"old").hex()
    );
    let found = parse(&text.replacen("<resources", &before, 1)).unwrap();
    assert_eq!(found.files.len(), 2);
    assert!(found.matching(b"old").is_some());

    let weak = text.replace("\"sha256\"", "\"sha1\"");
    assert!(matches!(
        parse(&weak).unwrap_err().kind,
        RepomdErrorKind::WeakChecksum(_)
    ));
    let other = text.replace("name=\"repomd.xml\"", "name=\"other.iso\"");
    assert!(matches!(
        parse(&other).unwrap_err().kind,
        RepomdErrorKind::NoMirror
    ));
    let none = text
        .replace("https://", "rsync://")
        .replace("http://b", "ftp://b");
    assert!(matches!(
        parse(&none).unwrap_err().kind,
        RepomdErrorKind::NoMirror
    ));
}

#[test]
fn mirror_lists_that_are_pages_or_empty_are_refused() {
    let parse = |text: &[u8]| parse_mirrorlist(text, &Limits::default(), &origin());
    assert!(
        parse(b"<html>sign in</html>\n")
            .unwrap_err()
            .to_string()
            .contains("not the URL of a mirror")
    );
    assert!(matches!(
        parse(b"# none\n\n").unwrap_err().kind,
        RepomdErrorKind::NoMirror
    ));
    assert!(matches!(
        parse(b"\xff").unwrap_err().kind,
        RepomdErrorKind::NotUtf8
    ));
}
