//! From a selection to its matrix.

use std::collections::{BTreeMap, HashMap};

use mikron_facts::Class;
use mikron_select::{FileRef, PackageInput, Reason, Role, SelectedFile, Selection, Token, Wanted};

use super::chains::{self, Way};
use super::clash;
use super::resolve::Resolver;
use super::{
    CapabilityRow, Dependency, Matrix, Need, NeedState, PackageRow, Provider, Standing, State,
};
use crate::{Origin, Violation, capabilities, package_tokens};

/// Lays a selection out as a matrix.
///
/// `violations` are those of [`crate::verify`]; `accounts` are the users and groups that packages declare outside of what
/// their facts say (sysusers.d(5), calls of maintainer scripts), by the index of the package.
///
/// ```
/// use std::sync::Arc;
/// use mikron_facts::{FileFacts, PackageFacts};
/// use mikron_matrix::{State, matrix};
/// use mikron_select::{PackageInput, Role, Wanted, select};
/// use mikron_package::{Entry, EntryKind, RootPath};
/// let conf = Entry::new(RootPath::new(b"/etc/motd.conf")?, EntryKind::File { size: 5 }, 0o644);
/// let docs = Entry::new(RootPath::new(b"/usr/share/doc/motd/README")?, EntryKind::File { size: 9 }, 0o644);
/// let facts = PackageFacts::of_files("motd".parse()?, vec![FileFacts::new(conf), FileFacts::new(docs)]);
/// let inputs = [PackageInput::new(Role::root(), Arc::new(facts))];
/// let wanted = Wanted::new("linux/amd64".parse()?);
/// let selection = select(&inputs, &wanted)?;
/// let matrix = matrix(&selection, &inputs, &wanted, &[], &[]);
/// let states: Vec<_> = matrix.capabilities.iter().map(|row| (row.name.as_str(), row.state)).collect();
/// assert_eq!(states, [("motd:config", State::Chosen), ("motd:docs", State::LeftOut)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn matrix(
    selection: &Selection,
    packages: &[PackageInput],
    wanted: &Wanted,
    violations: &[Violation],
    accounts: &[(usize, Token)],
) -> Matrix {
    let mut build = Build {
        packages,
        selection,
        chosen: reasons(&selection.files),
        read: reasons(&selection.inputs),
        definitions: &wanted.definitions,
        resolver: Resolver::new(packages, wanted, accounts),
        rows: Vec::new(),
        row_of: packages
            .iter()
            .map(|input| vec![None; input.facts.files.len()])
            .collect(),
        package_rows: Vec::new(),
        needs: BTreeMap::new(),
        open: open_ends(packages, selection, violations),
    };
    let order = build.rows();
    build.needs_of_files();
    build.needs_of_reasons();
    build.needs_of_modules();
    build.needs_of_spec(wanted);
    build.accounts(accounts);
    let needs = std::mem::take(&mut build.needs);
    let needs: Vec<Need> = needs.into_values().collect();
    let ways = build.ways(&needs);
    chains::fill(&mut build.rows, &ways);
    let clashes = clash::find(&build.resolver, packages, &build.row_of, |file| {
        build.chosen.contains_key(&file)
    });
    let packages = build.packages(&order);
    Matrix {
        platform: wanted.platform,
        packages,
        capabilities: build.rows,
        needs,
        clashes,
    }
}

fn reasons(files: &[SelectedFile]) -> HashMap<FileRef, &Reason> {
    files.iter().map(|f| (f.file, &*f.reason)).collect()
}

/// A need that is not met.
pub(super) struct Open {
    /// Why.
    pub(super) cause: String,
    /// Whether an image may lack it: [`mikron_select::Missing::is_tolerated`].
    pub(super) tolerated: bool,
}

impl Open {
    /// The state of the need.
    pub(super) const fn state(&self) -> NeedState {
        if self.tolerated {
            NeedState::Waived
        } else {
            NeedState::Missing
        }
    }
}

/// What is missing, with why, by token and file.
fn open_ends(
    packages: &[PackageInput],
    selection: &Selection,
    violations: &[Violation],
) -> HashMap<(Token, Option<FileRef>), Open> {
    let missing = selection.missing.iter().map(|m| {
        let (cause, tolerated) = (m.cause.to_string(), m.is_tolerated(packages));
        ((m.token.clone(), m.by), Open { cause, tolerated })
    });
    let violated = violations.iter().map(|v| {
        let (cause, tolerated) = (v.to_string(), v.is_tolerated(packages));
        ((v.token.clone(), Some(v.file)), Open { cause, tolerated })
    });
    // The cause that the selection names is the better one.
    violated.chain(missing).collect()
}

/// Needs are told apart by who requires what of whom.
type Key = (Option<usize>, Token, Option<usize>);

/// A matrix in the making.
pub(super) struct Build<'a> {
    definitions: &'a mikron_select::Definitions,
    pub(super) packages: &'a [PackageInput],
    pub(super) selection: &'a Selection,
    pub(super) chosen: HashMap<FileRef, &'a Reason>,
    pub(super) read: HashMap<FileRef, &'a Reason>,
    pub(super) resolver: Resolver<'a>,
    pub(super) rows: Vec<CapabilityRow>,
    /// The automatic capability of each entry, by package.
    pub(super) row_of: Vec<Vec<Option<usize>>>,
    /// The rows of each package, by input.
    pub(super) package_rows: Vec<Vec<usize>>,
    pub(super) needs: BTreeMap<Key, Need>,
    pub(super) open: HashMap<(Token, Option<FileRef>), Open>,
}

impl Build<'_> {
    /// Makes the rows, and gives the inputs in the order of their names.
    fn rows(&mut self) -> Vec<usize> {
        let is_there = |at: &usize| {
            let input = &self.packages[*at];
            input.role != Role::Files || !input.facts.files.is_empty()
        };
        let mut order: Vec<usize> = (0..self.packages.len()).filter(is_there).collect();
        order.sort_by_key(|at| (&self.packages[*at].name, *at));
        self.package_rows = vec![Vec::new(); self.packages.len()];
        for (number, package) in order.iter().copied().enumerate() {
            let input = &self.packages[package];
            for capability in capabilities(input, self.definitions) {
                let row = self.rows.len();
                if capability.origin == Origin::Automatic {
                    for entry in &capability.entries {
                        self.row_of[package][*entry] = Some(row);
                    }
                }
                self.package_rows[package].push(row);
                let mut new = CapabilityRow {
                    name: format!("{}:{}", input.name, capability.name),
                    package: number,
                    capability: capability.name,
                    origin: capability.origin,
                    state: State::LeftOut,
                    why: String::new(),
                    chain: Vec::new(),
                    files: 0,
                    bytes: 0,
                    files_left: 0,
                    bytes_left: 0,
                    provides: capability.provides,
                };
                self.measure(&mut new, package, &capability.entries);
                self.rows.push(new);
            }
        }
        order
    }

    /// How much of a row is in the image, and why.
    fn measure(&self, row: &mut CapabilityRow, package: usize, entries: &[usize]) {
        let input = &self.packages[package];
        let (mut read, mut best) = (None, None);
        for entry in entries {
            let file = FileRef {
                package,
                entry: *entry,
            };
            let facts = &input.facts.files[*entry];
            // A capability by definition is one that was asked for by its name.
            let counts = |reason: &&Reason| match (row.origin, reason) {
                (Origin::Automatic, _) => true,
                (Origin::Definition, Reason::Capability { capability, .. }) => {
                    *capability == row.capability
                }
                (Origin::Definition, _) => false,
            };
            let reason = self.chosen.get(&file).copied().filter(counts);
            read = read.or(self.read.get(&file).copied().filter(counts));
            best = match (best, reason) {
                // What the spec says is told first.
                (Some(best), Some(new)) if rank(new) >= rank(best) => Some(best),
                (best, None) => best,
                (_, new) => new,
            };
            if facts.entry.is_directory() {
                continue;
            }
            let size = facts.entry.size();
            if reason.is_some() {
                row.files += 1;
                row.bytes += size;
            } else {
                row.files_left += 1;
                row.bytes_left += size;
            }
        }
        let reads_only = read.is_some() && row.files == 0;
        row.state = match (best, row.files_left) {
            _ if reads_only => State::Read,
            (None, _) => State::LeftOut,
            (Some(_), 0) => State::Chosen,
            (Some(_), _) => State::Partly,
        };
        let reason = if reads_only { read } else { best };
        row.why = match reason {
            Some(reason) => self.words(reason),
            None => self.why_not(row, package),
        };
    }

    fn words(&self, reason: &Reason) -> String {
        words(self.packages, reason)
    }

    fn why_not(&self, row: &CapabilityRow, package: usize) -> String {
        if row.origin == Origin::Definition {
            return "the spec does not ask for it by name".to_owned();
        }
        let left = self.selection.left_out.iter();
        if let Some(left) = left.clone().find(|left| left.package == package) {
            return left.reason.to_string();
        }
        let read_at_run_time = Class::from_name(&row.capability).is_none_or(Class::is_run_time);
        if read_at_run_time {
            "nothing in the image needs it".to_owned()
        } else {
            "not read at run time".to_owned()
        }
    }

    /// Users and groups that a package declares are provided by the capability that has its declarations, or by its first.
    fn accounts(&mut self, accounts: &[(usize, Token)]) {
        for (package, token) in accounts {
            let rows = self.package_rows.get(*package).into_iter().flatten();
            let units = |row: &&usize| self.rows[**row].capability == Class::Units.name();
            let mut rows = rows.clone().filter(units).chain(rows);
            if let Some(row) = rows.next().copied() {
                let provides = &mut self.rows[row].provides;
                if let Err(at) = provides.binary_search(token) {
                    provides.insert(at, token.clone());
                }
            }
        }
    }

    /// All ways from capability to capability that chains can go.
    fn ways(&self, needs: &[Need]) -> Vec<Way> {
        let mut ways = Vec::new();
        for need in needs.iter().filter(|need| need.state == NeedState::Met) {
            if let (Some(from), Some(to)) =
                (need.by, need.provider.as_ref().and_then(Provider::row))
            {
                // Of several tokens between the same two, a library says most.
                let rank = if matches!(need.token, Token::Soname(_)) {
                    1
                } else {
                    2
                };
                ways.push(Way::new(Some(from), to, need.token.to_string(), rank));
            }
        }
        let both = self.selection.files.iter().chain(&self.selection.inputs);
        for chosen in both {
            let FileRef { package, entry } = chosen.file;
            let row = self.row_of[package][entry];
            let own = || self.package_rows[package].iter().copied();
            // A capability by definition comes in by its name.
            let named = match &*chosen.reason {
                Reason::Capability { capability, .. } => {
                    own().find(|row| self.rows[*row].capability == *capability)
                }
                _ => None,
            };
            for to in [row, named].into_iter().flatten() {
                let words = chosen.reason.to_string();
                match chosen.reason.by() {
                    None => ways.push(Way::new(None, to, words, rank(&chosen.reason))),
                    Some(by) => {
                        if let Some(from) = self.row_of[by.package][by.entry]
                            && from != to
                        {
                            ways.push(Way::new(Some(from), to, words, 3));
                        }
                    }
                }
            }
        }
        ways
    }

    fn packages(&self, order: &[usize]) -> Vec<PackageRow> {
        let mut number = vec![None; self.packages.len()];
        for (at, package) in order.iter().enumerate() {
            number[*package] = Some(at);
        }
        let row = |package: &usize| {
            let input = &self.packages[*package];
            let rows = &self.package_rows[*package];
            let own = || {
                let rows = rows.iter().map(|row| &self.rows[*row]);
                rows.filter(|row| row.origin == Origin::Automatic)
            };
            let left_out = self
                .selection
                .left_out
                .iter()
                .find(|l| l.package == *package);
            let (files, files_left) = (
                own().map(|r| r.files).sum(),
                own().map(|r| r.files_left).sum(),
            );
            let bytes: u64 = own().map(|row| row.bytes).sum();
            let any = |state: fn(State) -> bool| rows.iter().any(|r| state(self.rows[*r].state));
            let state = if left_out.is_some() {
                State::LeftOut
            } else if files == 0 && any(|state| state == State::Read) {
                State::Read
            } else if files_left == 0 {
                State::Chosen
            } else {
                State::Partly
            };
            let first = rows.iter().map(|row| &self.rows[*row]);
            let first = first
                .filter(|row| row.state != State::LeftOut)
                .min_by_key(|row| (row.chain.is_empty(), row.chain.len(), row.state));
            let why = match (left_out, first) {
                (Some(left), _) => left.reason.to_string(),
                (None, Some(row)) => row.why.clone(),
                (None, None) => "directories that the image needs".to_owned(),
            };
            let mut depends: Vec<Dependency> = input
                .requires
                .iter()
                .filter_map(|edge| {
                    Some(Dependency {
                        package: number[edge.to]?,
                        relation: edge.relation.clone(),
                    })
                })
                .collect();
            depends.sort();
            depends.dedup();
            let (provides, _) = package_tokens(input);
            PackageRow {
                name: input.name.clone(),
                version: input.version.clone(),
                arch: input.arch.clone(),
                standing: match input.role {
                    Role::Root { .. } | Role::Given => Standing::Root,
                    Role::Dependency => Standing::Dependency,
                    Role::Provider => Standing::Provider,
                    Role::Files => Standing::Spec,
                },
                state,
                why,
                left_out: left_out.map(|left| left.reason.clone()),
                files,
                bytes,
                files_left,
                bytes_left: own().map(|row| row.bytes_left).sum(),
                depends,
                provides,
                capabilities: rows.clone(),
            }
        };
        order.iter().map(row).collect()
    }
}

/// A reason as a sentence.
pub(super) fn words(packages: &[PackageInput], reason: &Reason) -> String {
    let Some(by) = reason.by() else {
        return reason.to_string();
    };
    let path = &packages[by.package].facts.files[by.entry].entry.path;
    match reason {
        // These begin with a subject of their own.
        Reason::Data { .. } | Reason::Sibling { .. } => format!("{path}: {reason}"),
        _ => format!("{path} {reason}"),
    }
}

/// Which of several reasons is told: what the spec says most directly, then what files say.
fn rank(reason: &Reason) -> u8 {
    match reason {
        Reason::Entrypoint { .. } | Reason::Below => 0,
        Reason::Capability { .. } | Reason::Linked { .. } | Reason::Spec => 1,
        Reason::Root { .. } => 2,
        Reason::Meta { .. } | Reason::Package { .. } => 3,
        Reason::Directory { .. } => 6,
        Reason::Link { .. } | Reason::HardLink { .. } => 5,
        _ => 4,
    }
}
