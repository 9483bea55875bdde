//! How much of what was freed the process keeps.
//!
//! The allocator of the GNU C library gives large blocks mappings of their own, which go back to the system when they are freed.
//! But each that is freed raises the size from which it does so, up to 32 MiB (mallopt(3), `M_MMAP_THRESHOLD`), and what comes
//! later is kept in arenas, one for each thread. A build frees an index first, and then needs decoders and encoders of that size
//! on several threads: it took nearly twice the memory that it uses. A threshold that is set does not rise. And what one thread has
//! learnt of an archive and another frees is of no use to who makes the tree and the layers, unless all share one arena: small
//! blocks have a store of each thread before it. Both can only be set from outside where no code is `unsafe`, so the process begins
//! once more.

/// mallopt(3), "Environment variables".
const THRESHOLD: &str = "MALLOC_MMAP_THRESHOLD_";

/// Whether there is a threshold that stays, set from outside.
pub(crate) fn is_kept() -> bool {
    std::env::var_os(THRESHOLD).is_some()
}

/// Begins this process once more with a threshold that stays and one arena, where the C library heeds them. Whoever has set a threshold
/// has set both; where that is not possible, nothing happens.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep_threshold() {
    use std::os::unix::process::CommandExt as _;

    // Above what is allocated and freed all the time, below tables and dictionaries.
    const BYTES: &str = "1048576";
    const ARENAS: &str = "MALLOC_ARENA_MAX";

    if is_kept() {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Some(name), Ok(program)) = (arguments.next(), std::env::current_exe()) else {
        return;
    };
    let mut again = std::process::Command::new(program);
    again.arg0(name).args(arguments).env(THRESHOLD, BYTES);
    if std::env::var_os(ARENAS).is_none() {
        again.env(ARENAS, "1");
    }
    // It only returns where it fails, and then all goes on as it is.
    let _ = again.exec();
}

/// Other C libraries keep less.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_threshold() {}
