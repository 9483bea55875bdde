//! Which blobs a document reaches: what collecting must keep.

use std::collections::BTreeSet;

use mikron_package::{Digest, Limits};
use serde_json::Value;

use crate::{BlobSource, Descriptor, DescriptorError, Document, DocumentKind, StoreError};

/// The digests of all blobs that a document refers to, and of those that these refer to, wherever in it: a document of a kind that nobody
/// here knows keeps what it names. What a manifest is about (`subject`) is reached from it too, where it is there.
///
/// # Errors
/// When a document on the way cannot be read, or names something in a way that is not understood (a digest of another algorithm): then
/// nothing can be said to be unreachable.
pub fn reachable(
    source: &dyn BlobSource,
    root: &Document,
    limits: &Limits,
) -> Result<BTreeSet<Digest>, StoreError> {
    let mut documents = vec![root.clone()];
    let mut followed = BTreeSet::new();
    let mut reached = BTreeSet::new();
    while let Some(document) = documents.pop() {
        let mut named = Named::default();
        named
            .collect(document.value(), "")
            .map_err(|error| document.bad_descriptor(error))?;
        reached.append(&mut named.digests);
        let about = document.subject().ok().flatten();
        for (target, is_listed) in named.targets {
            reached.insert(target.digest());
            let is_known = DocumentKind::of(target.media_type()).is_some();
            if !(is_known || is_listed) || !followed.insert(target.digest()) {
                continue;
            }
            match Document::read(source, &target, limits) {
                Ok(document) => documents.push(document),
                // Something about an image may lie where the image does not (OCI image-spec, manifest, `subject`).
                Err(StoreError::Missing { .. }) if about.as_ref() == Some(&target) => {}
                // What is listed among manifests and is no document refers to nothing.
                Err(StoreError::Json { .. } | StoreError::TooLarge { .. }) if !is_known => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(reached)
}

/// What a document names.
#[derive(Default)]
struct Named {
    /// Descriptors, and whether each stands in a list of manifests.
    targets: Vec<(Descriptor, bool)>,
    /// Texts that are digests: older documents name blobs without descriptors.
    digests: BTreeSet<Digest>,
}

impl Named {
    fn collect(&mut self, value: &Value, list: &str) -> Result<(), DescriptorError> {
        match value {
            Value::String(text) => self.digests.extend(text.parse::<Digest>().ok()),
            Value::Array(items) => items.iter().try_for_each(|item| self.collect(item, list))?,
            Value::Object(fields) => {
                if fields.contains_key("digest") {
                    let target = Descriptor::parse(value)?;
                    self.targets.push((target, list == "manifests"));
                }
                fields
                    .iter()
                    .try_for_each(|(key, value)| self.collect(value, key))?;
            }
            _ => {}
        }
        Ok(())
    }
}
