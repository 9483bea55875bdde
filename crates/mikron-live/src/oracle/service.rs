//! A service of systemd (systemd.service(5), systemd.exec(5)), started without systemd.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::{Contents, Outcome};
use crate::runtime::{Bundle, Run};

/// How long a service has until it listens.
const STARTING: Duration = Duration::from_secs(12);

/// How long it has to stay as it is.
const SETTLING: Duration = Duration::from_millis(1500);

/// Ports from here on are chosen by the kernel (`net.ipv4.ip_local_port_range`).
const EPHEMERAL: u16 = 32768;

/// Where a container has the shell that starts the service. The name is how busybox knows that it is to take another.
const BUSYBOX: &str = "/busybox-of-the-probe";

/// What a unit starts.
#[derive(Clone, Debug)]
pub struct Service {
    unit: String,
    words: Vec<String>,
    user: Option<String>,
    /// Directories that systemd would make, below `/run`, `/var/lib`, `/var/cache` and `/var/log`.
    directories: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Whether a path is a unit that can be started as it is: not a template.
pub(super) fn is_unit(path: &str) -> bool {
    let name = path
        .strip_prefix("/lib/systemd/system/")
        .or_else(|| path.strip_prefix("/usr/lib/systemd/system/"));
    let name = name.and_then(|name| name.strip_suffix(".service"));
    name.is_some_and(|name| !name.contains(['@', '/']))
}

impl Service {
    /// The service of a package: the unit that is called like it first.
    pub(super) fn of(package: &str, contents: &Contents) -> Option<Self> {
        let units = contents.texts.iter().filter(|(path, _)| is_unit(path));
        let mut units: Vec<(&String, &String)> = units.collect();
        let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        units.sort_by_key(|(path, _)| {
            (
                name(path) != format!("{package}.service"),
                path.len(),
                name(path),
            )
        });
        let of_unit = |(path, text): (&String, &String)| Self::read(&name(path), text, contents);
        units.into_iter().find_map(of_unit)
    }

    fn read(unit: &str, text: &str, contents: &Contents) -> Option<Self> {
        let text = text.replace("\\\n", " ");
        let all = |key: &str| -> Vec<String> {
            let lines = text.lines().map(str::trim);
            let values = lines.filter_map(|line| line.split_once('='));
            let values = values.filter(|(name, _)| name.trim() == key);
            values.map(|(_, value)| value.trim().to_owned()).collect()
        };
        let command = all("ExecStart").pop()?;
        let command = command
            .trim_start_matches(['@', '-', ':', '+', '!'])
            .to_owned();
        let mut environment: Vec<(String, String)> = Vec::new();
        let pairs = |line: &str| {
            let (name, value) = line.trim().trim_matches('"').split_once('=')?;
            let value = value.trim_matches(['"', '\'']);
            Some((name.to_owned(), value.to_owned()))
        };
        environment.extend(
            all("Environment")
                .iter()
                .flat_map(|line| words(line))
                .filter_map(|word| pairs(&word)),
        );
        for file in all("EnvironmentFile") {
            let text = contents.texts.get(file.trim_start_matches('-'));
            let lines = text.into_iter().flat_map(|text| text.lines());
            environment.extend(
                lines
                    .filter(|line| !line.starts_with('#'))
                    .filter_map(pairs),
            );
        }
        let known: BTreeMap<&str, &str> = environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let expanded = words(&command).into_iter().flat_map(|word| {
            match word.strip_prefix('$').filter(|name| !name.starts_with('{')) {
                // A variable of its own is split at spaces, and vanishes where it is empty.
                Some(name) => words(known.get(name).copied().unwrap_or_default()),
                None => vec![substitute(&word, &known)],
            }
        });
        let words: Vec<String> = expanded.collect();
        if !words
            .first()
            .is_some_and(|program| program.starts_with('/'))
        {
            return None;
        }
        let below = [
            ("RuntimeDirectory", "run"),
            ("StateDirectory", "var/lib"),
            ("CacheDirectory", "var/cache"),
            ("LogsDirectory", "var/log"),
        ];
        let directories = below.iter().flat_map(|(key, dir)| {
            let names = all(key).join(" ");
            let of_one = |name: &str| format!("{dir}/{name}");
            names.split_whitespace().map(of_one).collect::<Vec<_>>()
        });
        Some(Self {
            unit: unit.to_owned(),
            words,
            user: all("User").pop(),
            directories: directories.collect(),
            environment,
        })
    }

    /// Starts it, and gives what it listens on, or how it ended.
    pub(super) fn run(&self, bundle: &Bundle, busybox: &Path) -> Outcome {
        let answer = |text: String, said: Vec<String>| Outcome {
            answers: BTreeMap::from([(self.unit.clone(), text)]),
            said,
        };
        let user = match self
            .user
            .as_deref()
            .map(|name| account(&bundle.rootfs(), name))
        {
            Some(None) => return answer("there is no such user".into(), Vec::new()),
            Some(Some(numbers)) => Some(numbers),
            None => Some((0, 0)),
        };
        for dir in &self.directories {
            let dir = bundle.rootfs().join(dir);
            if fs::create_dir_all(&dir).is_ok() {
                let _ = chown(&dir, user.map(|(uid, _)| uid), user.map(|(_, gid)| gid));
            }
        }
        let start = "\"$@\"; echo \"@ended $?\"; sleep 20";
        let start = [BUSYBOX, "sh", "-c", start, "sh"].map(str::to_owned);
        let mut container = bundle.start(&Run {
            args: Some([&start[..], &self.words].concat()),
            user,
            binds: vec![(busybox.to_owned(), BUSYBOX.into())],
            env: [
                &[("HOME".to_owned(), "/".to_owned())][..],
                &self.environment,
            ]
            .concat(),
            ..Run::default()
        });
        let pid = container.pid();
        let end = Instant::now() + STARTING;
        let (mut listened, mut since) = (BTreeSet::new(), Instant::now());
        let ended = loop {
            thread::sleep(Duration::from_millis(100));
            let now = listeners(pid);
            if now != listened {
                (listened, since) = (now, Instant::now());
            }
            let output = container.output();
            let ended = output
                .lines()
                .find_map(|line| line.strip_prefix("@ended "))
                .map(str::to_owned);
            let settled = since.elapsed() > SETTLING && (!listened.is_empty() || ended.is_some());
            if settled || Instant::now() > end {
                break ended;
            }
        };
        let said: Vec<String> = container.output().lines().map(str::to_owned).collect();
        let ports: Vec<String> = listened.into_iter().collect();
        match ended {
            _ if !ports.is_empty() => {
                answer(format!("listens on {}", ports.join(", ")), Vec::new())
            }
            Some(code) => answer(format!("exit {code}: {}", said.join("\n")), Vec::new()),
            None => answer("listens on nothing and stays".into(), Vec::new()),
        }
    }
}

/// Splits a command as systemd does: at spaces, with quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut started) = (String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => (quote, started) = (Some(c), true),
            (None, c) if c.is_whitespace() => {
                if started || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            (_, c) => word.push(c),
        }
    }
    if started || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Puts in what stands as `${NAME}` inside a word.
fn substitute(word: &str, known: &BTreeMap<&str, &str>) -> String {
    let mut parts = word.split("${");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('}') {
            Some((name, rest)) => {
                text += known.get(name).copied().unwrap_or_default();
                text += rest;
            }
            None => text += part,
        }
    }
    text
}

/// User and group of an account in a root filesystem.
fn account(root: &Path, name: &str) -> Option<(u32, u32)> {
    let text = fs::read_to_string(root.join("etc/passwd")).ok()?;
    let line = text
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// What the processes of a network namespace listen on: `tcp 80`, `udp 53`, `/run/x.sock`.
fn listeners(pid: u32) -> BTreeSet<String> {
    let table = |name: &str| {
        let path: PathBuf = format!("/proc/{pid}/net/{name}").into();
        fs::read_to_string(path).unwrap_or_default()
    };
    let mut found = BTreeSet::new();
    for (name, kind, state) in [
        ("tcp", "tcp", "0A"),
        ("tcp6", "tcp", "0A"),
        ("udp", "udp", "07"),
        ("udp6", "udp", "07"),
    ] {
        for line in table(name).lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, its_state, ..] = fields[..] else {
                continue;
            };
            let port = local
                .rsplit(':')
                .next()
                .and_then(|port| u16::from_str_radix(port, 16).ok());
            if let Some(port) = port.filter(|_| its_state == state) {
                let port = if port < EPHEMERAL {
                    port.to_string()
                } else {
                    "any".into()
                };
                found.insert(format!("{kind} {port}"));
            }
        }
    }
    for line in table("unix").lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // Flags 00010000: it accepts connections (proc(5)).
        if let [_, _, _, "00010000", _, _, _, path] = fields[..] {
            // Names with numbers in them are made up at each start.
            let plain: String = path.chars().filter(|c| !c.is_ascii_digit()).collect();
            found.insert(plain);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_with_its_options() {
        let unit = "[Service]\nEnvironmentFile=-/etc/default/x\nUser=x\nRuntimeDirectory=x y\nExecStart=-/usr/sbin/xd -f ${DIR}/c \\\n $OPTS 'a b'\n";
        let texts = [
            ("/lib/systemd/system/x.service", unit),
            ("/etc/default/x", "# no\nDIR=/etc/x\nOPTS=\"-a -b\"\n"),
        ];
        let texts = texts.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let contents = Contents {
            paths: Vec::new(),
            texts: BTreeMap::from(texts),
        };
        let service = Service::of("x", &contents).unwrap();
        assert_eq!(
            service.words,
            ["/usr/sbin/xd", "-f", "/etc/x/c", "-a", "-b", "a b"]
        );
        assert_eq!(service.directories, ["run/x", "run/y"]);
        assert_eq!(service.user.as_deref(), Some("x"));
    }
}
