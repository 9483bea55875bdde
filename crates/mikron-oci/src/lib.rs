//! Deterministic OCI images: layers, config, manifest, index, layout
