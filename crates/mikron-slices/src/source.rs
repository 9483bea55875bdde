//! A file of a release: its name and its text, kept for the places of errors.

use std::sync::Arc;

use crate::{SliceError, SliceErrorKind};

/// One file of a release.
///
/// ```
/// use mikron_slices::SourceFile;
/// let file = SourceFile::new("slices/nginx.yaml", "package: nginx\n");
/// assert_eq!(file.name(), "slices/nginx.yaml");
/// ```
#[derive(Clone, Debug)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
}

impl SourceFile {
    /// A file by its name relative to the release, with `/` between directories, and its text.
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Its name relative to the release.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// An error at the key or list item that `path` leads to.
    pub(crate) fn error(&self, path: &[&str], kind: SliceErrorKind) -> SliceError {
        self.place(path, SliceError::new(kind))
    }

    /// Gives an error its place in this file.
    pub(crate) fn place(&self, path: &[&str], error: SliceError) -> SliceError {
        let span = if path.is_empty() {
            None
        } else {
            mikron_yaml::locate_key(&self.text, path)
        };
        error.in_file(&self.name).at(&self.text, span)
    }

    /// Reads the file into its raw form.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, SliceError> {
        mikron_yaml::read(&self.text).map_err(|error| {
            let ours = SliceError::new(error.kind.into()).in_file(&self.name);
            SliceError {
                help: error.help,
                ..ours.at(&self.text, error.span)
            }
        })
    }
}
