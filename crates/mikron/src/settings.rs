//! The user's own settings: one small YAML file, wherever the environment says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use mikron_package::hide_credentials;
use mikron_source::Environment;
use mikron_source::fetch::Authorities;
use mikron_source::preset::{Locations, Origin, archives};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Error;

/// The size that the cache is brought down to where nobody says otherwise.
pub(crate) const QUOTA: u64 = 10 << 30;

/// What `config.yaml` may hold.
///
/// ```yaml
/// mirrors:
///   debian: [https://example.org/debian]
///   debian-security: [https://example.org/debian-security]
/// ca: [/etc/company.pem]
/// quota: 10000000000   # bytes
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Base URLs by archive, the best first.
    #[serde(deserialize_with = "or_nothing")]
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// Files and directories of certificate authorities (PEM) that vouch for HTTPS servers, instead of the machine's own.
    #[serde(deserialize_with = "or_nothing")]
    pub ca: Vec<PathBuf>,
    /// The size in bytes that the cache is brought down to.
    pub quota: Option<u64>,
}

/// A key with nothing behind it says nothing: what stood there was taken away.
fn or_nothing<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A setting that holds, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its key, as [`Settings::set`] takes it where it can be set: `mirror.debian`.
    pub key: String,
    /// What it is; nothing where it is not known.
    pub values: Vec<String>,
    /// Where it comes from: a file, the name of a variable, `built in`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl Settings {
    /// Reads the settings that the environment points to; without a file there are none.
    ///
    /// # Errors
    /// When the file cannot be read, or says what no setting is.
    pub fn read(environment: &Environment) -> Result<Self, Error> {
        let Some(path) = environment.config_file() else {
            return Ok(Self::default());
        };
        Self::parse(&path, &text(&path)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let file = path.display().to_string();
        Ok(mikron_spec::read_document(&file, text, 1 << 20)?)
    }

    /// Writes a setting into the user's file, and gives back the file: `mirror.NAME` for the base URLs of an archive, the best first, `ca`
    /// for files and directories of certificate authorities, or `quota`. All else that the file says stays, comments too.
    ///
    /// ```
    /// use mikron::{Settings, source::Environment};
    /// # let home = tempfile::tempdir().unwrap();
    /// # let file = home.path().join("config.yaml").display().to_string();
    /// let environment = Environment::empty().with("MIKRON_CONFIG", &file);
    /// Settings::set(&environment, "mirror.debian", &["https://example.org/debian".to_owned()])?;
    /// assert_eq!(Settings::read(&environment)?.mirrors["debian"], ["https://example.org/debian"]);
    /// Settings::unset(&environment, "mirror.debian")?;
    /// assert!(Settings::read(&environment)?.mirrors.is_empty());
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such setting, the file cannot be read or written, or is written in a way that needs a person to change it.
    pub fn set(environment: &Environment, key: &str, values: &[String]) -> Result<PathBuf, Error> {
        Self::change(environment, key, Some(values))
    }

    /// Takes a setting out of the user's file, and gives back the file; one that it does not have is no error.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn unset(environment: &Environment, key: &str) -> Result<PathBuf, Error> {
        Self::change(environment, key, None)
    }

    fn change(
        environment: &Environment,
        key: &str,
        values: Option<&[String]>,
    ) -> Result<PathBuf, Error> {
        let path = environment.config_file().ok_or_else(|| Error::Setting {
            what: "no file for settings is known".to_owned(),
            remedy: "set MIKRON_CONFIG, or HOME".to_owned(),
        })?;
        // Of several who set something at once each sees what the one before has written.
        let directory = crate::files::directory_of(&path);
        std::fs::create_dir_all(directory).map_err(Error::io("write", directory))?;
        let alone = File::open(directory).and_then(|file| file.lock().map(|()| file));
        let _alone = alone.map_err(Error::io("lock", directory))?;
        let before = text(&path)?;
        let mut wanted = Self::parse(&path, &before)?;
        let (section, name, value) = wanted.take(key, values)?;
        let after = with_line(&before, section, name, value.as_deref());
        // Whatever else YAML allows the file to be, what is written says what is wanted, and nothing else.
        if Self::parse(&path, &after).ok().as_ref() != Some(&wanted) {
            let line = section.map_or_else(String::new, |section| format!(" below `{section}:`"));
            let remedy = match value {
                Some(value) => {
                    format!("write `{name}: {}`{line} by hand", hide_credentials(&value))
                }
                None => format!("take `{name}`{line} out by hand"),
            };
            return Err(Error::Setting {
                what: format!(
                    "{} is written in a way that only a person can change",
                    path.display()
                ),
                remedy,
            });
        }
        crate::files::write_whole(&path, after.as_bytes())?;
        Ok(path)
    }

    /// Takes over what a setting is to be, and gives back its place in the file: a section, a name, and what stands behind it.
    fn take<'k>(
        &mut self,
        key: &'k str,
        values: Option<&[String]>,
    ) -> Result<(Option<&'static str>, &'k str, Option<String>), Error> {
        let quoted = |value: &String| serde_json::Value::from(value.as_str()).to_string();
        let list = |values: &[String]| {
            let values: Vec<String> = values.iter().map(quoted).collect();
            format!("[{}]", values.join(", "))
        };
        if let Some(archive) = key
            .strip_prefix("mirror.")
            .filter(|name| archives().contains(name))
        {
            let Some(urls) = values else {
                self.mirrors.remove(archive);
                return Ok((Some("mirrors"), archive, None));
            };
            let bad = urls.iter().find(|url| !is_url(url));
            if let Some(bad) = bad.cloned().or(urls.is_empty().then(String::new)) {
                return Err(Error::Setting {
                    what: format!("`{}` is no base URL", hide_credentials(&bad).escape_debug()),
                    remedy: "write one as in https://example.org/debian".to_owned(),
                });
            }
            self.mirrors.insert(archive.to_owned(), urls.to_vec());
            return Ok((Some("mirrors"), archive, Some(list(urls))));
        }
        match key {
            "ca" => {
                let mut files = Vec::new();
                for value in values.unwrap_or_default() {
                    // The file is read from any directory.
                    let path = std::fs::canonicalize(value).map_err(Error::io("read", value))?;
                    files.push(path.display().to_string());
                }
                self.ca = files.iter().map(PathBuf::from).collect();
                Ok((None, key, values.map(|_| list(&files))))
            }
            "quota" => {
                let number = |values: &[String]| match values {
                    [bytes] => bytes.parse().ok(),
                    _ => None,
                };
                self.quota = values.and_then(number);
                if let (Some(values), None) = (values, self.quota) {
                    return Err(Error::Setting {
                        what: format!("`{}` is no quota", values.join(" ").escape_debug()),
                        remedy: "write a number of bytes".to_owned(),
                    });
                }
                Ok((None, key, self.quota.map(|bytes| bytes.to_string())))
            }
            _ => {
                let known = archives().map(|archive| format!("mirror.{archive}"));
                Err(Error::Setting {
                    what: format!("there is no setting `{}`", key.escape_debug()),
                    remedy: format!("there are {}, ca and quota", known.join(", ")),
                })
            }
        }
    }

    /// What holds on this machine for every spec that does not say otherwise, and who says so.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub fn overview(environment: &Environment) -> Result<Vec<Setting>, Error> {
        let settings = Self::read(environment)?;
        let file = environment.config_file();
        let of_file = file.as_ref().map(|path| path.display().to_string());
        let locations = Locations {
            settings: settings.mirrors.clone(),
            environment: environment.clone(),
            ..Locations::default()
        };
        let mut all = Vec::new();
        for archive in archives() {
            let mut places = locations.of_archive(archive).into_iter();
            let (from, values) = places.next().unzip();
            let shown = |url: &String| mikron_source::fetch::redact(url);
            all.push(Setting {
                key: format!("mirror.{archive}"),
                values: values.iter().flatten().map(shown).collect(),
                from: match from {
                    Some(Origin::Settings) => of_file.clone(),
                    other => other.map(|origin| origin.to_string()),
                },
            });
        }
        let built_in = || Some("built in".to_owned());
        all.push(Setting {
            key: "quota".to_owned(),
            values: vec![settings.quota.unwrap_or(QUOTA).to_string()],
            from: settings.quota.map_or_else(built_in, |_| of_file.clone()),
        });
        let path = |key: &str, path: Option<PathBuf>, variables: &[&str]| Setting {
            key: key.to_owned(),
            values: path.iter().map(|path| path.display().to_string()).collect(),
            from: set_first(environment, variables),
        };
        let cache = environment.cache_directory();
        all.push(path(
            "cache",
            cache,
            &["MIKRON_CACHE", "XDG_CACHE_HOME", "HOME"],
        ));
        all.push(path(
            "config",
            file,
            &["MIKRON_CONFIG", "XDG_CONFIG_HOME", "HOME"],
        ));
        if let Some(proxy) = environment.proxy() {
            let names = [
                "ALL_PROXY",
                "all_proxy",
                "HTTPS_PROXY",
                "https_proxy",
                "HTTP_PROXY",
                "http_proxy",
            ];
            all.push(Setting {
                key: "proxy".to_owned(),
                values: vec![mikron_source::fetch::redact(&proxy.url)],
                from: set_first(environment, &names),
            });
        }
        let authorities = environment.authorities();
        let variable = set_first(environment, &["SSL_CERT_FILE", "SSL_CERT_DIR"]);
        let (files, from) = match authorities {
            _ if !settings.ca.is_empty() => (settings.ca, of_file),
            Authorities::Files(files) => {
                let machine = || "the machine's own".to_owned();
                (files, variable.or_else(|| Some(machine())))
            }
            _ => (Vec::new(), built_in()),
        };
        all.push(Setting {
            key: "ca".to_owned(),
            values: files
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            from,
        });
        Ok(all)
    }
}

fn is_url(text: &str) -> bool {
    let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    let web = ["http://", "https://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    let web = web && mikron_source::fetch::Url::parse(text).is_ok();
    plain && (text.starts_with("file:/") || web)
}

/// The first of these variables that is set.
fn set_first(environment: &Environment, names: &[&str]) -> Option<String> {
    let set = names.iter().find(|name| environment.var(name).is_some());
    set.map(|name| (*name).to_owned())
}

/// The text of the file; of none it is empty.
fn text(path: &Path) -> Result<String, Error> {
    match crate::files::read_plain(path, 1 << 20) {
        Ok(bytes) => crate::files::text(path, bytes),
        Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            Ok(String::new())
        }
        Err(error) => Err(error),
    }
}

/// The text with `name: value` in it, in the place of what it says of that name, or else where it belongs: below the section where there
/// is one. Without a value it says nothing of the name. Understands blocks as people write them; the caller checks what came of it.
fn with_line(text: &str, section: Option<&str>, name: &str, value: Option<&str>) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    // The lines of the block that the name belongs to.
    let (start, end, own) = match section {
        None => (0, lines.len(), 0),
        Some(section) => {
            let head = format!("{section}:");
            let at = lines
                .iter()
                .position(|line| line.split('#').next().unwrap_or_default().trim_end() == head);
            let at = match at {
                Some(at) => at,
                None if value.is_none() => return text.to_owned(),
                None => {
                    lines.push(head);
                    lines.len() - 1
                }
            };
            let after = lines[at + 1..]
                .iter()
                .position(|line| says(line) && indent(line) == 0);
            let end = after.map_or(lines.len(), |offset| at + 1 + offset);
            let first = lines[at + 1..end].iter().find(|line| says(line));
            let own = first.map_or(2, |line| indent(line));
            (at + 1, end, own)
        }
    };
    let line = value.map(|value| format!("{}{name}: {value}", " ".repeat(own)));
    let head = format!("{}{name}:", " ".repeat(own));
    match lines[start..end]
        .iter()
        .position(|line| line.starts_with(&head))
    {
        Some(offset) => {
            let at = start + offset;
            // A list of before, each on a line of its own.
            let of_value = |line: &&String| {
                says(line)
                    && (indent(line) > own
                        || indent(line) == own && line.trim_start().starts_with("- "))
            };
            let more = lines[at + 1..end].iter().take_while(of_value).count();
            lines.splice(at..=at + more, line);
        }
        None => drop(lines.splice(start..start, line)),
    }
    lines
        .iter()
        .fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(before: &str, key: &str, values: &[&str]) -> Result<String, Error> {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("deep/config.yaml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        if !before.is_empty() {
            std::fs::write(&file, before).unwrap();
        }
        let environment = Environment::empty().with("MIKRON_CONFIG", &file.display().to_string());
        let values: Vec<String> = values.iter().map(|&v| v.to_owned()).collect();
        Settings::set(&environment, key, &values)?;
        Ok(std::fs::read_to_string(&file).unwrap())
    }

    #[test]
    fn a_setting_is_written_where_it_belongs_and_all_else_stays() {
        let url = "https://example.org/debian";
        let line = "debian: [\"https://example.org/debian\"]";
        let cases = [
            ("", format!("mirrors:\n  {line}\n")),
            (
                "quota: 5 # small\n",
                format!("quota: 5 # small\nmirrors:\n  {line}\n"),
            ),
            (
                "# mine\nmirrors: # all\n    # near\n    debian:\n    - https://a.example.org\n    - https://b.example.org\nquota: 5\n",
                format!("# mine\nmirrors: # all\n    # near\n    {line}\nquota: 5\n"),
            ),
            (
                "mirrors:\n  debian-security: [https://s.example.org]\n",
                format!("mirrors:\n  {line}\n  debian-security: [https://s.example.org]\n"),
            ),
        ];
        for (before, after) in cases {
            assert_eq!(set(before, "mirror.debian", &[url]).unwrap(), after);
        }
        let quota = set("quota: 5\n# end\n", "quota", &["7"]).unwrap();
        assert_eq!(quota, "quota: 7\n# end\n");
    }

    #[test]
    fn a_setting_is_taken_away_and_all_else_stays() {
        let cases = [
            ("quota: 5 # small\nca: []\n", "quota", "ca: []\n"),
            ("# mine\nquota: 5\n", "ca", "# mine\nquota: 5\n"),
            ("# mine\n", "mirror.debian", "# mine\n"),
            ("quota: 5\n", "quota", ""),
            (
                "mirrors:\n  # near\n  debian:\n  - https://a.example.org\n  debian-security: []\nquota: 5\n",
                "mirror.debian",
                "mirrors:\n  # near\n  debian-security: []\nquota: 5\n",
            ),
            // What is left of a section says nothing, and is no fault.
            (
                "mirrors:\n  debian: [https://a.example.org]\nquota: 5\n",
                "mirror.debian",
                "mirrors:\nquota: 5\n",
            ),
        ];
        for (before, key, after) in cases {
            let home = tempfile::tempdir().unwrap();
            let file = home.path().join("config.yaml");
            std::fs::write(&file, before).unwrap();
            let environment =
                Environment::empty().with("MIKRON_CONFIG", &file.display().to_string());
            Settings::unset(&environment, key).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), after, "{key}");
            Settings::read(&environment).unwrap();
        }
    }

    #[test]
    fn certificate_authorities_are_kept_by_a_path_that_holds_everywhere() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        std::fs::write(home.join("company.pem"), "").unwrap();
        let way = home.join(".").join("company.pem").display().to_string();
        let written = set("", "ca", &[&way]).unwrap();
        assert_eq!(
            written,
            format!("ca: [\"{}/company.pem\"]\n", home.display())
        );
        let error = set("", "ca", &["/nowhere/company.pem"]).unwrap_err();
        assert!(
            error.to_string().contains("/nowhere/company.pem"),
            "{error}"
        );
    }

    #[test]
    fn the_page_on_configuration_shows_a_file_with_every_key() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = std::fs::read_to_string(page).unwrap();
        let file = page.split("```yaml\n").nth(1).unwrap();
        let file = file.split("```").next().unwrap();
        let Settings { mirrors, ca, quota } = Settings::parse(Path::new("page"), file).unwrap();
        assert!(mirrors.len() == 2 && ca.len() == 1 && quota.is_some());
    }

    #[test]
    fn settings_that_several_set_at_once_are_all_there_and_stay_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.yaml");
        std::fs::write(&file, "# mine\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let environment = Environment::empty().with("MIKRON_CONFIG", &file.display().to_string());
        let keys = ["mirror.debian", "mirror.debian-security", "quota"];
        std::thread::scope(|scope| {
            for key in keys {
                let value = if key == "quota" {
                    "5"
                } else {
                    "https://me:secret@example.org/x"
                };
                let environment = &environment;
                scope.spawn(move || Settings::set(environment, key, &[value.to_owned()]).unwrap());
            }
        });
        let settings = Settings::read(&environment).unwrap();
        assert_eq!((settings.mirrors.len(), settings.quota), (2, Some(5)));
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_password_is_in_no_error_of_settings() {
        let secret = "http://me:s3cret@h .example.org/";
        let error = set("", "mirror.debian", &[secret]).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
        let by_hand = "mirrors: { debian: [https://a.example.org] }\n";
        let url = "http://me:s3cret@h.example.org/";
        let error = set(by_hand, "mirror.debian", &[url]).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(set("", "mirror.debian", &["ftp://example.org/debian"]).is_err());
    }

    #[test]
    fn what_cannot_be_set_is_said_with_what_can() {
        let cases: [(&str, &str, &[&str], &str); 6] = [
            (
                "",
                "mirror.debain",
                &["https://example.org"],
                "mirror.debian",
            ),
            ("", "mirrors", &["https://example.org"], "mirror.debian"),
            (
                "",
                "mirror.debian",
                &["example.org"],
                "https://example.org/debian",
            ),
            ("", "mirror.debian", &[], "https://example.org/debian"),
            ("", "quota", &["8G"], "number of bytes"),
            (
                "mirrors: { debian: [https://a.example.org] }\n",
                "mirror.debian",
                &["https://b.example.org"],
                "by hand",
            ),
        ];
        for (before, key, values, says) in cases {
            let error = set(before, key, values).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn the_overview_says_where_each_setting_comes_from() {
        let home = tempfile::tempdir().unwrap();
        let apt = home.path().join("etc/apt");
        std::fs::create_dir_all(&apt).unwrap();
        std::fs::write(
            apt.join("sources.list"),
            "deb http://apt.example.org/debian stable main\n",
        )
        .unwrap();
        let environment = Environment::empty()
            .with_root(home.path())
            .with("HOME", "/home/me")
            .with("https_proxy", "http://me:secret@proxy.example.org")
            .with("MIKRON_MIRROR_DEBIAN_SECURITY", "https://s.example.org");
        let overview = Settings::overview(&environment).unwrap();
        let said: Vec<String> = overview
            .iter()
            .map(|s| {
                format!(
                    "{} {} {}",
                    s.key,
                    s.values.join(","),
                    s.from.as_deref().unwrap_or("-")
                )
            })
            .collect();
        let expected = [
            "mirror.debian http://apt.example.org/debian the machine's apt sources",
            "mirror.debian-security https://s.example.org MIKRON_MIRROR_DEBIAN_SECURITY",
            "quota 10737418240 built in",
            "cache /home/me/.cache/mikron HOME",
            "config /home/me/.config/mikron/config.yaml HOME",
        ];
        assert_eq!(said[..5], expected);
        assert!(!said[5].contains("secret"), "{}", said[5]);
        assert_eq!(said[6], "ca  built in");
    }
}
