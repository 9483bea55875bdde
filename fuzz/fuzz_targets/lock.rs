//! Any text as a lock: no panic, and what is accepted is written as the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mikron_package::Limits;
use mikron_spec::Lock;

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    match Lock::parse("fuzz.lock", text, &limits) {
        Ok(lock) => {
            let yaml = lock.to_yaml();
            let again = Lock::parse("again.lock", &yaml, &limits).expect("what was written is read");
            assert_eq!(again.to_yaml(), yaml);
            assert!(lock.diff(&again).is_empty());
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.lock")),
    }
});
