//! Progress: bars on a terminal, plain lines elsewhere. Both go to standard error.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use mikron::package::{Event, Progress, TaskKind};

use crate::failure::warning;
use crate::text::{Style, count, printable, size, tell};

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
    if let Event::Planned { kind, tasks, bytes } = event {
        return Some(format!(
            "{} {} ({})",
            verb(*kind),
            count(*tasks, "archive"),
            size(*bytes)
        ));
    }
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

/// One bar for each running task, which goes when the task is done; and below them one for all that lie ahead.
struct Bars {
    style: Style,
    all: MultiProgress,
    running: Mutex<BTreeMap<u64, ProgressBar>>,
    overall: Mutex<Option<Overall>>,
    bytes: ProgressStyle,
    plain: ProgressStyle,
}

/// How far tasks got that were planned together.
struct Overall {
    bar: ProgressBar,
    tasks: usize,
    done: usize,
    running: BTreeSet<u64>,
}

impl Overall {
    fn show(&self) {
        let tasks = count(self.tasks, "archive");
        self.bar.set_message(format!("{} of {tasks}", self.done));
    }

    fn advance(&self, task: u64, by: u64) {
        if self.running.contains(&task) {
            self.bar.inc(by);
        }
    }

    /// Whether that was the last.
    fn finish(&mut self, task: u64) -> bool {
        if self.running.remove(&task) {
            self.done += 1;
            self.show();
        }
        self.done >= self.tasks
    }
}

impl Bars {
    fn overall(&self) -> std::sync::MutexGuard<'_, Option<Overall>> {
        self.overall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, overall: &mut Option<Overall>) {
        if let Some(overall) = overall.take() {
            overall.bar.finish_and_clear();
            self.all.remove(&overall.bar);
        }
    }

    fn new(style: Style) -> Self {
        let template = |text: &str| {
            ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        Self {
            style,
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12)),
            running: Mutex::default(),
            overall: Mutex::default(),
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
                let bar = bar.with_prefix(verb(*kind)).with_message(printable(name));
                let mut overall = self.overall();
                let bar = match &mut *overall {
                    Some(overall) => {
                        if measured {
                            overall.running.insert(*task);
                        }
                        self.all.insert_before(&overall.bar, bar)
                    }
                    None => self.all.add(bar),
                };
                bar.enable_steady_tick(Duration::from_millis(100));
                self.running().insert(*task, bar);
            }
            Event::Planned { tasks, bytes, .. } => {
                let mut overall = self.overall();
                self.end(&mut overall);
                let bar = ProgressBar::new(*bytes).with_style(self.bytes.clone());
                let all = Overall {
                    bar: self.all.add(bar.with_prefix("in all")),
                    tasks: *tasks,
                    done: 0,
                    running: BTreeSet::new(),
                };
                all.show();
                *overall = Some(all);
            }
            Event::Advanced { task, by } => {
                if let Some(overall) = &*self.overall() {
                    overall.advance(*task, *by);
                }
                if let Some(bar) = self.running().get(task) {
                    bar.inc(*by);
                }
            }
            Event::Finished { task } => {
                let mut overall = self.overall();
                if overall.as_mut().is_some_and(|all| all.finish(*task)) {
                    self.end(&mut overall);
                }
                drop(overall);
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

impl Drop for Bars {
    /// What was planned and did not come about is not on the screen when the error is.
    fn drop(&mut self) {
        let mut overall = self.overall();
        self.end(&mut overall);
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
            line(&Event::Planned {
                kind: TaskKind::Fetch,
                tasks: 40,
                bytes: 23_000_000,
            }),
        ];
        let expected = [
            Some("fetching a\\u{7} (1.50 MB)".to_owned()),
            Some("solving for a\\u{7}".to_owned()),
            None,
            None,
            Some("fetching 40 archives (23.0 MB)".to_owned()),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_lies_ahead_is_counted_by_files_and_bytes() {
        let bars = Bars::new(Style::of(crate::arguments::Color::Never));
        let kind = TaskKind::Fetch;
        bars.event(&Event::Planned {
            kind,
            tasks: 2,
            bytes: 10,
        });
        for task in [1, 2] {
            bars.event(&Event::Started {
                task,
                kind,
                name: "a",
                total: Some(5),
            });
            bars.event(&Event::Advanced { task, by: 5 });
            if task == 1 {
                bars.event(&Event::Finished { task });
                let overall = bars.overall();
                let bar = &overall.as_ref().unwrap().bar;
                assert_eq!(
                    (bar.position(), bar.message()),
                    (5, "1 of 2 archives".to_owned())
                );
            }
        }
        assert_eq!(bars.overall().as_ref().unwrap().bar.position(), 10);
        bars.event(&Event::Finished { task: 2 });
        assert!(bars.overall().is_none());
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
