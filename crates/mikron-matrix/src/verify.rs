//! The proof that a selection is closed, made anew from the chosen files alone (design, promise 4).
//!
//! It looks at each file by itself ([`files`]), at each program with all that it loads ([`process`]), and at paths that two
//! packages have ([`owners`]), and at what modules of interpreters are made for ([`interfaces`]).

mod files;
mod interfaces;
mod owners;
mod process;
mod violation;

use std::collections::{HashMap, HashSet};

use mikron_facts::{ElfClass, ElfFacts, FileFacts, LibcFlavour};
use mikron_select::{
    FileRef, Loader, Lookup, MissingCause, PackageInput, Reason, SelectedFile, Selection, Token,
    Tree, Wanted, chain, runs_on,
};

pub use violation::{Violation, ViolationKind};

/// Checks that a selection holds together, and gives what does not, in order of file and token.
///
/// - Every `DT_NEEDED`, filter and required dlopen note is found by the loader's own search.
/// - The library that would be loaded defines every symbol version that is required of it, and so do its variants for better
///   processors; what a program binds at once is defined by something that it loads.
/// - A program and all that it loads are made for one C library, one machine and a processor that the platform has.
/// - Interpreters are there, links lead somewhere, and what the image starts can be executed.
/// - Modules of one's own are made for the interpreters that are there.
/// - No two packages give one path different content without a rule for it.
///
/// What an image below has ([`PackageInput::below`]) meets needs; its own are not looked at.
///
/// It looks at nothing but the chosen entries, so that a fault of [`mikron_select::select`] cannot hide itself.
///
/// ```
/// use mikron_matrix::verify;
/// use mikron_select::{Selection, Wanted};
/// let wanted = Wanted::new("linux/amd64".parse()?);
/// assert!(verify(&Selection::default(), &[], &wanted).is_empty());
/// # Ok::<(), mikron_package::PlatformError>(())
/// ```
pub fn verify(selection: &Selection, packages: &[PackageInput], wanted: &Wanted) -> Vec<Violation> {
    let mut reasons: Vec<Vec<Option<&Reason>>> = packages
        .iter()
        .map(|package| vec![None; package.facts.files.len()])
        .collect();
    for chosen in &selection.files {
        reasons[chosen.file.package][chosen.file.entry] = Some(&*chosen.reason);
    }
    let chosen = |file: FileRef| reasons[file.package][file.entry].is_some();
    let tree = Tree::new(packages, wanted, &chosen);
    let mut check = Check {
        packages,
        wanted,
        loader: Loader::new(packages),
        by_name: tree.shared_objects(),
        tree,
        reasons,
        violations: Vec::new(),
        missing: selection
            .missing
            .iter()
            .filter_map(|missing| Some(((missing.by?, &missing.token), &missing.cause)))
            .collect(),
        common: HashMap::new(),
    };
    let dangling: HashSet<FileRef> = selection.dangling.iter().map(|link| link.file).collect();
    for chosen in own(selection) {
        if !dangling.contains(&chosen.file) {
            files::check(&mut check, chosen.file);
        }
    }
    files::programs(&mut check);
    process::check(&mut check, selection);
    owners::check(&mut check, selection);
    interfaces::check(&mut check, selection);
    let mut violations = check.violations;
    violations.sort_by(|a, b| (a.file, &a.token).cmp(&(b.file, &b.token)));
    violations.dedup_by(|a, b| (a.file, &a.token) == (b.file, &b.token));
    violations
}

/// What was chosen, without what an image below has: whether that holds together is not asked.
fn own(selection: &Selection) -> impl Iterator<Item = &SelectedFile> {
    let files = selection.files.iter();
    files.filter(|chosen| *chosen.reason != Reason::Below)
}

/// What a look-up without run paths of its own depends on: name, machine and C library.
type Common<'a> = (
    &'a str,
    u16,
    ElfClass,
    Option<mikron_facts::LibcFlavour>,
    u32,
);

/// What all checks look at, and what they found.
struct Check<'a> {
    packages: &'a [PackageInput],
    wanted: &'a Wanted,
    tree: Tree<'a>,
    loader: Loader<'a>,
    by_name: HashMap<&'a [u8], Vec<FileRef>>,
    reasons: Vec<Vec<Option<&'a Reason>>>,
    violations: Vec<Violation>,
    /// What the selection itself knows to be missing, and why: it makes for better messages, and proves nothing.
    missing: HashMap<(FileRef, &'a Token), &'a MissingCause>,
    /// Libraries that everybody finds in the same place.
    common: HashMap<Common<'a>, Lookup>,
}

impl<'a> Check<'a> {
    fn facts(&self, file: FileRef) -> &'a FileFacts {
        &self.packages[file.package].facts.files[file.entry]
    }

    /// What an ELF file says, where the platform runs it.
    fn elf(&self, file: FileRef) -> Option<&'a ElfFacts> {
        let elf = self.facts(file).elf.as_deref();
        elf.filter(|elf| runs_on(elf, self.wanted.platform))
    }

    fn report(&mut self, file: FileRef, token: Token, kind: ViolationKind) {
        let kind = match (kind, self.missing.get(&(file, &token))) {
            (ViolationKind::Library, Some(MissingCause::WrongMachine { path })) => {
                ViolationKind::LibraryMachine {
                    library: path.clone(),
                }
            }
            (ViolationKind::Library, Some(MissingCause::Elsewhere { paths }))
                if !paths.is_empty() =>
            {
                ViolationKind::Elsewhere {
                    library: paths[0].clone(),
                }
            }
            (kind, _) => kind,
        };
        let reasons = &self.reasons;
        let chain = chain(self.packages, file, |file| {
            reasons[file.package][file.entry]
        });
        self.violations.push(Violation {
            file,
            path: self.facts(file).entry.path.clone(),
            token,
            kind,
            chain,
        });
    }

    /// What the loader finds for `elf`. Most files have no run paths, and all of those find the same.
    fn find(&mut self, name: &'a str, elf: &'a ElfFacts, path: &[u8], above: &[String]) -> Lookup {
        let libc = elf.libc();
        // With musl the loader answers for some names, and each program names its own.
        let plain = above.is_empty()
            && elf.rpath.is_empty()
            && elf.runpath.is_empty()
            && (elf.interpreter.is_none() || libc != Some(LibcFlavour::Musl))
            && !elf.no_default_dirs
            && !name.contains('$');
        if !plain {
            return self.loader.find(&self.tree, name, elf, path, above);
        }
        let key = (name, elf.machine, elf.class, libc, elf.flags);
        if let Some(known) = self.common.get(&key) {
            return known.clone();
        }
        let found = self.loader.find(&self.tree, name, elf, path, above);
        self.common.insert(key, found.clone());
        found
    }
}
