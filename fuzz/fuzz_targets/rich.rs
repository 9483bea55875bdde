//! Rich dependencies and plain relations.
//!
//! Nothing may panic; what one may build one may read; and what rpm reads twice means the same twice.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mikron_rpm::{RichContext, parse_rich, relation, requirement};

fuzz_target!(|data: &[u8]| {
    let Some((flags, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let (name, evr) = text.split_once('\n').unwrap_or((&text, ""));
    let plain = relation(name, u32::from(*flags), evr);
    let any = requirement(name, u32::from(*flags), evr);
    if plain.is_ok() {
        assert!(any.is_ok());
    }
    let rich = parse_rich(name, RichContext::Any);
    for context in [RichContext::Requires, RichContext::Conflicts] {
        if let Ok(built) = parse_rich(name, context) {
            assert_eq!(Ok(built), rich);
        }
    }
    if let Ok(inner) = rich
        && let Ok(outer) = parse_rich(&format!("({name})"), RichContext::Any)
    {
        assert_eq!(inner, outer, "parentheses around parentheses mean nothing");
    }
});
