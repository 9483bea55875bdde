//! Any bytes as a shell script: no panic, errors that lie inside, bounded work, and calls that have a line of the script.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mikron_shell::{Kind, Limits, commands, commands_assuming, parse};

fuzz_target!(|data: &[u8]| {
    let limits = Limits { bytes: 1 << 16, depth: 24 };
    let script = parse(data, &limits);
    let lines = u32::try_from(data.iter().filter(|byte| **byte == b'\n').count() + 1).expect("a small input");
    if let Some(error) = &script.error {
        assert!((1..=lines).contains(&error.line) && error.column > 0);
        assert!(!error.to_string().is_empty());
    }
    let calls = commands(&script);
    for call in &calls {
        assert!(call.line > 0);
        // Only a redirection may have no words.
        assert!(!call.words.is_empty() || call.kind == Kind::Redirection && !call.writes.is_empty());
        let _ = (call.text(), call.runs_with("configure"));
    }
    // The same text reads the same, and a variable that it does not use changes nothing.
    assert_eq!(parse(data, &limits), script);
    assert_eq!(commands_assuming(&script, &[("__not_used_here", "x")]).len(), calls.len());
});
