//! The `mikron` command: distroless OCI images from YAML.
//!
//! A thin face over the crate `mikron`. Results go to standard output, progress and diagnostics to standard error; exit
//! status 0 means done, 1 failed, 2 wrong usage, and 128 more than a signal that ended the work.

mod arguments;
mod command;
mod failure;
mod interrupt;
mod memory;
mod progress;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    log();
    let style = text::Style::of(arguments.color);
    match command::run(arguments, style) {
        Ok(code) => code,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            text::tell(&failure.render(style));
            if failure.is_cancelled() {
                interrupt::exit_code()
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Writes what the libraries trace to standard error where `MIKRON_LOG` asks for it (`MIKRON_LOG=debug`).
fn log() {
    if std::env::var_os("MIKRON_LOG").is_some_and(|value| !value.is_empty()) {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_env("MIKRON_LOG"))
            .with_writer(std::io::stderr)
            // Which it would print where a line cannot be written, and end the process where that cannot be either.
            .log_internal_errors(false)
            .init();
    }
}
