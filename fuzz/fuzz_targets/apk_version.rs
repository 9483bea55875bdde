//! Any three texts as versions of apk: the order is total, and a version begins with itself.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use mikron_apk::{ApkVersionOrder, parse_dependency};
use mikron_package::VersionOrder as _;

fuzz_target!(|data: &str| {
    let mut parts = data.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (a, b, c) = (next(), next(), next());
    let order = ApkVersionOrder;
    assert_eq!(order.compare(a, b), order.compare(b, a).reverse());
    assert!(order.begins_with(a, a));
    let mut sorted = [a, b, c];
    sorted.sort_by(|x, y| order.compare(x, y));
    assert_ne!(order.compare(sorted[0], sorted[2]), Ordering::Greater);
    if order.validate(a).is_ok() {
        assert!(!a.contains('/') && !a.contains(':'));
    }
    if let Ok(dependency) = parse_dependency(a) {
        let again = parse_dependency(&dependency.to_string());
        assert_eq!(again.as_ref(), Ok(&dependency));
    }
});
