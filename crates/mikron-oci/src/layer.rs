//! A layer before it is compressed: sorted entries, checked and laid out as a tar stream of known size.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use mikron_package::{Contents, DiffId, Digest, Entry, EntryKind, Hasher, HashingReader, RootPath};
use serde::{Deserialize, Serialize};

use crate::header::{self, RECORD};
use crate::recipe::BLOCK;
use crate::{Blob, Compression, LayerError, Recipe};

/// One entry of a layer and the digest of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerEntry {
    /// The entry. Names of owners are written only where it has them.
    pub entry: Entry,
    /// The content; for regular files and for nothing else.
    pub content: Option<Digest>,
}

/// A finished layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The bytes as they are stored.
    pub blob: Blob,
    /// The digest of the tar stream.
    pub diff_id: DiffId,
    /// The size of the tar stream in bytes.
    pub unpacked: u64,
    /// How the stream became the blob.
    pub compression: Compression,
}

/// The entries of a layer, checked, with all headers made.
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
    headers: Vec<u8>,
    parts: Vec<Part>,
    unpacked: u64,
}

/// A run of header bytes, and the content behind it.
#[derive(Clone, Debug)]
struct Part {
    path: RootPath,
    /// End of the headers in `LayerPlan::headers`.
    headers_end: usize,
    content: Option<(Digest, u64)>,
}

impl LayerPlan {
    /// Checks entries and makes their headers. `name` is for progress and messages only.
    ///
    /// # Errors
    /// When the entries are not sorted by path, or hold a duplicate, a whiteout, an entry below a file, a hard link without
    /// its file, a file without content, or a value that tar cannot carry.
    pub fn new(name: &str, entries: &[LayerEntry]) -> Result<Self, LayerError> {
        let mut plan = Self {
            name: name.to_owned(),
            headers: Vec::with_capacity(entries.len() * RECORD),
            parts: Vec::with_capacity(entries.len()),
            unpacked: 2 * RECORD as u64,
        };
        let mut files: BTreeSet<&RootPath> = BTreeSet::new();
        let mut before: Option<&Entry> = None;
        for LayerEntry { entry, content } in entries {
            if let Some(before) = before {
                check_order(before, entry)?;
            }
            before = Some(entry);
            check_entry(entry, *content)?;
            match &entry.kind {
                EntryKind::File { .. } => {
                    files.insert(&entry.path);
                }
                EntryKind::Hardlink { target } if !files.contains(target) => {
                    return Err(LayerError::HardlinkTarget {
                        path: entry.path.clone(),
                        target: target.clone(),
                    });
                }
                _ => {}
            }
            let start = plan.headers.len();
            header::write(entry, &mut plan.headers)?;
            let size = entry.size();
            plan.unpacked += (plan.headers.len() - start) as u64 + size + header::padding(size);
            plan.parts.push(Part {
                path: entry.path.clone(),
                headers_end: plan.headers.len(),
                content: content.map(|digest| (digest, size)),
            });
        }
        Ok(plan)
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
        self.parts.is_empty()
    }

    /// The key under which the compressed layer is cached: a digest over the recipe, all headers and the digests of all
    /// contents. Equal keys mean equal bytes.
    pub fn key(&self, recipe: Recipe) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(b"mikron layer 1\0");
        hasher.update(recipe.id().as_bytes());
        hasher.update(b"\0");
        let mut start = 0;
        for part in &self.parts {
            hasher.update(&self.headers[start..part.headers_end]);
            start = part.headers_end;
            if let Some((digest, _)) = &part.content {
                hasher.update(digest.as_bytes());
            }
        }
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
        let mut start = 0;
        for part in &self.parts {
            out.write_all(&self.headers[start..part.headers_end])
                .map_err(failed)?;
            start = part.headers_end;
            if let Some((digest, size)) = part.content {
                self.copy(part, digest, size, contents, &mut buffer, out)?;
                let padding = header::padding(size) as usize;
                out.write_all(&[0; RECORD][..padding]).map_err(failed)?;
            }
        }
        out.write_all(&[0; 2 * RECORD]).map_err(failed)
    }

    fn copy(
        &self,
        part: &Part,
        expected: Digest,
        size: u64,
        contents: &dyn Contents,
        buffer: &mut [u8],
        out: &mut dyn Write,
    ) -> Result<(), LayerError> {
        let unreadable = |source| LayerError::Read {
            path: part.path.clone(),
            source,
        };
        let wrong_size = |found| LayerError::ContentSize {
            path: part.path.clone(),
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
                path: part.path.clone(),
                expected,
                found,
            });
        }
        Ok(())
    }
}

fn check_order(before: &Entry, entry: &Entry) -> Result<(), LayerError> {
    if before.path == entry.path {
        return Err(LayerError::Duplicate {
            path: entry.path.clone(),
        });
    }
    if before.path > entry.path {
        return Err(LayerError::Unsorted {
            path: entry.path.clone(),
            after: before.path.clone(),
        });
    }
    // In the order of paths whatever lies below an entry follows it at once, so the entry before is the one to ask.
    if !before.is_directory() && entry.path.starts_with(&before.path) {
        return Err(LayerError::BelowFile {
            path: entry.path.clone(),
            parent: before.path.clone(),
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
