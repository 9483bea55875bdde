//! Whether code of one's own is made for the interpreters of the image: an interpreter takes modules of its own version alone, and a
//! virtual machine of Java classes that are no newer than it.

use std::collections::{BTreeMap, BTreeSet};

use mikron_facts::{Interface, MadeFor, VersionFacts, made_for, offered_by, wheel_fits};
use mikron_package::Architecture;
use mikron_select::{FileRef, Role, Selection, Token};

use super::{Check, ViolationKind};

/// Compares what chosen files of one's own are made for with what the chosen interpreters are. Where the image has none of a language,
/// nothing loads its modules. Of many files that are made for one version the first is named.
pub(super) fn check(check: &mut Check<'_>, selection: &Selection) {
    let mut offered: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut wanted: BTreeMap<MadeFor, (FileRef, usize)> = BTreeMap::new();
    let mut wheels = Vec::new();
    let mut libc = None;
    for chosen in &selection.files {
        let facts = check.facts(chosen.file);
        let own = check.packages[chosen.file.package].role == Role::Files;
        // A program of one's own may be an interpreter, and a file of that name need not be one.
        let interprets = !own || facts.elf.is_some() || facts.versions.is_some();
        if let Some(Interface { of, version }) = offered_by(facts).filter(|_| interprets) {
            offered.entry(of).or_default().insert(version);
        }
        // A spec may say that a file is not looked into; then nothing is known of its content.
        if own && facts.entry.is_file() && facts.content.is_some() {
            if let Some(made) = made_for(facts) {
                let (_, count) = wanted.entry(made).or_insert((chosen.file, 0));
                *count += 1;
            }
            if let Some(VersionFacts::Wheel(tags)) = facts.versions.as_deref() {
                wheels.push((chosen.file, tags));
            }
        } else if !own {
            libc = libc.or(facts.elf.as_deref().and_then(mikron_facts::ElfFacts::libc));
        }
    }
    for (made, (file, count)) in wanted {
        let Some(versions) = offered.get(made.interface.of) else {
            continue;
        };
        if versions.iter().any(|version| made.runs_on(version)) {
            continue;
        }
        let kind = ViolationKind::Interface {
            of: made.interface.of.to_owned(),
            wanted: made.to_string(),
            found: versions.iter().cloned().collect(),
            others: count - 1,
        };
        report(check, file, kind);
    }
    let machine = match check.wanted.platform.architecture {
        Architecture::ArmV7 => "armv7l",
        other => other.rpm(),
    };
    for (file, tags) in wheels {
        if !wheel_fits(tags, machine, libc) {
            let kind = ViolationKind::Wheel {
                tags: tags.clone(),
                platform: check.wanted.platform,
                libc,
            };
            report(check, file, kind);
        }
    }
}

fn report(check: &mut Check<'_>, file: FileRef, kind: ViolationKind) {
    let token = Token::Path(check.facts(file).entry.path.to_string());
    check.report(file, token, kind);
}
