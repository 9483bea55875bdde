//! What the scripts of particular programs make: Apache, PHP, PAM, Java's trust store, copies of configuration.

mod common;

use std::sync::Arc;

use common::{EPOCH, Image, Look, path};
use mikron_package::{Entry, EntryKind};
use mikron_rootfs::{Further, Package, Rootfs, Sources, SpecFile, SpecFileKind, Template};

/// The commands that nothing covers.
fn uncovered(rootfs: &Rootfs) -> Vec<&str> {
    let effects = rootfs
        .scripts
        .iter()
        .flat_map(mikron_rootfs::ScriptReport::uncovered);
    effects.map(|effect| effect.command.as_str()).collect()
}

impl Image {
    /// A file that finalizers may read and that is not chosen.
    fn template(mut self, at: &str, text: &str) -> Self {
        let content = self.contents.add(text.into());
        let kind = EntryKind::File {
            size: text.len() as u64,
        };
        let entry = Entry::new(path(at), kind, 0o644);
        self.assembly.templates.push(Template { entry, content });
        self
    }

    /// The templates of a package's questions.
    fn questions(mut self, package: &str, text: &str) -> Self {
        let mut packages = self.assembly.packages.iter_mut();
        let found = packages.find(|p| p.name() == package).expect("it is there");
        let metadata = Arc::make_mut(&mut found.metadata);
        metadata.extra.push(("templates".into(), text.into()));
        self
    }

    /// The package becomes one of which nothing is chosen.
    fn further(mut self, name: &str, declarations: &[(&str, &str)]) -> Self {
        let packages = std::mem::take(&mut self.assembly.packages);
        let (own, rest): (Vec<Package>, Vec<Package>) =
            packages.into_iter().partition(|p| p.name() == name);
        self.assembly.packages = rest;
        for package in own {
            let declarations = declarations
                .iter()
                .map(|(at, text)| (path(at), self.contents.add((*text).into())));
            self.assembly.further.push(Further {
                metadata: Arc::clone(&package.metadata),
                declarations: declarations.collect(),
            });
        }
        self
    }
}

/// The shape of apache2's postinst.
const APACHE: &str = r#"#! /bin/bash
set -e
is_fresh_install()
{
	if [ -z "$2" ] ; then
		return 0
	fi
	return 1
}
enable_default_mpm()
{
	if is_fresh_install $@ ; then
		a2enmod -m -q mpm_event
	fi
}
enable_default_modules()
{
	if is_fresh_install $@; then
		for module in authz_host auth_basic \
				deflate gone ; do
			a2enmod -m -q $module
		done
	fi
}
enable_default_conf()
{
	for conf in charset ; do
		a2enconf -m -q $conf
	done
}
case "$1" in
	configure)
		enable_default_mpm $@
		enable_default_modules $@
		enable_default_conf $@
		a2ensite -q 000-default
	;;
esac
"#;

fn apache() -> Image {
    let load = |name: &str, depends: &str| {
        format!("{depends}LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
    };
    let mut image = Image::new().script("apache2", "postinst", APACHE);
    for (name, depends) in [
        ("mpm_event", "# Conflicts: mpm_worker mpm_prefork\n"),
        ("mpm_prefork", "# Conflicts: mpm_event mpm_worker\n"),
        ("authz_host", "# Depends: authz_core\n"),
        ("authz_core", ""),
        ("auth_basic", "# Depends: authn_core auth_basic\n"),
        ("authn_core", ""),
        ("deflate", "# Depends: filter\n"),
        ("filter", ""),
        ("ssl", ""),
    ] {
        let at = format!("/etc/apache2/mods-available/{name}.load");
        image = image.file("apache2", &at, &load(name, depends));
        let library = format!("/usr/lib/apache2/modules/mod_{name}.so");
        image = image.file("apache2-bin", &library, name);
    }
    image
        .file(
            "apache2",
            "/etc/apache2/mods-available/gone.load",
            &load("gone", ""),
        )
        .file("apache2", "/etc/apache2/mods-available/deflate.conf", "c")
        .file("apache2", "/etc/apache2/mods-available/mpm_event.conf", "e")
        .file("apache2", "/etc/apache2/conf-available/charset.conf", "c")
        .file(
            "apache2",
            "/etc/apache2/sites-available/000-default.conf",
            "s",
        )
}

/// The names in a directory.
fn names(rootfs: &Rootfs, dir: &str) -> Vec<String> {
    let dir = path(dir);
    let nodes = rootfs.tree.below(&dir);
    let names = nodes.filter_map(|node| node.entry.path.file_name());
    names
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

#[test]
fn apache_has_the_modules_that_its_script_enables_with_what_they_depend_on() {
    let rootfs = apache().finalize().unwrap();
    assert_eq!(
        names(&rootfs, "/etc/apache2/mods-enabled"),
        [
            "auth_basic.load",
            "authn_core.load",
            "authz_core.load",
            "authz_host.load",
            "deflate.conf",
            "deflate.load",
            "filter.load",
            "mpm_event.conf",
            "mpm_event.load"
        ]
    );
    let target = |at| rootfs.target(at);
    assert_eq!(
        target("/etc/apache2/mods-enabled/deflate.load").as_deref(),
        Some("../mods-available/deflate.load")
    );
    assert_eq!(
        target("/etc/apache2/conf-enabled/charset.conf").as_deref(),
        Some("../conf-available/charset.conf")
    );
    assert_eq!(
        target("/etc/apache2/sites-enabled/000-default.conf").as_deref(),
        Some("../sites-available/000-default.conf")
    );
    assert!(uncovered(&rootfs).is_empty(), "{:?}", uncovered(&rootfs));
}

#[test]
fn a_site_of_the_spec_outweighs_the_default_one() {
    let mut image = apache();
    image.assembly.files.push(SpecFile {
        path: path("/etc/apache2/sites-enabled/000-default.conf"),
        kind: SpecFileKind::File(mikron_rootfs::FileSource::Bytes(b"own".to_vec())),
        owner: None,
        group: None,
        mode: None,
        layer: None,
    });
    let rootfs = image.finalize().unwrap();
    assert_eq!(
        rootfs.text("/etc/apache2/sites-enabled/000-default.conf"),
        "own"
    );
}

#[test]
fn a_module_that_needs_another_way_of_serving_switches_to_it() {
    // The shape of the postinst of libapache2-mod-php.
    let script = "if [ -e /usr/share/apache2/apache2-maintscript-helper ]; then\n. /usr/share/apache2/apache2-maintscript-helper\nphp_enable() {\n local a2query_ret=0\n a2query -m \"php8.2\" > /dev/null 2>&1 || a2query_ret=$?\n if [ \"$a2query_ret\" -eq 0 ] ; then return 1\n elif [ \"$a2query_ret\" -eq 32 ] ; then return 1\n fi\n PHP_MODULE=$(a2query -m | sed -n 's/^\\(php[\\.0-9]*\\) (enabled.*)/\\1/p')\n if [ -n \"$PHP_MODULE\" -a \"$PHP_MODULE\" != \"php8.2\" ]; then return 1; fi\n case \"$(a2query -M)\" in\n prefork|itk) return 0;;\n *) if apache2_switch_mpm prefork; then return 0; fi;;\n esac\n return 1\n}\nfi\nif php_enable; then\nfor conf in php8.2  ; do\napache2_invoke enmod $conf  || exit 1\ndone\nfi\n";
    let rootfs = apache()
        .script("libapache2-mod-php8.2", "postinst", script)
        .file(
            "libapache2-mod-php8.2",
            "/etc/apache2/mods-available/php8.2.load",
            "# Depends: mpm_prefork\nLoadModule php_module /usr/lib/apache2/modules/libphp8.2.so\n",
        )
        .file(
            "apache2",
            "/usr/share/apache2/apache2-maintscript-helper",
            "",
        )
        .file(
            "libapache2-mod-php8.2",
            "/usr/lib/apache2/modules/libphp8.2.so",
            "1",
        )
        .finalize()
        .unwrap();
    let names = names(&rootfs, "/etc/apache2/mods-enabled");
    for (name, there) in [
        ("mpm_event.load", false),
        ("mpm_prefork.load", true),
        ("php8.2.load", true),
    ] {
        assert_eq!(names.iter().any(|n| n == name), there, "{name}");
    }
    assert!(uncovered(&rootfs).is_empty(), "{:?}", uncovered(&rootfs));
}

/// The shape of the postinst of PHP's extensions.
const EXTENSION: &str = r#"#!/bin/sh
set -e
if [ "$1" = "configure" ]; then
    inidir=/etc/php/8.2/mods-available
    if [ -e /usr/lib/php/php-maintscript-helper ] ; then
	. /usr/lib/php/php-maintscript-helper
	for dsoname in ctype iconv; do
	    inifile=${dsoname}.ini
	    ucf /usr/share/php8.2-common/common/${inifile} ${inidir}/${inifile}
	    ucfr --force php8.2-common ${inidir}/${inifile}
	    if [ -f "${inidir}/${inifile}.dpkg-new" ]; then
		md5sum="$(md5sum ${inidir}/${inifile}.dpkg-new | sed -e 's/ .*//')"
		if [ "$md5sum" = "$old_md5sum" ]; then
		    mv "${inidir}/${inifile}.dpkg-new" "${inidir}/${inifile}"
		fi
	    fi
	    php_invoke enmod 8.2 ALL ${dsoname}
	done
    fi
fi
"#;

#[test]
fn php_loads_the_extensions_whose_libraries_are_there_in_every_interface() {
    let fpm = "if [ -e /usr/lib/php/php-maintscript-helper ]; then\n. /usr/lib/php/php-maintscript-helper\nmods=$(phpquery -M -v 8.2)\nfor mod in $mods; do\nphp_invoke enmod 8.2 fpm $mod\ndone\nfi";
    let rootfs = Image::new()
        .script("php8.2-common", "postinst", EXTENSION)
        .script("php8.2-fpm", "postinst", fpm)
        .script(
            "php8.2-opcache",
            "postinst",
            "php_invoke enmod 8.2 ALL opcache",
        )
        .template(
            "/usr/share/php8.2-common/common/ctype.ini",
            "; configuration for php common module\n; priority=30\nextension=ctype.so\n",
        )
        .template("/usr/lib/php/php-maintscript-helper", "")
        .dir("php8.2-common", "/etc/php/8.2/mods-available", 0o755)
        .template(
            "/usr/share/php8.2-common/common/iconv.ini",
            "extension=iconv.so\n",
        )
        .file(
            "php8.2-opcache",
            "/etc/php/8.2/mods-available/opcache.ini",
            "; priority=10\nzend_extension=opcache.so\n",
        )
        .file("php8.2-common", "/usr/lib/php/20220829/ctype.so", "1")
        .file("php8.2-opcache", "/usr/lib/php/20220829/opcache.so", "2")
        .file("php8.2-fpm", "/etc/php/8.2/fpm/php-fpm.conf", "3")
        .dir("php8.2-cli", "/etc/php/8.2/cli/conf.d", 0o755)
        .finalize()
        .unwrap();
    for sapi in ["fpm", "cli"] {
        let dir = format!("/etc/php/8.2/{sapi}/conf.d");
        assert_eq!(names(&rootfs, &dir), ["10-opcache.ini", "30-ctype.ini"]);
    }
    assert_eq!(
        rootfs
            .target("/etc/php/8.2/fpm/conf.d/30-ctype.ini")
            .as_deref(),
        Some("/etc/php/8.2/mods-available/ctype.ini")
    );
    assert!(
        rootfs.at("/usr/share/php8.2-common").is_none(),
        "what is copied stays out"
    );
    assert!(uncovered(&rootfs).is_empty(), "{:?}", uncovered(&rootfs));
}

/// The shape of openssh-server's postinst.
const SSHD: &str = r#"#!/bin/sh
set -e
new_config=
create_sshdconfig() {
	db_get openssh-server/permit-root-login
	permit_root_login="$RET"
	new_config="$(mktemp)"
	cp -aZ /usr/share/openssh/sshd_config "$new_config"
	if [ "$permit_root_login" != true ]; then
		sed -i 's/^#*PermitRootLogin .*/PermitRootLogin yes/' \
			"$new_config"
	fi
	mkdir -pZ /etc/ssh
	ucf --three-way --debconf-ok \
		--sum-file /usr/share/openssh/sshd_config.md5sum \
		"$new_config" /etc/ssh/sshd_config
	ucfr openssh-server /etc/ssh/sshd_config
}
if [ "$1" = configure ]; then
	create_sshdconfig
fi
"#;

#[test]
fn what_ucf_puts_into_place_is_copied_also_through_a_temporary_file() {
    let image = Image::new()
        .script("openssh-server", "postinst", SSHD)
        .template(
            "/usr/share/openssh/sshd_config",
            "#PermitRootLogin prohibit-password\n",
        )
        .questions(
            "openssh-server",
            "Template: openssh-server/permit-root-login\nType: boolean\nDefault: true\n",
        );
    let metadata = &image.assembly.packages[0].metadata;
    let mut sources = Sources::default();
    sources.add(metadata);
    assert!(sources.contains(&image.assembly.templates[0].entry));
    let digest = image.assembly.templates[0].content;
    let rootfs = image.finalize().unwrap();
    let copy = rootfs.at("/etc/ssh/sshd_config").unwrap();
    assert_eq!((copy.content, copy.entry.size()), (Some(digest), 35));
    assert!(rootfs.at("/usr/share/openssh").is_none());
    let open = uncovered(&rootfs);
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn what_a_script_makes_of_a_template_is_what_it_puts_into_place() {
    // The shape of postgresql-common's postinst.
    let script = "CCTEMPLATE=/usr/share/p/createcluster.conf\nCCTMP=`mktemp --tmpdir p.XXXXXX`\ncp $CCTEMPLATE $CCTMP\nsed -e 's/a/b/' $CCTEMPLATE > $CCTMP\nucf --debconf-ok $CCTMP /etc/p/createcluster.conf\n";
    let rootfs = Image::new()
        .script("p", "postinst", script)
        .template("/usr/share/p/createcluster.conf", "a")
        .dir("p", "/etc/p", 0o755)
        .finalize()
        .unwrap();
    assert_eq!(rootfs.text("/etc/p/createcluster.conf"), "b");
    assert!(uncovered(&rootfs).is_empty());
    assert!(names(&rootfs, "/tmp").is_empty());
}

#[test]
fn install_copies_with_the_mode_that_it_names() {
    let script = "install -m 0640 /usr/share/p/a /etc/p/a\ninstall /usr/share/p/a /etc/p/prog\ncp -p /usr/share/p/a /etc/p/kept\ninstall -o x -m 600 /usr/share/p/a /etc/p/owned\ncp -r /usr/share/p /etc/q\nmv /etc/p/kept.dpkg-new /etc/p/kept\ntrue\n";
    let rootfs = Image::new()
        .script("p", "postinst", script)
        .template("/usr/share/p/a", "new")
        .file("p", "/etc/p/kept", "old")
        .finalize()
        .unwrap();
    assert_eq!(rootfs.at("/etc/p/a").unwrap().entry.mode, 0o640);
    assert_eq!(rootfs.at("/etc/p/prog").unwrap().entry.mode, 0o755);
    let new = rootfs.at("/etc/p/a").unwrap().content;
    assert_eq!(rootfs.at("/etc/p/kept").unwrap().content, new);
    assert_eq!(rootfs.at("/etc/q/a").unwrap().content, new);
    assert_eq!(
        uncovered(&rootfs),
        ["install -o x -m 600 /usr/share/p/a /etc/p/owned"]
    );
}

#[test]
fn an_account_that_the_spec_names_may_be_made_by_a_package_that_is_not_chosen() {
    // The shape of postgresql-common's postinst.
    let script = "[ \"$DPKG_MAINTSCRIPT_PACKAGE\" ] && quiet=\"--quiet\"\nif ! getent passwd postgres > /dev/null; then\nadduser --system $quiet --home /var/lib/postgresql --no-create-home \\\n --shell /bin/bash --group --gecos \"PostgreSQL administrator\" postgres\nfi\n";
    let image = || {
        Image::new()
            .script("postgresql-common", "postinst", script)
            .script("other", "postinst", "adduser --system unwanted")
            .package("systemd", |_| {})
            .file("postgresql-15", "/usr/lib/postgresql/15/bin/postgres", "1")
            .further("postgresql-common", &[])
            .further("other", &[])
            .further(
                "systemd",
                &[("/usr/lib/sysusers.d/x.conf", "u svc 333 \"A service\"\n")],
            )
    };
    let mut named = image();
    named.assembly.run_as = Some("postgres".into());
    named.assembly.files.push(SpecFile {
        path: path("/data"),
        kind: SpecFileKind::Directory,
        owner: Some("postgres".into()),
        group: Some("svc".into()),
        mode: None,
        layer: None,
    });
    let rootfs = named.finalize().unwrap();
    let passwd = rootfs.text("/etc/passwd");
    let line = "postgres:x:101:101:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";
    assert!(
        passwd.contains(line) && !passwd.contains("unwanted"),
        "{passwd}"
    );
    assert!(passwd.contains("svc:x:333:"), "{passwd}");
    assert_eq!(rootfs.run_as.unwrap().to_string(), "101:101");
    let data = &rootfs.at("/data").unwrap().entry;
    assert_eq!((data.uid, data.gid), (101, 333));
    let plain = image().finalize().unwrap();
    assert!(
        !plain.text("/etc/passwd").contains("postgres"),
        "nothing names it"
    );
    // The shape of exim4-base's: it finds the account that exim4-config's script made, and gives it a directory.
    for script in [
        "getent passwd postgres >/dev/null || adduser --system postgres",
        "id postgres >/dev/null 2>&1 || adduser --system postgres",
        "install -d -o postgres /var/log/postgresql",
    ] {
        let mut counting = image().script("postgresql-15", "postinst", script);
        let packages = &mut counting.assembly.packages;
        let at = packages
            .iter()
            .position(|package| package.name() == "postgresql-15");
        let metadata = Arc::make_mut(&mut packages[at.expect("it is there")].metadata);
        let relation = mikron_package::Relation::named("postgresql-common".parse().unwrap());
        metadata.record.depends = vec![mikron_package::Requirement::One(relation)];
        let rootfs = counting.finalize().unwrap();
        let passwd = rootfs.text("/etc/passwd");
        assert!(
            passwd.contains(line) && !passwd.contains("unwanted"),
            "{script}: {passwd}"
        );
    }
}

const UNIX: &str = "Name: Unix authentication\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_unix.so nullok try_first_pass\nAuth-Initial:\n\t[success=end default=ignore]\tpam_unix.so nullok\nSession-Type: Additional\nSession:\n\trequired\tpam_unix.so\n";

fn pam() -> Image {
    let template = |name: &str, block: &str, kind: &str| {
        (
            format!("/usr/share/pam/common-{name}"),
            format!(
                "# Primary\n${block}_primary\n{kind}\trequisite\t\t\tpam_deny.so\n${block}_additional\n# end\n"
            ),
        )
    };
    let mut image = Image::new()
        .script("libpam-runtime", "postinst", "pam-auth-update --root \"$DPKG_ROOT\" --package $force")
        .file("libpam-modules", "/usr/lib/x86_64-linux-gnu/security/pam_unix.so", "1")
        .file("openssh-server", "/etc/pam.d/sshd", "# common-password\n@include common-auth\n@include common-session\nsession include common-session-noninteractive\n")
        .template("/usr/share/pam-configs/unix", UNIX)
        .template("/usr/share/pam-configs/systemd", "Default: yes\nPriority: 0\nSession-Interactive-Only: yes\nSession-Type: Additional\nSession:\n\toptional\tpam_systemd.so\n")
        .template("/usr/share/pam-configs/mkhomedir", "Default: no\nSession-Type: Additional\nSession:\n\toptional\tpam_unix.so\n");
    for (name, block, kind) in [
        ("auth", "auth", "auth"),
        ("password", "password", "password"),
        ("session", "session", "session"),
        ("session-noninteractive", "session_nonint", "session"),
    ] {
        let (at, text) = template(name, block, kind);
        image = image.template(&at, &text);
    }
    image
}

#[test]
fn pam_has_the_stacks_that_its_services_include() {
    let rootfs = pam().finalize().unwrap();
    assert_eq!(
        rootfs.text("/etc/pam.d/common-auth"),
        "# Primary\nauth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\t\t\tpam_deny.so\n# end\n"
    );
    let session = "# Primary\nsession\t[default=1]\t\t\tpam_permit.so\nsession\trequisite\t\t\tpam_deny.so\nsession\trequired\tpam_unix.so \n# end\n";
    assert_eq!(rootfs.text("/etc/pam.d/common-session"), session);
    assert_eq!(
        rootfs.text("/etc/pam.d/common-session-noninteractive"),
        session
    );
    assert!(
        rootfs.at("/etc/pam.d/common-password").is_none(),
        "only a comment names it"
    );
    assert!(uncovered(&rootfs).is_empty());
}

#[test]
fn a_second_profile_comes_behind_by_priority_and_an_interactive_one_only_for_people() {
    let rootfs = pam()
        .file("libpam-systemd", "/usr/lib/x86_64-linux-gnu/security/pam_systemd.so", "1")
        .file("x", "/usr/lib/x86_64-linux-gnu/security/pam_x.so", "1")
        .template("/usr/share/pam-configs/x", "Default: yes\nPriority: 900\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_x.so\n")
        .finalize()
        .unwrap();
    let auth = rootfs.text("/etc/pam.d/common-auth");
    assert!(
        auth.contains("auth\t[success=2 default=ignore]\tpam_x.so \nauth\t[success=1 default=ignore]\tpam_unix.so nullok try_first_pass\n"),
        "{auth}"
    );
    let with = "pam_unix.so \nsession\toptional\tpam_systemd.so \n";
    assert!(rootfs.text("/etc/pam.d/common-session").contains(with));
    assert!(
        !rootfs
            .text("/etc/pam.d/common-session-noninteractive")
            .contains(with)
    );
}

/// A self-signed certificate made for this test; it never leaves it.
const CERTIFICATE: &str = include_str!("data/test-ca.pem");

fn java() -> Image {
    Image::new()
        .script(
            "ca-certificates-java",
            "postinst",
            "JAR=/usr/share/x.jar\njava -Xmx64m -jar $JAR -storepass changeit < /var/lib/x/fresh\n",
        )
        .link(
            "openjdk-17-jre-headless",
            "/usr/lib/jvm/java-17/lib/security/cacerts",
            "/etc/ssl/certs/java/cacerts",
        )
        .template(
            "/usr/share/ca-certificates/mozilla/Test_(Ő)_CA.crt",
            CERTIFICATE,
        )
        .template(
            "/usr/share/ca-certificates/mozilla/Broken.crt",
            "no certificate",
        )
}

fn store(rootfs: &Rootfs) -> Vec<u8> {
    let node = rootfs
        .at("/etc/ssl/certs/java/cacerts")
        .expect("it is made");
    let content = node.content.expect("it is a file");
    let bytes = rootfs.made.get(&content);
    bytes.expect("it was made here").to_vec()
}

#[test]
fn java_trusts_the_certificate_authorities_where_a_link_leads_to_its_store() {
    let rootfs = java().finalize().unwrap();
    assert_eq!(
        store(&rootfs),
        store(&java().finalize().unwrap()),
        "the same bytes again"
    );
    assert!(uncovered(&rootfs).is_empty(), "{:?}", uncovered(&rootfs));
    let without = Image::new()
        .file("p", "/usr/bin/p", "1")
        .template("/usr/share/ca-certificates/mozilla/A.crt", CERTIFICATE)
        .finalize()
        .unwrap();
    assert!(without.at("/etc/ssl/certs/java/cacerts").is_none());
}

#[test]
fn keytool_reads_javas_store() {
    let Some(keytool) = mikron_testkit::tools::tool("keytool") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cacerts");
    std::fs::write(&file, store(&java().finalize().unwrap())).unwrap();
    let output = std::process::Command::new(keytool)
        .args([
            "-J-Duser.language=en",
            "-J-Duser.timezone=UTC",
            "-J-Dstdout.encoding=UTF-8",
        ])
        .args([
            "-list",
            "-v",
            "-storetype",
            "JKS",
            "-storepass",
            "changeit",
            "-keystore",
        ])
        .arg(&file)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("Your keystore contains 1 entry"), "{text}");
    assert!(text.contains("debian:test_=ő=_ca.pem"), "{text}");
    assert!(text.contains("Entry type: trustedCertEntry"), "{text}");
    assert!(text.contains("Owner: CN=Mikron Test CA"), "{text}");
    assert_eq!(EPOCH, 1_700_000_000);
    assert!(text.contains("Creation date: Nov 14, 2023"), "{text}");
}
