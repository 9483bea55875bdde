//! Where an image goes.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where an image goes: `oci:DIR[:TAG]` or `docker:FILE`, as skopeo writes it.
///
/// ```
/// use mikron::Output;
/// let output: Output = "oci:./out/nginx:1.22".parse()?;
/// assert_eq!(output, Output::layout("./out/nginx", "1.22"));
/// assert_eq!(output.to_string(), "oci:./out/nginx:1.22");
/// # Ok::<(), mikron::OutputError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// An OCI image layout directory; it is made where it does not exist, and images of other tags stay.
    Layout {
        /// The directory.
        dir: PathBuf,
        /// The tag under which the image is entered in `index.json`.
        tag: String,
    },
    /// A file that `docker load` reads, with any engine.
    DockerArchive {
        /// The file; it is replaced where it exists.
        file: PathBuf,
    },
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

    /// A docker archive.
    pub fn docker_archive(file: impl Into<PathBuf>) -> Self {
        Self::DockerArchive { file: file.into() }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout { dir, tag } => write!(f, "oci:{}:{tag}", dir.display()),
            Self::DockerArchive { file } => write!(f, "docker:{}", file.display()),
        }
    }
}

impl FromStr for Output {
    type Err = OutputError;

    fn from_str(text: &str) -> Result<Self, OutputError> {
        let wrong = || OutputError {
            text: text.to_owned(),
        };
        match text.split_once(':') {
            Some(("oci", place)) => {
                // A colon behind the last slash parts the tag off; others belong to directories.
                let name = place.rfind('/').map_or(0, |slash| slash + 1);
                let (dir, tag) = match place[name..].find(':') {
                    Some(colon) => (&place[..name + colon], &place[name + colon + 1..]),
                    None => (place, Self::DEFAULT_TAG),
                };
                if dir.is_empty() || tag.is_empty() {
                    Err(wrong())
                } else {
                    Ok(Self::layout(dir, tag))
                }
            }
            Some(("docker", file)) if !file.is_empty() => Ok(Self::docker_archive(file)),
            _ => Err(wrong()),
        }
    }
}

/// A text that names no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an output (write `oci:DIR`, `oci:DIR:TAG` or `docker:FILE`)")]
pub struct OutputError {
    /// What stood there.
    pub text: String,
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
    fn anything_else_is_refused_with_the_forms_that_are_known() {
        for text in ["", "out", "oci:", "oci::x", "oci:a:", "docker:", "tar:x"] {
            let error = text.parse::<Output>().unwrap_err();
            assert!(error.to_string().contains("oci:DIR:TAG"), "{error}");
        }
    }
}
