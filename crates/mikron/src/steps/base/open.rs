//! The place where images are opened: layouts in directories.

use std::io;
use std::path::Path;
use std::sync::Arc;

use mikron_oci::{Child, Descriptor, Layout};
use mikron_package::{Digest, Limits};
use mikron_spec::ImageRef;

use crate::files::Beside;
use crate::{Error, Output};

/// What a name of an image leads to.
pub(crate) struct Opened {
    /// The digest of its manifest or index.
    pub(crate) digest: Digest,
    /// What holds the images for its platforms.
    pub(crate) root: Child,
    /// A name that means the image wherever it is read, as `registry.example.org/base:1`.
    pub(crate) name: Option<String>,
}

/// The annotation of an entry of a layout that has the name in a registry, as image stores write it.
const FULL_NAME: &str = "io.containerd.image.name";

/// Opens an image.
///
/// # Errors
/// When the policy forbids the place, or there is no such image.
pub(super) fn open(image: &ImageRef, beside: &Beside, limits: &Limits) -> Result<Opened, Error> {
    let path = beside.resolve(&image.path)?;
    let layout = Arc::new(Layout::open(&path)?);
    let tag = match (&image.tag, image.digest) {
        (Some(tag), _) => tag.clone(),
        (None, Some(digest)) => digest.to_string(),
        (None, None) => Output::DEFAULT_TAG.to_owned(),
    };
    let target = layout_target(&layout, &path, &tag)?;
    Ok(Opened {
        digest: target.digest(),
        name: target.annotation(FULL_NAME).map(str::to_owned),
        root: Child::open(layout, &target, limits)?,
    })
}

/// What a tag of a layout means, or the digest of an entry; where it is `latest` and the layout has one entry alone, that is it, whatever its
/// name.
///
/// # Errors
/// When the layout cannot be read or has no such tag.
pub(crate) fn layout_target(layout: &Layout, path: &Path, tag: &str) -> Result<Descriptor, Error> {
    let entries = layout.entries(&Limits::default())?;
    let named = |(name, target): &&(Option<String>, Descriptor)| {
        name.as_deref() == Some(tag) || target.digest().to_string() == tag
    };
    match (entries.iter().find(named), entries.as_slice()) {
        (Some((_, target)), _) => Ok(target.clone()),
        (None, [(_, only)]) if tag == Output::DEFAULT_TAG => Ok(only.clone()),
        (None, entries) => {
            let name = |(name, target): &(Option<String>, Descriptor)| match name {
                Some(name) => name.escape_debug().to_string(),
                None => target.digest().to_string(),
            };
            let has = match entries {
                [] => "no images".to_owned(),
                entries => entries.iter().map(name).collect::<Vec<_>>().join(", "),
            };
            let reason = format!("it has no tag `{}`; it has {has}", tag.escape_debug());
            let error = io::Error::new(io::ErrorKind::InvalidData, reason);
            Err(Error::io("read", path)(error))
        }
    }
}
