//! `mikron build`.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use mikron::package::{Event, Progress};
use mikron::{BuildReport, Builder, Error, Output, PlatformReport, ScriptReport};

use super::{builder_for, print, print_json};
use crate::arguments::{Build, Common};
use crate::failure::{Failure, warning};
use crate::text::{Style, count, printable, size, table, tell};
use crate::{interrupt, memory};

pub(crate) fn run(arguments: &Build, quiet: bool, style: Style) -> Result<(), Failure> {
    let Common { spec, shared, .. } = &arguments.common;
    let mut builder = builder_for(spec, shared, quiet, style)?.locked(arguments.locked);
    let mut outputs = arguments.outputs.clone();
    if outputs.is_empty() {
        let directory = format!("./out/{}", builder.spec().name);
        outputs.push(Output::layout(directory, Output::DEFAULT_TAG));
    }
    for output in &outputs {
        builder = builder.output(output.clone());
    }
    let remembered = if memory::is_kept() || arguments.common.shared.refresh {
        None
    } else {
        recall(&builder, style).map_err(|error| Failure::of(error, &builder))?
    };
    let report = if let Some(report) = remembered {
        report
    } else {
        memory::keep_threshold();
        // Not sooner: a signal that was taken and not yet heeded would be lost where the process begins once more. Until here it ends the
        // process as it always does, and nothing has been written.
        builder = builder.cancellation(&interrupt::cancellation());
        let built = builder.build();
        built.map_err(|error| Failure::of(error, &builder))?
    };
    if arguments.common.shared.json {
        print_json(&report)
    } else {
        print(&text(&report, &outputs))
    }
}

/// What an earlier build came to: it needs no memory that would be worth a second beginning of the process. Where there is none, the
/// build says again what there is to warn of.
fn recall(builder: &Builder, style: Style) -> Result<Option<BuildReport>, Error> {
    let held = Arc::new(Held::default());
    let report = builder.clone().progress(held.clone()).recall()?;
    if report.is_some() {
        let messages = held.0.lock().unwrap_or_else(PoisonError::into_inner);
        for message in &*messages {
            tell(&warning(message, style));
        }
    }
    Ok(report)
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
    let mut text = format!("{} {}\n", printable(&report.name), report.digest);
    let row = |p: &PlatformReport| {
        vec![
            p.platform.to_string(),
            size(p.size),
            count(p.layers.len(), "layer"),
            count(p.packages.len(), "package"),
            p.digest.to_string(),
        ]
    };
    text.push_str(&table(
        report.platforms.iter().map(row).collect(),
        &[1, 2, 3],
    ));
    for platform in &report.platforms {
        scripts(platform, &mut text);
    }
    for output in outputs {
        let _ = writeln!(text, "written to {output}");
    }
    text
}

/// The maintainer scripts that were not run. What nothing brought about is said: that of the spec's own packages first, and in full.
fn scripts(platform: &PlatformReport, text: &mut String) {
    if platform.scripts.is_empty() {
        return;
    }
    let name = platform.platform;
    let number = count(platform.scripts.len(), "maintainer script");
    let _ = writeln!(text, "{name}: {number} not run (--json lists all effects)");
    let open = platform.scripts.iter();
    let mut open: Vec<&ScriptReport> = open.filter(|script| !script.uncovered.is_empty()).collect();
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
}
