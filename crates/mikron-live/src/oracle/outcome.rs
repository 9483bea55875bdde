//! What came of a probe, and what one root filesystem lacks that another has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Words by which programs say that something is not there.
const TROUBLE: [&str; 12] = [
    "cannot open",
    "can't open",
    "could not",
    "cannot find",
    "can't find",
    "can't load",
    "cannot load",
    "no such file",
    "not found",
    "unable to",
    "error",
    "warning",
];

/// What came of a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// By item or call: `ok`, or why not; or how it ended and what it wrote.
    pub answers: BTreeMap<String, String>,
    /// What was written besides.
    pub said: Vec<String>,
}

/// A text in which numbers that differ from run to run are the same.
fn even(text: &str) -> String {
    let mut even = String::new();
    let mut words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    words.by_ref().for_each(|word| {
        // Addresses and process numbers.
        let number = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_number = number.starts_with(|c: char| c.is_ascii_digit())
            && number.bytes().all(|b| b.is_ascii_hexdigit() || b == b'x');
        if is_number {
            even.push('0');
            even.push_str(&word[number.len()..]);
        } else {
            even.push_str(word);
        }
    });
    even
}

impl Outcome {
    /// Whether all went as it should by itself, so that no other installation can do better.
    pub fn is_well(&self) -> bool {
        let is_fine = |answer: &String| {
            answer == "ok"
                || answer.strip_prefix("exit 0: ").is_some_and(|text| {
                    let text = text.to_lowercase();
                    !text.is_empty() && !TROUBLE.iter().any(|word| text.contains(word))
                })
                || (answer.starts_with("listens on ") && !answer.starts_with("listens on nothing"))
        };
        self.said.is_empty() && self.answers.values().all(is_fine)
    }

    /// Everything that was not as it should be, on one line.
    pub fn complaints(&self) -> String {
        let answers = self.answers.iter().filter(|(_, answer)| *answer != "ok");
        let answers = answers.map(|(what, answer)| format!("{what}: {answer}"));
        let all: Vec<String> = answers.chain(self.said.iter().cloned()).collect();
        all.join(" || ")
    }

    /// What this lacks that the other has: an item that loads there, an end or a text that is another, a complaint that is not
    /// made there. Empty where it does as well. `again` is a second run of the other, over the same installation as it was before
    /// the first: what differs between the two says nothing.
    pub fn lacking(&self, other: &Self, again: &Self) -> Vec<String> {
        let mut lacking = Vec::new();
        for (what, theirs) in &other.answers {
            let ours = self.answers.get(what).map_or("", String::as_str);
            let once_more = again.answers.get(what).map_or("", String::as_str);
            let end = |answer: &str| answer.split(": ").next().map(str::to_owned);
            let as_well = match theirs.as_str() {
                "ok" => ours == "ok",
                // It cannot be started there either, since nothing brings its interpreter.
                theirs if is_not_started(theirs) => true,
                // All that is said there is what is not there either (`sh: 1: man: not found`).
                theirs if says_nothing_else(theirs) => end(ours) == end(theirs),
                theirs if theirs.starts_with("exit ") && even(theirs) == even(once_more) => {
                    even(ours) == even(theirs)
                }
                theirs if theirs.starts_with("exit ") => {
                    end(ours) == end(theirs) || end(ours) == end(once_more)
                }
                theirs if theirs.starts_with("listens") => listens_as_well(ours, theirs, once_more),
                // It cannot there either; the reason may be another.
                _ => true,
            };
            // Better than there is as good.
            let better =
                end(ours).as_deref() == Some("exit 0") && end(theirs).as_deref() != Some("exit 0");
            if !as_well && !better {
                lacking.push(difference(what, ours, theirs));
            }
        }
        let theirs: BTreeSet<String> = other
            .said
            .iter()
            .chain(&again.said)
            .map(|l| even(l))
            .collect();
        let new = self
            .said
            .iter()
            .filter(|line| !theirs.contains(&even(line)));
        // Where items fail, what is said besides says why.
        lacking.extend(new.map(|line| format!("says: {line}")));
        lacking
    }

    /// As JSON, to be kept.
    pub fn to_json(&self) -> Value {
        json!({"answers": self.answers, "said": self.said})
    }

    /// What [`Outcome::to_json`] wrote.
    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let answers = value["answers"].as_object()?.iter();
        let answers = answers.filter_map(|(what, answer)| Some((what.clone(), text(answer)?)));
        Some(Self {
            answers: answers.collect(),
            said: value["said"].as_array()?.iter().filter_map(text).collect(),
        })
    }
}

/// Whether env(1) or a shell said of a program that its interpreter is not there, and nothing else was said.
fn is_not_started(answer: &str) -> bool {
    let said = ["exit 126: ", "exit 127: "].map(|end| answer.strip_prefix(end));
    said.into_iter()
        .flatten()
        .any(|said| said.starts_with("/usr/bin/env: ") && said.trim_end().lines().count() == 1)
}

/// Whether all that was said is that the shell did not find a program.
fn says_nothing_else(answer: &str) -> bool {
    let said = answer.split_once(": ").map_or("", |(_, said)| said);
    let is_it = |line: &str| line.starts_with("sh: ") && line.ends_with(": not found");
    !said.trim().is_empty() && said.trim_end().lines().all(is_it)
}

/// Whether a service listens where another does. Where that one listened on different numbers in two runs, it made them up, and
/// as many of the kind are as good.
fn listens_as_well(ours: &str, theirs: &str, again: &str) -> bool {
    let set = |answer: &str| -> BTreeSet<String> {
        let list = answer.strip_prefix("listens on ").unwrap_or(answer);
        list.split(", ").map(str::to_owned).collect()
    };
    let [ours, theirs, again] = [ours, theirs, again].map(set);
    let fixed: BTreeSet<String> = theirs.intersection(&again).cloned().collect();
    let made_up = |all: &BTreeSet<String>| -> Vec<String> {
        let rest = all.difference(&fixed);
        let kinds = rest.map(|one| one.split(' ').next().unwrap_or_default().to_owned());
        kinds.collect()
    };
    let kinds = made_up(&ours);
    fixed.is_subset(&ours) && [&theirs, &again].map(made_up).contains(&kinds)
}

/// The first lines in which two answers differ, and how the first of them ends. Of a service that ended where the other goes on, all that was said differs, and
/// the lines count that say what is wrong.
fn difference(what: &str, ours: &str, theirs: &str) -> String {
    let line = |line: Option<&str>| line.unwrap_or("(nothing)").trim().to_owned();
    if ours.starts_with("exit ") && !theirs.starts_with("exit ") {
        let (end, said) = ours.split_once(": ").unwrap_or((ours, ""));
        let is_wrong = |line: &&str| {
            let line = line.to_lowercase();
            TROUBLE
                .iter()
                .any(|word| *word != "warning" && line.contains(word))
        };
        let mut wrong: Vec<&str> = said.lines().filter(is_wrong).take(4).collect();
        if wrong.is_empty() {
            wrong.extend(said.lines().next());
        }
        let wrong = wrong.join(" / ");
        return format!(
            "{what}: {end}: {wrong} | instead of: {}",
            line(theirs.lines().next())
        );
    }
    let lines = || (ours.lines(), theirs.lines());
    for same in [
        |a: &str, b: &str| even(a) == even(b),
        |a: &str, b: &str| a == b,
    ] {
        let (mut mine, mut others) = lines();
        loop {
            match (mine.next(), others.next()) {
                (None, None) => break,
                (Some(a), Some(b)) if same(a, b) => {}
                (a, b) => {
                    // A trace of calls says in its last line what is wrong.
                    let mut from_end = ours.lines().rev();
                    let last = from_end
                        .find(|line| !line.starts_with("@ended"))
                        .filter(|last| a.is_some_and(|a| a != *last));
                    let last = last
                        .map(|last| format!(" / {}", last.trim()))
                        .unwrap_or_default();
                    return format!("{what}: {}{last} | instead of: {}", line(a), line(b));
                }
            }
        }
    }
    format!("{what}: (nothing) | instead of: (nothing)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(answers: &[(&str, &str)], said: &[&str]) -> Outcome {
        let text = |&(what, answer): &(&str, &str)| (what.to_owned(), answer.to_owned());
        Outcome {
            answers: answers.iter().map(text).collect(),
            said: said.iter().map(|&line| line.to_owned()).collect(),
        }
    }

    #[test]
    fn an_item_that_loads_only_there_is_lacking() {
        let here = outcome(&[("a", "ok"), ("b", "ImportError no c")], &[]);
        let there = outcome(&[("a", "ok"), ("b", "ok")], &[]);
        assert_eq!(
            here.lacking(&there, &there),
            ["b: ImportError no c | instead of: ok"]
        );
        assert!(there.lacking(&here, &here).is_empty());
    }

    #[test]
    fn numbers_that_change_do_not_count_and_complaints_do() {
        let here = outcome(
            &[("p --version", "exit 0: p 1.2 pid 77")],
            &["dbus is missing"],
        );
        let there = outcome(&[("p --version", "exit 0: p 1.2 pid 93")], &[]);
        assert_eq!(here.lacking(&there, &there), ["says: dbus is missing"]);
    }

    #[test]
    fn what_differs_between_two_runs_there_is_compared_by_its_end() {
        let (one, two) = (
            outcome(&[("p", "exit 0: x")], &[]),
            outcome(&[("p", "exit 0: y")], &[]),
        );
        assert!(
            outcome(&[("p", "exit 0: z")], &[])
                .lacking(&one, &two)
                .is_empty()
        );
        assert_eq!(
            outcome(&[("p", "exit 1: z")], &[])
                .lacking(&one, &two)
                .len(),
            1
        );
    }

    #[test]
    fn numbers_that_a_service_makes_up_are_as_good_as_others_and_fixed_ones_are_not() {
        let of = |answer: &str| outcome(&[("s", answer)], &[]);
        let [one, two] = [
            "listens on tcp 4444, tcp 9111, udp 9111",
            "listens on tcp 23325, tcp 4444, udp 23325",
        ];
        let lacks =
            |ours: &str, theirs: &str, again: &str| of(ours).lacking(&of(theirs), &of(again));
        assert!(lacks("listens on tcp 12002, tcp 4444, udp 12002", one, two).is_empty());
        for ours in [
            "listens on tcp 12002, udp 12002",
            "listens on tcp 12002, tcp 4444",
            "listens on tcp 12002, tcp 4444, tcp 5, udp 12002",
            "listens on nothing and stays",
        ] {
            assert_eq!(lacks(ours, one, two).len(), 1, "{ours}");
        }
        let fixed = lacks(two, one, one);
        assert_eq!(fixed, [format!("s: {two} | instead of: {one}")]);
    }

    #[test]
    fn of_a_service_that_ended_the_lines_count_that_say_what_is_wrong() {
        let here = outcome(
            &[(
                "s",
                "exit 1: starting\n[Warning] no address\nERROR: no tables\n",
            )],
            &[],
        );
        let there = outcome(&[("s", "listens on tcp 3306")], &[]);
        assert_eq!(
            here.lacking(&there, &there),
            ["s: exit 1: ERROR: no tables | instead of: listens on tcp 3306"]
        );
    }

    #[test]
    fn of_a_trace_of_calls_the_last_line_counts_too() {
        let trace =
            |at: &str, why: &str| format!("exit 1: Traceback\n  File {at}\n{why}\n@ended 1\n");
        let here = trace("cache.py", "LockFailed: /var/lib/apt/lists/");
        let there = trace("main.py", "no network");
        let [here, there] = [&here, &there].map(|said| outcome(&[("s", said)], &[]));
        assert_eq!(
            here.lacking(&there, &there),
            ["s: File cache.py / LockFailed: /var/lib/apt/lists/ | instead of: File main.py"]
        );
    }

    #[test]
    fn a_program_without_an_interpreter_there_lacks_nothing_here() {
        let [none, env, work] = [
            "exit 1: not found in $PATH",
            "exit 127: /usr/bin/env: 'python3': No such file or directory\n",
            "exit 127: starting\n/usr/bin/p: 3: wish: not found\n",
        ]
        .map(|answer| outcome(&[("p", answer)], &[]));
        assert!(none.lacking(&env, &env).is_empty());
        assert_eq!(none.lacking(&work, &work).len(), 1);
    }

    #[test]
    fn where_a_program_is_not_found_there_either_nothing_is_lacking() {
        let [silent, failed, there, more] = [
            "exit 0: ",
            "exit 1: ",
            "exit 0: sh: 1: man: not found\n",
            "exit 0: usage\nsh: 1: man: not found\n",
        ]
        .map(|answer| outcome(&[("p", answer)], &[]));
        assert!(silent.lacking(&there, &there).is_empty());
        assert_eq!(failed.lacking(&there, &there).len(), 1);
        assert_eq!(silent.lacking(&more, &more).len(), 1);
    }

    #[test]
    fn an_outcome_is_kept_as_json() {
        let outcome = outcome(&[("a", "ok")], &["so"]);
        assert_eq!(Outcome::from_json(&outcome.to_json()), Some(outcome));
    }
}
