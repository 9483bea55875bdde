//! What comes in gzip members of tar archives: packages and indexes.

use std::io;

use mikron_apk::{
    ApkFormat, IndexError, IndexReader, PublicKey, WeakSignatures, read_index_seal, verify,
};
use mikron_package::{ArchiveError, ArchiveErrorKind, ArchiveReader as _, Digest};
use mikron_testkit::apk::{ApkBuilder, ApkHash, ApkKey, ApkRepositoryBuilder};
use mikron_testkit::archive::TarBuilder;
use mikron_testkit::mutation::{Format, Mutator, Numbers, Outcome, refusal};

use super::{NAMED, limits, origin, packed, repaired};

/// Packages: bytes anywhere, and the archives in each of their members, packed again with the digests that they then have.
pub(super) const APK: Format = Format {
    name: "apk",
    begin: || {
        let packages = Packages::new();
        Box::new(move |numbers| read(&packages.input(numbers), numbers))
    },
};

/// Indexes: bytes anywhere, the archive inside, and the text inside of that.
pub(super) const APKINDEX: Format = Format {
    name: "apkindex",
    begin: || {
        let indexes = Indexes::new();
        Box::new(move |numbers| indexes.read(&indexes.input(numbers), numbers))
    },
};

const TAR_WORDS: [&str; 12] = [
    "ustar\x0000",
    ".PKGINFO\0",
    ".SIGN.RSA256.builder.rsa.pub\0",
    "APKINDEX\0",
    "../../etc/x\0",
    "30 path=../x\n",
    "57 APK-TOOLS.checksum.SHA1=0000000000000000000000000000000000000000\n",
    "21 SCHILY.xattr.u.a=\n",
    "11 size=99\n",
    "00000000000\0",
    "77777777777\0",
    "datahash = 00\n",
];

const TEXT_WORDS: [&str; 22] = [
    "\n",
    "\n\n",
    "\n\n\n",
    ":",
    "P:a\n",
    "V:1.2-r3\n",
    "S:18446744073709551616\n",
    "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    "C:Q2AAAA\n",
    "D:so:a.so.1>=1 !b<2 c~3 d@edge\n",
    "p:cmd:a=1 so:b=2\n",
    "i:a=1 b\n",
    "k:100\n",
    "r:a<1\n",
    "q:-1\n",
    "t:9999999999999999999\n",
    "A:noarch\n",
    "X:new\n",
    "é",
    "\0",
    "\r\n",
    "#\n",
];

struct Packages {
    bytes: Mutator,
    signatures: Mutator,
    controls: Mutator,
    datas: Mutator,
    texts: Mutator,
    /// A control and a data member as they are.
    members: [Vec<u8>; 2],
}

impl Packages {
    fn new() -> Self {
        let key = ApkKey::shared("builder");
        let builder = ApkBuilder::new("hello", "1.0_rc1-r0", "x86_64")
            .field("depend", "so:libc.musl-x86_64.so.1 !old<1 zlib>~1.2")
            .field("install_if", "docs hello=1.0_rc1-r0")
            .field("triggers", "/usr/share/x /lib/*")
            .control_file(".post-install", "#!/bin/sh\nexit 0\n")
            .file("/usr/bin/hello", 0o755, b"#!/bin/sh\necho hello\n")
            .xattr("user.one", b"1")
            .symlink("/usr/bin/hi", "hello")
            .hardlink("/usr/bin/hey", "/usr/bin/hello", 0o755)
            .file(
                &format!("/usr/share/{}", "long/".repeat(30)),
                0o640,
                "x".repeat(700),
            )
            .owner(0, 42, "root", "shadow");
        // Without checksums of the entries, so that other contents are not refused.
        let bare = builder.clone().without_checksums();
        let (signed, bare_signed) = (builder.signed(&key), bare.signed(&key));
        let old = builder.members().signed_as(&key, ApkHash::Sha1);
        let control = builder.control_tar(&signed.data);
        let info = control[512..]
            .split(|byte| *byte == 0)
            .next()
            .expect("a text")
            .to_vec();
        Self {
            bytes: Mutator::new([signed.bytes(), bare_signed.bytes(), old.bytes()]),
            signatures: tar([ApkHash::Sha1, ApkHash::Sha256]
                .map(|hash| key.signature_tar(&signed.control, hash))),
            controls: tar([control, bare.control_tar(&bare_signed.data)]),
            datas: tar([builder.data_tar(), bare.data_tar()]),
            texts: Mutator::new([info]).words(&TAR_WORDS).text(),
            members: [signed.control, signed.data],
        }
    }

    fn input(&self, numbers: &mut Numbers) -> Vec<u8> {
        let [control, data] = &self.members;
        match numbers.below(8) {
            0 => self.bytes.input(numbers),
            1 => {
                let signature = changed(&self.signatures, numbers);
                [&signature, control, data].map(Vec::as_slice).concat()
            }
            2 => [&changed(&self.controls, numbers), data]
                .map(Vec::as_slice)
                .concat(),
            // The text of .PKGINFO, with a digest that fits behind it.
            3 | 4 => {
                let mut text = self.texts.input(numbers);
                if numbers.one_in(2) {
                    text = [
                        b"datahash = ",
                        Digest::of(data).hex().as_bytes(),
                        b"\n",
                        &text,
                    ]
                    .concat();
                }
                [&member(&text, numbers), data].map(Vec::as_slice).concat()
            }
            _ => {
                let data = changed(&self.datas, numbers);
                let hash = Digest::of(&data).hex();
                let text = format!("pkgname = a\npkgver = 1\narch = x\ndatahash = {hash}\n");
                [member(text.as_bytes(), numbers), data].concat()
            }
        }
    }
}

fn tar(archives: impl IntoIterator<Item = Vec<u8>>) -> Mutator {
    Mutator::new(archives).words(&TAR_WORDS)
}

/// A changed archive, packed, mostly with headers whose checksums fit again.
fn changed(archives: &Mutator, numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = archives.input(numbers);
    if !numbers.one_in(8) {
        repaired(&mut bytes);
    }
    if numbers.one_in(16) {
        // One archive in two members, which is no good.
        let at = numbers.below(bytes.len());
        let (head, tail) = bytes.split_at(at);
        return [packed(head, numbers), packed(tail, numbers)].concat();
    }
    packed(&bytes, numbers)
}

/// A control member with this text.
fn member(text: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let tar = TarBuilder::new()
        .file(".PKGINFO", 0o644, text)
        .without_end()
        .build();
    packed(&tar, numbers)
}

/// Reads a package to its end, and in part of the runs once more without its contents: both say the same.
fn read(bytes: &[u8], numbers: &mut Numbers) -> Outcome {
    let found = entries(bytes, true);
    if numbers.one_in(4) {
        let skipped = entries(bytes, false);
        let shown = |result: &Result<(), ArchiveError>| {
            result.as_ref().map_err(ToString::to_string).copied()
        };
        assert_eq!(shown(&found), shown(&skipped), "read, and skipped");
    }
    found.map_err(|error| {
        assert!(error.to_string().starts_with(NAMED), "{error}");
        assert!(!matches!(error.kind, ArchiveErrorKind::Io(_)), "{error}");
        refusal(&error.kind)
    })
}

fn entries(bytes: &[u8], contents: bool) -> Result<(), ArchiveError> {
    let mut reader = ApkFormat.open_apk(Box::new(bytes), &limits(), &origin())?;
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

struct Indexes {
    bytes: Mutator,
    tars: Mutator,
    texts: Mutator,
    signatures: Mutator,
    /// An index with a signature, and the packed archive behind that.
    signed: [Vec<u8>; 2],
    key: PublicKey,
}

impl Indexes {
    fn new() -> Self {
        let key = ApkKey::shared("builder");
        let package = ApkBuilder::new("hello", "1.0_rc1-r0", "x86_64")
            .field("depend", "so:libc.musl-x86_64.so.1 !old<1 zlib>~1.2")
            .field("provides", "cmd:hello=1.0_rc1-r0 so:libh.so.1=1.2")
            .field("install_if", "docs hello=1.0_rc1-r0")
            .field("provider_priority", "10");
        let fields = [
            ("provides", "c=1"),
            ("replaces", "d<2"),
            ("replaces_priority", "5"),
        ];
        let repository = ApkRepositoryBuilder::new("x86_64")
            .package(&package.signed(&key))
            .simple("b", "2-r1", &fields);
        let tar_bytes = repository.index_tar();
        let stanza = ApkRepositoryBuilder::stanza_of(&package.members());
        let text =
            format!("{stanza}\nP:c\nV:1-r0\nA:x86_64\nS:1\nC:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n");
        let index = repository.clone().sign_with(&key).build().index().to_vec();
        let unsigned = repository.build().index().to_vec();
        Self {
            bytes: Mutator::new([index.clone(), unsigned.clone()]),
            tars: tar([tar_bytes]),
            texts: Mutator::new([stanza, text].map(String::into_bytes))
                .words(&TEXT_WORDS)
                .text(),
            signatures: tar(
                [ApkHash::Sha1, ApkHash::Sha256].map(|hash| key.signature_tar(&unsigned, hash))
            ),
            signed: [index, unsigned],
            key: PublicKey::from_pem(key.name(), &key.public_pem()).expect("a key"),
        }
    }

    fn input(&self, numbers: &mut Numbers) -> Vec<u8> {
        match numbers.below(8) {
            0 => self.bytes.input(numbers),
            1 => [&changed(&self.signatures, numbers), &self.signed[1]]
                .map(Vec::as_slice)
                .concat(),
            2 | 3 => changed(&self.tars, numbers),
            _ => {
                let text = self.texts.input(numbers);
                let tar = TarBuilder::new()
                    .file("DESCRIPTION", 0o644, b"x")
                    .file("APKINDEX", 0o644, &text);
                packed(&tar.build(), numbers)
            }
        }
    }

    fn read(&self, bytes: &[u8], numbers: &mut Numbers) -> Outcome {
        let named = |error: &IndexError| assert!(error.to_string().starts_with(NAMED), "{error}");
        let seal = read_index_seal(bytes, &limits(), &origin()).inspect_err(named);
        // Checking a signature is slow.
        if let Ok(seal) = seal
            && numbers.one_in(16)
        {
            let keys = [self.key.clone()];
            let good = verify(
                &seal.signatures,
                &seal.covered,
                &keys,
                WeakSignatures::Refuse,
            );
            assert!(
                good.is_err() || bytes.ends_with(&self.signed[1]),
                "a changed index is not signed"
            );
        }
        let read = IndexReader::new(bytes, "x86_64", &limits(), &origin()).and_then(|reader| {
            reader.read(|record| {
                assert!(!record.location.split('/').any(|part| part == ".."));
                assert_eq!(record.location.matches('/').count(), 1);
                assert!(record.checksum.is_some() && record.size > 0);
                Ok::<(), IndexError>(())
            })
        });
        read.map(drop).map_err(|error| {
            named(&error);
            refusal(&error.kind)
        })
    }
}
