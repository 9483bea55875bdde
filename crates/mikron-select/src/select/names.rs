//! An index of what files may name among their constants: programs, libraries, plugins and places of packages.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use mikron_facts::{
    Class, ElfKind, FileFacts, SHELLS, is_in_bin_dir, is_library_place, program_hash, tool_hash,
    word_hash,
};

use super::packages::Nature;
use super::tree::parent;
use super::{FileRef, PackageInput, Provided, Role};

/// Programs by which a host is steered, or its services are: an image is no host, and their names are words of every server.
const OF_HOSTS: [&[u8]; 14] = [
    b"halt",
    b"init",
    b"invoke-rc.d",
    b"journalctl",
    b"poweroff",
    b"reboot",
    b"runlevel",
    b"service",
    b"shutdown",
    b"systemctl",
    b"systemd",
    b"telinit",
    b"update-rc.d",
    b"wall",
];

/// Something that files may name.
pub(super) enum Thing {
    /// A program.
    Program(FileRef),
    /// The same, by the text of code that starts programs.
    Started(FileRef),
    /// The same, by the last component of a path below the directory of a machine, whose name what starts it begins with:
    /// `/usr/alpha-linux-gnu/bin/ar` for `alpha-linux-gnu-gcc-ar`.
    Tool(FileRef, Rc<[u8]>),
    /// A library, by its file's name or its soname.
    Library(FileRef),
    /// The same by a name that a language completes: `usb-1.0` for `libusb-1.0.so.0`.
    Stem(FileRef),
    /// A file of a root's source that is for people, builders or hosts, by its name, which proves nothing without its directory.
    File(FileRef),
    /// The same by the beginning of its name, to which the rest is put at run time: `libcpu_` for `libcpu_ldap.so`.
    Begun(FileRef),
    /// A file or directory of a package that holds modules or data.
    Place(usize, Rc<[u8]>),
}

/// The packages that the files of one package may mean.
#[derive(Default)]
pub(super) struct Reach {
    /// All that it depends on.
    pub(super) all: HashSet<usize>,
    /// Its own source, and what that depends on directly or through packages without files.
    pub(super) near: HashSet<usize>,
}

/// What can be named, and what was.
#[derive(Default)]
pub(super) struct Names {
    pub(super) things: HashMap<u32, Vec<Thing>>,
    pub(super) reach: HashMap<usize, Rc<Reach>>,
    /// Places that a chosen file names and whose package may still come into the image.
    pub(super) places: Vec<(FileRef, usize, Rc<[u8]>)>,
    /// What was among them, and whether it was that of the file's own source, or of what that depends on.
    pub(super) noted: HashSet<(usize, Rc<[u8]>, bool, bool)>,
}

/// The shortest name of a library without its last part: `libxy` before `_` or `-`.
const MIN_BEGINNING: usize = 5;

impl Names {
    /// `provided` are the links that finalizers will make: a program is named by that of an alternative, too.
    pub(super) fn new(
        packages: &[PackageInput],
        provided: &[Provided],
        nature: impl Fn(usize) -> Nature,
        normal: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Self {
        let mut names = Self::default();
        let mut aliases: HashMap<Vec<u8>, Vec<&[u8]>> = HashMap::new();
        for link in provided {
            if let (Some(target), Some(name)) = (&link.target, link.path.file_name())
                && let Some(target) = target.strip_prefix(b"/")
            {
                aliases.entry(normal(target)).or_default().push(name);
            }
        }
        let roots = packages.iter();
        let roots = roots.filter(|input| matches!(input.role, Role::Root { .. }));
        let roots: HashSet<&str> = roots.map(|input| input.source.as_str()).collect();
        for (package, input) in packages.iter().enumerate() {
            if input.role == Role::Provider {
                names.add_parts(package, input, &normal);
            }
            if !matches!(input.role, Role::Root { .. } | Role::Dependency) {
                continue;
            }
            let of_root = roots.contains(input.source.as_str());
            let library = nature(package) == Nature::Library;
            let mut places: HashSet<Rc<[u8]>> = HashSet::new();
            for (entry, facts) in input.facts.files.iter().enumerate() {
                if facts.entry.is_directory() {
                    continue;
                }
                let path = normal(facts.entry.path.as_bytes());
                let file = FileRef { package, entry };
                names.add_file(file, facts, &path);
                for alias in aliases.get(&path).into_iter().flatten() {
                    names.add_program(file, facts, alias);
                }
                if of_root && !facts.class.is_run_time() && facts.script.is_none() {
                    let name = facts.entry.path.file_name().unwrap_or_default();
                    let things = names.things.entry(word_hash(name)).or_default();
                    things.push(Thing::File(file));
                }
                let data = matches!(facts.class, Class::Data | Class::Config);
                if facts.class != Class::Modules && !(library && data) {
                    continue;
                }
                // What lies above a known place is known.
                let mut at = path.as_slice();
                while is_place(at) && !places.contains(at) {
                    let place: Rc<[u8]> = at.into();
                    places.insert(Rc::clone(&place));
                    for key in keys_of_place(at) {
                        let thing = Thing::Place(package, Rc::clone(&place));
                        names.things.entry(word_hash(key)).or_default().push(thing);
                    }
                    at = parent(at);
                }
            }
        }
        names
    }

    /// Programs of what every installation has that are parts of another: those that are named after it (`dpkg-query`).
    fn add_parts(
        &mut self,
        package: usize,
        input: &PackageInput,
        normal: &impl Fn(&[u8]) -> Vec<u8>,
    ) {
        for (entry, facts) in input.facts.files.iter().enumerate() {
            let name = facts.entry.path.file_name().unwrap_or_default();
            let program = facts.class == Class::Bins && !facts.entry.is_directory();
            if program
                && name.contains(&b'-')
                && is_in_bin_dir(&normal(facts.entry.path.as_bytes()))
            {
                self.add_program(FileRef { package, entry }, facts, name);
            }
        }
    }

    /// A program by one of its names. Who runs a shell is a matter of rules: its name is a word of every server, and packages with
    /// scripts of their own depend on one.
    fn add_program(&mut self, file: FileRef, facts: &FileFacts, name: &[u8]) {
        let shell = SHELLS.iter().any(|shell| shell.as_bytes() == name);
        if facts.class == Class::Bins && !shell && !OF_HOSTS.contains(&name) {
            let things = self.things.entry(word_hash(name)).or_default();
            things.push(Thing::Program(file));
            let started = self.things.entry(program_hash(name)).or_default();
            started.push(Thing::Started(file));
        }
    }

    fn add_file(&mut self, file: FileRef, facts: &FileFacts, path: &[u8]) {
        let Some(name) = path.rsplit(|byte| *byte == b'/').next() else {
            return;
        };
        self.add_program(file, facts, name);
        if let Some(machine) = machine_of(path) {
            let things = self.things.entry(tool_hash(name)).or_default();
            things.push(Thing::Tool(file, machine.into()));
        }
        let mut add = |key: &[u8], thing| {
            self.things.entry(word_hash(key)).or_default().push(thing);
        };
        let shared = match &facts.elf {
            Some(elf) => elf.kind == ElfKind::Shared,
            None => facts.link_target().is_some() && is_library_place(path),
        };
        let Some(so) = name.windows(3).position(|part| part == b".so") else {
            return;
        };
        if !shared {
            return;
        }
        add(name, Thing::Library(file));
        for end in (MIN_BEGINNING..so).filter(|at| matches!(name[*at], b'_' | b'-')) {
            add(&name[..=end], Thing::Begun(file));
        }
        let soname = facts.elf.as_ref().and_then(|elf| elf.soname.as_deref());
        if let Some(soname) = soname.filter(|soname| soname.as_bytes() != name) {
            add(soname.as_bytes(), Thing::Library(file));
        }
        // Of the links and the file of one library the loader's name stands for all.
        if soname.is_none_or(|soname| soname.as_bytes() == name) || facts.elf.is_none() {
            add(&name[..so], Thing::Stem(file));
            if let Some(rest) = name[..so].strip_prefix(b"lib") {
                add(rest, Thing::Stem(file));
            }
            if name.len() > so + 3 {
                add(&name[..so + 3], Thing::Stem(file));
            }
            // Programs complete such a name by the versions that they know.
            if name.len() > so + 4 {
                add(&name[..so + 4], Thing::Library(file));
            }
        }
    }
}

/// The machine that a program is a tool for, by where it lies: `usr/MACHINE/bin/ar`, `usr/lib/MACHINE/bin/ar` (GNU's `tooldir`).
fn machine_of(path: &[u8]) -> Option<&[u8]> {
    let rest = path.strip_prefix(b"usr/")?;
    let rest = rest.strip_prefix(b"lib/").unwrap_or(rest);
    let mut parts = rest.split(|byte| *byte == b'/');
    let (machine, bin, name) = (parts.next()?, parts.next()?, parts.next()?);
    (bin == b"bin" && !name.is_empty() && parts.next().is_none()).then_some(machine)
}

/// Whether a program is named after another: `dpkg-query` after `dpkg`.
pub(super) fn is_named_after(part: &[u8], program: &[u8]) -> bool {
    let rest = part.strip_prefix(program);
    rest.is_some_and(|rest| rest.starts_with(b"-"))
}

/// Whether a path is more than one of the directories that everybody has files in.
fn is_place(path: &[u8]) -> bool {
    let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    match parts.as_slice() {
        [b"usr", b"lib", triplet] => !triplet.windows(7).any(|part| part == b"-linux-"),
        [b"usr" | b"var", _, _, ..] | [b"etc" | b"opt", _, ..] => true,
        _ => false,
    }
}

/// The texts by which a place is named: its path, the same from the prefix `/usr`, and from the directory of libraries.
fn keys_of_place(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let below_usr = path.strip_prefix(b"usr/");
    let below_lib = below_usr
        .and_then(|path| path.strip_prefix(b"lib/").or(path.strip_prefix(b"lib64/")))
        .map(|path| {
            let cut = path.iter().position(|byte| *byte == b'/').unwrap_or(0);
            let triplet = path[..cut].windows(7).any(|part| part == b"-linux-");
            if triplet { &path[cut + 1..] } else { path }
        })
        .filter(|path| path.contains(&b'/'));
    [Some(path), below_usr, below_lib].into_iter().flatten()
}
