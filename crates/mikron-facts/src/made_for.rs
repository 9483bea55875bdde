//! Which version of an interpreter code is made for, and of which version an interpreter is.
//!
//! What is compiled for an interpreter goes with one version of its interface alone, and says so in its name, in that of a directory
//! above it, in a symbol, or in a file that describes it: PEP 3149, the layout of virtual environments and wheels (Python),
//! `node_register_module_v…` (Node), `extensions/…/3.1.0` (RubyGems), `no-debug-non-zts-…` (PHP), the version of class files (Java).

use std::fmt;

use crate::versions::{number, two};
use crate::{ElfFacts, FileFacts, SymbolKey, VersionFacts, wheel};

/// A version of an interpreter's interface to modules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface {
    /// What people call the interpreter, and what of it the version counts.
    pub of: &'static str,
    /// The version.
    pub version: String,
}

/// What a file is made for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MadeFor {
    /// The interface.
    pub interface: Interface,
    /// Whether later versions will do as well.
    pub or_later: bool,
}

impl MadeFor {
    /// Whether an interpreter of this version takes it.
    pub fn runs_on(&self, version: &str) -> bool {
        let numbers = |text: &str| -> Vec<u32> {
            let numbers = text.split('.').map(str::parse);
            numbers.map_while(Result::ok).collect()
        };
        let own = &self.interface.version;
        version == own || self.or_later && numbers(version) >= numbers(own)
    }
}

/// The version in words: `3.7 or later`, `21 (class version 65)`.
impl fmt::Display for MadeFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Interface { of, version } = &self.interface;
        f.write_str(version)?;
        match version.parse::<u16>() {
            Ok(release) if *of == JAVA => write!(f, " (class version {})", release + FIRST_CLASS),
            _ if self.or_later => f.write_str(" or later"),
            _ => Ok(()),
        }
    }
}

const PYTHON: &str = "Python";
const NODE: &str = "the module interface of Node (NODE_MODULE_VERSION)";
const RUBY: &str = "Ruby";
const PHP: &str = "the module interface of PHP";
const JAVA: &str = "Java";

/// So much higher is the version of class files than the release of Java that they are for (JVMS 4.1, table 4.1-A).
const FIRST_CLASS: u16 = 44;

/// The versions of Node's module interface that a symbol is looked for of.
const NODE_VERSIONS: std::ops::Range<u32> = 46..250;

/// The interface of a version that could be read.
fn interface(of: &'static str, version: Option<impl Into<String>>) -> Option<Interface> {
    let version = version?.into();
    Some(Interface { of, version })
}

/// What a file is made for, where it says so.
///
/// ```
/// use mikron_facts::{FileFacts, made_for};
/// use mikron_package::{Entry, EntryKind, RootPath};
/// let path = RootPath::new(b"srv/app/lib/numpy/core/_umath.cpython-311-x86_64-linux-gnu.so")?;
/// let module = FileFacts::new(Entry::new(path, EntryKind::File { size: 0 }, 0o644));
/// let made = made_for(&module).expect("it says so");
/// assert_eq!((made.interface.of, made.to_string().as_str()), ("Python", "3.11"));
/// # Ok::<(), mikron_package::PathError>(())
/// ```
pub fn made_for(file: &FileFacts) -> Option<MadeFor> {
    let later = |interface, or_later| MadeFor {
        interface,
        or_later,
    };
    match file.versions.as_deref() {
        Some(VersionFacts::Classes(version)) => {
            let release = version.saturating_sub(FIRST_CLASS);
            Some(later(interface(JAVA, Some(release.to_string()))?, true))
        }
        Some(VersionFacts::Environment(version)) => {
            Some(later(interface(PYTHON, Some(version.as_str()))?, false))
        }
        Some(VersionFacts::Wheel(tags)) => {
            let (version, or_later) = wheel::python(tags)?;
            Some(later(interface(PYTHON, Some(version))?, or_later))
        }
        _ => {
            let path = file.entry.path.as_bytes();
            Some(later(by_name(path, file.elf.as_deref())?, false))
        }
    }
}

/// What a file is made for by its name, those of the directories above it, or a symbol.
fn by_name(path: &[u8], elf: Option<&ElfFacts>) -> Option<Interface> {
    let path = std::str::from_utf8(path).ok()?;
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last()?;
    let is_module = [".so", ".node"].iter().any(|end| name.ends_with(end))
        // What RubyGems leaves where it has compiled a gem.
        || *name == "gem.build_complete";
    if let Some((_, tag)) = name.split_once(".cpython-")
        && is_module
    {
        return interface(PYTHON, python_tag(tag.split('-').next()?));
    }
    for pair in parts.windows(3) {
        match pair {
            [python, "site-packages", _] => {
                if let Some(version) = python.strip_prefix("python") {
                    return interface(PYTHON, two(version));
                }
            }
            ["ruby", version, "gems" | "extensions"] | ["extensions", _, version]
                if is_module && version.matches('.').count() == 2 =>
            {
                return interface(RUBY, two(version));
            }
            _ => {}
        }
    }
    if let Some(api) = parts
        .iter()
        .find_map(|part| part.strip_prefix("no-debug-non-zts-"))
    {
        return interface(PHP, number(api));
    }
    let exports = elf?.exports.as_ref()?;
    let defines = |version: &u32| {
        let name = format!("node_register_module_v{version}");
        exports.defines(SymbolKey::new(&name, None))
    };
    let version = NODE_VERSIONS.clone().find(defines)?;
    interface(NODE, Some(version.to_string()))
}

/// What an interpreter, or the library that one is, offers to modules: by its path, or by what describes it.
///
/// ```
/// use mikron_facts::{FileFacts, offered_by};
/// use mikron_package::{Entry, EntryKind, RootPath};
/// let python = RootPath::new(b"usr/bin/python3.11")?;
/// let python = FileFacts::new(Entry::new(python, EntryKind::File { size: 0 }, 0o755));
/// assert_eq!(offered_by(&python).expect("one").version, "3.11");
/// # Ok::<(), mikron_package::PathError>(())
/// ```
pub fn offered_by(file: &FileFacts) -> Option<Interface> {
    match file.versions.as_deref() {
        Some(VersionFacts::Java(release)) => interface(JAVA, Some(release.to_string())),
        _ => interface_at(file.entry.path.as_bytes()),
    }
}

fn interface_at(path: &[u8]) -> Option<Interface> {
    let path = std::str::from_utf8(path).ok()?;
    let (dir, name) = path.rsplit_once('/')?;
    let is_program = dir.ends_with("bin");
    if let Some(version) = name.strip_prefix("python").filter(|_| is_program) {
        return interface(PYTHON, two(version));
    }
    if let Some(rest) = name.strip_prefix("libpython") {
        return interface(PYTHON, two(rest.split(".so").next()?));
    }
    if let Some(version) = name.strip_prefix("libnode.so.") {
        return interface(NODE, number(version));
    }
    if let Some(version) = name.strip_prefix("ruby").filter(|_| is_program) {
        return interface(RUBY, two(version));
    }
    if let Some(rest) = name.strip_prefix("libruby-") {
        return interface(RUBY, two(rest.split(".so").next()?));
    }
    if let Some(version) = name.strip_prefix("libruby.so.") {
        return interface(RUBY, two(version));
    }
    let api = dir.rsplit('/').next()?;
    let is_shared = name.strip_suffix(".so").is_some();
    if dir.contains("/php/") && is_shared && api.len() == 8 {
        return interface(PHP, number(api));
    }
    None
}

/// The version that a tag of Python means: `311` is 3.11.
fn python_tag(tag: &str) -> Option<String> {
    let tag = number(tag)?;
    let (major, minor) = tag.split_at_checked(1)?;
    (!minor.is_empty()).then(|| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_say_what_they_are_made_for() {
        for (path, version) in [
            ("a/_x.cpython-312-x86_64-linux-gnu.so", Some("3.12")),
            ("a/_x.cpython-39-aarch64-linux-gnu.so", Some("3.9")),
            ("a/_x.abi3.so", None),
            (
                "venv/lib/python3.11/site-packages/flask/app.py",
                Some("3.11"),
            ),
            ("venv/lib/python3/site-packages/x.py", None),
            ("b/ruby/3.1.0/gems/nokogiri-1/lib/nokogiri.so", Some("3.1")),
            ("b/ruby/3.1.0/gems/rack-2/lib/rack.rb", None),
            (
                "b/extensions/x86_64-linux/3.3.0/json-2/parser.so",
                Some("3.3"),
            ),
            (
                "b/extensions/x86_64-linux/3.3.0/json-2/gem.build_complete",
                Some("3.3"),
            ),
            (
                "usr/local/lib/php/extensions/no-debug-non-zts-20220829/redis.so",
                Some("20220829"),
            ),
            ("node_modules/x/build/Release/x.node", None),
        ] {
            let made = by_name(path.as_bytes(), None).map(|made| made.version);
            assert_eq!(made.as_deref(), version, "{path}");
        }
    }

    #[test]
    fn interpreters_are_known_by_their_names() {
        for (path, version) in [
            ("usr/bin/python3.11", Some("3.11")),
            ("usr/bin/python3", None),
            ("usr/bin/python3.11-config", None),
            (
                "usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0",
                Some("3.11"),
            ),
            ("usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1.2", Some("3.1")),
            ("usr/lib/libruby.so.3.3", Some("3.3")),
            ("usr/lib/php/20220829/opcache.so", Some("20220829")),
            ("usr/lib/x86_64-linux-gnu/libnode.so.108", Some("108")),
        ] {
            let offered = interface_at(path.as_bytes()).map(|offered| offered.version);
            assert_eq!(offered.as_deref(), version, "{path}");
        }
    }

    #[test]
    fn later_versions_do_where_they_may() {
        let made = |of, version: &str, or_later| MadeFor {
            interface: Interface {
                of,
                version: version.to_owned(),
            },
            or_later,
        };
        let stable = made(PYTHON, "3.9", true);
        assert!(stable.runs_on("3.9") && stable.runs_on("3.11") && !stable.runs_on("3.8"));
        assert_eq!(stable.to_string(), "3.9 or later");
        assert!(!made(PYTHON, "3.9", false).runs_on("3.11"));
        let jar = made(JAVA, "21", true);
        assert!(jar.runs_on("25") && !jar.runs_on("17"));
        assert_eq!(jar.to_string(), "21 (class version 65)");
    }
}
