//! Who to be for which host, where its URL does not say: variables of the environment, netrc(5), and apt_auth.conf(5).

use std::collections::BTreeMap;
use std::fmt;

use super::Url;
use super::url::encode;

/// User and password by host.
///
/// A variable `MIKRON_AUTH_HOST` comes first (`MIKRON_AUTH_EXAMPLE_ORG=user:password`; with `_8443` behind it for one port), then
/// the entries of files in order. `default` entries are not taken: they would go to every mirror.
///
/// ```
/// use mikron_source::fetch::{Credentials, Url};
/// let mut credentials = Credentials::default();
/// credentials.add_netrc("machine example.org login me password secret");
/// let url = Url::parse("https://example.org/debian").unwrap();
/// assert_eq!(credentials.userinfo(&url).as_deref(), Some("me:secret"));
/// assert!(!format!("{credentials:?}").contains("secret"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    variables: BTreeMap<String, String>,
    entries: Vec<Entry>,
}

/// An entry of a file.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    /// `None` for any.
    scheme: Option<String>,
    host: String,
    /// `None` for any.
    port: Option<u16>,
    /// What the path begins with.
    path: String,
    userinfo: String,
}

/// What stands before the name of a host in a variable.
const PREFIX: &str = "MIKRON_AUTH_";

impl Credentials {
    /// Takes a variable of the environment, where it is one of ours.
    pub fn add_variable(&mut self, name: &str, value: &str) {
        if let Some(host) = name.strip_prefix(PREFIX) {
            let (user, password) = value.split_once(':').unwrap_or((value, ""));
            self.variables
                .insert(host.to_owned(), userinfo(user, password));
        }
    }

    /// Takes the entries of a netrc(5) file.
    pub fn add_netrc(&mut self, text: &str) {
        self.add(text, false);
    }

    /// Takes the entries of an apt_auth.conf(5) file: a machine may have a scheme, a port and a path, and without a scheme it is
    /// one for HTTPS alone.
    pub fn add_apt(&mut self, text: &str) {
        self.add(text, true);
    }

    fn add(&mut self, text: &str, apt: bool) {
        let mut words = Words(text);
        let mut open: Option<(String, String, String)> = None;
        loop {
            let word = words.next();
            match word.as_deref() {
                Some("login" | "user") => {
                    if let (Some((_, user, _)), Some(word)) = (&mut open, words.next()) {
                        *user = word;
                    }
                }
                Some("password") => {
                    if let (Some((_, _, password)), Some(word)) = (&mut open, words.next()) {
                        *password = word;
                    }
                }
                Some("account") => drop(words.next()),
                Some("macdef") => words.skip_macro(),
                Some("machine" | "default") | None => {
                    if let Some((machine, user, password)) = open.take() {
                        self.entries.extend(entry(&machine, &user, &password, apt));
                    }
                    match word.as_deref() {
                        None => return,
                        Some("machine") => {
                            open = words.next().map(|m| (m, String::new(), String::new()));
                        }
                        Some(_) => {}
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// What stands before the `@` of a URL of this origin, encoded as there.
    pub fn userinfo(&self, url: &Url) -> Option<String> {
        let with_port = url
            .port
            .map(|port| format!("{}_{port}", variable(&url.host)));
        let named = with_port.and_then(|name| self.variables.get(&name));
        let named = named.or_else(|| self.variables.get(&variable(&url.host)));
        let fits = |entry: &&Entry| {
            entry.host == url.host
                && entry
                    .scheme
                    .as_ref()
                    .is_none_or(|scheme| *scheme == url.scheme)
                && (entry.port.is_none() || entry.port == url.effective_port())
                && url.path.starts_with(&entry.path)
        };
        named
            .or_else(|| self.entries.iter().find(fits).map(|entry| &entry.userinfo))
            .cloned()
    }
}

/// Never shows what it holds.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// The name of the variable that holds the credentials of a host.
pub(super) fn variable_of(host: &str) -> String {
    format!("{PREFIX}{}", variable(host))
}

fn variable(host: &str) -> String {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    host.trim_matches(['[', ']']).chars().map(word).collect()
}

fn userinfo(user: &str, password: &str) -> String {
    let mut text = String::new();
    encode(&mut text, user.as_bytes());
    text.push(':');
    encode(&mut text, password.as_bytes());
    text
}

fn entry(machine: &str, user: &str, password: &str, apt: bool) -> Option<Entry> {
    let userinfo = userinfo(user, password);
    if !apt {
        return Some(Entry {
            scheme: None,
            host: machine.to_ascii_lowercase(),
            port: None,
            path: String::new(),
            userinfo,
        });
    }
    let url = if machine.contains("://") {
        Url::parse(machine)
    } else {
        Url::parse(&format!("https://{machine}"))
    };
    let url = url.ok()?;
    Some(Entry {
        scheme: Some(url.scheme),
        host: url.host,
        port: url.port,
        path: url.path,
        userinfo,
    })
}

/// The words of a netrc(5) file: between white space, or in double quotes with `\` before what would end them. A `#` at the
/// beginning of a word begins a comment.
struct Words<'a>(&'a str);

impl Words<'_> {
    fn next(&mut self) -> Option<String> {
        loop {
            self.0 = self.0.trim_start();
            if !self.0.starts_with('#') {
                break;
            }
            self.0 = self.0.split_once('\n').map_or("", |(_, rest)| rest);
        }
        if self.0.is_empty() {
            return None;
        }
        let quoted = self.0.starts_with('"');
        let mut chars = self.0.char_indices().skip(usize::from(quoted));
        let mut word = String::new();
        let mut end = self.0.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if quoted => word.extend(chars.next().map(|(_, c)| c)),
                '"' if quoted => {
                    end = at + 1;
                    break;
                }
                c if !quoted && c.is_whitespace() => {
                    end = at;
                    break;
                }
                c => word.push(c),
            }
        }
        self.0 = &self.0[end..];
        Some(word)
    }

    /// A macro goes to the first empty line.
    fn skip_macro(&mut self) {
        self.0 = self.0.split_once("\n\n").map_or("", |(_, rest)| rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(credentials: &Credentials, url: &str) -> Option<String> {
        credentials.userinfo(&Url::parse(url).unwrap())
    }

    #[test]
    fn netrc_is_read_as_people_write_it() {
        let mut credentials = Credentials::default();
        credentials.add_netrc(
            "# mine\nmachine a.example.org\n\tlogin me\n\tpassword \"s p\\\"#1\"\nmacdef init\nmachine evil login x password y\n\n\
             machine B.example.org login you account z password p@ss:w%rd\nmachine c.example.org login token\n\
             default login anonymous password me@example.org",
        );
        let found = |url| of(&credentials, url);
        assert_eq!(
            found("https://a.example.org/").as_deref(),
            Some("me:s%20p%22%231")
        );
        assert_eq!(
            found("http://b.example.org:81/").as_deref(),
            Some("you:p@ss:w%25rd")
        );
        assert_eq!(found("https://c.example.org/").as_deref(), Some("token:"));
        assert_eq!(found("https://evil/"), None);
        assert_eq!(found("https://x.example.org/"), None);
        for broken in [
            "machine",
            "machine a login",
            "password x",
            "\"",
            "machine a password \"\\",
            "macdef",
        ] {
            credentials.add_netrc(broken);
        }
    }

    #[test]
    fn what_apt_knows_is_for_a_scheme_a_port_and_a_path() {
        let mut credentials = Credentials::default();
        credentials.add_apt(
            "machine example.org/private login a password b\nmachine http://example.org:8080 login c password d\n",
        );
        let found = |url| of(&credentials, url);
        assert_eq!(
            found("https://example.org/private/x").as_deref(),
            Some("a:b")
        );
        assert_eq!(found("https://example.org/public"), None);
        assert_eq!(found("http://example.org/private/x"), None);
        assert_eq!(found("http://example.org:8080/x").as_deref(), Some("c:d"));
    }

    #[test]
    fn a_variable_comes_before_files_and_one_with_a_port_before_one_without() {
        let mut credentials = Credentials::default();
        credentials.add_netrc("machine a-b.example.org login file password file");
        credentials.add_variable("MIKRON_AUTH_A_B_EXAMPLE_ORG", "me:x:y");
        credentials.add_variable("MIKRON_AUTH_A_B_EXAMPLE_ORG_8443", "other:z");
        credentials.add_variable("PATH", "a:b");
        let found = |url| of(&credentials, url);
        assert_eq!(found("https://a-b.example.org/").as_deref(), Some("me:x:y"));
        assert_eq!(
            found("https://a-b.example.org:8443/").as_deref(),
            Some("other:z")
        );
        assert_eq!(found("https://path/"), None);
        assert_eq!(variable_of("[::1]"), "MIKRON_AUTH___1");
    }
}
