//! Where the dynamic loader looks for a library: glibc's (ld.so(8), "DESCRIPTION") and musl's (`load_library` in
//! `ldso/dynlink.c`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use mikron_facts::{ElfClass, ElfFacts, Endianness, LibcFlavour, X86Level, is_musl_path_file};
use mikron_package::{Architecture, Platform};

use super::merged;
use super::tree::{Resolved, Tree, Unresolved, parent};
use super::{FileRef, Found, PackageInput};

/// `e_machine` values (System V gABI, chapter 4).
const EM_386: u16 = 3;
const EM_PPC64: u16 = 21;
const EM_S390: u16 = 22;
const EM_ARM: u16 = 40;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;
const EM_RISCV: u16 = 243;

/// Whether the kernel of this platform runs files of this machine and word size.
pub fn runs_on(elf: &ElfFacts, platform: Platform) -> bool {
    let wide = elf.class == ElfClass::Elf64;
    let big = elf.endianness == Endianness::Big;
    if big != (platform.architecture == Architecture::S390x) {
        return false;
    }
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

/// Where musl looks for libraries unless a file of paths says otherwise.
const MUSL_DIRS: [&str; 3] = ["/lib", "/usr/local/lib", "/usr/lib"];

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

/// The directories of libraries for better processors, best first, with the x86-64 level that they stand for (ld.so(8),
/// "glibc-hwcaps").
fn hwcaps(elf: &ElfFacts) -> &'static [(&'static str, X86Level)] {
    // Of the others only x86-64 has levels that an image can ask for: theirs count as beyond every platform.
    match elf.machine {
        EM_X86_64 => &[
            ("x86-64-v4", X86Level::V4),
            ("x86-64-v3", X86Level::V3),
            ("x86-64-v2", X86Level::V2),
        ],
        EM_PPC64 => &[("power10", X86Level::V4), ("power9", X86Level::V4)],
        EM_S390 => &[
            ("z16", X86Level::V4),
            ("z15", X86Level::V4),
            ("z14", X86Level::V4),
            ("z13", X86Level::V4),
        ],
        _ => &[],
    }
}

/// The level that a path below `glibc-hwcaps` may rely on.
pub fn level_of_path(path: &[u8]) -> Option<X86Level> {
    let mut components = path.split(|b| *b == b'/');
    components.find(|c| *c == b"glibc-hwcaps")?;
    match components.next()? {
        b"x86-64-v4" => Some(X86Level::V4),
        b"x86-64-v3" => Some(X86Level::V3),
        b"x86-64-v2" => Some(X86Level::V2),
        _ => None,
    }
}

/// What a look-up gave.
#[derive(Clone, Debug)]
pub enum Lookup {
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

/// One directory of a search.
struct Dir<'d> {
    path: Cow<'d, str>,
    /// Known only through `/etc/ld.so.cache`.
    cached: bool,
}

/// The loader's view of a tree.
pub struct Loader<'a> {
    packages: &'a [PackageInput],
    cached: Vec<&'a str>,
    /// The directories of `/etc/ld-musl-*.path`, where there is such a file.
    musl_path: Option<Vec<&'a str>>,
    /// The default directories of glibc by machine and word size.
    defaults: BTreeMap<(u16, ElfClass), Vec<String>>,
    /// musl by machine and word size.
    musl: BTreeMap<(u16, ElfClass), String>,
    has_hwcaps: bool,
    /// What files without any mark are made for.
    flavour: LibcFlavour,
}

impl<'a> Loader<'a> {
    /// A loader that knows the directories that inputs add by `/etc/ld.so.conf.d`, and where their C libraries lie.
    pub fn new(packages: &'a [PackageInput]) -> Self {
        let mut loader = Self {
            packages,
            cached: Vec::new(),
            musl_path: None,
            defaults: BTreeMap::new(),
            musl: BTreeMap::new(),
            has_hwcaps: false,
            flavour: LibcFlavour::Glibc,
        };
        for file in packages.iter().flat_map(|p| &p.facts.files) {
            let path = file.entry.path.as_bytes();
            let dirs = file.loader_dirs.iter().map(String::as_str);
            if is_musl_path_file(path) {
                loader.musl_path.get_or_insert_default().extend(dirs);
            } else {
                for dir in dirs {
                    if !loader.cached.contains(&dir) {
                        loader.cached.push(dir);
                    }
                }
            }
            let Some(elf) = file.elf.as_deref() else {
                continue;
            };
            loader.has_hwcaps |= path.windows(14).any(|w| w == b"/glibc-hwcaps/");
            let key = (elf.machine, elf.class);
            match elf.soname.as_deref() {
                Some("libc.so.6" | "libc.so.6.1") => {
                    let dirs = || system_dirs(elf, Some(&merged(parent(path))));
                    loader.defaults.entry(key).or_insert_with(dirs);
                }
                Some(name) if name.starts_with("libc.musl-") || name == "libc.so" => {
                    let path = || file.entry.path.to_string();
                    loader.musl.entry(key).or_insert_with(path);
                }
                _ => {}
            }
        }
        if !loader.musl.is_empty() && loader.defaults.is_empty() {
            loader.flavour = LibcFlavour::Musl;
        }
        loader
    }

    /// The run path of `elf` at `path` as directories, `$ORIGIN`, `$LIB` and `$PLATFORM` replaced.
    fn expand(paths: &[String], elf: &ElfFacts, path: &[u8]) -> Vec<String> {
        let origin = String::from_utf8_lossy(parent(path));
        let (triplet, platform) = triplet(elf);
        let expand = |text: &String| {
            if !text.contains('$') {
                return text.clone();
            }
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

    /// Where the loader looks for what a file needs, wherever the C library that it gets lies: its run paths, then the directories
    /// that the loader was built with.
    pub fn directories(elf: &ElfFacts, path: &[u8]) -> Vec<String> {
        let mut dirs = Self::expand(&elf.rpath, elf, path);
        dirs.extend(Self::expand(&elf.runpath, elf, path));
        if elf.libc() == Some(LibcFlavour::Musl) {
            dirs.extend(MUSL_DIRS.map(str::to_owned));
        } else if !elf.no_default_dirs {
            dirs.extend(system_dirs(elf, None));
        }
        dirs
    }

    /// The run path that what `elf` loads inherits from it and from those that loaded it: `DT_RPATH` where there is no
    /// `DT_RUNPATH`; with musl either.
    pub fn inherited(elf: &ElfFacts, path: &[u8], from_above: &[String]) -> Vec<String> {
        let mut dirs = if elf.runpath.is_empty() {
            Self::expand(&elf.rpath, elf, path)
        } else if elf.libc() == Some(LibcFlavour::Musl) {
            Self::expand(&elf.runpath, elf, path)
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
    pub fn find(
        &self,
        tree: &Tree<'_>,
        name: &str,
        elf: &ElfFacts,
        path: &[u8],
        from_above: &[String],
    ) -> Lookup {
        let mut wrong = None;
        let name = &*if name.contains('$') {
            let name = Self::expand(&[name.to_owned()], elf, path);
            Cow::Owned(name.into_iter().next().unwrap_or_default())
        } else {
            Cow::Borrowed(name)
        };
        if name.contains('/') {
            return self
                .try_path(tree, name, elf, None, &mut wrong)
                .unwrap_or(Lookup::Absent(wrong));
        }
        let flavour = elf.libc().unwrap_or(self.flavour);
        if flavour == LibcFlavour::Musl && is_part_of_musl(name) {
            // The loader is the C library, under whatever of these names.
            let known = self.musl.get(&(elf.machine, elf.class));
            if let Some(path) = elf.interpreter.as_ref().or(known)
                && let Some(found) = self.try_path(tree, path, elf, None, &mut wrong)
            {
                return found;
            }
        }
        let hwcaps = if self.has_hwcaps && flavour == LibcFlavour::Glibc {
            hwcaps(elf)
        } else {
            &[]
        };
        let level = tree.wanted().x86_level;
        for dir in self.dirs(tree, elf, path, from_above, flavour) {
            for (better, _) in hwcaps.iter().filter(|(_, needs)| *needs <= level) {
                let candidate = format!("{}/glibc-hwcaps/{better}/{name}", dir.path);
                if let Some(found) = self.try_path(tree, &candidate, elf, None, &mut wrong) {
                    return found;
                }
            }
            let cached = dir.cached.then_some(&*dir.path);
            let candidate = format!("{}/{name}", dir.path);
            if let Some(found) = self.try_path(tree, &candidate, elf, cached, &mut wrong) {
                return found;
            }
        }
        Lookup::Absent(wrong)
    }

    /// The libraries below `glibc-hwcaps` that stand for `library` on better processors than the platform's.
    pub fn variants(&self, tree: &Tree<'_>, library: FileRef, name: &str) -> Vec<FileRef> {
        let facts = &self.packages[library.package].facts.files[library.entry];
        let Some(elf) = facts.elf.as_deref().filter(|_| self.has_hwcaps) else {
            return Vec::new();
        };
        let dir = String::from_utf8_lossy(parent(facts.entry.path.as_bytes()));
        let one = |(better, _): &(&str, X86Level)| {
            let candidate = format!("/{dir}/glibc-hwcaps/{better}/{name}");
            match self.try_path(tree, &candidate, elf, None, &mut None) {
                Some(Lookup::Found { file, .. }) => Some(file),
                _ => None,
            }
        };
        hwcaps(elf).iter().filter_map(one).collect()
    }

    /// The directories of a search in order.
    fn dirs<'d>(
        &'d self,
        tree: &Tree<'d>,
        elf: &ElfFacts,
        path: &[u8],
        from_above: &[String],
        flavour: LibcFlavour,
    ) -> Vec<Dir<'d>> {
        let known = |path: &'d str, cached| Dir {
            path: Cow::Borrowed(path),
            cached,
        };
        let own = |path: String| Dir {
            path: Cow::Owned(path),
            cached: false,
        };
        let wanted = tree.wanted();
        let environment = wanted.library_path.iter().map(|dir| known(dir, false));
        let mut dirs: Vec<Dir<'d>> = Vec::new();
        if flavour == LibcFlavour::Musl {
            dirs.extend(environment);
            dirs.extend(
                Self::inherited_by_musl(elf, path, from_above)
                    .into_iter()
                    .map(own),
            );
            match &self.musl_path {
                Some(path) => dirs.extend(path.iter().map(|dir| known(dir, false))),
                None => {
                    dirs.extend(MUSL_DIRS.map(|dir| known(dir, false)));
                }
            }
            return dirs;
        }
        if elf.runpath.is_empty() {
            dirs.extend(Self::inherited(elf, path, from_above).into_iter().map(own));
        }
        dirs.extend(environment);
        dirs.extend(Self::expand(&elf.runpath, elf, path).into_iter().map(own));
        let key = (elf.machine, elf.class);
        let mut defaults: Vec<Dir<'d>> = Vec::new();
        if !elf.no_default_dirs {
            match self.defaults.get(&key) {
                Some(dirs) => defaults.extend(dirs.iter().map(|dir| known(dir, false))),
                None => defaults.extend(system_dirs(elf, None).into_iter().map(own)),
            }
        }
        // With merged /usr both names of a directory are one.
        let mut last: Option<Vec<u8>> = None;
        defaults.retain(|dir| {
            let here = tree_path(&dir.path, wanted.merged_usr);
            let new = last.as_deref() != Some(&*here);
            last = Some(here);
            new
        });
        // The cache comes first where the image has one. Where it has none, what only a cache would know asks for one.
        let cached = self.cached.iter().map(|dir| known(dir, true));
        if tree.at(b"etc/ld.so.cache").is_some() {
            dirs.extend(cached);
            dirs.append(&mut defaults);
        } else {
            dirs.append(&mut defaults);
            dirs.extend(cached);
        }
        dirs
    }

    /// With musl every run path holds for all that is loaded below.
    fn inherited_by_musl(elf: &ElfFacts, path: &[u8], from_above: &[String]) -> Vec<String> {
        let own = if elf.runpath.is_empty() {
            &elf.rpath
        } else {
            &elf.runpath
        };
        let mut dirs = Self::expand(own, elf, path);
        dirs.extend_from_slice(from_above);
        dirs
    }

    fn try_path(
        &self,
        tree: &Tree<'_>,
        candidate: &str,
        elf: &ElfFacts,
        cached: Option<&str>,
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
                        cached_dir: cached.map(str::to_owned),
                    })
                } else {
                    wrong.get_or_insert(file);
                    None
                }
            }
        }
    }
}

fn tree_path(dir: &str, merged_usr: bool) -> Vec<u8> {
    let path = dir.as_bytes().strip_prefix(b"/").unwrap_or(dir.as_bytes());
    if merged_usr {
        merged(path).into_owned()
    } else {
        path.to_vec()
    }
}

/// The directories that a glibc was built to look in. They follow from where its C library lies: `libc_dir`, with merged /usr.
fn system_dirs(elf: &ElfFacts, libc_dir: Option<&[u8]>) -> Vec<String> {
    let (triplet, _) = triplet(elf);
    let multiarch = || [format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")];
    let wide = || ["/lib64".to_owned(), "/usr/lib64".to_owned()];
    let plain = || ["/lib".to_owned(), "/usr/lib".to_owned()];
    let mut dirs = Vec::new();
    match libc_dir {
        Some(dir) if dir.ends_with(triplet.as_bytes()) && !triplet.is_empty() => {
            dirs.extend(multiarch());
            dirs.extend(plain());
        }
        Some(b"usr/lib64") => dirs.extend(wide()),
        Some(b"usr/lib") => dirs.extend(plain()),
        // No C library to tell: whatever one of them would look in.
        _ => {
            if !triplet.is_empty() {
                dirs.extend(multiarch());
            }
            if elf.class == ElfClass::Elf64 {
                dirs.extend(wide());
            }
            dirs.extend(plain());
        }
    }
    dirs
}

/// Names that musl's loader answers by itself.
fn is_part_of_musl(name: &str) -> bool {
    let parts = ["c", "pthread", "rt", "m", "dl", "util", "xnet"];
    let stem = name
        .strip_prefix("lib")
        .and_then(|rest| rest.split_once('.'));
    stem.is_some_and(|(stem, _)| parts.contains(&stem))
}
