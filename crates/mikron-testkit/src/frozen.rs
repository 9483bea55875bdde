//! A small archive that never changes: a Debian in little, out of which the example of nginx and other specs are built.
//!
//! Its packages are called as those of bookworm, and have their kinds of files, relations and scripts, so that specs and tests
//! read as they would with the real archive; their contents are made here. Of the programs there is what a loader reads, and
//! no code. Everything but the key, and so the signature, is the same on every machine.

mod languages;
mod services;
mod system;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::archive::DebBuilder;
use crate::elf::ElfBuilder;
use crate::repository::{Repository, RepositoryBuilder, TestKey};

/// 2023-11-14T22:13:20Z.
const DATE: i64 = 1_700_000_000;

/// What tells two architectures apart.
#[derive(Clone, Copy, Debug)]
struct Arch {
    /// As Debian calls it.
    name: &'static str,
    /// As the directories of its libraries are called.
    triplet: &'static str,
    machine: u16,
    /// Where programs look for their loader, and where it lies.
    loader: (&'static str, &'static str),
}

const ARCHES: [Arch; 2] = [
    Arch {
        name: "amd64",
        triplet: "x86_64-linux-gnu",
        machine: 62,
        loader: (
            "/lib64/ld-linux-x86-64.so.2",
            "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        ),
    },
    Arch {
        name: "arm64",
        triplet: "aarch64-linux-gnu",
        machine: 183,
        loader: (
            "/lib/ld-linux-aarch64.so.1",
            "/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
        ),
    },
];

impl Arch {
    /// A file in the directory of libraries below `/usr`.
    fn lib(self, name: &str) -> String {
        format!("/usr/lib/{}/{name}", self.triplet)
    }

    /// A program that is linked with the C library and with these.
    fn program(self, libraries: &[&str]) -> ElfBuilder {
        let program = ElfBuilder::executable().machine(self.machine);
        let program = libraries
            .iter()
            .fold(program.interpreter(self.loader.0), |elf, name| {
                elf.needed(name)
            });
        program
            .needed("libc.so.6")
            .version_need("libc.so.6", &["GLIBC_2.34"])
    }

    /// A library of this name that is linked with these.
    fn library(self, soname: &str, libraries: &[&str]) -> Vec<u8> {
        let library = ElfBuilder::library(soname).machine(self.machine);
        let library = libraries.iter().fold(library, |elf, name| elf.needed(name));
        library.build()
    }
}

/// A package: what its control file says, and what it holds.
struct Package {
    stanza: String,
    deb: DebBuilder,
}

impl Package {
    /// A package with lines of its stanza (`Depends: …`), which its control file has as well.
    fn new(name: &str, version: &str, arch: &str, fields: &[(&str, &str)]) -> Self {
        let mut stanza = format!("Package: {name}\nVersion: {version}\nArchitecture: {arch}\n");
        let mut deb = DebBuilder::new(name, version, arch);
        for (field, value) in fields {
            stanza.extend([field, ": ", value, "\n"]);
            deb = deb.field(field, value);
        }
        Self { stanza, deb }
    }

    fn with(mut self, change: impl FnOnce(DebBuilder) -> DebBuilder) -> Self {
        self.deb = change(self.deb);
        self
    }

    /// With what every package has and an image wants nothing of, but the first.
    fn documented(self, name: &str) -> Self {
        let doc = |file: &str| format!("/usr/share/doc/{name}/{file}");
        self.with(|deb| {
            deb.file(
                &doc("copyright"),
                0o644,
                "Copyright: nobody. Made for tests.\n",
            )
            .file(&doc("changelog.Debian.gz"), 0o644, "changes\n".repeat(200))
        })
    }
}

/// The archive, and the key that it is signed with.
struct Frozen {
    repository: Repository,
    certificate: String,
}

fn frozen() -> &'static Frozen {
    static FROZEN: OnceLock<Frozen> = OnceLock::new();
    FROZEN.get_or_init(|| {
        let key = TestKey::generate();
        let mut repository = RepositoryBuilder::new("bookworm")
            .architectures(&ARCHES.map(|arch| arch.name))
            .date(DATE)
            .sign_with(&key);
        let per_arch = ARCHES.map(|arch| {
            [system::packages, services::packages, languages::packages]
                .map(|packages| packages(arch))
        });
        let all = [system::data(), services::data()];
        for package in per_arch.into_iter().flatten().chain(all).flatten() {
            repository = repository.package(&package.stanza, package.deb.build());
        }
        Frozen {
            repository: repository.build(),
            certificate: key.certificate_armored(),
        }
    })
}

/// Writes the archive and its key below a directory, for specs that lie there: `debian` and `archive.asc`.
///
/// # Panics
/// When the directory cannot be written.
pub fn write_to(directory: &Path) {
    let frozen = frozen();
    frozen.repository.write_to(&directory.join("debian"));
    let key = directory.join("archive.asc");
    fs::write(key, &frozen.certificate).expect("a writable directory");
}

/// The archive of a package, for amd64 or for all.
///
/// # Panics
/// When there is no such package.
pub fn archive(package: &str) -> Vec<u8> {
    let file = format!("/{package}_");
    let of_package = |path: &&String| path.contains(&file) && !path.ends_with("_arm64.deb");
    let files = &frozen().repository.files;
    let path = files.keys().find(of_package);
    let path = path.unwrap_or_else(|| panic!("the frozen archive has no {package}"));
    files[path].clone()
}

/// A text in which specs take their packages out of the archive in that directory, where they would take them out of Debian's
/// bookworm; what does not name it stays as it is.
pub fn spec_below(text: &str, directory: &Path) -> String {
    let directory = directory.display();
    let frozen = format!(
        "{{ deb: \"file:{directory}/debian\", suite: bookworm, keys: [\"{directory}/archive.asc\"] }}"
    );
    text.replace("{ deb: bookworm }", &frozen)
}

/// A spec that takes its packages out of the archive beside it, where it would take them out of Debian's bookworm.
///
/// # Panics
/// When it does not name bookworm.
pub fn spec(spec: &str) -> String {
    let frozen = "{ deb: \"file:debian\", suite: bookworm, keys: [archive.asc] }";
    let spec_of_frozen = spec.replace("{ deb: bookworm }", frozen);
    assert_ne!(spec_of_frozen, spec, "it names no bookworm");
    spec_of_frozen
}
