//! The calls of a maintainer script, as far as they can have effects.

use mikron_shell::{Call, Kind, Limits, commands_assuming, parse};

/// Where dpkg unpacks to: the root itself (dpkg(1), DPKG_ROOT).
const ENVIRONMENT: &[(&str, &str)] = &[("DPKG_ROOT", "")];

/// Finds the commands that a maintainer script may run, in order. Total over all inputs: what is no shell yields few or strange
/// calls, never an error.
///
/// Of `env A=1 x` and `sh -c x` it is `x` that has effects; of `find -exec x` and `tar` these, which know the files. What never
/// runs is left out: functions that nothing calls, and what stands behind an `exit`.
///
/// ```
/// let calls = mikron_rootfs::scan(
///     b"#!/bin/sh\nset -e\nUSER=web\nif [ \"$1\" = configure ]; then\n  adduser --system $USER\nfi\n",
/// );
/// let call = calls.iter().find(|call| call.name() == "adduser").expect("it is called");
/// assert_eq!(call.literal_arguments(), Some(vec!["--system", "web"]));
/// assert_eq!(call.line, 5);
/// assert!(call.runs_with("configure") && !call.runs_with("triggered"));
/// ```
pub fn scan(script: &[u8]) -> Vec<Call> {
    let script = parse(script, &Limits::default());
    let mut calls = commands_assuming(&script, ENVIRONMENT);
    calls.retain(|call| {
        let by_file = |name: &str| matches!(name, "find" | "xargs" | "tar");
        let inner = call.via.iter().any(|name| by_file(name));
        let outer = call.wraps && call.writes.is_empty() && !by_file(call.name());
        let looks = matches!(call.kind, Kind::Probe | Kind::Demand);
        !looks && !call.unreachable && !inner && !outer
    });
    calls
}
