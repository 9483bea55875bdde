//! The table of needs that no dynamic section shows: imported symbols, and the library that they make the C library load.

/// A rule: a file that imports one of the symbols needs a library at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Name of the rule.
    pub name: &'static str,
    /// The undefined symbols that set it off.
    pub symbols: &'static [&'static str],
    /// The library that is needed, looked up as a `DT_NEEDED` of the importing file would be.
    pub soname: &'static str,
    /// Why, and what happens without it.
    pub reason: &'static str,
}

/// All rules. glibc loads libgcc_s.so.1 by dlopen(3) when a thread is cancelled or exits (`nptl/unwind-forcedunwind`) and
/// for backtrace(3).
pub const TRIGGERS: &[Trigger] = &[Trigger {
    name: "libgcc",
    symbols: &["pthread_exit", "pthread_cancel", "backtrace"],
    soname: "libgcc_s.so.1",
    reason: "the C library loads libgcc_s.so.1 to unwind the stack; without it the process aborts \
             when a thread exits or is cancelled, and backtraces are empty",
}];

/// Symbols that facts record without a rule: later rules and `inspect` ask for them.
pub(crate) const RECORDED: &[&str] = &[
    "dlopen",
    "dlmopen",
    "iconv_open",
    "setlocale",
    "newlocale",
    "system",
    "popen",
    "getaddrinfo",
    "getpwnam",
    "getpwuid",
    "getservbyname",
    "getprotobyname",
    "SSL_CTX_set_default_verify_paths",
    "X509_STORE_set_default_paths",
    "OSSL_PROVIDER_load",
    "setupterm",
    "initscr",
    "u_init",
];

/// Whether facts record an undefined symbol of this name.
pub(crate) fn is_recorded(name: &[u8]) -> bool {
    let mut all = TRIGGERS.iter().flat_map(|t| t.symbols).chain(RECORDED);
    all.any(|symbol| symbol.as_bytes() == name)
}

/// The longest recorded name in bytes: longer ones need not be read.
pub(crate) const LONGEST: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_recorded_symbol_is_longer_than_what_is_read() {
        let mut all = TRIGGERS.iter().flat_map(|t| t.symbols).chain(RECORDED);
        assert!(all.all(|s| s.len() < LONGEST && is_recorded(s.as_bytes())));
        assert!(!is_recorded(b"pthread_exit_"));
    }
}
