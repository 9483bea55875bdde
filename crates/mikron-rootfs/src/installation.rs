//! What is known of installations that no file says of itself: the tables that ship with the product, and those of a spec.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use mikron_package::{Glob, Limits};
use mikron_shell::Call;
use mikron_yaml::TableError;
use serde::Deserialize;

use crate::tree::Tree;

const BUILTIN: &str = include_str!("installation.yaml");

/// What commands of maintainer scripts mean to an image, what only a program of a package can make, and what programs would say
/// that are not run.
///
/// ```
/// use mikron_package::Limits;
/// use mikron_rootfs::Installation;
/// let text = "without-effect: [{ because: an image has no dispatcher, commands: [dispatcher-register] }]";
/// let more = Installation::parse("mine.yaml", text, &Limits::default())?;
/// let all = Installation::builtin().extended(more);
/// # Ok::<(), mikron_yaml::TableError>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Installation {
    /// Commands that have no place in an image.
    #[serde(default)]
    without_effect: Vec<WithoutEffect>,
    /// Commands that finalizers carry out.
    #[serde(default)]
    pub(crate) finalized: Commands,
    /// Names of files with functions for scripts that are commands here.
    #[serde(default)]
    pub(crate) libraries: Commands,
    /// Commands that leave nothing behind.
    #[serde(default)]
    pub(crate) reads_only: Commands,
    /// What only a program of a package can make.
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    /// What gdk-pixbuf-query-loaders says of a loader, by the name of its file.
    #[serde(default)]
    pub(crate) pixbuf_loaders: BTreeMap<String, String>,
}

/// Commands that have no place in an image.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithoutEffect {
    /// Why not.
    pub(crate) because: String,
    #[serde(default)]
    commands: Commands,
    /// Programs that an interpreter is given: a file by its name, a module behind `-m`.
    #[serde(default)]
    programs: Commands,
    /// What the commands are about: where the image has some of it, they have an effect after all.
    unless: Option<Glob>,
    /// Whether a script goes on as if the command had worked; else its answer is not known.
    #[serde(default = "yes")]
    pub(crate) answers: bool,
}

const fn yes() -> bool {
    true
}

/// A step of an installation that only a program of a package can do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// What is run, for messages.
    pub(crate) run: String,
    /// Programs that cannot work without what it makes.
    pub(crate) programs: Vec<String>,
    /// What it is made of. Without any there is nothing to be made.
    pub(crate) of: Glob,
    /// What it makes.
    pub(crate) makes: Glob,
}

/// Names of commands; a `*` at the end stands for any rest.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Commands(Vec<String>);

impl Commands {
    /// Whether a name is one of them.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is_it = |known: &String| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => known == name,
        };
        self.0.iter().any(is_it)
    }
}

impl Installation {
    /// The tables that ship with the product.
    ///
    /// # Panics
    /// Never: they are a constant, and a test reads them.
    pub fn builtin() -> Arc<Self> {
        static TABLES: OnceLock<Arc<Installation>> = OnceLock::new();
        let read = || {
            let tables = Self::parse("builtin installation", BUILTIN, &Limits::default());
            Arc::new(tables.expect("a constant that the tests read"))
        };
        Arc::clone(TABLES.get_or_init(read))
    }

    /// Reads tables. `file` is only used in messages.
    ///
    /// # Errors
    /// When `text` is larger than [`Limits::spec`], or is not YAML of this form.
    pub fn parse(file: &str, text: &str, limits: &Limits) -> Result<Self, TableError> {
        mikron_yaml::read_table(file, text, limits.spec)
    }

    /// These tables with others in front: where both speak of something, the others are right.
    #[must_use]
    pub fn extended(&self, more: Self) -> Self {
        let mut all = more;
        all.without_effect.extend_from_slice(&self.without_effect);
        all.finalized.0.extend_from_slice(&self.finalized.0);
        all.libraries.0.extend_from_slice(&self.libraries.0);
        all.reads_only.0.extend_from_slice(&self.reads_only.0);
        all.steps.extend_from_slice(&self.steps);
        for (name, entry) in &self.pixbuf_loaders {
            let name = name.clone();
            let entry = || entry.clone();
            all.pixbuf_loaders.entry(name).or_insert_with(entry);
        }
        all
    }

    /// Why a call has no place in an image, where that is so.
    pub(crate) fn without_effect(&self, call: &Call, tree: &Tree) -> Option<&WithoutEffect> {
        let program = interpreted(call);
        let is_named = |row: &WithoutEffect| {
            row.commands.has(call.name()) || program.is_some_and(|name| row.programs.has(name))
        };
        let is_there = |glob: &Glob| tree.nodes().any(|node| glob.matches(&node.entry.path));
        let rows = &mut self.without_effect.iter();
        rows.find(|row| is_named(row) && !row.unless.as_ref().is_some_and(is_there))
    }
}

/// The program that an interpreter of Python is told to run, by the name of its file or module.
fn interpreted(call: &Call) -> Option<&str> {
    if !call.name().starts_with("python") {
        return None;
    }
    let mut words = call.arguments().iter();
    let first = words.find(|word| word.text == "-m" || !word.text.starts_with('-'))?;
    let program = if first.text == "-m" {
        words.next()?
    } else {
        first
    };
    let name = program.text.rsplit('/').next();
    name.filter(|_| program.literal)
}

/// The tables that ship with the product.
impl Default for Installation {
    fn default() -> Self {
        Self::clone(&Self::builtin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_that_ship_with_the_product_can_be_read_and_say_why() {
        let tables = Installation::builtin();
        for row in &tables.without_effect {
            assert!(
                row.because.len() > 8 && !(row.commands.0.is_empty() && row.programs.0.is_empty()),
                "{row:?}"
            );
        }
        for step in &tables.steps {
            let programs = &step.programs;
            assert!(
                programs.iter().all(|path| path.starts_with('/')),
                "{step:?}"
            );
        }
    }

    #[test]
    fn every_loader_of_the_table_is_one_that_the_library_reads() {
        for (name, entry) in &Installation::builtin().pixbuf_loaders {
            let lines: Vec<&str> = entry.lines().collect();
            // Name, flags, domain, description and licence; types; endings; at least one signature with its weight.
            assert!(
                name.strip_suffix(".so").is_some() && lines.len() >= 4,
                "{name}"
            );
            let (types, endings) = (lines[1], lines[2]);
            assert!(
                types.ends_with(" \"\"") && endings.ends_with(" \"\""),
                "{name}"
            );
            for signature in &lines[3..] {
                let weight = signature.rsplit(' ').next();
                let weight = weight.and_then(|word| word.parse::<u8>().ok());
                let good = weight.is_some_and(|weight| weight <= 100);
                assert!(good, "{name}: {signature}");
            }
        }
    }

    #[test]
    fn a_table_of_the_user_stands_in_front_and_an_unknown_key_is_an_error_with_its_line() {
        let parse = |text| Installation::parse("mine.yaml", text, &Limits::default());
        let text = "without-effect: [{ because: mine, commands: [systemctl, 'x-*'] }]";
        let all = Installation::builtin().extended(parse(text).expect("tables"));
        let because = |script: &str| {
            let calls = crate::scan(script.as_bytes());
            let row = all.without_effect(&calls[0], &Tree::default());
            row.map(|row| row.because.clone())
        };
        let because = |script: &str| because(script).map_or(String::new(), |text| text);
        assert_eq!(because("systemctl"), "mine");
        assert_eq!(because("x-register"), "mine");
        assert_eq!(because("logger"), "an image has no system log");
        assert_eq!(because("y-register"), "");
        for compiles in [
            "python3.11 -E -S -O /usr/lib/python3.11/py_compile.py $files",
            "python3 -m compileall /opt",
        ] {
            assert!(because(compiles).starts_with("byte code"), "{compiles}");
        }
        assert_eq!(because("python3 /opt/setup.py py_compile.py"), "");
        let error = parse("steps: []\nstep: []\n").expect_err("refused");
        let text = error.to_string();
        assert!(text.starts_with("mine.yaml:2:1: "), "{text}");
        assert!(
            text.contains("2 | step: []") && text.contains("`steps`"),
            "{text}"
        );
    }
}
