//! Whole packages, their headers, and their payloads.

use std::io::{self, Read};

use mikron_archive::{CpioHeader, CpioReader};
use mikron_package::{ArchiveError, ArchiveErrorKind, Digest, PackageFormat};
use mikron_rpm::RpmFormat;
use mikron_rpm::archive::signed_header;
use mikron_testkit::archive::Compression;
use mikron_testkit::mutation::{Format, Mutator, Numbers, Outcome, refusal};
use mikron_testkit::rpm::{
    CpioBuilder, CpioFields, HeaderBuilder, HeaderValue, RpmBuilder, RpmParts, RpmSections,
};

use super::{NAMED, limits, origin};

/// Whole packages: bytes anywhere, with digests that fit again in most of them.
pub(super) const RPM: Format = Format {
    name: "rpm",
    begin: || {
        let packages = Packages::new();
        Box::new(move |numbers| read(&packages.whole(numbers), numbers))
    },
};

/// The signature header and the main header.
pub(super) const HEADER: Format = Format {
    name: "header",
    begin: || {
        let packages = Packages::new();
        Box::new(move |numbers| read(&packages.with_header(numbers), numbers))
    },
};

/// The payload, alone and below its compression, with the digests that it then has.
pub(super) const CPIO: Format = Format {
    name: "cpio",
    begin: || {
        let packages = Packages::new();
        let summed = CpioFields {
            sum: Some(3),
            ..CpioFields::new(0o100_644)
        };
        let summed = CpioBuilder::new().member(b"./x", summed, &[1, 2]).trailer();
        let payloads = packages.parts.iter().map(|parts| parts.cpio.clone());
        let cpio = Mutator::new(payloads.chain([summed.build()])).words(&CPIO_WORDS);
        Box::new(move |numbers| {
            if numbers.one_in(2) {
                members(&cpio.input(numbers))
            } else {
                read(&packages.with_payload(&cpio, numbers), numbers)
            }
        })
    },
};

const CPIO_WORDS: [&str; 8] = [
    "070701",
    "070702",
    "07070X",
    "07070X00000001\0\0",
    "TRAILER!!!\0",
    "./usr/bin/x\0",
    "../../etc/x\0",
    "00000000",
];

const HEADER_WORDS: [&[u8]; 12] = [
    b"\x8e\xad\xe8\x01\0\0\0\0",
    b"\0\0\0\x3f\0\0\0\x07",
    b"\0\0\x04\x08",
    b"\0\0\x03\xe8\0\0\0\x06\0\0\0\0\0\0\0\x01",
    b"\0",
    b"\0\0",
    b"..\0",
    b"/usr/../x\0",
    b"cap_net_raw,cap_chown=eip",
    b"all=",
    b"(a or b)\0",
    b"\xff\xff\xff\xff",
];

/// The tags that a header of these packages may have, of which the values are changed.
const TAGS: [u32; 44] = [
    100, 1000, 1001, 1002, 1003, 1004, 1006, 1009, 1022, 1024, 1028, 1030, 1033, 1034, 1035, 1036,
    1037, 1039, 1040, 1044, 1045, 1047, 1048, 1049, 1050, 1086, 1095, 1096, 1112, 1113, 1116, 1117,
    1118, 1124, 1125, 1126, 5008, 5010, 5011, 5046, 5048, 5092, 5093, 5097,
];

/// The digests in the main header that a change of the payload makes false.
const DIGESTS: [u32; 2] = [5092, 5097];

struct Packages {
    parts: Vec<RpmParts>,
    sections: Vec<RpmSections>,
    /// Of bytes of whole packages.
    bytes: Mutator,
    /// Of everything behind the magic of a header.
    headers: Mutator,
    /// Of packed payloads.
    payloads: Mutator,
    /// Of the values of tags.
    values: Mutator,
}

impl Packages {
    fn new() -> Self {
        let mut parts = Vec::new();
        for compression in Compression::ALL {
            let package = RpmBuilder::new("x", "1.0", "1", "noarch")
                .requires("(a if b else c)")
                .requires("d >= 1:2-3")
                .provides("user(x) = dSB4Cg==")
                .recommends("e")
                .script("%post", "/bin/sh", "exit 0")
                .file("/usr/bin/x", 0o755, "content")
                .capabilities("cap_net_raw=ep")
                .hardlink("/usr/bin/y", "/usr/bin/x")
                .symlink("/usr/bin/z", "x")
                .dir("/usr/share/x", 0o755)
                .ghost("/var/log/x", 0o600)
                .config("/etc/x", "x".repeat(300))
                .owner("x", "nobody")
                .compression(compression);
            parts.push(package.parts());
            parts.push(package.stripped().parts());
        }
        let sections: Vec<RpmSections> = parts.iter().map(RpmParts::sections).collect();
        let headers = sections.iter().flat_map(|one| {
            [
                one.header[8..].to_vec(),
                one.signature.build()[8..].to_vec(),
            ]
        });
        let texts = [
            "x",
            "1.0~rc1^2",
            "../x",
            "/",
            "cap_net_raw=ep",
            "none",
            "xz",
            "lzma",
        ];
        Self {
            bytes: Mutator::new(sections.iter().map(RpmSections::join)).words(&HEADER_WORDS),
            headers: Mutator::new(headers).words(&HEADER_WORDS),
            payloads: Mutator::new(sections.iter().map(|one| one.payload.clone())),
            values: Mutator::new(texts.map(|text| text.as_bytes().to_vec())).words(&HEADER_WORDS),
            parts,
            sections,
        }
    }

    /// The number of a package. Those of xz and lzma come seldom where they are packed anew: their encoders are slow.
    fn any(&self, numbers: &mut Numbers, packs: bool) -> usize {
        let number = numbers.below(self.parts.len());
        let slow = [Compression::Xz, Compression::Lzma, Compression::Bzip2];
        if packs && slow.contains(&self.parts[number].compression) && !numbers.one_in(16) {
            return number % 2;
        }
        number
    }

    fn whole(&self, numbers: &mut Numbers) -> Vec<u8> {
        let number = self.any(numbers, false);
        let mut sections = self.sections[number].clone();
        match numbers.below(8) {
            0..=2 => return self.bytes.input(numbers),
            3 => self.headers.change(numbers, &mut sections.lead),
            4 => {
                self.payloads.change(numbers, &mut sections.payload);
                sections.seal();
            }
            // The payload as it is packed, with the digests that it then has.
            _ => {
                let mut header = self.parts[number].header.clone();
                self.payloads.change(numbers, &mut sections.payload);
                seal_payload(numbers, &mut header, &mut sections, None);
            }
        }
        sections.join()
    }

    fn with_header(&self, numbers: &mut Numbers) -> Vec<u8> {
        let number = self.any(numbers, false);
        let mut sections = self.sections[number].clone();
        match numbers.below(4) {
            0 => {
                let magic = if numbers.one_in(16) { 0 } else { 8 };
                let mut body = sections.header.split_off(magic);
                self.headers.change(numbers, &mut body);
                sections.header.extend(body);
                sections.seal().join()
            }
            1 => {
                let mut signature = sections.signature.build();
                let mut body = signature.split_off(8);
                self.headers.change(numbers, &mut body);
                signature.extend(body);
                let mut bytes = [sections.lead, signature].concat();
                bytes.resize(bytes.len().next_multiple_of(8), 0);
                [bytes, sections.header, sections.payload].concat()
            }
            _ => {
                let mut header = self.parts[number].header.clone();
                for _ in 0..=numbers.below(3) {
                    self.change_value(numbers, &mut header);
                }
                let cpio = &self.parts[number].cpio;
                seal_payload(numbers, &mut header, &mut sections, Some(cpio));
                if numbers.one_in(4) {
                    self.change_value(numbers, &mut sections.signature);
                }
                sections.join()
            }
        }
    }

    /// Gives a tag another value, or another kind of value, or none.
    fn change_value(&self, numbers: &mut Numbers, header: &mut HeaderBuilder) {
        let tag = *numbers.pick(&TAGS);
        if numbers.one_in(8) {
            header.remove(tag);
            return;
        }
        let Some(mut value) = header.get(tag).cloned() else {
            header.set(tag, HeaderValue::Words(vec![numbers.any() as u32]));
            return;
        };
        let extreme = *numbers.pick(&[0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 1 << 31, u32::MAX]);
        let grow = numbers.below(4);
        match &mut value {
            HeaderValue::Shorts(values) => change_list(numbers, values, grow, extreme as u16),
            HeaderValue::Words(values) => change_list(numbers, values, grow, extreme),
            HeaderValue::Longs(values) => change_list(numbers, values, grow, extreme.into()),
            HeaderValue::Text(text) | HeaderValue::Translated(text) | HeaderValue::Binary(text) => {
                self.values.change(numbers, text);
            }
            HeaderValue::Texts(texts) => {
                let mut text = numbers.pick(texts).clone();
                self.values.change(numbers, &mut text);
                change_list(numbers, texts, grow, text);
            }
        }
        let value = match (value, numbers.below(16)) {
            (HeaderValue::Words(words), 0) => {
                HeaderValue::Longs(words.into_iter().map(u64::from).collect())
            }
            (HeaderValue::Texts(texts), 0) => HeaderValue::Text(texts.concat()),
            (HeaderValue::Text(text), 0) => HeaderValue::Texts(vec![text.clone(), text]),
            (HeaderValue::Text(text), 1) => HeaderValue::Binary(text),
            (value, _) => value,
        };
        header.set(tag, value);
    }

    fn with_payload(&self, cpio: &Mutator, numbers: &mut Numbers) -> Vec<u8> {
        let number = self.any(numbers, true);
        let mut sections = self.sections[number].clone();
        let parts = &self.parts[number];
        let mut payload = parts.cpio.clone();
        cpio.change(numbers, &mut payload);
        sections.payload = parts.compression.compress(&payload);
        seal_payload(
            numbers,
            &mut parts.header.clone(),
            &mut sections,
            Some(&payload),
        );
        sections.join()
    }
}

/// Replaces, adds or removes an element.
fn change_list<T>(numbers: &mut Numbers, values: &mut Vec<T>, how: usize, value: T) {
    let at = numbers.below(values.len());
    match how {
        0 => values.push(value),
        1 if values.len() > 1 => drop(values.remove(at)),
        _ if values.is_empty() => values.push(value),
        _ => values[at] = value,
    }
}

/// Seals a package whose payload was changed: in most runs with the digests that fit, and in every other one without those of
/// the files, which would refuse all other contents.
fn seal_payload(
    numbers: &mut Numbers,
    header: &mut HeaderBuilder,
    sections: &mut RpmSections,
    cpio: Option<&[u8]>,
) {
    let digest = |bytes: &[u8]| HeaderValue::texts(&[Digest::of(bytes).hex()]);
    if numbers.one_in(8) {
        for tag in DIGESTS {
            header.remove(tag);
        }
    } else {
        header.set(5092, digest(&sections.payload));
        header.set(5093, HeaderValue::Words(vec![8]));
        match cpio {
            Some(cpio) => header.set(5097, digest(cpio)),
            None => header.remove(5097),
        };
    }
    if numbers.one_in(2) {
        header.remove(1035);
    }
    if let Some(cpio) = cpio {
        sections.unpacked = cpio.len() as u64;
    }
    sections.header = header.build();
    sections.seal();
    if cpio.is_none() {
        // The size of what will come out is not known.
        sections.signature.remove(1007);
    }
}

/// Reads a package to its end, and once more without its contents: then no more is refused.
fn read(bytes: &[u8], numbers: &mut Numbers) -> Outcome {
    let found = entries(bytes, true);
    if numbers.one_in(4) {
        let skipped = entries(bytes, false);
        assert!(
            found.is_err() || skipped.is_ok(),
            "accepted when it is read, and {skipped:?} when it is skipped"
        );
    }
    if numbers.one_in(4)
        && let Ok(header) = signed_header(&mut &*bytes, &limits(), &origin())
    {
        assert!(
            bytes
                .windows(header.bytes.len())
                .any(|window| window == header.bytes)
        );
    }
    found.map_err(|error| {
        assert!(error.to_string().starts_with(NAMED), "{error}");
        assert!(!matches!(error.kind, ArchiveErrorKind::Io(_)), "{error}");
        refusal(&error.kind)
    })
}

fn entries(bytes: &[u8], contents: bool) -> Result<(), ArchiveError> {
    let mut reader = RpmFormat.open(Box::new(bytes), &limits(), &origin())?;
    while let Some(entry) = reader.next_entry()? {
        if contents {
            let count = io::copy(reader.body(), &mut io::sink()).map_err(ArchiveError::from_io)?;
            assert_eq!(
                count,
                entry.size(),
                "a content is as long as its entry says"
            );
        }
    }
    assert!(reader.next_entry()?.is_none());
    Ok(())
}

/// Reads a cpio archive alone, with its contents and without: both say the same.
fn members(bytes: &[u8]) -> Outcome {
    let found = headers(bytes, true);
    match (&found, headers(bytes, false)) {
        (Ok(read), Ok(skipped)) => assert_eq!(*read, skipped),
        (Err(read), Err(skipped)) => assert!(read.offset.is_some() && skipped.offset.is_some()),
        (read, skipped) => panic!("{read:?} when it is read, {skipped:?} when it is skipped"),
    }
    found.map(drop).map_err(|error| refusal(&error.kind))
}

fn headers(bytes: &[u8], contents: bool) -> Result<Vec<CpioHeader>, ArchiveError> {
    let mut reader = CpioReader::new(bytes, &limits());
    let mut headers = Vec::new();
    while let Some(header) = reader.next_header()? {
        let size = match &header {
            CpioHeader::Member(member) => member.size,
            CpioHeader::Index(number) => {
                let size = u64::from(number % 64);
                reader.expect_size(size)?;
                size
            }
        };
        if contents {
            let mut content = Vec::new();
            reader
                .read_to_end(&mut content)
                .map_err(ArchiveError::from_io)?;
            assert_eq!(content.len() as u64, size);
        }
        assert!(reader.offset() <= bytes.len() as u64);
        headers.push(header);
    }
    Ok(headers)
}
