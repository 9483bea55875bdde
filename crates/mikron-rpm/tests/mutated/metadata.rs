//! Repository metadata: `repomd.xml`, primary, filelists, modules, and lists of mirrors.

use std::collections::BTreeMap;
use std::io::BufRead;

use mikron_package::{Digest, PackageRecord, Requirement, Version, normal_location};
use mikron_rpm::{
    FileChecksum, PrimaryReader, RepomdData, RepomdError, Unpacked, parse_metalink,
    parse_mirrorlist, parse_modules, parse_repomd, read_filelists,
};
use mikron_testkit::archive::Compression;
use mikron_testkit::mutation::{Format, Mutator, Numbers, Outcome, refusal};
use mikron_testkit::rpm_repository::{RpmRepositoryBuilder, synthetic};

use super::{NAMED, limits, origin};

/// `repomd.xml`.
pub(super) const REPOMD: Format = Format {
    name: "repomd",
    begin: || {
        let gzip = sample().modules("---\n").build().repomd;
        let plain = sample().compression(Compression::None).build().repomd;
        let zchunk = sample().zchunk_only().build().repomd;
        let mutator = xml([gzip, plain, zchunk]);
        Box::new(move |numbers| {
            let repomd = parse_repomd(&mutator.input(numbers), &limits(), &origin());
            let repomd = repomd.map_err(|error| refused(&error))?;
            let _ = (repomd.timestamp(), repomd.file("primary"));
            for file in repomd.data.values() {
                assert_eq!(
                    normal_location(&file.location).as_deref(),
                    Ok(&*file.location)
                );
                assert!(file.checksum.as_bytes().len() >= 32);
            }
            Ok(())
        })
    },
};

/// `primary.xml`, bare and packed.
pub(super) const PRIMARY: Format = Format {
    name: "primary",
    begin: || {
        let mutator = xml([
            sample().primary_text(),
            synthetic(2).description("x").primary_text(),
            PRIMARY_TEXT.to_owned(),
        ]);
        Box::new(move |numbers| {
            packed(&mutator, numbers, |text| {
                let mut reader = PrimaryReader::new(text, &limits(), &origin());
                while let Some(record) = reader.next_package()? {
                    check(&record);
                }
                Ok(())
            })
        })
    },
};

/// `filelists.xml`, bare and packed.
pub(super) const FILELISTS: Format = Format {
    name: "filelists",
    begin: || {
        let files = ["/usr/bin/a", "/usr/share/a b", "/etc/&x<y"];
        let one = RpmRepositoryBuilder::new().package_with_files(record("a"), "x", &files);
        let texts = [sample(), one].map(|builder| {
            let built = builder.compression(Compression::None).build();
            String::from_utf8(built.file(built.path_of("filelists.xml")).to_vec()).expect("text")
        });
        let mutator = xml(texts);
        Box::new(move |numbers| {
            packed(&mutator, numbers, |text| {
                read_filelists(text, &limits(), &origin(), |package, _| {
                    assert!(package.pkgid.as_bytes().len() >= 32);
                })
            })
        })
    },
};

/// `modules.yaml`.
pub(super) const MODULES: Format = Format {
    name: "modules",
    begin: || {
        let documents = MODULES_TEXT
            .split_inclusive("---\n")
            .map(|text| text.as_bytes().to_vec());
        let seeds = documents.chain([MODULES_TEXT.as_bytes().to_vec()]);
        let mutator = Mutator::new(seeds).words(&YAML_WORDS).text();
        let package = PackageRecord::new(name("npm"), Version::new("1:8.0-1"), "x86_64");
        Box::new(move |numbers| {
            let text = mutator.input(numbers);
            let modules =
                parse_modules(&text, &limits(), &origin()).map_err(|error| refused(&error))?;
            let mut choices = vec![BTreeMap::new()];
            for stream in modules.streams.iter().take(3) {
                choices.push(BTreeMap::from([(
                    stream.name.clone(),
                    stream.stream.clone(),
                )]));
            }
            for choice in choices {
                if let Ok(active) = modules.enable(&choice) {
                    assert!(!active.is_empty() || !active.hides(&package));
                }
            }
            Ok(())
        })
    },
};

/// A metalink.
pub(super) const METALINK: Format = Format {
    name: "metalink",
    begin: || {
        let built = sample().build();
        let bases = ["https://a.example.org/x", "http://b.example.org/x"];
        let mutator = xml([built.metalink(&bases), built.metalink(&bases[..1])]);
        Box::new(move |numbers| {
            let found = parse_metalink(&mutator.input(numbers), &limits(), &origin());
            let found = found.map_err(|error| refused(&error))?;
            assert!(!found.urls.is_empty() && !found.files.is_empty());
            Ok(())
        })
    },
};

/// A mirror list.
pub(super) const MIRRORLIST: Format = Format {
    name: "mirrorlist",
    begin: || {
        let text = b"# repo = x\nhttps://a.example.org/x\nrsync://b.example.org/x\nhttp://c.example.org/x/\n";
        let mutator = Mutator::new([text.to_vec()])
            .words(&["://", "http://", "\r\n", "\n#", "é", "\u{85}"])
            .text();
        Box::new(move |numbers| {
            let urls = parse_mirrorlist(&mutator.input(numbers), &limits(), &origin());
            let urls = urls.map_err(|error| refused(&error))?;
            assert!(!urls.is_empty() && urls.iter().all(|url| url.contains("://")));
            Ok(())
        })
    },
};

const XML_WORDS: [&str; 30] = [
    "<",
    ">",
    "/>",
    "&amp;",
    "&#x41;",
    "&#0;",
    "&x;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE x [<!ENTITY x \"y\">]>",
    "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
    "<package>",
    "<package type=\"rpm\">",
    "</package>",
    "</metadata>",
    "<rpm:entry name=\"a\" flags=\"GE\" epoch=\"0\" ver=\"1\" rel=\"2\"/>",
    "<rpm:entry name=\"(a if b)\"/>",
    "<file type=\"ghost\">/x</file>",
    "<file>",
    "<data type=\"primary\">",
    "<version epoch=\"1\" ver=\"~\" rel=\"^\"/>",
    " xml:base=\"http://example.org/\"",
    " packages=\"18446744073709551615\"",
    "../",
    "\"",
    "xmlns:rpm=\"x\"",
    "\u{0}",
    "é",
];

const YAML_WORDS: [&str; 20] = [
    "---\n",
    "...\n",
    "- ",
    ": ",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!binary ",
    "|\n",
    ">-\n",
    "{",
    "}",
    "[",
    "]",
    "\t",
    "\"",
    "# ",
    "document: modulemd-defaults\n",
    "    rpms: [npm-1:8.0-1.x86_64]\n",
    "stream: 1.10\n",
];

/// What `synthetic` does not have.
const PRIMARY_TEXT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<!-- one package --><package type="rpm"><name>a</name><arch>x86_64</arch><version epoch="1" ver="1.0~rc1" rel="2"/>
<checksum type="sha256" pkgid="YES">0000000000000000000000000000000000000000000000000000000000000000</checksum>
<summary><![CDATA[<x>]]></summary><description>x &amp; &#x41;</description><packager/><url>http://example.org/</url>
<time file="1" build="2"/><size package="1" installed="2" archive="3"/><location href="a/a.rpm"/>
<format><rpm:license>MIT</rpm:license><rpm:sourcerpm>s-1-1.src.rpm</rpm:sourcerpm><rpm:header-range start="1" end="2"/>
<rpm:provides><rpm:entry name="a" flags="EQ" epoch="1" ver="1.0~rc1" rel="2"/><rpm:entry name="user(x)" flags="EQ" ver="dSB4"/>
</rpm:provides><rpm:requires><rpm:entry name="/bin/sh" pre="1"/><rpm:entry name="(b if c else d)"/>
<rpm:entry name="rpmlib(X)" flags="LE" epoch="0" ver="1" rel="1"/></rpm:requires>
<rpm:conflicts><rpm:entry name="(e and f)"/></rpm:conflicts><rpm:obsoletes><rpm:entry name="g" flags="LT" epoch="0" ver="2"/>
</rpm:obsoletes><rpm:recommends><rpm:entry name="h"/></rpm:recommends><rpm:supplements><rpm:entry name="i"/></rpm:supplements>
<file>/usr/bin/a</file><file type="dir">/etc/a</file><file type="ghost">/var/a</file></format></package></metadata>
"#;

const MODULES_TEXT: &str = r#"---
document: modulemd
version: 2
data:
  name: nodejs
  stream: "16"
  version: 1
  context: aaa
  arch: x86_64
  summary: A runtime
  description: >-
    of two
    lines
  dependencies:
  - requires: { platform: [el9] }
  artifacts:
    rpms:
    - nodejs-1:16.1-1.x86_64
    - npm-1:8.0-1.x86_64
...
---
document: modulemd
version: 2
data:
  name: perl
  stream: 5.30
  version: 18446744073709551615
  artifacts: { rpms: ["perl-4:5.30-1.x86_64", "given-0:1-1.noarch"] }
  demodularized: { rpms: ["given-0:1-1.noarch"] }
  dependencies: [ { requires: { nodejs: ["16", "-18"] } } ]
---
document: modulemd-defaults
version: 1
data: { module: nodejs, stream: "16", profiles: { "16": [common] } }
---
document: modulemd-obsoletes
version: 1
data: { module: perl, stream: "5.30", eol_date: 2026-01-01T00:00Z }
"#;

fn name(text: &str) -> mikron_package::PackageName {
    text.parse().expect("a name")
}

fn record(text: &str) -> PackageRecord {
    PackageRecord::new(name(text), Version::new("1:1.0-1"), "x86_64")
}

fn sample() -> RpmRepositoryBuilder {
    let mut first = record("a");
    let plain = |text: &str| Requirement::One(mikron_package::Relation::named(name(text)));
    first.depends = vec![Requirement::If {
        then: Box::new(plain("b")),
        condition: Box::new(plain("c")),
        otherwise: Some(Box::new(plain("d"))),
    }];
    RpmRepositoryBuilder::new()
        .timestamp(1_700_000_000)
        .description("x & y")
        .package(first, "one")
        .package(record("b"), "two")
}

fn xml(texts: impl IntoIterator<Item = String>) -> Mutator {
    Mutator::new(texts.into_iter().map(String::into_bytes))
        .words(&XML_WORDS)
        .text()
}

fn refused(error: &RepomdError) -> String {
    assert!(error.to_string().starts_with(NAMED), "{error}");
    refusal(&error.kind)
}

fn check(record: &PackageRecord) {
    assert_eq!(
        normal_location(&record.location).as_deref(),
        Ok(&*record.location)
    );
    assert!(record.digest.is_some() != record.checksum.is_some());
    assert!(record.name.is_plain());
    for requirement in record.requirements().chain(&record.rich_conflicts) {
        assert!(!requirement.to_string().is_empty());
    }
}

/// Reads a changed text: bare, or packed anew with the checksum that it then has, or packed and then changed.
fn packed(
    mutator: &Mutator,
    numbers: &mut Numbers,
    read: impl Fn(&mut dyn BufRead) -> Result<(), RepomdError>,
) -> Outcome {
    let text = mutator.input(numbers);
    let compression = match numbers.below(64) {
        0..32 => return read(&mut &*text).map_err(|error| refused(&error)),
        32 => Compression::Xz,
        33 => Compression::Bzip2,
        34..48 => Compression::Zstd,
        48..56 => Compression::None,
        _ => Compression::Gzip,
    };
    let mut bytes = compression.compress(&text);
    if numbers.one_in(4) {
        mutator.change(numbers, &mut bytes);
    }
    let sum =
        |bytes: &[u8]| FileChecksum::parse("sha256", &Digest::of(bytes).hex()).expect("it is one");
    let data = RepomdData {
        location: "repodata/x".to_owned(),
        checksum: sum(&bytes),
        open_checksum: Some(sum(&text)),
        size: Some(bytes.len() as u64),
        open_size: (!numbers.one_in(4)).then_some(text.len() as u64),
        timestamp: None,
    };
    let mut unpacked = Unpacked::new(&*bytes, &data, &limits()).map_err(|kind| refusal(&kind))?;
    read(&mut unpacked).map_err(|error| refused(&error))
}
