//! What stands in images is as in a real installation, and full images have what scripts made there: a sample of
//! `examples/installed`.

#![allow(clippy::unwrap_used)] // a test

mod common;

use common::installed::{Outcome, base, compare};

#[test]
fn images_are_as_installations_of_the_same_packages() {
    let Some(base) = base() else { return };
    let mut differences = Vec::new();
    for packages in SAMPLE {
        match compare(&base, packages) {
            Some(Outcome::Compared(compared)) => {
                for one in compared {
                    assert!(one.paths > 0, "{packages:?}");
                    let told = one.differences.iter();
                    differences
                        .extend(told.map(|told| format!("{packages:?} {}: {told}", one.select)));
                }
            }
            Some(Outcome::NotBuilt(error)) => panic!("{packages:?}: {error}"),
            None => return,
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Cheap ones: few packages, and a script of each does something.
const SAMPLE: &[&[&str]] = &[
    &["netbase"],
    &["memcached"],
    &["haproxy"],
    &["iputils-ping"],
];
