//! Services: where the spec does not say what the image starts, the units of the roots do (systemd.service(5)).

use mikron_facts::{How, Mention};

use super::closure::Closure;
use super::{FileRef, Found, Reason, Role};

impl Closure<'_> {
    /// Takes what the units of roots and of their sources start as the entrypoint of an image is taken, and what they run beside
    /// that of packages that are in the closure anyway.
    pub(super) fn serve(&mut self) {
        if !self.wanted.programs.is_empty() {
            return;
        }
        for package in 0..self.packages.len() {
            let Some(first) = self.first[package] else {
                continue;
            };
            let own = self.is_root_or_sibling(first) && !self.is_limited(package);
            if !own || std::mem::replace(&mut self.served[package], true) {
                continue;
            }
            for (entry, facts) in self.packages[package].facts.files.iter().enumerate() {
                let unit = FileRef { package, entry };
                for mention in facts.mentions.iter().filter(|m| m.how != How::Includes) {
                    self.serve_one(unit, mention);
                }
            }
        }
    }

    fn serve_one(&mut self, unit: FileRef, mention: &Mention) {
        let name = mention.name.as_str();
        let reason = Reason::Service {
            unit: self.facts(unit).entry.path.clone(),
            program: name.to_owned(),
        };
        let path = self.find_command(unit, name);
        let end = path
            .as_deref()
            .and_then(|path| self.tree.resolve(path).ok())
            .map(|way| way.end);
        let brings = match end {
            Some(Found::Entry(file)) => {
                // What every installation has and a service manager runs for a service is not the service.
                let provider = self.packages[file.package].role == Role::Provider;
                let facts = self.facts(file);
                let interpreters = facts
                    .script
                    .as_ref()
                    .map(|script| [script.interpreter.clone(), script.program().to_owned()]);
                let lacking = interpreters
                    .iter()
                    .flatten()
                    .find(|program| !self.is_there(program));
                let runs = lacking.is_none();
                if let Some(program) = lacking
                    && mention.how == How::Starts
                {
                    self.want_command(program);
                }
                let hands = mention.how == How::Hands && facts.entry.is_directory();
                !hands && runs && (mention.how == How::Starts || !provider)
            }
            Some(_) => false,
            None => {
                if mention.how == How::Starts {
                    self.want_command(name);
                }
                false
            }
        };
        let brought = brings && path.is_some_and(|path| self.choose_path(&path, &reason).is_ok());
        if !brought && mention.how == How::Starts {
            let uncalled = self.uncalled.entry(unit).or_default();
            uncalled.push(name.to_owned());
        }
    }
}
