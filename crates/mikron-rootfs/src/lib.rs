//! The merged tree: ownership, conflicts, finalizers
