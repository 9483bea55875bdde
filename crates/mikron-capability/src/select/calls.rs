//! The commands that a chosen shell script calls.

use super::closure::{Bulk, Closure, PATH};
use super::languages::is_interpreter_of_scripts;
use super::{FileRef, Found, LookedFor, Reason, Want};
use crate::{ScriptCall, ScriptFacts};

/// What became of a call.
enum Called {
    /// The command is in the image.
    Chosen,
    /// No package has it.
    Absent,
    /// It is an interpreter, or a script for one, that is not in the image: scripts bring no interpreter of another language.
    Interpreter,
}

impl Closure<'_> {
    /// Chooses the commands that a shell script cannot do without, and the files that it reads commands from.
    pub(super) fn calls(&mut self, by: FileRef, script: &ScriptFacts) {
        for file in &script.sources {
            let reason = Reason::Called {
                by,
                command: file.clone(),
            };
            // Of a name that is known in part (`$(git --exec-path)/git-sh-setup`) the last component is looked for beside the
            // script. A file that is nowhere is often one that an administrator may add.
            let name = if file.contains('$') {
                file.rsplit('/').next().unwrap_or(file)
            } else {
                file
            };
            let _ = self
                .find_command(by, name)
                .map(|path| self.choose_path(&path, &reason));
        }
        for ScriptCall {
            command,
            optional,
            tolerated,
        } in &script.calls
        {
            // What a script of a root can do without is there all the same where its own package depends on it.
            let stated = || self.bulk[by.package] == Bulk::Root && self.states(by.package, command);
            if *optional && !stated() {
                continue;
            }
            match self.call(by, command) {
                Called::Chosen => {}
                Called::Interpreter => self.uncalled.entry(by).or_default().push(command.clone()),
                // What is nowhere may be a function of a file that the script reads.
                Called::Absent if !script.sources.is_empty() => {}
                Called::Absent => {
                    self.want_command(command);
                    // Where the whole closure lacks it, the script goes the same way with all packages installed.
                    if !tolerated {
                        self.uncalled.entry(by).or_default().push(command.clone());
                    }
                }
            }
        }
    }

    /// Asks for a command that packages beside the closure may have.
    pub(super) fn want_command(&mut self, program: &str) {
        let name = program.rsplit('/').next().unwrap_or(program).to_owned();
        let want = Want {
            packages: Vec::new(),
            looked_for: LookedFor::Command(name),
        };
        if !self.wants.contains(&want) {
            self.wants.push(want);
        }
    }

    /// The first command that a script cannot do without and that is not in the image so far.
    pub(super) fn lacks(&self, file: FileRef) -> Option<&str> {
        let script = self.facts(file).script.as_ref()?;
        let needs = |call: &&ScriptCall| !call.optional && !call.tolerated;
        let mut needed = script.calls.iter().filter(needs);
        let lacking = needed.find(|call| !self.has_command(file, &call.command))?;
        Some(&lacking.command)
    }

    /// Whether a command that a script calls is in the image so far.
    pub(super) fn has_command(&self, script: FileRef, command: &str) -> bool {
        let path = self.find_command(script, command);
        let end = path.and_then(|path| self.tree.resolve(&path).ok());
        match end.map(|resolved| resolved.end) {
            Some(Found::Entry(end)) => self.reason(end).is_some(),
            Some(Found::Provided(_)) => true,
            _ => false,
        }
    }

    fn call(&mut self, by: FileRef, command: &str) -> Called {
        let Some(path) = self.find_command(by, command) else {
            return Called::Absent;
        };
        let Ok(resolved) = self.tree.resolve(&path) else {
            return Called::Absent;
        };
        if let Found::Entry(end) = resolved.end
            && self.reason(end).is_none()
        {
            let facts = self.facts(end);
            let foreign = match &facts.script {
                Some(script) => !script.is_shell() && self.present(script.program()).is_none(),
                None => is_interpreter_of_scripts(facts.entry.path.as_bytes()),
            };
            if foreign {
                return Called::Interpreter;
            }
        }
        let reason = Reason::Called {
            by,
            command: command.to_owned(),
        };
        match self.choose_path(&path, &reason) {
            Ok(()) => Called::Chosen,
            Err(_) => Called::Absent,
        }
    }

    /// Where a command lies: at its path, beside the script, or on `PATH`.
    pub(super) fn find_command(&self, by: FileRef, command: &str) -> Option<Vec<u8>> {
        let there = |path: &[u8]| {
            matches!(
                self.tree.resolve(path).map(|r| r.end),
                Ok(Found::Entry(_) | Found::Provided(_))
            )
        };
        if command.contains('/') {
            let path = command.trim_start_matches('/').as_bytes().to_vec();
            return (command.starts_with('/') && there(&path)).then_some(path);
        }
        let own = self.tree.normal(self.facts(by).entry.path.as_bytes());
        let beside = [super::tree::parent(&own), b"/", command.as_bytes()].concat();
        let on_path = PATH
            .iter()
            .map(|dir| format!("{dir}/{command}").into_bytes());
        [beside].into_iter().chain(on_path).find(|path| there(path))
    }
}
