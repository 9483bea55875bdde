//! Debian's text formats: stanzas, relations, versions, control, Packages, Release, Contents and the compact index.
//!
//! The first byte chooses what the rest is. Nothing may panic, and what is accepted must hold together.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mikron_deb::{
    DebVersionOrder, StanzaReader, parse_control, parse_date, parse_relations, parse_release, read_contents,
    read_packages, parse_requirements,
};
use mikron_package::{Limits, Origin, VersionOrder};
use mikron_source::universe::{CompactIndex, build_index};

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    let limits = Limits { field: 1 << 16, control: 1 << 18, alternatives: 100, ..Limits::default() };
    match kind % 8 {
        0 => stanzas(data, &limits),
        1 => relations(data, &limits),
        2 => versions(data),
        3 => {
            if let Ok((record, fields)) = parse_control(data, &limits) {
                assert!(fields.len() >= 3);
                assert!(record.digest.is_none() && record.location.is_empty());
            }
        }
        4 => packages(data, &limits),
        5 => {
            if let Ok(release) = parse_release(data, &limits) {
                for path in release.files.keys() {
                    assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
                }
            }
        }
        6 => compact(data),
        _ => contents(data, &limits),
    }
});

/// The fields of a stanza cover its text, however it arrives.
fn stanzas(data: &[u8], limits: &Limits) {
    let mut reader = StanzaReader::new(data, limits);
    while let Ok(Some(stanza)) = reader.next_stanza() {
        let begin = usize::try_from(stanza.offset()).expect("an offset in memory");
        assert_eq!(&data[begin..][..stanza.bytes().len()], stanza.bytes());
        for field in stanza.fields().map_while(Result::ok) {
            let at = usize::try_from(field.value_offset).expect("an offset in memory");
            assert_eq!(&data[at..][..field.value.len()], field.value);
            let _ = field.unfolded();
        }
    }
}

/// What was read and written again reads as the same.
fn relations(data: &[u8], limits: &Limits) {
    if let Ok(requirements) = parse_requirements(data, limits) {
        let text = requirements.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let again = parse_requirements(text.as_bytes(), limits).expect("what we wrote reads again");
        assert_eq!(again, requirements);
    }
    let _ = parse_relations(data, limits);
}

fn versions(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = parse_date(&text);
    let (a, b) = text.split_once(' ').unwrap_or((&text, ""));
    assert_eq!(DebVersionOrder.compare(a, b), DebVersionOrder.compare(b, a).reverse());
    assert!(DebVersionOrder.compare(a, a).is_eq());
    let _ = DebVersionOrder.validate(a);
}

/// What passes the reader builds an index whose records all read.
fn packages(data: &[u8], limits: &Limits) {
    let _ = read_packages(data, limits, &Origin::default(), |package| {
        let record = package.to_record(limits).expect("a checked package has a record");
        assert!(!record.location.starts_with('/'));
        Ok::<(), mikron_deb::Deb822Error>(())
    });
    if let Ok(index) = build_index(data, "amd64", limits, &Origin::default()) {
        for number in 0..index.len() {
            let record = index.record(number).expect("a built record reads");
            assert!(index.named(record.name.as_str().as_bytes()).expect("it is whole").contains(&number));
        }
        index.odd().expect("it is whole");
    }
}

/// A path is what stands in the text, and whoever has it is named there, too.
fn contents(data: &[u8], limits: &Limits) {
    let within = |part: &[u8]| part.is_empty() || data.windows(part.len()).any(|text| text == part);
    let _ = read_contents(data, limits, &Origin::default(), |line| {
        assert!(!line.path.is_empty() && !line.path.contains(&b'\n') && within(line.path));
        assert!(line.packages().all(within));
    });
}

/// An index of which single bytes were changed: each three bytes of the input are a place and a value.
fn compact(patches: &[u8]) {
    let stanza = |name: &str, more: &str| {
        let digest = "0".repeat(64);
        format!("Package: {name}\nVersion: 1\nArchitecture: all\n{more}Filename: {name}\nSize: 1\nSHA256: {digest}\n\n")
    };
    let text = stanza("a", "Provides: c, d (= 1)\nDepends: b\n") + &stanza("b", "Essential: yes\nProvides: d\n");
    let built = build_index(text.as_bytes(), "amd64", &Limits::default(), &Origin::default());
    let mut bytes = built.expect("the text is good").as_bytes().to_vec();
    for patch in patches.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % bytes.len();
        bytes[at] = patch[2];
    }
    let Ok(index) = CompactIndex::open(bytes) else { return };
    for number in 0..index.len().min(100) {
        let _ = index.record(number);
        if let Ok(name) = index.name(number) {
            let _ = (index.named(name), index.providers(name));
        }
    }
    let _ = (index.providers(b"d"), index.essential(), index.odd());
}
