//! The YAML spec of an image, its JSON Schema and its lock file
