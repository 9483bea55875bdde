//! The document that a spec was read from, also where it is put together out of several.

use std::fmt::Write as _;
use std::sync::Arc;

use mikron_yaml::{Flat, Node, Span};

use crate::error::Document;

/// What a spec was read from: one document, or one that was put together out of several and knows where each of its lines comes from.
#[derive(Clone, Debug, Default)]
pub struct SpecText {
    file: String,
    text: String,
    origins: Option<Arc<Origins>>,
}

/// Where the lines of a document come from.
#[derive(Debug)]
pub(crate) struct Origins {
    pub(crate) flat: Flat,
    pub(crate) files: Arc<Vec<Written>>,
}

/// A file as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl SpecText {
    /// A document as it was written.
    pub fn new(file: &str, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            origins: None,
        }
    }

    /// A tree whose parts come from these files, of which the first is the spec itself.
    pub(crate) fn of(tree: &Node, files: &Arc<Vec<Written>>) -> Self {
        let flat = Flat::of(tree);
        Self {
            file: files
                .first()
                .map_or_else(String::new, |file| file.name.clone()),
            text: flat.text.clone(),
            origins: Some(Arc::new(Origins {
                flat,
                files: Arc::clone(files),
            })),
        }
    }

    /// The document, for errors at their places.
    pub fn document(&self) -> Document<'_> {
        Document::of(&self.file, &self.text, self.origins.as_deref())
    }

    /// The flat spec as YAML: nothing is inherited any more, and a comment behind each line says where it comes from.
    pub fn resolved(&self) -> String {
        let Some(origins) = &self.origins else {
            let files = vec![Written {
                name: self.file.clone(),
                text: self.text.clone(),
            }];
            return match Node::parse(&self.text, 0) {
                Ok(tree) => Self::of(&tree, &Arc::new(files)).resolved(),
                Err(_) => self.text.clone(),
            };
        };
        let mut out = String::new();
        for (line, from) in self.text.lines().zip(&origins.flat.lines) {
            out.push_str(line);
            if from.is_open
                && let Some(place) = from.place()
                && let Some(file) = origins.files.get(place.file)
            {
                let name: String = file
                    .name
                    .chars()
                    .map(|c| if c.is_control() { ' ' } else { c })
                    .collect();
                let pad = 40_usize.saturating_sub(line.chars().count());
                let _ = write!(out, "{:pad$}  # {name}:{}", "", place.span.line);
            }
            out.push('\n');
        }
        out
    }
}

impl Origins {
    /// The file and the place in it that a place in the document comes from.
    pub(crate) fn of(&self, span: Span) -> Option<(&Written, Span)> {
        let place = self.flat.origin(span)?;
        Some((self.files.get(place.file)?, place.span))
    }
}
