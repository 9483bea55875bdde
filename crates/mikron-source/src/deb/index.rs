//! Indexes and lists of files: downloaded and hashed, unpacked, and made compact in one overlapping run of three threads.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use mikron_archive::{Cap, Decompressor};
use mikron_deb::Deb822Error;
use mikron_package::{Cancellation, Limits, Origin, Task, TaskKind};

use super::{Context, DebRepository, IndexRef, SourceError, SourceErrorKind};
use crate::download::{DownloadError, Tap, Wanted};
use crate::fetch::join_location;
use crate::file_table::FileTable;
use crate::universe::{CompactIndex, build_index};

/// What stands in the cache for a published file.
pub(super) trait Compact: Sized + Send {
    /// The namespace in the cache. Its number changes with the form.
    const NAMESPACE: &str;

    fn open(bytes: Vec<u8>) -> Option<Self>;

    fn bytes(&self) -> &[u8];
}

impl Compact for CompactIndex {
    const NAMESPACE: &str = "index-4";

    fn open(bytes: Vec<u8>) -> Option<Self> {
        Self::open(bytes).ok()
    }

    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Compact for FileTable {
    const NAMESPACE: &str = "files-1";

    fn open(bytes: Vec<u8>) -> Option<Self> {
        Some(Self::of_bytes(bytes))
    }

    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Makes the compact form out of the text.
type Make<'a, T> = dyn Fn(&mut dyn Read, &Origin) -> Result<T, Deb822Error> + Sync + 'a;

/// So many pieces of a download may wait to be unpacked.
const QUEUE: usize = 64;

/// So many pieces of text, of so many bytes, may wait for the parser: to unpack takes as long as to parse.
const UNPACKED: usize = 8;
const PIECE: usize = 128 * 1024;

impl DebRepository {
    /// An index in compact form: out of the cache, or fetched.
    pub(super) fn index(
        &self,
        context: &Context<'_>,
        reference: &IndexRef,
        architecture: &str,
    ) -> Result<Arc<CompactIndex>, SourceError> {
        let key = format!("{} {architecture}", reference.file.digest);
        let make = |text: &mut dyn Read, origin: &Origin| {
            build_index(text, architecture, context.limits, origin)
        };
        self.compact(context, reference, &key, &make).map(Arc::new)
    }

    /// A list of files in compact form: out of the cache, or fetched.
    pub(super) fn files(
        &self,
        context: &Context<'_>,
        reference: &IndexRef,
    ) -> Result<FileTable, SourceError> {
        let key = reference.file.digest.to_string();
        let make =
            |text: &mut dyn Read, origin: &Origin| FileTable::build(text, context.limits, origin);
        self.compact(context, reference, &key, &make)
    }

    fn compact<T: Compact>(
        &self,
        context: &Context<'_>,
        reference: &IndexRef,
        key: &str,
        make: &Make<'_, T>,
    ) -> Result<T, SourceError> {
        let key = key.as_bytes();
        let known = || T::open(context.cache.derived(T::NAMESPACE, key)?);
        if let Some(index) = known() {
            return Ok(index);
        }
        let claim = context.cache.claim(T::NAMESPACE, key, true);
        let _claim = claim.map_err(|error| self.error(error))?;
        if let Some(index) = known() {
            return Ok(index);
        }
        let label = format!("{} {}", self.suite, reference.path);
        let _task = Task::start(
            context.progress,
            TaskKind::Index,
            &label,
            Some(reference.file.size),
        );
        let parser = Parser {
            reference,
            make,
            limits: context.limits,
            cancellation: context.cache.cancellation(),
            origin: Origin {
                source: self.name.clone(),
                archive: format!("{}/{}", self.suite, reference.path),
            },
        };
        let index = self.download_index(context, &parser)?;
        let stored = context.cache.put_derived(T::NAMESPACE, key, index.bytes());
        stored.map_err(|error| self.error(error))?;
        Ok(index)
    }

    fn download_index<T: Send>(
        &self,
        context: &Context<'_>,
        parser: &Parser<'_, T>,
    ) -> Result<T, SourceError> {
        let reference = parser.reference;
        let wanted = Wanted {
            name: format!("{} {}", self.suite, reference.path),
            digest: reference.file.digest,
            size: reference.file.size,
            urls: self.index_urls(reference),
        };
        let limit = mikron_package::LimitExceeded::check(
            "index",
            reference.file.size,
            context.limits.index,
        );
        limit.map_err(|error| self.malformed(reference, Deb822Error::new(error)))?;
        std::thread::scope(|scope| {
            let mut tap = Pipeline {
                scope,
                parser,
                running: None,
            };
            // The compact form stands in for it from now on, at twice its size: both would be kept for nothing.
            let downloaded = context.downloader().show(&wanted, &mut tap);
            match downloaded {
                Ok(()) => tap
                    .finish()
                    .map_err(|error| self.malformed(reference, error)),
                Err(DownloadError::Cache(error)) => Err(self.error(error)),
                Err(DownloadError::Offline { .. }) => Err(self.error(SourceErrorKind::Offline)),
                Err(error) => Err(self.error(SourceErrorKind::Index {
                    path: reference.path.clone(),
                    error,
                })),
            }
        })
    }

    /// Where an index may be: by hash, which a mirror's update cannot tear from its Release, then by its own path.
    fn index_urls(&self, reference: &IndexRef) -> Vec<String> {
        let directory = reference
            .path
            .rsplit_once('/')
            .map_or(String::new(), |(directory, _)| format!("{directory}/"));
        let hex = reference.file.digest.hex();
        let by_hash = self.path_of(&format!("{directory}by-hash/SHA256/{hex}"));
        let canonical = self.path_of(&reference.path);
        let of_base = |base: &String| {
            let first = reference.by_hash.then(|| join_location(base, &by_hash));
            first.into_iter().chain([join_location(base, &canonical)])
        };
        self.all_bases().flat_map(of_base).collect()
    }

    fn malformed(&self, reference: &IndexRef, error: Deb822Error) -> SourceError {
        self.error(SourceErrorKind::MalformedIndex {
            path: reference.path.clone(),
            error: error.into(),
        })
    }
}

/// What parsing needs to know.
struct Parser<'a, T> {
    reference: &'a IndexRef,
    make: &'a Make<'a, T>,
    limits: &'a Limits,
    cancellation: &'a Cancellation,
    origin: Origin,
}

impl<T> Parser<'_, T> {
    /// Unpacks and parses the published file.
    fn parse(&self, input: impl Read + Send) -> Result<T, Deb822Error> {
        let input = BufReader::with_capacity(256 * 1024, input);
        let compression = self.reference.compression.decoder();
        let text = Decompressor::new(input, compression, self.limits, Cap::index(self.limits));
        let text =
            text.map_err(|error| Deb822Error::from_io(error.into_io()).in_file(&self.origin))?;
        std::thread::scope(|scope| {
            let (pieces, receiver) = sync_channel(UNPACKED);
            let unpacking = Builder::new().spawn_scoped(scope, move || unpack(text, &pieces));
            unpacking.map_err(|error| Deb822Error::from_io(error).in_file(&self.origin))?;
            let mut text = self.cancellation.watch(Pieces::of(receiver));
            (self.make)(&mut text, &self.origin)
        })
    }
}

/// Hands on what comes out of a reader, up to its end, its first error, or until nobody wants more.
fn unpack(mut text: impl Read, pieces: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = text.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        let end = !matches!(read, Ok(n) if n > 0);
        if !piece.is_empty() && pieces.send(Ok(piece)).is_err() {
            return;
        }
        if let Err(error) = read {
            let _ = pieces.send(Err(error));
        }
        if end {
            return;
        }
    }
}

/// Hands the bytes of a download to a parser on another thread.
struct Pipeline<'scope, 'env, T> {
    scope: &'scope Scope<'scope, 'env>,
    parser: &'env Parser<'env, T>,
    running: Option<Running<'scope, T>>,
}

struct Running<'scope, T> {
    pieces: SyncSender<io::Result<Vec<u8>>>,
    /// Or why there is none.
    parser: io::Result<ScopedJoinHandle<'scope, Result<T, Deb822Error>>>,
}

impl<'scope, T: Send> Pipeline<'scope, '_, T> {
    fn running(&mut self) -> &mut Running<'scope, T> {
        let (scope, parser) = (self.scope, self.parser);
        self.running.get_or_insert_with(|| {
            let (pieces, receiver) = sync_channel(QUEUE);
            Running {
                pieces,
                parser: Builder::new()
                    .spawn_scoped(scope, move || parser.parse(Pieces::of(receiver))),
            }
        })
    }

    /// Waits for the parser. To be called when the download has been verified.
    fn finish(mut self) -> Result<T, Deb822Error> {
        // An empty index has no bytes to begin with.
        self.running();
        let Some(Running { pieces, parser }) = self.running.take() else {
            return self.parser.parse(io::empty());
        };
        drop(pieces);
        let parser = parser.map_err(Deb822Error::from_io)?;
        match parser.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl<T: Send> Tap for Pipeline<'_, '_, T> {
    fn restart(&mut self) {
        // The parser of the void bytes ends when it misses the rest; nobody looks at what it says.
        self.running = None;
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        // A parser that gave up does not end the download: whether its bytes are at fault, or the file as it was
        // published, is what the digest will say.
        let _ = self.running().pieces.send(Ok(bytes.to_vec()));
        Ok(())
    }
}

/// The pieces that another thread hands on as a stream.
struct Pieces {
    receiver: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
}

impl Pieces {
    fn of(receiver: Receiver<io::Result<Vec<u8>>>) -> Self {
        Self {
            receiver,
            piece: Vec::new(),
            at: 0,
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            match self.receiver.recv() {
                Ok(piece) => {
                    self.piece = piece?;
                    self.at = 0;
                }
                Err(_) => return Ok(0),
            }
        }
        let n = buffer.len().min(self.piece.len() - self.at);
        buffer[..n].copy_from_slice(&self.piece[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
