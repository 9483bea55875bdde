//! debconf's functions (debconf-devel(7)). Nobody answers: a value is what a script sets, or else the default of the template.

use std::collections::BTreeMap;

use mikron_shell::Call;
use mikron_shell::run::{Known, Outcome};

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
    /// What scripts put in for `${NAME}` in the fields of a question, by question and name.
    substitutions: BTreeMap<(String, String), Option<String>>,
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

    /// A field of a question's template, with what scripts put into it.
    fn field(&self, question: &str, field: &str) -> Known<String> {
        let fields = self.template(question);
        let Some(text) = fields.and_then(|fields| fields.get(&field.to_ascii_lowercase())) else {
            return Known::Absent;
        };
        let mut parts = text.split("${");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or((part, ""));
            match self
                .substitutions
                .get(&(question.to_owned(), name.to_owned()))
            {
                Some(Some(value)) => out.push_str(value),
                Some(None) => return Known::Unknown,
                None => {}
            }
            out.push_str(rest);
        }
        Known::Is(out)
    }

    /// Something is put into the fields of a question; `None` for what is not known.
    pub(super) fn substitute(&mut self, question: &str, name: &str, value: Option<String>) {
        if self.substitutions.len() < MAX_QUESTIONS {
            let key = (question.to_owned(), name.to_owned());
            self.substitutions.insert(key, value);
        }
    }

    /// The value of a question, absent where there is no question of this name.
    fn value(&self, question: &str) -> Known<String> {
        match self.values.get(question) {
            Some(Some(value)) => Known::Is(value.clone()),
            Some(None) => Known::Unknown,
            None if self.template(question).is_none() => Known::Absent,
            None => match self.field(question, "default") {
                Known::Absent => Known::Is(String::new()),
                default => default,
            },
        }
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
        let known = |value: Known<String>, absent: String| match value {
            Known::Is(value) => answer(0, Some(value)),
            Known::Unknown => answer(0, None),
            Known::Absent => answer(10, Some(absent)),
        };
        let debconf = &mut self.debconf;
        let question = words.first().copied().unwrap_or_default();
        let outcome = match (command, words.as_slice()) {
            ("get", [_]) => known(debconf.value(question), format!("{question} doesn't exist")),
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
            ("subst", [_, name, value @ ..]) => {
                debconf.substitute(question, name, Some(value.join(" ")));
                answer(0, Some(String::new()))
            }
            // The value is a field as others are.
            ("metaget", [_, "value"]) => known(debconf.value(question), String::new()),
            ("metaget", [_, field]) => known(debconf.field(question, field), String::new()),
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
    use super::{Debconf, Known};

    #[test]
    fn the_value_of_a_question_is_the_default_of_its_template() {
        let mut debconf = Debconf::default();
        debconf.add(b"Template: a/style\nType: select\nChoices: x, y\nDefault: y\nDefault-de.UTF-8: z\nDescription: d\n Default: no\n\nTemplate: a/none\nType: string\n");
        let value = |question| debconf.value(question);
        assert!(matches!(value("a/style"), Known::Is(text) if text == "y"));
        assert!(matches!(value("a/none"), Known::Is(text) if text.is_empty()));
        assert!(matches!(value("a/other"), Known::Absent));
    }

    #[test]
    fn what_a_script_substitutes_stands_in_the_fields() {
        let mut debconf = Debconf::default();
        debconf
            .add(b"Template: a/list\nType: multiselect\nChoices: ${all}, none\nDefault: ${one}\n");
        debconf.substitute("a/list", "all", Some("x, y".to_owned()));
        let choices = debconf.field("a/list", "choices");
        assert!(matches!(choices, Known::Is(text) if text == "x, y, none"));
        debconf.substitute("a/list", "one", None);
        assert!(matches!(debconf.value("a/list"), Known::Unknown));
    }
}
