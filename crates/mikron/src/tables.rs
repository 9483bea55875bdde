//! The tables that a spec adds to those of the product: rules, definitions of capabilities, and slices.

use std::path::Path;
use std::sync::Arc;

use mikron_capability::{Definitions, Rules, RulesError};
use mikron_package::{Limits, Platform};
use mikron_spec::{DefinitionSource, Spec};

use crate::Error;
use crate::builder::Builder;
use crate::slices::Slices;

/// The rules and definitions that hold for a spec, and the slices that it takes on one platform.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) rules: Arc<Rules>,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) slices: Slices,
    pub(crate) platform: Platform,
}

/// A table as it lies beside the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableText {
    /// The file, as it is named in messages.
    pub(crate) file: String,
    pub(crate) text: String,
}

/// The texts of all tables that a spec names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableTexts {
    /// Whether not even the rules of the product hold.
    pub(crate) no_rules: bool,
    pub(crate) rules: Vec<TableText>,
    pub(crate) definitions: Vec<TableText>,
}

impl TableTexts {
    /// Reads the tables that the spec of a builder names.
    ///
    /// # Errors
    /// When one cannot be read, or its path is not allowed.
    pub(crate) fn read(builder: &Builder) -> Result<Self, Error> {
        let mut texts = Self {
            no_rules: builder.spec.has_no_rules(),
            ..Self::default()
        };
        if !texts.no_rules {
            for named in &builder.spec.rules {
                texts.rules.push(read(builder, named)?);
            }
        }
        for source in &builder.spec.definitions {
            if let DefinitionSource::Path(named) = source {
                texts.definitions.extend(read_all(builder, named)?);
            }
        }
        Ok(texts)
    }

    /// The rules, those of the product among them, unless the spec wants none.
    ///
    /// # Errors
    /// When a table is malformed or contradicts another.
    pub(crate) fn rules(&self, limits: &Limits) -> Result<Arc<Rules>, Error> {
        if self.no_rules {
            return Ok(Arc::new(Rules::none()));
        }
        let mut rules = Rules::builtin();
        for table in &self.rules {
            let more = Rules::parse(&table.file, &table.text, limits)?;
            rules = Arc::new(rules.extended(more)?);
        }
        Ok(rules)
    }

    /// The tables, those of the product among them, with the rules that the spec switches looked up.
    ///
    /// # Errors
    /// When a table is malformed or contradicts another, or a rule does not exist.
    pub(crate) fn tables(
        &self,
        spec: &Spec,
        platform: Platform,
        slices: Slices,
        limits: &Limits,
    ) -> Result<Tables, Error> {
        let rules = self.rules(limits)?;
        let mut definitions = Definitions::builtin();
        for table in &self.definitions {
            let more = Definitions::parse(&table.file, &table.text, limits)?;
            definitions = Arc::new(definitions.extended(more)?);
        }
        let mut switched = spec.with.iter().chain(&spec.without);
        if let Some(rule) = switched.find(|name| rules.get(name).is_none()) {
            return Err(Error::Rules(RulesError::NoSuchRule {
                rule: rule.clone(),
                known: rules.iter().map(|rule| rule.name.clone()).collect(),
            }));
        }
        Ok(Tables {
            rules,
            definitions,
            slices,
            platform,
        })
    }
}

fn read(builder: &Builder, named: &str) -> Result<TableText, Error> {
    let base = builder.file.parent().unwrap_or(Path::new(""));
    let path = builder.options.policy.resolve(base, named)?;
    let bytes = crate::files::read_capped(&path, crate::image::limits().spec)?;
    Ok(TableText {
        file: named.to_owned(),
        text: crate::files::text(&path, bytes)?,
    })
}

/// A file, or the `*.yaml` files of a directory in order of name.
fn read_all(builder: &Builder, named: &str) -> Result<Vec<TableText>, Error> {
    let base = builder.file.parent().unwrap_or(Path::new(""));
    let path = builder.options.policy.resolve(base, named)?;
    if !path.is_dir() {
        return Ok(vec![read(builder, named)?]);
    }
    let listed = std::fs::read_dir(&path).map_err(Error::io("read", &path))?;
    let mut files = Vec::new();
    for entry in listed {
        let name = entry.map_err(Error::io("read", &path))?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".yaml") && !name.starts_with('.') {
            files.push(format!("{}/{name}", named.trim_end_matches('/')));
        }
    }
    files.sort();
    files.iter().map(|name| read(builder, name)).collect()
}
