//! What the surroundings of a build may decide: environment variables and the machine's apt sources, as a value.
//!
//! Nothing in the libraries reads the process's environment behind the caller's back. A command hands over
//! [`Environment::of_process`], a test whatever it likes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::fetch::{Authorities, Credentials, Proxy};

/// Where distributions keep the bundle of all certificate authorities: Debian and Alpine, Fedora, SUSE, the BSDs.
const BUNDLES: [&str; 4] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/ssl/cert.pem",
];

/// Environment variables, and the root below which `etc/apt` is looked for.
///
/// ```
/// use mikron_source::Environment;
/// let environment = Environment::empty().with("MIKRON_CACHE", "/var/cache/mikron");
/// assert_eq!(environment.cache_directory().unwrap().to_str(), Some("/var/cache/mikron"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    root: Option<PathBuf>,
    program: Option<String>,
}

/// Shows names and no values: some are secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("root", &self.root)
            .field("program", &self.program)
            .finish()
    }
}

impl Environment {
    /// No variables, no files.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The name of the release that this machine runs (`VERSION_CODENAME` of os-release(5)).
    pub fn codename(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.root.as_ref()?.join("etc/os-release")).ok()?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
        Some(value.trim_matches('"').to_owned())
    }

    /// The variables of this process (those that are Unicode), the files of this machine, and the process's own executable.
    pub fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(unicode).collect(),
            root: Some(PathBuf::from("/")),
            program: executable(),
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

    /// The proxy that `ALL_PROXY`, `HTTPS_PROXY` or `HTTP_PROXY` names, without the hosts of `NO_PROXY`; each in capital or in small
    /// letters.
    ///
    /// ```
    /// use mikron_source::Environment;
    /// let environment = Environment::empty()
    ///     .with("https_proxy", "http://proxy.example.org:3128")
    ///     .with("NO_PROXY", "localhost, .example.com");
    /// let proxy = environment.proxy().unwrap();
    /// assert_eq!(proxy.except, ["localhost", ".example.com"]);
    /// ```
    pub fn proxy(&self) -> Option<Proxy> {
        let either = |name: &str| self.var(name).or_else(|| self.var(&name.to_lowercase()));
        let mut names = ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"].into_iter();
        let url = names.find_map(either)?;
        let except = either("NO_PROXY").unwrap_or_default().split(',');
        let except = except.map(|host| host.trim().to_owned());
        Some(Proxy {
            url: url.to_owned(),
            except: except.filter(|host| !host.is_empty()).collect(),
        })
    }

    /// Who vouches for servers that are reached by HTTPS: the files of `SSL_CERT_FILE` and `SSL_CERT_DIR`, else the machine's own
    /// bundle where there is one, else those that are built in.
    ///
    /// ```
    /// use mikron_source::{Environment, fetch::Authorities};
    /// let environment = Environment::empty().with("SSL_CERT_FILE", "/etc/company.pem");
    /// assert_eq!(environment.authorities(), Authorities::Files(vec!["/etc/company.pem".into()]));
    /// assert_eq!(Environment::empty().authorities(), Authorities::BuiltIn);
    /// ```
    pub fn authorities(&self) -> Authorities {
        let file = self.var("SSL_CERT_FILE").into_iter();
        let directories = self.var("SSL_CERT_DIR").into_iter();
        let directories = directories.flat_map(|all| all.split(':').filter(|one| !one.is_empty()));
        let named: Vec<PathBuf> = file.chain(directories).map(PathBuf::from).collect();
        if !named.is_empty() {
            return Authorities::Files(named);
        }
        let mut bundles = self
            .root
            .iter()
            .flat_map(|root| BUNDLES.map(|path| root.join(path)));
        match bundles.find(|path| path.is_file()) {
            Some(bundle) => Authorities::Files(vec![bundle]),
            None => Authorities::BuiltIn,
        }
    }

    /// Which program this is, as far as can be told: a library cannot know when its own code changes, but the executable that holds
    /// it is another file then. `None` where nobody says so, and nothing that the program has made can be told from what another made.
    pub fn program(&self) -> Option<&str> {
        self.program.as_deref()
    }

    /// Says which program this is.
    #[must_use]
    pub fn with_program(mut self, program: &str) -> Self {
        self.program = Some(program.to_owned());
        self
    }

    /// The machine's apt sources (sources.list(5)) as name and text, in apt's order. What cannot be read counts as not
    /// there.
    pub(crate) fn apt_sources(&self) -> Vec<(PathBuf, String)> {
        let Some(root) = &self.root else {
            return Vec::new();
        };
        let apt = root.join("etc/apt");
        let mut files = vec![apt.join("sources.list")];
        files.extend(parts_of(&apt.join("sources.list.d"), &["list", "sources"]));
        let read = |path: PathBuf| read_small(&path).map(|text| (path, text));
        files.into_iter().filter_map(read).collect()
    }

    /// Who to be for which host: the variables `MIKRON_AUTH_…`, the user's netrc(5) (`NETRC`, else `HOME/.netrc`), and the
    /// machine's apt_auth.conf(5). What cannot be read counts as not there.
    pub fn credentials(&self) -> Credentials {
        let mut credentials = Credentials::default();
        for (name, value) in &self.variables {
            credentials.add_variable(name, value);
        }
        let netrc = self.var("NETRC").map(PathBuf::from);
        let netrc = netrc.or_else(|| self.var("HOME").map(|home| Path::new(home).join(".netrc")));
        if let Some(text) = netrc.and_then(|path| read_small(&path)) {
            credentials.add_netrc(&text);
        }
        if let Some(root) = &self.root {
            let apt = root.join("etc/apt");
            let parts = parts_of(&apt.join("auth.conf.d"), &["conf"]);
            for path in std::iter::once(apt.join("auth.conf")).chain(parts) {
                if let Some(text) = read_small(&path) {
                    credentials.add_apt(&text);
                }
            }
        }
        credentials
    }
}

/// Size and time of the executable of this process.
fn executable() -> Option<String> {
    let file = std::env::current_exe().and_then(std::fs::metadata).ok()?;
    Some(format!("{} {:?}", file.len(), file.modified().ok()))
}

/// The files of a `.d` directory with one of these extensions, in order.
fn parts_of(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let parts = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut parts: Vec<PathBuf> = parts.map(|entry| entry.path()).collect();
    parts.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    });
    parts.sort();
    parts
}

/// The text of a regular file of less than a megabyte.
fn read_small(path: &Path) -> Option<String> {
    let small = std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() < 1 << 20);
    small.then(|| std::fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_from_variables_the_users_file_and_those_of_apt() {
        let root = tempfile::tempdir().unwrap();
        let parts = root.path().join("etc/apt/auth.conf.d");
        std::fs::create_dir_all(&parts).unwrap();
        std::fs::write(
            parts.join("a.conf"),
            "machine apt.example.org login a password b",
        )
        .unwrap();
        std::fs::write(
            parts.join("a.bak"),
            "machine bak.example.org login a password b",
        )
        .unwrap();
        let netrc = root.path().join(".netrc");
        std::fs::write(&netrc, "machine home.example.org login c password d").unwrap();
        let home = root.path().display().to_string();
        let environment = Environment::empty()
            .with("MIKRON_AUTH_VAR_EXAMPLE_ORG", "e:f")
            .with("HOME", &home)
            .with_root(root.path());
        let credentials = environment.credentials();
        let found = |host: &str| {
            let url = format!("https://{host}.example.org/");
            credentials.userinfo(&crate::fetch::Url::parse(&url).unwrap())
        };
        assert_eq!(found("apt").as_deref(), Some("a:b"));
        assert_eq!(found("bak"), None);
        assert_eq!(found("home").as_deref(), Some("c:d"));
        assert_eq!(found("var").as_deref(), Some("e:f"));
        assert!(!format!("{environment:?}").contains("e:f"));
        let elsewhere = Environment::empty()
            .with("HOME", "/nowhere")
            .with("NETRC", &netrc.display().to_string());
        assert_ne!(elsewhere.credentials(), Environment::empty().credentials());
    }

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
