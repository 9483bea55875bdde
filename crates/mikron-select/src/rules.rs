//! Rules: needs that no dynamic section, link or `#!` line shows.
//!
//! A rule says what sets it off (a symbol that a chosen file imports, a library, a path), what it brings, why, and what
//! stops working without it. The rules that ship with the product stand in `rules/builtin.yaml`; a spec may add its own,
//! switch one off, or ask for one that is left out unless asked for. [`crate::select`] applies them to every file that it
//! chooses. What is known to be needed and is left out ends up in [`crate::Selection::without`].

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use mikron_facts::Symbols;
use mikron_package::{Glob, Limits};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::RulesError;

/// The rules that ship with the product, as text.
const BUILTIN: &str = include_str!("rules/builtin.yaml");

/// A table of rules.
///
/// ```
/// use mikron_select::Rules;
/// use mikron_package::Limits;
/// let text = "
/// - rule: plugins
///   when: { soname: [libexample.so.1] }
///   brings: [{ path: /usr/lib/*/example/*.so }]
///   because: the library loads every plugin of its directory
///   without: no format is known
/// ";
/// let rules = Rules::builtin().extended(Rules::parse("my-rules.yaml", text, &Limits::default())?)?;
/// assert!(rules.get("plugins").is_some() && rules.get("libgcc").is_some());
/// # Ok::<(), mikron_select::RulesError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, by which a spec switches it.
    #[serde(rename = "rule")]
    pub name: String,
    /// What sets it off: all that is named must hold of one chosen file.
    pub when: When,
    /// What it brings; all of it.
    pub brings: Vec<Bring>,
    /// Whether it holds by itself.
    #[serde(default)]
    pub apply: Apply,
    /// Why.
    pub because: String,
    /// What stops working without it.
    pub without: String,
}

/// Whether a rule holds by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Apply {
    /// Yes, unless the spec switches it off.
    #[default]
    Always,
    /// Only when the spec asks for it; else what it would bring is listed as left out.
    Asked,
}

/// What sets a rule off. Of each list one item must fit, and of each list that is there; of `except` none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// A chosen ELF file imports one of these symbols.
    pub imports: Vec<String>,
    /// Which ELF files count; without, all of them.
    pub of: Option<Importer>,
    /// A chosen library has this `DT_SONAME`.
    pub soname: Vec<String>,
    /// A chosen file has one of these among its constants: an ELF file, or code of a language that loads libraries by name, whose
    /// calls count (`find_library`).
    pub names: Vec<String>,
    /// A chosen library defines no symbol version of this name (a C library that is older).
    pub lacks: Option<String>,
    /// A chosen file lies here, links of merged /usr resolved.
    pub path: Vec<Glob>,
    /// Files that never set the rule off.
    pub except: Vec<Glob>,
}

/// Which ELF files a rule looks at for imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Importer {
    /// Executables, and the libraries of the packages that the spec names.
    Programs,
    /// The same, of the packages that the spec names and of their siblings alone: not of helpers that others call.
    Roots,
    /// Extensions of a language that such a package is written in or interprets, alone.
    Extensions,
}

/// One thing that a rule brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bring {
    /// A library, looked for as a `DT_NEEDED` of the file that set the rule off would be.
    #[serde(default)]
    pub soname: Option<String>,
    /// The files that lie here.
    #[serde(default)]
    pub path: Option<Glob>,
    /// Of these files all but those that lie here.
    #[serde(default)]
    pub except: Vec<Glob>,
    /// A command on `PATH`.
    #[serde(default)]
    pub command: Option<String>,
    /// A capability of the package that `from` names.
    #[serde(default)]
    pub capability: Option<String>,
    /// The package that has it. Without, any package of the closure that has the path gives it; with, the package is added
    /// where the closure lacks it.
    #[serde(default)]
    pub from: Option<PackageNames>,
    /// Whether it is no loss when nothing has it.
    #[serde(default)]
    pub optional: bool,
    /// Whether these files come by this rule alone, and not with their package where that is a mere dependency.
    #[serde(default)]
    pub alone: bool,
}

/// The name of a package, which may differ between families.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PackageNames {
    /// The same in all.
    One(String),
    /// By the name of the family.
    Each(ByFamily),
}

/// Names by family, as they stand in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByFamily(Vec<(String, String)>);

impl Serialize for ByFamily {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(family, name)| (family, name)))
    }
}

impl<'de> Deserialize<'de> for ByFamily {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = ByFamily;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names by family")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ByFamily, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(ByFamily(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

impl PackageNames {
    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let (one, each) = match self {
            Self::One(name) => (Some(name.as_str()), &[][..]),
            Self::Each(ByFamily(names)) => (None, names.as_slice()),
        };
        one.into_iter()
            .chain(each.iter().map(|(_, name)| name.as_str()))
    }
}

impl Bring {
    /// What it is, in the words of tokens: `soname(libgcc_s.so.1)`, `ca-certificates:bundle`.
    pub fn text(&self) -> String {
        let from = self.from.as_ref().and_then(|from| from.names().next());
        match (&self.soname, &self.path, &self.command, &self.capability) {
            (Some(name), ..) => format!("soname({name})"),
            (_, Some(glob), ..) => match from {
                Some(package) => format!("{} of {package}", glob.as_str()),
                None => glob.as_str().to_owned(),
            },
            (_, _, Some(name), _) => format!("command({name})"),
            (.., Some(name)) => format!("{}:{name}", from.unwrap_or_default()),
            _ => String::new(),
        }
    }

    fn fault(&self) -> Option<&'static str> {
        let kinds = [
            self.soname.is_some(),
            self.path.is_some(),
            self.command.is_some(),
            self.capability.is_some(),
        ];
        match kinds.iter().filter(|kind| **kind).count() {
            1 if self.capability.is_some() && self.from.is_none() => {
                Some("brings a capability and does not say by `from` of which package")
            }
            1 => None,
            _ => Some(
                "brings something that is not one of `soname`, `path`, `command` and `capability`",
            ),
        }
    }
}

impl Rules {
    /// The rules that ship with the product.
    ///
    /// # Panics
    /// Never: the table is a constant, and a test reads it.
    pub fn builtin() -> Arc<Self> {
        static RULES: OnceLock<Arc<Rules>> = OnceLock::new();
        let read = || {
            let limits = Limits::default();
            let rules = Self::parse("builtin rules", BUILTIN, &limits);
            Arc::new(rules.expect("a constant that the tests read"))
        };
        Arc::clone(RULES.get_or_init(read))
    }

    /// No rules.
    pub const fn none() -> Self {
        Self { rules: Vec::new() }
    }

    /// Reads a table. `file` is only used in messages.
    ///
    /// # Errors
    /// When `text` is larger than [`Limits::spec`], is not YAML of this form, or a rule contradicts itself.
    pub fn parse(file: &str, text: &str, limits: &Limits) -> Result<Self, RulesError> {
        let rules: Vec<Rule> = mikron_yaml::read_table(file, text, limits.spec)?;
        let table = Self { rules };
        table.check(file)?;
        Ok(table)
    }

    /// This table with the rules of another behind it.
    ///
    /// # Errors
    /// When both have a rule of one name.
    pub fn extended(&self, more: Self) -> Result<Self, RulesError> {
        let mut rules = self.rules.clone();
        rules.extend(more.rules);
        let table = Self { rules };
        table.check("rules")?;
        Ok(table)
    }

    fn check(&self, file: &str) -> Result<(), RulesError> {
        let mut names = HashSet::new();
        for rule in &self.rules {
            let wrong = |reason: &'static str| RulesError::Rule {
                file: file.to_owned(),
                rule: rule.name.clone(),
                reason,
            };
            let When {
                imports,
                soname,
                path,
                names: constants,
                ..
            } = &rule.when;
            if [imports, soname, constants]
                .iter()
                .all(|list| list.is_empty())
                && path.is_empty()
            {
                return Err(wrong(
                    "has nothing that sets it off: `imports`, `soname`, `names` or `path`",
                ));
            }
            if imports
                .iter()
                .any(|symbol| symbol.len() >= Symbols::LONGEST)
            {
                return Err(wrong("asks for a symbol of over 63 bytes"));
            }
            if rule.brings.is_empty() {
                return Err(wrong("brings nothing"));
            }
            if let Some(reason) = rule.brings.iter().find_map(Bring::fault) {
                return Err(wrong(reason));
            }
            if !names.insert(&rule.name) {
                return Err(wrong("stands twice"));
            }
        }
        Ok(())
    }

    /// All rules, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// The rule of this name.
    pub fn get(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// The imported symbols that these rules ask for, for facts to record.
    ///
    /// ```
    /// use mikron_select::Rules;
    /// assert!(Rules::builtin().symbols().contains(b"pthread_exit"));
    /// assert!(!Rules::none().symbols().contains(b"pthread_exit"));
    /// ```
    pub fn symbols(&self) -> Symbols {
        let imports = self.rules.iter().flat_map(|rule| &rule.when.imports);
        Symbols::new(imports.map(String::as_str))
    }

    /// The libraries that rules bring to a file with these imports, whatever else the rules ask for: what a check of closed
    /// selections looks for.
    pub fn libraries<'a>(&'a self, imports: &[mikron_facts::ImportedSymbol]) -> Vec<&'a str> {
        let mut libraries = Vec::new();
        let plain = |rule: &&Rule| {
            let When {
                of,
                soname,
                lacks,
                names,
                path,
                except,
                ..
            } = &rule.when;
            rule.apply == Apply::Always
                && of.is_none()
                && lacks.is_none()
                && soname.is_empty()
                && names.is_empty()
                && path.is_empty()
                && except.is_empty()
        };
        for rule in self.rules.iter().filter(plain) {
            if imports
                .iter()
                .any(|import| rule.when.imports.contains(&import.name))
            {
                let of_rule = rule.brings.iter().filter(|bring| !bring.optional);
                libraries.extend(of_rule.filter_map(|bring| bring.soname.as_deref()));
            }
        }
        libraries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Rules, RulesError> {
        Rules::parse("rules.yaml", text, &Limits::default())
    }

    #[test]
    fn the_rules_that_ship_with_the_product_can_be_read_and_say_why() {
        let rules = Rules::builtin();
        assert!(rules.iter().count() > 20);
        for rule in rules.iter() {
            assert!(
                rule.because.len() > 10 && rule.without.len() > 5,
                "{}",
                rule.name
            );
            assert!(
                rule.when.imports.iter().all(|s| s.len() < Symbols::LONGEST),
                "{}",
                rule.name
            );
        }
        assert_ne!(rules.symbols().digest(), Rules::none().symbols().digest());
    }

    #[test]
    fn a_rule_without_a_trigger_or_without_effect_is_refused_by_name() {
        let text = "- { rule: r, when: {}, brings: [{ soname: a.so }], because: b, without: w }";
        let error = parse(text).unwrap_err().to_string();
        assert!(
            error.contains("`r`") && error.contains("sets it off"),
            "{error}"
        );
        let text = "- { rule: r, when: { imports: [f] }, brings: [], because: b, without: w }";
        assert!(
            parse(text)
                .unwrap_err()
                .to_string()
                .contains("brings nothing")
        );
        let text = "- { rule: r, when: { imports: [f] }, brings: [{ soname: a, path: /b }], because: b, without: w }";
        assert!(parse(text).unwrap_err().to_string().contains("not one of"));
        let text = "- { rule: r, when: { imports: [f] }, brings: [{ capability: c }], because: b, without: w }";
        assert!(parse(text).unwrap_err().to_string().contains("`from`"));
    }

    #[test]
    fn two_rules_of_one_name_are_refused() {
        let rule = "- { rule: libgcc, when: { imports: [f] }, brings: [{ soname: a }], because: b, without: w }";
        let more = parse(rule).unwrap();
        assert!(Rules::builtin().extended(more).is_err());
    }

    #[test]
    fn an_unknown_key_is_shown_on_its_line_with_the_one_that_was_meant() {
        let text = "- rule: r\n  wehn: { imports: [f] }\n";
        assert_eq!(
            parse(text).unwrap_err().to_string(),
            "rules.yaml:2:3: unknown key `wehn`\n  |\n2 |   wehn: { imports: [f] }\n  |   ^^^^\nhelp: did you mean `when`?"
        );
    }

    #[test]
    fn a_table_that_is_too_long_is_an_error_of_the_file() {
        let limits = Limits {
            spec: 3,
            ..Limits::default()
        };
        let error = Rules::parse("rules.yaml", "- {}\n", &limits).unwrap_err();
        assert!(error.to_string().starts_with("rules.yaml: "), "{error}");
    }
}
