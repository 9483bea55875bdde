//! Images unpacked in the cache: what a container is made of that runs in place.
//!
//! A root file system lies there by the digest of its manifest, so that the second run of an image unpacks nothing. It is the only thing in the
//! cache that has the modes of an image's files: nobody but its owner enters the directory that holds all of them.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mikron_oci::{Child, Image, Layout, mutate};
use mikron_package::{Digest, Platform};
use mikron_unpack::{Owners, Prepared, UnpackError};

use crate::session::Session;
use crate::steps::base::layout_target;
use crate::steps::places;
use crate::{Builder, Error, Output};

/// What was not used for so long goes without being asked for.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

/// What the name of the file ends with that says how large a root file system is, when it was used last, and, by a lock, whether it is.
const USED: &str = ".used";

/// An image that lies unpacked, in the cache as long as this value lasts, where nobody may change it, or in a directory of the caller's.
#[derive(Debug)]
pub struct UnpackedImage {
    rootfs: PathBuf,
    config: Vec<u8>,
    digest: Digest,
    // Of one in the cache.
    _used: Option<File>,
}

impl UnpackedImage {
    /// The directory that is its root. The files belong to whom the image says where root has unpacked it, else to who has.
    pub fn rootfs(&self) -> &Path {
        &self.rootfs
    }

    /// Its config (OCI image-spec, config).
    pub fn config(&self) -> &[u8] {
        &self.config
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// A directory on the same file system for what a run needs: that of its owner alone.
    pub fn scratch(&self) -> &Path {
        self.rootfs.parent().unwrap_or(&self.rootfs)
    }
}

impl Builder {
    /// Builds the image for this machine, and unpacks it in the cache where it does not lie there. Layers are compressed fast, whatever the spec
    /// says: nobody keeps them.
    ///
    /// ```no_run
    /// let image = mikron::Builder::from_file("build.yaml")?.unpack()?;
    /// println!("{}", image.rootfs().display());
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Builder::build`], and when the image cannot be unpacked.
    pub fn unpack(&self) -> Result<UnpackedImage, Error> {
        self.built(|session, layout| unpack_layout(session, layout, Output::DEFAULT_TAG))
    }

    /// The same in a new directory, which is the caller's from then on.
    ///
    /// # Errors
    /// As [`Builder::unpack`]; when something lies there.
    pub fn unpack_to(&self, rootfs: &Path) -> Result<UnpackedImage, Error> {
        self.built(|session, layout| {
            let image = image_of(session, layout, Output::DEFAULT_TAG)?;
            prepare(session, &*image, rootfs)?.publish_unsynced()?;
            Ok(UnpackedImage {
                rootfs: rootfs.to_owned(),
                config: image.config().to_vec(),
                digest: image.descriptor().digest(),
                _used: None,
            })
        })
    }

    /// Takes the platform of this machine, unless platforms were asked for.
    #[must_use]
    pub fn for_host(self) -> Self {
        match Platform::host().filter(|_| !self.names_platforms()) {
            Some(host) => self.platform(host),
            None => self,
        }
    }

    /// A directory on the file system of the cache for what runs need: that of its owner alone.
    ///
    /// # Errors
    /// When the cache cannot be opened, or the directory cannot be made.
    pub fn scratch(&self) -> Result<PathBuf, Error> {
        holder(&*self.open_session()?)
    }

    /// Builds the image for this machine in a layout that is gone afterwards.
    fn built(
        &self,
        then: impl FnOnce(&Session, &Path) -> Result<UnpackedImage, Error>,
    ) -> Result<UnpackedImage, Error> {
        let session = self.open_session()?;
        let tmp = session.cache.path().join("tmp");
        let prefix = format!("{}-unpack-", std::process::id());
        let made = tempfile::Builder::new().prefix(&prefix).tempdir_in(&tmp);
        let layout = made.map_err(Error::io("write", &tmp))?;
        let builder = self.clone().session(&session);
        let builder = builder.compression(mikron_spec::Compression::Zstd(1));
        let builder = builder.output(Output::layout(layout.path(), Output::DEFAULT_TAG));
        builder.for_host().build()?;
        then(&session, layout.path())
    }
}

/// Unpacks the image of a layout in the cache: the one for this machine, or the only one that there is.
///
/// # Errors
/// When the layout has no such tag or no image for this machine, or the image cannot be unpacked.
pub fn unpack_layout(session: &Session, path: &Path, tag: &str) -> Result<UnpackedImage, Error> {
    unpack(session, &*image_of(session, path, tag)?)
}

/// The image of a layout for this machine, or the only one that there is.
fn image_of(session: &Session, path: &Path, tag: &str) -> Result<Arc<dyn Image>, Error> {
    let layout = Arc::new(Layout::open(path)?);
    let target = layout_target(&layout, path, tag)?;
    let root = Child::open(layout, &target, &session.limits)?;
    let mut images = mutate::images(&root)?;
    let host = Platform::host();
    let own = images
        .iter()
        .position(|(platform, _)| Some(*platform) == host);
    if images.is_empty() {
        let nothing = io::Error::new(io::ErrorKind::NotFound, "it holds no image that runs");
        return Err(Error::io("unpack", path)(nothing));
    }
    Ok(images.swap_remove(own.unwrap_or(0)).1)
}

/// The root file system of an image, ready to take its place.
fn prepare(session: &Session, image: &dyn Image, rootfs: &Path) -> Result<Prepared, Error> {
    let (entries, contents) = places::rootfs(image, session.cache.path(), &session.limits)?;
    let owners = Owners::of_process();
    Ok(mikron_unpack::prepare(&entries, &contents, rootfs, owners)?)
}

fn unpack(session: &Session, image: &dyn Image) -> Result<UnpackedImage, Error> {
    let holder = holder(session)?;
    let failed = |error| Error::io("write", &holder)(error);
    let owners = Owners::of_process();
    let digest = image.descriptor().digest();
    let mut name = digest.hex();
    if owners == Owners::Kept {
        name.push_str("-owned");
    }
    let mut used = locked(&holder.join(format!("{name}{USED}"))).map_err(failed)?;
    let rootfs = holder.join(&name);
    if rootfs.is_dir() {
        used.set_modified(SystemTime::now()).map_err(failed)?;
    } else {
        let prepared = prepare(session, image, &rootfs)?;
        let bytes = prepared.unpacked().bytes;
        match prepared.publish_unsynced() {
            // Somebody else has made the same meanwhile.
            Err(UnpackError::Occupied { .. }) if rootfs.is_dir() => {}
            published => drop(published?),
        }
        used.write_all(bytes.to_string().as_bytes())
            .map_err(failed)?;
        // What can be made again in seconds need not lie there for ever.
        if let Err(error) = collect(&holder, u64::MAX) {
            session.warn(&format!("old root file systems are not removed: {error}"));
        }
    }
    Ok(UnpackedImage {
        rootfs,
        config: image.config().to_vec(),
        digest,
        _used: Some(used),
    })
}

/// The file of a root file system, locked. Who collects locks it, too, and takes it away: then there is another one to be made.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path)?;
        file.lock_shared()?;
        match path.metadata() {
            Ok(there) if there.ino() == file.metadata()?.ino() => return Ok(file),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}

/// Where they lie.
fn holder(session: &Session) -> Result<PathBuf, Error> {
    let holder = roots(session.cache.path());
    let mut made = DirBuilder::new();
    let made = made.recursive(true).mode(0o700).create(&holder);
    made.map_err(Error::io("write", &holder))?;
    Ok(holder)
}

fn roots(cache: &Path) -> PathBuf {
    cache.join("roots")
}

/// What a collection of unpacked images did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectedRoots {
    /// How many were removed.
    pub removed: usize,
    /// The bytes that they held.
    pub freed: u64,
    /// The bytes of those that are left.
    pub left: u64,
}

/// Removes unpacked images of the cache that no run uses: those that were not used for a week, and of the others the least recently used
/// until all together have at most `quota` bytes.
///
/// # Errors
/// When the directory cannot be read, or something cannot be removed.
pub fn collect_unpacked(
    cache: &mikron_source::cache::Cache,
    quota: u64,
) -> io::Result<CollectedRoots> {
    collect(&roots(cache.path()), quota)
}

fn collect(roots: &Path, quota: u64) -> io::Result<CollectedRoots> {
    let mut all = Vec::new();
    let listed = match fs::read_dir(roots) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(CollectedRoots::default());
        }
        listed => listed?,
    };
    for entry in listed {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(USED)) else {
            continue;
        };
        let mut file = File::open(entry.path())?;
        let mut bytes = String::new();
        (&mut file).take(32).read_to_string(&mut bytes)?;
        let last = file.metadata()?.modified()?;
        all.push((
            last,
            name.to_owned(),
            bytes.trim().parse().unwrap_or(0),
            file,
        ));
    }
    all.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut done = CollectedRoots {
        left: all.iter().map(|(_, _, bytes, _)| *bytes).sum(),
        ..CollectedRoots::default()
    };
    let now = SystemTime::now();
    for (last, name, bytes, file) in all {
        let old = now.duration_since(last).unwrap_or_default() > KEEP;
        if !old && done.left <= quota {
            continue;
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match mikron_unpack::remove(&roots.join(&name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::remove_file(roots.join(format!("{name}{USED}")))?;
        done.removed += 1;
        done.freed += bytes;
        done.left -= bytes;
    }
    Ok(done)
}
