//! The tables that a spec adds to those of the product: rules, definitions of capabilities, what installations do, and slices.

use std::sync::{Arc, OnceLock};

use mikron_facts::Symbols;
use mikron_package::{Limits, Platform};
use mikron_rootfs::Installation;
use mikron_select::{Definitions, Rules, RulesError};
use mikron_spec::{DefinitionSource, Spec};

use crate::Error;
use crate::files::Beside;
use crate::steps::slices::Slices;

/// The rules and definitions that hold for a spec, and the slices that it takes on one platform.
#[derive(Clone, Debug)]
pub(crate) struct PlatformTables {
    pub(crate) rules: Arc<Rules>,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) installation: Arc<Installation>,
    pub(crate) slices: Slices,
    pub(crate) platform: Platform,
}

/// A table as it lies beside the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TableText {
    /// The file, as it is named in messages.
    file: String,
    text: String,
}

/// All tables that a spec names. They are read at once, and understood when somebody asks for what they say.
#[derive(Debug)]
pub(crate) struct Tables {
    /// Whether not even the rules of the product hold.
    no_rules: bool,
    of_rules: Vec<TableText>,
    of_definitions: Vec<TableText>,
    of_installation: Vec<TableText>,
    limits: Limits,
    rules: OnceLock<Arc<Rules>>,
    symbols: OnceLock<Symbols>,
    definitions: OnceLock<Arc<Definitions>>,
    installation: OnceLock<Arc<Installation>>,
}

impl Tables {
    /// Reads the tables that a spec names.
    ///
    /// # Errors
    /// When one cannot be read, or its path is not allowed.
    pub(crate) fn read(spec: &Spec, beside: &Beside, limits: &Limits) -> Result<Self, Error> {
        let no_rules = spec.has_no_rules();
        let mut of_rules = Vec::new();
        if !no_rules {
            for named in &spec.rules {
                of_rules.push(read(beside, named, limits)?);
            }
        }
        let mut of_definitions = Vec::new();
        for source in &spec.definitions {
            if let DefinitionSource::Path(named) = source {
                of_definitions.extend(read_all(beside, named, limits)?);
            }
        }
        let named = spec.installation.iter();
        let of_installation = named.map(|named| read(beside, named, limits));
        Ok(Self {
            no_rules,
            of_rules,
            of_definitions,
            of_installation: of_installation.collect::<Result<_, _>>()?,
            limits: limits.clone(),
            rules: OnceLock::new(),
            symbols: OnceLock::new(),
            definitions: OnceLock::new(),
            installation: OnceLock::new(),
        })
    }

    /// The texts, each list under what it is for.
    pub(crate) fn texts(&self) -> [(&str, impl Iterator<Item = &str>); 3] {
        let kinds = [
            ("rules", &self.of_rules),
            ("definitions", &self.of_definitions),
            ("installation", &self.of_installation),
        ];
        kinds.map(|(kind, tables)| (kind, tables.iter().map(|table| &*table.text)))
    }

    /// The rules, those of the product among them, unless the spec wants none.
    ///
    /// # Errors
    /// When a table is malformed or contradicts another.
    pub(crate) fn rules(&self) -> Result<&Arc<Rules>, Error> {
        once(&self.rules, || {
            if self.no_rules {
                return Ok(Arc::new(Rules::none()));
            }
            let mut rules = Rules::builtin();
            for table in &self.of_rules {
                let more = Rules::parse(&table.file, &table.text, &self.limits)?;
                rules = Arc::new(rules.extended(more)?);
            }
            Ok(rules)
        })
    }

    /// The symbols that the rules ask for.
    ///
    /// # Errors
    /// As [`Tables::rules`].
    pub(crate) fn symbols(&self) -> Result<&Symbols, Error> {
        once(&self.symbols, || Ok(self.rules()?.symbols()))
    }

    fn definitions(&self) -> Result<&Arc<Definitions>, Error> {
        once(&self.definitions, || {
            let mut definitions = Definitions::builtin();
            for table in &self.of_definitions {
                let more = Definitions::parse(&table.file, &table.text, &self.limits)?;
                definitions = Arc::new(definitions.extended(more)?);
            }
            Ok(definitions)
        })
    }

    fn installation(&self) -> Result<&Arc<Installation>, Error> {
        once(&self.installation, || {
            let mut installation = Installation::builtin();
            for table in &self.of_installation {
                let more = Installation::parse(&table.file, &table.text, &self.limits)?;
                installation = Arc::new(installation.extended(more));
            }
            Ok(installation)
        })
    }

    /// The tables for one platform, with the rules that the spec switches looked up.
    ///
    /// # Errors
    /// When a table is malformed or contradicts another, or a rule does not exist.
    pub(crate) fn on(
        &self,
        spec: &Spec,
        platform: Platform,
        slices: Slices,
    ) -> Result<PlatformTables, Error> {
        let rules = self.rules()?;
        let mut switched = spec.with.iter().chain(&spec.without);
        if let Some(rule) = switched.find(|name| rules.get(name).is_none()) {
            return Err(Error::Rules(RulesError::NoSuchRule {
                rule: rule.clone(),
                known: rules.iter().map(|rule| rule.name.clone()).collect(),
            }));
        }
        Ok(PlatformTables {
            rules: Arc::clone(rules),
            definitions: Arc::clone(self.definitions()?),
            installation: Arc::clone(self.installation()?),
            slices,
            platform,
        })
    }
}

/// What a cell holds, filled where it is empty.
fn once<T>(cell: &OnceLock<T>, fill: impl FnOnce() -> Result<T, Error>) -> Result<&T, Error> {
    if let Some(made) = cell.get() {
        return Ok(made);
    }
    let made = fill()?;
    Ok(cell.get_or_init(|| made))
}

fn read(beside: &Beside, named: &str, limits: &Limits) -> Result<TableText, Error> {
    let (path, bytes) = beside.read(named, limits.spec)?;
    Ok(TableText {
        file: named.to_owned(),
        text: crate::files::text(&path, bytes)?,
    })
}

/// A file, or the `*.yaml` files of a directory in order of name.
fn read_all(beside: &Beside, named: &str, limits: &Limits) -> Result<Vec<TableText>, Error> {
    let path = beside.resolve(named)?;
    if !path.is_dir() {
        return Ok(vec![read(beside, named, limits)?]);
    }
    let files = beside.list(named, &[".yaml"])?;
    let read = |name: &String| read(beside, name, limits);
    files.iter().map(read).collect()
}
