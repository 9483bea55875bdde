//! The rules of apk, one sentence each.

mod family;

use family::{fill, packages, short, solve};
use mikron_package::Family;
use mikron_solve::Reason;

/// Each case: a universe, a request, and the packages that must come out, in both orders of the universe.
macro_rules! gives {
    ($($name:ident: $universe:expr, $request:expr => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut packages = packages(Family::APK, $universe);
            for _ in 0..2 {
                let universe = fill(Family::APK, &packages);
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
            let mut packages = packages(Family::APK, $universe);
            for _ in 0..2 {
                let universe = fill(Family::APK, &packages);
                let error = solve(&universe, &$request).unwrap_err().to_string();
                assert_eq!(error, $expected.trim(), "\n{error}");
                packages.reverse();
            }
        }
    )*};
}

gives! {
    a_dependency_is_followed: "a; Depends: b\nb; Depends: c\nc", ["a"] => "a b c";
    the_latest_version_is_taken: "a 1\na 1.10\na 1.9", ["a"] => "a-1.10";
    a_tilde_takes_the_versions_that_begin_so: "a; Depends: b ~ 1.2\nb 1.1\nb 1.2.7\nb 1.3", ["a"] => "a b-1.2.7";
    an_older_version_is_taken_when_the_latest_cannot_be: "a 2; Depends: gone\na 1", ["a"] => "a";
    a_conflict_moves_a_choice: "a; Depends: v\nb; Provides: v = 2; Depends: !z\nc; Provides: v = 1\nz", ["a", "z"] => "a c z";
    a_conflict_with_a_version_leaves_others_alone: "a; Depends: !b < 2\nb 2", ["a", "b"] => "a b-2";

    a_provides_with_a_version_stands_for_the_package: "a; Depends: so:libc.so.1\nmusl; Provides: so:libc.so.1 = 1", ["a"] => "a musl";
    a_versioned_provides_satisfies_a_version: "a; Depends: v >= 2\nb; Provides: v = 3\nc; Provides: v = 1", ["a"] => "a b";
    an_unversioned_provides_satisfies_no_version: "a; Depends: v >= 2\nb; Provides: v\nz; Provides: v = 3", ["a"] => "a z";
    the_later_version_of_the_wanted_name_is_taken: "a; Depends: v\nb; Provides: v = 1\nz; Provides: v = 2", ["a"] => "a z";
    a_later_provides_beats_the_package_of_the_name: "a; Depends: v\nv 1\nz; Provides: v = 2", ["a"] => "a z";
    of_equal_versions_the_provider_priority_decides:
        "a; Depends: v\nb; Provides: v = 1; Priority: 5\nz; Provides: v = 1; Priority: 9", ["a"] => "a z";
    of_equal_priorities_the_name_decides: "a; Depends: v\nz; Provides: v = 1\nb; Provides: v = 1", ["a"] => "a b";
    the_highest_provider_priority_is_taken_for_a_virtual_name:
        "a; Depends: v\nb; Provides: v; Priority: 5\nz; Provides: v; Priority: 9\nc; Provides: v", ["a"] => "a z";
    a_versioned_provider_beats_every_priority: "a; Depends: v\nb; Provides: v; Priority: 100\nz; Provides: v = 1", ["a"] => "a z";
    the_only_provider_of_a_virtual_name_is_taken: "a; Depends: v\nb; Provides: v", ["a"] => "a b";
    a_virtual_name_is_filled_by_what_the_spec_names: "a; Depends: v\nb; Provides: v\nc; Provides: v", ["a", "c"] => "a c";
    a_virtual_name_is_filled_by_what_another_package_names:
        "a; Depends: v, d\nb; Provides: v\nc; Provides: v\nd; Depends: c", ["a"] => "a c d";
    a_choice_is_made_so_that_a_virtual_name_is_filled:
        "a; Depends: v, w\nb; Provides: v\nc; Provides: v\nd; Provides: w = 2\ne; Provides: w = 1; Depends: c", ["a"] => "a c e";
    several_unversioned_providers_stand_side_by_side: "a; Provides: v\nb; Provides: v", ["a", "b"] => "a b";
    packages_that_own_a_name_exclude_each_other:
        "a; Depends: x\nm; Depends: y\nb; Provides: v = 1, x = 1\nc; Provides: v = 2, y = 2\nd; Provides: y = 1", ["a", "m"] => "a b d m";

    a_root_may_be_a_path: "busybox; Provides: /bin/sh\na", ["/bin/sh"] => "busybox";
    install_if_brings_a_package_in: "a\ndocs\na-doc; InstallIf: a = 1, docs", ["a", "docs"] => "a a-doc docs";
    install_if_brings_in_where_what_it_excludes_is_not_there:
        "a\nc\nb; InstallIf: a, !c", ["a"] => "a b";
    install_if_is_kept_out_by_what_it_excludes: "a; Depends: v\nc; Provides: v\nb; InstallIf: a, !v", ["a"] => "a c";
    install_if_is_kept_out_by_the_version_alone: "a\nc 1\nb; InstallIf: a, !c > 1", ["a", "c"] => "a b c";
    install_if_needs_all_of_it: "a\ndocs\na-doc; InstallIf: a = 1, docs", ["a"] => "a";
    install_if_needs_the_version: "a 2\ndocs\na-doc; InstallIf: a = 1, docs", ["a", "docs"] => "a-2 docs";
    install_if_brings_its_dependencies: "a\ndocs\na-doc; InstallIf: a, docs; Depends: man\nman", ["a", "docs"] => "a a-doc docs man";
    install_if_goes_on_until_nothing_more_comes:
        "a\nb; InstallIf: a\nc; InstallIf: b\nd; InstallIf: c, a\ne; InstallIf: c, z", ["a"] => "a b c d";
    install_if_is_satisfied_by_what_is_provided: "a; Provides: v = 1\nb; InstallIf: v", ["a"] => "a b";
    install_if_does_not_force_what_cannot_be: "a\nb; InstallIf: a; Depends: gone\nc; InstallIf: a", ["a"] => "a c";
    install_if_does_not_bring_in_what_is_in_conflict: "a; Depends: !b\nb; InstallIf: a", ["a"] => "a";
    install_if_takes_the_latest_version_that_can_be:
        "a\nb 1; InstallIf: a\nb 2; InstallIf: a\nb 3; InstallIf: a; Depends: gone\nb 4; InstallIf: z", ["a"] => "a b-2";

    a_tagged_source_serves_the_root_that_names_it: "a 1\na 2; From: edge; Pin: -1", ["a@edge"] => "a-2";
    a_tagged_source_serves_no_other_root: "a 1\na 2; From: edge; Pin: -1", ["a"] => "a";
    a_tagged_package_may_need_one_of_its_source:
        "a 2; From: edge; Pin: -1; Depends: b >= 2\nb 1\nb 2; From: edge; Pin: -1", ["a@edge"] => "a-2 b-2";
    a_tagged_package_prefers_what_is_not_tagged:
        "a 2; From: edge; Pin: -1; Depends: b\nb 1\nb 2; From: edge; Pin: -1", ["a@edge"] => "a-2 b";
    replaces_plays_no_part: "a\nb", ["a", "b"] => "a b";
}

refuses! {
    roots_that_own_one_name_are_refused: "a; Provides: v = 1\nb; Provides: v", ["a", "b"] => "
the packages that the spec asks for cannot be installed together
  packages[0] asks for `a`
    a 1 and b 1 share the name `v`, which one only can have
  packages[1] asks for `b`
    b 1 would do
  help: leave out one of `a` and `b`, or let the spec ask for another version of it
";
    a_virtual_name_that_nothing_fills_is_explained: "a; Depends: v\nb; Provides: v\nc; Provides: v", ["a"] => "
what the spec asks for cannot be installed
  packages[0] asks for `a`
    a 1 depends on `v`
      b 1 comes in only where something asks for it by its own name
      c 1 comes in only where something asks for it by its own name
  help: let the spec ask for `b` by its name
  help: let the spec ask for `c` by its name
";
    a_tagged_package_is_not_taken_for_a_dependency: "a; Depends: b\nb; From: edge; Pin: -1", ["a"] => "
what the spec asks for cannot be installed
  packages[0] asks for `a`
    a 1 depends on `b`
      no source offers `b`
        b 1 (source edge) has the pin priority -1, which forbids it
  help: raise the pin priority of source `edge`, which has b 1
";
}

#[test]
fn install_if_is_a_reason() {
    let universe = family::universe(
        Family::APK,
        "a\ndocs; Provides: v = 1\na-doc; InstallIf: a = 1, v; Depends: man\nman",
    );
    let solution = solve(&universe, &["a", "docs"]).expect("all of it can be had");
    let id = |name: &str| solution.get(name).expect("it is there").id;
    let doc = solution.get("a-doc").expect("it comes in");
    let Reason::InstallIf { by, relations } = &doc.via else {
        panic!("{:?}", doc.via)
    };
    assert_eq!(*by, [id("a"), id("docs")]);
    assert_eq!(relations.len(), 2);
    let chain = solution.chain("man").expect("man has a reason");
    let names: Vec<_> = chain.packages.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["a", "a-doc", "man"]);
}
