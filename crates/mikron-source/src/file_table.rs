//! Which package has which program or library, in a form that is searched without being parsed.
//!
//! A distribution publishes the paths of all its files: a million and a half of Debian's packages for one architecture. What files
//! need that name no package are programs and libraries, which is one path in sixteen, and so these alone are kept, as text:
//!
//! ```text
//! name of the file, NUL, directory from /, NUL, package, line break
//! ```
//!
//! Lines are in the order of their bytes, so that those of one name are found by halving.

use std::fmt;
use std::io::Read;

use mikron_deb::{Deb822Error, read_contents};
use mikron_package::{Limits, Origin};

use crate::repository::Holder;

/// The last components of directories that hold programs.
const PROGRAMS: [&[u8]; 4] = [b"bin", b"sbin", b"games", b"libexec"];

/// The programs and libraries of a repository's packages.
pub(crate) struct FileTable(Vec<u8>);

impl FileTable {
    /// The table of a `Contents` file. Equal text gives equal bytes.
    pub(crate) fn build(
        text: impl Read,
        limits: &Limits,
        origin: &Origin,
    ) -> Result<Self, Deb822Error> {
        let mut lines: Vec<Box<[u8]>> = Vec::new();
        read_contents(text, limits, origin, |line| {
            let path = line.path.strip_prefix(b"./").unwrap_or(line.path);
            let at = path.iter().rposition(|byte| *byte == b'/');
            let (directory, name) =
                at.map_or((&b""[..], path), |at| (&path[..at], &path[at + 1..]));
            if !is_kept(directory, name) || path.contains(&0) {
                return;
            }
            for package in line.packages() {
                let parts = [name, b"\0/", directory, b"\0", package, b"\n"];
                lines.push(parts.concat().into());
            }
        })?;
        lines.sort_unstable();
        lines.dedup();
        Ok(Self(lines.concat()))
    }

    /// A table that was made before.
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Who has files of a name, in the order of their directories.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = Holder> {
        let key = [name.as_bytes(), b"\0"].concat();
        let (mut low, mut high) = (0, self.0.len());
        // `low` and `high` are beginnings of lines, and what is looked for begins between them.
        while low < high {
            let middle = low + (high - low) / 2;
            let before = self.0[low..middle].iter().rposition(|byte| *byte == b'\n');
            let start = before.map_or(low, |at| low + at + 1);
            let line = self.line(start);
            if line < key.as_slice() {
                low = start + line.len() + 1;
            } else {
                high = start;
            }
        }
        let lines = self
            .0
            .get(low..)
            .unwrap_or_default()
            .split(|byte| *byte == b'\n');
        let of_name =
            lines.map_while(move |line| line.strip_prefix(key.as_slice()).map(<[u8]>::to_vec));
        let name = name.to_owned();
        of_name.filter_map(move |rest| {
            let rest = String::from_utf8(rest).ok()?;
            let (directory, package) = rest.split_once('\0')?;
            let directory = directory.trim_end_matches('/');
            Some(Holder {
                package: package.parse().ok()?,
                path: format!("{directory}/{name}"),
            })
        })
    }

    fn line(&self, start: usize) -> &[u8] {
        let rest = self.0.get(start..).unwrap_or_default();
        rest.split(|byte| *byte == b'\n').next().unwrap_or_default()
    }
}

impl fmt::Debug for FileTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileTable").field(&self.0.len()).finish()
    }
}

/// Whether a file is a library by its name, or a program by its directory.
fn is_kept(directory: &[u8], name: &[u8]) -> bool {
    let last = directory.rsplit(|byte| *byte == b'/').next();
    let is_library = name.ends_with(b".so") || name.windows(4).any(|part| part == b".so.");
    is_library || last.is_some_and(|last| PROGRAMS.contains(&last))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table(text: &str) -> FileTable {
        let origin = Origin::named("Contents");
        FileTable::build(text.as_bytes(), &Limits::default(), &origin).unwrap()
    }

    fn named(table: &FileTable, name: &str) -> Vec<String> {
        let found = table.named(name);
        found
            .map(|one| format!("{} {}", one.path, one.package))
            .collect()
    }

    #[test]
    fn every_file_of_a_name_is_found_whatever_stands_around_it() {
        let names: Vec<String> = (0..100).map(|i| format!("lib{i}.so.{}", i % 7)).collect();
        let line = |(i, name): (usize, &String)| {
            format!("usr/lib/{name} libs/one{i}\nusr/lib/private/{name} libs/two{i},x/three{i}\n")
        };
        let text: String = names.iter().enumerate().map(line).collect();
        let table = table(&text);
        for (i, name) in names.iter().enumerate() {
            let usual = format!("/usr/lib/{name} one{i}");
            let private = ["three", "two"].map(|p| format!("/usr/lib/private/{name} {p}{i}"));
            assert_eq!(named(&table, name), [&[usual][..], &private].concat());
        }
        for other in ["", "a", "lib1.so", "lib1.so.1.2", "zzz"] {
            assert!(named(&table, other).is_empty(), "{other}");
        }
    }

    #[test]
    fn programs_and_libraries_are_kept_and_nothing_else() {
        let table = table(
            "bin/sh a/dash\nusr/share/sh a/doc\nsh a/top\nusr/lib/x.sort a/y\nlib/p.so z/q\n",
        );
        assert_eq!(named(&table, "sh"), ["/bin/sh dash"]);
        assert!(named(&table, "x.sort").is_empty());
        assert_eq!(named(&table, "p.so"), ["/lib/p.so q"]);
    }

    #[test]
    fn an_empty_table_has_nothing() {
        assert!(named(&table(""), "sh").is_empty());
    }
}
