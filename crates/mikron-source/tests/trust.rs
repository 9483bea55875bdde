//! Signatures, good and bad.
#![cfg(all(feature = "http", feature = "openpgp"))]

use mikron_source::trust::{Keyring, OpenPgp, TrustError};
use mikron_testkit::repository::{Binding, KeyKind, RepositoryBuilder, TestKey, now};

fn keyring(key: &TestKey) -> Keyring {
    Keyring::new(key.certificate()).expect("a test key's certificate is sound")
}

fn signed_by(key: &TestKey) -> Vec<u8> {
    RepositoryBuilder::new("stable")
        .sign_with(key)
        .build()
        .inrelease()
        .to_vec()
}

#[test]
fn a_signed_text_is_returned_as_it_was_signed() {
    let key = TestKey::generate();
    let repository = RepositoryBuilder::new("stable").sign_with(&key).build();
    let verified = OpenPgp::new(keyring(&key), now())
        .verify_clearsigned(repository.inrelease())
        .unwrap();
    assert_eq!(
        String::from_utf8(verified.text).unwrap(),
        repository.release
    );
    assert_eq!(verified.signer.fingerprint, key.fingerprint());
    assert!((verified.signer.made_at - now()).abs() < 100);
}

#[test]
fn an_armoured_keyring_with_several_blocks_is_read() {
    let (a, b) = (TestKey::generate(), TestKey::generate());
    let both = a.certificate_armored() + &b.certificate_armored();
    let keyring = Keyring::new(both.into_bytes()).unwrap();
    assert_eq!(
        keyring.fingerprints().unwrap(),
        [a.fingerprint(), b.fingerprint()]
    );
    assert!(
        OpenPgp::new(keyring, now())
            .verify_clearsigned(&signed_by(&b))
            .is_ok()
    );
}

#[test]
fn a_detached_signature_is_verified() {
    let key = TestKey::generate();
    let other = TestKey::generate();
    let signature = TestKey::sign_detached(&[other, key.clone()], b"data\n");
    let verifier = OpenPgp::new(keyring(&key), now());
    assert!(
        verifier
            .verify_detached(b"data\n", signature.as_bytes())
            .is_ok()
    );
    let error = verifier
        .verify_detached(b"Data\n", signature.as_bytes())
        .unwrap_err();
    assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
    assert_eq!(
        verifier.verify_detached(b"data\n", b"").unwrap_err(),
        TrustError::Unsigned
    );
}

#[test]
fn an_unknown_key_is_named_beside_the_known_ones() {
    let (known, stranger) = (TestKey::generate(), TestKey::generate());
    let error = OpenPgp::new(keyring(&known), now())
        .verify_clearsigned(&signed_by(&stranger))
        .unwrap_err();
    let TrustError::UnknownKey { .. } = &error else {
        panic!("{error}")
    };
    let message = error.to_string();
    assert!(
        message.contains(&known.fingerprint()) && message.contains(&stranger.fingerprint()),
        "{message}"
    );
}

#[test]
fn every_changed_byte_of_the_text_is_noticed() {
    let key = TestKey::generate();
    let message = signed_by(&key);
    let verifier = OpenPgp::new(keyring(&key), now());
    let start = message.windows(7).position(|w| w == b"Origin:").unwrap();
    let end = message
        .windows(14)
        .position(|w| w == b"-----BEGIN PGP")
        .map(|_| {
            message
                .windows(29)
                .position(|w| w == b"-----BEGIN PGP SIGNATURE-----")
                .unwrap()
        });
    for at in (start..end.unwrap() - 1).step_by(17) {
        let mut changed = message.clone();
        changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
        assert!(verifier.verify_clearsigned(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn an_expired_key_is_refused_unless_it_is_allowed_by_name() {
    let hour_ago = u32::try_from(now() - 3600).unwrap();
    let key =
        TestKey::generate_with(KeyKind::Ed25519, hour_ago, Some(1800)).signing_at(hour_ago + 60);
    let message = signed_by(&key);
    let strict = OpenPgp::new(keyring(&key), now());
    let error = strict.verify_clearsigned(&message).unwrap_err();
    assert_eq!(
        error,
        TrustError::ExpiredKey {
            key: key.fingerprint()
        }
    );
    assert!(
        strict
            .accept_expired_keys(true)
            .verify_clearsigned(&message)
            .is_ok()
    );
    // A signature that was made after the key had expired is never good.
    let late = key.signing_at(hour_ago + 3000);
    let error = OpenPgp::new(keyring(&late), now())
        .accept_expired_keys(true)
        .verify_clearsigned(&signed_by(&late));
    assert_eq!(
        error.unwrap_err(),
        TrustError::ExpiredKey {
            key: late.fingerprint()
        }
    );
}

#[test]
fn a_revoked_key_is_refused() {
    let key = TestKey::generate().revoked();
    let error = OpenPgp::new(keyring(&key), now())
        .verify_clearsigned(&signed_by(&key))
        .unwrap_err();
    assert_eq!(
        error,
        TrustError::RevokedKey {
            key: key.fingerprint()
        }
    );
}

#[test]
fn a_signature_from_the_future_is_refused() {
    let key = TestKey::generate();
    let message = signed_by(&key);
    let error = OpenPgp::new(keyring(&key), now() - 86_400)
        .verify_clearsigned(&message)
        .unwrap_err();
    assert!(
        matches!(error, TrustError::FutureSignature { ahead, .. } if ahead > 80_000),
        "{error}"
    );
    assert!(error.to_string().contains("clock"));
}

#[test]
fn weak_hashes_and_keys_are_refused() {
    let long_ago = u32::try_from(now() - 3600).unwrap();
    let key = TestKey::generate_with(KeyKind::Rsa(2048), long_ago, None);
    let verifier = OpenPgp::new(keyring(&key), now());
    assert!(verifier.verify_clearsigned(&signed_by(&key)).is_ok());
    let sha1 = key.with_sha1();
    // SHA-1 was fine, by rpgpie's policy, for signatures that claim to be old enough. Not here.
    for sha1 in [sha1.clone(), sha1.signing_at(1_300_000_000)] {
        let error = verifier.verify_clearsigned(&signed_by(&sha1)).unwrap_err();
        assert!(
            matches!(&error, TrustError::WeakHash { hash, .. } if hash == "SHA1"),
            "{error}"
        );
    }
    let short = TestKey::generate_with(KeyKind::Rsa(1024), long_ago, None);
    let error = OpenPgp::new(keyring(&short), now())
        .verify_clearsigned(&signed_by(&short))
        .unwrap_err();
    assert!(
        matches!(&error, TrustError::WeakKey { what, .. } if what.contains("1024")),
        "{error}"
    );
}

#[test]
fn a_subkey_signs_for_its_certificate() {
    let key = TestKey::generate().with_subkey(Binding::Good);
    let verified = OpenPgp::new(keyring(&key), now()).verify_clearsigned(&signed_by(&key));
    assert_eq!(verified.unwrap().signer.fingerprint, key.fingerprint());
}

#[test]
fn bad_053_subkeys_that_are_not_bound_expired_or_revoked() {
    let refused = |key: &TestKey| {
        let verifier = OpenPgp::new(keyring(key), now());
        let signature = TestKey::sign_detached(std::slice::from_ref(key), b"data");
        let detached = verifier.verify_detached(b"data", signature.as_bytes());
        let error = verifier.verify_clearsigned(&signed_by(key)).unwrap_err();
        assert_eq!(detached.unwrap_err(), error);
        error
    };
    let expired = |key: &TestKey| TrustError::ExpiredKey {
        key: key.signing_fingerprint(),
    };
    // What is not bound at all is no part of the certificate.
    let key = TestKey::generate().with_subkey(Binding::Missing);
    let unknown = TrustError::UnknownKey {
        seen: vec![key.signing_fingerprint()],
        known: vec![key.fingerprint()],
    };
    assert_eq!(refused(&key), unknown);
    for binding in [Binding::OneSided, Binding::Expired] {
        let key = TestKey::generate().with_subkey(binding);
        assert_eq!(refused(&key), expired(&key), "{binding:?}");
    }
    let key = TestKey::generate().with_subkey(Binding::Revoked);
    let revoked = TrustError::RevokedKey {
        key: key.signing_fingerprint(),
    };
    assert_eq!(refused(&key), revoked);
    // No more does it help to claim that the signature is older than the end of the key, unless that is allowed by name.
    let made = u32::try_from(now() - 3600).unwrap();
    let key = TestKey::generate_with(KeyKind::Ed25519, made, None).signing_at(made + 10);
    let late = key.clone().with_subkey(Binding::Expired);
    assert_eq!(refused(&late), expired(&late));
    let lenient = OpenPgp::new(keyring(&late), now()).accept_expired_keys(true);
    assert!(lenient.verify_clearsigned(&signed_by(&late)).is_ok());
    let late = key.with_subkey(Binding::Revoked);
    assert!(matches!(refused(&late), TrustError::RevokedKey { .. }));
    // A good subkey of a certificate that is revoked as a whole.
    let key = TestKey::generate().with_subkey(Binding::Good).revoked();
    assert!(matches!(refused(&key), TrustError::RevokedKey { .. }));
}

#[test]
fn bad_054_a_key_id_that_belongs_to_two_keys() {
    let (known, stranger) = (TestKey::generate(), TestKey::generate());
    let verifier = OpenPgp::new(keyring(&known), now());
    // The fingerprint counts, whatever the key id says.
    let claiming = stranger.clone().claiming_id_of(&known);
    let error = verifier
        .verify_clearsigned(&signed_by(&claiming))
        .unwrap_err();
    assert_eq!(
        error,
        TrustError::UnknownKey {
            seen: vec![stranger.fingerprint()],
            known: vec![known.fingerprint()],
        }
    );
    // A key id alone leads to the known key, which did not make this signature.
    let unnamed = claiming.without_fingerprint();
    let error = verifier
        .verify_clearsigned(&signed_by(&unnamed))
        .unwrap_err();
    assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
    // It leads to the right one where it is its own, among others or not.
    let unnamed = known.clone().without_fingerprint();
    assert!(verifier.verify_clearsigned(&signed_by(&unnamed)).is_ok());
    let more = Keyring::of_all(&[keyring(&stranger), keyring(&known)]).unwrap();
    let outcome = OpenPgp::new(more, now()).verify_clearsigned(&signed_by(&unnamed));
    assert_eq!(outcome.unwrap().signer.fingerprint, known.fingerprint());
}

#[test]
fn a_certificate_and_its_renewal_may_stand_in_one_keyring() {
    let hour_ago = u32::try_from(now() - 3600).unwrap();
    let renewed = TestKey::generate_with(KeyKind::Ed25519, hour_ago, None);
    let old = renewed.clone().living(Some(1800));
    let message = signed_by(&renewed);
    assert!(
        OpenPgp::new(keyring(&old), now())
            .verify_clearsigned(&message)
            .is_err()
    );
    for both in [[&old, &renewed], [&renewed, &old]] {
        let keyring = Keyring::of_all(&both.map(keyring)).unwrap();
        let verifier = OpenPgp::new(keyring, now());
        assert!(verifier.verify_clearsigned(&message).is_ok());
    }
}

#[test]
fn bad_077_text_outside_the_signed_block() {
    let key = TestKey::generate();
    let verifier = OpenPgp::new(keyring(&key), now());
    let message = signed_by(&key);
    let before = [b"Suite: evil\n", message.as_slice()].concat();
    let error = verifier.verify_clearsigned(&before).unwrap_err();
    assert_eq!(
        error.to_string(),
        "text stands before the signed message (at byte 0)"
    );
    let after = [message.as_slice(), b"\nSuite: evil\n"].concat();
    let error = verifier.verify_clearsigned(&after).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "text stands after the signed message (at byte {})",
            message.len() + 1
        )
    );
    let twice = [message.as_slice(), message.as_slice()].concat();
    assert!(matches!(
        verifier.verify_clearsigned(&twice),
        Err(TrustError::Malformed { .. })
    ));
}

#[test]
fn bad_078_payload_inside_release_gpg() {
    let key = TestKey::generate();
    let verifier = OpenPgp::new(keyring(&key), now());
    let signature = TestKey::sign_detached(std::slice::from_ref(&key), b"data");
    let with_text = format!("Suite: evil\n{signature}");
    let error = verifier
        .verify_detached(b"data", with_text.as_bytes())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "something else than a signature (at byte 0)"
    );
    let error = verifier
        .verify_detached(b"data", &signed_by(&key))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "something else than a signature (at byte 0)"
    );
    // A literal data packet (RFC 9580, section 5.9) with one byte of text.
    let literal = [0xcb, 7, b'b', 0, 0, 0, 0, 0, b'x'];
    let error = verifier.verify_detached(b"data", &literal).unwrap_err();
    assert!(matches!(error, TrustError::Malformed { .. }), "{error}");
    // A certificate in place of the signature.
    assert!(
        verifier
            .verify_detached(b"data", &key.certificate())
            .is_err()
    );
    assert!(
        verifier
            .verify_detached(b"data", key.certificate_armored().as_bytes())
            .is_err()
    );
}
