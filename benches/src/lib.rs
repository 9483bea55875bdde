//! Measurements of Mikron against its peers.
