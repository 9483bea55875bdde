//! Outputs beside layouts: each is made whole, or at least known to be reachable, before the first of all becomes visible.

use std::io::{self, Read, Write};
use std::path::Path;

use mikron_engine::{Containerd, Docker, EngineError, WriteArchive};
use mikron_facts::Spool;
use mikron_oci::{HeldImage, ImageTree, LayerEntry, LayerPlan, PreparedFile, TakeContents, docker};
use mikron_package::{Digest, Entry, Limits, Platform};
use mikron_unpack::Owners;

use crate::output::Stream;
use crate::session::Session;
use crate::{Error, Output};

/// Bytes of a root file system's contents that are held in memory; the rest lies in a temporary file.
const SPOOL_MEMORY: u64 = 16 << 20;

/// Makes an output visible. Gives the digest of the index that an archive of docker's has, which is the identity of all that it holds.
pub(crate) type Publish<'a> = Box<dyn FnOnce() -> Result<Option<Digest>, Error> + 'a>;

/// Refuses outputs that cannot hold what is built, before anything is.
pub(crate) fn check(outputs: &[Output], platforms: &[Platform]) -> Result<(), Error> {
    let one = outputs.iter().find(|output| output.has_one_platform());
    match one {
        Some(output) if platforms.len() > 1 => Err(Error::SeveralPlatforms {
            output: output.clone(),
            platforms: platforms.to_vec(),
        }),
        _ => Ok(()),
    }
}

/// What all outputs of a build have in common.
pub(crate) struct Places<'a> {
    pub(crate) session: &'a Session,
    pub(crate) images: &'a [HeldImage],
    /// What archives call the images.
    pub(crate) names: Vec<String>,
}

impl<'a> Places<'a> {
    /// Makes an output whole beside its place, or finds that it can be reached, and gives what puts it there.
    pub(crate) fn prepare(&'a self, output: &'a Output) -> Result<Publish<'a>, Error> {
        Ok(match output {
            // Its blobs are there already, and its tag is the layout's matter.
            Output::Layout { .. } => Box::new(|| Ok(None)),
            Output::DockerArchive {
                to: Stream::File(file),
            } => {
                let prepared = docker::prepare_file(&self.named(&self.names), file)?;
                let index = prepared.index();
                Box::new(move || prepared.publish().map(|_| Some(index)).map_err(Error::from))
            }
            Output::DockerArchive { to: Stream::Stdout } => Box::new(|| {
                let index = docker::write(&self.named(&self.names), &mut stdout(), "-")?;
                Ok(Some(index))
            }),
            Output::DockerEngine { name } => {
                let engine = Docker::find(&|name| self.variable(name))?;
                let socket = engine.socket().display().to_string();
                Box::new(move || {
                    let tell = |line: &str| tracing::debug!(engine = %socket, "{line}");
                    self.sent(name, &socket, |archive| {
                        engine.load(archive, &tell).map(drop)
                    })
                })
            }
            Output::Containerd { name } => {
                let containerd = Containerd {
                    address: self.variable("CONTAINERD_ADDRESS"),
                    namespace: self.variable("CONTAINERD_NAMESPACE"),
                };
                containerd.check()?;
                Box::new(move || {
                    self.sent(name, "ctr", |archive| {
                        let said = containerd.import(archive)?;
                        tracing::debug!("{}", said.trim_end());
                        Ok(())
                    })
                })
            }
            Output::RootfsTar { to } => {
                let (entries, contents) = self.rootfs()?;
                let plan = LayerPlan::new("root file system", &entries)?;
                match to {
                    Stream::File(file) => {
                        let (prepared, ()) = PreparedFile::write(file, |out| {
                            plan.write(&contents, out).map_err(Error::from)
                        })?;
                        Box::new(|| prepared.publish().map(|_| None).map_err(Error::from))
                    }
                    Stream::Stdout => Box::new(move || {
                        let mut out = stdout();
                        plan.write(&contents, &mut out)?;
                        out.flush().map_err(Error::io("write", "-"))?;
                        Ok(None)
                    }),
                }
            }
            Output::RootfsDirectory { dir } => {
                let (entries, contents) = self.rootfs()?;
                let owners = Owners::of_process();
                let prepared = mikron_unpack::prepare(&entries, &contents, dir, owners)?;
                for loss in prepared.unpacked().losses() {
                    self.session.warn(&format!("{}: {loss}", dir.display()));
                }
                Box::new(|| prepared.publish().map(|_| None).map_err(Error::from))
            }
        })
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.session.environment().var(name).map(str::to_owned)
    }

    /// Sends the image under a name to an engine, which takes an archive of docker's.
    fn sent(
        &self,
        name: &str,
        place: &str,
        send: impl FnOnce(&mut WriteArchive<'_>) -> Result<(), EngineError>,
    ) -> Result<Option<Digest>, Error> {
        let names = [name.to_owned()];
        let mut index = None;
        send(&mut |out| {
            index = Some(docker::write(&self.named(&names), out, place)?);
            Ok(())
        })?;
        Ok(index)
    }

    /// The images with names.
    fn named<'n>(&'n self, names: &'n [String]) -> Vec<docker::Named<'n>> {
        let all = self.images.iter().zip(names);
        let called = |(image, name): (&'n HeldImage, &'n String)| docker::Named {
            image,
            names: std::slice::from_ref(name),
        };
        all.map(called).collect()
    }

    /// The tree of the image, of which there is one ([`check`]), with the contents of its files.
    fn rootfs(&self) -> Result<(Vec<LayerEntry>, Spool), Error> {
        let place = self.session.cache.path();
        match self.images.first() {
            Some(image) => rootfs(image, place, &self.session.limits),
            None => Ok((Vec::new(), Spool::in_dir(SPOOL_MEMORY, place))),
        }
    }
}

/// The tree of an image, with the contents of its files in memory and a temporary file in `spool_in`.
pub(crate) fn rootfs(
    image: &dyn mikron_oci::Image,
    spool_in: &Path,
    limits: &Limits,
) -> Result<(Vec<LayerEntry>, Spool), Error> {
    let mut taken = Spooled {
        spool: Spool::in_dir(SPOOL_MEMORY, spool_in),
        buffer: vec![0; 1 << 16],
    };
    let tree = ImageTree::read_all(image, &mut taken, limits)?;
    Ok((tree.into_entries()?, taken.spool))
}

/// Takes contents into a spool.
struct Spooled {
    spool: Spool,
    buffer: Vec<u8>,
}

impl TakeContents for Spooled {
    fn take(&mut self, entry: &Entry, body: &mut dyn Read) -> io::Result<Digest> {
        let mut writer = self.spool.writer(entry.size())?;
        loop {
            match body.read(&mut self.buffer) {
                Ok(0) => return writer.finish(),
                Ok(n) => writer.write(&self.buffer[..n])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Standard output, with a buffer around it that is not a line's.
fn stdout() -> impl Write {
    io::BufWriter::with_capacity(1 << 16, io::stdout().lock())
}
