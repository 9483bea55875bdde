//! Docker's engine, by its socket (Docker Engine API, `/_ping` and `/images/load`).

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use mikron_oci::ImageError;
use serde::Deserialize;

use crate::http::{self, Chunked};
use crate::{EngineError, WriteArchive};

/// The first version of the interface whose engines read archives with `manifest.json` (Docker 1.10).
const NEEDED: &str = "1.22";

/// How long an engine may be silent: it unpacks large images before it answers.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// So much an engine may say while it loads an image.
const MOST_SAID: u64 = 16 << 20;

/// An engine that listens.
///
/// ```no_run
/// use mikron_engine::Docker;
/// let engine = Docker::find(&|name| std::env::var(name).ok())?;
/// println!("{}", engine.socket().display());
/// # Ok::<(), mikron_engine::EngineError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Docker {
    socket: PathBuf,
}

/// What an engine said of an image that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Its lines, the last of which names the image.
    pub said: Vec<String>,
}

/// One of the messages of an engine that loads an image.
#[derive(Deserialize)]
struct Message {
    stream: Option<String>,
    error: Option<String>,
}

/// The body of an answer that is an error.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Docker {
    /// The engine that `DOCKER_HOST` names, else that of the machine, else that of the user (rootless). `variable` gives the value of
    /// an environment variable that is set.
    ///
    /// # Errors
    /// When none listens, it may not be talked to, or it is too old.
    pub fn find(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, EngineError> {
        let tried = match variable("DOCKER_HOST").filter(|host| !host.is_empty()) {
            Some(host) => vec![socket_of(host)?],
            None => usual(variable),
        };
        for socket in &tried {
            match UnixStream::connect(socket) {
                Ok(stream) => {
                    let engine = Self {
                        socket: socket.clone(),
                    };
                    engine.check(&stream)?;
                    return Ok(engine);
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(EngineError::Denied {
                        socket: socket.clone(),
                    });
                }
                // Nobody is there, or nobody any more.
                Err(_) => {}
            }
        }
        Err(EngineError::NoSocket { tried })
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    fn failed(&self) -> impl Fn(io::Error) -> EngineError + '_ {
        |source| EngineError::Connection {
            socket: self.socket.clone(),
            source,
        }
    }

    /// Asks for the version of its interface.
    fn check(&self, stream: &UnixStream) -> Result<(), EngineError> {
        let failed = self.failed();
        let mut out = stream;
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .map_err(&failed)?;
        http::ask(&mut out, "GET", "/_ping", "").map_err(&failed)?;
        let (head, _) = http::answer(stream).map_err(&failed)?;
        let found = head.header("api-version").map(str::to_owned);
        if found
            .as_deref()
            .is_some_and(|found| version(found) >= version(NEEDED))
        {
            return Ok(());
        }
        Err(EngineError::TooOld {
            socket: self.socket.clone(),
            found,
            needed: NEEDED,
        })
    }

    /// Loads an archive, as `docker load` does, while it is written. `tell` gets what the engine says as it goes on.
    ///
    /// # Errors
    /// When the archive cannot be written, the engine refuses it, or the connection breaks.
    pub fn load(
        &self,
        archive: &mut WriteArchive<'_>,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Loaded, EngineError> {
        let failed = self.failed();
        let stream = UnixStream::connect(&self.socket).map_err(&failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(&failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(&failed)?;
        let body = "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n";
        http::ask(&mut &stream, "POST", "/images/load?quiet=0", body).map_err(&failed)?;
        // It may answer before it has all, and stop reading when nobody reads what it says.
        let (sent, loaded) = thread::scope(|scope| {
            let listening = scope.spawn(|| self.listen(&stream, tell));
            let mut out = Chunked::new(io::BufWriter::with_capacity(1 << 16, &stream));
            let sent = archive(&mut out);
            let sent = sent.and_then(|()| out.finish().map_err(|e| lost(e, &self.socket)));
            if sent.is_err() {
                // So that the engine takes what it has for no archive, and says so.
                let _ = stream.shutdown(std::net::Shutdown::Write);
            }
            (sent, listening.join())
        });
        let loaded = loaded.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (sent, loaded) {
            (Ok(()), loaded) => loaded,
            // An engine that hangs up has said why.
            (Err(ImageError::Store(_)), Err(refused @ EngineError::Refused { .. })) => Err(refused),
            (Err(error), _) => Err(error.into()),
        }
    }

    fn listen(
        &self,
        stream: &UnixStream,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Loaded, EngineError> {
        let failed = self.failed();
        let (head, body) = http::answer(stream).map_err(&failed)?;
        let body = body.take(MOST_SAID);
        if head.status != 200 {
            let mut text = String::new();
            // What it cannot say it has not said.
            let _ = body.take(1 << 16).read_to_string(&mut text);
            let message = serde_json::from_str::<Refusal>(&text).map(|refusal| refusal.message);
            return Err(EngineError::Refused {
                message: message.unwrap_or_else(|_| format!("status {} {text}", head.status)),
            });
        }
        let mut loaded = Loaded::default();
        for message in serde_json::Deserializer::from_reader(body).into_iter::<Message>() {
            let message = message.map_err(|error| failed(error.into()))?;
            if let Some(message) = message.error {
                return Err(EngineError::Refused { message });
            }
            for line in message.stream.iter().flat_map(|text| text.lines()) {
                tell(line);
                loaded.said.push(line.to_owned());
            }
        }
        if loaded.said.is_empty() {
            return Err(EngineError::Refused {
                message: "it does not say that it has loaded anything".to_owned(),
            });
        }
        Ok(loaded)
    }
}

/// The socket that `DOCKER_HOST` names.
fn socket_of(host: String) -> Result<PathBuf, EngineError> {
    match host.strip_prefix("unix://") {
        Some(path) if !path.is_empty() => Ok(path.into()),
        _ => Err(EngineError::Host { host }),
    }
}

/// Where engines listen: that of the machine, and that of the user.
fn usual(variable: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let own = variable("XDG_RUNTIME_DIR").map(|dir| Path::new(&dir).join("docker.sock"));
    let machine = PathBuf::from("/var/run/docker.sock");
    [Some(machine), own].into_iter().flatten().collect()
}

/// What [`io::Write`] on the socket said, as the archive's writer would have.
fn lost(source: io::Error, socket: &Path) -> ImageError {
    mikron_oci::StoreError::Io {
        action: "write to",
        path: socket.to_owned(),
        source,
    }
    .into()
}

/// `1.41` as numbers; what is none is older than everything.
fn version(text: &str) -> (u32, u32) {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let number = |text: &str| text.parse().unwrap_or_default();
    (number(major), number(minor))
}
