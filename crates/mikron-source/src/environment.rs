//! What the surroundings of a build may decide: environment variables and the machine's apt sources, as a value.
//!
//! Nothing in the libraries reads the process's environment behind the caller's back. A command hands over
//! [`Environment::of_process`], a test whatever it likes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Environment variables, and the root below which `etc/apt` is looked for.
///
/// ```
/// use mikron_source::Environment;
/// let environment = Environment::empty().with("MIKRON_CACHE", "/var/cache/mikron");
/// assert_eq!(environment.cache_directory().unwrap().to_str(), Some("/var/cache/mikron"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    root: Option<PathBuf>,
}

impl Environment {
    /// No variables, no files.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The variables of this process (those that are Unicode) and the files of this machine.
    pub fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(unicode).collect(),
            root: Some(PathBuf::from("/")),
        }
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets the root below which `etc/apt` is looked for.
    #[must_use]
    pub fn with_root(mut self, root: &Path) -> Self {
        self.root = Some(root.to_owned());
        self
    }

    /// A variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Where the cache is: `MIKRON_CACHE`, else `XDG_CACHE_HOME/mikron`, else `HOME/.cache/mikron`. The XDG base
    /// directory specification ignores paths that are not absolute.
    pub fn cache_directory(&self) -> Option<PathBuf> {
        if let Some(directory) = self.var("MIKRON_CACHE") {
            return Some(PathBuf::from(directory));
        }
        let absolute = |name| {
            self.var(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .map(|base| base.join("mikron"))
    }

    /// Where the user's settings are: `MIKRON_CONFIG`, else `XDG_CONFIG_HOME/mikron/config.yaml`, else
    /// `HOME/.config/mikron/config.yaml`.
    pub fn config_file(&self) -> Option<PathBuf> {
        if let Some(file) = self.var("MIKRON_CONFIG") {
            return Some(PathBuf::from(file));
        }
        let absolute = |name| {
            self.var(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        absolute("XDG_CONFIG_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".config")))
            .map(|base| base.join("mikron").join("config.yaml"))
    }

    /// The machine's apt sources (sources.list(5)) as name and text, in apt's order. What cannot be read counts as not
    /// there.
    pub fn apt_sources(&self) -> Vec<(PathBuf, String)> {
        let Some(root) = &self.root else {
            return Vec::new();
        };
        let apt = root.join("etc/apt");
        let mut files = vec![apt.join("sources.list")];
        let parts = std::fs::read_dir(apt.join("sources.list.d"));
        let mut parts: Vec<PathBuf> = parts
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path())
            .collect();
        parts.retain(|path| {
            path.extension()
                .is_some_and(|e| e == "list" || e == "sources")
        });
        parts.sort();
        files.extend(parts);
        let read = |path: PathBuf| {
            let small = std::fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() < 1 << 20);
            let text = small
                .then(|| std::fs::read_to_string(&path).ok())
                .flatten()?;
            Some((path, text))
        };
        files.into_iter().filter_map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_lies_where_the_environment_says() {
        let directory = |e: Environment| e.cache_directory().map(|p| p.display().to_string());
        let home = Environment::empty().with("HOME", "/home/me");
        assert_eq!(
            directory(home.clone()).as_deref(),
            Some("/home/me/.cache/mikron")
        );
        let xdg = home.clone().with("XDG_CACHE_HOME", "/x");
        assert_eq!(directory(xdg.clone()).as_deref(), Some("/x/mikron"));
        let relative = home.with("XDG_CACHE_HOME", "x");
        assert_eq!(
            directory(relative).as_deref(),
            Some("/home/me/.cache/mikron")
        );
        assert_eq!(
            directory(xdg.with("MIKRON_CACHE", "/c")).as_deref(),
            Some("/c")
        );
        assert_eq!(directory(Environment::empty()), None);
    }
}
