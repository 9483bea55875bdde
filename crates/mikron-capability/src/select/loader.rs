//! Where the dynamic loader looks for a library (ld.so(8), "DESCRIPTION").

use mikron_package::{Architecture, Platform};

use super::tree::{Resolved, Tree, Unresolved, parent};
use super::{FileRef, Found, PackageInput};
use crate::{ElfClass, ElfFacts};

/// `e_machine` values (System V gABI, chapter 4).
const EM_386: u16 = 3;
const EM_PPC64: u16 = 21;
const EM_S390: u16 = 22;
const EM_ARM: u16 = 40;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;
const EM_RISCV: u16 = 243;

/// Whether the kernel of this platform runs files of this machine and word size.
pub(crate) fn runs_on(elf: &ElfFacts, platform: Platform) -> bool {
    let wide = elf.class == ElfClass::Elf64;
    match platform.architecture {
        Architecture::Amd64 => (elf.machine, wide) == (EM_X86_64, true) || elf.machine == EM_386,
        Architecture::Arm64 => (elf.machine, wide) == (EM_AARCH64, true) || elf.machine == EM_ARM,
        Architecture::ArmV7 => elf.machine == EM_ARM,
        Architecture::I386 => elf.machine == EM_386,
        Architecture::Ppc64le => (elf.machine, wide) == (EM_PPC64, true),
        Architecture::Riscv64 => (elf.machine, wide) == (EM_RISCV, true),
        Architecture::S390x => (elf.machine, wide) == (EM_S390, true),
    }
}

/// The multi-arch triplet of a file, and the name that `$PLATFORM` stands for.
fn triplet(elf: &ElfFacts) -> (&'static str, &'static str) {
    match (elf.machine, elf.class) {
        (EM_X86_64, ElfClass::Elf32) => ("x86_64-linux-gnux32", "x86_64"),
        (EM_X86_64, _) => ("x86_64-linux-gnu", "x86_64"),
        (EM_386, _) => ("i386-linux-gnu", "i686"),
        (EM_AARCH64, _) => ("aarch64-linux-gnu", "aarch64"),
        (EM_ARM, _) => ("arm-linux-gnueabihf", "v7l"),
        (EM_PPC64, _) => ("powerpc64le-linux-gnu", "power8"),
        (EM_RISCV, _) => ("riscv64-linux-gnu", "riscv64"),
        (EM_S390, _) => ("s390x-linux-gnu", "s390x"),
        _ => ("", ""),
    }
}

/// What a look-up gave.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// The library.
    Found {
        /// The way to it.
        resolved: Resolved,
        /// The library itself.
        file: FileRef,
        /// The directory, when the loader knows it only through its cache.
        cached_dir: Option<String>,
    },
    /// A finalizer makes the file, whatever it is.
    Provided,
    /// Nowhere; where a file of that name was passed over because it is of another machine, that file.
    Absent(Option<FileRef>),
}

/// The loader's view of a tree.
pub(crate) struct Loader<'a> {
    packages: &'a [PackageInput],
    cached: Vec<String>,
}

impl<'a> Loader<'a> {
    /// A loader that knows the directories that inputs add by `/etc/ld.so.conf.d`.
    pub(crate) fn new(packages: &'a [PackageInput]) -> Self {
        let mut cached: Vec<String> = Vec::new();
        for dir in packages
            .iter()
            .flat_map(|p| &p.facts.files)
            .flat_map(|f| &f.loader_dirs)
        {
            if !cached.contains(dir) {
                cached.push(dir.clone());
            }
        }
        Self { packages, cached }
    }

    /// The run path of `elf` at `path` as directories, `$ORIGIN`, `$LIB` and `$PLATFORM` replaced.
    fn expand(paths: &[String], elf: &ElfFacts, path: &[u8]) -> Vec<String> {
        let origin = String::from_utf8_lossy(parent(path));
        let (triplet, platform) = triplet(elf);
        let expand = |text: &String| {
            let mut text = text.clone();
            for (name, value) in [
                ("ORIGIN", format!("/{origin}")),
                ("LIB", format!("lib/{triplet}")),
                ("PLATFORM", platform.to_owned()),
            ] {
                text = text.replace(&format!("${{{name}}}"), &value);
                text = text.replace(&format!("${name}"), &value);
            }
            text
        };
        // A relative run path is relative to the working directory: nothing to rely on.
        paths
            .iter()
            .map(expand)
            .filter(|dir| dir.starts_with('/'))
            .collect()
    }

    /// The `DT_RPATH` that what `elf` loads inherits from it and from those that loaded it.
    pub(crate) fn inherited(elf: &ElfFacts, path: &[u8], from_above: &[String]) -> Vec<String> {
        let mut dirs = if elf.runpath.is_empty() {
            Self::expand(&elf.rpath, elf, path)
        } else {
            Vec::new()
        };
        for dir in from_above {
            if !dirs.contains(dir) {
                dirs.push(dir.clone());
            }
        }
        dirs
    }

    /// Looks for `name` on behalf of `elf`, which lies at `path` and was loaded by files with the run paths `from_above`.
    pub(crate) fn find(
        &self,
        tree: &Tree<'_>,
        name: &str,
        elf: &ElfFacts,
        path: &[u8],
        from_above: &[String],
    ) -> Lookup {
        let mut wrong = None;
        if name.contains('/') {
            return self
                .try_path(tree, name, elf, None, &mut wrong)
                .unwrap_or(Lookup::Absent(wrong));
        }
        let run_path = if elf.runpath.is_empty() {
            Self::inherited(elf, path, from_above)
        } else {
            Self::expand(&elf.runpath, elf, path)
        };
        let (triplet, _) = triplet(elf);
        let mut defaults = Vec::with_capacity(3);
        if !triplet.is_empty() {
            defaults.push(format!("/usr/lib/{triplet}"));
            // Without merged /usr both exist.
            defaults.push(format!("/lib/{triplet}"));
        }
        if elf.class == ElfClass::Elf64 {
            defaults.extend(["/usr/lib64".to_owned(), "/lib64".to_owned()]);
        }
        defaults.extend(["/usr/lib".to_owned(), "/lib".to_owned()]);
        for dir in run_path.iter().chain(&defaults) {
            let candidate = format!("{dir}/{name}");
            if let Some(found) = self.try_path(tree, &candidate, elf, None, &mut wrong) {
                return found;
            }
        }
        for dir in &self.cached {
            let candidate = format!("{dir}/{name}");
            if let Some(found) = self.try_path(tree, &candidate, elf, Some(dir), &mut wrong) {
                return found;
            }
        }
        Lookup::Absent(wrong)
    }

    fn try_path(
        &self,
        tree: &Tree<'_>,
        candidate: &str,
        elf: &ElfFacts,
        cached: Option<&String>,
        wrong: &mut Option<FileRef>,
    ) -> Option<Lookup> {
        let resolved = match tree.resolve(candidate.as_bytes()) {
            Ok(resolved) => resolved,
            Err(Unresolved::Absent(_) | Unresolved::Loop) => return None,
        };
        match resolved.end {
            Found::Provided(_) => Some(Lookup::Provided),
            Found::Implied => None,
            Found::Entry(file) => {
                let found = self.packages[file.package].facts.files[file.entry]
                    .elf
                    .as_deref()?;
                if found.fits(elf) {
                    Some(Lookup::Found {
                        resolved,
                        file,
                        cached_dir: cached.cloned(),
                    })
                } else {
                    wrong.get_or_insert(file);
                    None
                }
            }
        }
    }
}
