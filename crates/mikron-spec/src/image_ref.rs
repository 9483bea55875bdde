//! The image that a spec builds on.

use std::fmt;
use std::str::FromStr;

use mikron_package::Digest;

use crate::text::{ValueError, scalar, shown};

/// Where an image lies that another begins with (`from` in a spec): `oci:DIR`, `oci:DIR:TAG`, each with `@sha256:…` behind it where the
/// digest is pinned.
///
/// ```
/// use mikron_spec::ImageRef;
/// let image: ImageRef = "oci:../base:debug".parse()?;
/// assert_eq!((&*image.path, image.tag.as_deref()), ("../base", Some("debug")));
/// assert_eq!(image.to_string(), "oci:../base:debug");
/// # Ok::<(), mikron_spec::ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    /// The directory of an image layout, relative to the spec.
    pub path: String,
    /// The tag; `latest`, or the only image that the layout has, where none is given.
    pub tag: Option<String>,
    /// What the tag has to mean: the digest of a manifest or an index. Without a tag it is what is looked for.
    pub digest: Option<Digest>,
}

/// What stands before the directory of a layout.
const LAYOUT: &str = "oci:";

impl FromStr for ImageRef {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |message: &str, help: &str| {
            Err(ValueError::new(
                format!("`{}` {message}", shown(text)),
                help,
            ))
        };
        let Some(place) = text.strip_prefix(LAYOUT) else {
            return wrong(
                "is no place of an image",
                "write `oci:DIR`, `oci:DIR:TAG` or `oci:DIR@sha256:…`; `skopeo copy docker://NAME oci:DIR:TAG` makes a layout of what a registry has",
            );
        };
        let (place, digest) = match place.rsplit_once('@') {
            Some((place, digest)) => match digest.parse() {
                Ok(digest) => (place, Some(digest)),
                Err(_) => {
                    return wrong(
                        "does not end in a digest",
                        "expected behind `@` is `sha256:` and 64 lower-case hexadecimal digits",
                    );
                }
            },
            None => (place, None),
        };
        let (path, tag) = match place.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (place, None),
        };
        if path.is_empty() || tag == Some("") || text.chars().any(char::is_control) {
            return wrong("names no image", "write `oci:DIR` or `oci:DIR:TAG`");
        }
        Ok(Self {
            path: path.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LAYOUT}{}", self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

scalar!(ImageRef, "an image, as in `oci:DIR:TAG`", {
    "description": "An image in a layout: `oci:DIR`, `oci:DIR:TAG`, each with `@sha256:…` behind it where the digest is pinned",
    "type": "string", "pattern": "^oci:.+$",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_written_back_the_same() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for text in [
            "oci:base",
            "oci:../a/b:1.2",
            "oci:/srv/x:y/z",
            &format!("oci:base@{digest}"),
            &format!("oci:base:debug@{digest}"),
        ] {
            let image: ImageRef = text.parse().unwrap();
            assert_eq!(image.to_string(), text);
        }
        let colon: ImageRef = "oci:/srv/x:y/z".parse().unwrap();
        assert_eq!((&*colon.path, colon.tag), ("/srv/x:y/z", None));
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_would_be_one() {
        for text in [
            "debian:12",
            "docker://debian",
            "oci:",
            "oci::x",
            "oci:a:",
            "oci:a@md5:00",
        ] {
            let error = text.parse::<ImageRef>().unwrap_err();
            assert!(error.help.is_some(), "{text}");
        }
    }
}
