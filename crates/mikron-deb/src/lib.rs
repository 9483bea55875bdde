//! Debian packages: the .deb reader, deb822, Release and Packages, version order
