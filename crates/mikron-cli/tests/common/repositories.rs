//! Small signed repositories of the families that Debian's is not.

use std::fs;
use std::path::Path;

use mikron_package::{Limits, Origin, PackageRecord};
use mikron_testkit::apk::{ApkBuilder, ApkKey, ApkRepositoryBuilder};
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::repository::TestKey;
use mikron_testkit::rpm::RpmBuilder;
use mikron_testkit::rpm_repository::RpmRepositoryBuilder;

/// Machines of ELF (`e_machine`), with the words of both families and the loaders of both C libraries.
const MACHINES: [(u16, &str, &str, &str); 2] = [
    (62, "x86_64", "/lib64/ld-linux-x86-64.so.2", "x86_64"),
    (183, "aarch64", "/lib/ld-linux-aarch64.so.1", "aarch64"),
];

/// Writes a repository of `rpm` or `apk` with `greet`, its library, and a C library, for two architectures; its key lies beside the
/// directory.
pub(crate) fn write(family: &str, directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    match family {
        "rpm" => rpm(directory),
        _ => apk(directory),
    }
}

fn rpm(directory: &Path) {
    let key = TestKey::generate();
    fs::write(
        directory.with_file_name("key.asc"),
        key.certificate_armored(),
    )
    .unwrap();
    let mut repository = RpmRepositoryBuilder::new()
        .timestamp(1_700_000_000)
        .sign_with(&key);
    for (machine, arch, loader, _) in MACHINES {
        let program = ElfBuilder::executable()
            .machine(machine)
            .interpreter(loader)
            .needed("libgreet.so.1");
        let greet = RpmBuilder::new("greet", "1.2", "3", arch)
            .requires("libgreet.so.1()(64bit)")
            .requires("(config(greet) or greet-manual)")
            .recommends("greet-libs")
            .recommends("greet-lessons >= 2")
            .provides("config(greet) = 1.2-3")
            .file("/usr/bin/greet", 0o755, program.build())
            .file("/usr/share/doc/greet/README", 0o644, "Say hello.\n")
            .config("/etc/greet.conf", "loud = no\n")
            .script(
                "%pre",
                "/bin/sh",
                "getent passwd greet || useradd -r -d /var/lib/greet greet\n",
            );
        let library = ElfBuilder::library("libgreet.so.1").machine(machine);
        let libgreet = RpmBuilder::new("greet-libs", "1.2", "3", arch)
            .provides("libgreet.so.1()(64bit)")
            .requires("glibc")
            .file("/usr/lib64/libgreet.so.1.0", 0o755, library.build())
            .symlink("/usr/lib64/libgreet.so.1", "libgreet.so.1.0");
        let loader_file = ElfBuilder::library(loader.rsplit('/').next().unwrap()).machine(machine);
        let glibc = RpmBuilder::new("glibc", "2.38", "1", arch)
            .provides("/bin/sh")
            .file(loader, 0o755, loader_file.build());
        for package in [greet, libgreet, glibc] {
            let bytes = package.build();
            repository = repository.package(record(&bytes), bytes);
        }
    }
    repository.build().write_to(directory);
}

fn apk(directory: &Path) {
    let key = ApkKey::shared("test@example.org");
    let file = directory.with_file_name("test@example.org.rsa.pub");
    fs::write(file, key.public_pem()).unwrap();
    for (machine, _, _, arch) in MACHINES {
        let loader = format!("/lib/ld-musl-{arch}.so.1");
        let libc = format!("libc.musl-{arch}.so.1");
        let program = ElfBuilder::executable()
            .machine(machine)
            .interpreter(&loader)
            .needed("libgreet.so.1")
            .needed(&libc);
        let greet = ApkBuilder::new("greet", "1.2-r3", arch)
            .field("depend", "so:libgreet.so.1")
            .field("depend", &format!("so:{libc}"))
            .field("provides", "cmd:greet=1.2-r3")
            .file("usr/bin/greet", 0o755, program.build())
            .file("usr/share/doc/greet/README", 0o644, "Say hello.\n")
            .file("etc/greet.conf", 0o644, "loud = no\n")
            .control_file(
                ".pre-install",
                "#!/bin/sh\nadduser -S -D -H -h /var/lib/greet greet 2>/dev/null\nexit 0\n",
            );
        let library = ElfBuilder::library("libgreet.so.1")
            .machine(machine)
            .needed(&libc);
        let libgreet = ApkBuilder::new("libgreet", "1.2-r3", arch)
            .field("provides", "so:libgreet.so.1=1.0")
            .field("depend", &format!("so:{libc}"))
            .file("usr/lib/libgreet.so.1.0", 0o755, library.build())
            .symlink("usr/lib/libgreet.so.1", "libgreet.so.1.0");
        let file = ElfBuilder::library(&libc).machine(machine);
        let musl = ApkBuilder::new("musl", "1.2.5-r0", arch)
            .field("provides", &format!("so:{libc}=1"))
            .file(&loader[1..], 0o755, file.build())
            .symlink(&format!("lib/{libc}"), &loader);
        let mut repository = ApkRepositoryBuilder::new(arch);
        for package in [greet, libgreet, musl] {
            repository = repository.package(&package.signed(&key));
        }
        repository.sign_with(&key).build().write_to(directory);
    }
}

/// What an archive says of itself.
fn record(archive: &[u8]) -> PackageRecord {
    let format = mikron::formats()
        .into_iter()
        .find(|f| f.recognises(&archive[..8]))
        .unwrap();
    let opened = format.open(
        Box::new(archive),
        &Limits::default(),
        &Origin::named("test"),
    );
    opened
        .unwrap_or_else(|error| panic!("{error}"))
        .metadata()
        .record
        .clone()
}
