//! `mikron build`.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mikron::oci::docker::full_name;
use mikron::package::{Event, Progress, TaskKind};
use mikron::spec::Spec;
use mikron::{
    BuildReport, Builder, Error, Output, PlatformReport, ScriptReport, Stream, archive_names,
};

use super::{builder_for, print, print_json};
use crate::arguments::{Build, Common};
use crate::failure::{Failure, warning};
use crate::text::{Style, count, printable, size, table, tell};
use crate::{interrupt, memory, progress};

pub(crate) fn run(arguments: &Build, quiet: bool, style: Style) -> Result<(), Failure> {
    let started = Instant::now();
    let Common { spec, shared, .. } = &arguments.common;
    let work = Arc::new(Work::new(progress::reporter(quiet, style)));
    let mut builder = builder_for(spec, shared, quiet, style)?
        .locked(arguments.locked)
        .keep(arguments.keep)
        .progress(work.clone());
    if let Some(name) = &arguments.tag {
        builder = builder.docker_name(name);
    }
    let is_archive = |output: &Output| matches!(output, Output::DockerArchive { .. });
    if arguments.tag.is_some() && !arguments.outputs.iter().any(is_archive) {
        return Err(Failure::Command {
            message: "--tag names what a docker: output holds, and there is none".to_owned(),
            help:
                "add `-o docker:FILE`; a tag of a layout stands behind it, as in `-o oci:DIR:TAG`"
                    .to_owned(),
        });
    }
    if let Some(compression) = arguments.compression {
        builder = builder.compression(compression);
    }
    for (key, value) in &arguments.annotations {
        builder = builder.annotation(key, value);
    }
    let to_stdout = arguments.outputs.iter().filter(|o| o.is_stdout()).count();
    check_stdout(to_stdout, arguments.common.shared.json)?;
    let mut outputs = arguments.outputs.clone();
    if outputs.is_empty() {
        let directory = format!("./out/{}", builder.spec().name);
        outputs.push(Output::layout(directory, Output::DEFAULT_TAG));
    }
    for output in &mut outputs {
        // One variant is not the image that people take for the latest, unless they are told so.
        if let (Some(variant), Output::Layout { dir, tag }) = (&shared.variant, &*output)
            && tag == Output::DEFAULT_TAG
        {
            *output = Output::layout(dir, variant);
        }
        builder = builder.output(output.clone());
    }
    // Standard input is read once: the process cannot begin once more.
    let from_stdin = arguments.common.spec.as_os_str() == "-";
    let remembered = if memory::is_kept() || arguments.common.shared.refresh {
        None
    } else {
        recall(&builder, style).map_err(|error| Failure::of(error, &builder))?
    };
    let reports = if let Some(reports) = remembered {
        reports
    } else {
        if !from_stdin {
            memory::keep_threshold();
        }
        // Not sooner: a signal that was taken and not yet heeded would be lost where the process begins once more. Until here it ends the
        // process as it always does, and nothing has been written.
        builder = builder.cancellation(&interrupt::cancellation());
        let built = builder.build_all();
        built.map_err(|error| Failure::of(error, &builder))?
    };
    if arguments.common.shared.json {
        let mut reports = reports.into_iter();
        let first = reports.next().map(|mut first| {
            first.variants = reports.collect();
            first
        });
        print_json(&first)
    } else {
        let ran = Ran {
            seconds: started.elapsed().as_secs_f64(),
            packed: work.packed.load(Ordering::Relaxed),
            fetched: work.fetched.load(Ordering::Relaxed),
        };
        let mut text = String::new();
        for report in &reports {
            let variant = report.variant.as_deref().filter(|_| reports.len() > 1);
            let place = |output: &Output| match variant {
                Some(variant) => output.of_variant(variant),
                None => output.clone(),
            };
            let places: Vec<Output> = outputs.iter().map(place).collect();
            text.push_str(&self::text(report, &places));
        }
        let _ = writeln!(text, "{}", ran.line(&reports));
        text.push_str(&run_line(
            builder.spec(),
            reports
                .first()
                .map_or(&[][..], |report| &report.platforms[..]),
            arguments.tag.as_deref(),
            &outputs,
        ));
        if to_stdout > 0 {
            tell(text.trim_end());
            return Ok(());
        }
        print(&text)
    }
}

/// Standard output takes one thing, which is for no terminal.
fn check_stdout(outputs: usize, json: bool) -> Result<(), Failure> {
    let (message, help) = match outputs {
        1 if json => (
            "standard output cannot have both an output of the build and its report",
            "leave --json out, or name a file for the output",
        ),
        1 if io::stdout().is_terminal() => (
            "standard output is a terminal, and what the build writes there is no text",
            "pipe it into the command that is to read it, or name a file",
        ),
        0 | 1 => return Ok(()),
        _ => (
            "standard output cannot have several outputs",
            "name a file for all but one",
        ),
    };
    Err(Failure::Command {
        message: message.to_owned(),
        help: help.to_owned(),
    })
}

/// Counts what is done, and passes it on.
struct Work {
    shown: Arc<dyn Progress>,
    packed: AtomicUsize,
    fetched: AtomicU64,
}

impl Work {
    fn new(shown: Arc<dyn Progress>) -> Self {
        Self {
            shown,
            packed: AtomicUsize::new(0),
            fetched: AtomicU64::new(0),
        }
    }
}

impl Progress for Work {
    fn event(&self, event: &Event<'_>) {
        if let Event::Started { kind, total, .. } = event {
            match kind {
                TaskKind::Layer => {
                    self.packed.fetch_add(1, Ordering::Relaxed);
                }
                TaskKind::Fetch => {
                    self.fetched
                        .fetch_add(total.unwrap_or_default(), Ordering::Relaxed);
                }
                _ => {}
            }
        }
        self.shown.event(event);
    }
}

/// What a build took.
struct Ran {
    seconds: f64,
    /// Layers that were packed.
    packed: usize,
    /// Bytes that were fetched, as far as was known before.
    fetched: u64,
}

impl Ran {
    fn line(&self, reports: &[BuildReport]) -> String {
        let platforms = reports.iter().flat_map(|report| &report.platforms);
        let layers: usize = platforms.map(|p| p.layers.len()).sum();
        let fetched = match self.fetched {
            0 => "nothing fetched".to_owned(),
            bytes => format!("{} fetched", size(bytes)),
        };
        let reused = layers.saturating_sub(self.packed);
        format!(
            "took {:.1} s: {fetched}, {reused} of {} reused",
            self.seconds,
            count(layers, "layer")
        )
    }
}

/// How to run what went to the first output, to be copied, and as whom it runs where nobody said so.
fn run_line(
    spec: &Spec,
    platforms: &[PlatformReport],
    tag: Option<&str>,
    outputs: &[Output],
) -> String {
    if spec.image.entrypoint.is_empty() && spec.image.cmd.is_empty() {
        return String::new();
    }
    let root = if spec.run_as.is_none() {
        "it runs as root: `run-as` in the spec gives it a user\n"
    } else {
        ""
    };
    let ports = spec.image.ports.iter().map(|port| {
        let number = port.number;
        // `80/tcp` is what `80` means.
        let written = port.to_string();
        let protocol = written.strip_prefix(&number.to_string());
        let protocol = protocol.filter(|rest| *rest != "/tcp").unwrap_or_default();
        format!(" -p {number}:{number}{protocol}")
    });
    let ports: String = ports.collect();
    let run = match outputs.first() {
        Some(output @ Output::Layout { .. }) => {
            // podman takes `oci:./out` for a name.
            let output = output.to_string().replacen("oci:./", "oci:", 1);
            format!("run it: podman run --rm{ports} {output}")
        }
        Some(Output::DockerArchive { to }) => {
            let default = format!("localhost/{}", spec.name);
            let name = tag.unwrap_or(&default);
            let run = format!("docker run --rm{ports} {name}");
            let platforms = platforms.iter().map(|of| of.platform);
            let names = archive_names(name, platforms);
            match to {
                Stream::File(file) if names.len() > 1 => {
                    let names = names.join(", ");
                    format!("load it: docker load -i {} ({names})", file.display())
                }
                Stream::Stdout if names.len() > 1 => format!("it holds {}", names.join(", ")),
                Stream::File(file) => format!("run it: docker load -i {} && {run}", file.display()),
                Stream::Stdout => format!("run it when it is loaded: {run}"),
            }
        }
        Some(Output::DockerEngine { name }) => format!("run it: docker run --rm{ports} {name}"),
        Some(Output::Containerd { name }) => {
            let name = full_name(name).unwrap_or_else(|_| name.clone());
            format!("run it: ctr run --rm --net-host {name} {}", spec.name)
        }
        Some(Output::RootfsTar { to }) => match to {
            Stream::File(_) => format!("run it: docker import {to}, or unpack it with tar"),
            Stream::Stdout => return String::new(),
        },
        Some(Output::RootfsDirectory { dir }) => {
            let words = spec.image.entrypoint.iter().chain(&spec.image.cmd);
            let words: Vec<&str> = words.map(String::as_str).collect();
            format!("run it: chroot {} {}", dir.display(), words.join(" "))
        }
        _ => return String::new(),
    };
    format!("{root}{}\n", printable(&run))
}

/// What an earlier build came to: it needs no memory that would be worth a second beginning of the process. Where there is none, the
/// build says again what there is to warn of.
fn recall(builder: &Builder, style: Style) -> Result<Option<Vec<BuildReport>>, Error> {
    let held = Arc::new(Held::default());
    let report = builder.clone().progress(held.clone()).recall_all();
    // Where it fails, no build says it again.
    if !matches!(report, Ok(None)) {
        let messages = held.0.lock().unwrap_or_else(PoisonError::into_inner);
        for message in &*messages {
            tell(&warning(message, style));
        }
    }
    report
}

/// Holds warnings back.
#[derive(Default)]
struct Held(Mutex<Vec<String>>);

impl Progress for Held {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning { message } = event {
            let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            messages.push((*message).to_owned());
        }
    }
}

fn text(report: &BuildReport, outputs: &[Output]) -> String {
    let alone = matches!(&report.platforms[..], [one] if one.digest == report.digest);
    let what = if alone { "manifest" } else { "index" };
    let name = printable(&report.name);
    let variant = report.variant.as_deref();
    let shown = variant.map_or(String::new(), |variant| format!(":{variant}"));
    let mut text = format!("{name}{shown} {} ({what})\n", report.digest);
    for p in &report.platforms {
        let row = vec![
            p.platform.to_string(),
            format!("{} unpacked", size(p.unpacked)),
            format!("{} in {}", size(p.size), count(p.layers.len(), "layer")),
            count(p.packages.len(), "package"),
        ];
        text.push_str(&table(vec![row], &[]));
        if !alone {
            let _ = writeln!(text, "    manifest {}", p.digest);
        }
        if let Some(config) = p.config.filter(|_| outputs.iter().any(Output::is_docker)) {
            let _ = writeln!(text, "    image id {config}");
        }
    }
    for platform in &report.platforms {
        scripts(platform, &mut text);
    }
    for output in outputs {
        let _ = writeln!(text, "written to {output}");
    }
    text
}

/// How many maintainer scripts there are, in words.
pub(super) fn number_of(scripts: &[ScriptReport]) -> String {
    let scripts = scripts.iter().filter(|script| script.is_script());
    count(scripts.count(), "maintainer script")
}

/// The maintainer scripts that were not run. What nothing brought about is said: that of the spec's own packages first, and in full.
fn scripts(platform: &PlatformReport, text: &mut String) {
    let open = platform.scripts.iter();
    let mut open: Vec<&ScriptReport> = open.filter(|script| !script.uncovered.is_empty()).collect();
    if open.is_empty() {
        return;
    }
    let name = platform.platform;
    let number = number_of(&platform.scripts);
    let _ = writeln!(
        text,
        "{name}: {number} not run, and not all that they do is done (`mikron explain SPEC --scripts` lists it)"
    );
    open.sort_by_key(|script| !script.root);
    for script in open {
        let shown = if script.root { usize::MAX } else { SHOWN };
        let _ = writeln!(
            text,
            "  {} {} would also: {}",
            script.package,
            script.script,
            effects(&script.uncovered, shown)
        );
    }
}

/// How many effects are shown of a script of a dependency.
const SHOWN: usize = 4;

/// The effects of one script in a line: each once, and of many the first.
fn effects(uncovered: &[String], shown: usize) -> String {
    let mut seen = std::collections::BTreeSet::new();
    let once: Vec<&str> = uncovered
        .iter()
        .map(String::as_str)
        .filter(|effect| seen.insert(*effect))
        .collect();
    let mut text = printable(&once[..once.len().min(shown)].join("; "));
    if once.len() > shown {
        let _ = write!(text, "; and {} more", once.len() - shown);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{
      "name": "web",
      "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "platforms": [{
        "platform": "linux/amd64",
        "digest": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "size": 3490000,
        "layers": [{
          "digest": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
          "size": 3480000,
          "diff_id": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
          "packages": ["nginx"]
        }],
        "packages": [],
        "scripts": [
          {"package": "nginx", "script": "postinst", "covered": ["a"], "irrelevant": [], "uncovered": []},
          {"package": "web", "script": "postinst", "covered": [], "irrelevant": [],
           "uncovered": ["make /srv\u001b[2J", "call frobnicate"]}
        ]
      }]
    }"#;

    #[test]
    fn a_build_says_what_it_made_and_what_it_did_not_do() {
        let report: BuildReport = serde_json::from_str(REPORT).unwrap();
        let outputs = [
            Output::layout("./out/web", "latest"),
            Output::docker_archive("web.tar"),
        ];
        insta::assert_snapshot!(text(&report, &outputs));
    }

    #[test]
    fn of_several_platforms_the_names_are_told_that_an_archive_has() {
        let spec = "mikron: 1\nname: web\nfiles: []\nimage: { entrypoint: [/a] }\n";
        let spec = Spec::parse("web.yaml", spec, &mikron::package::Limits::default()).unwrap();
        let mut report: BuildReport = serde_json::from_str(REPORT).unwrap();
        let outputs = [Output::docker_archive("web.tar")];
        let line = run_line(&spec, &report.platforms, None, &outputs);
        assert!(line.ends_with("docker run --rm localhost/web\n"), "{line}");
        let mut other = report.platforms[0].clone();
        other.platform = "linux/arm64".parse().unwrap();
        report.platforms.push(other);
        let line = run_line(&spec, &report.platforms, Some("web:1"), &outputs);
        assert!(
            line.ends_with("(web:1-linux-amd64, web:1-linux-arm64)\n"),
            "{line}"
        );
    }
}
