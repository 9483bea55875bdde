//! The reader of `.deb` archives (deb(5)).
