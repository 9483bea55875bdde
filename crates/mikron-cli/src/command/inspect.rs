//! `mikron inspect`: what an image or one archive holds.

use std::fmt::Write as _;
use std::path::Path;

use mikron::facts::{ElfFacts, FileFacts, PackageFacts};
use mikron::package::EntryKind;
use mikron::spec::Timestamp;
use serde::Serialize;

use super::holdings::{Image, docker_archive, inventory};
use super::{builder_for, print, print_json};
use crate::arguments::Inspect;
use crate::failure::Failure;
use crate::text::{Style, bytes, count, printable, size, table};

pub(crate) fn run(arguments: &Inspect, quiet: bool, style: Style) -> Result<(), Failure> {
    let Inspect {
        what,
        resolved,
        shared,
    } = arguments;
    if *resolved {
        let builder = builder_for(what, shared, quiet, style)?;
        return print(&builder.text().resolved());
    }
    if !is_package(what) {
        let mut inventory = inventory(what, shared, quiet, style)?;
        if !shared.platforms.is_empty() {
            let wanted = |platform: &_| shared.platforms.contains(platform);
            inventory.platforms.retain(|platform, _| wanted(platform));
        }
        let image = Image::of(what, &inventory);
        return if shared.json {
            print_json(&image)
        } else {
            print(&image.text())
        };
    }
    let facts = mikron::inspect_archive(what)?;
    let archive = Archive::of(&facts);
    if shared.json {
        print_json(&archive)
    } else {
        print(&archive.text())
    }
}

/// Whether something is rather an archive of a package than an image: a file that is neither named like one nor a tar file. One in
/// gzip is that of Alpine.
fn is_package(what: &Path) -> bool {
    let text = what.to_str().unwrap_or_default();
    let named = ["oci:", "docker:", "docker-archive:"]
        .iter()
        .any(|kind| text.starts_with(kind))
        || text == "-";
    let extension = what.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("deb" | "rpm" | "apk") => true,
        Some("yaml" | "yml" | "lock" | "tar") => false,
        _ => !named && !what.is_dir() && docker_archive(what).is_none(),
    }
}

/// What `mikron inspect --json` prints of an archive.
#[derive(Serialize)]
struct Archive {
    name: String,
    version: String,
    architecture: String,
    /// All fields of the metadata in the archive's order, as pairs.
    fields: Vec<(String, String)>,
    scripts: Vec<Script>,
    config_files: Vec<String>,
    entries: Vec<Item>,
}

#[derive(Serialize)]
struct Script {
    name: String,
    text: String,
}

/// One entry with its facts.
#[derive(Serialize)]
struct Item {
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Four octal digits or more.
    mode: String,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    size: u64,
    /// In UTC.
    time: String,
    /// Where a symbolic or hard link points.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// Major and minor number.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<(u32, u32)>,
    /// Digest of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Extended attributes, values escaped where they are not text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    xattrs: Vec<(String, String)>,
    /// The capability that the entry belongs to.
    capability: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    elf: Option<Elf>,
    /// The interpreter of a script with its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loader_dirs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What an ELF file says of itself.
#[derive(Serialize)]
struct Elf {
    /// `executable`, `shared`, …
    kind: &'static str,
    machine: u16,
    bits: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    interpreter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    soname: Option<String>,
    needed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rpath: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runpath: Vec<String>,
    /// Required symbol versions, by library.
    requires: Vec<(String, Vec<String>)>,
    /// Defined symbol versions.
    provides: Vec<String>,
    /// Libraries that it says it loads with dlopen(3).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dlopen: Vec<String>,
    /// Imported symbols that a rule asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    imports: Vec<String>,
}

impl Archive {
    fn of(facts: &PackageFacts) -> Self {
        let metadata = &facts.metadata;
        let script = |script: &mikron::package::Script| Script {
            name: script.name.clone(),
            text: String::from_utf8_lossy(&script.text).into_owned(),
        };
        Self {
            name: metadata.record.name.to_string(),
            version: metadata.record.version.to_string(),
            architecture: metadata.record.arch.clone(),
            fields: metadata.fields.clone(),
            scripts: metadata.scripts.iter().map(script).collect(),
            config_files: metadata
                .config_files
                .iter()
                .map(ToString::to_string)
                .collect(),
            entries: facts.files.iter().map(Item::of).collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.fields {
            let value = printable(value).replace('\n', "\n  ");
            let _ = writeln!(text, "{}: {value}", printable(name));
        }
        if !self.scripts.is_empty() {
            let _ = writeln!(
                text,
                "\n{} (never run)",
                count(self.scripts.len(), "maintainer script")
            );
            for script in &self.scripts {
                let lines = script.text.lines().count();
                let _ = writeln!(
                    text,
                    "  {} ({})",
                    printable(&script.name),
                    count(lines, "line")
                );
            }
        }
        if !self.config_files.is_empty() {
            let _ = writeln!(
                text,
                "\n{}",
                count(self.config_files.len(), "configuration file")
            );
            for path in &self.config_files {
                let _ = writeln!(text, "  {}", printable(path));
            }
        }
        let total: u64 = self.entries.iter().map(|entry| entry.size).sum();
        let entries = match self.entries.len() {
            1 => "1 entry".to_owned(),
            n => format!("{n} entries"),
        };
        let _ = writeln!(text, "\n{entries}, {}", size(total));
        text.push_str(&table(self.entries.iter().map(Item::row).collect(), &[3]));
        let facts: Vec<_> = self.entries.iter().filter_map(Item::facts).collect();
        if !facts.is_empty() {
            text.push_str("\nfacts\n");
            for fact in facts {
                text.push_str(&fact);
            }
        }
        text
    }
}

impl Item {
    fn of(file: &FileFacts) -> Self {
        let entry = &file.entry;
        let (kind, link, device) = match &entry.kind {
            EntryKind::File { .. } => ("file", None, None),
            EntryKind::Directory => ("directory", None, None),
            EntryKind::Symlink { target } => ("symlink", Some(bytes(target)), None),
            EntryKind::Hardlink { target } => ("hardlink", Some(target.to_string()), None),
            EntryKind::CharDevice { major, minor } => ("char-device", None, Some((*major, *minor))),
            EntryKind::BlockDevice { major, minor } => {
                ("block-device", None, Some((*major, *minor)))
            }
            EntryKind::Fifo => ("fifo", None, None),
        };
        let time = Timestamp::new(entry.mtime);
        Self {
            path: entry.path.to_string(),
            kind,
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            user: entry.user.as_deref().map(str::to_owned),
            group: entry.group.as_deref().map(str::to_owned),
            size: entry.size(),
            time: time.map_or_else(|| entry.mtime.to_string(), |time| time.to_string()),
            link,
            device,
            digest: file.digest.map(|digest| digest.to_string()),
            xattrs: entry
                .xattrs
                .iter()
                .map(|(name, value)| (bytes(name), bytes(value)))
                .collect(),
            capability: file.class.name(),
            elf: file.elf.as_deref().map(Elf::of),
            script: file.script.as_ref().map(|s| {
                format!("{} {}", s.interpreter, s.arguments)
                    .trim()
                    .to_owned()
            }),
            loader_dirs: file.loader_dirs.clone(),
            note: file.note.as_deref().map(str::to_owned),
        }
    }

    /// The entry as a row: type, mode, owner, size, time, digest, path with link.
    fn row(&self) -> Vec<String> {
        let owner = |name: &Option<String>, number: u32| match name {
            Some(name) if !name.is_empty() => name.clone(),
            _ => number.to_string(),
        };
        let size = match self.device {
            Some((major, minor)) => format!("{major},{minor}"),
            None => self.size.to_string(),
        };
        let path = match (&self.link, self.kind) {
            (Some(target), "hardlink") => format!("{} = {target}", self.path),
            (Some(target), _) => format!("{} -> {target}", self.path),
            (None, _) => self.path.clone(),
        };
        vec![
            self.kind.to_owned(),
            self.mode.clone(),
            format!(
                "{}:{}",
                owner(&self.user, self.uid),
                owner(&self.group, self.gid)
            ),
            size,
            self.time.clone(),
            self.digest.clone().unwrap_or_else(|| "-".to_owned()),
            path,
        ]
    }

    /// What is known of the content, in lines; `None` where that is nothing.
    fn facts(&self) -> Option<String> {
        let mut lines = Vec::new();
        if let Some(elf) = &self.elf {
            elf.lines(&mut lines);
        }
        if let Some(script) = &self.script {
            lines.push(format!("script for {script}"));
        }
        if !self.loader_dirs.is_empty() {
            lines.push(format!(
                "the loader also looks in {}",
                self.loader_dirs.join(", ")
            ));
        }
        lines.extend(
            self.xattrs
                .iter()
                .map(|(name, value)| format!("{name} = {value}")),
        );
        lines.extend(self.note.clone());
        if lines.is_empty() {
            return None;
        }
        let mut text = format!("  {} ({})\n", printable(&self.path), self.capability);
        for line in lines {
            let _ = writeln!(text, "    {}", printable(&line));
        }
        Some(text)
    }
}

impl Elf {
    fn of(elf: &ElfFacts) -> Self {
        use mikron::facts::{ElfClass, ElfKind};
        let names = |needs: &mikron::facts::NeededVersions| {
            needs
                .versions
                .iter()
                .map(|version| version.name.clone())
                .collect()
        };
        Self {
            kind: match elf.kind {
                ElfKind::Relocatable => "relocatable",
                ElfKind::Executable | ElfKind::PositionIndependent if elf.is_static() => "static",
                ElfKind::Executable | ElfKind::PositionIndependent => "executable",
                ElfKind::Shared => "shared",
                ElfKind::Other => "other",
            },
            machine: elf.machine,
            bits: match elf.class {
                ElfClass::Elf32 => 32,
                ElfClass::Elf64 => 64,
            },
            interpreter: elf.interpreter.clone(),
            soname: elf.soname.clone(),
            needed: elf.needed.clone(),
            rpath: elf.rpath.clone(),
            runpath: elf.runpath.clone(),
            requires: elf
                .version_needs
                .iter()
                .map(|n| (n.library.clone(), names(n)))
                .collect(),
            provides: elf.version_definitions.clone(),
            dlopen: elf
                .dlopen
                .iter()
                .flat_map(|note| note.sonames.clone())
                .collect(),
            imports: elf
                .imports
                .iter()
                .map(|symbol| symbol.name.clone())
                .collect(),
        }
    }

    /// The name of a machine as System V's gABI registers it.
    fn machine(&self) -> String {
        match self.machine {
            3 => "x86".to_owned(),
            21 => "POWER, 64 bits".to_owned(),
            22 => "IBM Z".to_owned(),
            40 => "Arm".to_owned(),
            62 => "x86-64".to_owned(),
            183 => "AArch64".to_owned(),
            243 => "RISC-V".to_owned(),
            other => format!("machine {other}"),
        }
    }

    fn lines(&self, lines: &mut Vec<String>) {
        lines.push(format!("ELF {} for {}", self.kind, self.machine()));
        let mut one = |label: &str, value: &Option<String>| {
            if let Some(value) = value {
                lines.push(format!("{label} {value}"));
            }
        };
        one("soname", &self.soname);
        one("loader", &self.interpreter);
        let mut list = |label: &str, values: &[String], between: &str| {
            if !values.is_empty() {
                lines.push(format!("{label} {}", values.join(between)));
            }
        };
        list("needs", &self.needed, ", ");
        list("rpath", &self.rpath, ":");
        list("runpath", &self.runpath, ":");
        for (library, versions) in &self.requires {
            list(&format!("requires of {library}"), versions, ", ");
        }
        list("defines", &self.provides, ", ");
        list("loads at run time", &self.dlopen, ", ");
        list("imports", &self.imports, ", ");
    }
}
