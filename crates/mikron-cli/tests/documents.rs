//! The documents are true: their commands run, and say what the pages show; their specs, rules and tables are ones; their links lead
//! somewhere.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process;

use common::repositories;
use mikron::Builder;
use mikron::package::Limits;
use mikron::rootfs::Installation;
use mikron::select::{Definitions, Rules};
use mikron_testkit::documents::{Block, Command, Page, Reader, lacks, pages};
use mikron_testkit::frozen;
use serde_json::Value;

/// Commands that are not run here, by what they begin with or hold, and why. In `mikron-live` the pages on applications and the first hour
/// are played with engine and compilers.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cargo install", "compiles for minutes"),
    ("cargo test", "is what runs this"),
    ("docker://", "takes a registry"),
    ("docker-daemon:", "takes a running engine"),
    ("containerd:", "takes a running engine"),
    ("docker", "takes a running engine"),
    ("podman", "takes root or user namespaces"),
    ("ctr", "takes a running engine"),
    ("nerdctl", "takes a running engine"),
    ("CGO_ENABLED=0 go", "takes a compiler"),
    ("rustc", "takes a linker"),
    ("g++", "takes a compiler"),
    ("javac", "takes a compiler"),
    ("jar", "takes a compiler"),
    ("mikron run", "takes a container runtime"),
    ("mikron try", "takes a container runtime"),
    ("unshare", "takes root, and runs all tests"),
];

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

fn documents() -> Vec<Page> {
    pages(&root())
}

/// The entry of the list above that a command falls under.
fn elsewhere(command: &str) -> Option<&'static str> {
    let mut keys = ELSEWHERE.iter().map(|(key, _)| *key);
    let begins = keys
        .clone()
        .find(|key| command.starts_with(&format!("{key} ")));
    begins.or_else(|| keys.find(|key| command.contains(&format!(" {key}"))))
}

#[test]
fn every_command_runs_and_says_what_the_page_shows() {
    let root = root();
    let pages = documents();
    let mikron = Path::new(env!("CARGO_BIN_EXE_mikron"));
    let play = |page: &Page| {
        let reader = Reader::new(mikron, &root, repositories::write).with_frozen_archive();
        reader.play(page, &|command| elsewhere(command).is_some())
    };
    let faults: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = pages
            .iter()
            .map(|page| scope.spawn(|| play(page)))
            .collect();
        let done = running.into_iter();
        done.flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn nothing_is_left_out_without_need() {
    let pages = documents();
    let blocks = pages.iter().flat_map(|page| &page.blocks);
    let commands: Vec<Command> = blocks.flat_map(Command::of).collect();
    let used: BTreeSet<&str> = commands
        .iter()
        .filter_map(|command| elsewhere(&command.text))
        .collect();
    for (key, reason) in ELSEWHERE {
        assert!(used.contains(key), "no page has `{key}`, which {reason}");
    }
    let ours = |command: &&Command| command.text.starts_with("mikron ");
    let own: Vec<&Command> = commands.iter().filter(ours).collect();
    let run = own
        .iter()
        .filter(|command| elsewhere(&command.text).is_none());
    assert!(run.count() > 20 && !own.is_empty());
}

/// What a block of YAML is, told by its first key, and whether it is a good one.
fn read_yaml(block: &Block) -> Result<(), String> {
    let limits = Limits::default();
    let text = &block.text;
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let first = first.unwrap_or_default().trim_start_matches("- ");
    match first.split(':').next().unwrap_or_default() {
        "mikron" => Builder::from_text("page", text.as_str(), ".")
            .map_err(|e| said(&e))
            .map(drop),
        "rule" => Rules::parse("page", text, &limits)
            .map_err(|e| said(&e))
            .map(drop),
        "package" if text.contains("capability:") => Definitions::parse("page", text, &limits)
            .map_err(|e| said(&e))
            .map(drop),
        "without-effect" | "steps" => Installation::parse("page", text, &limits)
            .map_err(|e| said(&e))
            .map(drop),
        // What is shown of a file of the user's settings, of Kubernetes and of CI is YAML; what of it is ours is tested where it is read.
        "mirrors" | "apiVersion" | "on" | "mikron-lock" => {
            mikron::spec::read_document::<Value>("page", text, 1 << 20)
                .map_err(|e| said(&e))
                .map(drop)
        }
        // A part of a spec.
        _ => {
            let sources = if text.contains("\nsources:") || text.starts_with("sources:") {
                ""
            } else {
                "sources: { debian: { deb: bookworm } }\n"
            };
            let whole = format!("mikron: 1\nname: part\n{sources}{text}");
            Builder::from_text("page", whole, ".")
                .map_err(|e| said(&e))
                .map(drop)
        }
    }
}

#[test]
fn every_block_of_yaml_is_what_it_shows() {
    let mut faults = Vec::new();
    for page in documents() {
        for block in page.blocks.iter().filter(|block| block.language == "yaml") {
            let fault = read_yaml(block).err();
            faults.extend(fault.map(|fault| format!("{}: {fault}", page.at(block.line))));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_block_says_what_language_it_is_in() {
    let known = [
        "",
        "sh",
        "console",
        "yaml",
        "rust",
        "text",
        "json",
        "toml",
        "go",
        "c++",
        "python",
        "js",
        "java",
        "php",
        "ruby",
        "dockerfile",
    ];
    for page in documents() {
        for block in &page.blocks {
            let at = page.at(block.line);
            assert!(
                known.contains(&block.language.as_str()),
                "{at}: {}",
                block.language
            );
            // Who reads the page has to know what the file is called.
            let named = |file: &String| page.spans.iter().any(|(_, span)| span == file);
            assert!(
                block.file.as_ref().is_none_or(named),
                "{at}: the page does not name the file"
            );
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = documents();
    let root = root();
    let by_path: BTreeMap<&str, &Page> = pages
        .iter()
        .map(|page| (page.path.as_str(), page))
        .collect();
    let mut faults = Vec::new();
    for page in &pages {
        for link in &page.links {
            if link.target.contains("://") {
                continue;
            }
            let (file, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
            let path = if file.is_empty() {
                root.join(&page.path)
            } else {
                root.join(&page.path).with_file_name(file)
            };
            let Ok(path) = path.canonicalize() else {
                faults.push(format!(
                    "{}: {} is not there",
                    page.at(link.line),
                    link.target
                ));
                continue;
            };
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let there = by_path
                .get(name.as_str())
                .is_some_and(|page| page.anchors.contains(anchor));
            if !anchor.is_empty() && !there {
                faults.push(format!(
                    "{}: {} has no `{anchor}`",
                    page.at(link.line),
                    name
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn what_running_text_says_of_the_command_line_is_so() {
    let help = |words: &[&str]| {
        let output = process::Command::new(env!("CARGO_BIN_EXE_mikron"))
            .args(words)
            .arg("--help")
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let mut known = BTreeMap::<String, (bool, String)>::new();
    let mut faults = Vec::new();
    for page in documents()
        .iter()
        .filter(|page| page.path != "CHANGELOG.md")
    {
        for (line, span) in &page.spans {
            let Some(rest) = span.strip_prefix("mikron ") else {
                continue;
            };
            let word = rest.split_whitespace().next().unwrap_or_default();
            if word.starts_with('-') {
                continue;
            }
            let of_word = known.entry(word.to_owned());
            let (is_one, help) = of_word.or_insert_with(|| help(&[word]));
            let options = rest.split(|c: char| c.is_whitespace() || "[]|=…".contains(c));
            let unknown = options
                .filter(|option| option.len() > 1 && option.starts_with('-'))
                .find(|option| !help.contains(option));
            if !*is_one || unknown.is_some() {
                faults.push(format!(
                    "{}: `{span}` {}",
                    page.at(*line),
                    unknown.unwrap_or_default()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_book_has_every_page_once() {
    let pages = documents();
    let summary = pages
        .iter()
        .find(|page| page.path == "docs/SUMMARY.md")
        .unwrap();
    let named: Vec<String> = summary
        .links
        .iter()
        .map(|link| format!("docs/{}", link.target))
        .collect();
    let written: Vec<&str> = pages
        .iter()
        .map(|page| page.path.as_str())
        .filter(|path| path.starts_with("docs/") && *path != "docs/SUMMARY.md")
        .collect();
    let mut sorted: Vec<&str> = named.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, written);
    for page in pages.iter().filter(|page| page.path.starts_with("docs/")) {
        assert!(!page.headings.is_empty(), "{} has no heading", page.path);
    }
}

/// The texts that messages are made of: the snapshots, what an hour of somebody new has shown, and the sources.
fn messages() -> Vec<String> {
    fn below(directory: &Path, ends: &[&str], found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, ends, found);
            } else if path
                .extension()
                .is_some_and(|end| ends.iter().any(|e| *e == end))
            {
                found.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut texts = Vec::new();
    below(&root().join("crates"), &["rs", "snap"], &mut texts);
    below(&root().join("docs/first-hour"), &["txt"], &mut texts);
    // Lines that a text of the sources goes over are one.
    let whole = |text: String| text.replace("\\\n", "");
    let lines = texts.into_iter().map(whole).map(|text| {
        let lines = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>()
    });
    lines.flatten().collect()
}

/// What engines say, and not we.
const OF_ENGINES: [&str; 3] = [
    "exec format error",
    "no such file or directory",
    "permission denied",
];

#[test]
fn every_message_of_the_page_on_troubles_is_one_that_is_printed() {
    let page = std::fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let messages = messages();
    let headings: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    assert!(headings.len() > 20);
    for heading in headings {
        if OF_ENGINES.contains(&heading) {
            continue;
        }
        let parts: Vec<&str> = heading
            .split('…')
            .map(str::trim)
            .filter(|part| part.len() > 1)
            .collect();
        let holds = |line: &String| {
            let found = parts.iter().try_fold(line.as_str(), |rest, part| {
                rest.split_once(part).map(|(_, behind)| behind)
            });
            found.is_some()
        };
        assert!(messages.iter().any(holds), "nobody says `{heading}`");
    }
}

#[test]
fn the_lock_that_is_shown_has_the_keys_of_one() {
    let home = common::Home::empty();
    frozen::write_to(&home.path("."));
    let example = std::fs::read_to_string(root().join("docs/examples/nginx.yaml")).unwrap();
    home.write("web.yaml", frozen::spec(&example));
    assert_eq!(home.run(&["-q", "lock", "web.yaml"]).code, 0);
    let read = |text: &str| mikron::spec::read_document::<Value>("lock", text, 1 << 20).unwrap();
    let pages = documents();
    let page = pages
        .iter()
        .find(|page| page.path == "docs/lock.md")
        .unwrap();
    let shown = page
        .blocks
        .iter()
        .find(|block| block.text.contains("mikron-lock:"))
        .unwrap();
    // Of a release alone it is told which archive a suite is of.
    let shown = shown.text.replace("      archive: debian\n", "");
    assert_eq!(lacks(&read(&shown), &read(&home.read("web.lock"))), None);
}
