//! Where an image goes.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use mikron_oci::docker::full_name;
use mikron_package::Platform;

/// Where an image goes, as skopeo writes it where it knows the place: `oci:DIR[:TAG]`, `docker:FILE`, `docker-daemon:NAME[:TAG]`,
/// `containerd:NAME[:TAG]`, and as a root file system without image around it `tar:FILE` and `dir:DIR`. A file `-` is standard output.
///
/// ```
/// use mikron::Output;
/// let output: Output = "oci:./out/nginx:1.22".parse()?;
/// assert_eq!(output, Output::layout("./out/nginx", "1.22"));
/// assert_eq!(output.to_string(), "oci:./out/nginx:1.22");
/// # Ok::<(), mikron::OutputError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// An OCI image layout directory; it is made where it does not exist, and images of other tags stay.
    Layout {
        /// The directory.
        dir: PathBuf,
        /// The tag under which the image is entered in `index.json`.
        tag: String,
    },
    /// An archive that `docker load` reads, with any engine.
    DockerArchive {
        /// Where it is written.
        to: Stream,
    },
    /// The Docker engine of this machine, by its socket.
    DockerEngine {
        /// What it calls the image.
        name: String,
    },
    /// The containerd of this machine, by its command `ctr`.
    Containerd {
        /// What it calls the image.
        name: String,
    },
    /// The root file system as a tar archive.
    RootfsTar {
        /// Where it is written.
        to: Stream,
    },
    /// The root file system in a directory that is new or empty.
    RootfsDirectory {
        /// The directory.
        dir: PathBuf,
    },
}

/// Where a stream of bytes goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// A file; it is replaced where it exists, all at once.
    File(PathBuf),
    /// Standard output, which has nothing else then.
    Stdout,
}

impl Stream {
    /// The file of a name, `-` for standard output.
    fn named(name: &str) -> Self {
        match name {
            "-" => Self::Stdout,
            file => Self::File(file.into()),
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Stdout => f.write_str("-"),
        }
    }
}

impl Output {
    /// The tag where none is named.
    pub const DEFAULT_TAG: &'static str = "latest";

    /// A layout directory and a tag.
    pub fn layout(dir: impl Into<PathBuf>, tag: &str) -> Self {
        Self::Layout {
            dir: dir.into(),
            tag: tag.to_owned(),
        }
    }

    /// Where a variant goes when the image without goes here: to the tag of its name in place of [`Self::DEFAULT_TAG`], else behind the
    /// tag. What has no tags ([`Self::has_tags`]) stays as it is.
    ///
    /// ```
    /// use mikron::Output;
    /// assert_eq!(Output::layout("out", "latest").of_variant("debug"), Output::layout("out", "debug"));
    /// assert_eq!(Output::layout("out", "1.2").of_variant("debug"), Output::layout("out", "1.2-debug"));
    /// ```
    #[must_use]
    pub fn of_variant(&self, variant: &str) -> Self {
        let mut output = self.clone();
        match &mut output {
            Self::Layout { tag, .. } => *tag = tag_of(tag, variant),
            Self::DockerEngine { name } | Self::Containerd { name } => {
                // A colon before the last slash is that of a port.
                let tagged = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
                let (image, tag) = tagged.unwrap_or((name.as_str(), Self::DEFAULT_TAG));
                *name = format!("{image}:{}", tag_of(tag, variant));
            }
            Self::DockerArchive { .. } | Self::RootfsTar { .. } | Self::RootfsDirectory { .. } => {}
        }
        output
    }

    /// Whether images stand beside each other there, each with its tag.
    pub fn has_tags(&self) -> bool {
        matches!(
            self,
            Self::Layout { .. } | Self::DockerEngine { .. } | Self::Containerd { .. }
        )
    }

    /// A docker archive.
    pub fn docker_archive(file: impl Into<PathBuf>) -> Self {
        Self::DockerArchive {
            to: Stream::File(file.into()),
        }
    }

    /// Whether it keeps layers as they are compressed; all others have them uncompressed, or none at all.
    pub fn keeps_compression(&self) -> bool {
        matches!(self, Self::Layout { .. })
    }

    /// Whether it takes the image of one platform only.
    pub fn has_one_platform(&self) -> bool {
        !matches!(self, Self::Layout { .. } | Self::DockerArchive { .. })
    }

    /// Whether it holds an image in the form that Docker's engine has them, with an id that is the digest of the config.
    pub fn is_docker(&self) -> bool {
        matches!(
            self,
            Self::DockerArchive { .. } | Self::DockerEngine { .. } | Self::Containerd { .. }
        )
    }

    /// Whether it goes to standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(
            self,
            Self::DockerArchive { to: Stream::Stdout } | Self::RootfsTar { to: Stream::Stdout }
        )
    }
}

/// The tag of a variant where the image without has `tag`.
pub(crate) fn tag_of(tag: &str, variant: &str) -> String {
    match tag {
        Output::DEFAULT_TAG => variant.to_owned(),
        tag => format!("{tag}-{variant}"),
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout { dir, tag } => write!(f, "oci:{}:{tag}", dir.display()),
            Self::DockerArchive { to } => write!(f, "docker:{to}"),
            Self::DockerEngine { name } => write!(f, "docker-daemon:{name}"),
            Self::Containerd { name } => write!(f, "containerd:{name}"),
            Self::RootfsTar { to } => write!(f, "tar:{to}"),
            Self::RootfsDirectory { dir } => write!(f, "dir:{}", dir.display()),
        }
    }
}

impl FromStr for Output {
    type Err = OutputError;

    fn from_str(text: &str) -> Result<Self, OutputError> {
        let wrong = |reason| OutputError {
            text: text.to_owned(),
            reason,
        };
        let form = || wrong(OutputReason::Form);
        let named = |name: &str| match full_name(name) {
            Ok(_) => Ok(name.to_owned()),
            Err(error) => Err(wrong(OutputReason::Name(error.to_string()))),
        };
        let (kind, place) = text.split_once(':').ok_or_else(form)?;
        if place.is_empty() {
            return Err(form());
        }
        Ok(match kind {
            "oci" => {
                // A colon behind the last slash parts the tag off; others belong to directories.
                let name = place.rfind('/').map_or(0, |slash| slash + 1);
                let (dir, tag) = match place[name..].find(':') {
                    Some(colon) => (&place[..name + colon], &place[name + colon + 1..]),
                    None => (place, Self::DEFAULT_TAG),
                };
                if dir.is_empty() || tag.is_empty() {
                    return Err(form());
                }
                Self::layout(dir, tag)
            }
            // The second is skopeo's word for it.
            "docker" | "docker-archive" => Self::DockerArchive {
                to: Stream::named(place),
            },
            "docker-daemon" => Self::DockerEngine {
                name: named(place)?,
            },
            "containerd" => Self::Containerd {
                name: named(place)?,
            },
            "tar" => Self::RootfsTar {
                to: Stream::named(place),
            },
            "dir" => Self::RootfsDirectory { dir: place.into() },
            _ => return Err(form()),
        })
    }
}

/// What an archive for `docker load` calls the images of these platforms, which are called `whole` together. An old engine knows one image
/// by a name: of several platforms each gets a tag of its own.
///
/// ```
/// let names = |platforms: &[&str]| {
///     let platforms = platforms.iter().map(|platform| platform.parse().unwrap());
///     mikron::archive_names("localhost/web", platforms)
/// };
/// assert_eq!(names(&["linux/amd64"]), ["localhost/web:latest"]);
/// let both = names(&["linux/amd64", "linux/arm64"]);
/// assert_eq!(both, ["localhost/web:linux-amd64", "localhost/web:linux-arm64"]);
/// ```
pub fn archive_names(
    whole: &str,
    platforms: impl ExactSizeIterator<Item = Platform>,
) -> Vec<String> {
    // A colon before the last slash is that of a port.
    let place = whole.rfind('/').map_or(0, |slash| slash + 1);
    let is_tagged = whole[place..].contains(':');
    if platforms.len() == 1 {
        let tag = if is_tagged { "" } else { ":latest" };
        return vec![format!("{whole}{tag}")];
    }
    let between = if is_tagged { '-' } else { ':' };
    let name = |platform: Platform| {
        let platform = platform.to_string().replace('/', "-");
        format!("{whole}{between}{platform}")
    };
    platforms.map(name).collect()
}

/// A text that names no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an output: {reason}")]
pub struct OutputError {
    /// What stood there.
    pub text: String,
    /// Why it is none.
    pub reason: OutputReason,
}

/// Why a text names no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputReason {
    /// It has none of the known forms.
    #[error(
        "write `oci:DIR`, `oci:DIR:TAG`, `docker:FILE`, `docker-daemon:NAME:TAG`, `containerd:NAME:TAG`, `tar:FILE` or `dir:DIR`"
    )]
    Form,
    /// No engine knows an image by such a name.
    #[error("{0}")]
    Name(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_follows_the_last_colon_of_the_last_component() {
        let parse = |text: &str| text.parse::<Output>();
        assert_eq!(parse("oci:a:b/c"), Ok(Output::layout("a:b/c", "latest")));
        assert_eq!(parse("oci:a/b:1.2"), Ok(Output::layout("a/b", "1.2")));
        assert_eq!(parse("oci:out"), Ok(Output::layout("out", "latest")));
        assert_eq!(
            parse("docker:a:b.tar"),
            Ok(Output::docker_archive("a:b.tar"))
        );
    }

    #[test]
    fn what_is_read_is_written_in_the_same_way() {
        for text in [
            "oci:a/b:1.2",
            "docker:a.tar",
            "docker:-",
            "docker-daemon:registry.example.org:5000/team/web:1.2",
            "containerd:web",
            "tar:root.tar",
            "tar:-",
            "dir:out/root",
        ] {
            let output: Output = text.parse().unwrap();
            assert_eq!(output.to_string(), text);
            assert_eq!(output.is_stdout(), text.ends_with(":-"), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_forms_that_are_known() {
        for text in [
            "", "out", "oci:", "oci::x", "oci:a:", "docker:", "tar:", "dir:", "zip:x",
        ] {
            let error = text.parse::<Output>().unwrap_err();
            assert!(error.to_string().contains("oci:DIR:TAG"), "{error}");
        }
        let skopeos = "docker-archive:a.tar".parse::<Output>();
        assert_eq!(skopeos, Ok(Output::docker_archive("a.tar")));
        let error = "docker-daemon:Web".parse::<Output>().unwrap_err();
        assert!(error.to_string().contains("lower case"), "{error}");
    }
}
