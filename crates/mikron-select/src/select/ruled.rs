//! Rules at work: what a chosen file needs by the table ([`crate::Rules`]), and what is known to be left out.

use std::sync::Arc;

use mikron_facts::{Class, ElfFacts, FileFacts};

use super::closure::{Bulk, Closure};
use super::loader::{Lookup, runs_on};
use super::rules::names;
use super::{
    FileRef, Loader, LookedFor, PackageInput, Reason, Role, Want, Without, WithoutCause, merged,
};
use crate::rules::{Apply, Bring, Importer, Rule, When};

/// A rule that a file set off.
struct Fired<'a> {
    number: usize,
    rule: &'a Rule,
    by: FileRef,
    /// What set it off: `imports iconv_open`.
    trigger: String,
}

impl<'a> Closure<'a> {
    /// Applies the rules to every file that was chosen since the last time. Says whether there was one.
    pub(super) fn apply_rules(&mut self) -> bool {
        let mut any = false;
        for package in 0..self.packages.len() {
            for entry in 0..self.packages[package].facts.files.len() {
                if self.reasons[package][entry].is_none() || self.examined[package][entry] {
                    continue;
                }
                self.examined[package][entry] = true;
                any = true;
                let by = FileRef { package, entry };
                for fired in self.fired(by) {
                    self.apply(&fired);
                }
                self.search(by);
                self.note_included(by);
            }
        }
        any
    }

    /// The rules that a file sets off.
    fn fired(&self, by: FileRef) -> Vec<Fired<'a>> {
        let facts = self.facts(by);
        if facts.entry.is_directory() {
            return Vec::new();
        }
        let mut found: Vec<(usize, String)> = Vec::new();
        let elf = facts.elf.as_deref();
        let elf = elf.filter(|elf| runs_on(elf, self.wanted.platform));
        if let Some(elf) = elf {
            for import in &elf.imports {
                for number in self
                    .rules
                    .by_import
                    .get(import.name.as_str())
                    .into_iter()
                    .flatten()
                {
                    if !self.rules.settled[*number] {
                        found.push((*number, format!("imports {}", import.name)));
                    }
                }
            }
            if let Some(soname) = elf.soname.as_deref() {
                for number in self.rules.by_soname.get(soname).into_iter().flatten() {
                    if !self.rules.settled[*number] {
                        found.push((*number, format!("is {soname}")));
                    }
                }
            }
        }
        for (name, number) in &self.rules.by_name {
            if !self.rules.settled[*number] && names(facts, elf, name) {
                found.push((*number, format!("names {name}")));
            }
        }
        if !self.rules.by_path.is_empty() {
            let path = merged(facts.entry.path.as_bytes());
            for (glob, number) in &self.rules.by_path {
                if !self.rules.settled[*number] && glob.matches_bytes(&path) {
                    found.push((*number, format!("is {}", facts.entry.path)));
                }
            }
        }
        // One rule, one reason: the first that was found.
        found.sort_by_key(|(number, _)| *number);
        found.dedup_by_key(|(number, _)| *number);
        let fired = found.into_iter().filter_map(|(number, trigger)| {
            let rule = self.rules.rules[number];
            self.holds(&rule.when, by, facts, elf).then_some(Fired {
                number,
                rule,
                by,
                trigger,
            })
        });
        fired.collect()
    }

    /// Whether everything that a rule asks of one file holds.
    fn holds(&self, when: &When, by: FileRef, facts: &FileFacts, elf: Option<&ElfFacts>) -> bool {
        let path = merged(facts.entry.path.as_bytes());
        let any = |list: &[String], fits: &dyn Fn(&String) -> bool| {
            list.is_empty() || list.iter().any(fits)
        };
        let imports = |symbol: &String| {
            elf.is_some_and(|elf| elf.imports.iter().any(|import| import.name == *symbol))
        };
        let soname = |name: &String| elf.is_some_and(|elf| elf.soname.as_ref() == Some(name));
        let named = |name: &String| names(facts, elf, name);
        any(&when.imports, &imports)
            && any(&when.soname, &soname)
            && any(&when.names, &named)
            && (when.path.is_empty() || when.path.iter().any(|glob| glob.matches_bytes(&path)))
            && !when.except.iter().any(|glob| glob.matches_bytes(&path))
            && when.lacks.as_ref().is_none_or(|version| {
                elf.is_some_and(|elf| !elf.version_definitions.contains(version))
            })
            && match when.of {
                None => true,
                Some(Importer::Programs) => {
                    elf.is_some_and(ElfFacts::is_executable) || self.is_of_root(by)
                }
                Some(Importer::Roots) => self.is_of_root(by),
                Some(Importer::Extensions) => self.is_extension_of_root(by),
            }
    }

    /// Whether a file is of a root, or an extension of the language that one is written in or interprets.
    fn is_of_root(&self, file: FileRef) -> bool {
        self.is_root_or_sibling(file) || self.is_extension_of_root(file)
    }

    /// Whether a file is of a root or of an interpreter that one brought, or of the same source (`libpython3.11.so.1.0`).
    pub(super) fn is_root_or_sibling(&self, file: FileRef) -> bool {
        let source = &self.packages[file.package].source;
        let named = |(package, input): (usize, &PackageInput)| {
            let root = matches!(input.role, Role::Root { .. })
                || self.heirs[package].is_some()
                || self.engines.contains(&package)
                || self.bulk[package] == Bulk::Root;
            root && input.source == *source
        };
        self.packages.iter().enumerate().any(named)
    }

    fn apply(&mut self, fired: &Fired<'a>) {
        // Only libraries are looked for as the file itself would. All else is the same whoever sets the rule off.
        self.rules.settled[fired.number] = fired.rule.brings.iter().all(|b| b.soname.is_none());
        let name = fired.rule.name.as_str();
        let asked = self.wanted.with.iter().any(|rule| rule == name);
        if self.wanted.without.iter().any(|rule| rule == name) {
            self.leave(fired, WithoutCause::Off);
        } else if fired.rule.apply == Apply::Asked && !asked {
            self.leave(fired, WithoutCause::NotAsked);
        } else {
            for bring in &fired.rule.brings {
                let found = self.bring(fired, bring);
                if !found && !bring.optional {
                    self.leave(fired, WithoutCause::Absent { what: bring.text() });
                }
            }
        }
    }

    /// Notes what is left out, once for each rule: the first file in order of input that set it off.
    fn leave(&mut self, fired: &Fired<'a>, cause: WithoutCause) {
        self.without.entry(fired.number).or_insert_with(|| Without {
            rule: fired.rule.name.clone(),
            by: fired.by,
            path: self.packages[fired.by.package].facts.files[fired.by.entry]
                .entry
                .path
                .clone(),
            trigger: fired.trigger.clone(),
            cause,
            because: fired.rule.because.clone(),
            effect: fired.rule.without.clone(),
        });
    }

    /// Whether a rule that was not applied brings nothing but commands which are in the image for other reasons.
    pub(super) fn is_met(&self, number: usize) -> bool {
        let mut brings = self.rules.rules[number].brings.iter();
        let there = |command: &String| self.present(command).is_some();
        brings.all(|bring| bring.command.as_ref().is_some_and(there))
    }

    /// Takes what a rule brings. Says whether there was something to take, or there may be in the next round.
    fn bring(&mut self, fired: &Fired<'a>, bring: &'a Bring) -> bool {
        let reason = Reason::Rule {
            rule: fired.rule.name.clone(),
            by: fired.by,
            trigger: fired.trigger.clone(),
        };
        if let Some(soname) = &bring.soname {
            return self.bring_library(fired.by, soname, reason, bring.optional);
        }
        if let Some(command) = &bring.command {
            return self.choose_command(command, &reason)
                || self.want(bring, LookedFor::Command(command.clone()));
        }
        let from: Vec<usize> = match &bring.from {
            None => (0..self.packages.len()).collect(),
            Some(from) => {
                let named = |at: &usize| {
                    let input = &self.packages[*at];
                    let provides = &input.facts.metadata.record.provides;
                    from.names().any(|name| {
                        input.name.as_str() == name
                            || provides
                                .iter()
                                .any(|provided| provided.name.as_str() == name)
                    })
                };
                (0..self.packages.len()).filter(named).collect()
            }
        };
        if from.is_empty() {
            return self.want(bring, LookedFor::Package);
        }
        let mut found = false;
        for package in from {
            if self.packages[package].role == Role::Files {
                continue;
            }
            if let Some(glob) = &bring.path {
                let packages = self.packages;
                for (entry, file) in packages[package].facts.files.iter().enumerate() {
                    let path = merged(file.entry.path.as_bytes());
                    let excepted = || bring.except.iter().any(|glob| glob.matches_bytes(&path));
                    if !file.entry.is_directory() && glob.matches_bytes(&path) && !excepted() {
                        found = true;
                        self.choose_in_bulk(FileRef { package, entry }, reason.clone());
                    }
                }
            }
            if let Some(name) = &bring.capability {
                found |= self.take_capability(package, name, &reason).is_ok();
            }
        }
        found
    }

    fn bring_library(&mut self, by: FileRef, soname: &str, reason: Reason, optional: bool) -> bool {
        let facts = self.facts(by);
        let path = self.tree.normal(facts.entry.path.as_bytes());
        let Some(elf) = facts.elf.as_deref() else {
            return self.choose_library_by_name(soname, &reason);
        };
        let nothing: Arc<[String]> = Arc::from([]);
        let found = self.loader.find(&self.tree, soname, elf, &path, &[]);
        if optional && matches!(found, Lookup::Absent(_)) {
            return false;
        }
        let below: Arc<[String]> = Loader::inherited(elf, &path, &nothing).into();
        self.library(by, elf, &path, &nothing, &below, soname, reason);
        true
    }

    /// A library that a file which is no ELF file needs: the first of that name that runs on the platform.
    pub(super) fn choose_library_by_name(&mut self, soname: &str, reason: &Reason) -> bool {
        for (package, input) in self.packages.iter().enumerate() {
            for (entry, file) in input.facts.files.iter().enumerate() {
                let named = file.class == Class::Libs
                    && file.entry.path.file_name() == Some(soname.as_bytes());
                if named {
                    self.choose(FileRef { package, entry }, reason.clone());
                    return true;
                }
            }
        }
        false
    }

    /// Asks for a package that the closure lacks. Says whether there is any hope.
    fn want(&mut self, bring: &'a Bring, looked_for: LookedFor) -> bool {
        let names: Vec<String> = match (&bring.from, &looked_for) {
            (Some(from), _) => from.names().map(str::to_owned).collect(),
            // Essential packages have the common commands; they come when something is missing.
            (None, _) => Vec::new(),
        };
        let want = Want {
            packages: names,
            looked_for,
        };
        if !self.wants.contains(&want) {
            self.wants.push(want);
        }
        false
    }
}
