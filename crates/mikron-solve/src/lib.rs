//! Which packages: dependency solving with conflicts explained as data
