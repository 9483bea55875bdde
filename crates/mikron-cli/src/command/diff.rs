//! `mikron diff`: what one image has otherwise than another.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use mikron::matrix::{Diff, FileDiff, Inventory, PackageDiff, PlatformDiff, Side, diff};
use mikron::{Output, layout_inventory, lock_inventory};
use serde::Serialize;

use super::{builder_for, print, print_json};
use crate::arguments::{Diff as Arguments, Shared};
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

/// What lies there: a layout where it is a directory or says so, a lock where it begins like one, else a spec.
fn inventory(
    what: &Path,
    shared: &Shared,
    quiet: bool,
    style: Style,
) -> Result<Inventory, Failure> {
    let text = what.to_str().unwrap_or_default();
    // By digest, where there is no tag: oci:DIR@sha256:…
    if let Some((dir, digest)) = text.strip_prefix("oci:").and_then(|t| t.rsplit_once('@'))
        && digest.starts_with("sha256:")
    {
        return Ok(layout_inventory(Path::new(dir), digest)?);
    }
    if text.starts_with("oci:")
        && let Ok(Output::Layout { dir, tag }) = text.parse()
    {
        return Ok(layout_inventory(&dir, &tag)?);
    }
    if what.is_dir() {
        return Ok(layout_inventory(what, Output::DEFAULT_TAG)?);
    }
    if let Some(archive) = docker_archive(what) {
        let archive = printable(archive);
        return Err(Failure::Command {
            message: format!("{archive} is a docker archive; what it holds is not read here"),
            help: format!(
                "make a layout of it: `skopeo copy docker-archive:{archive} oci:DIR`, and compare `oci:DIR`"
            ),
        });
    }
    if what
        .extension()
        .is_some_and(|extension| extension == "lock")
    {
        return Ok(lock_inventory(what)?);
    }
    let builder = builder_for(what, shared, quiet, style)?;
    builder
        .inventory()
        .map_err(|error| Failure::of(error, &builder))
}

/// The path of a docker archive, which is a tar file: where the name says so, or the content does.
fn docker_archive(what: &Path) -> Option<&str> {
    let text = what.to_str()?;
    if let Some(path) = text.strip_prefix("docker:") {
        return Some(path);
    }
    // The magic of ustar (pax(1)); gzip, as `docker save` is often sent through it.
    let mut head = Vec::new();
    let file = File::open(what).ok()?;
    file.take(512).read_to_end(&mut head).ok()?;
    let is_tar = head.get(257..262) == Some(b"ustar") || head.starts_with(&[0x1f, 0x8b]);
    is_tar.then_some(text)
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
