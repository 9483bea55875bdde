//! A first spec, out of what can be seen: a program and what it says of itself, or the name of a package.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use mikron_facts::{ElfFacts, LibcFlavour, ReadAt, ScriptFacts, Symbols, read_elf};
use mikron_package::{Architecture, PackageName, Platform};
use mikron_source::Environment;
use mikron_source::preset::Preset;

/// Where programs lie when they have been built, below the directory of a project: the first that has one counts.
const PLACES: [&str; 6] = ["target/release", "build", "dist", "bin", "out", "."];

/// A spec to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstSpec {
    /// The name of the image.
    pub name: String,
    /// The spec.
    pub text: String,
}

/// Why no first spec can be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirstSpecError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is no program where they lie.
    #[error("there is no program here\nhelp: build it, or name it, or a package: `mikron init nginx`; these were looked into: {}", PLACES.join(", "))]
    Nothing,
    /// There are several programs.
    #[error("there are several programs here\nhelp: name the one that is meant: {}", .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    Several(Vec<PathBuf>),
    /// It is neither there nor the name of a package.
    #[error("`{}` is neither a file nor the name of a package", .0.escape_debug())]
    Unknown(String),
    /// It is no program.
    #[error("{} is no program: neither ELF nor a script with `#!`\nhelp: for a directory or what an interpreter runs, write the spec by hand: docs/how-to has one for each language", .0.display())]
    NoProgram(PathBuf),
    /// No release that is known by name has its C library.
    #[error("{} is linked with musl, and no source of apk packages is known by itself\nhelp: link it statically, or write the spec with a source of the release that it was built on (`apk: URL`)", .0.display())]
    Musl(PathBuf),
    /// It is made for a machine that no image is made for.
    #[error("{} is made for a machine (number {machine} of ELF) that no image can be made for", .path.display())]
    Machine {
        /// The program.
        path: PathBuf,
        /// `e_machine`.
        machine: u16,
    },
}

/// Writes a spec for a program, a package, or, where nothing is named, the one program that lies below `directory` where programs lie.
/// Paths in it are as they are given. The release is that of this machine where it can be named, as what is built on it runs on it; else the newest.
///
/// ```
/// # fn main() -> Result<(), mikron::FirstSpecError> {
/// use mikron::{first_spec, source::Environment};
/// let spec = first_spec(Some("hello"), ".".as_ref(), &Environment::empty())?;
/// assert!(spec.text.ends_with("\npackages: [hello]\n"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When there is no program, or more than one, or none that an image can be made for.
pub fn first_spec(
    named: Option<&str>,
    directory: &Path,
    environment: &Environment,
) -> Result<FirstSpec, FirstSpecError> {
    let release = environment.codename();
    let known = Preset::known();
    let newest = known.last().copied().unwrap_or_default();
    let release = release.filter(|name| known.contains(&&**name));
    let release = release.as_deref().unwrap_or(newest);
    let Some(named) = named else {
        let program = only_program(directory)?;
        return of_program(directory, &program, release);
    };
    if directory.join(named).exists() {
        return of_program(directory, Path::new(named), release);
    }
    let package: PackageName = named
        .parse()
        .map_err(|_| FirstSpecError::Unknown(named.to_owned()))?;
    let name = image_name(named);
    let content = match mikron_spec::builtin(named) {
        Some(_) => format!("extends: [builtin/{named}]\n"),
        None => format!("{}\npackages: [{package}]\n", source(release)),
    };
    let text = format!("mikron: 1\nname: {name}\n{content}");
    Ok(FirstSpec { name, text })
}

/// The program below a directory, relative to it. Compiled ones come before scripts, of which many lie about.
fn only_program(directory: &Path) -> Result<PathBuf, FirstSpecError> {
    for place in PLACES {
        let mut compiled = Vec::new();
        let mut scripts = Vec::new();
        let Ok(entries) = std::fs::read_dir(directory.join(place)) else {
            continue;
        };
        for entry in entries.flatten() {
            let is_candidate = |metadata: std::fs::Metadata| {
                metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
            };
            if !entry.metadata().is_ok_and(is_candidate) {
                continue;
            }
            let path = Path::new(place).join(entry.file_name());
            let path = path.strip_prefix(".").unwrap_or(&path).to_owned();
            match look(directory, &path) {
                Ok(Program::Compiled(elf)) if elf.is_executable() => compiled.push(path),
                Ok(Program::Script) => scripts.push(path),
                _ => {}
            }
        }
        let mut found = if compiled.is_empty() {
            scripts
        } else {
            compiled
        };
        found.sort();
        match found.len() {
            0 => {}
            1 => return Ok(found.swap_remove(0)),
            _ => return Err(FirstSpecError::Several(found)),
        }
    }
    Err(FirstSpecError::Nothing)
}

enum Program {
    Compiled(Box<ElfFacts>),
    Script,
}

/// What a file is.
fn look(directory: &Path, path: &Path) -> Result<Program, FirstSpecError> {
    let full = directory.join(path);
    let io = |error| FirstSpecError::Io {
        path: path.to_owned(),
        error,
    };
    crate::files::check_plain(&full).map_err(|_| FirstSpecError::NoProgram(path.to_owned()))?;
    let file = OnDisk::open(&full).map_err(io)?;
    let mut head = [0; 256];
    let length = file.read_at(0, &mut head).map_err(io)?;
    if ScriptFacts::parse(&head[..length]).is_some() {
        return Ok(Program::Script);
    }
    match read_elf(&file, &Symbols::default()) {
        Ok(elf) if elf.is_executable() => Ok(Program::Compiled(Box::new(elf))),
        _ => Err(FirstSpecError::NoProgram(path.to_owned())),
    }
}

fn of_program(directory: &Path, path: &Path, release: &str) -> Result<FirstSpec, FirstSpecError> {
    let program = look(directory, path)?;
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = image_name(&file);
    let inside = format!("/usr/local/bin/{name}");
    let mut lines = vec!["mikron: 1".to_owned(), format!("name: {name}")];
    let mut platform = Architecture::Amd64;
    let mut is_static = false;
    if let Program::Compiled(elf) = &program {
        platform = architecture(elf).ok_or_else(|| FirstSpecError::Machine {
            path: path.to_owned(),
            machine: elf.machine,
        })?;
        is_static = elf.is_static();
        if !is_static && elf.libc() == Some(LibcFlavour::Musl) {
            return Err(FirstSpecError::Musl(path.to_owned()));
        }
    }
    if !is_static {
        lines.push(source(release) + " # what the program needs is found there");
    }
    let from = quoted(&path.display().to_string());
    lines.push(format!("files:\n  - {{ path: {inside}, from: {from} }}"));
    lines.push("run-as: nonroot".to_owned());
    if platform != Architecture::Amd64 {
        lines.push(format!("platforms: [{}]", Platform::linux(platform)));
    }
    lines.push(format!("image:\n  entrypoint: [{inside}]\n"));
    let text = lines.join("\n");
    Ok(FirstSpec { name, text })
}

fn source(release: &str) -> String {
    format!("sources: {{ debian: {{ deb: {release} }} }}")
}

/// The architecture of images for a program (`e_machine`, System V gABI).
fn architecture(elf: &ElfFacts) -> Option<Architecture> {
    Some(match elf.machine {
        3 => Architecture::I386,
        21 => Architecture::Ppc64le,
        22 => Architecture::S390x,
        40 => Architecture::ArmV7,
        62 => Architecture::Amd64,
        183 => Architecture::Arm64,
        243 => Architecture::Riscv64,
        _ => return None,
    })
}

/// What may be the name of an image, out of a file's.
fn image_name(of: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
        _ => '-',
    };
    let name: String = of.chars().take(64).map(plain).collect();
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return "app".to_owned();
    }
    parts.join("-")
}

/// A text in YAML: as it is where nothing else can be meant.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') && text.chars().all(plain)
    {
        return text.to_owned();
    }
    // A text of JSON is one of YAML.
    serde_json::Value::from(text).to_string()
}

/// A file, of which parts are read.
struct OnDisk {
    file: File,
    length: u64,
}

impl OnDisk {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl ReadAt for OnDisk {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}
