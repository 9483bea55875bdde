//! What takes the place of maintainer scripts.

mod common;

use common::{Image, Look, path};
use mikron_package::{Entry, EntryKind};
use mikron_rootfs::{Group, Outcome, RootfsError, User};

#[test]
fn a_bare_image_has_root_nobody_and_the_directories_that_all_programs_expect() {
    let rootfs = Image::new()
        .file("p", "/usr/bin/p", "1")
        .finalize()
        .unwrap();
    assert_eq!(
        rootfs.text("/etc/passwd"),
        "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    );
    assert_eq!(rootfs.text("/etc/group"), "root:x:0:\nnogroup:x:65534:\n");
    assert_eq!(rootfs.at("/tmp").unwrap().entry.mode, 0o1777);
    assert_eq!(rootfs.target("/var/run").as_deref(), Some("/run"));
    assert!(rootfs.at("/etc/shadow").is_none());
}

#[test]
fn root_has_a_shell_where_the_image_has_one() {
    let image = Image::new()
        .file("dash", "/bin/dash", "1")
        .link("dash", "/bin/sh", "dash");
    let rootfs = image.finalize().unwrap();
    assert!(
        rootfs
            .text("/etc/passwd")
            .starts_with("root:x:0:0:root:/root:/bin/sh\n")
    );
}

#[test]
fn accounts_of_scripts_get_numbers_in_order_of_name() {
    let script = "#!/bin/sh\nset -e\nUSER=zed\ncase \"$1\" in\nconfigure)\n  adduser --quiet --system --group --home /var/lib/$USER --no-create-home $USER\n  addgroup --system certs\n  adduser $USER certs\n;;\nesac\n";
    let image = Image::new()
        .script("b", "postinst", script)
        .script("a", "preinst", "useradd -r -d /srv -s /bin/false alpha")
        .file("b", "/usr/bin/b", "1");
    let rootfs = image.finalize().unwrap();
    let passwd = rootfs.text("/etc/passwd");
    assert!(
        passwd.contains("\nalpha:x:101:101::/srv:/bin/false\n"),
        "{passwd}"
    );
    assert!(
        passwd.contains("\nzed:x:103:103::/var/lib/zed:/usr/sbin/nologin\n"),
        "{passwd}"
    );
    let group = rootfs.text("/etc/group");
    assert!(group.contains("\ncerts:x:102:zed\nzed:x:103:\n"), "{group}");
    for script in &rootfs.scripts {
        assert_eq!(script.uncovered().count(), 0, "{script:?}");
    }
}

#[test]
fn the_spec_fixes_numbers_and_outweighs_scripts() {
    let mut image = Image::new().script("p", "postinst", "adduser --system --group --home /x web");
    image.assembly.accounts.users = vec![User {
        uid: Some(101),
        gecos: Some("Web".into()),
        groups: vec!["tty".into(), "own".into()],
        ..User::new("web")
    }];
    image.assembly.accounts.groups = vec![Group {
        name: "own".into(),
        gid: Some(2000),
        members: Vec::new(),
    }];
    image.assembly.run_as = Some("web".into());
    let rootfs = image.finalize().unwrap();
    assert!(
        rootfs
            .text("/etc/passwd")
            .contains("web:x:101:101:Web:/x:/usr/sbin/nologin\n")
    );
    let group = rootfs.text("/etc/group");
    assert!(
        group.contains("tty:x:5:web\n") && group.contains("own:x:2000:web\n"),
        "{group}"
    );
    assert_eq!(rootfs.run_as.unwrap().to_string(), "101:101");
}

#[test]
fn static_accounts_are_there_when_something_names_them() {
    let image = Image::new()
        .script("nginx-common", "postinst", "chown www-data:adm /var/log/x")
        .file_with("p", "/etc/secret", "1", |entry| entry.gid = 42);
    let rootfs = image.finalize().unwrap();
    assert!(
        rootfs
            .text("/etc/passwd")
            .contains("www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin")
    );
    let group = rootfs.text("/etc/group");
    for line in ["adm:x:4:\n", "shadow:x:42:\n", "www-data:x:33:\n"] {
        assert!(group.contains(line), "{group}");
    }
    let rootfs = Image::new()
        .file("p", "/etc/nginx.conf", "user www-data;\n")
        .finalize()
        .unwrap();
    assert!(rootfs.text("/etc/passwd").contains("www-data"));
    for (line, name) in [
        ("user.privileged: proxy", "proxy:x:13"),
        ("\tuser_of_news = news", "news:x:9"),
        ("Server-User list", "list:x:38"),
    ] {
        let rootfs = Image::new().file("p", "/etc/p.conf", line).finalize();
        let passwd = rootfs.unwrap().text("/etc/passwd");
        assert!(passwd.contains(name), "{line}: {passwd}");
    }
    for line in ["#user: proxy", "username.suffix: proxy", "parent: proxy"] {
        let rootfs = Image::new().file("p", "/etc/p.conf", line).finalize();
        assert!(
            !rootfs.unwrap().text("/etc/passwd").contains("proxy"),
            "{line}"
        );
    }
    let mut image = Image::new();
    image.assembly.run_as = Some("nonroot".into());
    let rootfs = image.finalize().unwrap();
    assert_eq!(rootfs.run_as.unwrap().to_string(), "65532:65532");
    assert!(
        rootfs
            .text("/etc/passwd")
            .contains("nonroot:x:65532:65532:nonroot:/home/nonroot")
    );
}

#[test]
fn names_in_an_archive_outweigh_its_numbers() {
    let image = Image::new()
        .script("p", "postinst", "adduser --system --group svc")
        .file_with("p", "/var/x", "1", |entry| {
            entry.uid = 999;
            entry.user = Some("svc".into());
            entry.group = Some("root".into());
        });
    let rootfs = image.finalize().unwrap();
    let entry = &rootfs.at("/var/x").unwrap().entry;
    assert_eq!((entry.uid, entry.gid), (101, 0));
}

#[test]
fn accounts_that_contradict_each_other_are_refused() {
    let clash = |users: Vec<User>| {
        let mut image = Image::new();
        image.assembly.accounts.users = users;
        image.finalize().unwrap_err()
    };
    let uid = |name, uid| User {
        uid: Some(uid),
        ..User::new(name)
    };
    let error = clash(vec![uid("a", 7_000), uid("b", 7_000)]);
    assert_eq!(
        error.to_string(),
        "accounts: b: the uid 7000 belongs to `a` already"
    );
    assert!(matches!(
        clash(vec![uid("a", 0)]),
        RootfsError::Account { .. }
    ));
    assert!(matches!(
        clash(vec![uid("a", u32::MAX)]),
        RootfsError::Account { .. }
    ));
    let home = User {
        home: Some("/a\nroot2:x:0:0::/:".into()),
        ..User::new("a")
    };
    assert!(
        clash(vec![home])
            .to_string()
            .contains("home holds a colon or a line break")
    );
}

#[test]
fn an_account_that_a_script_made_stays_as_it_is_whatever_is_declared() {
    // The shape of dbus's postinst.
    let makes = "adduser --system --home /nonexistent --group bus";
    let mut image = Image::new()
        .script("bus", "postinst", makes)
        .file("bus", "/usr/bin/bus", "1");
    let declared = "u bus 222 \"The Bus\" /run/bus /bin/sh\nm bus tty\n";
    image.assembly.packages[0].declarations =
        vec![(path("/usr/lib/sysusers.d/bus.conf"), declared.into())];
    let rootfs = image.finalize().unwrap();
    let passwd = rootfs.text("/etc/passwd");
    let line = "bus:x:101:101::/nonexistent:/usr/sbin/nologin\n";
    assert!(passwd.contains(line), "{passwd}");
    assert!(rootfs.text("/etc/group").contains("tty:x:5:bus\n"));
}

#[test]
fn sysusers_and_tmpfiles_are_carried_out() {
    let mut image = Image::new()
        .script(
            "p",
            "postinst",
            "systemd-sysusers p.conf\nsystemd-tmpfiles --create p.conf || true",
        )
        .file("p", "/usr/bin/p", "1");
    let conf = |at: &str, text: &str| (path(at), text.as_bytes().to_vec());
    image.assembly.packages[0].declarations = vec![
        conf(
            "/usr/lib/sysusers.d/p.conf",
            "# users\nu! svc - \"A service\" /var/lib/svc\nm svc tty\n",
        ),
        conf(
            "/usr/lib/tmpfiles.d/p.conf",
            "d /run/svc 0750 svc svc -\nL /run/p - - - - /usr/bin/p\nd /x/%u\n",
        ),
    ];
    let rootfs = image.finalize().unwrap();
    assert!(
        rootfs
            .text("/etc/passwd")
            .contains("svc:x:101:101:A service:/var/lib/svc:/usr/sbin/nologin")
    );
    assert!(rootfs.text("/etc/group").contains("tty:x:5:svc\n"));
    let run = &rootfs.at("/run/svc").unwrap().entry;
    assert_eq!((run.mode, run.uid, run.gid), (0o750, 101, 101));
    assert_eq!(rootfs.target("/run/p").as_deref(), Some("/usr/bin/p"));
    assert_eq!(rootfs.scripts[0].uncovered().count(), 0);
}

#[test]
fn accounts_that_configuration_names_exist() {
    for (line, user, group) in [
        ("mail_privileged_group = mail", false, "mail:x:8:"),
        ("  user proxy;", true, "proxy:x:13:"),
        ("ServerGroup: \"games\"", false, "games:x:60:"),
    ] {
        let image = Image::new().file("p", "/etc/p/p.conf", line);
        let rootfs = image.finalize().unwrap();
        assert!(rootfs.text("/etc/group").contains(group), "{line}");
        let name = group.split(':').next().unwrap();
        assert_eq!(
            rootfs.text("/etc/passwd").contains(&format!("{name}:x:")),
            user,
            "{line}"
        );
    }
    let commented = Image::new().file("p", "/etc/p.conf", "#group = mail\ngroups of mail\n");
    assert!(
        !commented
            .finalize()
            .unwrap()
            .text("/etc/group")
            .contains("mail")
    );
}

#[test]
fn where_pam_is_asked_the_accounts_have_lines_without_a_password() {
    let image = Image::new()
        .script("p", "postinst", "adduser --system p")
        .file("p", "/usr/lib/x86_64-linux-gnu/security/pam_unix.so", "1");
    let rootfs = image.finalize().unwrap();
    let text = rootfs.text("/etc/shadow");
    for name in ["root", "nobody", "p"] {
        assert!(text.contains(&format!("{name}:*:::::::\n")), "{text}");
    }
    let entry = &rootfs.at("/etc/shadow").unwrap().entry;
    assert_eq!((entry.mode, entry.uid, entry.gid), (0o640, 0, 42));
    let own = Image::new()
        .file("p", "/lib/security/pam_unix.so", "1")
        .file("p", "/etc/shadow", "x")
        .finalize();
    let own = own.unwrap();
    let node = own.at("/etc/shadow").unwrap();
    assert_eq!(node.owner.package(), Some("p"), "that of a package stands");
}

#[test]
fn the_units_of_roots_have_their_accounts_and_directories() {
    let unit = "[Service]\nUser=www-data\nGroup=adm\nStateDirectory=p p/sub\nStateDirectoryMode=0750\n\
                RuntimeDirectory=p\nLogsDirectory=kept\nCacheDirectory=%N\n";
    let image = |root: bool, unit: &str| {
        let mut image = Image::new()
            .package("p", |_| {})
            .file("p", "/usr/bin/p", "1")
            .dir("p", "/var/log/kept", 0o2755);
        let at = path("/lib/systemd/system/p.service");
        let package = &mut image.assembly.packages[0];
        package.root = root;
        package.declarations = vec![(at, unit.as_bytes().to_vec())];
        image.finalize().unwrap()
    };
    let rootfs = image(true, unit);
    for (at, mode) in [
        ("/var/lib/p", 0o750),
        ("/var/lib/p/sub", 0o750),
        ("/run/p", 0o755),
    ] {
        let entry = &rootfs.at(at).unwrap().entry;
        assert_eq!((entry.mode, entry.uid, entry.gid), (mode, 33, 4), "{at}");
    }
    // What a package brings is as it brings it.
    let kept = &rootfs.at("/var/log/kept").unwrap().entry;
    assert_eq!((kept.mode, kept.uid), (0o2755, 0));
    assert!(rootfs.text("/etc/passwd").contains("www-data"));
    assert!(image(false, unit).at("/var/lib/p").is_none());
    let made_up = image(true, "[Service]\nDynamicUser=yes\nStateDirectory=p\n");
    assert!(made_up.at("/var/lib/p").is_none());
    for (command, name) in [
        (
            "/usr/bin/spawn-fcgi -F 2 -u www-data -- /usr/bin/p",
            "www-data:x:33",
        ),
        ("/usr/bin/p --user=news", "news:x:9"),
        ("/usr/bin/p --chown proxy:proxy", "proxy:x:13"),
    ] {
        let rootfs = image(true, &format!("[Service]\nExecStart={command}\n"));
        assert!(rootfs.text("/etc/passwd").contains(name), "{command}");
    }
    let named = image(
        true,
        "[Service]\nExecStart=/usr/bin/p news --x /srv/proxy\n",
    );
    assert!(!named.text("/etc/passwd").contains("news"));
    let unknown = image(true, "[Service]\nUser=nobody-makes-it\nStateDirectory=p\n");
    assert!(unknown.at("/var/lib/p").is_none());
}

#[test]
fn directories_owners_links_and_copies_of_postinst_are_made() {
    let script = "
        mkdir -p /var/www/html
        install -d -m 2775 -o www-data -g adm /var/run/p
        if [ ! -e /var/log/p.log ]; then touch /var/log/p.log; chmod 640 /var/log/p.log; fi
        chown -R www-data:adm /var/lib/p
        dpkg-statoverride --update --add root www-data 0640 /etc/p.conf
        ln -s /etc/p/available/site /etc/p/enabled/site
        cp /usr/share/p/index.html /var/www/html/index.html
        ucf --three-way /usr/share/p/index.html /etc/p/index.html
        chown www-data /not/there
        ln -sf /not/there /etc/p/gone
        mkdir -p \"$(hostname)\"";
    let image = Image::new()
        .script("p", "postinst", script)
        .dir("p", "/var/lib/p", 0o755)
        .file("p", "/var/lib/p/state", "1")
        .file("p", "/etc/p.conf", "2")
        .file("p", "/etc/p/available/site", "3")
        .dir("p", "/etc/p/enabled", 0o755)
        .file("p", "/usr/share/p/index.html", "4");
    let rootfs = image.finalize().unwrap();
    let attributes = |at: &str| {
        let entry = &rootfs.at(at).unwrap_or_else(|| panic!("{at}")).entry;
        (entry.mode, entry.uid, entry.gid)
    };
    assert_eq!(
        attributes("/run/p"),
        (0o2775, 33, 4),
        "through the link /var/run"
    );
    assert_eq!(attributes("/var/log/p.log"), (0o640, 0, 0));
    assert_eq!(attributes("/var/lib/p/state"), (0o644, 33, 4));
    assert_eq!(attributes("/etc/p.conf"), (0o640, 0, 33));
    assert_eq!(
        rootfs.target("/etc/p/enabled/site").as_deref(),
        Some("/etc/p/available/site")
    );
    for copy in ["/var/www/html/index.html", "/etc/p/index.html"] {
        let source = rootfs.at("/usr/share/p/index.html").unwrap().content;
        assert_eq!(rootfs.at(copy).unwrap().content, source);
    }
    assert!(rootfs.at("/etc/p/gone").is_none());
    let uncovered: Vec<&str> = rootfs.scripts[0]
        .uncovered()
        .map(|e| e.command.as_str())
        .collect();
    assert_eq!(uncovered, ["mkdir -p $(…)"]);
    let irrelevant = rootfs.scripts[0]
        .effects
        .iter()
        .filter(|e| matches!(e.outcome, Outcome::Irrelevant { .. }));
    assert_eq!(irrelevant.count(), 2);
}

#[test]
fn what_the_spec_brought_stands_and_what_a_package_brought_is_changed_as_an_installation_changes_it()
 {
    let script = "cp /a /own\nln -sf /a /own\nchmod 600 /own\nrm -f /own\nmv /a /own\ncp /c /b\ntouch /b\nmkdir -p -m 700 /d /b/x\nchmod 600 /c\nsed -i s/3/4/ /c";
    let mut image = Image::new()
        .script("p", "postinst", script)
        .file("p", "/a", "1")
        .file("p", "/b", "2")
        .file("p", "/c", "3")
        .dir("p", "/d", 0o755);
    image.assembly.files.push(mikron_rootfs::SpecFile {
        path: path("/own"),
        kind: mikron_rootfs::SpecFileKind::File(mikron_rootfs::FileSource::Bytes(b"own".to_vec())),
        owner: None,
        group: None,
        mode: None,
        layer: None,
    });
    let digest = image.assembly.parts[2].content;
    let rootfs = image.finalize().unwrap();
    assert_eq!(rootfs.text("/own"), "own");
    assert_eq!(rootfs.at("/own").unwrap().entry.mode, 0o644);
    assert_eq!(rootfs.at("/b").unwrap().content, digest);
    assert_eq!(rootfs.text("/c"), "4");
    assert_eq!(rootfs.at("/c").unwrap().entry.mode, 0o600);
    assert_eq!(rootfs.at("/d").unwrap().entry.mode, 0o755);
}

#[test]
fn the_best_alternative_whose_program_is_there_is_linked() {
    let install = |path: &str, priority: u32| {
        format!(
            "update-alternatives --install /usr/bin/awk awk {path} {priority} \\\n  --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/{priority}.1.gz --slave /usr/bin/nawk nawk {path}\n"
        )
    };
    let image = Image::new()
        .script("mawk", "postinst", &install("/usr/bin/mawk", 5))
        .script(
            "original-awk",
            "postinst",
            &install("/usr/bin/original-awk", 3),
        )
        .script("gawk", "postinst", &install("/usr/bin/gawk", 10))
        .file("mawk", "/usr/bin/mawk", "1")
        .file("original-awk", "/usr/bin/original-awk", "2");
    let rootfs = image.finalize().unwrap();
    assert_eq!(
        rootfs.target("/usr/bin/awk").as_deref(),
        Some("/etc/alternatives/awk")
    );
    assert_eq!(
        rootfs.target("/etc/alternatives/awk").as_deref(),
        Some("/usr/bin/mawk")
    );
    assert_eq!(
        rootfs.target("/etc/alternatives/nawk").as_deref(),
        Some("/usr/bin/mawk")
    );
    assert!(rootfs.at("/etc/alternatives/awk.1.gz").is_none());
    let gawk = rootfs.scripts.iter().find(|s| s.package == "gawk").unwrap();
    assert!(
        matches!(&gawk.effects[0].outcome, Outcome::Irrelevant { reason } if reason.contains("/usr/bin/gawk"))
    );
}

#[test]
fn certificates_become_one_bundle() {
    let image = |capability: &str| {
        let mut image = Image::new()
            .script(
                "ca-certificates",
                "postinst",
                "update-ca-certificates --fresh",
            )
            .file(
                "ca-certificates",
                "/usr/share/ca-certificates/mozilla/B_(x).crt",
                "bbb",
            )
            .file(
                "ca-certificates",
                "/usr/share/ca-certificates/mozilla/A.crt",
                "aaa\n",
            );
        for part in &mut image.assembly.parts {
            part.capability = capability.into();
        }
        image
    };
    let rootfs = image("bundle").finalize().unwrap();
    assert_eq!(
        rootfs.text("/etc/ssl/certs/ca-certificates.crt"),
        "aaa\nbbb\n"
    );
    assert!(
        rootfs.at("/usr/share/ca-certificates").is_none(),
        "all is in the bundle"
    );
    let to_bundle = rootfs.tree.lookup(&path("/usr/lib/ssl/cert.pem")).unwrap();
    assert_eq!(
        to_bundle.entry.path,
        path("/etc/ssl/certs/ca-certificates.crt")
    );
    assert!(matches!(
        rootfs.scripts[0].effects[0].outcome,
        Outcome::Covered { .. }
    ));

    let rootfs = image("data").finalize().unwrap();
    assert_eq!(
        rootfs.target("/etc/ssl/certs/B_=x=.pem").as_deref(),
        Some("/usr/share/ca-certificates/mozilla/B_(x).crt")
    );
    assert!(
        rootfs
            .at("/usr/share/ca-certificates/mozilla/A.crt")
            .is_some()
    );
}

#[test]
fn every_script_is_listed_with_what_became_of_it() {
    let image = Image::new()
        .script("p", "prerm", "systemctl stop p")
        .script("p", "postinst", "set -e\nupdate-rc.d p defaults\n/usr/lib/p/setup --first\necho done > /var/lib/p/stamp\nif [ \"$1\" = upgrade ]; then /usr/lib/p/migrate; fi\n")
        .script("q", "config", "db_input high q/x");
    let rootfs = image.finalize().unwrap();
    let names: Vec<(&str, &str)> = rootfs
        .scripts
        .iter()
        .map(|s| (s.package.as_str(), s.script.as_str()))
        .collect();
    assert_eq!(names, [("p", "prerm"), ("p", "postinst"), ("q", "config")]);
    assert!(
        rootfs.scripts[0]
            .irrelevant
            .as_deref()
            .unwrap()
            .contains("removed")
    );
    let postinst = &rootfs.scripts[1];
    let uncovered: Vec<(u32, &str)> = postinst
        .uncovered()
        .map(|e| (e.line, e.command.as_str()))
        .collect();
    assert_eq!(
        uncovered,
        [
            (3, "/usr/lib/p/setup --first"),
            (4, "echo done > /var/lib/p/stamp")
        ]
    );
    assert_eq!(postinst.effects.len(), 3);
}

#[test]
fn devices_stay_out_of_the_way_of_finalizers() {
    let mut image = Image::new()
        .script("p", "postinst", "chmod 600 /dev/p\nmkdir /dev/p/x")
        .entry(
            "p",
            Entry::new(
                path("/dev/p"),
                EntryKind::CharDevice { major: 1, minor: 3 },
                0o666,
            ),
        );
    image.assembly.options.devices = true;
    let rootfs = image.finalize().unwrap();
    assert_eq!(rootfs.at("/dev/p").unwrap().entry.mode, 0o600);
}

#[test]
fn what_a_script_does_only_on_upgrades_is_no_effect_however_it_asks() {
    // The shape of libc6's preinst: the argument by another name, a program in quotes, a call of a bus.
    let script = "#!/bin/sh\nset -e\n\ntype=$1\npreversion=$2\n\nlower () {\n    verA=$(($(echo \"$1\" | sed 's/\\([0-9]*\\).*/\\1 \\* 100/')))\n    test $verA -$2 1\n}\n\nif [ \"$type\" != abort-upgrade ]\nthen\n    if [ -f /usr/share/debconf/confmodule ] && \\\n       ( [ \"$DEBCONF_USE_CDEBCONF\" ] || perl -e \"\" 2>/dev/null ) ; then\n        . /usr/share/debconf/confmodule\n    fi\n    system=`uname -s`\n    if lower \"$(uname -r)\" lt; then exit 1; fi\nfi\n\nif [ \"$type\" = upgrade ]\nthen\n    if ! grep -q -E 'libnss_(compat|db)' /proc/$(systemctl show x)/maps >/dev/null 2>&1; then\n        busctl call --system org.freedesktop.login1 \\\n            SetUserLinger ubb 4294967294 false false >/dev/null 2>&1 || true\n    fi\n    perl -e 'unlink \"/etc/x\"; rmdir \"/etc/y\"'\n    touch \"$DPKG_ROOT/etc/ld.so.nohwcap\"\nfi\n\nif [ -n \"$preversion\" ]; then\n    rm -f \"$DPKG_ROOT/etc/ld.so.cache\"\nfi\n\nexit 0\n";
    let rootfs = Image::new()
        .script("libc6", "preinst", script)
        .file("libc6", "/usr/lib/libc.so.6", "1")
        .finalize()
        .unwrap();
    let report = &rootfs.scripts[0];
    assert_eq!(report.uncovered().count(), 0, "{report:#?}");
    assert!(report.effects.is_empty(), "{report:#?}");
}

#[test]
fn effects_of_wrapped_commands_are_those_of_the_commands() {
    let script = "#!/bin/sh\nset -e\nunused() { rm -rf /usr; }\ncommand -v systemctl >/dev/null && exec env A=1 systemctl start x\nsh -c 'mkdir -p /var/lib/x'\nfind /etc -name x -exec chown root {} +\n[ \"$1\" = configure ] || exit 0\nnice update-x\n";
    let rootfs = Image::new()
        .script("p", "postinst", script)
        .file("p", "/usr/bin/p", "1")
        .finalize()
        .unwrap();
    assert!(rootfs.at("/var/lib/x").is_some());
    let open: Vec<&str> = rootfs.scripts[0]
        .uncovered()
        .map(|effect| effect.command.as_str())
        .collect();
    assert_eq!(open, ["update-x"]);
}
