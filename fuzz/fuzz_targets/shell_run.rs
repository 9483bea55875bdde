//! Any bytes as a script that is run on a machine without files: no panic, bounded work, and the same run each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mikron_shell::run::{Host, Invocation, Known, Outcome, RunLimits, Runner, Stat, Step};

/// Notes what runs. Files are there when their names are short; a command of an odd name is not known.
#[derive(Default, PartialEq, Debug)]
struct Machine(Vec<String>);

impl Host for Machine {
    fn stat(&mut self, path: &str, _: bool) -> Known<Stat> {
        if path.len() % 3 == 0 { Known::Unknown } else { Known::Absent }
    }
    fn list(&mut self, directory: &str) -> Option<Vec<String>> {
        (directory.len() % 3 > 0).then(|| vec!["a".to_owned(), "b".to_owned()])
    }
    fn read(&mut self, path: &str) -> Known<String> {
        if path.len() % 2 == 0 { Known::Is("echo a\nb c\n".to_owned()) } else { Known::Unknown }
    }
    fn write(&mut self, step: &Step<'_>, path: &str, text: Option<&str>, _: bool) {
        self.0.push(format!("{} > {path} {}", step.text(), text.map_or(0, str::len)));
    }
    fn program(&mut self, name: &str) -> Option<String> {
        (name.len() % 2 == 0).then(|| name.to_owned())
    }
    fn command(&mut self, step: &mut Step<'_>) -> Outcome {
        self.0.push(step.text());
        match step.name().len() % 3 {
            0 => Outcome::unknown(),
            1 => Outcome::printed(step.input.rest()),
            _ => Outcome { commands: vec![vec!["eval".to_owned(), step.text()]], ..Outcome::done() },
        }
    }
    fn undecided(&mut self, step: &Step<'_>, reason: &str) {
        self.0.push(format!("{}: {reason}", step.text()));
    }
}

fuzz_target!(|data: &[u8]| {
    let run = || {
        let mut machine = Machine::default();
        let limits = RunLimits { steps: 2_000, text: 1 << 12, depth: 40, turns: 50 };
        let arguments = ["configure".to_owned()];
        let invocation = Invocation { name: "x", arguments: &arguments, limits, ..Invocation::default() };
        let status = Runner::new(&mut machine, &invocation).script(&data[..data.len().min(1 << 12)]);
        (machine, status)
    };
    assert_eq!(run(), run());
});
