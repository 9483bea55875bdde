//! `mikron explain`.

use std::fmt::Write as _;

use mikron::capability::{Explanation, LeftOut, SelectedPackage, Step};
use mikron::{Answer, Overview};

use super::{builder, print, print_json};
use crate::arguments::Explain;
use crate::failure::Failure;
use crate::text::{Style, count, printable, size, table};

pub(crate) fn run(arguments: &Explain, quiet: bool, style: Style) -> Result<(), Failure> {
    let builder = builder(&arguments.common, quiet, style)?.locked(arguments.locked);
    let explanations = builder
        .explain()
        .map_err(|error| Failure::of(error, &builder))?;
    let json = arguments.common.json;
    let Some(what) = &arguments.what else {
        let overviews = explanations.overviews();
        return if json {
            print_json(&overviews)
        } else {
            print(&overviews.iter().map(overview).collect::<String>())
        };
    };
    let answers = explanations.about(what);
    if answers
        .iter()
        .all(|a| a.explanation == Explanation::Unknown && a.version.is_none())
    {
        return Err(Failure::Command {
            message: format!(
                "no package that `{}` leads to is or has `{what}`",
                builder.spec().name
            ),
            help:
                "`mikron explain` with the spec alone lists all packages; paths begin with a slash"
                    .to_owned(),
        });
    }
    if json {
        print_json(&answers)
    } else {
        print(&answers.iter().map(answer).collect::<String>())
    }
}

/// All packages of one platform, and those that were left out.
fn overview(overview: &Overview) -> String {
    let packages = &overview.packages;
    let bytes: u64 = packages.iter().map(|p| p.bytes).sum();
    let number = count(packages.len(), "package");
    let mut text = format!(
        "{}: files of {number}, {} unpacked\n",
        overview.platform,
        size(bytes)
    );
    let row = |p: &SelectedPackage| {
        let taken = p.capabilities.iter().filter(|c| c.files > 0);
        let names: Vec<&str> = taken.map(|c| c.name.as_str()).collect();
        vec![
            p.name.to_string(),
            p.version.to_string(),
            count(p.files, "file"),
            size(p.bytes),
            names.join(", "),
        ]
    };
    text.push_str(&table(packages.iter().map(row).collect(), &[2, 3]));
    if !overview.left_out.is_empty() {
        let number = count(overview.left_out.len(), "package");
        let _ = writeln!(text, "{}: {number} left out", overview.platform);
        let row = |l: &LeftOut| vec![l.name.to_string(), size(l.bytes), l.reason.to_string()];
        text.push_str(&table(overview.left_out.iter().map(row).collect(), &[1]));
    }
    for without in &overview.without {
        let _ = writeln!(text, "{}", printable(&without.to_string()));
    }
    text
}

fn answer(answer: &Answer) -> String {
    let what = match &answer.version {
        Some(version) => format!("{} {version}", answer.about),
        None => answer.about.clone(),
    };
    let mut text = String::new();
    let mut line = |says: &str| {
        let _ = writeln!(text, "{}: {} {says}", answer.platform, printable(&what));
    };
    match &answer.explanation {
        Explanation::Chosen(steps) => {
            line("is in the image");
            chain(steps, &mut text);
        }
        Explanation::BuildInput(steps) => {
            line("is read while the image is built, and not part of it");
            chain(steps, &mut text);
        }
        Explanation::LeftOut(left) => {
            line(&format!("is left out: {}", left.reason));
            if answer.required_by.is_empty() {
                required_by(&left.required_by, &mut text);
            }
        }
        Explanation::FileLeftOut {
            package,
            capability,
        } => {
            line(&format!("is left out, though {package} is in the image"));
            let _ = writeln!(
                text,
                "  help: `{capability}` among the spec's packages brings it"
            );
        }
        Explanation::Dangling { package, target } => {
            line(&format!(
                "is a link of {package} to {target}, which no package has"
            ));
        }
        Explanation::Unknown => line("is in no package of this platform"),
    }
    if answer.root {
        text.push_str("  the spec names it\n");
    }
    required_by(&answer.required_by, &mut text);
    for file in &answer.files {
        let _ = writeln!(text, "  {}", printable(file));
    }
    text
}

fn required_by(required_by: &[(mikron::package::PackageName, String)], text: &mut String) {
    for (package, requirement) in required_by {
        let _ = writeln!(text, "  {package} depends on {}", printable(requirement));
    }
}

/// A chain of files, each with what leads to it.
fn chain(steps: &[Step], text: &mut String) {
    let mut previous: Option<&Step> = None;
    for step in steps {
        let reason = printable(&step.reason.to_string());
        let why = match previous {
            Some(before) if step.reason.by().is_some() => format!("{} {reason}", before.path),
            _ => reason,
        };
        let _ = writeln!(text, "  {} ({}): {why}", step.path, step.package);
        previous = Some(step);
    }
}
