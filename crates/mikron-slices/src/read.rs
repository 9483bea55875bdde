//! The directory of a release: which files it has, and their texts. The only place that touches the host's files.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mikron_package::{LimitExceeded, Limits, threads};

use crate::{SliceError, SliceErrorKind, SourceFile};

/// Most files of a release; chisel's own have some six hundred.
const MAX_FILES: u64 = 20_000;

/// Deepest directory below `slices`.
const MAX_DEPTH: usize = 8;

/// Files, and what is wrong with those that cannot be read.
type Files = (Vec<SourceFile>, Vec<SliceError>);

/// Reads `chisel.yaml` and all definitions below `slices`, in order of their names.
pub(crate) fn read_directory(dir: &Path, limits: &Limits) -> Result<Files, SliceError> {
    let mut names = vec!["chisel.yaml".to_owned()];
    let mut pending = vec![("slices".to_owned(), 0)];
    while let Some((name, depth)) = pending.pop() {
        let unreadable = |error: &std::io::Error| unreadable(&name, &error.to_string());
        for entry in fs::read_dir(dir.join(&name)).map_err(|e| unreadable(&e))? {
            let entry = entry.map_err(|e| unreadable(&e))?;
            let kind = entry.file_type().map_err(|e| unreadable(&e))?;
            let Some(base) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let below = format!("{name}/{base}");
            if kind.is_dir() {
                if depth == MAX_DEPTH {
                    return Err(self::unreadable(&below, "it lies too deep"));
                }
                pending.push((below, depth + 1));
            } else if Path::new(&base).extension().is_some_and(|e| e == "yaml") {
                names.push(below);
            }
        }
        LimitExceeded::check("files of a release", names.len() as u64, MAX_FILES)
            .map_err(|exceeded| SliceError::new(exceeded.into()))?;
    }
    names[1..].sort_unstable();
    let mut read = parallel(&names, |name| read_file(dir, name, limits)).into_iter();
    let (mut files, mut unreadable) = (Vec::with_capacity(names.len()), Vec::new());
    // Without the first, which says what the others mean, there is no release.
    files.extend(read.next().transpose()?);
    for file in read {
        match file {
            Ok(file) => files.push(file),
            Err(error) => unreadable.push(error),
        }
    }
    Ok((files, unreadable))
}

fn read_file(dir: &Path, name: &str, limits: &Limits) -> Result<SourceFile, SliceError> {
    let path: PathBuf = dir.join(name);
    let io = |error: std::io::Error| unreadable(name, &error.to_string());
    let file = File::open(&path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    // A pipe would be waited for.
    if !metadata.is_file() {
        return Err(unreadable(name, "it is not a file"));
    }
    let mut text = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0).min(1 << 20));
    file.take(limits.spec + 1)
        .read_to_end(&mut text)
        .map_err(io)?;
    let text = String::from_utf8(text).map_err(|_| unreadable(name, "it is not UTF-8 text"))?;
    let file = SourceFile::new(name, &text);
    check_size(&file, limits)?;
    Ok(file)
}

/// Checks the size of a file.
pub(crate) fn check_size(file: &SourceFile, limits: &Limits) -> Result<(), SliceError> {
    LimitExceeded::check("spec", file.text().len() as u64, limits.spec)
        .map_err(|exceeded| SliceError::new(exceeded.into()).in_file(file.name()))
}

fn unreadable(name: &str, why: &str) -> SliceError {
    SliceError::new(SliceErrorKind::Unreadable(why.to_owned())).in_file(name)
}

/// Does `work` for every item on all processors. The results come in the order of the items.
pub(crate) fn parallel<I: Sync, O: Send>(items: &[I], work: impl Fn(&I) -> O + Sync) -> Vec<O> {
    // One item is some ten microseconds of work: taken a few at a time, and not worth a thread when there are few.
    const CHUNK: usize = 8;
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = processors.min(items.len() / (4 * CHUNK));
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(rest) = items.get(start..) else {
                return done;
            };
            if rest.is_empty() {
                return done;
            }
            done.extend((start..).zip(rest.iter().take(CHUNK).map(&work)));
        }
    };
    let results = threads::on(threads, worker).into_iter().flatten();
    let mut results: Vec<(usize, O)> = results.collect();
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
