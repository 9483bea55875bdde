//! The finalizers that Mikron brings.

mod accounts;
mod alternatives;
mod apache;
mod base;
mod ca_bundle;
mod certificates;
pub(crate) mod declarations;
mod graphviz;
mod java_trust;
mod loader_cache;
mod mime;
pub(crate) mod options;
mod p11_kit;
mod pam;
mod php;
mod pixbuf_loaders;
mod pointers;
mod scripts;
mod steps;
mod tmpfiles;
mod units;
pub(crate) mod user_calls;

pub use alternatives::{Alternative, alternatives};
pub use user_calls::scripted_accounts;

use mikron_package::Glob;

use crate::finalizer::Finalizer;

/// The finalizers that Mikron brings. Where their declarations leave it open they run in this order.
pub fn builtin_finalizers() -> Vec<Finalizer> {
    vec![
        base::finalizer(),
        scripts::finalizer(),
        accounts::finalizer(),
        tmpfiles::finalizer(),
        alternatives::finalizer(),
        apache::finalizer(),
        php::finalizer(),
        pam::finalizer(),
        java_trust::finalizer(),
        ca_bundle::finalizer(),
        loader_cache::finalizer(),
        graphviz::finalizer(),
        pixbuf_loaders::finalizer(),
        mime::finalizer(),
        steps::finalizer(),
    ]
}

/// Globs of the files of packages that these finalizers read wherever they lie, chosen or not.
///
/// ```
/// let globs = mikron_rootfs::sources(&mikron_rootfs::builtin_finalizers());
/// let path = mikron_package::RootPath::new(b"/usr/share/ca-certificates/x/y.crt")?;
/// assert!(globs.iter().any(|glob| glob.matches(&path)));
/// # Ok::<(), mikron_package::PathError>(())
/// ```
pub fn sources(finalizers: &[Finalizer]) -> Vec<Glob> {
    let declared = finalizers.iter().flat_map(Finalizer::declared_sources);
    declared.filter_map(|glob| Glob::new(glob).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finalizer::order;

    #[test]
    fn what_they_declare_gives_the_order_that_they_have_always_had() {
        let mut all = builtin_finalizers();
        let names = |all: &[Finalizer]| -> Vec<&str> {
            let ordered = order(all).expect("no circle, and nothing is made twice");
            ordered.iter().map(|one| one.name()).collect()
        };
        let listed: Vec<&str> = all.iter().map(Finalizer::name).collect();
        assert_eq!(names(&all), listed);
        let declared = all.iter().flat_map(Finalizer::declared_sources).count();
        assert_eq!(sources(&all).len(), declared, "each is a glob");
        // However the list stands, who reads stays behind who makes.
        all.reverse();
        let reversed = names(&all);
        let at = |name: &str| reversed.iter().position(|one| *one == name);
        for (first, second) in [
            ("base", "scripts"),
            ("scripts", "alternatives"),
            ("accounts", "tmpfiles"),
            ("java-trust", "ca-bundle"),
            ("alternatives", "loader-cache"),
            ("alternatives", "steps"),
        ] {
            assert!(at(first) < at(second), "{reversed:?}");
        }
    }
}
