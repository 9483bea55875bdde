//! Surveys: many inputs of a format, and what became of them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Debug};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Numbers;

/// What became of an input: accepted, or refused for a reason of this kind.
pub type Outcome = Result<(), String>;

/// Makes an input of some numbers, and reads it.
pub type Reader = Box<dyn FnMut(&mut Numbers) -> Outcome>;

/// A format that is surveyed.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// What it is asked for by.
    pub name: &'static str,
    /// Makes the good inputs, once for all rounds.
    pub begin: fn() -> Reader,
}

/// What became of the inputs.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// How many were accepted.
    pub accepted: u64,
    /// How many were refused, by the kind of the reason.
    pub refused: BTreeMap<String, u64>,
    /// How long all of them took.
    pub time: Duration,
    /// How long the slowest took, with its making, by the clock: on a busy machine that is no measure of the reader.
    pub slowest: Duration,
    /// The largest resident set of the process meanwhile, in KiB; 0 where the system does not say.
    pub peak: u64,
}

/// An input may take as long, in seconds.
const SLOWEST: u64 = 10;

/// A survey may take as much, in KiB.
const LARGEST: u64 = 64 << 10;

/// The kind of an error: the name of its variant.
pub fn refusal(kind: &impl Debug) -> String {
    let mut text = format!("{kind:?}");
    let end = text.find(|c: char| !c.is_ascii_alphanumeric());
    text.truncate(end.unwrap_or(text.len()));
    text
}

/// The largest resident set since the last call of [`forget_peak`], in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Lets the system measure anew (proc_pid_clear_refs(5)). Where that fails, what came before counts as well.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Says which round a panic was in.
struct Round {
    format: &'static str,
    seed: u64,
    number: u64,
}

impl Drop for Round {
    fn drop(&mut self) {
        if thread::panicking() {
            let Self {
                format,
                seed,
                number,
            } = self;
            eprintln!("{format}: this was round {number} of seed {seed}");
        }
    }
}

/// Reads so many inputs of a format. A panic of the reader is one of the survey.
pub fn survey(format: &Format, count: u64, seed: u64) -> Survey {
    rounds(format, 0..count, seed)
}

fn rounds(format: &Format, rounds: std::ops::Range<u64>, seed: u64) -> Survey {
    let mut reader = (format.begin)();
    let (round, over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let watch = scope.spawn(|| watch(format.name, seed, &round, &over));
        // However this ends, the watch ends.
        let _end = End(&over, watch.thread().clone());
        let mut found = Survey::default();
        forget_peak();
        let begin = Instant::now();
        for number in rounds {
            round.store(number, Ordering::Relaxed);
            let named = Round {
                format: format.name,
                seed,
                number,
            };
            let begin = Instant::now();
            match reader(&mut Numbers::new(seed, number)) {
                Ok(()) => found.accepted += 1,
                Err(kind) => *found.refused.entry(kind).or_default() += 1,
            }
            found.slowest = found.slowest.max(begin.elapsed());
            drop(named);
        }
        found.time = begin.elapsed();
        found.peak = peak();
        found
    })
}

struct End<'a>(&'a AtomicBool, thread::Thread);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.unpark();
    }
}

/// Ends the process when an input takes too long. Seconds are counted, not measured: a process that is stopped is not slow.
fn watch(format: &str, seed: u64, round: &AtomicU64, over: &AtomicBool) {
    let (mut last, mut seconds) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        thread::park_timeout(Duration::from_secs(1));
        let now = round.load(Ordering::Relaxed);
        seconds = if now == last { seconds + 1 } else { 0 };
        last = now;
        if seconds > SLOWEST {
            eprintln!("{format}: round {now} of seed {seed} takes more than {SLOWEST} s");
            std::process::exit(1);
        }
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.refused.values().sum();
        let runs = (self.accepted + refused).max(1);
        let tenths = |part: u64, whole: u64| format!("{}.{}", part / whole, part * 10 / whole % 10);
        write!(
            f,
            "{runs} inputs in {:.1} s, {} % refused, peak {} MB, slowest {:.1} ms; accepted {}",
            self.time.as_secs_f64(),
            tenths(100 * refused, runs),
            tenths(self.peak, 1024),
            1000.0 * self.slowest.as_secs_f64(),
            self.accepted,
        )?;
        for (kind, count) in &self.refused {
            write!(f, ", {kind} {count}")?;
        }
        Ok(())
    }
}

/// Reads a few inputs of a format in a test: none panics or hangs, and they are neither all accepted nor all refused, for then
/// they would show nothing.
///
/// # Panics
/// When that is not so, or there is no such format.
pub fn sample(formats: &[Format], name: &str, count: u64) {
    let format = formats.iter().find(|format| format.name == name);
    let format = format.unwrap_or_else(|| panic!("there is no format {name}"));
    let found = survey(format, count, 1);
    assert!(found.accepted > 0, "{name}: {found}");
    assert!(!found.refused.is_empty(), "{name}: {found}");
}

/// The command of the examples: `FORMAT|all COUNT [SEED [ROUND]]`; with a round, only that one is read.
///
/// # Errors
/// When it is called otherwise, or more than 64 MB were taken.
pub fn main(formats: &[Format]) -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| {
        arguments
            .get(place)
            .map(|text| text.parse::<u64>())
            .transpose()
    };
    let name = arguments.first().map_or("", String::as_str);
    let chosen: Vec<&Format> = formats
        .iter()
        .filter(|format| name == "all" || name == format.name)
        .collect();
    let (Some(count), false) = (number(1)?, chosen.is_empty()) else {
        let names: Vec<&str> = formats.iter().map(|format| format.name).collect();
        return Err(format!(
            "FORMAT COUNT [SEED [ROUND]], FORMAT one of: all, {}",
            names.join(", ")
        )
        .into());
    };
    let seed = number(2)?.unwrap_or(1);
    let range = number(3)?.map_or(0..count, |round| round..round + 1);
    let mut large = Vec::new();
    for format in chosen {
        let found = rounds(format, range.clone(), seed);
        println!("{}: {found}", format.name);
        if found.peak > LARGEST {
            large.push(format.name);
        }
    }
    if large.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "more than {} MB were taken by {}",
            LARGEST >> 10,
            large.join(", ")
        )
        .into())
    }
}
