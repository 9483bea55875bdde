//! What configuration includes and what units of services start is in the image.

mod support;

use mikron_matrix::why;
use mikron_select::{PackageInput, Reason, Role, Selection};
use mikron_testkit::archive::DebBuilder;

use support::{amd64, deb, dependency, libc, package, paths, program, root, selected, whole};

fn with(name: &str, files: &[(&str, &str)]) -> DebBuilder {
    let start =
        deb(name)
            .depends("libc6")
            .file(&format!("/usr/sbin/{name}"), 0o755, program().build());
    files
        .iter()
        .fold(start, |deb, (path, text)| deb.file(path, 0o644, *text))
}

fn has(inputs: &[PackageInput], selection: &Selection, path: &str) -> bool {
    paths(inputs, selection).iter().any(|chosen| chosen == path)
}

#[test]
fn what_other_packages_put_into_a_directory_is_taken_where_its_reader_is_in_the_image() {
    for (reader, config, text, hook) in [
        (
            "logrotate",
            "/etc/logrotate.conf",
            "weekly\ninclude /etc/logrotate.d\n",
            "/etc/logrotate.d/nginx",
        ),
        (
            "rsyslog",
            "/etc/rsyslog.conf",
            "$IncludeConfig /etc/rsyslog.d/*.conf\n",
            "/etc/rsyslog.d/nginx.conf",
        ),
        (
            "dbus",
            "/etc/dbus-1/system.conf",
            "<busconfig>\n  <includedir>system.d</includedir>\n",
            "/etc/dbus-1/system.d/nginx.conf",
        ),
        (
            "sudo",
            "/etc/sudoers",
            "Defaults x\n@includedir /etc/sudoers.d\n",
            "/etc/sudoers.d/nginx",
        ),
        (
            "monit",
            "/etc/monit/monitrc",
            "  include /etc/monit/conf-enabled/*\n",
            "/etc/monit/conf-enabled/nginx",
        ),
    ] {
        let nginx = with("nginx", &[(hook, "x\n"), ("/etc/cron.d/nginx", "x\n")]);
        let alone = vec![root(&nginx), dependency(&libc())];
        let (inputs, selection) = selected(alone, &amd64());
        let is_hook = !has(&inputs, &selection, hook);
        let both = vec![
            root(&with(reader, &[(config, text)])),
            root(&nginx),
            dependency(&libc()),
        ];
        let (inputs, selection) = selected(both, &amd64());
        whole(&inputs, &selection);
        let chain = why(&selection, &inputs, hook).unwrap_or_else(|| panic!("{hook} of {reader}"));
        let last = &chain.last().expect("a chain").reason;
        assert!(
            !is_hook || matches!(last, Reason::Included { .. }),
            "{hook}: {last}"
        );
        assert!(
            !has(&inputs, &selection, "/etc/cron.d/nginx"),
            "{reader} reads no crontab"
        );
        // What belongs to no program of the image is no part of it.
        let bystander = dependency(
            &deb("other")
                .file(&hook.replace("nginx", "other"), 0o644, "x\n")
                .file("/usr/sbin/other", 0o755, program().build()),
        );
        let mut third = with(reader, &[(config, text)]);
        third = third.depends("other");
        let (inputs, selection) =
            selected(vec![root(&third), bystander, dependency(&libc())], &amd64());
        assert!(
            !has(&inputs, &selection, &hook.replace("nginx", "other")),
            "{reader}"
        );
    }
}

#[test]
fn what_is_relative_is_looked_for_beside_the_file_and_above_it() {
    let files = [
        ("/etc/app/app.conf", "include sites/*.conf;\n"),
        (
            "/etc/app/sites/default.conf",
            "include snippets/php.conf;\ninclude /etc/other/one.conf;\ninclude /nowhere/*;\n",
        ),
    ];
    let other = with(
        "other",
        &[
            ("/etc/other/one.conf", "x\n"),
            ("/etc/other/two.conf", "x\n"),
            ("/etc/app/snippets/php.conf", "x\n"),
        ],
    );
    let app = with("app", &files).depends("other");
    let (inputs, selection) = selected(
        vec![root(&app), dependency(&other), dependency(&libc())],
        &amd64(),
    );
    whole(&inputs, &selection);
    for path in ["/etc/other/one.conf", "/etc/app/snippets/php.conf"] {
        assert!(has(&inputs, &selection, path), "{path}");
    }
    assert!(!has(&inputs, &selection, "/etc/other/two.conf"));
}

#[test]
fn a_program_that_asks_pam_brings_the_file_of_its_service() {
    // `su` lies in a package that every installation has and no dependency names.
    let su = program().import("pam_start").build();
    let essential = deb("util-linux")
        .file("/bin/su", 0o755, su)
        .file("/bin/login", 0o755, program().build())
        .file("/etc/pam.d/su", 0o644, "@include common-auth\n")
        .file("/etc/pam.d/su-l", 0o644, "auth include su\n")
        .file("/etc/pam.d/login", 0o644, "x\n");
    let app = deb("app").file("/usr/bin/app", 0o755, "#!/bin/sh\nsu x -c id\nlogin\n");
    let shell = deb("dash").file("/bin/sh", 0o755, program().build());
    let inputs = vec![
        root(&app.depends("libc6")),
        dependency(&libc()),
        package(Role::Provider, &essential),
        package(Role::Provider, &shell),
    ];
    let (inputs, selection) = selected(inputs, &amd64());
    for (path, there) in [
        ("/etc/pam.d/su", true),
        ("/etc/pam.d/su-l", true),
        ("/etc/pam.d/login", false),
    ] {
        assert_eq!(has(&inputs, &selection, path), there, "{path}");
    }
}

/// A service whose unit starts `command`, with what an installation has at any rate.
fn service(command: &str, entrypoint: Option<&str>) -> (Vec<PackageInput>, Selection) {
    let unit = format!(
        "[Service]\nExecStartPre=-/usr/bin/install -d /run/x\nExecStart={command}\nExecReload=/bin/kill -HUP $MAINPID\n"
    );
    let app = with("app", &[("/lib/systemd/system/app.service", &unit)])
        .file("/usr/lib/app/run", 0o755, "#!/bin/bash\nid\n")
        .file("/usr/share/app/main.py", 0o644, "#!/usr/bin/python3\n");
    let tools = ["true", "install", "kill", "id"];
    let tools = tools.iter().fold(deb("coreutils"), |deb, name| {
        deb.file(&format!("/bin/{name}"), 0o755, program().build())
    });
    let bash = deb("bash")
        .file("/bin/bash", 0o755, program().build())
        .symlink("/bin/sh", "bash");
    let inputs = vec![
        root(&app),
        dependency(&libc()),
        package(Role::Provider, &tools),
        package(Role::Provider, &bash),
    ];
    let mut wanted = amd64();
    wanted.programs = entrypoint.into_iter().map(str::to_owned).collect();
    selected(inputs, &wanted)
}

#[test]
fn the_unit_of_a_root_starts_as_an_entrypoint_does() {
    for (command, brought) in [
        ("/bin/true", &["/bin/true"][..]),
        (
            "/usr/lib/app/run --all",
            &["/usr/lib/app/run", "/bin/bash", "/bin/id"],
        ),
        ("/bin/sh -c 'exec true'", &["/bin/bash", "/bin/true"]),
    ] {
        let (inputs, selection) = service(command, None);
        whole(&inputs, &selection);
        for path in brought {
            assert!(has(&inputs, &selection, path), "{command}: {path}");
        }
        // What a service manager runs beside it is not the service.
        for path in ["/bin/install", "/bin/kill"] {
            assert!(!has(&inputs, &selection, path), "{command}: {path}");
        }
        assert!(selection.without.is_empty(), "{:?}", selection.without);
        let (inputs, selection) = service(command, Some("/usr/sbin/app"));
        assert!(
            !has(&inputs, &selection, "/bin/true"),
            "the spec says what is started"
        );
    }
}

#[test]
fn a_unit_whose_program_no_package_has_is_listed() {
    let (inputs, selection) = service("/usr/bin/node server.js", None);
    whole(&inputs, &selection);
    let [without] = selection.without.as_slice() else {
        panic!("{:?}", selection.without);
    };
    assert_eq!(without.trigger, "starts /usr/bin/node");
    assert_eq!(without.path.to_string(), "/lib/systemd/system/app.service");
}
