//! Clearsigned messages, detached signatures, keyrings and the Release inside.
//!
//! Nothing may panic; nobody's signature may ever count; and what is split off as signed text must be the same when it is
//! put into armour again.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use mikron_deb::parse_release;
use mikron_package::Limits;
use mikron_source::fetch::{Url, redact};
use mikron_source::preset::{debian_keyring, parse_apt_sources};
use mikron_source::trust::{Keyring, OpenPgp, split_cleartext};

/// When the fuzzer's clock stands still: 2026-11-24.
const NOW: i64 = 1_795_478_400;

fn verifier() -> &'static OpenPgp {
    static VERIFIER: OnceLock<OpenPgp> = OnceLock::new();
    VERIFIER.get_or_init(|| OpenPgp::new(debian_keyring(), NOW))
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 5 {
        0 => message(data),
        1 => {
            // The data that is signed is not what anybody has signed.
            assert!(verifier().verify_detached(b"never signed by anybody", data).is_err());
        }
        2 => {
            if let Ok(keyring) = Keyring::new(data.to_vec()) {
                assert!(!keyring.fingerprints().expect("it was read before").is_empty());
            }
        }
        3 => urls(data),
        _ => {
            let text = String::from_utf8_lossy(data);
            for path in ["x.list", "x.sources"] {
                for source in parse_apt_sources(path.as_ref(), &text) {
                    assert!(!source.urls.is_empty());
                }
            }
        }
    }
});

fn message(data: &[u8]) {
    // A real signature may verify: the corpus may hold a real message. Then the text is what was split off.
    let verified = verifier().verify_clearsigned(data);
    let Ok(parts) = split_cleartext(data) else {
        assert!(verified.is_err());
        return;
    };
    if let Ok(verified) = verified {
        assert_eq!(verified.text, parts.text);
    }
    let limits = Limits { field: 1 << 16, release: 1 << 20, ..Limits::default() };
    let _ = parse_release(&parts.text, &limits);
    let mut again = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n".to_vec();
    for line in parts.text.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b"-") {
            again.extend_from_slice(b"- ");
        }
        again.extend_from_slice(line);
    }
    again.extend_from_slice(parts.signatures);
    let again = split_cleartext(&again).expect("a text in armour");
    assert_eq!(again.text, parts.text);
    assert_eq!(again.signatures, parts.signatures);
}

fn urls(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shown = redact(&text);
    assert!(!shown.chars().any(char::is_control));
    if let Ok(url) = Url::parse(&text) {
        let again = Url::parse(&url.to_string()).expect("a URL that was shown is one");
        assert_eq!(again.to_string(), url.to_string());
        assert_eq!(again.userinfo, None, "no credentials are shown");
        if let Ok(target) = url.join(text.rsplit('/').next().unwrap_or_default()) {
            assert!(target.userinfo.is_none() || target.same_origin(&url));
        }
    }
}
