//! Any text as a spec: no panic, errors that can be shown, and what is accepted survives the way through YAML.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mikron_package::Limits;
use mikron_spec::{Document, Policy, Spec};

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    match Spec::parse("fuzz.yaml", text, &limits) {
        Ok(spec) => {
            let yaml = spec.to_yaml();
            let again = Spec::parse("again.yaml", &yaml, &limits);
            assert_eq!(again.as_ref(), Ok(&spec), "{yaml}");
            assert_eq!(again.map(|s| s.resolution_digest()), Ok(spec.resolution_digest()));
            let policy = Policy { serving: true, root: None };
            if let Err(error) = policy.check(&spec, &Document::new("fuzz.yaml", text)) {
                assert!(error.at.line > 0, "{error}");
            }
        }
        Err(error) => {
            assert!(error.to_string().starts_with("fuzz.yaml"));
            assert!(!error.message().is_empty());
            // A carriage return alone ends a line in YAML.
            assert!(error.at.line <= text.split(['\n', '\r']).count());
        }
    }
});
