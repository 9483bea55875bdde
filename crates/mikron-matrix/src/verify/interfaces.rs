//! Whether code of one's own is made for the interpreters of the image: an interpreter takes modules of its own version alone.

use std::collections::{BTreeMap, BTreeSet};

use mikron_facts::{Interface, interface_at, made_for};
use mikron_select::{FileRef, Role, Selection, Token};

use super::{Check, ViolationKind};

/// Compares what chosen files of one's own are made for with what the chosen interpreters are. Where the image has none of a language,
/// nothing loads its modules. Of many files that are made for one version the first is named.
pub(super) fn check(check: &mut Check<'_>, selection: &Selection) {
    let mut offered: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut wanted: BTreeMap<Interface, (FileRef, usize)> = BTreeMap::new();
    for chosen in &selection.files {
        let facts = check.facts(chosen.file);
        let path = facts.entry.path.as_bytes();
        if check.packages[chosen.file.package].role != Role::Files {
            if let Some(Interface { of, version }) = interface_at(path) {
                offered.entry(of).or_default().insert(version);
            }
        } else if facts.entry.is_file()
            // A spec may say that a file is not looked into; then nothing is known of its content.
            && facts.content.is_some()
            && let Some(made) = made_for(path, facts.elf.as_deref())
        {
            let (_, count) = wanted.entry(made).or_insert((chosen.file, 0));
            *count += 1;
        }
    }
    for (made, (file, count)) in wanted {
        let Some(versions) = offered.get(made.of) else {
            continue;
        };
        if versions.contains(&made.version) {
            continue;
        }
        let token = Token::Path(check.facts(file).entry.path.to_string());
        let kind = ViolationKind::Interface {
            of: made.of.to_owned(),
            wanted: made.version,
            found: versions.iter().cloned().collect(),
            others: count - 1,
        };
        check.report(file, token, kind);
    }
}
