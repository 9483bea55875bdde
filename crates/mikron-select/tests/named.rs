//! Scripts: what they name is in the image, wherever they lie and wherever in them it stands.

mod support;

use mikron_matrix::why;
use mikron_select::{PackageInput, Role, Selection};
use mikron_testkit::archive::DebBuilder;

use support::{amd64, deb, dependency, libc, package, program, root, selected, whole};

fn dash() -> PackageInput {
    let dash = deb("dash")
        .file("/bin/dash", 0o755, program().build())
        .symlink("/bin/sh", "dash");
    package(Role::Provider, &dash)
}

/// Packages of the distribution that nothing depends on, with one program each.
fn tools(names: &[&str]) -> PackageInput {
    let add = |deb: DebBuilder, name: &&str| {
        deb.file(&format!("/usr/bin/{name}"), 0o755, program().build())
    };
    package(Role::Provider, &names.iter().fold(deb("coreutils"), add))
}

fn selection_of(app: &DebBuilder, entrypoint: &str) -> (Vec<PackageInput>, Selection) {
    let names = ["mkdir", "grep", "id", "sed", "su", "rm"];
    let inputs = vec![root(app), dash(), tools(&names), dependency(&libc())];
    let mut wanted = amd64();
    wanted.programs = vec![entrypoint.to_owned()];
    selected(inputs, &wanted)
}

#[test]
fn a_script_is_started_by_its_first_line_wherever_it_lies() {
    for (path, entrypoint, first) in [
        ("/opt/app/bin/run.sh", "/opt/app/bin/run.sh", "#!/bin/sh"),
        ("/opt/app/run", "/opt/app/run", "#! /bin/sh -e"),
        (
            "/usr/share/app/run.sh",
            "/usr/share/app/run.sh",
            "#!/usr/bin/env sh",
        ),
        ("/var/lib/app/run", "/usr/bin/app", "#!/bin/dash"),
        ("/etc/app/start", "/etc/app/start", "#!/bin/sh"),
    ] {
        let app = deb("app")
            .depends("libc6")
            .file(path, 0o755, format!("{first}\nmkdir -p /x\n"))
            .file("/usr/bin/env", 0o755, program().build())
            .symlink("/usr/bin/app", path);
        let (inputs, selection) = selection_of(&app, entrypoint);
        whole(&inputs, &selection);
        for needed in ["/bin/dash", "/usr/bin/mkdir"] {
            assert!(
                why(&selection, &inputs, needed).is_some(),
                "{path}: {needed}"
            );
        }
    }
}

#[test]
fn a_script_that_a_link_of_the_spec_turns_on_is_started() {
    let app = deb("app")
        .depends("libc6")
        .file("/usr/bin/app", 0o755, program().build())
        .file("/usr/share/app/plugins/on", 0o755, "#!/bin/sh\ngrep x /y\n")
        .file("/usr/share/app/plugins/off", 0o755, "#!/bin/sh\nsed p /y\n");
    let inputs = vec![
        root(&app),
        dash(),
        tools(&["grep", "sed"]),
        dependency(&libc()),
    ];
    let mut wanted = amd64();
    wanted.links = ["/usr/share/app/plugins/on", "/data/of/a/volume"]
        .map(str::to_owned)
        .into();
    let (inputs, selection) = selected(inputs, &wanted);
    whole(&inputs, &selection);
    assert!(why(&selection, &inputs, "/bin/dash").is_some());
    assert!(why(&selection, &inputs, "/usr/bin/grep").is_some());
    assert!(why(&selection, &inputs, "/usr/bin/sed").is_none());
}

#[test]
fn a_script_that_another_one_runs_or_reads_is_started_too() {
    let app = deb("app")
        .depends("libc6")
        .symlink("/usr/sbin/app", "../lib/app/bin/wrapper")
        .file(
            "/usr/lib/app/bin/wrapper",
            0o755,
            "#!/bin/sh\n. /usr/share/app/env\nexec /usr/share/app/server \"$@\"\n",
        )
        .file("/usr/share/app/env", 0o755, "#!/bin/sh\nX=`sed -n p /x`\n")
        .file("/usr/share/app/server", 0o755, "#!/bin/sh\nid -u\n");
    let (inputs, selection) = selection_of(&app, "/usr/sbin/app");
    whole(&inputs, &selection);
    for command in ["sed", "id"] {
        let path = format!("/usr/bin/{command}");
        assert!(why(&selection, &inputs, &path).is_some(), "{command}");
    }
    assert!(why(&selection, &inputs, "/usr/bin/su").is_none());
}

#[test]
fn a_command_that_a_condition_runs_is_needed_and_one_whose_absence_is_asked_for_is_not() {
    for (text, command) in [
        ("if mkdir -p /x; then :; fi", "mkdir"),
        ("if ! mkdir /x; then :; fi", "mkdir"),
        ("echo a | grep -q a && echo b", "grep"),
        ("while grep -q x /y; do sleep 1; done", "grep"),
        ("[ \"$(id -u)\" = 0 ] && echo root", "id"),
        ("until id x; do :; done", "id"),
        ("case `id -u` in 0) ;; esac", "id"),
        ("rm -f /x || true", "rm"),
        ("command -v id || exit 1; \"$1\"", "id"),
        ("if ! type id; then echo no; exit 2; fi", "id"),
    ] {
        let app =
            deb("app")
                .depends("libc6")
                .file("/usr/bin/app", 0o755, format!("#!/bin/sh\n{text}\n"));
        let (inputs, selection) = selection_of(&app, "app");
        let path = format!("/usr/bin/{command}");
        assert!(why(&selection, &inputs, &path).is_some(), "{text}");
    }
    for text in [
        "if command -v id; then id; fi",
        "type id >/dev/null && id",
        "which id && id -u",
        "which id || exit 0; id",
        "if [ -x /usr/bin/id ]; then /usr/bin/id; fi",
    ] {
        let app =
            deb("app")
                .depends("libc6")
                .file("/usr/bin/app", 0o755, format!("#!/bin/sh\n{text}\n"));
        let (inputs, selection) = selection_of(&app, "app");
        assert!(why(&selection, &inputs, "/usr/bin/id").is_none(), "{text}");
    }
}

#[test]
fn what_no_package_has_and_a_condition_asks_for_is_no_loss() {
    let app = deb("app").depends("libc6").file(
        "/usr/bin/app",
        0o755,
        "#!/bin/sh\nif nowhere; then :; fi\nelsewhere\n",
    );
    let (_, selection) = selection_of(&app, "app");
    let triggers: Vec<&str> = selection
        .without
        .iter()
        .map(|w| w.trigger.as_str())
        .collect();
    assert_eq!(triggers, ["calls elsewhere"]);
}
