//! Progress: bars on a terminal, plain lines elsewhere. Both go to standard error.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use mikron::package::{Event, Progress, TaskKind};

use crate::failure::warning;
use crate::text::{Style, printable, size, tell};

/// What shows progress here.
pub(crate) fn reporter(quiet: bool, style: Style) -> Arc<dyn Progress> {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if quiet {
        Arc::new(Warnings { style })
    } else if std::io::stderr().is_terminal() && !dumb {
        Arc::new(Bars::new(style))
    } else {
        Arc::new(Lines { style })
    }
}

/// Warnings and nothing else.
struct Warnings {
    style: Style,
}

impl Progress for Warnings {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning { message } = event {
            tell(&warning(message, self.style));
        }
    }
}

/// One line for each thing that takes time, when it begins.
struct Lines {
    style: Style,
}

impl Progress for Lines {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning { message } = event {
            tell(&warning(message, self.style));
        } else if let Some(line) = line(event) {
            tell(&line);
        }
    }
}

/// The line for an event. Learning facts follows each download and is over at once, so it has none.
fn line(event: &Event<'_>) -> Option<String> {
    let Event::Started {
        kind, name, total, ..
    } = event
    else {
        return None;
    };
    if *kind == TaskKind::Facts {
        return None;
    }
    let name = printable(name);
    Some(match total {
        Some(total) if *total > 0 => format!("{} {name} ({})", verb(*kind), size(*total)),
        _ => format!("{} {name}", verb(*kind)),
    })
}

fn verb(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Fetch => "fetching",
        TaskKind::Index => "reading",
        TaskKind::Solve => "solving for",
        TaskKind::Facts => "looking into",
        TaskKind::Layer => "packing",
        _ => "working on",
    }
}

/// One bar for each running task; it goes when the task is done.
struct Bars {
    style: Style,
    all: MultiProgress,
    running: Mutex<BTreeMap<u64, ProgressBar>>,
    bytes: ProgressStyle,
    plain: ProgressStyle,
}

impl Bars {
    fn new(style: Style) -> Self {
        let template = |text: &str| {
            ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        Self {
            style,
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12)),
            running: Mutex::default(),
            bytes: template("{prefix:>12} {wide_msg} {bytes:>10} of {total_bytes:<10} [{bar:20}]")
                .progress_chars("=> "),
            plain: template("{prefix:>12} {wide_msg} {elapsed:>5}"),
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, ProgressBar>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started {
                task,
                kind,
                name,
                total,
            } => {
                let measured = *kind == TaskKind::Fetch && total.is_some_and(|total| total > 0);
                let bar = if measured {
                    ProgressBar::new(total.unwrap_or_default()).with_style(self.bytes.clone())
                } else {
                    ProgressBar::new_spinner().with_style(self.plain.clone())
                };
                let bar = self
                    .all
                    .add(bar.with_prefix(verb(*kind)).with_message(printable(name)));
                bar.enable_steady_tick(Duration::from_millis(100));
                self.running().insert(*task, bar);
            }
            Event::Advanced { task, by } => {
                if let Some(bar) = self.running().get(task) {
                    bar.inc(*by);
                }
            }
            Event::Finished { task } => {
                if let Some(bar) = self.running().remove(task) {
                    bar.finish_and_clear();
                    self.all.remove(&bar);
                }
            }
            Event::Warning { message } => {
                self.all.suspend(|| tell(&warning(message, self.style)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_done_to_what() {
        let started = |kind, total| Event::Started {
            task: 1,
            kind,
            name: "a\u{7}",
            total,
        };
        let lines = [
            line(&started(TaskKind::Fetch, Some(1_500_000))),
            line(&started(TaskKind::Solve, None)),
            line(&started(TaskKind::Facts, Some(1))),
            line(&Event::Finished { task: 1 }),
        ];
        let expected = [
            Some("fetching a\\u{7} (1.50 MB)".to_owned()),
            Some("solving for a\\u{7}".to_owned()),
            None,
            None,
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn bars_go_when_their_tasks_are_done() {
        let bars = Bars::new(Style::of(crate::arguments::Color::Never));
        bars.event(&Event::Started {
            task: 7,
            kind: TaskKind::Fetch,
            name: "a",
            total: Some(9),
        });
        bars.event(&Event::Advanced { task: 7, by: 9 });
        assert_eq!(bars.running()[&7].position(), 9);
        bars.event(&Event::Finished { task: 7 });
        assert!(bars.running().is_empty());
    }
}
