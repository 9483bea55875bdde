//! Builders for signed Debian repositories.
