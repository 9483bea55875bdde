//! `mikron explain`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mikron::matrix::{Explanation, TokenAnswer};
use mikron::package::Platform;
use mikron::select::{LeftOut, SelectedPackage, Step, Token};
use mikron::{
    Answer, Explanations, FoundPackage, Overview, PartLeftOut, PlatformTokens, Recommended,
    ScriptReport,
};

use super::build::number_of;
use super::{builder, print, print_json};
use crate::arguments::Explain;
use crate::failure::Failure;
use crate::text::{Style, count, printable, size, table};

pub(crate) fn run(arguments: &Explain, quiet: bool, style: Style) -> Result<(), Failure> {
    let builder = builder(&arguments.common, quiet, style)?.locked(arguments.locked);
    if arguments.scripts {
        let scripts = builder
            .scripts()
            .map_err(|error| Failure::of(error, &builder))?;
        return if arguments.common.shared.json {
            print_json(&scripts)
        } else {
            print(&scripts.iter().map(of_platform).collect::<String>())
        };
    }
    let explanations = builder
        .explain()
        .map_err(|error| Failure::of(error, &builder))?;
    let json = arguments.common.shared.json;
    let Some(what) = &arguments.what else {
        let overviews = explanations.overviews();
        return if json {
            print_json(&overviews)
        } else {
            print(&overviews.iter().map(overview).collect::<String>())
        };
    };
    // What no package and no path can be called is a token.
    if !what.starts_with('/') && what.contains('(') {
        return token(&explanations, what, json, &builder.spec().name);
    }
    let mut answers = explanations.about(what);
    // What no package brings may be made: the tree tells, where it comes about.
    let is_open = |answer: &Answer| {
        what.starts_with('/') && !matches!(answer.explanation, Explanation::Chosen(_))
    };
    if answers.iter().any(is_open)
        && let Ok(inventory) = builder.inventory()
    {
        for answer in &mut answers {
            answer.look_up(&inventory);
        }
    }
    if answers
        .iter()
        .all(|a| a.explanation == Explanation::Unknown && a.version.is_none() && a.origin.is_none())
    {
        let name = &builder.spec().name;
        let (message, help) = if what.starts_with('/') {
            (
                format!(
                    "`{what}` is not in the image of `{name}`, and no package that it leads to has it"
                ),
                "`mikron inspect` lists what is in the image",
            )
        } else {
            (
                format!("no package that `{name}` leads to is or has `{what}`"),
                "`mikron explain` with the spec alone lists all packages; paths begin with a slash",
            )
        };
        return Err(Failure::Command {
            message,
            help: help.to_owned(),
        });
    }
    if json {
        print_json(&answers)
    } else {
        print(&answers.iter().map(answer).collect::<String>())
    }
}

/// The scripts of one platform, each with what became of what it would do; those with the same outcome in one line.
fn of_platform((platform, scripts): (&Platform, &Vec<ScriptReport>)) -> String {
    let number = number_of(scripts);
    let mut text = format!("{platform}: {number} not run\n");
    let mut quiet = 0;
    for script in scripts {
        let outcomes = [
            ("done", &script.covered),
            ("without effect in an image", &script.irrelevant),
            ("not done", &script.uncovered),
        ];
        if outcomes.iter().all(|(_, effects)| effects.is_empty()) {
            quiet += 1;
            continue;
        }
        let _ = writeln!(text, "  {} {}", script.package, script.script);
        for (outcome, effects) in outcomes {
            let effects: BTreeSet<&String> = effects.iter().collect();
            for effect in effects {
                let _ = writeln!(text, "    {outcome}: {}", printable(effect));
            }
        }
    }
    if quiet > 0 {
        let number = count(quiet, "script");
        let _ = writeln!(text, "  {number} without lasting effects");
    }
    text
}

/// Who requires a token, who provides it, what is chosen, and why.
fn token(explanations: &Explanations, what: &str, json: bool, name: &str) -> Result<(), Failure> {
    let token: Token = what.parse().map_err(|error| Failure::Command {
        message: format!("{error}"),
        help: "quote it for the shell: mikron explain SPEC 'soname(libssl.so.3)'".to_owned(),
    })?;
    let answers = explanations.about_token(&token);
    if answers.iter().all(|one| one.answer.is_unknown()) {
        return Err(Failure::Command {
            message: format!("nothing that `{name}` leads to provides or requires {token}"),
            help: "`mikron matrix SPEC --json` has all tokens".to_owned(),
        });
    }
    if json {
        print_json(&answers)
    } else {
        print(&answers.iter().map(token_answer).collect::<String>())
    }
}

fn token_answer(answer: &PlatformTokens) -> String {
    let PlatformTokens { platform, answer } = answer;
    let TokenAnswer {
        token,
        providers,
        required_by,
        clash,
    } = answer;
    let mut text = String::new();
    let says = match (providers.iter().any(|p| p.chosen), providers.is_empty()) {
        (true, _) => "is provided in the image",
        (false, false) => "is provided by what is left out",
        (false, true) => "is provided by nobody",
    };
    let _ = writeln!(text, "{platform}: {} {says}", printable(&token.to_string()));
    for provider in providers {
        let path = provider.path.as_ref().map(|path| format!(" {path}"));
        let line = format!(
            "  {} by {}{}: {}",
            if provider.chosen {
                "provided"
            } else {
                "left out, though provided"
            },
            provider.name,
            path.unwrap_or_default(),
            provider.why
        );
        let _ = writeln!(text, "{}", printable(&line));
        for (name, by) in &provider.chain {
            let _ = writeln!(text, "    {}", printable(&format!("{name}: {by}")));
        }
    }
    for user in required_by {
        let file = user.file.as_ref().map(|file| format!(" {file}"));
        let others = match user.files {
            0 | 1 => String::new(),
            several => format!(" and {} of it", count(several - 1, "other file")),
        };
        let cause = user.cause.as_ref().map(|cause| format!(", {cause}"));
        let line = format!(
            "  required by {}{}{others}: {}{}",
            user.name,
            file.unwrap_or_default(),
            user.state.words(),
            cause.unwrap_or_default()
        );
        let _ = writeln!(text, "{}", printable(&line));
    }
    if let Some(clash) = clash
        && let Some(first) = clash.providers.first()
    {
        let line = format!(
            "  several provide it, and {} wins: {}",
            first.path, clash.rule
        );
        let _ = writeln!(text, "{}", printable(&line));
    }
    text
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
    if !overview.parts_left_out.is_empty() {
        let number = count(overview.parts_left_out.len(), "part");
        let _ = writeln!(
            text,
            "{}: {number} of named packages left out (`PACKAGE:PART` among the spec's packages brings one)",
            overview.platform
        );
        let row = |part: &PartLeftOut| {
            let first = part.files.first().map_or("", String::as_str);
            let more = if part.files.len() > 1 { ", …" } else { "" };
            vec![
                format!("{}:{}", part.package, part.capability),
                count(part.files.len(), "file"),
                format!("{}{more}", printable(first)),
            ]
        };
        text.push_str(&table(
            overview.parts_left_out.iter().map(row).collect(),
            &[1],
        ));
    }
    if !overview.found.is_empty() {
        let number = count(overview.found.len(), "file");
        let _ = writeln!(
            text,
            "{}: {number} of packages that nothing names, found in the sources",
            overview.platform
        );
        let row = |found: &FoundPackage| {
            let by = found.by.as_ref().map(|by| format!("{by} "));
            vec![
                found.package.to_string(),
                found.path.clone(),
                format!("{}{}", by.unwrap_or_default(), printable(&found.because)),
            ]
        };
        text.push_str(&table(overview.found.iter().map(row).collect(), &[]));
    }
    if !overview.recommended.is_empty() {
        let number = count(overview.recommended.len(), "recommendation");
        let _ = writeln!(text, "{}: {number} not followed", overview.platform);
        let row = |r: &Recommended| vec![r.relation.clone(), format!("recommended by {}", r.by)];
        text.push_str(&table(overview.recommended.iter().map(row).collect(), &[]));
    }
    for warning in &overview.warnings {
        let _ = writeln!(text, "warning: {}", printable(warning));
    }
    for module in &overview.modules {
        let _ = writeln!(
            text,
            "without: the module {} ({}: {})",
            printable(&module.path.to_string()),
            printable(&module.token.to_string()),
            module.cause
        );
    }
    for unmet in &overview.unmet {
        let what = unmet.note.feature.as_deref().unwrap_or("a function");
        let _ = writeln!(
            text,
            "without: {} of {} (it would load {})",
            printable(what),
            printable(&unmet.path.to_string()),
            printable(&unmet.note.sonames.join(" or "))
        );
    }
    for hint in &overview.hints {
        let _ = writeln!(
            text,
            "hint: {} names {}, which the image does not have; if it loads it, name its package in `packages`",
            printable(&hint.path),
            printable(&hint.library)
        );
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
    if let Some(origin) = &answer.origin {
        line(&format!("is in the image, by {}", printable(origin)));
        return text;
    }
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
            because,
        } => {
            let because = because.as_ref().map(|cause| format!(": {cause}"));
            let because = because.unwrap_or_default();
            line(&format!(
                "is left out, though {package} is in the image{because}"
            ));
            let _ = writeln!(
                text,
                "  help: `{capability}` among the spec's packages brings it"
            );
        }
        Explanation::Module {
            package,
            needs,
            cause,
        } => {
            line(&format!(
                "is left out: it needs {needs}, which no dependency of {package} brings ({cause})"
            ));
            let _ = writeln!(
                text,
                "  help: name the package that has it among the spec's"
            );
        }
        Explanation::Dangling { package, target } => {
            line(&format!(
                "is a link of {package} to {target}, which no package has"
            ));
        }
        Explanation::Unknown => line("is in no package of this platform"),
    }
    for (name, because) in &answer.because {
        let _ = writeln!(text, "  {name}: {}", printable(because));
    }
    if answer.root {
        text.push_str("  the spec names it\n");
    }
    if answer.found {
        text.push_str(
            "  nothing names it: it was found in the sources, for what files of the spec need\n",
        );
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
