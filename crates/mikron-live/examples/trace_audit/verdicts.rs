//! Why an image does well without a path that the full installation uses.

/// A reason, for paths that match.
pub(crate) struct Verdict {
    /// What the table calls it.
    pub(crate) name: &'static str,
    /// The service that it holds for; empty for all.
    service: &'static str,
    /// Beginnings of paths, or endings where they begin with `*`.
    paths: &'static [&'static str],
    /// Why nothing is lost.
    #[allow(dead_code)] // it is written for whoever reads the table
    reason: &'static str,
}

/// All verdicts. The first that matches holds.
const VERDICTS: &[Verdict] = &[
    Verdict {
        name: "ld.so.cache",
        service: "",
        paths: &["/etc/ld.so.cache"],
        reason: "the loader searches its default directories, in which every library of an image lies",
    },
    Verdict {
        name: "nsswitch.conf",
        service: "",
        paths: &["/etc/nsswitch.conf"],
        reason: "without it glibc uses files and dns, both of which it has inside since 2.34",
    },
    Verdict {
        name: "localtime",
        service: "",
        paths: &["/etc/localtime", "/usr/share/zoneinfo/Etc/UTC"],
        reason: "without /etc/localtime the time zone is UTC, as with Debian's default",
    },
    Verdict {
        name: "gconv-modules.cache",
        service: "",
        paths: &["*/gconv/gconv-modules.cache"],
        reason: "an index of what gconv-modules says, looked at whenever a locale is set; conversions between UTF-8, \
                 UCS-4 and ASCII are inside the C library",
    },
    Verdict {
        name: "gai.conf",
        service: "",
        paths: &["/etc/gai.conf"],
        reason: "Debian's has comments only; the table of RFC 3484 is inside the C library",
    },
    Verdict {
        name: "host.conf",
        service: "",
        paths: &["/etc/host.conf"],
        reason: "Debian's says `multi on`: all addresses of a name that stands in /etc/hosts several times, not the first",
    },
    Verdict {
        name: "openssl.cnf",
        service: "",
        paths: &["/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf"],
        reason: "it belongs to the command `openssl`, not to the library, whose built-in defaults Debian has set to the same \
                 level of security",
    },
    Verdict {
        name: "shadow",
        service: "",
        paths: &["/etc/shadow", "/etc/gshadow"],
        reason: "an image has no passwords; accounts are locked",
    },
    Verdict {
        name: "gss",
        service: "",
        paths: &["/etc/gss/mech.d"],
        reason: "a directory for further mechanisms, empty as Debian ships it; Kerberos is inside the library",
    },
    Verdict {
        name: "byte code",
        service: "",
        paths: &["*.pyc", "*/__pycache__"],
        reason: "py3compile makes it when a package is installed; without, Python compiles at each start, which takes longer",
    },
    Verdict {
        name: "empty directory",
        service: "",
        paths: &["/usr/local/"],
        reason: "base-files makes these for what an administrator installs; Qt looks through them for libraries of OpenSSL",
    },
    Verdict {
        name: "inputrc",
        service: "",
        paths: &["/etc/inputrc"],
        reason: "keys of an interactive line editor beyond its own defaults",
    },
    Verdict {
        name: "fontconfig cache",
        service: "",
        paths: &["/var/cache/fontconfig/"],
        reason: "fc-cache makes it when fonts are installed; without, the fonts of the image are read at each start",
    },
    Verdict {
        name: "SASL database",
        service: "",
        paths: &[
            "/usr/lib/x86_64-linux-gnu/sasl2",
            "/usr/lib/x86_64-linux-gnu/libdb-5.3.so",
        ],
        reason: "a client looks through the directory of mechanisms; the one module there keeps the accounts of servers, which is \
                 what Berkeley DB is for, and a program that serves by SASL has it",
    },
    Verdict {
        name: "terminal of PHP",
        service: "php-fpm",
        paths: &[
            "*/readline.ini",
            "*/readline.so",
            "/usr/lib/x86_64-linux-gnu/libbsd.so.",
            "/usr/lib/x86_64-linux-gnu/libedit.so.",
            "/usr/lib/x86_64-linux-gnu/libmd.so.",
            "/usr/lib/x86_64-linux-gnu/libtinfo.so.",
        ],
        reason: "php8.2-readline edits lines at a terminal; the program for terminals depends on it, which php8.2-fpm depends on and \
                 never calls, and a request has no terminal",
    },
    Verdict {
        name: "pam_userdb",
        service: "",
        paths: &["*/security/pam_userdb.so"],
        reason: "a module for accounts in a Berkeley database, which no file of Debian's pam.d names",
    },
    Verdict {
        name: "translations",
        service: "",
        paths: &["/usr/share/locale"],
        reason: "messages are those of the programs themselves unless the spec asks for the class `locale`",
    },
    Verdict {
        name: "size of paper",
        service: "",
        paths: &["/etc/papersize"],
        reason: "the script asks locale(1) for it, and the library does the same where the file is not: A4",
    },
    Verdict {
        name: "no fonts",
        service: "",
        paths: &[
            "/usr/share/fonts/X11/encodings",
            "/usr/share/fonts/X11/util",
            "*/encodings.dir",
            "*/fonts.alias",
            "*/fonts.dir",
            "*/fonts.scale",
        ],
        reason: "tables for the X server, of xfonts-utils, on which fonts depend for their scripts: fontconfig opens whatever lies in \
                 its directories",
    },
    Verdict {
        name: "database of media types",
        service: "wkhtmltopdf",
        paths: &["/usr/share/mime/"],
        reason: "update-mime-database makes it, and Qt has a copy inside where there is none",
    },
    Verdict {
        name: "asked for",
        service: "rabbitmq",
        paths: &["/usr/bin/getconf"],
        reason: "its code asks for the size of a page, and takes 4096 where it is not there, which it is",
    },
    Verdict {
        name: "asked for",
        service: "scipy",
        paths: &["/usr/bin/uname"],
        reason: "platform.processor asks it, which says `unknown` in Debian, and takes nothing for the same",
    },
    Verdict {
        name: "asked for",
        service: "weasyprint",
        paths: &["/usr/bin/gcc"],
        reason: "find_library of ctypes asks a compiler among others where libraries lie",
    },
    Verdict {
        name: "secret",
        service: "rabbitmq",
        paths: &["/var/lib/rabbitmq/.erlang.cookie"],
        reason: "each node makes its own when it starts first",
    },
    Verdict {
        name: "asked for",
        service: "monitoring-plugins",
        paths: &["/bin/mktemp"],
        reason: "check_log asks whether it is there, and makes its file by date, touch and chmod where it is not; who wants a command \
                 that a script can do without names it",
    },
    Verdict {
        name: "cannot be loaded",
        service: "subversion",
        paths: &["/usr/lib/x86_64-linux-gnu/libsvn_auth_"],
        reason: "keyrings of desktops: the loader opens them and refuses them in the installation too, since no dependency has \
                 libsecret or KDE's libraries, which they are linked with",
    },
    Verdict {
        name: "state",
        service: "slapd",
        paths: &["/var/lib/ldap/"],
        reason: "the script makes a database of the site at installation, with a password; an image's directory is its own",
    },
    Verdict {
        name: "log",
        service: "proftpd",
        paths: &["/var/log/proftpd/"],
        reason: "the script makes the file empty; the server makes it when it writes",
    },
    Verdict {
        name: "secret",
        service: "bind9",
        paths: &["/etc/bind/rndc.key"],
        reason: "each installation makes its own, and an image is no place for one: rndc is refused until the user brings a key",
    },
    Verdict {
        name: "plugins of the machine",
        service: "munin-node",
        paths: &[
            "/etc/munin/plugins/",
            "/usr/bin/df",
            "/usr/bin/uname",
            "/usr/bin/wc",
            "/usr/lib/x86_64-linux-gnu/libtinfo.so.",
        ],
        reason: "the script turns on plugins for what it finds on the machine, and `list` has each say whether it can; the \
                 commands of a plugin come with the link by which a spec turns it on",
    },
];

/// The verdict on a path that a service uses and its image lacks.
pub(crate) fn of(service: &str, path: &str) -> Option<&'static Verdict> {
    VERDICTS.iter().find(|verdict| {
        let mine = verdict.service.is_empty() || verdict.service == service;
        mine && verdict
            .paths
            .iter()
            .any(|pattern| match pattern.strip_prefix('*') {
                Some(end) => path.ends_with(end),
                None => path.starts_with(pattern),
            })
    })
}
