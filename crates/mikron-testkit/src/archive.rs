//! Builders for ar, tar and .deb archives, well-formed and malformed.
