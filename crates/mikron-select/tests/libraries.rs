//! What shell scripts read of other files, and what those run.

mod support;

use mikron_matrix::why;
use mikron_select::{LookedFor, PackageInput, Role, Selection};
use mikron_testkit::archive::DebBuilder;

use support::{amd64, deb, dependency, libc, package, program, root, selected, whole};

const TOOLS: [&str; 6] = ["stat", "tar", "sort", "which", "cut", "id"];

/// The Essential packages.
fn essential() -> [PackageInput; 2] {
    let tools = TOOLS.iter().fold(deb("tools"), |deb, name| {
        deb.file(&format!("/bin/{name}"), 0o755, program().build())
    });
    let shell = deb("dash").file("/bin/sh", 0o755, program().build());
    [&tools, &shell].map(|deb| package(Role::Provider, deb))
}

/// The tools that the image of packages has; the first is the root, the others are what it depends on.
fn tools_of(packages: &[&DebBuilder]) -> Vec<&'static str> {
    let mut inputs = vec![root(packages[0])];
    inputs.extend(packages[1..].iter().map(|deb| dependency(deb)));
    inputs.push(dependency(&libc()));
    let (_, alone) = selected(inputs.clone(), &amd64());
    inputs.extend(essential());
    let (inputs, selection) = selected(inputs, &amd64());
    whole(&inputs, &selection);
    let is_in = |selection: &Selection, path: &str| why(selection, &inputs, path).is_some();
    let found = TOOLS
        .into_iter()
        .filter(|name| is_in(&selection, &format!("/bin/{name}")));
    let found: Vec<&str> = found.collect();
    // Essential packages are looked at once something asks for them.
    let asked = alone.missing.len() + alone.wants.len();
    assert!(found.is_empty() || asked > 0, "{found:?}");
    found
}

#[test]
fn a_script_brings_what_the_functions_run_that_it_calls_of_a_file_without_an_interpreter() {
    let functions = "# functions of app\nWHERE=$(which nothing)\nneed() { stat /x; }\nbegin() { need \"$@\"; }\nunused() { tar -x; }\n";
    for (script, path) in [
        (
            "#!/bin/sh\n. /usr/share/app/functions\nbegin\n",
            "/usr/share/app/functions",
        ),
        (
            "#!/bin/sh\nDIR=${APP_DIR:-/usr/lib/app}\n. \"$DIR/lib.sh\"\nbegin | cat\n",
            "/usr/lib/app/lib.sh",
        ),
        (
            "#!/bin/sh\n. \"$(dirname \"$0\")/../share/app/common\"\nif begin; then :; fi\n",
            "/usr/share/app/common",
        ),
        (
            "#!/bin/sh\nfor part in /usr/lib/app/a /usr/lib/app/b; do . $part; done\nbegin\n",
            "/usr/lib/app/b",
        ),
    ] {
        let app = deb("app")
            .depends("libc6")
            .file("/usr/bin/app", 0o755, script)
            .file(path, 0o644, functions);
        assert_eq!(tools_of(&[&app]), ["stat", "which"], "{script}");
    }
}

#[test]
fn a_file_that_is_read_may_be_of_another_package_and_read_another_in_turn() {
    let common = deb("common")
        .file(
            "/usr/lib/common/one",
            0o644,
            "#!/bin/sh\n. /usr/lib/common/two\nlog() { sort; two; }\n",
        )
        .file(
            "/usr/lib/common/two",
            0o644,
            "two() { cut -f 1; }\nthree() { id; }\n",
        );
    let app = deb("app").depends("common, libc6").file(
        "/usr/bin/app",
        0o755,
        "#!/bin/sh\n. /usr/lib/common/one\nlog\n",
    );
    assert_eq!(tools_of(&[&app, &common]), ["sort", "cut"]);
}

#[test]
fn a_command_may_be_the_value_of_a_variable_that_a_file_sets() {
    let settings = "STAT_CMD=\"`which stat`\"\nTAR_CMD=\"`which tar`\"\nCUT=\"$(command -v cut) -f\"\nNAME=id\n";
    for (script, tools) in [
        ("$STAT_CMD /x", &["stat", "which"][..]),
        ("run() { ${CUT} 1; }\nrun", &["which", "cut"]),
        ("echo $TAR_CMD", &["which"]),
    ] {
        let app = deb("app")
            .depends("libc6")
            .file(
                "/usr/bin/app",
                0o755,
                format!("#!/bin/sh\n. /etc/app/config\n{script}\n"),
            )
            .file("/etc/app/config", 0o644, settings);
        assert_eq!(tools_of(&[&app]), tools, "{script}");
    }
}

#[test]
fn a_text_that_no_script_reads_brings_nothing() {
    for (path, text) in [
        ("/usr/share/app/functions", "a() { stat /x; }\na\n"),
        ("/etc/app.conf", "name=$(stat /x)\n"),
    ] {
        let app = deb("app")
            .depends("libc6")
            .file("/usr/bin/app", 0o755, "#!/bin/sh\n:\n")
            .file(path, 0o644, text);
        assert!(tools_of(&[&app]).is_empty(), "{path}");
    }
}

#[test]
fn the_script_of_a_unit_asks_for_its_interpreter() {
    for (script, wanted) in [
        ("#!/bin/sh\nid\n", &["sh"][..]),
        ("#!/bin/bash -e\nid\n", &["bash"]),
        ("#!/usr/bin/env perl\n", &["env"]),
        ("no script", &[]),
    ] {
        let app = deb("app")
            .depends("libc6")
            .file(
                "/lib/systemd/system/app.service",
                0o644,
                "[Service]\nExecStart=/usr/share/app/up\n",
            )
            .file("/usr/share/app/up", 0o755, script);
        let inputs = vec![root(&app), dependency(&libc())];
        let (inputs, selection) = selected(inputs, &amd64());
        let wants = selection
            .wants
            .iter()
            .filter_map(|want| match &want.looked_for {
                LookedFor::Command(name) => Some(name.as_str()),
                LookedFor::Package => None,
            });
        assert_eq!(wants.collect::<Vec<_>>(), wanted, "{script}");
        // What cannot be started is no reason to refuse the image.
        whole(&inputs, &selection);
        if wanted == ["sh"] {
            assert_eq!(tools_of(&[&app]), ["id"]);
        }
    }
}
