//! debconf's functions (debconf-devel(7)). Nobody answers: a value is what a script sets, or else the default of the template.

use std::collections::BTreeMap;

use mikron_shell::Call;
use mikron_shell::run::Outcome;

use super::{Done, Fate, Machine};

/// Largest number of questions that is kept.
const MAX_QUESTIONS: usize = 20_000;

/// What is known of the questions.
#[derive(Clone, Debug, Default)]
pub(in crate::scripts) struct Debconf {
    /// The fields of the templates, by name: `default`, `type`, `choices`.
    templates: BTreeMap<String, BTreeMap<String, String>>,
    /// Values that scripts set; `None` for one that is not known.
    values: BTreeMap<String, Option<String>>,
    /// Questions that were made of a template of another name.
    registered: BTreeMap<String, String>,
    /// Flags that scripts set.
    flags: BTreeMap<(String, String), String>,
}

impl Debconf {
    /// Reads the control member `templates` of a package.
    pub(in crate::scripts) fn add(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        for stanza in text.split("\n\n") {
            let mut fields = BTreeMap::new();
            for line in stanza
                .lines()
                .filter(|line| !line.starts_with([' ', '\t', '#']))
            {
                if let Some((name, value)) = line.split_once(':') {
                    let name = name.trim().to_ascii_lowercase();
                    fields
                        .entry(name)
                        .or_insert_with(|| value.trim().to_owned());
                }
            }
            let Some(name) = fields.get("template").cloned() else {
                continue;
            };
            if self.templates.len() < MAX_QUESTIONS {
                self.templates.entry(name).or_insert(fields);
            }
        }
    }

    /// Nothing is known of the answers to the questions of a package.
    pub(super) fn forget_all(&mut self, templates: &[u8]) {
        for line in String::from_utf8_lossy(templates).lines() {
            if let Some(name) = line.strip_prefix("Template:") {
                self.forget(name.trim());
            }
        }
    }

    /// A question is given a value that is not known.
    pub(super) fn forget(&mut self, question: &str) {
        self.values.insert(question.to_owned(), None);
    }

    fn template(&self, question: &str) -> Option<&BTreeMap<String, String>> {
        let name = self
            .registered
            .get(question)
            .map_or(question, String::as_str);
        self.templates.get(name)
    }

    /// The value of a question; `None` where there is none of this name.
    #[expect(
        clippy::option_option,
        reason = "no question, and a value that is not known"
    )]
    fn value(&self, question: &str) -> Option<Option<String>> {
        if let Some(value) = self.values.get(question) {
            return Some(value.clone());
        }
        let template = self.template(question)?;
        Some(Some(template.get("default").cloned().unwrap_or_default()))
    }
}

impl Machine<'_, '_> {
    pub(super) fn debconf_command(
        &mut self,
        name: &str,
        _: &mut mikron_shell::run::Step<'_>,
        call: &Call,
    ) -> Option<Done> {
        let command = name.strip_prefix("db_")?;
        let words: Vec<&str> = call
            .arguments()
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        let answer = |status: i32, value: Option<String>| Outcome {
            variables: vec![("RET".to_owned(), value)],
            ..Outcome::with(status, "")
        };
        let debconf = &mut self.debconf;
        let question = words.first().copied().unwrap_or_default();
        let outcome = match (command, words.as_slice()) {
            ("get", [_]) => match debconf.value(question) {
                Some(value) => answer(0, value),
                None => answer(10, Some(format!("{question} doesn't exist"))),
            },
            ("set", [_, value @ ..]) => {
                let value = value.join(" ");
                debconf.values.insert(question.to_owned(), Some(value));
                answer(0, Some("value set".to_owned()))
            }
            ("reset", [_]) => {
                debconf.values.remove(question);
                Outcome::done()
            }
            ("fget", [_, flag]) => {
                let key = (question.to_owned(), (*flag).to_owned());
                let value = debconf.flags.get(&key).cloned();
                answer(0, Some(value.unwrap_or_else(|| "false".to_owned())))
            }
            ("fset", [_, flag, value]) => {
                let key = (question.to_owned(), (*flag).to_owned());
                debconf.flags.insert(key, (*value).to_owned());
                Outcome::done()
            }
            ("metaget", [_, field]) => {
                let fields = debconf.template(question);
                match fields.and_then(|fields| fields.get(&field.to_ascii_lowercase())) {
                    Some(value) => answer(0, Some(value.clone())),
                    None => answer(10, Some(String::new())),
                }
            }
            ("register", [template, question]) => {
                let (template, question) = ((*template).to_owned(), (*question).to_owned());
                debconf.registered.insert(question, template);
                Outcome::done()
            }
            // Without a terminal every question is passed over.
            ("input", _) => Outcome::with(30, ""),
            _ => answer(0, Some(String::new())),
        };
        let told = matches!(
            command,
            "set" | "reset" | "get" | "fget" | "go" | "version" | "stop"
        );
        let fate = (!told).then(|| {
            Fate::Nothing(
                "asks questions (debconf), which an image has no one to answer".to_owned(),
            )
        });
        Some((outcome, fate))
    }
}

#[cfg(test)]
mod tests {
    use super::Debconf;

    #[test]
    fn the_value_of_a_question_is_the_default_of_its_template() {
        let mut debconf = Debconf::default();
        debconf.add(b"Template: a/style\nType: select\nChoices: x, y\nDefault: y\nDefault-de.UTF-8: z\nDescription: d\n Default: no\n\nTemplate: a/none\nType: string\n");
        assert_eq!(debconf.value("a/style"), Some(Some("y".to_owned())));
        assert_eq!(debconf.value("a/none"), Some(Some(String::new())));
        assert_eq!(debconf.value("a/other"), None);
    }
}
