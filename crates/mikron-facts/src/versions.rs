//! What files say in their contents of the version of an interpreter: of the one that they are made for, or of the one that they are.

use std::io;

use mikron_package::Entry;
use serde::{Deserialize, Serialize};

use crate::{ReadAt, java};

/// More tags than any wheel has.
const MAX_TAGS: usize = 256;

/// Longest value that is kept, in bytes.
const MAX_VALUE: usize = 256;

/// What the content of a file says of the version of an interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionFacts {
    /// The highest version of the class files of Java that it is or holds (JVMS 4.1).
    Classes(u16),
    /// It describes a run-time environment of Java of this release (`release`): `17`.
    Java(u16),
    /// It describes a virtual environment of this version of Python (PEP 405): `3.11`.
    Environment(String),
    /// It describes a wheel, of these tags (PEP 425).
    Wheel(Vec<String>),
    /// It describes a package of npm, which asks for these versions of Node (`engines`): `>=18`.
    Engine(String),
}

/// What the first bytes of a file say. `is_whole` tells that there are no more.
pub(crate) fn versions(entry: &Entry, head: &[u8], is_whole: bool) -> Option<VersionFacts> {
    let path = entry.path.as_bytes();
    if path.ends_with(b".class") {
        return java::class_version(head).map(VersionFacts::Classes);
    }
    let mut names = path.rsplit(|byte| *byte == b'/');
    let (name, directory) = (names.next()?, names.next().unwrap_or_default());
    let text = std::str::from_utf8(head).ok().filter(|_| is_whole)?;
    match name {
        b"pyvenv.cfg" => ["version", "version_info"]
            .iter()
            .find_map(|key| value(text, key))
            .and_then(two)
            .map(VersionFacts::Environment),
        b"WHEEL" if directory.ends_with(b".dist-info") => wheel(text),
        b"release" => value(text, "JAVA_VERSION")
            .and_then(java_release)
            .map(VersionFacts::Java),
        b"package.json"
            if !path
                .split(|byte| *byte == b'/')
                .any(|dir| dir == b"node_modules") =>
        {
            engine(text).map(VersionFacts::Engine)
        }
        _ => None,
    }
}

/// What an archive of class files says.
pub(crate) fn of_archive(archive: &dyn ReadAt) -> io::Result<Option<VersionFacts>> {
    let newest = java::newest_class(archive)?;
    Ok(newest.map(VersionFacts::Classes))
}

/// The value of a key in lines of `key = value`, without quotes around it.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let of_line = |line: &'a str| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches('"'))
    };
    text.lines().find_map(of_line)
}

fn wheel(text: &str) -> Option<VersionFacts> {
    let tags = text.lines().filter_map(|line| line.strip_prefix("Tag:"));
    let tags = tags.map(str::trim).filter(|tag| tag.len() <= MAX_VALUE);
    let tags: Vec<String> = tags.take(MAX_TAGS).map(str::to_owned).collect();
    (!tags.is_empty()).then_some(VersionFacts::Wheel(tags))
}

/// The release that a version of Java is of: `17.0.15` is 17, `1.8.0_392` is 8.
fn java_release(version: &str) -> Option<u16> {
    let mut numbers = version.split(['.', '_', '-', '+']);
    let first: u16 = numbers.next()?.parse().ok()?;
    match first {
        1 => numbers.next()?.parse().ok(),
        release => Some(release),
    }
}

/// The versions of Node that a package asks for. `package.json` is read as npm reads it: what is of another shape asks for none.
fn engine(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Package {
        engines: Option<serde_json::Value>,
    }
    let package: Package = serde_json::from_str(text).ok()?;
    let range = package.engines?.get("node")?.as_str()?.to_owned();
    (range.len() <= MAX_VALUE).then_some(range)
}

/// The first two numbers of a version.
pub(crate) fn two(version: &str) -> Option<String> {
    let mut numbers = version.split('.');
    let (major, minor) = (number(numbers.next()?)?, number(numbers.next()?)?);
    Some(format!("{major}.{minor}"))
}

/// A number, where a text is one.
pub(crate) fn number(text: &str) -> Option<&str> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use mikron_package::{EntryKind, RootPath};

    use super::*;

    fn said(path: &str, text: &[u8]) -> Option<VersionFacts> {
        let size = text.len() as u64;
        let path = RootPath::new(path.as_bytes()).unwrap();
        versions(
            &Entry::new(path, EntryKind::File { size }, 0o644),
            text,
            true,
        )
    }

    #[test]
    fn environments_wheels_and_packages_name_the_version_that_they_are_made_for() {
        let environment = b"home = /usr/bin\nversion = 3.11.2\n";
        let expected = Some(VersionFacts::Environment("3.11".to_owned()));
        assert_eq!(said("venv/pyvenv.cfg", environment), expected);
        let by_uv = b"home = /usr/bin\nuv = 0.4\nversion_info = 3.11.2\n";
        assert_eq!(said("venv/pyvenv.cfg", by_uv), expected);
        let wheel = b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n";
        let tags = vec!["cp311-cp311-linux_x86_64".to_owned()];
        assert_eq!(
            said("a/x-1.dist-info/WHEEL", wheel),
            Some(VersionFacts::Wheel(tags))
        );
        assert_eq!(said("a/WHEEL", wheel), None);
        let package = br#"{ "name": "app", "engines": { "node": ">=18" } }"#;
        assert_eq!(
            said("app/package.json", package),
            Some(VersionFacts::Engine(">=18".to_owned()))
        );
        assert_eq!(said("app/node_modules/x/package.json", package), None);
        assert_eq!(
            said("app/package.json", br#"{ "engines": ["node"] }"#),
            None
        );
    }

    #[test]
    fn class_files_and_environments_of_java_say_their_release() {
        let class = [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 65];
        assert_eq!(said("app/A.class", &class), Some(VersionFacts::Classes(65)));
        assert_eq!(said("app/A.class", &class[..7]), None);
        for (version, release) in [("17.0.15", 17), ("1.8.0_392", 8), ("21", 21), ("9-ea", 9)] {
            let text = format!("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"{version}\"\n");
            let said = said("usr/lib/jvm/x/release", text.as_bytes());
            assert_eq!(said, Some(VersionFacts::Java(release)), "{version}");
        }
    }
}
