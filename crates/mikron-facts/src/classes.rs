//! Classes: what kind of content an entry is, by path and content.
//!
//! The table is read from top to bottom and the first row that fits wins. Paths are those of the merged tree (`/usr/lib`, never
//! `/lib`), without the leading slash.

use mikron_package::{Entry, EntryKind, merged_usr};
use serde::{Deserialize, Serialize};

use crate::languages::language_of;
use crate::{ElfFacts, ElfKind};

/// What kind of content an entry is. Each entry belongs to exactly one class, and each class is a capability of its package by the
/// name that [`Class::name`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Programs.
    Bins,
    /// Shared libraries where the loader looks for them by itself.
    Libs,
    /// Shared objects that a program loads by path or name (dlopen(3)): plugins, private libraries.
    Modules,
    /// Configuration, below `/etc`.
    Config,
    /// Files that programs read at run time, and directories that they write to.
    Data,
    /// Code of an interpreted language in the directories of its interpreter.
    Source,
    /// Translations and locales.
    Locale,
    /// Copyright files and licence texts.
    Licences,
    /// Documentation.
    Docs,
    /// Manual pages.
    Man,
    /// Info pages.
    Info,
    /// What a compiler and a linker need: headers, link-time names of libraries.
    Headers,
    /// Static libraries and object files.
    Static,
    /// Descriptions for build systems: pkg-config, CMake.
    Pkgconfig,
    /// Debug symbols.
    Debug,
    /// Completions for shells, syntax files for editors.
    Completions,
    /// What a service manager or another service of the host reads: systemd, init, cron, logrotate, udev, firewalls.
    Units,
    /// What only maintainer scripts, package managers and bug reporters read.
    Hooks,
    /// Menus, icons of applications and metadata of desktops.
    Desktop,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 19] = [
        Self::Bins,
        Self::Libs,
        Self::Modules,
        Self::Config,
        Self::Data,
        Self::Source,
        Self::Locale,
        Self::Licences,
        Self::Docs,
        Self::Man,
        Self::Info,
        Self::Headers,
        Self::Static,
        Self::Pkgconfig,
        Self::Debug,
        Self::Completions,
        Self::Units,
        Self::Hooks,
        Self::Desktop,
    ];

    /// The name of the capability: `bins` in `nginx:bins`.
    ///
    /// ```
    /// use mikron_facts::Class;
    /// assert_eq!(Class::Licences.name(), "licences");
    /// assert!(Class::ALL.iter().all(|class| Class::from_name(class.name()) == Some(*class)));
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bins => "bins",
            Self::Libs => "libs",
            Self::Modules => "modules",
            Self::Config => "config",
            Self::Data => "data",
            Self::Source => "source",
            Self::Locale => "locale",
            Self::Licences => "licences",
            Self::Docs => "docs",
            Self::Man => "man",
            Self::Info => "info",
            Self::Headers => "headers",
            Self::Static => "static",
            Self::Pkgconfig => "pkgconfig",
            Self::Debug => "debug",
            Self::Completions => "completions",
            Self::Units => "units",
            Self::Hooks => "hooks",
            Self::Desktop => "desktop",
        }
    }

    /// The class of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Whether an image can need it at run time. The other classes are never part of a minimal selection unless asked for.
    pub const fn is_run_time(self) -> bool {
        matches!(
            self,
            Self::Bins | Self::Libs | Self::Modules | Self::Config | Self::Data | Self::Source
        )
    }
}

/// One row: a path that begins, continues and ends so is of this class. A row that ends in `/` holds for the directory, too.
struct Row {
    prefix: &'static str,
    contains: &'static str,
    suffix: &'static str,
    class: Class,
}

const fn below(prefix: &'static str, class: Class) -> Row {
    Row {
        prefix,
        contains: "",
        suffix: "",
        class,
    }
}

const fn ending(prefix: &'static str, suffix: &'static str, class: Class) -> Row {
    Row {
        prefix,
        contains: "",
        suffix,
        class,
    }
}

const fn within(
    prefix: &'static str,
    contains: &'static str,
    suffix: &'static str,
    class: Class,
) -> Row {
    Row {
        prefix,
        contains,
        suffix,
        class,
    }
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Documentation.
    ending("usr/share/doc/", "/copyright",      Class::Licences),
    below("usr/share/common-licenses/",         Class::Licences),
    below("usr/share/licenses/",                Class::Licences),
    below("usr/share/doc/",                     Class::Docs),
    below("usr/share/doc-base/",                Class::Docs),
    below("usr/share/gtk-doc/",                 Class::Docs),
    below("usr/share/devhelp/",                 Class::Docs),
    below("usr/share/help/",                    Class::Docs),
    below("usr/share/man/",                     Class::Man),
    below("usr/local/share/man/",               Class::Man),
    below("usr/share/info/",                    Class::Info),

    // Locales.
    below("usr/share/locale/",                  Class::Locale),
    below("usr/share/locale-langpack/",         Class::Locale),
    below("usr/lib/locale/",                    Class::Locale),

    // Building.
    below("usr/include/",                       Class::Headers),
    below("usr/local/include/",                 Class::Headers),
    below("usr/share/aclocal/",                 Class::Headers),
    below("usr/share/vala/",                    Class::Headers),
    below("usr/share/gir-1.0/",                 Class::Headers),
    below("usr/src/",                           Class::Headers),
    below("usr/share/pkgconfig/",               Class::Pkgconfig),
    within("usr/lib", "/pkgconfig/", "",        Class::Pkgconfig),
    within("usr/lib", "/cmake/", "",            Class::Pkgconfig),
    below("usr/share/cmake/",                   Class::Pkgconfig),
    below("usr/share/pkg-config-crosswrapper",  Class::Pkgconfig),
    below("usr/lib/debug/",                     Class::Debug),
    // What the native compiler of OCaml and editors read; code that is loaded has other names.
    ending("usr/lib/ocaml/", ".cmx",            Class::Headers),
    ending("usr/lib/ocaml/", ".cmxa",           Class::Headers),
    ending("usr/lib/ocaml/", ".cmt",            Class::Headers),
    ending("usr/lib/ocaml/", ".cmti",           Class::Headers),
    ending("usr/lib/ocaml/", ".ml",             Class::Headers),
    ending("usr/lib/ocaml/", ".mli",            Class::Headers),
    ending("usr/lib", ".a",                     Class::Static),
    ending("usr/lib", ".o",                     Class::Static),

    // Shells and editors.
    below("usr/share/bash-completion/",         Class::Completions),
    below("etc/bash_completion.d/",             Class::Completions),
    below("usr/share/zsh/vendor-completions/",  Class::Completions),
    below("usr/share/zsh/site-functions/",      Class::Completions),
    below("usr/share/fish/vendor_completions.d/", Class::Completions),
    below("usr/share/fish/completions/",        Class::Completions),
    below("usr/share/vim/addons/",              Class::Completions),
    below("usr/share/vim/registry/",            Class::Completions),
    below("usr/share/vim/vimfiles/",            Class::Completions),
    below("usr/share/nvim/",                    Class::Completions),
    below("usr/share/emacs/site-lisp/",         Class::Completions),
    below("usr/share/gtksourceview",            Class::Completions),

    // The host's services.
    below("usr/lib/systemd/",                   Class::Units),
    below("etc/systemd/",                       Class::Units),
    below("usr/lib/tmpfiles.d/",                Class::Units),
    below("usr/lib/sysusers.d/",                Class::Units),
    below("usr/lib/sysctl.d/",                  Class::Units),
    below("etc/sysctl.d/",                      Class::Units),
    below("usr/lib/modules-load.d/",            Class::Units),
    below("etc/modules-load.d/",                Class::Units),
    below("usr/lib/modprobe.d/",                Class::Units),
    below("etc/modprobe.d/",                    Class::Units),
    below("usr/lib/binfmt.d/",                  Class::Units),
    below("usr/share/binfmts/",                 Class::Units),
    below("usr/lib/udev/",                      Class::Units),
    below("etc/udev/",                          Class::Units),
    below("usr/lib/init/",                      Class::Units),
    below("usr/lib/lsb/",                       Class::Units),
    below("etc/init.d/",                        Class::Units),
    below("etc/init/",                          Class::Units),
    below("etc/insserv.conf.d/",                Class::Units),
    below("etc/rc",                             Class::Units),
    below("etc/default/",                       Class::Units),
    below("etc/logrotate.d/",                   Class::Units),
    below("etc/rsyslog.d/",                     Class::Units),
    below("etc/logcheck/",                      Class::Units),
    below("etc/cron.",                          Class::Units),
    below("etc/apparmor.d/",                    Class::Units),
    below("etc/apparmor/",                      Class::Units),
    below("etc/ufw/",                           Class::Units),
    below("usr/lib/firewalld/",                 Class::Units),
    below("etc/fail2ban/",                      Class::Units),
    below("etc/network/",                       Class::Units),
    below("etc/resolvconf/",                    Class::Units),
    below("etc/dhcp/",                          Class::Units),
    below("etc/ppp/",                           Class::Units),
    below("etc/NetworkManager/",                Class::Units),
    below("etc/xinetd.d/",                      Class::Units),
    below("usr/share/dbus-1/",                  Class::Units),
    below("etc/dbus-1/",                        Class::Units),
    below("usr/share/polkit-1/",                Class::Units),
    below("etc/polkit-1/",                      Class::Units),
    below("etc/xdg/autostart/",                 Class::Units),

    // Maintainer time.
    below("var/lib/dpkg/",                      Class::Hooks),
    below("usr/share/debconf/",                 Class::Hooks),
    below("usr/share/apport/",                  Class::Hooks),
    below("etc/apport/",                        Class::Hooks),
    below("usr/share/bug/",                     Class::Hooks),
    below("usr/share/reportbug/",               Class::Hooks),
    below("usr/share/lintian/",                 Class::Hooks),
    below("usr/share/menu/",                    Class::Hooks),
    below("usr/share/debhelper/",               Class::Hooks),
    below("usr/share/dh-python/",               Class::Hooks),
    below("usr/share/python3/",                 Class::Hooks),
    below("usr/share/python/",                  Class::Hooks),
    below("usr/share/initramfs-tools/",         Class::Hooks),
    below("etc/initramfs-tools/",               Class::Hooks),
    below("etc/kernel/",                        Class::Hooks),
    below("etc/apt/",                           Class::Hooks),
    below("usr/lib/apt/",                       Class::Hooks),
    below("etc/dpkg/",                          Class::Hooks),
    below("etc/ca-certificates/",               Class::Hooks),
    below("etc/update-motd.d/",                 Class::Hooks),
    below("etc/needrestart/",                   Class::Hooks),
    below("etc/alternatives/",                  Class::Hooks),
    below("usr/share/autopkgtest/",             Class::Hooks),
    // Scripts for cron, logrotate, resolvconf and units, which lie among the modules of PHP and alone.
    below("usr/lib/resolvconf/",                Class::Hooks),
    below("usr/lib/php/sessionclean",           Class::Hooks),
    below("usr/lib/php/php-",                   Class::Hooks),
    within("usr/lib/php/php", "-fpm-", "",      Class::Hooks),

    // Desktops.
    below("usr/share/applications/",            Class::Desktop),
    below("usr/share/metainfo/",                Class::Desktop),
    below("usr/share/appdata/",                 Class::Desktop),
    below("usr/share/pixmaps/",                 Class::Desktop),
    below("usr/share/icons/hicolor/",           Class::Desktop),

    // Programs.
    below("usr/bin/",                           Class::Bins),
    below("usr/sbin/",                          Class::Bins),
    below("usr/games/",                         Class::Bins),
    below("usr/libexec/",                       Class::Bins),
    below("usr/local/bin/",                     Class::Bins),
    below("usr/local/sbin/",                    Class::Bins),

    // Interpreted languages.
    below("usr/lib/python3",                    Class::Source),
    below("usr/lib/python2",                    Class::Source),
    below("usr/lib/pypy3/",                     Class::Source),
    below("usr/share/perl",                     Class::Source),
    within("usr/lib/", "/perl", "",             Class::Source),
    below("usr/lib/ruby/",                      Class::Source),
    below("usr/share/ruby",                     Class::Source),
    below("usr/share/rubygems-integration/",    Class::Source),
    below("usr/share/nodejs/",                  Class::Source),
    below("usr/lib/nodejs/",                    Class::Source),
    within("usr/lib/", "/nodejs/", "",          Class::Source),
    below("usr/share/php/",                     Class::Source),
    below("usr/share/tcltk/",                   Class::Source),
    below("usr/share/lua/",                     Class::Source),
    below("usr/share/guile/",                   Class::Source),

    below("etc/",                               Class::Config),
    // Everything else is data: /usr/share, /var, /srv, /opt, /run, private directories of /usr/lib.
    below("",                                   Class::Data),
];

/// The class of an entry, by its path and, for files, by what ELF says.
///
/// ```
/// use mikron_facts::{Class, classify};
/// use mikron_package::{Entry, EntryKind, RootPath};
/// let class = |path: &[u8]| {
///     let path = RootPath::new(path).expect("a path");
///     classify(&Entry::new(path, EntryKind::File { size: 0 }, 0o644), None)
/// };
/// assert_eq!(class(b"/usr/share/doc/nginx/copyright"), Class::Licences);
/// assert_eq!(class(b"/lib/systemd/system/nginx.service"), Class::Units);
/// assert_eq!(class(b"/etc/nginx/nginx.conf"), Class::Config);
/// assert_eq!(class(b"/usr/share/nginx/html/index.html"), Class::Data);
/// ```
pub fn classify(entry: &Entry, elf: Option<&ElfFacts>) -> Class {
    classify_in(entry, elf, &[])
}

/// The class of an entry of a package that goes by one of these names (its own, that of its source). What other packages put into
/// the directories of a program are hooks for it, and what the program's own package has there is its configuration and data.
pub(crate) fn classify_in(entry: &Entry, elf: Option<&ElfFacts>, names: &[&str]) -> Class {
    let path = merged_usr(entry.path.as_bytes());
    let by_path = by_table(&path, entry.is_directory(), names);
    if !matches!(by_path, Class::Data | Class::Source) {
        return by_path;
    }
    if let Some(elf) = elf {
        return match elf.kind {
            ElfKind::Executable | ElfKind::PositionIndependent => Class::Bins,
            ElfKind::Shared if is_library_place(&path) => Class::Libs,
            ElfKind::Shared if by_path == Class::Data => Class::Modules,
            _ => by_path,
        };
    }
    if let EntryKind::Symlink { target } = &entry.kind {
        let name = file_name(&path);
        if is_library_place(&path) && name.starts_with(b"lib") && has(name, b".so") {
            // `libz.so -> libz.so.1.2.13` is for the linker, `libz.so.1 -> …` for the loader.
            let link_time = name.ends_with(b".so") && has(file_name(target), b".so.");
            return if link_time {
                Class::Headers
            } else {
                Class::Libs
            };
        }
    }
    let name = file_name(&path);
    if by_path == Class::Data && entry.is_file() && path.starts_with(b"usr/lib") {
        if name.ends_with(b".la") {
            return if is_library_place(&path) {
                Class::Static
            } else {
                Class::Modules
            };
        }
        if name.ends_with(b".so") && is_library_place(&path) {
            // Linker scripts; shared objects were told apart above.
            return Class::Headers;
        }
    }
    // What is installed for a host, a vendor or a service by itself keeps its programs where it likes.
    let own_tree = [&b"usr/lib"[..], b"opt/", b"srv/", b"usr/local/"];
    if by_path == Class::Data
        && entry.is_file()
        && entry.mode & 0o111 != 0
        && own_tree.iter().any(|top| path.starts_with(top))
    {
        return Class::Bins;
    }
    by_path
}

fn by_table(path: &[u8], directory: bool, names: &[&str]) -> Class {
    let fits = |row: &&Row| {
        let prefix = row.prefix.as_bytes();
        let below = path.starts_with(prefix)
            || (directory && prefix.ends_with(b"/") && path == &prefix[..prefix.len() - 1]);
        below
            && path.ends_with(row.suffix.as_bytes())
            && (row.contains.is_empty()
                || has(path, row.contains.as_bytes())
                || (directory && path.ends_with(row.contains.trim_end_matches('/').as_bytes())))
    };
    let others = |row: &&Row| {
        !matches!(
            row.class,
            Class::Units | Class::Hooks | Class::Completions | Class::Pkgconfig | Class::Desktop
        ) || !is_own(row.prefix, names)
    };
    // A package of a language may be called `pkgconfig`.
    let of_language = language_of(path).is_some();
    let elsewhere = |row: &&Row| !(of_language && row.class == Class::Pkgconfig);
    let row = TABLE.iter().filter(others).filter(elsewhere).find(fits);
    row.map_or(Class::Data, |row| row.class)
}

/// Programs whose packages are not called as the directories that they read.
#[rustfmt::skip]
const OWNERS: &[(&str, &str)] = &[
    ("NetworkManager", "network-manager"),
    ("binfmts", "binfmt-support"),
    ("dbus-1", "dbus"),
    ("dhcp", "isc-dhcp"),
    ("modprobe", "kmod"),
    ("modules-load", "systemd"),
    ("network", "ifupdown"),
    ("nvim", "neovim"),
    ("polkit-1", "polkit"),
    ("polkit-1", "policykit-1"),
    ("sysctl", "procps"),
    ("sysctl", "systemd"),
    ("sysusers", "systemd"),
    ("tmpfiles", "systemd"),
    ("udev", "systemd"),
    ("binfmt", "systemd"),
    ("bash_completion", "bash-completion"),
    ("vendor-completions", "zsh"),
    ("site-functions", "zsh"),
];

/// Whether the directory of a row is that of the package's own program: `etc/fail2ban/` of fail2ban, `etc/logcheck/` of
/// logcheck-database, `usr/lib/udev/` of udev, whose source is systemd.
fn is_own(prefix: &str, names: &[&str]) -> bool {
    let components = prefix.trim_end_matches('/').split('/');
    // Of `usr/share/zsh/site-functions/` either may be its name.
    components.skip(1).any(|dir| {
        let dir = dir.trim_end_matches(".d").trim_end_matches(".conf");
        let dir = dir.trim_end_matches('.');
        let is_it = |owner: &str| {
            names.iter().any(|name| {
                let rest = name.strip_prefix(owner);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
        };
        // What every package of a language or of a kind has there is read by its scripts.
        let generic = matches!(
            dir,
            "lib"
                | "share"
                | "rc"
                | "init"
                | "default"
                | "lsb"
                | "php"
                | "python"
                | "python3"
                | "ca-certificates"
        );
        let mut known = OWNERS.iter().filter(|(of, _)| *of == dir);
        !generic && dir.len() > 2 && (is_it(dir) || known.any(|(_, owner)| is_it(owner)))
    })
}

/// Whether the file lies directly where the loader looks by itself: `/usr/lib`, `/usr/lib64`, `/usr/lib/TRIPLET`.
pub fn is_library_place(path: &[u8]) -> bool {
    let parts: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
    match parts.as_slice() {
        [b"usr", lib, _] => lib.starts_with(b"lib"),
        [b"usr", b"lib", triplet, _] => has(triplet, b"-linux-"),
        [b"usr", b"local", b"lib", _] => true,
        _ => false,
    }
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or(path)
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Whether a path lies directly in one of the directories of `PATH`, or of the programs of an add-on package (FHS, "/opt").
pub fn is_in_bin_dir(path: &[u8]) -> bool {
    let cut = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
    let dir = &path[..cut];
    let of_add_on = dir.starts_with(b"opt/") && (dir.ends_with(b"/bin") || dir.ends_with(b"/sbin"));
    of_add_on
        || matches!(
            dir,
            b"usr/bin"
                | b"usr/sbin"
                | b"usr/games"
                | b"usr/local/bin"
                | b"usr/local/sbin"
                | b"bin"
                | b"sbin"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mikron_package::RootPath;

    fn class(path: &str, kind: EntryKind, mode: u32) -> Class {
        let path = RootPath::new(path.as_bytes()).expect("a path");
        classify(&Entry::new(path, kind, mode), None)
    }

    #[test]
    fn directories_are_of_the_class_of_what_they_hold() {
        let dir = |path| class(path, EntryKind::Directory, 0o755);
        assert_eq!(dir("/usr/share/doc"), Class::Docs);
        assert_eq!(dir("/etc/init.d"), Class::Units);
        assert_eq!(dir("/etc/nginx/conf.d"), Class::Config);
        assert_eq!(dir("/var/log/nginx"), Class::Data);
        assert_eq!(dir("/usr/lib/x86_64-linux-gnu/pkgconfig"), Class::Pkgconfig);
    }

    #[test]
    fn code_of_a_language_is_code_whatever_it_is_called() {
        let file = |path| class(path, EntryKind::File { size: 1 }, 0o644);
        for (path, expected) in [
            ("/usr/lib/R/site-library/pkgconfig/DESCRIPTION", Class::Data),
            ("/usr/lib/python3/dist-packages/cmake/x.py", Class::Source),
            ("/usr/lib/ruby/vendor_ruby/pkgconfig/x.rb", Class::Source),
            ("/usr/lib/x86_64-linux-gnu/pkgconfig/x.pc", Class::Pkgconfig),
            ("/usr/lib/x86_64-linux-gnu/cmake/x.cmake", Class::Pkgconfig),
        ] {
            assert_eq!(file(path), expected, "{path}");
        }
    }

    #[test]
    fn links_of_libraries_are_for_the_loader_or_for_the_linker() {
        let link = |path, target: &str| {
            class(
                path,
                EntryKind::Symlink {
                    target: target.into(),
                },
                0o777,
            )
        };
        assert_eq!(
            link("/lib/x86_64-linux-gnu/libz.so.1", "libz.so.1.2.13"),
            Class::Libs
        );
        assert_eq!(
            link("/usr/lib/x86_64-linux-gnu/libz.so", "libz.so.1.2.13"),
            Class::Headers
        );
        assert_eq!(
            link("/usr/share/nginx/modules", "../../lib/nginx/modules"),
            Class::Data
        );
    }

    #[test]
    fn a_directory_of_hooks_is_configuration_in_the_package_of_the_program_that_reads_it() {
        let file = |path: &str, names: &[&str]| {
            let path = RootPath::new(path.as_bytes()).expect("a path");
            classify_in(
                &Entry::new(path, EntryKind::File { size: 1 }, 0o644),
                None,
                names,
            )
        };
        for (path, owner, own) in [
            ("/etc/fail2ban/jail.conf", "fail2ban", Class::Config),
            (
                "/etc/logcheck/ignore.d/x",
                "logcheck-database",
                Class::Config,
            ),
            (
                "/etc/apparmor.d/abstractions/base",
                "apparmor",
                Class::Config,
            ),
            ("/etc/cron.daily/x", "cron", Class::Config),
            ("/etc/dhcp/dhclient.conf", "isc-dhcp-client", Class::Config),
            ("/lib/udev/rules.d/60-x.rules", "systemd", Class::Data),
            ("/usr/share/dbus-1/session.conf", "dbus", Class::Data),
        ] {
            assert_eq!(file(path, &["x", owner]), own, "{path} of {owner}");
            let other = file(path, &["nginx", "nginx-common"]);
            assert_eq!(other, Class::Units, "{path}");
        }
        assert_eq!(
            file("/usr/share/python3/runtime.d/x", &["python3-x"]),
            Class::Hooks
        );
    }

    #[test]
    fn executables_of_add_on_packages_are_programs() {
        let file = |path, mode| class(path, EntryKind::File { size: 1 }, mode);
        assert_eq!(file("/opt/app/bin/run.sh", 0o755), Class::Bins);
        assert_eq!(file("/srv/app/run", 0o755), Class::Bins);
        assert_eq!(file("/opt/app/lib/run.sh", 0o644), Class::Data);
        assert_eq!(file("/usr/share/app/example.pl", 0o755), Class::Data);
    }

    #[test]
    fn a_class_below_the_run_time_line_is_found_before_its_directory() {
        let file = |path| class(path, EntryKind::File { size: 1 }, 0o644);
        assert_eq!(file("/usr/lib/x86_64-linux-gnu/libz.a"), Class::Static);
        assert_eq!(
            file("/usr/share/vim/addons/syntax/nginx.vim"),
            Class::Completions
        );
        assert_eq!(file("/usr/share/zoneinfo/UTC"), Class::Data);
        assert_eq!(
            file("/usr/lib/python3/dist-packages/apt/__init__.py"),
            Class::Source
        );
        assert_eq!(
            class(
                "/usr/lib/git-core/git-submodule",
                EntryKind::File { size: 1 },
                0o755
            ),
            Class::Bins
        );
    }
}
