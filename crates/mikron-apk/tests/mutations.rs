//! Nearly good inputs of every format of apk: each is read or refused. `examples/apk_mutations.rs` reads a million of each.

mod mutated;

use mikron_testkit::mutation::sample;

/// Reads a sample of a format.
macro_rules! sampled {
    ($($test:ident: $format:literal, $count:literal;)*) => {$(
        #[test]
        fn $test() {
            sample(&mutated::FORMATS, $format, $count);
        }
    )*};
}

sampled! {
    mutated_packages_are_read_or_refused: "apk", 4000;
    mutated_indexes_are_read_or_refused: "apkindex", 4000;
    mutated_relations_are_read_or_refused: "relation", 4000;
    mutated_versions_are_in_a_total_order: "version", 4000;
    mutated_lists_of_applets_are_read_or_refused: "applets", 4000;
}
