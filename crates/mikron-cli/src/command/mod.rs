//! The commands.

mod build;
mod cache;
mod capabilities;
mod config;
mod diff;
mod explain;
mod holdings;
mod init;
mod inspect;
mod lock;
mod matrix;
mod run;
mod r#try;

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory as _;
use mikron::package::Limits;
use mikron::{Builder, Reading};
use serde::Serialize;

use crate::arguments::{Arguments, Command, Common, Shared, Shell};
use crate::failure::Failure;
use crate::text::Style;
use crate::{interrupt, progress};

/// Runs a command.
pub(crate) fn run(arguments: Arguments, style: Style) -> Result<ExitCode, Failure> {
    let quiet = arguments.quiet;
    let done = match arguments.command {
        // It ends as its program does.
        Command::Run(what) => return run::run(&what, quiet, style),
        Command::Init(init) => init::run(&init),
        // It says by its code what came of it.
        Command::Try(what) => return r#try::run(&what, quiet, style),
        Command::Build(build) => build::run(&build, quiet, style),
        Command::Lock(lock) => lock::run(&lock, quiet, style),
        Command::Explain(explain) => explain::run(&explain, quiet, style),
        Command::Matrix(matrix) => matrix::run(&matrix, quiet, style),
        Command::Diff(diff) => diff::run(&diff, quiet, style),
        Command::Capabilities(what) => capabilities::run(&what, quiet, style),
        Command::Inspect(inspect) => inspect::run(&inspect, quiet, style),
        Command::Schema { builtin: None } => print_json(&mikron::spec::schema()),
        Command::Schema {
            builtin: Some(name),
        } => builtin(&name),
        Command::Config { action, json } => config::run(action.as_ref(), json),
        Command::Cache { action } => cache::run(&action, quiet, style),
        Command::Completions { shell } => print(&completions(shell)),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// The builder that the common arguments describe, which a signal cancels.
fn builder(common: &Common, quiet: bool, style: Style) -> Result<Builder, Failure> {
    let builder = builder_for(&common.spec, &common.shared, quiet, style)?;
    Ok(builder.cancellation(&interrupt::cancellation()))
}

/// The builder for a spec.
fn builder_for(
    spec: &Path,
    common: &Shared,
    quiet: bool,
    style: Style,
) -> Result<Builder, Failure> {
    let mut builder = read(spec, &reading(common))?
        .offline(common.offline)
        .refresh(common.refresh)
        .progress(progress::reporter(quiet, style));
    for platform in &common.platforms {
        builder = builder.platform(*platform);
    }
    for (name, url) in &common.mirrors {
        builder = builder.mirror(name, url);
    }
    if let Some(jobs) = common.jobs {
        builder = builder.jobs(jobs.get());
    }
    Ok(match &common.variant {
        Some(variant) => builder.variant(variant)?,
        None => builder,
    })
}

/// How specs are read.
fn reading(common: &Shared) -> Reading {
    let params = common.params.iter();
    params.fold(Reading::default(), |reading, (name, value)| {
        reading.param(name, value)
    })
}

/// The spec of a file, one that comes with the product, or that of standard input.
fn read(spec: &Path, reading: &Reading) -> Result<Builder, Failure> {
    let builtin = spec.to_str().and_then(|spec| spec.strip_prefix("builtin/"));
    if let Some(name) = builtin.filter(|_| !spec.exists()) {
        return Ok(reading.builtin(name)?);
    }
    if spec != Path::new("-") {
        return Ok(reading.file(spec)?);
    }
    let mut text = String::new();
    let limit = Limits::default().spec;
    // One more than is allowed, so that who checks the size says so.
    let read = io::stdin().lock().take(limit + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::Command {
        message: format!("cannot read the spec from standard input: {error}"),
        help: "name its file, or pipe its text in".to_owned(),
    })?;
    Ok(reading.text("-", text, "")?)
}

/// Prints a spec that comes with the product, or their names.
fn builtin(name: &str) -> Result<(), Failure> {
    let name = name.strip_prefix("builtin/").unwrap_or(name);
    if name.is_empty() {
        let names = mikron::spec::builtins().map(|name| format!("builtin/{name}\n"));
        return print(&names.collect::<String>());
    }
    match mikron::spec::builtin(name) {
        Some(text) => print(text),
        None => Err(Failure::Command {
            message: format!("there is no `builtin/{name}`"),
            help: match mikron::spec::nearest(name, mikron::spec::builtins()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`mikron schema --builtin` lists them".to_owned(),
            },
        }),
    }
}

/// Writes a result, whole.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes a result as one JSON value and a newline.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    print(&(text + "\n"))
}

fn completions(shell: Shell) -> String {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "mikron", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
