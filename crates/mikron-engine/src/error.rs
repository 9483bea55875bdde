//! What an engine, or the way to it, says no to.

use std::io;
use std::path::PathBuf;

use mikron_oci::ImageError;

/// An image that did not get into an engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No engine listens.
    #[error(
        "no Docker engine listens at {}\nhelp: start it, name its socket (`DOCKER_HOST=unix:///PATH`), or write a file for it (`-o docker:FILE`)",
        .tried.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
    )]
    NoSocket {
        /// The sockets that were tried.
        tried: Vec<PathBuf>,
    },
    /// `DOCKER_HOST` names no socket of this machine.
    #[error(
        "DOCKER_HOST is `{}`, and an image goes to an engine by its socket only\nhelp: set it to unix:///PATH, or write a file for the engine (`-o docker:FILE`)",
        .host.escape_debug()
    )]
    Host {
        /// What it names.
        host: String,
    },
    /// The socket may not be used.
    #[error(
        "you may not talk to the Docker engine at {}\nhelp: let whoever owns the socket build, become a member of its group (often `docker`, which is as much as being root), or write a file (`-o docker:FILE`)", .socket.display()
    )]
    Denied {
        /// The socket.
        socket: PathBuf,
    },
    /// The engine is too old to read what it would get.
    #[error(
        "the Docker engine at {} speaks version {} of its interface, and archives as they are written here need {needed}\nhelp: use an engine of 2016 or later", .socket.display(), .found.as_deref().unwrap_or("none").escape_debug()
    )]
    TooOld {
        /// The socket.
        socket: PathBuf,
        /// What it speaks, where it says so.
        found: Option<String>,
        /// What it has to speak.
        needed: &'static str,
    },
    /// The engine did not take the image.
    #[error("the engine did not take the image: {}", .message.escape_debug())]
    Refused {
        /// What it said.
        message: String,
    },
    /// The connection broke, or what came over it is no HTTP.
    #[error("the connection to the engine at {} failed: {source}", .socket.display())]
    Connection {
        /// The socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// containerd's own command is not there.
    #[error(
        "`ctr` is not on PATH, and it is the only way to containerd without gRPC\nhelp: install it (it comes with containerd), or write a file (`-o docker:FILE`) and import that where it is"
    )]
    NoCtr,
    /// `ctr` does not reach a containerd.
    #[error(
        "no containerd is reached: {}\nhelp: start it, name its socket (`CONTAINERD_ADDRESS=PATH`), or write a file for it (`-o docker:FILE`)",
        .message.trim_end().escape_debug()
    )]
    NoContainerd {
        /// What `ctr` said.
        message: String,
    },
    /// containerd's own command failed.
    #[error("`ctr images import` failed: {}", .message.trim_end().escape_debug())]
    Ctr {
        /// What it said.
        message: String,
    },
    /// The image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
}
