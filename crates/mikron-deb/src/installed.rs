//! What dpkg's database in an image says of its packages: their stanzas, and the lists of their files.

use std::collections::BTreeMap;

use mikron_package::{ArchiveMetadata, DatabaseError, InstalledPackage, Limits, RootPath};

use crate::database::relative;
use crate::raw::RawFields;
use crate::{Deb822Error, Stanza, StanzaReader};

/// The directory of the lists that dpkg itself keeps, and that of stanzas in images without dpkg.
const LISTS: [(&[u8], &[u8]); 2] = [
    (b"var/lib/dpkg/info/", b".list"),
    (b"var/lib/dpkg/status.d/", b".md5sums"),
];

/// Whether a file lists those of a package: `info/*.list` (dpkg-query(1)), or the checksums beside a stanza of `status.d`.
pub(crate) fn is_list(path: &RootPath) -> bool {
    LISTS
        .iter()
        .any(|(dir, end)| relative(path).starts_with(dir) && relative(path).ends_with(end))
}

/// The packages of the stanzas that are installed (dpkg-query(1), `Status`), in order of name. What has no such field stands for a package
/// that is.
pub(crate) fn packages(
    files: &BTreeMap<RootPath, Vec<u8>>,
    is_part: &dyn Fn(&RootPath) -> bool,
) -> Result<Vec<InstalledPackage>, DatabaseError> {
    let mut packages = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| is_part(path)) {
        let malformed = |error: Deb822Error| DatabaseError::Malformed {
            path: path.clone(),
            reason: error.to_string(),
        };
        let limits = Limits::default();
        let mut stanzas = StanzaReader::new(&text[..], &limits).with_blank_separators();
        while let Some(stanza) = stanzas.next_stanza().map_err(malformed)? {
            let found = package(&stanza, &limits, files).map_err(malformed)?;
            packages.extend(found);
        }
    }
    packages.sort_by(|a: &InstalledPackage, b| {
        let key = |one: &InstalledPackage| {
            let record = &one.metadata.record;
            (record.name.clone(), record.arch.clone())
        };
        key(a).cmp(&key(b))
    });
    Ok(packages)
}

/// The package of a stanza, where it is installed.
fn package(
    stanza: &Stanza<'_>,
    limits: &Limits,
    files: &BTreeMap<RootPath, Vec<u8>>,
) -> Result<Option<InstalledPackage>, Deb822Error> {
    let mut fields = Vec::new();
    for field in stanza.fields() {
        let field = field?;
        fields.push((field.name.to_owned(), field.unfolded().into_owned()));
    }
    let field = |name: &str| {
        let mut fields = fields.iter();
        let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    };
    if field("Status").is_some_and(|status| !status.ends_with(" installed")) {
        return Ok(None);
    }
    let record = RawFields::of(stanza)?.to_record(limits)?;
    let (name, arch) = (record.name.as_str(), record.arch.as_str());
    let paths = |list: &str| {
        let list = RootPath::new(list.as_bytes()).ok()?;
        Some(listed(&list, files.get(&list)?))
    };
    let all = paths(&format!("var/lib/dpkg/info/{name}:{arch}.list"))
        .or_else(|| paths(&format!("var/lib/dpkg/info/{name}.list")));
    // dpkg's own lists begin with the root, and one of a package that is there in part does not.
    let lists_all = all.as_ref().is_some_and(|(begins, _)| *begins);
    let some = || paths(&format!("var/lib/dpkg/status.d/{name}.md5sums"));
    Ok(Some(InstalledPackage {
        files: all.or_else(some).unwrap_or_default().1,
        lists_all,
        metadata: ArchiveMetadata {
            record,
            fields,
            scripts: Vec::new(),
            config_files: Vec::new(),
            ghosts: Vec::new(),
            extra: Vec::new(),
        },
    }))
}

/// The paths of a list: one a line, behind a checksum where it has those; and whether it begins with the root.
fn listed(list: &RootPath, text: &[u8]) -> (bool, Vec<RootPath>) {
    let sums = list.as_bytes().ends_with(b".md5sums");
    let lines = text.split(|byte| *byte == b'\n');
    let paths = lines.filter_map(|line| {
        let path = if sums { line.get(34..)? } else { line };
        RootPath::new(path).ok()
    });
    let paths = paths.filter(|path| !path.is_root()).collect();
    (text.starts_with(b"/.\n"), paths)
}
