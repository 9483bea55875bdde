//! What one file shows by itself: where a link leads, who runs it, which machine and processor it is for.

use mikron_facts::{Class, ElfFacts, is_in_bin_dir};
use mikron_select::{
    FileRef, Found, PATH, Reason, Role, Token, is_made_at_run_time, level_of_path, runs_on,
};

use super::{Check, ViolationKind};

pub(super) fn check(check: &mut Check<'_>, file: FileRef) {
    let facts = check.facts(file);
    if facts.link_target().is_some() {
        link(check, file);
    }
    let executable = facts.entry.mode & 0o111 != 0;
    if let Some(elf) = facts.elf.as_deref() {
        if runs_on(elf, check.wanted.platform) {
            if let Some(path) = &elf.interpreter
                && elf.is_executable()
            {
                interpreter(check, file, path, Some(elf));
            }
            processor(check, file, elf);
        } else if facts.class == Class::Bins && facts.is_program() && elf.is_executable() {
            let token = Token::Path(facts.entry.path.to_string());
            check.report(file, token, ViolationKind::Machine);
        }
    }
    if let Some(script) = &facts.script {
        let own = check.packages[file.package].role == Role::Files;
        // As in the closure: of whole packages only the programs on `PATH` have to start.
        let whole = matches!(
            check.reasons[file.package][file.entry],
            Some(Reason::Package { .. })
        );
        let path = check.tree.normal(facts.entry.path.as_bytes());
        let started = facts.class == Class::Bins && (!whole || is_in_bin_dir(&path));
        if executable && (own || started) {
            interpreter(check, file, &script.interpreter, None);
        }
    }
}

/// The programs that the image starts have to be files that somebody may execute.
pub(super) fn programs(check: &mut Check<'_>) {
    for program in &check.wanted.programs {
        let at = |path: &str| match check.tree.resolve(path.as_bytes()).map(|found| found.end) {
            Ok(Found::Entry(file)) => Some(file),
            _ => None,
        };
        let file = if program.contains('/') {
            at(program)
        } else {
            PATH.iter().find_map(|dir| at(&format!("{dir}/{program}")))
        };
        let Some(file) = file else { continue };
        let entry = &check.facts(file).entry;
        if !entry.is_directory() && entry.mode & 0o111 == 0 {
            let token = Token::Path(entry.path.to_string());
            check.report(file, token, ViolationKind::NotExecutable);
        }
    }
}

fn link(check: &mut Check<'_>, file: FileRef) {
    let facts = check.facts(file);
    let path = check.tree.normal(facts.entry.path.as_bytes());
    if let Err(unresolved) = check.tree.resolve(&path) {
        let at = unresolved.path().map_or_else(
            || facts.entry.path.to_string(),
            |at| format!("/{}", String::from_utf8_lossy(at)),
        );
        if !unresolved.path().is_some_and(is_made_at_run_time) {
            check.report(file, Token::Path(at), ViolationKind::DanglingLink);
        }
    }
}

fn interpreter(check: &mut Check<'_>, file: FileRef, path: &str, elf: Option<&ElfFacts>) {
    let token = Token::Path(path.to_owned());
    match check.tree.resolve(path.as_bytes()).map(|found| found.end) {
        Ok(Found::Entry(found)) => {
            let found = check.facts(found);
            let loader = elf.zip(found.elf.as_deref());
            if loader.is_some_and(|(elf, loader)| !loader.fits(elf)) {
                let library = found.entry.path.clone();
                check.report(file, token, ViolationKind::LibraryMachine { library });
            }
        }
        Ok(Found::Provided(_)) => {}
        Ok(Found::Implied) | Err(_) => check.report(file, token, ViolationKind::Interpreter),
    }
}

fn processor(check: &mut Check<'_>, file: FileRef, elf: &ElfFacts) {
    let Some(needs) = elf.x86_level else { return };
    let path = &check.facts(file).entry.path;
    let platform = check.wanted.x86_level;
    // The loader looks below glibc-hwcaps only where the processor is good enough.
    if needs > platform.max(level_of_path(path.as_bytes()).unwrap_or_default()) {
        let token = Token::Path(path.to_string());
        check.report(file, token, ViolationKind::Processor { needs, platform });
    }
}
