//! The spool: contents of files between the facts pass and the layers.
//!
//! Small contents stay in memory until a budget is used up; the rest goes into one anonymous temporary file that vanishes with
//! the process. Nothing an archive names ever becomes a path on the host.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mikron_package::{Contents, Digest, Hasher, NoSuchContent};

use crate::ReadAt;

/// Contents larger than this never stay in memory: a few of them would use up the budget that thousands of small ones share.
const LARGE: u64 = 256 * 1024;

/// Contents by digest, in memory up to a budget and in one anonymous temporary file beyond it.
///
/// It can be shared between threads: writers do not wait for each other but to reserve room, readers read at positions.
///
/// ```
/// use std::io::Read;
/// use mikron_facts::Spool;
/// use mikron_package::Contents;
/// let spool = Spool::new(8 << 20);
/// let mut writer = spool.writer(5)?;
/// writer.write(b"hello")?;
/// let digest = writer.finish()?;
/// let mut text = String::new();
/// spool.open(&digest)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Spool {
    budget: u64,
    dir: Option<PathBuf>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    in_memory: u64,
    file: Option<Arc<File>>,
    end: u64,
    in_file: Places,
    held: BTreeMap<Digest, Arc<[u8]>>,
}

/// Where each content lies in the file. Of these there are very many, and a map would take twice their room: most lie in order, and
/// what came last waits beside them.
#[derive(Debug, Default)]
struct Places {
    ordered: Vec<(Digest, Place)>,
    last: BTreeMap<Digest, Place>,
}

impl Places {
    /// So many wait at least.
    const LAST: usize = 1024;

    fn get(&self, content: &Digest) -> Option<&Place> {
        self.last.get(content).or_else(|| {
            let at = self
                .ordered
                .binary_search_by_key(content, |(known, _)| *known);
            at.ok().map(|at| &self.ordered[at].1)
        })
    }

    /// Adds one that is not there yet.
    fn insert(&mut self, content: Digest, place: Place) {
        self.last.insert(content, place);
        // A part of them, so that the order is made anew a few times in all.
        if self.last.len() > Self::LAST.max(self.ordered.len() / 8) {
            self.ordered.reserve_exact(self.last.len());
            self.ordered.extend(std::mem::take(&mut self.last));
            self.ordered.sort_unstable_by_key(|(content, _)| *content);
        }
    }
}

/// A part of the file.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    len: u64,
}

impl Spool {
    /// An empty spool that holds up to `budget` bytes in memory; the temporary file lies where the system keeps such.
    pub fn new(budget: u64) -> Self {
        Self {
            budget,
            dir: None,
            inner: Mutex::default(),
        }
    }

    /// As [`Spool::new`], with the temporary file in `dir`.
    pub fn in_dir(budget: u64, dir: &Path) -> Self {
        Self {
            dir: Some(dir.to_owned()),
            ..Self::new(budget)
        }
    }

    /// Starts a content of exactly `size` bytes.
    ///
    /// # Errors
    /// When the temporary file cannot be made.
    pub fn writer(&self, size: u64) -> io::Result<SpoolWriter<'_>> {
        let mut inner = self.lock();
        let room = if size <= LARGE && inner.in_memory.saturating_add(size) <= self.budget {
            inner.in_memory += size;
            Room::Memory(Vec::with_capacity(size as usize))
        } else {
            let file = if let Some(file) = &inner.file {
                Arc::clone(file)
            } else {
                let made = match &self.dir {
                    Some(dir) => tempfile::tempfile_in(dir),
                    None => tempfile::tempfile(),
                };
                Arc::clone(inner.file.insert(Arc::new(made?)))
            };
            let offset = inner.end;
            let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "the spool is full");
            inner.end = offset.checked_add(size).ok_or_else(too_large)?;
            Room::File { file, offset }
        };
        Ok(SpoolWriter {
            spool: self,
            room,
            size,
            written: 0,
            hasher: Hasher::default(),
        })
    }

    /// The content with this digest, for reading at positions.
    pub fn blob(&self, content: &Digest) -> Option<Blob> {
        let inner = self.lock();
        if let Some(bytes) = inner.held.get(content) {
            return Some(Blob {
                len: bytes.len() as u64,
                bytes: Bytes::Memory(Arc::clone(bytes)),
            });
        }
        let (place, file) = (inner.in_file.get(content)?, inner.file.as_ref()?);
        Some(Blob {
            len: place.len,
            bytes: Bytes::File {
                file: Arc::clone(file),
                offset: place.offset,
            },
        })
    }

    /// Whether the spool holds a content.
    pub fn contains(&self, content: &Digest) -> bool {
        self.lock().contains(content)
    }

    /// Bytes held in memory and in the temporary file.
    pub fn usage(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.in_memory, inner.end)
    }

    /// A thread that panicked cannot have left the maps half-changed: every change is one statement.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Spool {
    /// A spool with 8 MiB of memory.
    fn default() -> Self {
        Self::new(8 << 20)
    }
}

impl Inner {
    fn contains(&self, content: &Digest) -> bool {
        self.held.contains_key(content) || self.in_file.get(content).is_some()
    }

    fn give_back_range(&mut self, offset: u64, size: u64) {
        if offset + size == self.end {
            self.end = offset;
        }
    }
}

impl Contents for Spool {
    fn open(&self, content: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        match self.blob(content) {
            Some(blob) => Ok(Box::new(BlobReader { blob, position: 0 })),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                NoSuchContent(*content),
            )),
        }
    }
}

/// One content of a [`Spool`], readable at any position.
#[derive(Clone, Debug)]
pub struct Blob {
    len: u64,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
enum Bytes {
    Memory(Arc<[u8]>),
    File { file: Arc<File>, offset: u64 },
}

impl ReadAt for Blob {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.len.saturating_sub(offset);
        let take = left.min(buffer.len() as u64) as usize;
        if take == 0 {
            return Ok(0);
        }
        match &self.bytes {
            Bytes::Memory(bytes) => bytes.as_ref().read_at(offset, &mut buffer[..take]),
            Bytes::File {
                file,
                offset: start,
            } => FileExt::read_at(&**file, &mut buffer[..take], start + offset),
        }
    }
}

struct BlobReader {
    blob: Blob,
    position: u64,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.blob.read_at(self.position, buffer)?;
        if n == 0 && !buffer.is_empty() && self.position < self.blob.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += n as u64;
        Ok(n)
    }
}

/// A content on its way into a [`Spool`]. Dropped before [`SpoolWriter::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct SpoolWriter<'a> {
    spool: &'a Spool,
    room: Room,
    size: u64,
    written: u64,
    hasher: Hasher,
}

#[derive(Debug)]
enum Room {
    Memory(Vec<u8>),
    File { file: Arc<File>, offset: u64 },
    Given,
}

impl SpoolWriter<'_> {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when the content grows beyond its size, else what writing the temporary file gave.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > self.size - self.written {
            let text = "the content is longer than its entry says";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        match &mut self.room {
            Room::Memory(held) => held.extend_from_slice(bytes),
            Room::File { file, offset } => file.write_all_at(bytes, *offset + self.written)?,
            Room::Given => {}
        }
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Ends the content without keeping it and says its digest.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the content is shorter than its size.
    pub fn discard(mut self) -> io::Result<Digest> {
        self.check_end()?;
        Ok(std::mem::take(&mut self.hasher).finish())
    }

    fn check_end(&self) -> io::Result<()> {
        if self.written == self.size {
            return Ok(());
        }
        let text = "the content is shorter than its entry says";
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, text))
    }

    /// Ends the content and says its digest. A content that is held already takes no room a second time.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the content is shorter than its size.
    pub fn finish(mut self) -> io::Result<Digest> {
        self.check_end()?;
        let digest = std::mem::take(&mut self.hasher).finish();
        let mut inner = self.spool.lock();
        if !inner.contains(&digest) {
            match std::mem::replace(&mut self.room, Room::Given) {
                Room::Memory(held) => {
                    inner.held.insert(digest, held.into());
                }
                Room::File { offset, .. } => {
                    let len = self.size;
                    inner.in_file.insert(digest, Place { offset, len });
                }
                Room::Given => {}
            }
        }
        drop(inner);
        Ok(digest)
    }
}

/// What was written so far can be looked into before it is kept or given up.
impl ReadAt for SpoolWriter<'_> {
    fn len(&self) -> u64 {
        self.written
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.written.saturating_sub(offset);
        let take = left.min(buffer.len() as u64) as usize;
        match &self.room {
            Room::Memory(held) => held.as_slice().read_at(offset, buffer),
            Room::File {
                file,
                offset: start,
            } if take > 0 => FileExt::read_at(&**file, &mut buffer[..take], start + offset),
            _ => Ok(0),
        }
    }
}

impl Drop for SpoolWriter<'_> {
    fn drop(&mut self) {
        let mut inner = self.spool.lock();
        match &self.room {
            Room::Memory(_) => inner.in_memory -= self.size,
            Room::File { offset, .. } => inner.give_back_range(*offset, self.size),
            Room::Given => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(spool: &Spool, bytes: &[u8]) -> Digest {
        let mut writer = spool.writer(bytes.len() as u64).expect("room");
        for chunk in bytes.chunks(1000) {
            writer.write(chunk).expect("written");
        }
        writer.finish().expect("finished")
    }

    fn get(spool: &Spool, digest: &Digest) -> Vec<u8> {
        let mut bytes = Vec::new();
        spool
            .open(digest)
            .expect("held")
            .read_to_end(&mut bytes)
            .expect("read");
        bytes
    }

    #[test]
    fn every_content_is_found_however_many_came_after_it() {
        let spool = Spool::new(0);
        let bytes = |n: u32| n.to_le_bytes();
        let digests: Vec<Digest> = (0..5000).map(|n| put(&spool, &bytes(n))).collect();
        for (n, digest) in (0..).zip(&digests) {
            assert_eq!(get(&spool, digest), bytes(n));
        }
        assert!(!spool.contains(&Digest::of(b"never put")));
        // What is there already takes no room a second time.
        let room = spool.usage();
        put(&spool, &bytes(7));
        assert_eq!(spool.usage(), room);
    }

    #[test]
    fn small_contents_stay_in_memory_until_the_budget_is_used_up() {
        let spool = Spool::new(100);
        let small = put(&spool, &[1; 60]);
        let beyond = put(&spool, &[2; 60]);
        let large = put(&spool, &vec![3; 300_000]);
        assert_eq!(spool.usage(), (60, 300_060));
        assert_eq!(get(&spool, &small), [1; 60]);
        assert_eq!(get(&spool, &beyond), [2; 60]);
        assert_eq!(get(&spool, &large), vec![3; 300_000]);
    }

    #[test]
    fn a_content_that_comes_twice_takes_room_once() {
        let spool = Spool::new(0);
        let first = put(&spool, b"same");
        assert_eq!(put(&spool, b"same"), first);
        assert_eq!(spool.usage(), (0, 4));
    }

    #[test]
    fn a_content_that_was_given_up_leaves_nothing() {
        let spool = Spool::new(10);
        for size in [10, 1000] {
            let mut writer = spool.writer(size).expect("room");
            writer.write(b"abc").expect("written");
            drop(writer);
        }
        assert_eq!(spool.usage(), (0, 0));
        assert!(!spool.contains(&Digest::of(b"abc")));
    }

    #[test]
    fn a_content_can_be_looked_into_before_it_is_given_up() {
        for budget in [0, 100] {
            let spool = Spool::new(budget);
            let mut writer = spool.writer(6).expect("room");
            writer.write(b"abcdef").expect("written");
            let mut two = [0; 2];
            assert_eq!(writer.read_at(3, &mut two).expect("read"), 2);
            assert_eq!(&two, b"de");
            assert_eq!(writer.discard().expect("whole"), Digest::of(b"abcdef"));
            assert_eq!(spool.usage(), (0, 0));
        }
    }

    #[test]
    fn a_content_of_another_length_than_announced_is_refused() {
        let spool = Spool::new(10);
        let mut writer = spool.writer(2).expect("room");
        assert_eq!(
            writer.write(b"abc").map_err(|e| e.kind()),
            Err(io::ErrorKind::InvalidData)
        );
        writer.write(b"a").expect("fits");
        assert_eq!(
            writer.finish().map_err(|e| e.kind()),
            Err(io::ErrorKind::UnexpectedEof)
        );
    }

    #[test]
    fn many_threads_write_and_read_at_once() {
        let spool = Spool::new(4096);
        std::thread::scope(|scope| {
            for t in 0..8u8 {
                let spool = &spool;
                scope.spawn(move || {
                    for i in 0..50u8 {
                        let bytes = vec![t ^ i.wrapping_mul(37); 100 + usize::from(i) * 53];
                        let digest = put(spool, &bytes);
                        assert_eq!(get(spool, &digest), bytes);
                    }
                });
            }
        });
    }
}
