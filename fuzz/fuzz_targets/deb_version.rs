//! The order of Debian's versions: total, its own reverse, transitive, and in step with what answers to what.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mikron_deb::DebVersionOrder;
use mikron_package::{Constraint, Operator, Version, VersionOrder};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut texts: Vec<&str> = text.split(' ').chain([""; 3]).take(3).collect();
    let order = DebVersionOrder;
    for text in &texts {
        assert!(order.compare(text, text).is_eq());
        let _ = order.validate(text);
    }
    assert_eq!(order.compare(texts[0], texts[1]), order.compare(texts[1], texts[0]).reverse());
    let side = |operator, text: &str| Constraint { operator, version: Version::new(text) };
    let all = [Operator::Less, Operator::LessEqual, Operator::Equal, Operator::GreaterEqual, Operator::Greater];
    // A package provides exactly one version; what asks for it is satisfied as the order says.
    let provided = side(Operator::Equal, texts[1]);
    for operator in all {
        let asked = side(operator, texts[0]);
        let ordering = order.compare(texts[1], texts[0]);
        let wanted = match operator {
            Operator::Less => ordering.is_lt(),
            Operator::LessEqual => ordering.is_le(),
            Operator::Equal => ordering.is_eq(),
            Operator::GreaterEqual => ordering.is_ge(),
            _ => ordering.is_gt(),
        };
        assert_eq!(order.answers(Some(&provided), Some(&asked)), wanted);
    }
    texts.sort_by(|a, b| order.compare(a, b));
    assert!(order.compare(texts[0], texts[2]).is_le());
});
