//! The rules of rpm and dnf, one sentence each. What dnf does was found by asking it; `dnf_agreement.rs` asks it again.

mod family;

use family::{fill, packages, short, solve};
use mikron_package::Family;

/// Each case: a universe, a request, and the packages that must come out, in both orders of the universe.
macro_rules! gives {
    ($($name:ident: $universe:expr, $request:expr => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut packages = packages(Family::RPM, $universe);
            for _ in 0..2 {
                let universe = fill(Family::RPM, &packages);
                let solution = solve(&universe, &$request).unwrap_or_else(|e| panic!("{e}"));
                assert_eq!(short(&solution), $expected);
                packages.reverse();
            }
        }
    )*};
}

/// Each case: a universe, a request, and the message.
macro_rules! refuses {
    ($($name:ident: $universe:expr, $request:expr => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut packages = packages(Family::RPM, $universe);
            for _ in 0..2 {
                let universe = fill(Family::RPM, &packages);
                let error = solve(&universe, &$request).unwrap_err().to_string();
                assert_eq!(error, $expected.trim(), "\n{error}");
                packages.reverse();
            }
        }
    )*};
}

gives! {
    a_requirement_is_followed: "a; Requires: b\nb; Requires: c\nc", ["a"] => "a b c";
    a_recommendation_is_not_followed: "a; Recommends: b\nb", ["a"] => "a";
    the_latest_version_is_taken: "a 1-1\na 1.10-1\na 1.9-1", ["a"] => "a-1.10-1";
    a_higher_epoch_is_later: "a 1:1-1\na 9-1", ["a"] => "a-1:1-1";
    a_version_without_release_means_every_release:
        "a; Requires: b = 1\nb 1-7\nb 2-1", ["a"] => "a b-1-7";
    an_older_version_is_taken_when_the_latest_cannot_be: "a 2-1; Requires: gone\na 1-1", ["a"] => "a";
    a_file_is_required_as_a_name: "a; Requires: /usr/bin/foo\nb; Files: /usr/bin/foo", ["a"] => "a b";
    a_root_may_be_a_file: "b; Files: /usr/bin/foo", ["/usr/bin/foo"] => "b";
    an_unversioned_provider_satisfies_every_version: "a; Requires: v >= 2\nb; Provides: v", ["a"] => "a b";
    a_range_that_is_provided_is_matched_by_overlap:
        "a; Requires: v < 2\nb; Provides: v >= 2\nc; Provides: v >= 1", ["a"] => "a c";
    a_package_satisfies_itself: "a; Requires: w; Provides: w\nb; Provides: w", ["a"] => "a";

    a_higher_source_priority_beats_a_later_version: "a 1-1; Pin: 600\na 2-1", ["a"] => "a";
    a_higher_source_priority_beats_the_name: "a; Requires: v\nb; Provides: v\nz; Provides: v; Pin: 600", ["a"] => "a z";
    a_noarch_package_is_as_good_as_a_native_one: "a; Requires: v\nb 1-1 noarch; Provides: v\nc; Provides: v", ["a"] => "a b";
    a_later_noarch_package_beats_a_native_one: "a 2-1 noarch\na 1-1", ["a"] => "a-2-1";
    a_package_of_another_architecture_is_no_candidate: "a; Requires: v\nb 1-1 i686; Provides: v\nz; Provides: v", ["a"] => "a z";
    of_providers_the_name_decides: "a; Requires: v\nz; Provides: v\nb; Provides: v", ["a"] => "a b";
    a_provider_may_come_before_the_package_of_the_name: "a; Requires: v\nv; Provides: x\nb; Provides: v", ["a"] => "a b";
    a_later_version_of_what_both_provide_is_preferred:
        "a; Requires: v\nb; Provides: v = 1\nc; Provides: v = 2", ["a"] => "a c";
    a_range_counts_up_to_its_end:
        "a; Requires: v >= 1\nb; Provides: v < 2\nc; Provides: v < 3", ["a"] => "a c";
    a_range_that_holds_its_end_goes_further_than_one_that_does_not:
        "a; Requires: v\nb; Provides: v < 2\nc; Provides: v <= 2", ["a"] => "a c";
    a_range_and_a_version_are_compared: "a; Requires: v\nb; Provides: v = 1\nc; Provides: v <= 2", ["a"] => "a c";
    a_range_up_to_a_version_is_no_later_than_it: "a; Requires: v\nb; Provides: v = 2\nc; Provides: v <= 2", ["a"] => "a b";
    a_range_without_an_end_is_not_compared: "a; Requires: v\nb; Provides: v = 1\nc; Provides: v >= 2", ["a"] => "a b";
    a_name_beside_the_wanted_one_counts_as_well:
        "a; Requires: v\nb; Provides: v, w = 1\nc; Provides: v, w = 2", ["a"] => "a c";
    providers_that_are_each_later_than_the_other_are_equal:
        "a; Requires: v\nb; Provides: v, p = 1, w = 2\nc; Provides: v, p = 2, w = 1", ["a"] => "a b";
    a_package_that_has_no_later_version_is_preferred:
        "a; Requires: v\nb 1-1; Provides: v\nb 2-1\nz; Provides: v", ["a"] => "a z";
    a_provider_that_cannot_be_installed_makes_no_other_one_earlier:
        "a; Requires: v\nb; Provides: v, w = 1\nc; Provides: v\nd; Provides: v, w = 2; Requires: gone", ["a"] => "a b";
    a_provider_that_leads_to_nothing_that_can_be_installed_does_neither:
        "a; Requires: v\nb; Provides: v, w = 1\nc; Provides: v\nd; Provides: v, w = 2; Requires: e\ne; Requires: gone", ["a"] => "a b";
    a_provider_that_the_request_forbids_makes_no_other_one_earlier:
        "a; Requires: v\nb; Provides: v, w = 1\nc; Provides: v\nd; Provides: v, w = 2\nx; Conflicts: d", ["a", "x"] => "a b x";
    an_obsoleter_that_cannot_be_installed_puts_nothing_last:
        "a; Requires: v\nb; Provides: v\nc; Provides: v\nd; Provides: v; Obsoletes: b; Requires: gone", ["a"] => "a b";
    a_choice_that_brings_in_another_that_would_have_done_is_made_again:
        "a; Requires: (k or r); Requires: (r if (b if k) else j)\nb; Requires: k\nr; Requires: (k or j)\nj\nk", ["a"] => "a j r";
    the_best_version_of_the_only_name_is_no_choice_to_be_made_again:
        "a; Requires: x; Requires: (k > 1 or r); Requires: (r if (b if k > 1) else j)\nx; Requires: k\nk 1-1\nk 2-1\nb\nj\nr; Requires: (k or j)",
        ["a"] => "a b k-2-1 r x";
    alternatives_are_one_pool: "a; Requires: (z or b)\nz\nb", ["a"] => "a b";
    an_alternative_that_is_there_anyway_is_enough: "a; Requires: (b or c), c\nb\nc", ["a"] => "a c";
    what_the_requirer_recommends_is_preferred:
        "a; Requires: v; Recommends: c\nb; Provides: v\nc; Provides: v", ["a"] => "a c";
    what_supplements_the_requirer_is_preferred:
        "a; Requires: v\nb; Provides: v\nc; Provides: v; Supplements: a", ["a"] => "a c";
    what_the_requirer_suggests_is_preferred:
        "glibc; Requires: langpack; Suggests: minimal\nall; Provides: langpack\nminimal; Provides: langpack", ["glibc"] => "glibc minimal";
    what_enhances_the_requirer_is_preferred:
        "a; Requires: v\nb; Provides: v\nc; Provides: v; Enhances: a", ["a"] => "a c";
    what_is_recommended_comes_before_what_is_suggested:
        "a; Requires: v; Suggests: b; Recommends: c\nb; Provides: v\nc; Provides: v", ["a"] => "a c";
    of_what_is_recommended_what_is_suggested_too_comes_first:
        "a; Requires: v; Recommends: b, c; Suggests: c\nb; Provides: v\nc; Provides: v\nd; Provides: v; Enhances: a", ["a"] => "a c";
    what_is_suggested_brings_nothing_in: "a; Suggests: b\nb; Enhances: a", ["a"] => "a";

    a_root_is_the_package_of_the_name: "a; Provides: v\nv", ["v"] => "v";
    a_root_that_no_package_is_called_is_virtual: "a; Provides: v", ["v"] => "a";
    a_root_with_a_version_may_be_provided: "x 1-1; Requires: gone\ny; Provides: x = 1", ["x = 1"] => "y";

    an_obsoleter_takes_the_place_of_a_root: "new; Obsoletes: old\nold", ["old"] => "new";
    an_obsoleter_and_what_it_obsoletes_are_one_root: "new; Obsoletes: old\nold", ["old", "new"] => "new";
    an_obsoleter_of_older_versions_leaves_the_latest: "new; Obsoletes: old < 2\nold 1-1\nold 3-1", ["old"] => "old-3-1";
    a_root_with_a_version_is_not_taken_over: "new; Obsoletes: old\nold", ["old = 1"] => "old";
    an_obsoleter_that_cannot_be_leaves_the_old_one: "new; Obsoletes: old; Requires: gone\nold", ["old"] => "old";
    an_obsoleter_of_an_obsoleter_takes_no_part: "n1; Obsoletes: old\nn2; Obsoletes: n1\nold", ["old"] => "n1";
    a_requirement_is_not_taken_over: "a; Requires: old\nold\nnew; Obsoletes: old", ["a"] => "a old";
    an_obsoleter_that_provides_the_name_is_preferred:
        "a; Requires: old\nold\nzew; Obsoletes: old; Provides: old = 2", ["a"] => "a zew";
    two_that_obsolete_each_other_are_equal:
        "a; Requires: v\nb; Provides: v; Obsoletes: c\nc; Provides: v; Obsoletes: b", ["a"] => "a b";
    what_is_obsoleted_comes_last:
        "a; Requires: v\nb; Provides: v; Obsoletes: c\nc; Provides: v\nd; Provides: v; Obsoletes: b", ["a"] => "a d";
    obsoletes_do_not_speak_of_what_is_provided: "a; Obsoletes: v\nb; Provides: v", ["a", "b"] => "a b";
    a_package_does_not_obsolete_itself: "a; Obsoletes: a", ["a"] => "a";
    an_obsoleted_provider_gives_way_to_another:
        "a; Requires: old\nnew; Obsoletes: old\nb; Provides: old\nold", ["a", "new"] => "a b new";

    a_conflict_makes_the_other_alternative_win: "a; Requires: (b or c)\nb; Conflicts: z\nc\nz", ["a", "z"] => "a c z";
    a_package_does_not_conflict_with_itself: "a; Provides: q; Conflicts: q", ["a"] => "a";
    a_conflict_with_a_version_leaves_others_alone: "a; Conflicts: b < 2\nb 2-1", ["a", "b"] => "a b-2-1";

    if_binds_only_where_the_condition_holds: "a; Requires: (b if c)\nb\nc", ["a"] => "a";
    if_binds_where_the_condition_holds: "a; Requires: (b if c)\nb\nc", ["a", "c"] => "a b c";
    if_binds_for_the_versions_of_its_condition_only:
        "a; Requires: (b if c >= 2)\nb\nc 1-1\nc 2-1\nd; Requires: c < 2", ["a", "d"] => "a c d";
    if_holds_for_several_conditions: "a; Requires: (b if (c and d))\nb\nc\nd", ["a", "c"] => "a c";
    if_holds_for_all_its_conditions: "a; Requires: (b if (c and d))\nb\nc\nd", ["a", "c", "d"] => "a b c d";
    if_holds_for_any_of_its_conditions: "a; Requires: (b if (c or d))\nb\nc\nd", ["a", "d"] => "a b d";
    else_binds_where_the_condition_does_not: "a; Requires: (z if c else b)\nz\nb\nc", ["a"] => "a b";
    if_may_be_an_alternative: "a; Requires: ((b if c) or d)\nb\nc\nd", ["a", "d"] => "a d";
    conditions_may_nest: "a; Requires: ((b if c) if d)\nb\nc\nd", ["a", "c", "d"] => "a b c d";
    unless_binds_where_the_condition_does_not: "a; Requires: (b unless c)\nb\nc", ["a"] => "a b";
    unless_takes_its_else_where_the_condition_holds: "a; Requires: (b unless c else d)\nb\nc\nd", ["a", "c"] => "a c d";
    with_asks_one_package_for_both: "a; Requires: (v with w)\nb; Provides: v\nc; Provides: v, w", ["a"] => "a c";
    with_is_satisfied_by_several_provides_of_one_package:
        "a; Requires: (v >= 1 with v < 2)\nb; Provides: v = 0.5, v = 3", ["a"] => "a b";
    without_takes_packages_away: "a; Requires: (v without b)\nb; Provides: v\nc; Provides: v", ["a"] => "a c";
    with_may_hold_alternatives: "a; Requires: (c with (b or e))\nc; Provides: e", ["a"] => "a c";
    and_asks_for_all: "a; Requires: (b and (c or d))\nb\nc\nd", ["a"] => "a b c";
    a_condition_that_is_satisfied_by_the_requirer_holds: "a; Requires: (b if v); Provides: v\nb", ["a"] => "a b";
    a_condition_that_comes_true_on_the_way_holds: "a; Requires: (b if c), d\nb\nc\nd; Requires: c", ["a"] => "a b c d";

    a_rich_conflict_needs_all_of_it: "a; Conflicts: (b and c)\nb\nc", ["a", "b"] => "a b";
    a_rich_conflict_moves_a_choice: "a; Conflicts: (b and c)\nb\nc\nm; Requires: (b or z)\nz", ["a", "c", "m"] => "a c m z";
    a_conflict_unless_brings_in_the_condition: "a; Conflicts: (b unless c)\nb\nc", ["a", "b"] => "a b c";
    a_conflict_if_brings_in_the_condition: "a; Conflicts: (b if c)\nb\nc", ["a"] => "a c";
    a_conflict_with_one_package_that_is_both: "a; Conflicts: (b with c)\nb\nc", ["a", "b", "c"] => "a b c";
}

refuses! {
    a_rich_conflict_is_named: "a; Conflicts: (b and c)\nb\nc", ["a", "b", "c"] => "
the packages that the spec asks for cannot be installed together
  packages[0] asks for `a`
    a 1-1 conflicts with `b, c`, which holds with b 1-1
    a 1-1 conflicts with `b, c`, which holds with c 1-1
  packages[1] asks for `b`
    b 1-1 would do
  packages[2] asks for `c`
    c 1-1 would do
  help: leave out one of `a`, `b` and `c`, or let the spec ask for another version of it
";
    a_rich_conflict_with_one_of_several_is_named: "a; Conflicts: ((b and c) or d)\nb\nc\nd", ["a", "d"] => "
the packages that the spec asks for cannot be installed together
  packages[0] asks for `a`
    a 1-1 conflicts with `b, c | d`, which holds with d 1-1
  packages[1] asks for `d`
    d 1-1 would do
  help: leave out one of `a` and `d`, or let the spec ask for another version of it
";
    an_obsoleted_package_is_named: "a; Requires: old\nold\nnew; Obsoletes: old < 2", ["a", "new"] => "
the packages that the spec asks for cannot be installed together
  packages[0] asks for `a`
    a 1-1 depends on `old`
      old 1-1 would do
  packages[1] asks for `new`
    new 1-1 obsoletes `old (<< 2)`, which is old 1-1
  help: leave out one of `a` and `new`, or let the spec ask for another version of it
";
    what_a_condition_calls_for_is_named: "a; Requires: (gone if c)\nc", ["a", "c"] => "
the packages that the spec asks for cannot be installed together
  packages[0] asks for `a`
    a 1-1 depends on `(gone if c)`
      no source offers `(gone if c)`
  packages[1] asks for `c`
    c 1-1 would do
  help: add a source that offers `(gone if c)`
  help: leave out one of `a` and `c`, or let the spec ask for another version of it
";
    a_root_that_is_there_is_not_replaced_by_a_provider: "x; Requires: gone\ny; Provides: x", ["x"] => "
what the spec asks for cannot be installed
  packages[0] asks for `x`
    x 1-1 depends on `gone`
      no source offers `gone`
  help: add a source that offers `gone`
";
    a_conflict_that_nothing_can_lift_is_named: "a; Conflicts: (b unless c)\nb\nc; Conflicts: b", ["a", "b"] => "
the packages that the spec asks for cannot be installed together
  packages[0] asks for `a`
    a 1-1 conflicts with `(b unless c)`, which holds with b 1-1
    a 1-1 conflicts with `(b unless c)`
      c 1-1 conflicts with `b`, which is b 1-1
  packages[1] asks for `b`
    b 1-1 would do
  help: leave out one of `a` and `b`, or let the spec ask for another version of it
";
}
