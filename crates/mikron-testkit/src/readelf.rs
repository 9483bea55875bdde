//! What readelf(1) says of ELF files, as data: the oracle for facts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// A dynamic symbol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// Name.
    pub name: String,
    /// Version, where it has one.
    pub version: Option<String>,
    /// Whether it is the default of its name (`@@`, or no version).
    pub default: bool,
    /// Whether it binds weakly.
    pub weak: bool,
}

/// What readelf says of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadElf {
    /// `ELF64`, `ELF32`.
    pub class: String,
    /// `e_flags`.
    pub flags: u32,
    /// `PT_INTERP`.
    pub interpreter: Option<String>,
    /// Whether there is a dynamic section.
    pub dynamic: bool,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// `DT_FILTER`.
    pub filters: Vec<String>,
    /// `DT_AUXILIARY`.
    pub auxiliaries: Vec<String>,
    /// `DT_RPATH`, split.
    pub rpath: Vec<String>,
    /// `DT_RUNPATH`, split.
    pub runpath: Vec<String>,
    /// `DF_BIND_NOW`, `DF_1_NOW` or `DT_BIND_NOW`.
    pub bind_now: bool,
    /// `DF_1_NODEFLIB`.
    pub no_default_dirs: bool,
    /// Required versions by library.
    pub needs: BTreeMap<String, Vec<String>>,
    /// Defined versions without the base.
    pub definitions: Vec<String>,
    /// Undefined symbols that are not local.
    pub undefined: Vec<Symbol>,
    /// Defined symbols that are not local.
    pub defined: BTreeSet<Symbol>,
    /// `.note.ABI-tag` for Linux, as `3.2.0`.
    pub minimum_kernel: Option<String>,
    /// The highest x86 level in `.note.gnu.property`: 1 is the base.
    pub x86_level: Option<u8>,
}

/// Runs readelf over files and gives what it says of each, in their order.
///
/// # Errors
/// When readelf cannot be run, or speaks of another number of files.
pub fn read(readelf: &Path, files: &[&Path]) -> Result<Vec<ReadElf>, String> {
    // A file alone gets no heading.
    let twice = if let [one] = files {
        vec![*one]
    } else {
        Vec::new()
    };
    let output = Command::new(readelf)
        .env("LC_ALL", "C")
        .args(["-W", "-h", "-d", "-V", "-l", "-n", "--dyn-syms"])
        .args(files)
        .args(&twice)
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut all = Vec::new();
    let mut parser: Option<Parser> = None;
    for line in text.lines() {
        if line.starts_with("File: ") {
            all.extend(parser.take().map(|parser| parser.file));
            parser = Some(Parser::default());
        } else if let Some(parser) = &mut parser {
            parser.line(line);
        }
    }
    all.extend(parser.map(|parser| parser.file));
    all.truncate(all.len() - twice.len().min(all.len()));
    if all.len() == files.len() {
        Ok(all)
    } else {
        Err(format!(
            "{} files, and readelf speaks of {}",
            files.len(),
            all.len()
        ))
    }
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Section {
    #[default]
    Head,
    Needs,
    Definitions,
    Symbols,
}

#[derive(Default)]
struct Parser {
    file: ReadElf,
    section: Section,
    library: String,
}

impl Parser {
    fn line(&mut self, line: &str) {
        let file = &mut self.file;
        if line.starts_with("Version needs") {
            self.section = Section::Needs;
        } else if line.starts_with("Version definition") {
            self.section = Section::Definitions;
        } else if line.starts_with("Symbol table '.dynsym'")
            || line.starts_with("Symbol table for image")
        {
            self.section = Section::Symbols;
        } else if line.starts_with("Version symbols") || line.starts_with("Displaying notes") {
            self.section = Section::Head;
        } else if line.starts_with("Dynamic section at offset") {
            file.dynamic = true;
        } else if let Some((_, path)) = line.split_once("Requesting program interpreter: ") {
            file.interpreter = Some(path.trim_end_matches(']').to_owned());
        } else {
            match self.section {
                Section::Head => self.head(line),
                Section::Needs => self.needs(line),
                Section::Definitions => {
                    if let (Some((_, name)), false) =
                        (line.split_once("Name: "), line.contains("Flags: BASE"))
                    {
                        file.definitions.push(name.trim().to_owned());
                    }
                }
                Section::Symbols => self.symbol(line),
            }
        }
    }

    fn head(&mut self, line: &str) {
        let file = &mut self.file;
        let after = |word: &str| {
            let rest = line.trim_start().strip_prefix(word)?;
            rest.split([',', ' ']).find(|word| !word.is_empty())
        };
        if let Some(class) = after("Class:") {
            class.clone_into(&mut file.class);
        } else if let Some(flags) = after("Flags:").and_then(|flags| flags.strip_prefix("0x")) {
            file.flags = u32::from_str_radix(flags, 16).unwrap_or_default();
        } else if line.contains("(NEEDED)") {
            file.needed.extend(bracketed(line));
        } else if line.contains("(FILTER)") {
            file.filters.extend(bracketed(line));
        } else if line.contains("(AUXILIARY)") {
            file.auxiliaries.extend(bracketed(line));
        } else if line.contains("(SONAME)") {
            file.soname = bracketed(line);
        } else if line.contains("(RPATH)") {
            file.rpath = split(line);
        } else if line.contains("(RUNPATH)") {
            file.runpath = split(line);
        } else if line.contains("(BIND_NOW)") {
            file.bind_now = true;
        } else if line.contains("(FLAGS)") || line.contains("(FLAGS_1)") {
            let mut words = line.split_whitespace();
            file.bind_now |= words.any(|word| matches!(word, "BIND_NOW" | "NOW"));
            file.no_default_dirs |= line.contains("NODEFLIB");
        } else if let Some((_, version)) = line.split_once("OS: Linux, ABI: ") {
            file.minimum_kernel = Some(version.trim().to_owned());
        } else if let Some((_, levels)) = line.split_once("x86 ISA needed: ") {
            let levels = levels.split(", ").map(|level| match level.trim() {
                "x86-64-baseline" => Some(1),
                level => level.strip_prefix("x86-64-v").and_then(|n| n.parse().ok()),
            });
            file.x86_level = levels.max().flatten();
        }
    }

    fn needs(&mut self, line: &str) {
        let first = |rest: &str| {
            rest.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        if let Some((_, rest)) = line.split_once("File: ") {
            self.library = first(rest);
            self.file.needs.entry(self.library.clone()).or_default();
        } else if let Some((_, rest)) = line.split_once("Name: ") {
            let of_library = self.file.needs.entry(self.library.clone()).or_default();
            of_library.push(first(rest));
        }
    }

    fn symbol(&mut self, line: &str) {
        // A unique symbol in a file that does not say that its ABI is GNU's.
        let line = line.replace("<OS specific>: 10", "UNIQUE");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, kind, binding, rest @ ..] = words.as_slice() else {
            return;
        };
        // Some machines have a note between visibility and section: `[VARIANT_PCS]`.
        let rest = rest.iter().skip(1).skip_while(|word| word.starts_with('['));
        let rest: Vec<&&str> = rest.collect();
        let [section, name, ..] = rest.as_slice() else {
            return;
        };
        if !matches!(*binding, "GLOBAL" | "WEAK" | "UNIQUE") || matches!(*kind, "SECTION" | "FILE")
        {
            return;
        }
        let default = name.contains("@@") || !name.contains('@');
        let (name, version) = match name.split_once('@') {
            Some((name, version)) => (name, Some(version.trim_start_matches('@').to_owned())),
            None => (**name, None),
        };
        let symbol = Symbol {
            name: name.to_owned(),
            version,
            default,
            weak: *binding == "WEAK",
        };
        if **section == "UND" {
            self.file.undefined.push(symbol);
        } else {
            self.file.defined.insert(symbol);
        }
    }
}

fn bracketed(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('[')?;
    rest.rsplit_once(']').map(|(inner, _)| inner.to_owned())
}

fn split(line: &str) -> Vec<String> {
    let inner = bracketed(line).unwrap_or_default();
    let parts = inner.split([':', ';']).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}
