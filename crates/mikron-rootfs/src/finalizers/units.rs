//! Units of services (systemd.exec(5)): the accounts that they run as, and the directories that a service manager makes for them.

use std::collections::BTreeSet;

use crate::finalize::Context;

/// The directories of a key, and where they lie.
const DIRECTORIES: [(&str, &str); 4] = [
    ("RuntimeDirectory", "run"),
    ("StateDirectory", "var/lib"),
    ("CacheDirectory", "var/cache"),
    ("LogsDirectory", "var/log"),
];

/// What a unit says of accounts and directories.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
    /// Further groups of the service.
    groups: Vec<String>,
    /// What its commands take for options, of which some are accounts: `spawn-fcgi -u www-data`.
    values: Vec<String>,
    /// Whether the user is made up at each start (`DynamicUser=`).
    pub(super) dynamic: bool,
    /// Paths without a leading slash, with their modes.
    pub(super) directories: Vec<(String, u32)>,
}

impl Unit {
    /// The accounts that it names; the values of its commands' options are among them, whatever they are.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &str> {
        let accounts = self.user.iter().chain(&self.group).chain(&self.groups);
        accounts.chain(&self.values).map(String::as_str)
    }

    /// Reads the keys of a unit. Of those that are given twice the last counts; lists grow.
    fn read(text: &str) -> Self {
        let mut unit = Self::default();
        let mut modes: Vec<(String, u32)> = Vec::new();
        let mut directories: Vec<(&str, String)> = Vec::new();
        // `%` begins what only the running system knows.
        let word =
            |value: &str| Some(value.to_owned()).filter(|v| !v.is_empty() && !v.contains('%'));
        let joined = text.replace("\\\n", " ");
        for (key, value) in joined.lines().filter_map(|line| line.split_once('=')) {
            let (key, value) = (key.trim(), value.trim());
            match key {
                "User" => unit.user = word(value),
                "Group" => unit.group = word(value),
                "SupplementaryGroups" => {
                    unit.groups
                        .extend(value.split_whitespace().filter_map(word));
                }
                _ if key.starts_with("Exec") => unit.values.extend(option_values(value)),
                "DynamicUser" => unit.dynamic = matches!(value, "yes" | "true" | "on" | "1"),
                _ => {
                    if let Some((_, below)) = DIRECTORIES.iter().find(|(name, _)| *name == key) {
                        // `StateDirectory=a:b` makes a link beside it.
                        let names = value.split_whitespace();
                        let names = names.filter_map(|name| word(name.split(':').next()?));
                        directories.extend(names.map(|name| (key, format!("{below}/{name}"))));
                    } else if let Some(of) = key.strip_suffix("Mode")
                        && let Ok(mode) = u32::from_str_radix(value, 8)
                    {
                        modes.push((of.to_owned(), mode & 0o7777));
                    }
                }
            }
        }
        let directories = directories.into_iter().map(|(key, path)| {
            let mode = modes.iter().rev().find(|(of, _)| of == key);
            (path, mode.map_or(0o755, |(_, mode)| *mode))
        });
        unit.directories = directories.collect();
        unit
    }
}

/// What stands behind the options of a command line: `-u NAME`, `-uNAME`, `--user=NAME`, `--chuid NAME:GROUP`.
fn option_values(line: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut before = "";
    for word in line.split_whitespace() {
        let word = word.trim_matches(['"', '\'']);
        let value = match (word.split_once('='), word.strip_prefix('-')) {
            (Some((_, value)), Some(_)) => value,
            (None, Some(rest)) if !rest.starts_with('-') => rest.get(1..).unwrap_or_default(),
            (_, None) if before.starts_with('-') => word,
            _ => "",
        };
        before = word;
        let names = value.split([':', '.']).filter(|name| is_name(name));
        let names = names.filter(|_| !value.contains('/'));
        values.extend(names.map(str::to_owned));
    }
    values
}

/// Whether a word may be the name of an account.
fn is_name(word: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && word.chars().all(of_name)
}

/// The units of roots, and of packages of their sources.
pub(super) fn units(context: &Context<'_>) -> Vec<Unit> {
    let roots = context.packages.iter().filter(|package| package.root);
    let sources: BTreeSet<_> = roots.map(|root| &root.metadata.record.source).collect();
    let own = context
        .packages
        .iter()
        .filter(|package| sources.contains(&package.metadata.record.source));
    let files = own.flat_map(|package| &package.declarations);
    files
        .filter(|(path, _)| path.as_bytes().ends_with(b".service"))
        .map(|(_, text)| Unit::read(&String::from_utf8_lossy(text)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_names_accounts_and_directories() {
        let unit = Unit::read(
            "[Service]\nUser=redis\nGroup=redis\nSupplementaryGroups=tls %i\nRuntimeDirectory=redis redis/sub\n\
             RuntimeDirectoryMode=2755\nStateDirectory=redis:link %N\nPIDFile=/run/x\n\
             ExecStart=/usr/bin/spawn-fcgi -F 2 -u www-data \\\n  -gwww-data --chown=list:mail -s /run/x.sock -- /srv/x\n",
        );
        assert_eq!(
            unit.accounts().collect::<Vec<_>>(),
            [
                "redis", "redis", "tls", "www-data", "www-data", "list", "mail"
            ]
        );
        let expected = [
            ("run/redis", 0o2755),
            ("run/redis/sub", 0o2755),
            ("var/lib/redis", 0o755),
        ];
        assert_eq!(
            unit.directories,
            expected.map(|(path, mode)| (path.to_owned(), mode))
        );
        assert!(!unit.dynamic);
    }
}
