//! What commands read: files, or their standard input.

use mikron_shell::Call;
use mikron_shell::run::{Known, Step};

use super::Machine;
use crate::finalizers::options::Arguments;

/// What a command reads.
pub(super) enum Read {
    Texts(Vec<String>),
    /// One of the files is not there.
    Absent,
    Unknown,
}

impl Machine<'_, '_> {
    /// The texts of the files that are named, or of the standard input where none is.
    pub(super) fn read_all(&self, step: &mut Step<'_>, files: &[&str]) -> Read {
        if files.is_empty() {
            return match step.input.rest() {
                Some(text) => Read::Texts(vec![text]),
                None => Read::Unknown,
            };
        }
        let mut texts = Vec::new();
        for file in files {
            let text = if *file == "-" {
                step.input.rest().map_or(Known::Unknown, Known::Is)
            } else if *file == "/dev/null" {
                Known::Is(String::new())
            } else {
                match Self::path(step, file) {
                    Some(path) => self.view.text(&path),
                    None => Known::Unknown,
                }
            };
            match text {
                Known::Is(text) => texts.push(text),
                Known::Absent => return Read::Absent,
                Known::Unknown => return Read::Unknown,
            }
        }
        Read::Texts(texts)
    }
}

/// The operands of a call whose words are all known.
pub(super) fn operands<'a>(call: &'a Call, valued: &[&str]) -> (Arguments<'a>, Vec<&'a str>) {
    let arguments = Arguments::of(call, valued);
    let operands = arguments.operands.iter().map(|word| word.text.as_str());
    let operands = operands.collect();
    (arguments, operands)
}
