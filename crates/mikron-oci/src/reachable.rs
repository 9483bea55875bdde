//! Which blobs a document reaches: what collecting must keep.

use std::collections::BTreeSet;

use mikron_package::{Digest, Limits};

use crate::{BlobSource, Document, DocumentKind, StoreError};

/// The digests of all blobs that a document refers to, and of those that these refer to. What a manifest is about (`subject`) is
/// reached from it too, where it is there.
///
/// # Errors
/// When a document on the way cannot be read, so that nothing can be said to be unreachable.
pub fn reachable(
    source: &dyn BlobSource,
    root: &Document,
    limits: &Limits,
) -> Result<BTreeSet<Digest>, StoreError> {
    let mut documents = vec![root.clone()];
    let mut reached = BTreeSet::new();
    while let Some(document) = documents.pop() {
        let lists = ["manifests", "layers"];
        let listed = lists
            .into_iter()
            .flat_map(|list| document.descriptors(list));
        let single = [document.descriptor("config"), document.subject()];
        let about = document.subject().ok().flatten();
        for target in listed.chain(single.into_iter().filter_map(Result::transpose)) {
            let Ok(target) = target else { continue };
            if !reached.insert(target.digest()) || DocumentKind::of(target.media_type()).is_none() {
                continue;
            }
            match Document::read(source, &target, limits) {
                Ok(document) => documents.push(document),
                // Something about an image may lie where the image does not (OCI image-spec, manifest, `subject`).
                Err(StoreError::Missing { .. }) if about.as_ref() == Some(&target) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(reached)
}
