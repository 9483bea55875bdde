//! How large a package is as Debian ships it, and without its documentation.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The level that images are compressed with by default.
const LEVEL: i32 = 19;

/// Documentation: what a running program never reads. Licences lie in doc and in common-licenses.
const DOCUMENTATION: [&str; 8] = [
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/info/",
    "usr/share/locale/",
    "usr/share/common-licenses/",
    "usr/share/doc-base/",
    "usr/share/lintian/",
    "usr/share/bug/",
];

/// Compressed bytes of a package's files: one zstd -19 frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageSize {
    /// Everything that the package has.
    pub whole: u64,
    /// Everything but its documentation.
    pub without_documentation: u64,
}

/// Sizes of archives by their digest, kept in a file from run to run: packing hard takes minutes.
pub struct PackageSizes {
    file: PathBuf,
    known: BTreeMap<String, PackageSize>,
}

impl PackageSizes {
    /// What a file knows; nothing where there is none.
    pub fn open(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        let known = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let digest = words.next()?.to_owned();
            let whole = words.next()?.parse().ok()?;
            let without_documentation = words.next()?.parse().ok()?;
            let size = PackageSize {
                whole,
                without_documentation,
            };
            Some((digest, size))
        });
        Self {
            file: file.to_owned(),
            known: known.collect(),
        }
    }

    /// The size of an archive that was measured.
    pub fn get(&self, digest: &str) -> Option<PackageSize> {
        self.known.get(digest).copied()
    }

    /// Measures the archives (`.deb` files by their digest) that are not known yet, on all processors, and writes the file.
    ///
    /// # Panics
    /// When dpkg-deb fails on one of them.
    pub fn measure(&mut self, archives: &[(String, PathBuf)]) {
        let unknown = archives
            .iter()
            .filter(|(digest, _)| !self.known.contains_key(digest));
        let todo: Vec<&(String, PathBuf)> = unknown.collect();
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((digest, path)) = todo.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let size = measure(path)
                            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        found.push((digest.clone(), size));
                    }
                });
            }
        });
        self.known
            .extend(found.into_inner().unwrap_or_else(PoisonError::into_inner));
        let line = |(digest, size): (&String, &PackageSize)| {
            format!("{digest} {} {}\n", size.whole, size.without_documentation)
        };
        let text: String = self.known.iter().map(line).collect();
        fs::write(&self.file, text).expect("a writable file");
    }
}

/// Compresses the files of a `.deb` twice.
fn measure(archive: &Path) -> io::Result<PackageSize> {
    let mut child = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(archive)
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().expect("it is a pipe");
    let mut tar = tempfile::tempfile()?;
    let mut reader = tar::Archive::new(stdout);
    let mut kept = tar::Builder::new(Counter::new()?);
    let mut whole = tar::Builder::new(&mut tar);
    for entry in reader.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let header = entry.header().clone();
        let link = entry.link_name()?.map(std::borrow::Cow::into_owned);
        let mut body = Vec::new();
        io::copy(&mut entry, &mut body)?;
        let name = path.trim_start_matches("./");
        let documentation = DOCUMENTATION.iter().any(|dir| name.starts_with(dir));
        append(&mut whole, &header, &path, link.as_deref(), &body)?;
        if !documentation {
            append(&mut kept, &header, &path, link.as_deref(), &body)?;
        }
    }
    drop(whole);
    if !child.wait()?.success() {
        return Err(io::Error::other("dpkg-deb failed"));
    }
    let mut counter = Counter::new()?;
    io::copy(&mut rewound(tar)?, &mut counter)?;
    Ok(PackageSize {
        whole: counter.finish()?,
        without_documentation: kept.into_inner()?.finish()?,
    })
}

fn rewound(mut file: File) -> io::Result<File> {
    io::Seek::rewind(&mut file)?;
    Ok(file)
}

fn append(
    to: &mut tar::Builder<impl Write>,
    header: &tar::Header,
    path: &str,
    link: Option<&Path>,
    body: &[u8],
) -> io::Result<()> {
    let mut header = header.clone();
    match link {
        Some(link) => to.append_link(&mut header, path, link),
        None => to.append_data(&mut header, path, body),
    }
}

/// Compresses what it is given, and keeps nothing but its length.
struct Counter(zstd::Encoder<'static, Length>);

#[derive(Default)]
struct Length(u64);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Counter {
    fn new() -> io::Result<Self> {
        zstd::Encoder::new(Length::default(), LEVEL).map(Self)
    }

    fn finish(self) -> io::Result<u64> {
        self.0.finish().map(|length| length.0)
    }
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
