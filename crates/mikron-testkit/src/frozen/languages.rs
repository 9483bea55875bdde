//! Interpreters of the frozen archive, each a program where Debian has it, and a program that says hello.

use super::{Arch, Package};

pub(super) fn packages(arch: Arch) -> Vec<Package> {
    let java = format!("/usr/lib/jvm/java-17-openjdk-{}/bin/java", arch.name);
    let programs = [
        ("hello", "2.10-3", "/usr/bin/hello"),
        ("python3", "3.11.2-1+b1", "/usr/bin/python3"),
        ("nodejs", "18.19.0+dfsg-6~deb12u1", "/usr/bin/node"),
        ("openjdk-17-jre-headless", "17.0.9+9-1~deb12u1", &java),
        ("php8.2-cli", "8.2.7-1~deb12u1", "/usr/bin/php8.2"),
        ("ruby", "1:3.1", "/usr/bin/ruby"),
    ];
    let package = |(name, version, program): (&str, &str, &str)| {
        let fields = [("Depends", "libc6 (>= 2.34)")];
        Package::new(name, version, arch.name, &fields)
            .documented(name)
            .with(|deb| deb.file(program, 0o755, arch.program(&[]).build()))
    };
    let library = Package::new(
        "libstdc++6",
        "12.2.0-14",
        arch.name,
        &[("Depends", "libc6 (>= 2.34)")],
    )
    .documented("libstdc++6")
    .with(|deb| {
        let library = arch.library("libstdc++.so.6", &["libc.so.6"]);
        deb.file(&arch.lib("libstdc++.so.6"), 0o644, library)
    });
    programs.into_iter().map(package).chain([library]).collect()
}
