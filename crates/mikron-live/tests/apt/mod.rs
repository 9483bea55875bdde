//! An apt of its own in a directory, with nothing installed, and the universe of exactly the indexes that it reads.
#![allow(dead_code)] // the survey and the test use different parts of it
#![allow(clippy::unwrap_used)] // the survey is an example, and clippy knows that of tests only

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use mikron_deb::DebFormat;
use mikron_live::mirror::Mirror;
use mikron_package::{Limits, Origin};
use mikron_source::universe::{IndexUniverse, Part, build_index};

/// Packages as `name version`, in order.
pub(crate) type Set = std::collections::BTreeSet<String>;

/// An isolated apt.
pub(crate) struct Apt {
    root: tempfile::TempDir,
    config: PathBuf,
}

impl Apt {
    /// Sets one up and fetches the indexes of bookworm, its updates and its security suite.
    pub(crate) fn new(mirror: &Mirror) -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for dir in [
            "lists/partial",
            "cache/archives/partial",
            "etc/parts",
            "log",
        ] {
            fs::create_dir_all(at(dir)).unwrap();
        }
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let line =
            |url: &str, suite: &str| format!("deb [signed-by={keyring}] {url} {suite} main\n");
        let mut sources = line(&mirror.main, "bookworm") + &line(&mirror.main, "bookworm-updates");
        if let Some(security) = &mirror.security {
            sources.push_str(&line(security, "bookworm-security"));
        }
        fs::write(at("etc/sources.list"), sources).unwrap();
        fs::write(at("status"), "").unwrap();
        let show = |path: &str| at(path).display().to_string();
        let settings = [
            ("Dir::State", show("")),
            ("Dir::State::lists", show("lists")),
            ("Dir::State::status", show("status")),
            ("Dir::State::extended_states", show("extended_states")),
            ("Dir::Cache", show("cache")),
            ("Dir::Cache::archives", show("cache/archives")),
            ("Dir::Etc::sourcelist", show("etc/sources.list")),
            ("Dir::Etc::sourceparts", show("etc/parts")),
            ("Dir::Etc::parts", show("etc/parts")),
            ("Dir::Etc::preferences", show("etc/preferences")),
            ("Dir::Etc::preferencesparts", show("etc/parts")),
            ("Dir::Log", show("log")),
            ("APT::Architecture", "amd64".to_owned()),
            ("APT::Install-Recommends", "false".to_owned()),
            ("APT::Sandbox::User", "root".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            ("Acquire::GzipIndexes", "false".to_owned()),
            (
                "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled",
                "false".to_owned(),
            ),
        ];
        let mut text = String::from("APT::Architectures { \"amd64\"; };\n");
        for (name, value) in settings {
            let _ = writeln!(text, "{name} \"{value}\";");
        }
        let config = at("apt.conf");
        fs::write(&config, text).unwrap();
        let apt = Self { root, config };
        let output = apt.run("apt-get", &["update"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        apt
    }

    fn run(&self, tool: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(tool);
        command
            .env("APT_CONFIG", &self.config)
            .env("LC_ALL", "C.UTF-8");
        command.args(arguments).output().unwrap()
    }

    /// What apt would install for these arguments (`name` or `name=version`); `Err` with its words where it would not, or
    /// would remove something.
    pub(crate) fn install(&self, arguments: &[String]) -> Result<Set, String> {
        let mut all = vec!["-s", "-q", "--no-install-recommends", "install"];
        all.extend(arguments.iter().map(String::as_str));
        let output = self.run("apt-get", &all);
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || text.lines().any(|line| line.starts_with("Remv ")) {
            return Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        }
        let package = |line: &str| {
            let mut words = line.strip_prefix("Inst ")?.split_whitespace();
            let name = words.next()?;
            Some(format!("{name} {}", words.next()?.trim_start_matches('(')))
        };
        Ok(text.lines().filter_map(package).collect())
    }

    /// The universe of the indexes that this apt has.
    pub(crate) fn universe(&self) -> IndexUniverse {
        let lists = self.root.path().join("lists");
        let is_index = |path: &PathBuf| path.to_string_lossy().ends_with("_Packages");
        let mut files: Vec<_> = fs::read_dir(lists)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(is_index)
            .collect();
        files.sort();
        let parts = files.iter().map(|path| part(path)).collect();
        IndexUniverse::new(&DebFormat, "amd64", parts).unwrap()
    }
}

fn part(path: &Path) -> Part {
    let text = fs::read(path).unwrap();
    let origin = Origin::named("Packages");
    let index = build_index(text.as_slice(), "amd64", &Limits::default(), &origin).unwrap();
    let security = path.to_string_lossy().contains("security");
    Part {
        index: Arc::new(index),
        source: if security { "security" } else { "debian" }.to_owned(),
        priority: 500,
        label: path.file_name().unwrap().to_string_lossy().into_owned(),
    }
}
