//! The signature member: files `.SIGN.…` that hold raw signatures over the packed bytes of what follows.

use std::io::Read;

use mikron_archive::{Cap, TarDialect, TarReader};
use mikron_package::{ArchiveError, Entry, Limits};

/// A signature as it stands in an archive or an index; nothing is said of its worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// How it was made.
    pub algorithm: Algorithm,
    /// The name of the key (`alpine-devel@lists.example.org-4a6a0840.rsa.pub`).
    pub key: String,
    /// The signature itself.
    pub bytes: Vec<u8>,
}

/// How a signature was made: what stands between `.SIGN.` and the name of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// `RSA`: PKCS #1 1.5 over the SHA-1.
    RsaSha1,
    /// `RSA256`: PKCS #1 1.5 over the SHA-256.
    RsaSha256,
    /// One that Mikron does not check, by its name.
    Other(String),
}

/// How the files of a signature member begin.
pub(crate) const PREFIX: &[u8] = b".SIGN.";

/// At most so much may come out of a signature member, in bytes.
const CAP: u64 = 1 << 20;

pub(crate) fn cap() -> Cap {
    Cap {
        limit: "signature",
        bytes: CAP,
    }
}

/// Whether the unpacked first member is one of signatures.
pub(crate) fn is_signature_member(tar: &[u8]) -> bool {
    tar.starts_with(PREFIX)
}

/// The signatures of an unpacked signature member.
pub(crate) fn read(tar: &[u8], limits: &Limits) -> Result<Vec<Signature>, ArchiveError> {
    let mut signatures = Vec::new();
    let mut reader = TarReader::new(tar, TarDialect::Apk, limits);
    let mut used = 0;
    while let Some(entry) = reader.next_entry()? {
        let signature = signature(&entry, &mut reader)
            .map_err(|error| error.in_entry(entry.path.to_string()))?;
        signatures.push(signature);
        used = reader.offset();
    }
    reader.nothing_behind_end()?;
    no_end_marks(tar, used)?;
    Ok(signatures)
}

fn signature(entry: &Entry, body: &mut dyn Read) -> Result<Signature, ArchiveError> {
    let wrong = |reason: &str| ArchiveError::malformed(reason);
    let name = std::str::from_utf8(entry.path.as_bytes())
        .ok()
        .and_then(|path| path.strip_prefix(".SIGN."))
        .ok_or_else(|| wrong("something else than a signature stands in the signature member"))?;
    if !entry.is_file() {
        return Err(wrong("a signature is not a plain file"));
    }
    let (algorithm, key) = name
        .split_once('.')
        .ok_or_else(|| wrong("the name of a signature lacks its key"))?;
    if key.is_empty() || key.starts_with('.') || key.contains('/') {
        return Err(wrong(
            "the name of a key is empty, begins with a dot or holds a slash",
        ));
    }
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes)
        .map_err(ArchiveError::from_io)?;
    Ok(Signature {
        algorithm: match algorithm {
            "RSA" => Algorithm::RsaSha1,
            "RSA256" => Algorithm::RsaSha256,
            other => Algorithm::Other(other.to_owned()),
        },
        key: key.to_owned(),
        bytes,
    })
}

/// Refuses the end marks of tar in a member that another follows. To apk the members are one tar archive: it stops at two
/// blocks of zeros, where other readers go on, and so one archive would be two.
pub(crate) fn no_end_marks(tar: &[u8], used: u64) -> Result<(), ArchiveError> {
    let rest = (tar.len() as u64).saturating_sub(used.next_multiple_of(512));
    if rest >= 1024 {
        return Err(ArchiveError::malformed(
            "end marks of tar stand before the last member, where apk stops reading",
        )
        .at(used));
    }
    Ok(())
}
