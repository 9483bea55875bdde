//! Services of the frozen archive: a web server with a package of configuration, one whose script makes an account, two mail servers
//! that exclude each other.

use super::{Arch, Package};

pub(super) fn packages(arch: Arch) -> Vec<Package> {
    let package = |name: &str, version: &str, fields: &[(&str, &str)]| {
        Package::new(name, version, arch.name, fields).documented(name)
    };
    let mail = [
        ("Depends", "libc6 (>= 2.34)"),
        ("Provides", "mail-transport-agent"),
        ("Conflicts", "mail-transport-agent"),
    ];
    let libraries = [
        "libcrypt.so.1",
        "libpcre2-8.so.0",
        "libssl.so.3",
        "libcrypto.so.3",
        "libz.so.1",
    ];
    vec![
        package(
            "nginx",
            "1.22.1-9",
            &[(
                "Depends",
                "libc6 (>= 2.34), libcrypt1 (>= 1:4.1.0), libpcre2-8-0 (>= 10.22), libssl3 (>= 3.0.0), \
                 zlib1g (>= 1:1.1.4), iproute2, nginx-common (= 1.22.1-9)",
            )],
        )
        .with(|deb| {
            // Its threads end by a function for which the C library loads another library.
            let program = arch.program(&libraries).import_of("pthread_exit", "GLIBC_2.34");
            deb.file("/usr/sbin/nginx", 0o755, program.build())
                .file("/usr/share/man/man8/nginx.8.gz", 0o644, "a page\n".repeat(100))
        }),
        package("chrony", "4.3-2", &[("Depends", "libc6 (>= 2.34), adduser")]).with(|deb| {
            deb.file("/usr/sbin/chronyd", 0o755, arch.program(&["libm.so.6"]).build())
                .file("/usr/share/chrony/chrony.conf", 0o644, "keyfile /etc/chrony/chrony.keys\n")
                .conffile("/etc/chrony/chrony.keys", "# keys\n")
                .file(
                    "/lib/systemd/system/chrony.service",
                    0o644,
                    "[Service]\nExecStart=/usr/sbin/chronyd\nStateDirectory=chrony\n",
                )
                .script(
                    "postinst",
                    "#!/bin/sh\nset -e\ncase \"$1\" in\nconfigure)\n  \
                     adduser --system --group --quiet --home /var/lib/chrony --no-create-home _chrony\n  \
                     mkdir -p /var/log/chrony\n  chown _chrony:_chrony /var/log/chrony\n  \
                     chown root:_chrony /etc/chrony/chrony.keys\n  chmod 640 /etc/chrony/chrony.keys\n  ;;\nesac\n",
                )
        }),
        package("exim4-daemon-light", "4.96-15", &mail)
            .with(|deb| deb.file("/usr/sbin/exim4", 0o755, arch.program(&[]).build())),
        package("postfix", "3.7.6-0+deb12u2", &mail)
            .with(|deb| deb.file("/usr/sbin/postfix", 0o755, arch.program(&[]).build())),
    ]
}

/// What is the same for every architecture.
pub(super) fn data() -> Vec<Package> {
    let conf = "user www-data;\npid /run/nginx.pid;\nevents {}\nhttp {\n  include /etc/nginx/mime.types;\n  \
                access_log /var/log/nginx/access.log;\n  include /etc/nginx/conf.d/*.conf;\n  include /etc/nginx/sites-enabled/*;\n}\n";
    let common = Package::new("nginx-common", "1.22.1-9", "all", &[("Depends", "lsb-base (>= 3.0-6) | sysvinit-utils")])
        .documented("nginx-common")
        .with(|deb| {
            deb.conffile("/etc/nginx/nginx.conf", conf)
                .conffile("/etc/nginx/mime.types", "types { text/html html; }\n")
                .conffile("/etc/nginx/sites-available/default", "server { root /var/www/html; }\n")
                .conffile("/etc/logrotate.d/nginx", "/var/log/nginx/*.log { weekly }\n")
                .conffile("/etc/init.d/nginx", "#!/bin/sh\nexit 0\n")
                .dir("/etc/nginx/conf.d", 0o755)
                .dir("/etc/nginx/sites-enabled", 0o755)
                .dir("/var/lib/nginx", 0o755)
                .file("/usr/share/nginx/html/index.html", 0o644, "<h1>Welcome</h1>\n")
                .file(
                    "/lib/systemd/system/nginx.service",
                    0o644,
                    "[Service]\nType=forking\nExecStart=/usr/sbin/nginx\n",
                )
                .script(
                    "postinst",
                    "#!/bin/sh\nset -e\ncase \"$1\" in\nconfigure)\n  \
                     mkdir -p /var/log/nginx\n  chown root:adm /var/log/nginx\n  chmod 755 /var/log/nginx\n  \
                     if [ ! -e /etc/nginx/sites-enabled/default ]; then\n    \
                     ln -s /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default\n  fi\n  \
                     if [ ! -d /var/www/html ]; then\n    mkdir -p /var/www/html\n  fi\n  ;;\nesac\n\
                     deb-systemd-helper unmask nginx.service >/dev/null || true\nif [ -d /run/systemd/system ]; then\n  systemctl --system daemon-reload >/dev/null || true\n  \
                     deb-systemd-invoke start nginx.service >/dev/null || true\nfi\n",
                )
                .script("prerm", "#!/bin/sh\nset -e\nif [ -x /etc/init.d/nginx ] && [ \"$1\" = remove ]; then\n  invoke-rc.d nginx stop\nfi\n")
        });
    let empty =
        |name: &str, version: &str| Package::new(name, version, "all", &[]).documented(name);
    let hello = Package::new("hello-script", "1.0-1", "all", &[("Depends", "dash, sed")])
        .documented("hello-script")
        .with(|deb| {
            deb.file(
                "/usr/bin/hello",
                0o755,
                "#!/bin/sh\necho Hello | sed -e 's/H/J/'\n",
            )
        });
    vec![
        common,
        empty("lsb-base", "11.6"),
        empty("adduser", "3.134"),
        hello,
    ]
}
