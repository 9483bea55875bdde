//! Maintainer scripts that are followed over the tree: guards, answers, moves, owners, accounts.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{Image, Look};
use mikron_package::{Family, Limits};
use mikron_rootfs::{Further, Installation, Rootfs};

fn uncovered(rootfs: &Rootfs) -> Vec<&str> {
    let scripts = rootfs.scripts.iter();
    let effects = scripts.flat_map(mikron_rootfs::ScriptReport::uncovered);
    effects.map(|effect| effect.command.as_str()).collect()
}

fn questions(mut image: Image, text: &str) -> Image {
    let metadata = Arc::make_mut(&mut image.assembly.packages[0].metadata);
    metadata.extra.push(("templates".into(), text.into()));
    image
}

#[test]
fn of_the_arms_of_a_case_the_one_of_the_default_answer_is_taken() {
    // The shape of fontconfig-config's postinst.
    let script = "set -e\n. /usr/share/debconf/confmodule\nA=/usr/share/x/avail; D=/etc/x/conf.d\ndb_get x/style; style=\"$RET\"\ncase \"$style\" in\n\"none\") ln -s $A/none.conf $D/none.conf ;;\n\"slight\") ln -s $A/slight.conf $D/slight.conf ;;\nesac\ndb_get x/bitmaps\ncase \"$RET\" in\n\"true\") ln -s $A/yes.conf $D/yes.conf ;;\n*) ln -s $A/no.conf $D/no.conf ;;\nesac\n";
    let mut image = Image::new()
        .script("x", "postinst", script)
        .dir("x", "/etc/x/conf.d", 0o755);
    for name in ["none", "slight", "yes", "no"] {
        image = image.file("x", &format!("/usr/share/x/avail/{name}.conf"), name);
    }
    let image = questions(
        image,
        "Template: x/style\nType: select\nDefault: slight\n\nTemplate: x/bitmaps\nType: boolean\nDefault: false\n",
    );
    let rootfs = image.finalize().unwrap();
    for (name, there) in [
        ("none", false),
        ("slight", true),
        ("yes", false),
        ("no", true),
    ] {
        let at = format!("/etc/x/conf.d/{name}.conf");
        assert_eq!(rootfs.at(&at).is_some(), there, "{name}");
    }
    assert!(uncovered(&rootfs).is_empty());
}

#[test]
fn guards_of_base_systems_are_decided_from_the_tree() {
    // The shapes of base-files, dash and openssl.
    let script = "own() { if [ ! -d $1 ]; then mkdir $1; chown root:staff $1; chmod 2775 $1; fi; }\nif [ -f /etc/staff-group-for-usr-local ]; then chmod 2775 /usr/local/lib; chown root:staff /usr/local/lib; fi\nif [ ! -L /var/run ] && [ ! -d /var/run ]; then ln -s /run /var/run; fi\n[ -e /usr/lib/ssl ] || ln -s /etc/ssl /usr/lib/ssl\nln -sf dash /bin/sh.tmp\nmv -f /bin/sh.tmp /bin/sh\nown /var/local/x\n";
    let rootfs = Image::new()
        .script("base", "postinst", script)
        .dir("base", "/usr/local/lib", 0o755)
        .dir("base", "/usr/lib/ssl", 0o755)
        .dir("base", "/etc/ssl", 0o755)
        .file("dash", "/bin/dash", "1")
        .finalize()
        .unwrap();
    for gone in ["/run/run", "/usr/lib/ssl/ssl", "/usr/bin/sh.tmp"] {
        assert!(rootfs.at(gone).is_none(), "{gone}");
    }
    assert_eq!(rootfs.target("/usr/bin/sh").as_deref(), Some("dash"));
    let local = &rootfs.at("/usr/local/lib").unwrap().entry;
    assert_eq!((local.mode, local.gid), (0o755, 0));
    let made = &rootfs.at("/var/local/x").unwrap().entry;
    assert_eq!((made.mode, made.gid), (0o2775, 50));
}

#[test]
fn owners_and_modes_are_those_that_the_script_sets_in_turn() {
    // The shapes of bind9 and vsftpd.
    let script = "getent group bind >/dev/null || addgroup --system bind\ngetent passwd bind >/dev/null || adduser --system --home /var/cache/bind --no-create-home --ingroup bind bind\nif [ ! -s /etc/bind/rndc.key ]; then rndc-confgen -a; fi\nuid=$(ls -ln /etc/bind/rndc.key | awk '{print $3}')\nif [ \"$uid\" = 0 ]; then\nchgrp bind /var/cache/bind\nchgrp bind /etc/bind/named.conf* || true\nchmod g+r /etc/bind/named.conf* || true\nchmod g+rwx /var/cache/bind\nfi\nif ! getent passwd ftp >/dev/null; then adduser --system --home /srv/ftp ftp; fi\n[ -d ~ftp ] && touch ~ftp/welcome.msg\nsetcap cap_net_raw+ep /usr/bin/ping\n";
    let rootfs = Image::new()
        .script("bind9", "postinst", script)
        .dir("bind9", "/var/cache/bind", 0o755)
        .file_with("bind9", "/etc/bind/named.conf.options", "1", |entry| {
            entry.mode = 0o600;
        })
        .file("ping", "/usr/bin/ping", "2")
        .finalize()
        .unwrap();
    let group = rootfs.text("/etc/group");
    let gid = group
        .lines()
        .find_map(|line| line.strip_prefix("bind:x:"))
        .unwrap();
    let gid: u32 = gid.trim_end_matches(':').parse().unwrap();
    let cache = &rootfs.at("/var/cache/bind").unwrap().entry;
    assert_eq!((cache.mode, cache.gid), (0o775, gid));
    let options = &rootfs.at("/etc/bind/named.conf.options").unwrap().entry;
    assert_eq!((options.mode, options.gid), (0o640, gid));
    assert!(
        rootfs.at("/etc/bind/rndc.key").is_none(),
        "a secret is not made"
    );
    assert!(rootfs.at("/srv/ftp/welcome.msg").is_some());
    let passwd = rootfs.text("/etc/passwd");
    assert!(passwd.contains(":/srv/ftp:"), "{passwd}");
    let ping = &rootfs.at("/usr/bin/ping").unwrap().entry;
    assert!(ping.xattrs.contains_key(b"security.capability".as_slice()));
    assert_eq!(uncovered(&rootfs), ["rndc-confgen -a"]);
}

#[test]
fn files_that_are_made_on_the_way_are_not_left_behind() {
    // The shape of proftpd-core's postinst.
    let script = "replace() { if [ ! -f $1 ]; then mv $1.new $1; else ucf $1.new $1; rm -f $1.new; fi; }\numask 077\nfor f in a b; do cp -p /usr/share/x/$f.conf /etc/x/$f.conf.new\nsed -i -e 's/@NAME@/web/' /etc/x/$f.conf.new\nreplace /etc/x/$f.conf; chmod 0600 /etc/x/$f.conf; done\nprintf 'one\\ntwo\\n' > /etc/x/list.$$\ngrep -v one /etc/x/list.$$ > /etc/x/list; rm /etc/x/list.$$\n";
    let rootfs = Image::new()
        .script("x", "postinst", script)
        .dir("x", "/etc/x", 0o755)
        .file("x", "/usr/share/x/a.conf", "name @NAME@\n")
        .file("x", "/usr/share/x/b.conf", "b\n")
        .finalize()
        .unwrap();
    assert_eq!(rootfs.text("/etc/x/a.conf"), "name web\n");
    assert_eq!(rootfs.text("/etc/x/list"), "two\n");
    assert_eq!(rootfs.at("/etc/x/list").unwrap().entry.mode, 0o600);
    let dir = common::path("/etc/x");
    let names: Vec<String> = rootfs
        .tree
        .below(&dir)
        .map(|node| node.entry.path.to_string())
        .collect();
    assert_eq!(names, ["/etc/x/a.conf", "/etc/x/b.conf", "/etc/x/list"]);
}

#[test]
fn accounts_of_a_sibling_that_nothing_is_taken_of_are_made_and_those_of_others_are_not() {
    // exim4-daemon-light needs exim4-base, of the same source, which makes the account.
    let depends = |name: &str| {
        let relation = mikron_package::Relation::named(name.parse().unwrap());
        vec![mikron_package::Requirement::One(relation)]
    };
    let mut image = Image::new()
        .package("daemon", |record| {
            record.source = "exim".parse().unwrap();
            record.depends = [depends("base"), depends("other")].concat();
        })
        .package("base", |record| record.source = "exim".parse().unwrap())
        .script("base", "postinst", "adduser --system --group Debian-exim\nmkdir -p /var/spool/exim\nchown Debian-exim:Debian-exim /var/spool/exim")
        .script("other", "postinst", "adduser --system --group unwanted\nmkdir /var/lib/unwanted")
        .file("daemon", "/usr/sbin/exim", "1");
    let packages = std::mem::take(&mut image.assembly.packages);
    for package in packages {
        if package.name() == "daemon" {
            image.assembly.packages.push(package);
        } else {
            image.assembly.further.push(Further {
                metadata: package.metadata,
                declarations: Vec::new(),
            });
        }
    }
    let rootfs = image.finalize().unwrap();
    let passwd = rootfs.text("/etc/passwd");
    assert!(passwd.contains("Debian-exim:x:101:101:"), "{passwd}");
    assert!(!passwd.contains("unwanted"), "{passwd}");
    assert_eq!(rootfs.at("/var/spool/exim").unwrap().entry.uid, 101);
    assert!(rootfs.at("/var/lib/unwanted").is_none());
}

#[test]
fn what_cannot_be_decided_has_no_effect_and_is_told_with_its_reason() {
    let script =
        "if [ \"$(hostname)\" = a ]; then echo a > /etc/a; rm -f /etc/kept; fi\necho b > /etc/b\n";
    let rootfs = Image::new()
        .script("x", "postinst", script)
        .file("x", "/etc/kept", "1")
        .finalize()
        .unwrap();
    assert!(rootfs.at("/etc/a").is_none() && rootfs.at("/etc/kept").is_some());
    assert_eq!(rootfs.text("/etc/b"), "b\n");
    assert_eq!(uncovered(&rootfs), ["echo a > /etc/a", "rm -f /etc/kept"]);
    let effect = rootfs.scripts[0].uncovered().next().unwrap();
    let mikron_rootfs::Outcome::NotCovered {
        reason: Some(reason),
    } = &effect.outcome
    else {
        panic!("{effect:?}");
    };
    assert!(reason.contains("$(…) = a"), "{reason}");
}

#[test]
fn a_script_gives_files_to_accounts_that_its_package_declares() {
    // The shape of stunnel4's postinst.
    let script = "systemd-sysusers x.conf\nmkdir /var/log/x\nchown -R -- x:x /var/log/x\n";
    let mut image = Image::new()
        .script("x", "postinst", script)
        .dir("x", "/var/log", 0o755);
    image.assembly.packages[0].declarations = vec![(
        common::path("/usr/lib/sysusers.d/x.conf"),
        b"u x 333\n".to_vec(),
    )];
    let rootfs = image.finalize().unwrap();
    let entry = &rootfs.at("/var/log/x").unwrap().entry;
    assert_eq!((entry.uid, entry.gid), (333, 333));
    assert!(uncovered(&rootfs).is_empty());
}

#[test]
fn a_file_of_which_something_is_not_known_goes_nowhere() {
    // The shape of bacula-fd's postinst.
    let write = "sed \"s/@NAME@/$(hostname)/\" /usr/share/x/conf";
    for script in [
        format!("T=$(mktemp); {write} > $T; chmod 640 $T; ucf $T /etc/x.conf; rm -f $T\n"),
        format!("T=$(mktemp); {write} >> $T; cp $T /etc/x.conf\n"),
        format!("echo one > /etc/x.new; {write} > /etc/x.new; mv /etc/x.new /etc/x.conf\n"),
    ] {
        let rootfs = Image::new()
            .script("x", "postinst", &script)
            .file("x", "/usr/share/x/conf", "name @NAME@\n")
            .file("x", "/etc/other", "1")
            .finalize()
            .unwrap();
        for made in ["/etc/x.conf", "/etc/x.new"] {
            assert!(rootfs.at(made).is_none(), "{script}");
        }
        let told = uncovered(&rootfs);
        assert!(told.iter().any(|told| told.contains("/etc/x")), "{told:?}");
    }
    // What a package brought is there without what was to be added or put in its place.
    let script = format!("{write} >> /etc/kept; {write} > /etc/kept\n");
    let rootfs = Image::new()
        .script("x", "postinst", &script)
        .file("x", "/etc/kept", "1")
        .finalize()
        .unwrap();
    assert_eq!(rootfs.at("/etc/kept").unwrap().entry.size(), 1);
}

#[test]
fn what_find_finds_by_numbers_of_accounts_is_handed_on() {
    // The shape of mariadb-server's postinst.
    let adduser = "adduser --system --group db\n";
    for (script, owner, open) in [
        (
            "find /var/lib/db ! -uid \"$(id -u db)\" -print0 | xargs -0 -r chown db\n\
             find /usr/share/db ! -uid 0 -print0 -or ! -gid 0 -print0 | xargs -0 -r sudo chown 0:0\n",
            "db",
            0,
        ),
        ("find /var/lib/db -uid 0 | xargs chown db\n", "db", 0),
        (
            "find /var/lib/db ! -gid 0 -print0 | xargs -0 -r chown db\n",
            "root",
            0,
        ),
        (
            "chown db /var/lib/db/x\nfind /var/lib/db -uid \"$(id -u db)\" | xargs chown db\n",
            "root",
            2,
        ),
        (
            "find /var/lib/db -uid \"$UNKNOWN\" | xargs chown db\n",
            "root",
            2,
        ),
    ] {
        let rootfs = Image::new()
            .script("p", "postinst", &format!("set -e\n{adduser}{script}"))
            .file("p", "/usr/share/db/data", "1")
            .dir("p", "/var/lib/db", 0o755)
            .file("p", "/var/lib/db/x", "1")
            .finalize()
            .unwrap();
        let uid = rootfs.at("/var/lib/db").unwrap().entry.uid;
        assert_eq!(uid != 0, owner == "db", "{script}");
        assert_eq!(rootfs.at("/usr/share/db/data").unwrap().entry.uid, 0);
        assert_eq!(
            uncovered(&rootfs).len(),
            open,
            "{script}: {:?}",
            uncovered(&rootfs)
        );
    }
}

#[test]
fn a_program_that_only_moves_files_and_texts_is_followed() {
    // The shapes of ghostscript's update-gsfontmap, and of a helper that a package keeps to itself.
    let list = "#! /bin/sh\nMAP=/var/lib/x/map\nrm -f \"$MAP\"\ntouch \"$MAP\"\nfor i in /etc/x/map.d/*.conf; do\n    cat \"$i\" >> \"$MAP\"\ndone 2>/dev/null\nexit 0\n";
    let helper = "#!/bin/sh -e\nsed \"s/@NAME@/$1/\" /usr/share/y/site > /etc/y/site\n[ -n \"$2\" ] || chmod 0600 /etc/y/site\n";
    let program = |image: Image, package: &str, at: &str, text: &str| {
        image.file_with(package, at, text, |entry| entry.mode = 0o755)
    };
    let image = Image::new()
        .script("x", "postinst", "set -e\nupdate-x-map\n")
        .dir("x", "/var/lib/x", 0o755)
        .file("fonts", "/etc/x/map.d/20b.conf", "b\n")
        .file("fonts", "/etc/x/map.d/10a.conf", "a\n")
        .script("y", "postinst", "/usr/lib/y/configure web\n")
        .dir("y", "/etc/y", 0o755)
        .file("y", "/usr/share/y/site", "site @NAME@\n");
    let image = program(image, "x", "/usr/sbin/update-x-map", list);
    let image = program(image, "y", "/usr/lib/y/configure", helper);
    let rootfs = image.finalize().unwrap();
    assert_eq!(rootfs.text("/var/lib/x/map"), "a\nb\n");
    assert_eq!(rootfs.text("/etc/y/site"), "site web\n");
    assert_eq!(rootfs.at("/etc/y/site").unwrap().entry.mode, 0o600);
    assert!(uncovered(&rootfs).is_empty());
}

#[test]
fn a_program_that_calls_others_is_told_of_and_one_that_calls_itself_ends() {
    let image = |program: &str| {
        Image::new()
            .script("x", "postinst", "/usr/lib/x/make a\n")
            .dir("x", "/etc/x", 0o755)
            .file_with("x", "/usr/lib/x/make", program, |entry| {
                entry.mode = 0o755;
            })
            .finalize()
            .unwrap()
    };
    for program in [
        "#!/bin/sh\ntouch /etc/x/made\nmkfontdir /etc/x\n",
        "#!/bin/sh\ntouch /etc/x/made\n/usr/lib/x/make \"$1\" \"$1\"\n",
        "#!/usr/bin/perl\ntouch /etc/x/made\n",
    ] {
        let rootfs = image(program);
        assert!(rootfs.at("/etc/x/made").is_none(), "{program}");
        assert_eq!(uncovered(&rootfs), ["/usr/lib/x/make a"], "{program}");
    }
}

#[test]
fn a_script_finds_what_every_installation_of_its_own_family_has() {
    let script = "set -e\nfor tool in dpkg rpm apk sed; do\n\
                  if command -v $tool >/dev/null; then echo $tool >> /etc/x/found; fi\ndone\n\
                  if [ -d /var/lib/dpkg ]; then echo debian >> /etc/x/found; fi\n";
    for (family, expected) in [
        (Family::DEB, "dpkg\nsed\ndebian\n"),
        (Family::RPM, "rpm\nsed\n"),
        (Family::APK, "apk\nsed\n"),
    ] {
        let mut image = Image::new()
            .script("x", "postinst", script)
            .dir("x", "/etc/x", 0o755);
        image.assembly.options.families = vec![family];
        let rootfs = image.finalize().unwrap();
        assert_eq!(rootfs.text("/etc/x/found"), expected, "{family}");
    }
}

#[test]
fn a_table_of_the_spec_says_what_its_commands_mean() {
    let image = || {
        Image::new()
            .script(
                "x",
                "postinst",
                "set -e\ndispatch-register x\nother-register x\n",
            )
            .file("x", "/usr/bin/x", "1")
    };
    let rootfs = image().finalize().unwrap();
    assert_eq!(
        uncovered(&rootfs),
        ["dispatch-register x", "other-register x"]
    );
    let table =
        "without-effect: [{ because: an image has no dispatcher, commands: ['dispatch-*'] }]";
    let more = Installation::parse("mine.yaml", table, &Limits::default()).unwrap();
    let mut extended = image();
    extended.assembly.installation = Arc::new(Installation::builtin().extended(more));
    let rootfs = extended.finalize().unwrap();
    assert_eq!(uncovered(&rootfs), ["other-register x"]);
}

#[test]
fn what_the_kernel_mounts_is_mounted_wherever_packages_are_installed() {
    // The shape of openjdk's postinst, and of one that looks for a file system of its own.
    let script = "set -e\nif ! mountpoint -q /proc; then echo >&2 'a mounted /proc is required'; exit 1; fi\nmkdir /etc/java\nif mountpoint -q /srv/data; then mkdir /srv/data/x; fi\nupdate-alternatives --install /usr/bin/java java /usr/lib/jvm/bin/java 1711\n";
    let rootfs = Image::new()
        .script("jre", "postinst", script)
        .file("jre", "/usr/lib/jvm/bin/java", "program")
        .finalize()
        .unwrap();
    for (path, there) in [
        ("/etc/java", true),
        ("/usr/bin/java", true),
        ("/srv/data/x", false),
    ] {
        assert_eq!(rootfs.at(path).is_some(), there, "{path}");
    }
    assert!(uncovered(&rootfs).is_empty());
}

#[test]
fn a_script_that_fails_here_is_told_of() {
    let rootfs = Image::new()
        .script(
            "x",
            "postinst",
            "if ! [ -e /etc/never ]; then echo wanted 1>&2; exit 1; fi\n",
        )
        .script("y", "postinst", "[ -d /etc/never ] || exit 3\n")
        .script("z", "postinst", "[ -d /etc/never ] || exit 0\n")
        .finalize()
        .unwrap();
    assert_eq!(uncovered(&rootfs), ["postinst", "postinst"]);
}

#[test]
fn how_a_program_ends_that_says_so_itself_is_not_known() {
    // The shape of mariadb-server's preinst, which fails where a disk is full.
    let script = "set -e\nif df --portability /var/lib/x/. | tail -n 1 | awk '{ exit ($4>1000) }'; then echo full 1>&2; exit 1; fi\nmkdir /etc/x\n";
    let rootfs = Image::new().script("x", "preinst", script).finalize();
    let rootfs = rootfs.unwrap();
    assert!(rootfs.at("/etc/x").is_some() && uncovered(&rootfs).is_empty());
}

fn triggers(mut image: Image, package: &str, text: &str) -> Image {
    let packages = &mut image.assembly.packages;
    let package = packages.iter_mut().find(|one| one.name() == package);
    let metadata = Arc::make_mut(&mut package.unwrap().metadata);
    metadata.extra.push(("triggers".into(), text.into()));
    image
}

#[test]
fn a_trigger_is_covered_by_what_does_the_work_of_the_script_that_it_runs() {
    let compiles = "case \"$1\" in configure|triggered) glib-compile-schemas /usr/share/glib-2.0/schemas ;; esac\n";
    let updates = "if [ \"$1\" = triggered ]; then update-mime-database /usr/share/mime; fi\n\
        [ \"$1\" = configure ] && update-mime-database.real /usr/share/mime\n";
    let outcome = |schema: &str, postinst: &str| {
        let image = Image::new()
            .script("glib", "postinst", postinst)
            .package("app", |_| {})
            .file("app", schema, "<schemalist/>");
        let image = triggers(
            image,
            "glib",
            "# what it takes\ninterest-noawait /usr/share/glib-2.0/schemas\ninterest theirs\n",
        );
        let image = triggers(image, "app", "activate-noawait theirs\nactivate nobodys\n");
        let rootfs = image.finalize().unwrap();
        let reports = rootfs.scripts.iter();
        let mut reports = reports.filter(|script| script.script == "triggers");
        let told = reports.clone().flat_map(|report| &report.effects);
        let told: Vec<String> = told
            .map(|effect| match &effect.outcome {
                mikron_rootfs::Outcome::Covered { finalizer } => {
                    format!("{}: {finalizer}", effect.line)
                }
                mikron_rootfs::Outcome::Irrelevant { reason } => {
                    format!("{}: {reason}", effect.line)
                }
                mikron_rootfs::Outcome::NotCovered { reason } => {
                    format!("{}! {reason:?}", effect.line)
                }
            })
            .collect();
        assert!(reports.all(|report| report.irrelevant.is_none()));
        told
    };
    let activate = [
        "1: glib does what it asks for",
        "2: no package of the image takes it",
    ];
    let schema = "/usr/share/glib-2.0/schemas/app.gschema.xml";
    assert_eq!(
        outcome("/usr/share/app/x", compiles),
        [
            activate[0],
            activate[1],
            "2: nothing in the image sets it off",
            "3: what it does has no place in an image"
        ]
    );
    let same = "calls `glib-compile-schemas`, as at configuration";
    assert_eq!(
        outcome(schema, compiles)[2..],
        [format!("2: {same}"), format!("3: {same}")]
    );
    let open = outcome(schema, updates);
    assert!(
        open[2].starts_with("2! ") && open[2].contains("line 1 of postinst: update-mime-database"),
        "{open:?}"
    );
}
