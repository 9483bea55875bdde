//! Distroless OCI images from YAML, as a library
