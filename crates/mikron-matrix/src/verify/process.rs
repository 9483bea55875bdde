//! Programs with all that they load: libraries, symbol versions, symbols, one C library.
//!
//! Each library is looked into once for each set of run paths that it inherits; programs then share what is known of it.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use mikron_facts::{DlopenPriority, ElfFacts, LibcFlavour, SymbolKey};
use mikron_select::{FileRef, Found, Loader, Lookup, Rules, Selection, Token};

use super::{Check, ViolationKind};

/// A library that a file asks for.
struct Load {
    name: String,
    node: usize,
}

/// A file as it is loaded: by which file, below which inherited run paths.
struct Node {
    file: FileRef,
    above: Rc<[String]>,
    loads: Vec<Load>,
    /// What the loader does not find for it by itself, as far as it cannot do without.
    unfound: Vec<(String, ViolationKind)>,
    /// Whether all that it needs was found, as far as names go.
    whole: bool,
    /// The C library that it is made for.
    libc: Option<LibcFlavour>,
    /// The last walk that met it.
    met: usize,
}

/// Checks every program, then libraries that no program loads: plugins stand for themselves.
pub(super) fn check(check: &mut Check<'_>, selection: &Selection) {
    let mut graph = Graph::default();
    let mut seen: HashSet<FileRef> = HashSet::new();
    for programs in [true, false] {
        for chosen in super::own(selection) {
            let file = chosen.file;
            let Some(elf) = check.elf(file) else { continue };
            if elf.is_executable() != programs || seen.contains(&file) {
                continue;
            }
            let start = graph.node(check, file, Rc::from([]));
            let loaded = graph.load(check, start, programs);
            seen.extend(loaded.iter().map(|node| graph.nodes[*node].file));
            if programs {
                one_libc(check, &graph, elf, &loaded);
                symbols(check, &graph, elf, &loaded);
            }
        }
    }
}

#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    known: HashMap<(FileRef, Rc<[String]>), usize>,
    expanded: usize,
    walks: usize,
}

impl Graph {
    fn node(&mut self, check: &Check<'_>, file: FileRef, above: Rc<[String]>) -> usize {
        let next = self.nodes.len();
        let node = *self.known.entry((file, Rc::clone(&above))).or_insert(next);
        if node == next {
            self.nodes.push(Node {
                file,
                above,
                loads: Vec::new(),
                unfound: Vec::new(),
                whole: true,
                libc: check.elf(file).and_then(ElfFacts::libc),
                met: 0,
            });
        }
        node
    }

    /// All that is loaded with `start`, in the loader's order: breadth first (ld.so loads what it meets in this order, and
    /// symbols are looked up in it). What a file does not find by itself it has all the same where something has been loaded by
    /// that name before: systemd's run path finds two libraries, of which the one needs the other.
    fn load(&mut self, check: &mut Check<'_>, start: usize, strict: bool) -> Vec<usize> {
        // New nodes are numbered in the order in which they are met, and each is expanded once.
        while self.expanded < self.nodes.len() {
            self.expand(check, self.expanded, strict);
            self.expanded += 1;
        }
        self.walks += 1;
        let mut loaded = vec![start];
        self.nodes[start].met = self.walks;
        let mut names: HashSet<String> = HashSet::new();
        let mut next = 0;
        while let Some(node) = loaded.get(next).copied() {
            next += 1;
            let loads = self.nodes[node].loads.iter();
            names.extend(loads.map(|load| load.name.clone()));
            for at in 0..self.nodes[node].unfound.len() {
                let (name, kind) = &self.nodes[node].unfound[at];
                if strict && !names.contains(name) {
                    let file = self.nodes[node].file;
                    check.report(file, Token::Soname(name.clone()), kind.clone());
                    self.nodes[node].whole = false;
                }
            }
            for at in 0..self.nodes[node].loads.len() {
                let to = self.nodes[node].loads[at].node;
                if self.nodes[to].met != self.walks {
                    self.nodes[to].met = self.walks;
                    loaded.push(to);
                }
            }
        }
        loaded
    }

    /// Finds what one file needs.
    fn expand(&mut self, check: &mut Check<'_>, node: usize, strict: bool) {
        let Node {
            file, ref above, ..
        } = self.nodes[node];
        let above = Rc::clone(above);
        let Some(elf) = check.elf(file) else { return };
        let path = check.tree.normal(check.facts(file).entry.path.as_bytes());
        let below: Rc<[String]> = Loader::inherited(elf, &path, &above).into();
        let wanted = check.wanted;
        for (name, needed) in wants(&wanted.rules, elf) {
            let library = match find(check, file, name, elf, &path, &above, strict) {
                Ok(library) => library,
                Err(kind) => {
                    if needed && strict {
                        self.nodes[node].unfound.push((name.to_owned(), kind));
                    } else if needed {
                        self.nodes[node].whole = false;
                        check.report(file, Token::Soname(name.to_owned()), kind);
                    }
                    continue;
                }
            };
            // What a finalizer makes is not known any further.
            let Some(library) = library else {
                self.nodes[node].whole = false;
                continue;
            };
            let to = self.node(check, library, Rc::clone(&below));
            self.nodes[node].loads.push(Load {
                name: name.to_owned(),
                node: to,
            });
            for variant in check.loader.variants(&check.tree, library, name) {
                self.node(check, variant, Rc::clone(&below));
            }
        }
        dlopen(check, file, elf, &path, &above);
        if elf.libc() != Some(LibcFlavour::Musl) {
            versions(check, file, elf, &path, &above);
        }
    }
}

/// The libraries that a file asks for when it is loaded, and whether it cannot do without: what it is linked with, its
/// filters, and what the rules add.
fn wants<'a>(rules: &'a Rules, elf: &'a ElfFacts) -> impl Iterator<Item = (&'a str, bool)> {
    let by_rules = rules.libraries(&elf.imports);
    let linked = elf.filters.iter().chain(&elf.needed);
    let optional = elf.auxiliaries.iter().map(|name| (name.as_str(), false));
    let linked = linked.map(|name| (name.as_str(), true));
    optional
        .chain(linked)
        .chain(by_rules.into_iter().map(|soname| (soname, true)))
}

/// The library that would be loaded; `None` when a finalizer makes it.
fn find<'a>(
    check: &mut Check<'a>,
    by: FileRef,
    name: &'a str,
    elf: &'a ElfFacts,
    path: &[u8],
    above: &[String],
    strict: bool,
) -> Result<Option<FileRef>, ViolationKind> {
    let wrong = match check.find(name, elf, path, above) {
        Lookup::Found { file, .. } => return Ok(Some(file)),
        Lookup::Provided => return Ok(None),
        Lookup::Absent(wrong) => wrong,
    };
    let source = &check.packages[by.package].source;
    let fits = |file: &&FileRef| check.elf(**file).is_some_and(|found| found.fits(elf));
    let own = |file: &&FileRef| check.packages[file.package].source == *source;
    let candidates = check
        .by_name
        .get(name.as_bytes())
        .map_or(&[][..], Vec::as_slice);
    if let Some(private) = candidates.iter().filter(fits).find(own) {
        // A plugin may need a private library of its source that its program has loaded by path before (libjvm.so).
        return if strict {
            let library = check.facts(*private).entry.path.clone();
            Err(ViolationKind::Elsewhere { library })
        } else {
            Ok(Some(*private))
        };
    }
    let library = |file: FileRef| check.facts(file).entry.path.clone();
    Err(match (wrong, candidates.iter().find(fits)) {
        (_, Some(file)) => ViolationKind::Elsewhere {
            library: library(*file),
        },
        (Some(file), None) => ViolationKind::LibraryMachine {
            library: library(file),
        },
        (None, None) => ViolationKind::Library,
    })
}

/// Libraries that the file loads by itself and cannot do without: one of the names of each note is enough.
fn dlopen<'a>(
    check: &mut Check<'a>,
    file: FileRef,
    elf: &'a ElfFacts,
    path: &[u8],
    above: &[String],
) {
    for note in &elf.dlopen {
        if note.priority != DlopenPriority::Required {
            continue;
        }
        let mut names = note.sonames.iter();
        let found = names.any(|name| find(check, file, name, elf, path, above, false).is_ok());
        if let (false, Some(first)) = (found, note.sonames.first()) {
            let feature = note.feature.clone().or_else(|| note.description.clone());
            check.report(
                file,
                Token::Soname(first.clone()),
                ViolationKind::Dlopen { feature },
            );
        }
    }
}

/// The symbol versions that a file requires, in the library that would be loaded and its variants for better processors.
fn versions<'a>(
    check: &mut Check<'a>,
    file: FileRef,
    elf: &'a ElfFacts,
    path: &[u8],
    above: &[String],
) {
    for need in &elf.version_needs {
        // What is not there at all is said where it is needed by name.
        let found = find(check, file, &need.library, elf, path, above, false);
        let Ok(Some(library)) = found else { continue };
        let mut libraries = check.loader.variants(&check.tree, library, &need.library);
        libraries.insert(0, library);
        for library in libraries {
            let Some(provider) = check.elf(library) else {
                continue;
            };
            // The loader lets a library without any version definitions pass (glibc, `_dl_check_map_versions`).
            if provider.version_definitions.is_empty() {
                continue;
            }
            for version in need.versions.iter().filter(|version| !version.weak) {
                if !provider.version_definitions.contains(&version.name) {
                    let token = Token::SymbolVersion(need.library.clone(), version.name.clone());
                    let kind = ViolationKind::SymbolVersion {
                        library: check.facts(library).entry.path.clone(),
                        latest: latest(&provider.version_definitions, &version.name),
                    };
                    check.report(file, token, kind);
                }
            }
        }
    }
}

/// The latest of the versions that begin as `wanted` does before its figures: `GLIBC_2.36` for `GLIBC_2.38`.
fn latest(defined: &[String], wanted: &str) -> Option<String> {
    let figures = |version: &str| -> Option<(String, Vec<u64>)> {
        let at = version.find(|c: char| c.is_ascii_digit())?;
        let numbers = version[at..].split('.').map(|number| number.parse().ok());
        Some((version[..at].to_owned(), numbers.collect::<Option<_>>()?))
    };
    let (name, _) = figures(wanted)?;
    let of_name = defined.iter().filter_map(|version| {
        let (own, numbers) = figures(version)?;
        (own == name).then_some((numbers, version))
    });
    of_name.max().map(|(_, version)| version.clone())
}

/// A program and all that it loads are made for one C library.
fn one_libc(check: &mut Check<'_>, graph: &Graph, program: &ElfFacts, loaded: &[usize]) {
    let Some(flavour) = program.libc() else {
        return;
    };
    let start = graph.nodes[loaded[0]].file;
    for load in loaded.iter().flat_map(|node| &graph.nodes[*node].loads) {
        let found = graph.nodes[load.node].libc;
        if let Some(found) = found.filter(|found| *found != flavour) {
            let library = graph.nodes[load.node].file;
            let kind = ViolationKind::Libc {
                library: check.facts(library).entry.path.clone(),
                program: flavour,
                found,
            };
            check.report(start, Token::Soname(load.name.clone()), kind);
        }
    }
}

/// What a program binds at once is defined by something that it loads.
fn symbols(check: &mut Check<'_>, graph: &Graph, program: &ElfFacts, loaded: &[usize]) {
    if program.unresolved.is_empty() || !loaded.iter().all(|node| graph.nodes[*node].whole) {
        return;
    }
    let mut libraries: Vec<&ElfFacts> = Vec::with_capacity(loaded.len());
    let files = loaded[1..].iter().map(|node| graph.nodes[*node].file);
    libraries.extend(files.filter_map(|file| check.elf(file)));
    let interpreter = program.interpreter.as_deref().unwrap_or_default();
    if let Ok(Found::Entry(found)) = check.tree.resolve(interpreter.as_bytes()).map(|at| at.end) {
        libraries.extend(check.elf(found));
    }
    // Where one library's symbols are not known, any symbol may be its.
    let Some(exports) = libraries
        .iter()
        .map(|library| library.exports.as_ref())
        .collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let mut missing = program.unresolved.iter().filter(|(name, version)| {
        let key = SymbolKey::new(name, *version);
        !exports.iter().any(|exports| exports.defines(key))
    });
    if let Some((name, version)) = missing.next() {
        let token = Token::Symbol(match version {
            Some(version) => format!("{name}@{version}"),
            None => name.to_owned(),
        });
        let others = missing.count();
        check.report(
            graph.nodes[loaded[0]].file,
            token,
            ViolationKind::Symbol { others },
        );
    }
}
