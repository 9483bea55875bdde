//! The base of the frozen archive: the C library and what programs are linked with, a shell, tools that scripts call.

use super::{Arch, Package};

pub(super) fn packages(arch: Arch) -> Vec<Package> {
    let package = |name: &str, version: &str, fields: &[(&str, &str)]| {
        Package::new(name, version, arch.name, fields).documented(name)
    };
    let library = |name: &str, version: &str, sonames: &[(&str, &[&str])]| {
        let fields = [("Depends", "libc6 (>= 2.34)"), ("Multi-Arch", "same")];
        sonames.iter().fold(
            package(name, version, &fields),
            |package, (soname, needs)| {
                package.with(|deb| {
                    let file = format!("{soname}.1");
                    let needs = [*needs, &["libc.so.6"]].concat();
                    deb.file(&arch.lib(&file), 0o644, arch.library(soname, &needs))
                        .symlink(&arch.lib(soname), &file)
                })
            },
        )
    };
    vec![
        libc6(arch),
        package("libgcc-s1", "12.2.0-14", &[("Multi-Arch", "same")]).with(|deb| {
            let path = format!("/lib/{}/libgcc_s.so.1", arch.triplet);
            deb.file(&path, 0o644, arch.library("libgcc_s.so.1", &["libc.so.6"]))
        }),
        library("libcrypt1", "1:4.4.33-2", &[("libcrypt.so.1", &[])]),
        library("zlib1g", "1:1.2.13.dfsg-1", &[("libz.so.1", &[])]),
        library("libpcre2-8-0", "10.42-1", &[("libpcre2-8.so.0", &[])]),
        library(
            "libssl3",
            "3.0.11-1~deb12u2",
            &[("libcrypto.so.3", &[]), ("libssl.so.3", &["libcrypto.so.3"])],
        )
        .with(|deb| {
            let engine = arch.library("padlock.so", &["libcrypto.so.3"]);
            deb.file(&arch.lib("engines-3/padlock.so"), 0o644, engine)
        }),
        package(
            "dash",
            "0.5.12-2",
            &[("Essential", "yes"), ("Pre-Depends", "libc6 (>= 2.34)")],
        )
        .with(|deb| {
            deb.file("/bin/dash", 0o755, arch.program(&[]).build())
                .symlink("/bin/sh", "dash")
        }),
        package(
            "sed",
            "4.9-1",
            &[("Essential", "yes"), ("Pre-Depends", "libc6 (>= 2.34)")],
        )
        .with(|deb| deb.file("/bin/sed", 0o755, arch.program(&[]).build())),
        package("vim-tiny", "2:9.0.1378-2", &[("Depends", "libc6 (>= 2.34)")]).with(|deb| {
            deb.file("/usr/bin/vim.tiny", 0o755, arch.program(&[]).build()).script(
                "postinst",
                "#!/bin/sh\nset -e\nfor i in vi view; do\n  update-alternatives --install /usr/bin/$i $i /usr/bin/vim.tiny 15\ndone\n",
            )
        }),
        package("iputils-ping", "3:20221126-1", &[("Depends", "libc6 (>= 2.34), libcap2-bin")]).with(|deb| {
            deb.file("/bin/ping", 0o755, arch.program(&[]).build()).script(
                "postinst",
                "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then\n  if command -v setcap > /dev/null; then\n    \
                 if setcap cap_net_raw+ep /bin/ping; then chmod u-s /bin/ping; else chmod u+s /bin/ping; fi\n  else\n    \
                 chmod u+s /bin/ping\n  fi\nfi\n",
            )
        }),
        package("libcap2-bin", "1:2.66-4", &[("Depends", "libc6 (>= 2.34)")])
            .with(|deb| deb.file("/sbin/setcap", 0o755, arch.program(&[]).build())),
        // It has a script in a language of which the archive has no interpreter.
        package("iproute2", "6.1.0-3", &[("Depends", "libc6 (>= 2.34)")]).with(|deb| {
            deb.file("/bin/ip", 0o755, arch.program(&[]).build())
                .file("/usr/bin/routel", 0o755, "#!/usr/bin/python3\nprint()\n")
        }),
    ]
}

/// The C library and the loader lie outside of /usr.
fn libc6(arch: Arch) -> Package {
    let fields = [("Depends", "libgcc-s1"), ("Multi-Arch", "same")];
    let package = Package::new("libc6", "2.36-9+deb12u3", arch.name, &fields);
    let lib = |name: &str| format!("/lib/{}/{name}", arch.triplet);
    let (asked, lies) = arch.loader;
    let loader = lies.rsplit('/').next().expect("a path has a name");
    let libc = crate::elf::ElfBuilder::library("libc.so.6")
        .machine(arch.machine)
        .needed(loader)
        .version_definition("GLIBC_2.34")
        .export_of("pthread_exit", "GLIBC_2.34");
    package.documented("libc6").with(|deb| {
        deb.file(lies, 0o755, arch.library(loader, &[]))
            .symlink(asked, lies)
            .file(&lib("libc.so.6"), 0o755, libc.build())
            .file(
                &lib("libm.so.6"),
                0o644,
                arch.library("libm.so.6", &["libc.so.6"]),
            )
            .file(
                &arch.lib("gconv/UTF-16.so"),
                0o644,
                arch.library("UTF-16.so", &["libc.so.6"]),
            )
            .conffile(
                &format!("/etc/ld.so.conf.d/{}.conf", arch.triplet),
                format!("/usr/local/lib/{0}\n/lib/{0}\n/usr/lib/{0}\n", arch.triplet),
            )
    })
}

/// What is the same for every architecture.
pub(super) fn data() -> Vec<Package> {
    let base =
        Package::new("base-files", "12.4+deb12u2", "all", &[("Essential", "yes")]).with(|deb| {
            deb.dir("/tmp", 0o1777)
                .dir("/var/tmp", 0o1777)
                .dir("/root", 0o700)
                .file(
                    "/usr/lib/os-release",
                    0o644,
                    "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
                )
                .symlink("/etc/os-release", "../usr/lib/os-release")
                .file("/etc/debian_version", 0o644, "12.2\n")
        });
    vec![base.documented("base-files")]
}
