//! The proof that a selection is closed, made anew from the chosen files alone (design, promise 4).

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

use mikron_package::RootPath;
use serde::{Deserialize, Serialize};

use crate::select::{Found, Loader, Lookup, Tree, chain, is_made_at_run_time, runs_on};
use crate::{Class, ElfFacts, FileRef, PackageInput, Reason, Selection, Step, Token, Wanted};

/// Something that a chosen file needs and that the image does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The file that needs it.
    pub file: FileRef,
    /// Its path.
    pub path: RootPath,
    /// What it needs.
    pub token: Token,
    /// What is wrong.
    pub kind: ViolationKind,
    /// The chain from a root to the file.
    pub chain: Vec<Step>,
}

/// What is wrong with a selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViolationKind {
    /// No chosen library of this name lies where the loader looks.
    Library,
    /// The library that would be loaded does not define the symbol version.
    SymbolVersion {
        /// That library.
        library: RootPath,
    },
    /// The interpreter is not in the image.
    Interpreter,
    /// The symbolic link leads nowhere.
    DanglingLink,
    /// The program is of another machine than the image.
    Machine,
}

impl fmt::Display for Violation {
    /// One line with file, token and remedy, without the chain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, token, .. } = self;
        match &self.kind {
            ViolationKind::Library => write!(
                f,
                "{path} needs {token}, which is not in the image: add the package that has it to `packages`"
            ),
            ViolationKind::SymbolVersion { library } => write!(
                f,
                "{path} needs {token}, which {library} does not define: a newer version of its package is needed"
            ),
            ViolationKind::Interpreter => write!(
                f,
                "{path} is run by {token}, which is not in the image: add the package that has it to `packages`"
            ),
            ViolationKind::DanglingLink => write!(
                f,
                "{path} links to {token}, which is not in the image: add what it points to, or remove the link with `remove`"
            ),
            ViolationKind::Machine => write!(
                f,
                "{path} is a program for another machine than the image's platform: take the package of that architecture"
            ),
        }
    }
}

/// Checks that every library, interpreter, symbol version and link target of a selection is inside it.
///
/// It looks at nothing but the chosen entries, so that a fault of [`crate::select`] cannot hide itself.
///
/// ```
/// use mikron_capability::{Selection, Wanted, verify};
/// let wanted = Wanted::new("linux/amd64".parse()?);
/// assert!(verify(&Selection::default(), &[], &wanted).is_empty());
/// # Ok::<(), mikron_package::PlatformError>(())
/// ```
pub fn verify(selection: &Selection, packages: &[PackageInput], wanted: &Wanted) -> Vec<Violation> {
    let reasons: HashMap<FileRef, &Reason> = selection
        .files
        .iter()
        .map(|f| (f.file, &f.reason))
        .collect();
    let tree = Tree::new(packages, wanted, &|file| reasons.contains_key(&file));
    let mut check = Check {
        packages,
        wanted,
        loader: Loader::new(packages),
        by_name: tree.shared_objects(),
        tree,
        reasons,
        violations: Vec::new(),
        walked: HashSet::new(),
        queue: VecDeque::new(),
    };
    let dangling: HashSet<FileRef> = selection.dangling.iter().map(|link| link.file).collect();
    for chosen in &selection.files {
        if !dangling.contains(&chosen.file) {
            check.file(chosen.file);
        }
    }
    // Executables first: what they load inherits their DT_RPATH. Libraries that no executable loads are plugins and stand
    // for themselves.
    for start in [true, false] {
        for chosen in &selection.files {
            let elf = check.elf(chosen.file);
            if elf.is_some_and(|elf| elf.is_executable() == start) && !check.was_walked(chosen.file)
            {
                check.queue.push_back((chosen.file, Vec::new()));
                check.drain();
            }
        }
    }
    let mut violations = check.violations;
    violations.sort_by(|a, b| (a.file, &a.token).cmp(&(b.file, &b.token)));
    violations.dedup_by(|a, b| (a.file, &a.token) == (b.file, &b.token));
    violations
}

/// Who has a library.
enum Provider {
    Library(FileRef),
    /// A finalizer makes it.
    Made,
    Absent,
}

struct Check<'a> {
    packages: &'a [PackageInput],
    wanted: &'a Wanted,
    tree: Tree<'a>,
    loader: Loader<'a>,
    by_name: HashMap<&'a [u8], Vec<FileRef>>,
    reasons: HashMap<FileRef, &'a Reason>,
    violations: Vec<Violation>,
    walked: HashSet<(FileRef, Vec<String>)>,
    queue: VecDeque<(FileRef, Vec<String>)>,
}

impl<'a> Check<'a> {
    fn elf(&self, file: FileRef) -> Option<&'a ElfFacts> {
        let elf = self.packages[file.package].facts.files[file.entry]
            .elf
            .as_deref();
        elf.filter(|elf| runs_on(elf, self.wanted.platform))
    }

    fn was_walked(&self, file: FileRef) -> bool {
        self.walked.iter().any(|(walked, _)| *walked == file)
    }

    fn report(&mut self, file: FileRef, token: Token, kind: ViolationKind) {
        let path = self.packages[file.package].facts.files[file.entry]
            .entry
            .path
            .clone();
        let chain = chain(self.packages, file, |file| self.reasons.get(&file).copied());
        self.violations.push(Violation {
            file,
            path,
            token,
            kind,
            chain,
        });
    }

    /// Links, interpreters and machine of one file.
    fn file(&mut self, file: FileRef) {
        let facts = &self.packages[file.package].facts.files[file.entry];
        if facts.link_target().is_some() {
            let path = self.tree.normal(facts.entry.path.as_bytes());
            if let Err(unresolved) = self.tree.resolve(&path) {
                let at = unresolved.path().map_or_else(
                    || facts.entry.path.to_string(),
                    |at| format!("/{}", String::from_utf8_lossy(at)),
                );
                if !unresolved.path().is_some_and(is_made_at_run_time) {
                    self.report(file, Token::Path(at), ViolationKind::DanglingLink);
                }
            }
        }
        let executable = facts.entry.mode & 0o111 != 0;
        if let Some(elf) = facts.elf.as_deref() {
            let runs = runs_on(elf, self.wanted.platform);
            if runs
                && elf.is_executable()
                && let Some(interpreter) = &elf.interpreter
            {
                self.interpreter(file, interpreter);
            }
            if !runs && facts.class == Class::Bins && facts.is_program() && elf.is_executable() {
                let token = Token::Path(facts.entry.path.to_string());
                self.report(file, token, ViolationKind::Machine);
            }
        }
        if let Some(script) = &facts.script {
            let own = self.packages[file.package].role == crate::Role::Files;
            if executable && (own || facts.class == Class::Bins) {
                self.interpreter(file, &script.interpreter);
            }
        }
    }

    fn interpreter(&mut self, file: FileRef, path: &str) {
        let there = matches!(
            self.tree
                .resolve(path.as_bytes())
                .map(|resolved| resolved.end),
            Ok(Found::Entry(_) | Found::Provided(_))
        );
        if !there {
            self.report(
                file,
                Token::Path(path.to_owned()),
                ViolationKind::Interpreter,
            );
        }
    }

    fn drain(&mut self) {
        while let Some((file, above)) = self.queue.pop_front() {
            if self.walked.insert((file, above.clone())) {
                self.libraries(file, &above);
            }
        }
    }

    /// The libraries of one ELF file and the symbol versions that it requires of them.
    fn libraries(&mut self, file: FileRef, above: &[String]) {
        let Some(elf) = self.elf(file) else { return };
        let facts = &self.packages[file.package].facts.files[file.entry];
        let path = self.tree.normal(facts.entry.path.as_bytes());
        let below = Loader::inherited(elf, &path, above);
        let by_rules = self.wanted.rules.libraries(&elf.imports);
        let names: Vec<&str> = elf
            .needed
            .iter()
            .map(String::as_str)
            .chain(by_rules)
            .collect();
        for name in names {
            match self.find(file, name, elf, &path, above) {
                Provider::Library(library) => {
                    if !self.walked.contains(&(library, below.clone())) {
                        self.queue.push_back((library, below.clone()));
                    }
                }
                Provider::Made => {}
                Provider::Absent => {
                    self.report(file, Token::Soname(name.to_owned()), ViolationKind::Library);
                }
            }
        }
        for need in &elf.version_needs {
            let Provider::Library(library) = self.find(file, &need.library, elf, &path, above)
            else {
                // Not there at all: said above, where it is needed by name.
                continue;
            };
            let Some(provider) = self.elf(library) else {
                continue;
            };
            // The loader lets a library without any version definitions pass (glibc, `_dl_check_map_versions`).
            if provider.version_definitions.is_empty() {
                continue;
            }
            for version in need.versions.iter().filter(|version| !version.weak) {
                if !provider.version_definitions.contains(&version.name) {
                    let token = Token::SymbolVersion(need.library.clone(), version.name.clone());
                    let at = &self.packages[library.package].facts.files[library.entry];
                    let library = at.entry.path.clone();
                    self.report(file, token, ViolationKind::SymbolVersion { library });
                }
            }
        }
    }

    /// The library that would be loaded.
    fn find(
        &self,
        by: FileRef,
        name: &str,
        elf: &ElfFacts,
        path: &[u8],
        above: &[String],
    ) -> Provider {
        match self.loader.find(&self.tree, name, elf, path, above) {
            Lookup::Found { file, .. } => Provider::Library(file),
            Lookup::Provided => Provider::Made,
            Lookup::Absent(_) => {
                // A private library of the same source is loaded by the program itself.
                let source = &self.packages[by.package].source;
                let own = |file: &&FileRef| self.packages[file.package].source == *source;
                let candidates = self.by_name.get(name.as_bytes());
                let candidate = candidates.and_then(|list| list.iter().find(own).copied());
                candidate.map_or(Provider::Absent, Provider::Library)
            }
        }
    }
}
