//! Bounded streaming readers for ar, tar, gzip, xz, zstd and bzip2
