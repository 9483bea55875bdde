//! The rules of dpkg and apt, one sentence each.

mod common;

use common::{Fixture, names, solve};

/// Each case: a universe, a request, and the packages that must come out, in both orders of the universe.
macro_rules! gives {
    ($($name:ident: $universe:expr, $request:expr => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let universe = Fixture::new($universe);
            for universe in [universe.clone(), universe.reversed()] {
                let solution = solve(&universe, &$request).unwrap_or_else(|e| panic!("{e}"));
                assert_eq!(names(&solution), $expected);
            }
        }
    )*};
}

/// Each case: a universe, a request, and texts that the message must hold.
macro_rules! refuses {
    ($($name:ident: $universe:expr, $request:expr => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let universe = Fixture::new($universe);
            let error = solve(&universe, &$request).unwrap_err();
            let message = error.to_string();
            for part in $expected {
                assert!(message.contains(part), "`{part}` is not in:\n{message}");
            }
            let other = solve(&universe.reversed(), &$request).unwrap_err();
            assert_eq!(error, other, "the order of the universe changes the error");
        }
    )*};
}

gives! {
    a_package_that_needs_nothing_comes_alone: "a\nb", ["a"] => ["a 1"];
    a_dependency_is_followed: "a; Depends: b\nb", ["a"] => ["a 1", "b 1"];
    a_pre_dependency_is_followed: "a; Pre-Depends: b\nb", ["a"] => ["a 1", "b 1"];
    dependencies_of_dependencies_are_followed:
        "a; Depends: b\nb; Depends: c\nc; Depends: d\nd", ["a"] => ["a 1", "b 1", "c 1", "d 1"];
    a_recommendation_is_not_followed: "a; Recommends: b\nb", ["a"] => ["a 1"];
    an_essential_package_comes_only_when_it_is_needed:
        "a\nbash; Essential: yes", ["a"] => ["a 1"];
    bad_090_dependency_cycle_resolves:
        "a; Depends: b\nb; Depends: c\nc; Pre-Depends: a", ["b"] => ["a 1", "b 1", "c 1"];
    a_package_may_depend_on_itself: "a; Depends: a (>= 1)", ["a"] => ["a 1"];
    several_roots_are_all_there: "a\nb\nc", ["b", "a"] => ["a 1", "b 1"];
    the_same_root_twice_is_one_package: "a", ["a", "a"] => ["a 1"];
    a_request_for_nothing_gives_nothing: "a", [""; 0] => [""; 0];

    the_later_version_is_taken: "a 1\na 1.10\na 1.9", ["a"] => ["a 1.10"];
    a_tilde_sorts_before_the_release: "a 2~rc1\na 1.9", ["a (<< 2)"] => ["a 2~rc1"];
    a_root_may_ask_for_an_older_version: "a 1\na 2", ["a (= 1)"] => ["a 1"];
    a_version_bound_of_a_dependency_holds: "a; Depends: b (<< 2)\nb 1\nb 2", ["a"] => ["a 1", "b 1"];
    an_older_version_is_taken_when_the_newest_cannot_be:
        "a 2; Depends: gone\na 1", ["a"] => ["a 1"];
    two_bounds_on_one_package_meet:
        "a; Depends: c (>= 2)\nb; Depends: c (<< 3)\nc 1\nc 2\nc 3", ["a", "b"] => ["a 1", "b 1", "c 2"];

    the_first_alternative_is_preferred: "a; Depends: b | c\nb\nc", ["a"] => ["a 1", "b 1"];
    a_missing_first_alternative_is_passed_over: "a; Depends: b | c\nc", ["a"] => ["a 1", "c 1"];
    an_alternative_of_the_wrong_version_is_passed_over:
        "a; Depends: b (>= 2) | c\nb\nc", ["a"] => ["a 1", "c 1"];
    an_alternative_that_leads_nowhere_is_left_again:
        "a; Depends: b | c\nb; Depends: d\nd; Depends: gone\nc", ["a"] => ["a 1", "c 1"];
    an_alternative_that_is_there_anyway_is_enough:
        "a; Depends: b | c, z\nb\nc\nz; Depends: c", ["a"] => ["a 1", "c 1", "z 1"];
    a_root_satisfies_an_alternative: "a; Depends: b | c\nb\nc", ["a", "c"] => ["a 1", "c 1"];
    a_root_may_have_alternatives: "b", ["a | b"] => ["b 1"];

    a_provider_satisfies_an_unversioned_relation: "a; Depends: v\nb; Provides: v", ["a"] => ["a 1", "b 1"];
    a_versioned_provider_satisfies_a_versioned_relation:
        "a; Depends: v (>= 2)\nb; Provides: v (= 2.1)", ["a"] => ["a 1", "b 1"];
    a_versioned_provider_satisfies_an_unversioned_relation:
        "a; Depends: v\nb; Provides: v (= 2.1)", ["a"] => ["a 1", "b 1"];
    a_provider_of_the_right_version_is_found_among_others:
        "a; Depends: v (= 3)\nb; Provides: v (= 2)\nc; Provides: v\nd; Provides: v (= 3)", ["a"] => ["a 1", "d 1"];
    a_real_package_is_preferred_to_a_provider:
        "a; Depends: v\nb 9; Provides: v\nv", ["a"] => ["a 1", "v 1"];
    a_provider_serves_where_the_real_package_is_too_old:
        "a; Depends: v (>= 2)\nb; Provides: v (= 2)\nv 1", ["a"] => ["a 1", "b 1"];
    the_more_important_provider_is_preferred:
        "a; Depends: v\nb; Provides: v; Priority: extra\nc; Provides: v; Priority: important", ["a"] => ["a 1", "c 1"];
    of_equal_providers_the_name_decides:
        "a; Depends: v\nc; Provides: v\nb; Provides: v", ["a"] => ["a 1", "b 1"];
    an_essential_provider_is_preferred:
        "a; Depends: v\nb; Provides: v\nc; Provides: v; Essential: yes", ["a"] => ["a 1", "c 1"];
    a_provider_that_is_there_anyway_is_enough:
        "a; Depends: v, c\nb; Provides: v\nc; Provides: v", ["a"] => ["a 1", "c 1"];
    a_package_may_provide_a_later_version_of_its_own_name:
        "a; Depends: b (>= 2)\nb 1; Provides: b (= 3)", ["a"] => ["a 1", "b 1"];
    a_root_is_the_package_of_that_name_beside_a_provider:
        "a; Depends: b\nb 9; Provides: v\nv", ["a", "v"] => ["a 1", "b 9", "v 1"];
    a_root_may_be_virtual: "b; Provides: v", ["v"] => ["b 1"];

    a_conflict_makes_the_other_alternative_win:
        "a; Depends: b | c\nb; Conflicts: z\nc\nz", ["a", "z"] => ["a 1", "c 1", "z 1"];
    a_break_counts_as_a_conflict:
        "a; Depends: b | c\nb; Breaks: z\nc\nz", ["a", "z"] => ["a 1", "c 1", "z 1"];
    a_versioned_break_leaves_other_versions_alone:
        "a; Breaks: b (<< 2)\nb 2", ["a", "b"] => ["a 1", "b 2"];
    a_break_moves_another_package_to_an_older_version:
        "a; Breaks: b (>= 2)\nb 1\nb 2", ["a", "b"] => ["a 1", "b 1"];
    a_conflict_speaks_of_providers_too:
        "a; Conflicts: v\nm; Depends: b | c\nb; Provides: v\nc", ["a", "m"] => ["a 1", "c 1", "m 1"];
    a_versioned_conflict_does_not_speak_of_unversioned_providers:
        "a; Conflicts: v (<< 2)\nb; Provides: v", ["a", "b"] => ["a 1", "b 1"];
    a_package_does_not_conflict_with_what_it_provides_itself:
        "a; Provides: mta; Conflicts: mta; Depends: b\nb", ["a"] => ["a 1", "b 1"];
    a_package_does_not_conflict_with_its_own_name: "a 2; Breaks: a (<< 3)", ["a"] => ["a 2"];
    replaces_forbids_nothing: "a; Replaces: b\nb", ["a", "b"] => ["a 1", "b 1"];
    clashes_that_follow_from_one_another_are_all_found:
        "a; Depends: b1 | b2 | b3\nb1; Conflicts: z\nb2; Conflicts: y\nb3\nz; Depends: y\ny", ["a", "z"]
        => ["a 1", "b3 1", "y 1", "z 1"];

    a_higher_pin_priority_beats_a_later_version:
        "a 1; Pin: 990\na 2; Pin: 500", ["a"] => ["a 1"];
    a_negative_priority_is_never_taken: "a 1\na 2; Pin: -1", ["a"] => ["a 1"];
    a_low_priority_is_taken_where_nothing_else_will_do:
        "a; Depends: b (>= 2)\nb 1\nb 2; Pin: 100", ["a"] => ["a 1", "b 2"];
    the_security_suite_brings_the_later_version:
        "a 1\na 1+deb12u1; From: security", ["a"] => ["a 1+deb12u1"];
    a_root_may_name_its_source: "a 1\na 2; From: backports", ["a@main"] => ["a 1"];
    a_source_restriction_does_not_reach_dependencies:
        "a; From: vendor; Depends: b\nb", ["a@vendor"] => ["a 1", "b 1"];

    any_is_satisfied_by_a_package_that_allows_it:
        "a; Depends: python3:any\npython3; Multi-Arch: allowed", ["a"] => ["a 1", "python3 1"];
    any_with_a_version_is_satisfied:
        "a; Depends: p:any (>= 2)\np 3; Multi-Arch: allowed", ["a"] => ["a 1", "p 3"];
    a_native_qualifier_takes_the_native_package: "a; Depends: b:native\nb", ["a"] => ["a 1", "b 1"];
    an_architecture_by_name_is_matched: "a; Depends: b:amd64\nb", ["a"] => ["a 1", "b 1"];
    architecture_all_counts_as_native: "a; Depends: b\nb 1 all; Depends: c\nc", ["a"] => ["a 1", "b 1", "c 1"];
    a_foreign_package_that_is_multi_arch_foreign_serves:
        "a; Depends: b\nb 1 i386; Multi-Arch: foreign", ["a"] => ["a 1", "b 1"];
    a_native_package_is_preferred_to_a_foreign_one:
        "a; Depends: b\nb 2 i386; Multi-Arch: foreign\nb 1", ["a"] => ["a 1", "b 1"];

    a_locked_version_is_the_only_one: "a 1\na 2", ["a", "=a 1"] => ["a 1"];
    a_preferred_version_is_kept: "a; Depends: b\nb 1\nb 2", ["a", "~b 1"] => ["a 1", "b 1"];
    a_preferred_version_gives_way_where_it_must:
        "a; Depends: b (>= 2)\nb 1\nb 2", ["a", "~b 1"] => ["a 1", "b 2"];
    a_preferred_provider_is_kept:
        "a; Depends: v\nb; Provides: v\nc; Provides: v", ["a", "~c 1"] => ["a 1", "c 1"];
    a_preferred_alternative_is_kept: "a; Depends: b | c\nb\nc", ["a", "~c 1"] => ["a 1", "c 1"];
}

refuses! {
    a_root_that_nobody_has_is_missing: "nginx-full", ["nginx"] => [
        "packages[0] asks for `nginx`, but no source offers it",
        "similar names: nginx-full",
        "help: if `nginx-full` is meant",
    ];
    a_root_of_another_version_is_missing: "a 1\na 2", ["a (>= 3)"] => [
        "packages[0] asks for `a (>= 3)`", "there is a 2 (source main)", "there is a 1 (source main)",
        "help: add a source that offers `a (>= 3)`",
    ];
    a_root_from_another_source_is_missing: "a; From: vendor", ["a@main"] => [
        "from source `main`", "comes from another source", "help: let a come from source `vendor`",
    ];
    all_missing_roots_are_listed: "a", ["x", "y"] => ["packages[0]", "packages[1]"];
    a_root_of_negative_priority_is_missing: "a; Pin: -10", ["a"] => ["pin priority -10"];
    a_root_at_another_version_than_the_lock_is_missing: "a 2", ["a", "=a 1"] => ["is not the locked version 1"];
    a_missing_dependency_is_named_with_the_way_to_it: "a; Depends: b\nb; Depends: gone (>= 2)\ngone 1", ["a"] => [
        "packages[0] asks for `a`", "a 1 depends on `b`", "b 1 depends on `gone (>= 2)`",
        "no source offers `gone (>= 2)`", "there is gone 1 (source main)",
    ];
    a_missing_pre_dependency_is_called_so: "a; Pre-Depends: gone", ["a"] => ["a 1 pre-depends on `gone`"];
    an_unversioned_provider_does_not_satisfy_a_versioned_relation: "a; Depends: v (>= 1)\nb; Provides: v", ["a"] => [
        "no source offers `v (>= 1)`", "b 1 (source main) provides the name without a version",
    ];
    a_provider_of_another_version_does_not_satisfy: "a; Depends: v (>= 3)\nb; Provides: v (= 2)", ["a"] => [
        "no source offers `v (>= 3)`",
    ];
    any_is_not_satisfied_by_a_package_that_does_not_allow_it: "a; Depends: b:any\nb", ["a"] => [
        "no source offers `b:any`", "b 1 (source main) is for amd64",
    ];
    a_foreign_package_does_not_serve: "a; Depends: b\nb 1 i386", ["a"] => ["b 1 (source main) is for i386"];
    roots_that_conflict_are_refused: "a; Conflicts: b\nb", ["a", "b"] => [
        "cannot be installed together", "packages[0] asks for `a`", "packages[1] asks for `b`",
        "a 1 conflicts with `b`, which is b 1", "help: leave out one of `a` and `b`",
    ];
    roots_that_break_one_another_are_refused: "a; Breaks: b (<< 2)\nb", ["a", "b"] => [
        "a 1 breaks `b (<< 2)`, which is b 1",
    ];
    two_providers_that_conflict_over_what_both_provide_are_refused:
        "a; Provides: v; Conflicts: v\nb; Provides: v; Conflicts: v", ["a", "b"] => ["conflicts with `v`"];
    a_dependency_on_what_is_in_conflict_is_refused: "a; Depends: b, c\nb; Conflicts: c\nc", ["a"] => [
        "b 1 conflicts with `c`",
    ];
    two_versions_of_one_package_cannot_both_be: "a; Depends: c (= 1)\nb; Depends: c (= 2)\nc 1\nc 2", ["a", "b"] => [
        "a 1 depends on `c (= 1)`", "b 1 depends on `c (= 2)`",
    ];
    only_the_roots_that_clash_are_named: "a; Conflicts: b\nb\nx\ny", ["x", "a", "y", "b"] => [
        "packages[1] asks for `a`", "packages[3] asks for `b`", "leave out one of `a` and `b`",
    ];
    versions_that_all_fail_alike_are_said_once:
        "a 1; Depends: gone\na 2; Depends: gone\na 3; Depends: gone", ["a"] => ["a 3, 2, 1 depends on `gone`"];
}
