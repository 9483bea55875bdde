//! Nearly good inputs of every format of rpm: each is read or refused. `examples/rpm_mutations.rs` reads a million of each.

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
    mutated_packages_are_read_or_refused: "rpm", 4000;
    mutated_headers_are_read_or_refused: "header", 4000;
    mutated_payloads_are_read_or_refused: "cpio", 4000;
    mutated_repomd_is_read_or_refused: "repomd", 4000;
    mutated_primary_is_read_or_refused: "primary", 1000;
    mutated_filelists_are_read_or_refused: "filelists", 4000;
    mutated_modules_are_read_or_refused: "modules", 2000;
    mutated_metalinks_are_read_or_refused: "metalink", 4000;
    mutated_mirror_lists_are_read_or_refused: "mirrorlist", 4000;
    mutated_rich_dependencies_are_read_or_refused: "rich", 4000;
    mutated_versions_are_in_a_total_order: "version", 4000;
}
