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
    /// made there. Empty where it does as well. `again` is a second run of the other: what differs between the two says
    /// nothing.
    pub fn lacking(&self, other: &Self, again: &Self) -> Vec<String> {
        let mut lacking = Vec::new();
        for (what, theirs) in &other.answers {
            let ours = self.answers.get(what).map_or("", String::as_str);
            let once_more = again.answers.get(what).map_or("", String::as_str);
            let end = |answer: &str| answer.split(": ").next().map(str::to_owned);
            let as_well = match theirs.as_str() {
                "ok" => ours == "ok",
                theirs if theirs.starts_with("exit ") && even(theirs) == even(once_more) => {
                    even(ours) == even(theirs)
                }
                theirs if theirs.starts_with("exit ") => {
                    end(ours) == end(theirs) || end(ours) == end(once_more)
                }
                theirs if theirs.starts_with("listens") => ours == theirs || ours == once_more,
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

/// The first lines in which two answers differ.
fn difference(what: &str, ours: &str, theirs: &str) -> String {
    let (mut mine, mut others) = (ours.lines(), theirs.lines());
    loop {
        match (mine.next(), others.next()) {
            (Some(a), Some(b)) if even(a) == even(b) => {}
            (a, b) => {
                let line = |line: Option<&str>| line.unwrap_or("(nothing)").trim().to_owned();
                return format!("{what}: {} | instead of: {}", line(a), line(b));
            }
        }
    }
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
    fn an_outcome_is_kept_as_json() {
        let outcome = outcome(&[("a", "ok")], &["so"]);
        assert_eq!(Outcome::from_json(&outcome.to_json()), Some(outcome));
    }
}
