//! A build that runs no scripts: releases with scripts are read, and slices with scripts refused.
#![cfg(not(feature = "starlark"))]

use mikron_package::{Architecture, Limits};
use mikron_slices::{Release, ScriptErrorKind, SliceErrorKind, SliceKey};

#[test]
fn a_slice_with_a_script_is_refused_before_anything_is_fetched() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/release");
    let release = Release::read(directory.as_ref(), &Limits::default()).unwrap();
    assert_eq!(release.check(), []);
    let select = |name: &str| {
        let key: SliceKey = name.parse().unwrap();
        release.select(&[key], Architecture::Amd64)
    };
    assert!(select("libc6_libs").is_ok());
    let error = select("ca-certificates_bundle").err().unwrap();
    assert!(matches!(
        error.kind,
        SliceErrorKind::Script {
            kind: ScriptErrorKind::NotBuiltIn,
            ..
        }
    ));
    assert!(error.line > 0, "{error}");
}
