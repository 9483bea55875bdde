//! `$((…))` (XCU 2.6.4): expressions of C over whole numbers, without assignments.

use super::Known;
use super::runner::Runner;

/// How deep brackets and signs may lie in one another.
const DEPTH: usize = 32;

/// The operators by how closely they bind.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Runner<'_> {
    /// The value of an expression; `None` where it is not known, or cannot be read.
    pub(super) fn calculate(&self, text: &str) -> Option<i64> {
        let mut reader = Reader {
            text,
            variable: &|name| match self.variable(name) {
                Known::Is(value) if !value.is_empty() => value.trim().parse().ok(),
                Known::Unknown => None,
                _ => Some(0),
            },
        };
        let value = reader.choice(0)?;
        reader.skip();
        reader.text.is_empty().then_some(value)
    }
}

struct Reader<'a> {
    text: &'a str,
    variable: &'a dyn Fn(&str) -> Option<i64>,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.text = self.text.trim_start();
    }

    fn take(&mut self, operator: &str) -> bool {
        self.skip();
        let rest = self.text.strip_prefix(operator);
        // `<` is not the beginning of `<<`, nor `&` of `&&`; an assignment is not read.
        let longer = rest.is_some_and(|rest| {
            let next = rest.chars().next();
            match operator {
                "<" | ">" => matches!(next, Some('<' | '>' | '=')),
                "&" | "|" => next == operator.chars().next() || next == Some('='),
                "+" | "-" | "*" | "/" | "%" | "^" | "<<" | ">>" => next == Some('='),
                _ => false,
            }
        });
        match rest {
            Some(rest) if !longer => {
                self.text = rest;
                true
            }
            _ => false,
        }
    }

    fn choice(&mut self, depth: usize) -> Option<i64> {
        let condition = self.level(0, depth)?;
        if !self.take("?") || depth >= DEPTH {
            return Some(condition);
        }
        let then = self.choice(depth + 1)?;
        if !self.take(":") {
            return None;
        }
        let otherwise = self.choice(depth + 1)?;
        Some(if condition != 0 { then } else { otherwise })
    }

    fn level(&mut self, level: usize, depth: usize) -> Option<i64> {
        let Some(operators) = LEVELS.get(level) else {
            return self.primary(depth);
        };
        let mut left = self.level(level + 1, depth)?;
        while let Some(operator) = operators.iter().find(|operator| self.take(operator)) {
            let right = self.level(level + 1, depth)?;
            left = apply(operator, left, right)?;
        }
        Some(left)
    }

    fn primary(&mut self, depth: usize) -> Option<i64> {
        if depth >= DEPTH {
            return None;
        }
        for (sign, apply) in [
            ("!", (|v| i64::from(v == 0)) as fn(i64) -> i64),
            ("~", |v| !v),
            ("-", i64::wrapping_neg),
            ("+", |v| v),
        ] {
            if self.take(sign) {
                return self.primary(depth + 1).map(apply);
            }
        }
        if self.take("(") {
            let value = self.choice(depth + 1)?;
            return self.take(")").then_some(value);
        }
        self.skip();
        let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let end = self.text.find(word).unwrap_or(self.text.len());
        let (token, rest) = self.text.split_at(end);
        self.text = rest;
        let first = token.chars().next()?;
        if !first.is_ascii_digit() {
            return (self.variable)(token);
        }
        if let Some(digits) = token
            .strip_prefix("0x")
            .or_else(|| token.strip_prefix("0X"))
        {
            return i64::from_str_radix(digits, 16).ok();
        }
        if token.len() > 1 && first == '0' {
            return i64::from_str_radix(token, 8).ok();
        }
        token.parse().ok()
    }
}

fn apply(operator: &str, a: i64, b: i64) -> Option<i64> {
    let shift = u32::try_from(b).ok();
    Some(match operator {
        "||" => i64::from(a != 0 || b != 0),
        "&&" => i64::from(a != 0 && b != 0),
        "|" => a | b,
        "^" => a ^ b,
        "&" => a & b,
        "==" => i64::from(a == b),
        "!=" => i64::from(a != b),
        "<=" => i64::from(a <= b),
        ">=" => i64::from(a >= b),
        "<" => i64::from(a < b),
        ">" => i64::from(a > b),
        "<<" => a.checked_shl(shift?)?,
        ">>" => a.checked_shr(shift?)?,
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        "/" => a.checked_div(b)?,
        "%" => a.checked_rem(b)?,
        _ => return None,
    })
}
