//! `mikron try`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use mikron::package::Cancellation;
use mikron::spec::Kind;
use mikron_run::Runtime;
use mikron_try::{Comparison, End, Key, Lacking, Line, Ran, Trial, TryError, amend};

use super::run::search_path;
use super::{builder_for, print, print_json, reading};
use crate::arguments::Try as Arguments;
use crate::failure::Failure;
use crate::interrupt;
use crate::text::{Style, count, printable, table, tell};

/// How many lines are shown of what a command wrote: the last.
const SHOWN: usize = 20;

/// How often lines are written before what is lacking then is left to people.
const ROUNDS: usize = 3;

pub(crate) fn run(arguments: &Arguments, quiet: bool, style: Style) -> Result<ExitCode, Failure> {
    // Before anything is built for it.
    let runtime = Runtime::find(&search_path())?;
    let cancellation = interrupt::cancellation();
    let mut compared = tried(arguments, &runtime, &cancellation, (quiet, style))?;
    let common = &arguments.common;
    let is_file = common.spec.is_file();
    // What comes further now may lack something else.
    for _ in 0..ROUNDS {
        if !arguments.write || compared.lines.is_empty() {
            break;
        }
        if !is_file {
            let spec = common.spec.display();
            return Err(Failure::Command {
                message: format!("{spec} is no file that lines can be put into"),
                help: "leave --write out, and put them into a file that extends it".to_owned(),
            });
        }
        if !common.shared.json {
            print(&text(&compared))?;
        }
        amend(&common.spec, &reading(&common.shared), &compared.lines).map_err(Failure::Try)?;
        let lines = count(compared.lines.len(), "line");
        tell(&format!("wrote {lines} into {}", common.spec.display()));
        compared = tried(arguments, &runtime, &cancellation, (quiet, style))?;
    }
    if common.shared.json {
        print_json(&compared)?;
    } else {
        print(&text(&compared))?;
    }
    Ok(ExitCode::from(u8::from(!compared.is_whole())))
}

/// What comes of the command in both images.
fn tried(
    arguments: &Arguments,
    runtime: &Runtime,
    cancellation: &Cancellation,
    (quiet, style): (bool, Style),
) -> Result<Comparison, Failure> {
    let (common, inside) = (&arguments.common, &arguments.inside);
    let builder = builder_for(&common.spec, &common.shared, quiet, style)?;
    let builder = builder.locked(inside.locked);
    let runs = builder.spec().kind == Kind::Runtime;
    let trial = Trial {
        command: inside.command.clone(),
        env: inside.env.clone(),
        workdir: inside.workdir.clone(),
        mounts: inside.mounts.clone(),
        network: inside.network || (runs && !inside.no_network),
        timeout: arguments.timeout,
        cancellation: cancellation.clone(),
        ..Trial::new(builder)
    };
    trial.run(runtime).map_err(|error| match error {
        TryError::Build(error) => Failure::of(*error, &trial.builder),
        error => Failure::Try(error),
    })
}

/// What came of it, for people.
fn text(compared: &Comparison) -> String {
    let mut text = String::new();
    let (image, whole) = (&compared.image, &compared.whole);
    let whole_closure = "in the whole closure";
    let ends = [("in the image", image), (whole_closure, whole)];
    let row = |(place, ran): (&str, &Ran)| {
        let written = format!("wrote {} B", ran.written);
        vec![place.to_owned(), ended(ran.end), written]
    };
    text.push_str(&table(ends.map(row).into(), &[]));
    let alike = image.end == whole.end && compared.lacking.is_empty();
    let fails = matches!(whole.end, End::Exited { status } if status != 0);
    if !alike || fails {
        for (place, ran) in ends {
            output(&mut text, place, ran);
        }
    }
    list(
        &mut text,
        "the image lacks what was used in the whole closure",
        &compared.lacking,
    );
    list(
        &mut text,
        "nothing that was opened is lacking, but these are, which may have been asked for",
        &compared.perhaps,
    );
    if !compared.lines.is_empty() {
        text.push_str("these lines bring it:\n");
        text.push_str(&lines(&compared.lines));
    }
    if compared.is_whole() {
        text.push_str("the image lacks nothing that was used\n");
    } else if compared.lacking.is_empty() && compared.perhaps.is_empty() {
        text.push_str("they end otherwise, and no file that was opened makes the difference\n");
    }
    if alike && fails {
        text.push_str(
            "the command fails in the whole closure, too: what it misses is in no package of it\n",
        );
    }
    if !compared.spared.is_empty() {
        let number = count(compared.spared.len(), "file");
        let _ = writeln!(
            text,
            "{number} more that images do well without (--json says why)"
        );
    }
    if !compared.complete {
        text.push_str("the kernel could not tell of all that was opened (sysctl fs.inotify.max_queued_events)\n");
    }
    text
}

fn ended(end: End) -> String {
    match end {
        End::Exited { status } => format!("ended with {status}"),
        End::TimeOver => "still ran when its time was over".to_owned(),
    }
}

/// The last lines that were written.
fn output(text: &mut String, place: &str, ran: &Ran) {
    let safe = printable(&ran.output);
    let lines: Vec<&str> = safe.lines().collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{place}:");
    for line in &lines[lines.len().saturating_sub(SHOWN)..] {
        let _ = writeln!(text, "  | {line}");
    }
}

fn list(text: &mut String, head: &str, all: &[Lacking]) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(text, "{head}:");
    for of_origin in all {
        let _ = writeln!(text, "  {}", printable(&of_origin.origin));
        for file in &of_origin.files {
            let _ = writeln!(text, "    {}", printable(&file.to_string()));
        }
    }
}

/// As they stand in a spec.
fn lines(lines: &[Line]) -> String {
    let mut by_key: BTreeMap<Key, Vec<&str>> = BTreeMap::new();
    for line in lines {
        by_key.entry(line.key).or_default().push(&line.value);
    }
    let mut text = String::new();
    for (key, values) in by_key {
        let _ = writeln!(text, "  {key}:");
        for value in values {
            let _ = writeln!(text, "    - \"{}\"", printable(value));
        }
    }
    text
}
