//! `mikron diff`: what one image has otherwise than another.

use std::fmt::Write as _;

use mikron::matrix::{Diff, FileDiff, PackageDiff, PlatformDiff, Side, diff};
use serde::Serialize;

use super::holdings::inventory;
use super::{print, print_json};
use crate::arguments::Diff as Arguments;
use crate::failure::Failure;
use crate::text::{Style, count, printable, size, table};

/// How many files a table shows before it says how many more there are.
const SHOWN: usize = 200;

/// What `mikron diff --json` prints.
#[derive(Serialize)]
struct Report<'a> {
    /// The first, as it was named.
    before: String,
    /// The second, as it was named.
    after: String,
    /// Whether they are the same, as far as they can be compared.
    same: bool,
    /// What differs.
    #[serde(flatten)]
    diff: &'a Diff,
}

pub(crate) fn run(arguments: &Arguments, quiet: bool, style: Style) -> Result<(), Failure> {
    let before = inventory(&arguments.before, &arguments.shared, quiet, style)?;
    let after = inventory(&arguments.after, &arguments.shared, quiet, style)?;
    let mut diff = diff(&before, &after);
    let wanted = &arguments.shared.platforms;
    if !wanted.is_empty() {
        diff.platforms
            .retain(|platform| wanted.contains(&platform.platform));
    }
    if arguments.shared.json {
        let report = Report {
            before: arguments.before.display().to_string(),
            after: arguments.after.display().to_string(),
            same: diff.is_empty(),
            diff: &diff,
        };
        return print_json(&report);
    }
    print(&diff.platforms.iter().map(platform).collect::<String>())
}

fn platform(diff: &PlatformDiff) -> String {
    let name = diff.platform;
    let mut text = String::new();
    match diff.only {
        Some(Side::First) => return format!("{name}: only the first has it\n"),
        Some(Side::Second) => return format!("{name}: only the second has it\n"),
        None => {}
    }
    let mut same = true;
    match &diff.packages {
        None => {
            let _ = writeln!(text, "{name}: packages are not known of both");
        }
        Some(packages) if packages.is_empty() => {}
        Some(packages) => {
            same = false;
            let number = differ(packages.len(), "package");
            let _ = writeln!(text, "{name}: {number}");
            text.push_str(&table(packages.iter().map(package).collect(), &[]));
        }
    }
    match (&diff.files, diff.bytes) {
        (Some(files), Some((before, after))) if !files.is_empty() => {
            same = false;
            let _ = writeln!(
                text,
                "{name}: {}, {} -> {} ({})",
                differ(files.len(), "file"),
                size(before),
                size(after),
                change(before, after)
            );
            let rows = files.iter().take(SHOWN).map(file).collect();
            text.push_str(&table(rows, &[2]));
            if files.len() > SHOWN {
                let _ = writeln!(text, "  and {} more (--json has all)", files.len() - SHOWN);
            }
        }
        (None, _) => {
            let _ = writeln!(text, "{name}: files are not known of both");
        }
        _ => {}
    }
    if same {
        let _ = writeln!(text, "{name}: no difference");
    }
    text
}

/// `1 file differs`, `2 files differ`.
fn differ(number: usize, noun: &str) -> String {
    let verb = if number == 1 { "differs" } else { "differ" };
    format!("{} {verb}", count(number, noun))
}

fn change(before: u64, after: u64) -> String {
    if after >= before {
        format!("+{}", size(after - before))
    } else {
        format!("-{}", size(before - after))
    }
}

fn package(package: &PackageDiff) -> Vec<String> {
    let versions = match (&package.before, &package.after) {
        (Some(before), Some(after)) if before != after => format!("{before} -> {after}"),
        (Some(version), _) | (None, Some(version)) => version.to_string(),
        (None, None) => String::new(),
    };
    let mut notes = Vec::new();
    if package.rebuilt {
        notes.push("another archive of the same version".to_owned());
    }
    notes.extend(package.capabilities.iter().map(|capability| {
        format!(
            "{}{} {}",
            capability.change.sign(),
            capability.name,
            change(capability.before, capability.after)
        )
    }));
    vec![
        format!("{} {}", package.change.sign(), package.name),
        versions,
        notes.join(", "),
    ]
}

fn file(file: &FileDiff) -> Vec<String> {
    let aspects: Vec<String> = file.aspects.iter().map(ToString::to_string).collect();
    vec![
        format!(
            "{} {}",
            file.change.sign(),
            printable(&file.path.to_string())
        ),
        aspects.join(", "),
        if file.before == file.after {
            String::new()
        } else {
            change(file.before, file.after)
        },
        file.origin.clone().unwrap_or_default(),
    ]
}
