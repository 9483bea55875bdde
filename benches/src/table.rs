//! The table that a comparison prints.

use std::fmt;

/// What a row promises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At most this part of the other's time.
    Ratio(f64),
    /// At most so many seconds.
    Seconds(f64),
    /// At most so many bytes.
    Bytes(f64),
}

/// One comparison.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is compared.
    pub name: String,
    /// Ours, in seconds or bytes as the target is.
    pub ours: f64,
    /// Theirs, in the same unit; `None` where the target is absolute.
    pub theirs: Option<f64>,
    /// What is promised.
    pub target: Target,
}

impl Row {
    /// Ours as a part of theirs.
    pub fn ratio(&self) -> Option<f64> {
        self.theirs.map(|theirs| self.ours / theirs)
    }

    /// Whether the promise is kept.
    pub fn holds(&self) -> bool {
        match self.target {
            Target::Ratio(most) => self.ratio().is_some_and(|ratio| ratio <= most),
            Target::Seconds(most) | Target::Bytes(most) => self.ours <= most,
        }
    }

    fn unit(&self, value: f64) -> String {
        match self.target {
            Target::Bytes(_) => format!("{:.1} MB", value / 1e6),
            _ if value < 0.1 => format!("{:.1} ms", value * 1e3),
            _ => format!("{value:.3} s"),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = || "–".to_owned();
        let theirs = self.theirs.map_or_else(dash, |theirs| self.unit(theirs));
        let ratio = self.ratio().map_or_else(dash, |r| format!("{r:.4}"));
        let target = match self.target {
            Target::Ratio(most) => format!("{most}"),
            Target::Seconds(most) => format!("{most} s"),
            Target::Bytes(most) => format!("{:.0} MB", most / 1e6),
        };
        let verdict = if self.holds() { "kept" } else { "**missed**" };
        let ours = self.unit(self.ours);
        write!(
            f,
            "| {} | {ours} | {theirs} | {ratio} | {target} | {verdict} |",
            self.name
        )
    }
}

/// The head of the table, in Markdown.
pub const HEAD: &str =
    "| what | mikron | other | ratio | at most | promise |\n|---|---:|---:|---:|---:|---|";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_its_promise_is_kept() {
        let row = |ours, theirs, target| Row {
            name: "x".to_owned(),
            ours,
            theirs,
            target,
        };
        assert!(row(1.0, Some(2.0), Target::Ratio(0.5)).holds());
        assert!(!row(1.1, Some(2.0), Target::Ratio(0.5)).holds());
        assert!(!row(1.0, None, Target::Ratio(0.5)).holds());
        let text = row(97e6, None, Target::Bytes(96e6)).to_string();
        assert_eq!(text, "| x | 97.0 MB | – | – | 96 MB | **missed** |");
    }
}
