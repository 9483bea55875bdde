//! `mikron run`.

use std::io::{self, IsTerminal as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::thread;

use mikron::spec::Kind;
use mikron::{Output, SessionOptions, UnpackedImage, unpack_layout};
use mikron_run::{Launch, Process, Runtime};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::builder_for;
use crate::arguments::Run;
use crate::failure::Failure;
use crate::progress;
use crate::text::Style;

pub(crate) fn run(arguments: &Run, quiet: bool, style: Style) -> Result<ExitCode, Failure> {
    if arguments.shared.json {
        return Err(Failure::Command {
            message: "what the program prints is its own, and nothing of it is JSON".to_owned(),
            help: "leave --json out".to_owned(),
        });
    }
    // Before anything is built for it.
    let runtime = Runtime::find(&search_path())?;
    let (image, kind) = unpacked(arguments, quiet, style)?;
    let mut process = Process::of_config(image.config()).map_err(mikron_run::RunError::from)?;
    if !arguments.inside.command.is_empty() {
        process.words.clone_from(&arguments.inside.command);
    }
    for variable in &arguments.inside.env {
        process.set(variable);
    }
    if let Some(directory) = &arguments.inside.workdir {
        process.workdir.clone_from(directory);
    }
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let launch = Launch {
        rootfs: image.rootfs().to_owned(),
        own: false,
        process,
        mounts: arguments.inside.mounts.clone(),
        network: arguments.inside.network
            || (kind == Kind::Runtime && !arguments.inside.no_network),
        terminal,
        hostname: "mikron".to_owned(),
    };
    let container = launch.start(&runtime, image.scratch())?;
    hand_signals_to(container.pid());
    Ok(code(container.wait()?))
}

/// The image, and for what it is.
fn unpacked(arguments: &Run, quiet: bool, style: Style) -> Result<(UnpackedImage, Kind), Failure> {
    if let Some((layout, tag)) = layout(&arguments.what) {
        let options = SessionOptions::default().progress(progress::reporter(quiet, style));
        let image = unpack_layout(&options.open()?, &layout, &tag)?;
        return Ok((image, Kind::Runtime));
    }
    let builder = builder_for(&arguments.what, &arguments.shared, quiet, style)?;
    let builder = builder.locked(arguments.inside.locked);
    let kind = builder.spec().kind;
    let image = builder
        .unpack()
        .map_err(|error| Failure::of(error, &builder))?;
    Ok((image, kind))
}

/// `PATH`, and where runtimes are often installed, and only root looks.
pub(super) fn search_path() -> std::ffi::OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

/// Directory and tag, where a layout is meant.
fn layout(what: &Path) -> Option<(std::path::PathBuf, String)> {
    let text = what.to_str().filter(|text| text.starts_with("oci:"));
    if let Some(Output::Layout { dir, tag }) = text.and_then(|text| text.parse().ok()) {
        return Some((dir, tag));
    }
    let is_layout = what.is_dir();
    is_layout.then(|| (what.to_owned(), Output::DEFAULT_TAG.to_owned()))
}

/// Hands signals on to a process. What a terminal sends by a key goes to all that it shows, and so to that process, too.
fn hand_signals_to(pid: u32) {
    let by_key = [SIGINT, SIGQUIT];
    let Ok(mut signals) = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2]) else {
        return;
    };
    let from_terminal = io::stdin().is_terminal();
    let hand_on = move || {
        for signal in &mut signals {
            if !(from_terminal && by_key.contains(&signal)) {
                mikron_run::signal(pid, signal);
            }
        }
    };
    // Whoever cannot wait for signals ends by them, and the program when its streams do.
    drop(
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(hand_on),
    );
}

/// How the program ended, as shells see it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
