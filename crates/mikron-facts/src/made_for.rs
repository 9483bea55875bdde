//! Which version of an interpreter code is made for, and of which version an interpreter is.
//!
//! What is compiled for an interpreter goes with one version of its interface alone, and says so in its name, in that of a directory
//! above it, or in a symbol: PEP 3149 and the layout of virtual environments (Python), `node_register_module_v…` (Node),
//! `extensions/…/3.1.0` (RubyGems), `no-debug-non-zts-…` (PHP).

use crate::{ElfFacts, SymbolKey};

/// A version of an interpreter's interface to modules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface {
    /// What people call the interpreter, and what of it the version counts.
    pub of: &'static str,
    /// The version.
    pub version: String,
}

const PYTHON: &str = "Python";
const NODE: &str = "the module interface of Node (NODE_MODULE_VERSION)";
const RUBY: &str = "Ruby";
const PHP: &str = "the module interface of PHP";

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
/// let module = b"srv/app/lib/numpy/core/_umath.cpython-311-x86_64-linux-gnu.so";
/// let made = mikron_facts::made_for(module, None).expect("it says so");
/// assert_eq!((made.of, made.version.as_str()), ("Python", "3.11"));
/// ```
pub fn made_for(path: &[u8], elf: Option<&ElfFacts>) -> Option<Interface> {
    let path = std::str::from_utf8(path).ok()?;
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last()?;
    let is_module = [".so", ".node"].iter().any(|end| name.ends_with(end));
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

/// What an interpreter, or the library that one is, offers to modules.
///
/// ```
/// let python = mikron_facts::interface_at(b"usr/bin/python3.11").expect("one");
/// assert_eq!(python.version, "3.11");
/// assert_eq!(mikron_facts::interface_at(b"usr/lib/x86_64-linux-gnu/libnode.so.108").expect("one").version, "108");
/// ```
pub fn interface_at(path: &[u8]) -> Option<Interface> {
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

/// The first two numbers of a version.
fn two(version: &str) -> Option<String> {
    let mut numbers = version.split('.');
    let (major, minor) = (number(numbers.next()?)?, number(numbers.next()?)?);
    Some(format!("{major}.{minor}"))
}

fn number(text: &str) -> Option<&str> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then_some(text)
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
                "usr/local/lib/php/extensions/no-debug-non-zts-20220829/redis.so",
                Some("20220829"),
            ),
            ("node_modules/x/build/Release/x.node", None),
        ] {
            let made = made_for(path.as_bytes(), None).map(|made| made.version);
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
}
