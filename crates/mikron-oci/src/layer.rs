//! A layer before it is compressed: sorted entries, checked and laid out as a tar stream of known size.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io::{Read, Write};

use mikron_package::{Contents, DiffId, Digest, Entry, EntryKind, Hasher, HashingReader, RootPath};
use serde::{Deserialize, Serialize};

use crate::header::{self, RECORD};
use crate::recipe::BLOCK;
use crate::{Blob, Compression, LayerError, Recipe};

/// Entries are packed in pieces of about so many bytes: these take the room of what was packed before, where one list of all would
/// need room of its own.
const PIECE: usize = 64 << 10;

/// One entry of a layer and the digest of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerEntry {
    /// The entry. Names of owners are written only where it has them.
    pub entry: Entry,
    /// The content; for regular files and for nothing else.
    pub content: Option<Digest>,
}

/// A finished layer, as it lies in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerBlob {
    /// The bytes as they are stored.
    pub blob: Blob,
    /// The digest of the tar stream.
    pub diff_id: DiffId,
    /// The size of the tar stream in bytes.
    pub unpacked: u64,
    /// How the stream became the blob.
    pub compression: Compression,
}

/// The entries of a layer, checked and packed: the headers of all layers of a large image would take more memory than all
/// that the image is made from.
///
/// The tar stream follows from it and from the contents alone: equal plans have equal [keys](Self::key) and equal bytes.
///
/// ```
/// use mikron_oci::{LayerEntry, LayerPlan};
/// use mikron_package::{Entry, EntryKind, MemoryContents, RootPath};
///
/// let mut contents = MemoryContents::default();
/// let content = contents.add(b"hello\n".to_vec());
/// let entry = Entry::new(RootPath::new(b"hello")?, EntryKind::File { size: 6 }, 0o644);
/// let plan = LayerPlan::new("example", &[LayerEntry { entry, content: Some(content) }])?;
/// let mut tar = Vec::new();
/// plan.write(&contents, &mut tar)?;
/// assert_eq!(tar.len() as u64, plan.unpacked());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LayerPlan {
    name: String,
    /// The entries one after the other, in the form of postcard, in pieces of about [`PIECE`] bytes.
    packed: Vec<Vec<u8>>,
    unpacked: u64,
}

impl LayerPlan {
    /// Checks entries, one after the other. `name` is for progress and messages only.
    ///
    /// # Errors
    /// When the entries are not sorted by path, or hold a duplicate, a whiteout, an entry below a file, a hard link without
    /// its file, a file without content, or a value that tar cannot carry.
    pub fn new(
        name: &str,
        entries: impl IntoIterator<Item = impl Borrow<LayerEntry>>,
    ) -> Result<Self, LayerError> {
        let mut plan = Self {
            name: name.to_owned(),
            packed: Vec::new(),
            unpacked: 2 * RECORD as u64,
        };
        let mut headers = Vec::new();
        // The files so far, from the first hard link on: most layers have none.
        let mut files: Option<BTreeSet<RootPath>> = None;
        let mut before: Option<(RootPath, bool)> = None;
        for packed in entries {
            let packed: &LayerEntry = packed.borrow();
            let LayerEntry { entry, content } = packed;
            if let Some((path, is_directory)) = &before {
                check_order(path, *is_directory, entry)?;
            }
            before = Some((entry.path.clone(), entry.is_directory()));
            check_entry(entry, *content)?;
            match &entry.kind {
                EntryKind::File { .. } => {
                    if let Some(files) = &mut files {
                        files.insert(entry.path.clone());
                    }
                }
                EntryKind::Hardlink { target } => {
                    let files = files.get_or_insert_with(|| plan.files());
                    if !files.contains(target) {
                        return Err(LayerError::HardlinkTarget {
                            path: entry.path.clone(),
                            target: target.clone(),
                        });
                    }
                }
                _ => {}
            }
            headers.clear();
            header::write(entry, &mut headers)?;
            let size = entry.size();
            plan.unpacked += headers.len() as u64 + size + header::padding(size);
            plan.pack(packed);
        }
        if let Some(last) = plan.packed.last_mut() {
            last.shrink_to_fit();
        }
        Ok(plan)
    }

    /// Adds an entry.
    fn pack(&mut self, entry: &LayerEntry) {
        // Hardly an entry has a kilobyte.
        let piece = self.packed.pop_if(|piece| piece.len() + 1024 < PIECE);
        let piece = piece.unwrap_or_else(|| Vec::with_capacity(PIECE));
        let piece = postcard::to_extend(entry, piece)
            .expect("an entry has no sequence of unknown length, and a vector takes all bytes");
        self.packed.push(piece);
    }

    /// The entries with their headers, in order. `use_entry` is given each and may end the walk.
    fn each<E>(
        &self,
        mut use_entry: impl FnMut(&LayerEntry, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut headers = Vec::new();
        for piece in &self.packed {
            let mut rest = &piece[..];
            while !rest.is_empty() {
                let (entry, behind) = postcard::take_from_bytes::<LayerEntry>(rest)
                    .expect("`new` packed these bytes and nobody changes them");
                rest = behind;
                headers.clear();
                header::write(&entry.entry, &mut headers).expect("`new` made the same headers");
                use_entry(&entry, &headers)?;
            }
        }
        Ok(())
    }

    /// The paths of its regular files.
    fn files(&self) -> BTreeSet<RootPath> {
        let mut files = BTreeSet::new();
        let Ok(()) = self.each(|LayerEntry { entry, .. }, _| {
            files.extend(entry.is_file().then(|| entry.path.clone()));
            Ok::<(), Infallible>(())
        });
        files
    }

    /// The name that was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size of the tar stream in bytes, end blocks included.
    pub fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// The key under which the compressed layer is cached: a digest over the recipe, all headers and the digests of all
    /// contents. Equal keys mean equal bytes.
    pub fn key(&self, recipe: Recipe) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(b"mikron layer 1\0");
        hasher.update(recipe.id().as_bytes());
        hasher.update(b"\0");
        let hash = |entry: &LayerEntry, headers: &[u8]| {
            hasher.update(headers);
            if let Some(digest) = &entry.content {
                hasher.update(digest.as_bytes());
            }
            Ok::<(), Infallible>(())
        };
        let Ok(()) = self.each(hash);
        hasher.finish()
    }

    /// Writes the tar stream. Every content is checked against its entry's size and digest while it is copied.
    ///
    /// # Errors
    /// When a content is missing or is not what its entry says, or `out` fails.
    pub fn write(&self, contents: &dyn Contents, out: &mut dyn Write) -> Result<(), LayerError> {
        let failed = |source| LayerError::Write {
            layer: self.name.clone(),
            source,
        };
        let mut buffer = vec![0; BLOCK];
        self.each(|LayerEntry { entry, content }, headers| {
            out.write_all(headers).map_err(failed)?;
            if let Some(digest) = content {
                self.copy(entry, *digest, contents, &mut buffer, out)?;
                let padding = header::padding(entry.size()) as usize;
                out.write_all(&[0; RECORD][..padding]).map_err(failed)?;
            }
            Ok::<(), LayerError>(())
        })?;
        out.write_all(&[0; 2 * RECORD]).map_err(failed)
    }

    fn copy(
        &self,
        entry: &Entry,
        expected: Digest,
        contents: &dyn Contents,
        buffer: &mut [u8],
        out: &mut dyn Write,
    ) -> Result<(), LayerError> {
        let size = entry.size();
        let unreadable = |source| LayerError::Read {
            path: entry.path.clone(),
            source,
        };
        let wrong_size = |found| LayerError::ContentSize {
            path: entry.path.clone(),
            expected: size,
            found,
        };
        let mut reader = HashingReader::new(contents.open(&expected).map_err(unreadable)?);
        while reader.count() <= size {
            let n = match reader.read(buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(unreadable(e)),
            };
            if reader.count() > size {
                return Err(wrong_size(size + 1));
            }
            out.write_all(&buffer[..n])
                .map_err(|source| LayerError::Write {
                    layer: self.name.clone(),
                    source,
                })?;
        }
        let (found, count) = reader.finish();
        if count != size {
            return Err(wrong_size(count));
        }
        if found != expected {
            return Err(LayerError::ContentDigest {
                path: entry.path.clone(),
                expected,
                found,
            });
        }
        Ok(())
    }
}

fn check_order(before: &RootPath, is_directory: bool, entry: &Entry) -> Result<(), LayerError> {
    if *before == entry.path {
        return Err(LayerError::Duplicate {
            path: entry.path.clone(),
        });
    }
    if *before > entry.path {
        return Err(LayerError::Unsorted {
            path: entry.path.clone(),
            after: before.clone(),
        });
    }
    // In the order of paths whatever lies below an entry follows it at once, so the entry before is the one to ask.
    if !is_directory && entry.path.starts_with(before) {
        return Err(LayerError::BelowFile {
            path: entry.path.clone(),
            parent: before.clone(),
        });
    }
    Ok(())
}

fn check_entry(entry: &Entry, content: Option<Digest>) -> Result<(), LayerError> {
    let path = || entry.path.clone();
    if entry
        .path
        .components()
        .any(|name| name.starts_with(b".wh."))
    {
        return Err(LayerError::Whiteout { path: path() });
    }
    let reason = match (entry.is_file(), content) {
        (true, None) => "is a file without content",
        (false, Some(_)) => "has a content and is not a file",
        _ if entry.path.is_root() && !entry.is_directory() => "is the root and not a directory",
        _ => return Ok(()),
    };
    Err(LayerError::Content {
        path: path(),
        reason,
    })
}
