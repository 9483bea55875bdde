//! Everything that is required: by files, by what the selection followed, by dependencies, by the spec.

use std::collections::{BTreeMap, HashMap};

use mikron_select::{FileRef, ModuleKind, Reason, Role, Token, Wanted};

use super::build::Build;
use super::resolve::Answer;
use super::{CapabilityRow, Need, NeedState, Provider, State};
use crate::tokens::required;
use crate::{Origin, Required, Strength};

impl Build<'_> {
    /// What files require by their facts.
    pub(super) fn needs_of_files(&mut self) {
        let dangling: Vec<FileRef> = self.selection.dangling.iter().map(|f| f.file).collect();
        let mut of_file: Vec<Required> = Vec::new();
        let mut uses: BTreeMap<(usize, Required), (FileRef, bool, usize)> = BTreeMap::new();
        let mut first_missing: HashMap<(usize, Token), FileRef> = HashMap::new();
        for (package, input) in self.packages.iter().enumerate() {
            for (entry, facts) in input.facts.files.iter().enumerate() {
                let Some(row) = self.row_of[package][entry] else {
                    continue;
                };
                let file = FileRef { package, entry };
                required(facts, &mut of_file);
                let active = self.chosen.contains_key(&file) && !dangling.contains(&file);
                for one in of_file.drain(..) {
                    if self.open.contains_key(&(one.token.clone(), Some(file))) {
                        first_missing
                            .entry((row, one.token.clone()))
                            .or_insert(file);
                    }
                    let of_row = uses.entry((row, one)).or_insert((file, active, 0));
                    of_row.2 += 1;
                    if active && !of_row.1 {
                        (of_row.0, of_row.1) = (file, true);
                    }
                }
            }
        }
        for ((row, required), (file, active, files)) in uses {
            let missing = first_missing.get(&(row, required.token.clone())).copied();
            let file = missing.unwrap_or(file);
            self.add(row, &required, file, active, files, missing.is_some());
        }
    }

    fn add(
        &mut self,
        row: usize,
        required: &Required,
        file: FileRef,
        active: bool,
        files: usize,
        missing: bool,
    ) {
        let tokens = std::iter::once(&required.token).chain(&required.instead);
        let answers: Vec<Answer> = tokens
            .map(|token| self.resolver.find(token, file))
            .collect();
        let is_in = |answer: &&Answer| match answer {
            Answer::Files(files) => files.iter().all(|f| self.chosen.contains_key(f)),
            Answer::Package(_) | Answer::Made(_) | Answer::Platform => true,
            Answer::Foreign | Answer::Nobody => false,
        };
        let met = answers.iter().find(is_in);
        let found = met.or(answers.iter().find(|a| **a != Answer::Nobody));
        if missing && let Some(open) = self.open.get(&(required.token.clone(), Some(file))) {
            let need = self.need(row, required, file, files, open.state(), None);
            let cause = Some(open.cause.clone());
            self.insert(Need { cause, ..need });
            return;
        }
        let provider = match found {
            Some(Answer::Foreign) => return,
            Some(answer) => self.provider(answer),
            None => None,
        };
        let own = provider.as_ref().and_then(Provider::row) == Some(row);
        if own && (met.is_some() || !active) {
            return;
        }
        let state = match (active, met) {
            (false, _) => NeedState::Idle,
            (true, Some(_)) => NeedState::Met,
            (true, None) => NeedState::Waived,
        };
        let cause = match (&provider, state) {
            (None, _) => Some("no package of the closure has it".to_owned()),
            (Some(_), NeedState::Waived) => Some("what has it is not in the image".to_owned()),
            _ => None,
        };
        let need = self.need(row, required, file, files, state, provider);
        self.insert(Need { cause, ..need });
    }

    fn need(
        &self,
        row: usize,
        required: &Required,
        file: FileRef,
        files: usize,
        state: NeedState,
        provider: Option<Provider>,
    ) -> Need {
        let facts = &self.packages[file.package].facts.files[file.entry];
        Need {
            token: required.token.clone(),
            strength: required.strength,
            by: Some(row),
            file: Some(facts.entry.path.clone()),
            files,
            state,
            provider,
            cause: None,
        }
    }

    /// Adds a need; of two that are the same the stronger one stays.
    fn insert(&mut self, need: Need) {
        let provider = need.provider.as_ref().and_then(Provider::row);
        let key = (need.by, need.token.clone(), provider);
        match self.needs.entry(key) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(need);
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                let held = slot.get_mut();
                held.files += need.files;
                if (need.state, need.strength) < (held.state, held.strength) {
                    let files = held.files;
                    *held = Need { files, ..need };
                }
            }
        }
    }

    fn provider(&self, answer: &Answer) -> Option<Provider> {
        match answer {
            Answer::Files(files) => {
                let (name, end) = (files.first()?, files.last()?);
                // The capability of the file at the end of the links, where the package that has the name has that, too.
                let file = if name.package == end.package {
                    end
                } else {
                    name
                };
                let row = self.row_of[file.package][file.entry];
                let path = &self.packages[name.package].facts.files[name.entry];
                let path = path.entry.path.clone();
                match row {
                    Some(row) => Some(Provider::Capability { row, path }),
                    // Directories belong to no capability.
                    None => Some(Provider::Made {
                        by: format!("the directory {path}"),
                    }),
                }
            }
            Answer::Package(package) => {
                let by = format!("{}, which declares it", self.packages[*package].name);
                Some(Provider::Made { by })
            }
            Answer::Made(by) => Some(Provider::Made { by: by.clone() }),
            Answer::Platform => Some(Provider::Platform),
            Answer::Foreign | Answer::Nobody => None,
        }
    }

    /// What no fact shows and the selection followed: data of dependencies, rules, the configuration of programs.
    pub(super) fn needs_of_reasons(&mut self) {
        for chosen in &self.selection.files {
            let (package, strength) = (chosen.file.package, Strength::Required);
            let name = || self.packages[package].name.to_string();
            let (by, token) = match &*chosen.reason {
                Reason::Data { by, .. } | Reason::Sibling { by, .. } | Reason::Program { by } => {
                    (*by, Token::Package(name(), None))
                }
                Reason::Rule { by, .. } | Reason::Dlopen { by, .. } | Reason::Named { by, .. } => {
                    let file = chosen.path.file_name().unwrap_or_default();
                    (
                        *by,
                        Token::Soname(String::from_utf8_lossy(file).into_owned()),
                    )
                }
                Reason::Included { by, .. } => (*by, Token::Path(chosen.path.to_string())),
                _ => continue,
            };
            let (Some(row), Some(to)) = (
                self.row_of[by.package][by.entry],
                self.row_of[package][chosen.file.entry],
            ) else {
                continue;
            };
            if row == to {
                continue;
            }
            let path = chosen.path.clone();
            let provider = Some(Provider::Capability { row: to, path });
            let required = Required::with(token, strength);
            let need = self.need(row, &required, by, 1, NeedState::Met, provider);
            let key = (need.by, need.token.clone(), Some(to));
            // One mark for the pair, however many files came by it.
            if let Some(held) = self.needs.get_mut(&key) {
                held.state = NeedState::Met;
            } else {
                self.insert(need);
            }
        }
    }

    /// Modules of interpreted languages, as far as dependencies state them: code that depends on a package with modules of
    /// its own language needs those.
    pub(super) fn needs_of_modules(&mut self) {
        let kinds = |row: &CapabilityRow| {
            let mut kinds: Vec<_> = row.provides.iter().filter_map(module_kind).collect();
            kinds.dedup();
            kinds
        };
        let kinds: Vec<Vec<_>> = self.rows.iter().map(kinds).collect();
        let mut needs = Vec::new();
        for (package, input) in self.packages.iter().enumerate() {
            for edge in &input.requires {
                for by in &self.package_rows[package] {
                    for to in &self.package_rows[edge.to] {
                        let common = kinds[*by].iter().any(|kind| kinds[*to].contains(kind));
                        if common && by != to && self.rows[*by].origin == Origin::Automatic {
                            needs.push((*by, *to, edge.to, edge.relation.clone()));
                        }
                    }
                }
            }
        }
        for (by, to, package, relation) in needs {
            let is_in = self.rows[to].state.is_in();
            let state = match (self.rows[by].state.is_in(), is_in) {
                (false, _) => NeedState::Idle,
                (true, true) => NeedState::Met,
                (true, false) => NeedState::Waived,
            };
            let first = self.row_of[package].iter().position(|row| *row == Some(to));
            let Some(first) = first else { continue };
            let path = self.packages[package].facts.files[first].entry.path.clone();
            let cause = (state == NeedState::Waived)
                .then(|| format!("the dependency on {relation} is not followed"));
            self.insert(Need {
                token: Token::Package(self.packages[package].name.to_string(), None),
                strength: Strength::Recommended,
                by: Some(by),
                file: None,
                files: 0,
                state,
                provider: Some(Provider::Capability { row: to, path }),
                cause,
            });
        }
    }

    /// What the spec names: programs, and packages with their capabilities.
    pub(super) fn needs_of_spec(&mut self, wanted: &Wanted) {
        for word in &wanted.programs {
            let token = if word.contains('/') {
                Token::Path(word.clone())
            } else {
                Token::Command(word.clone())
            };
            let answer = self.resolver.program(word);
            let open = self.open.get(&(token.clone(), None));
            let state = match (open, &answer) {
                (Some(open), _) => open.state(),
                (None, Answer::Nobody) => NeedState::Waived,
                (None, _) => NeedState::Met,
            };
            let cause = open.map(|open| open.cause.clone());
            self.insert(of_spec(token, state, self.provider(&answer), cause));
        }
        for (package, input) in self.packages.iter().enumerate() {
            let Role::Root {
                capabilities,
                whole,
            } = &input.role
            else {
                continue;
            };
            let rows = self.package_rows[package].iter().copied();
            let named = |row: &usize| {
                let row = &self.rows[*row];
                (*whole && row.state.is_in()) || capabilities.contains(&row.capability)
            };
            let rows: Vec<usize> = rows.filter(named).collect();
            for row in rows {
                let token = Token::Package(input.name.to_string(), None);
                let is_in = self.rows[row].state != State::LeftOut;
                let state = if is_in {
                    NeedState::Met
                } else {
                    NeedState::Waived
                };
                let at = self.row_of[package].iter().position(|r| *r == Some(row));
                let path = &input.facts.files[at.unwrap_or(0)].entry.path;
                let provider = Provider::Capability {
                    row,
                    path: path.clone(),
                };
                self.insert(of_spec(token, state, Some(provider), None));
            }
        }
    }
}

fn of_spec(
    token: Token,
    state: NeedState,
    provider: Option<Provider>,
    cause: Option<String>,
) -> Need {
    Need {
        token,
        strength: Strength::Required,
        by: None,
        file: None,
        files: 0,
        state,
        provider,
        cause,
    }
}

fn module_kind(token: &Token) -> Option<ModuleKind> {
    match token {
        Token::Module(kind, _) => Some(*kind),
        _ => None,
    }
}
