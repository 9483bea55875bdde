//! Options of commands: what getopt_long(3) makes of the words.

use mikron_shell::{Call, Word};

/// The options and operands of one call.
#[derive(Debug, Default)]
pub(crate) struct Arguments<'a> {
    /// Options in order, without values.
    flags: Vec<String>,
    /// Options with values, in order; `None` for a value that is not known.
    values: Vec<(String, Option<&'a str>)>,
    /// The rest.
    pub(crate) operands: Vec<&'a Word>,
}

impl<'a> Arguments<'a> {
    /// Splits the arguments of `call`; options of `valued` (`--home`, `-d`) take a value.
    pub(crate) fn of(call: &'a Call, valued: &[&str]) -> Self {
        let mut arguments = Self::default();
        let mut words = call.arguments().iter();
        let mut options = true;
        while let Some(word) = words.next() {
            let text = word.text.as_str();
            if !options || !text.starts_with('-') || text == "-" {
                arguments.operands.push(word);
            } else if text == "--" {
                options = false;
            } else if text.starts_with("--") {
                match text.split_once('=') {
                    Some((name, value)) => {
                        let value = word.literal.then_some(value);
                        arguments.values.push((name.to_owned(), value));
                    }
                    None if valued.contains(&text) => {
                        let value = words.next().filter(|word| word.literal);
                        arguments
                            .values
                            .push((text.to_owned(), value.map(|w| w.text.as_str())));
                    }
                    None => arguments.flags.push(text.to_owned()),
                }
            } else {
                for (at, letter) in text.char_indices().skip(1) {
                    let option = format!("-{letter}");
                    if !valued.contains(&option.as_str()) {
                        arguments.flags.push(option);
                        continue;
                    }
                    let rest = &text[at + letter.len_utf8()..];
                    let value = if rest.is_empty() {
                        words
                            .next()
                            .filter(|word| word.literal)
                            .map(|w| w.text.as_str())
                    } else {
                        word.literal.then_some(rest)
                    };
                    arguments.values.push((option, value));
                    break;
                }
            }
        }
        arguments
    }

    /// Whether one of the options stands there.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.flags.iter().any(|flag| names.contains(&flag.as_str()))
            || self
                .values
                .iter()
                .any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The known value of the last of the options.
    pub(crate) fn value(&self, names: &[&str]) -> Option<&'a str> {
        let mut values = self.values.iter().rev();
        values
            .find(|(name, _)| names.contains(&name.as_str()))
            .and_then(|(_, value)| *value)
    }

    /// The known values of all of the options, in order.
    pub(crate) fn all(&self, names: &[&str]) -> Vec<&'a str> {
        let values = self.values.iter();
        let asked = values.filter(|(name, _)| names.contains(&name.as_str()));
        asked.filter_map(|(_, value)| *value).collect()
    }

    /// The operands, where all of them are known.
    pub(crate) fn literal_operands(&self) -> Option<Vec<&'a str>> {
        let all = self.operands.iter().all(|word| word.literal);
        all.then(|| {
            self.operands
                .iter()
                .map(|word| word.text.as_str())
                .collect()
        })
    }
}
