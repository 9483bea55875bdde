//! One package of the database: the header of its archive as it was, and behind its region what installing adds.

use std::collections::HashSet;

use mikron_package::{ArchiveError, ArchiveMetadata, Installed, Limits};

use crate::archive::files::Files;
use crate::archive::metadata::{HEADER, SIGNATURE};
use crate::header::{COUNTS, Header, ITEM, Index, Kind, Part, tag};

/// `RPMFILE_STATE_NORMAL`: the file is there.
const PRESENT: u8 = 0;
/// `RPMFILE_STATE_NOTINSTALLED`: the file was left out on purpose, and `rpm -V` does not miss it.
const LEFT_OUT: u8 = 2;

/// Which tag of the signature header becomes which one of the database. Whatever else stands there is nobody's concern.
const SIGNATURES: [(u32, u32); 12] = [
    (tag::SIG_SIZE, tag::DB_SIG_SIZE),
    (tag::SIG_PGP, tag::DB_SIG_PGP),
    (tag::SIG_MD5, tag::DB_SIG_MD5),
    (tag::SIG_GPG, tag::DB_SIG_GPG),
    (tag::SIG_DSA, tag::SIG_DSA),
    (tag::SIG_RSA, tag::SIG_RSA),
    (tag::SIG_SHA1, tag::SIG_SHA1),
    (tag::SIG_LONG_SIZE, tag::SIG_LONG_SIZE),
    (tag::SIG_LONG_ARCHIVE_SIZE, tag::SIG_LONG_ARCHIVE_SIZE),
    (tag::SIG_SHA256, tag::SIG_SHA256),
    (tag::SIG_OPENPGP, tag::SIG_OPENPGP),
    (tag::SIG_PAYLOAD_SIZE, tag::ARCHIVE_SIZE),
];

/// A header as the database holds it, without its magic.
pub(super) struct Row {
    pub(super) bytes: Vec<u8>,
    /// The index of the part that the archive brought.
    index: Index,
    /// Where that part ends in the store, and with how many tags: the archive's header is made of the two.
    original: Vec<u8>,
    /// The digest of the header, by which the database finds packages.
    pub(super) sha1: Option<Vec<u8>>,
    /// The MD5 of header and payload, by which it finds them too.
    pub(super) md5: Option<Vec<u8>>,
    /// The time of installation, and the number of the transaction.
    pub(super) time: u32,
}

/// A value to be added.
struct Added {
    tag: u32,
    kind: Kind,
    count: usize,
    bytes: Vec<u8>,
}

fn extra<'a>(metadata: &'a ArchiveMetadata, name: &str) -> Result<&'a [u8], ArchiveError> {
    let found = metadata.extra.iter().find(|(known, _)| known == name);
    found.map(|(_, bytes)| bytes.as_slice()).ok_or_else(|| {
        ArchiveError::malformed(format!(
            "its metadata do not hold the {name} of its archive"
        ))
    })
}

impl Row {
    pub(super) fn of(package: &Installed<'_>, time: u32) -> Result<Self, ArchiveError> {
        let original = extra(package.metadata, HEADER)?;
        let signature = extra(package.metadata, SIGNATURE)?;
        let index = Index::of(original, Part::Main)?;
        let signatures = Index::of(signature, Part::Signature)?;
        let signed = signatures.of_header(signature);
        let mut added: Vec<Added> = SIGNATURES
            .iter()
            .filter_map(|(from, to)| {
                let (kind, count, bytes) = signed.value(*from)?;
                Some(Added {
                    tag: *to,
                    kind,
                    count,
                    bytes: bytes.to_vec(),
                })
            })
            .collect();
        let number = |tag: u32, number: u32| Added {
            tag,
            kind: Kind::Int32,
            count: 1,
            bytes: number.to_be_bytes().to_vec(),
        };
        added.push(number(tag::INSTALL_TIME, time));
        added.push(number(tag::INSTALL_TID, time));
        // An image is of one architecture: no file was chosen over another by its color.
        added.push(number(tag::INSTALL_COLOR, 0));
        let states = states(package, index.of_header(original), original)?;
        if !states.is_empty() {
            added.push(Added {
                tag: tag::FILE_STATES,
                kind: Kind::Char,
                count: states.len(),
                bytes: states,
            });
        }
        added.sort_by_key(|value| value.tag);
        // What the archive's header has counts, and stands once.
        added.retain(|value| !index.of_header(original).has(value.tag));
        Ok(Self {
            bytes: append(original, &added),
            sha1: signed.text(tag::SIG_SHA1)?.map(<[u8]>::to_vec),
            md5: signed.binary(tag::SIG_MD5)?.map(<[u8]>::to_vec),
            original: original.to_vec(),
            index,
            time,
        })
    }

    /// The header as the archive has it.
    pub(super) fn header(&self) -> Header<'_> {
        self.index.of_header(&self.original)
    }
}

/// What the image has of each file, in the order of the header.
fn states(
    package: &Installed<'_>,
    header: Header<'_>,
    bytes: &[u8],
) -> Result<Vec<u8>, ArchiveError> {
    let files = Files::of(header, &Limits::default())?;
    let left_out: HashSet<_> = package
        .files
        .iter()
        .filter(|file| !file.present)
        .map(|file| &file.entry.path)
        .collect();
    (0..files.len())
        .map(|number| {
            let path = files.path(bytes, number)?;
            Ok(if left_out.contains(&path) {
                LEFT_OUT
            } else {
                PRESENT
            })
        })
        .collect()
}

/// The header with further tags behind its region: their entries follow in the index, and their values in the store.
fn append(original: &[u8], added: &[Added]) -> Vec<u8> {
    let word = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&original[at..at + 4]);
        u32::from_be_bytes(word)
    };
    let tags = word(0);
    let store_at = COUNTS + ITEM * tags as usize;
    let mut store = original[store_at..].to_vec();
    let mut items = original[COUNTS..store_at].to_vec();
    for value in added {
        store.resize(store.len().next_multiple_of(value.kind.alignment()), 0);
        let item = [
            value.tag,
            value.kind.number(),
            store.len() as u32,
            value.count as u32,
        ];
        items.extend(item.iter().flat_map(|word| word.to_be_bytes()));
        store.extend_from_slice(&value.bytes);
    }
    let counts = [tags + added.len() as u32, store.len() as u32];
    let counts = counts.iter().flat_map(|word| word.to_be_bytes());
    counts.chain(items).chain(store).collect()
}
