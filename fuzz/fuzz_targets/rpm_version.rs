//! The order of versions: total, its own reverse, transitive, and in step with what answers to what.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mikron_package::{Constraint, Operator, Version, VersionOrder};
use mikron_rpm::RpmVersionOrder;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut texts: Vec<&str> = text.split(' ').chain([""; 3]).take(3).collect();
    let order = RpmVersionOrder;
    for text in &texts {
        assert!(order.compare(text, text).is_eq());
        let _ = order.validate(text);
    }
    assert_eq!(order.compare(texts[0], texts[1]), order.compare(texts[1], texts[0]).reverse());
    let side = |operator, text: &str| Constraint { operator, version: Version::new(text) };
    let all = [Operator::Less, Operator::LessEqual, Operator::Equal, Operator::GreaterEqual, Operator::Greater];
    for a in all {
        for b in all {
            let (a, b) = (side(a, texts[0]), side(b, texts[1]));
            // Ranges overlap whichever is named first.
            assert_eq!(order.answers(Some(&a), Some(&b)), order.answers(Some(&b), Some(&a)));
        }
    }
    texts.sort_by(|a, b| order.compare(a, b));
    assert!(order.compare(texts[0], texts[2]).is_le());
});
