//! Methods of texts. Texts are bytes: what looks at letters looks at the UTF-8 in them, and leaves other bytes alone.

use std::rc::Rc;

use memchr::memmem;

use super::heap::Outcome;
use super::interpreter::{Arguments, Interpreter};
use super::value::Value;

pub(crate) const NAMES: [&str; 35] = [
    "capitalize",
    "codepoints",
    "count",
    "elems",
    "endswith",
    "find",
    "format",
    "index",
    "isalnum",
    "isalpha",
    "isdigit",
    "islower",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "title",
    "upper",
    "codepoint_ords",
    "elem_ords",
];

type Text = Rc<[u8]>;

impl Interpreter<'_> {
    pub(crate) fn string_method(
        &mut self,
        text: &Text,
        name: &'static str,
        arguments: Arguments,
    ) -> Outcome {
        self.heap.work(text.len())?;
        match name {
            "capitalize" | "lower" | "upper" | "title" => {
                let [] = self.fixed(arguments, [], 0)?;
                self.heap.charge(2 * text.len())?;
                self.heap.text(cased(text, name))
            }
            "isalnum" | "isalpha" | "isdigit" | "islower" | "isspace" | "istitle" | "isupper" => {
                let [] = self.fixed(arguments, [], 0)?;
                Ok(Value::Bool(is_all(text, name)))
            }
            "elems" | "codepoints" | "elem_ords" | "codepoint_ords" => {
                let [] = self.fixed(arguments, [], 0)?;
                self.elements(text, name)
            }
            "startswith" | "endswith" => {
                let [part, start, end] = self.fixed(arguments, ["part", "start", "end"], 1)?;
                let within = self.window(text, start, end)?;
                let parts = match &part {
                    Value::Tuple(_) => self.gather(&part)?,
                    _ => vec![part],
                };
                for part in parts {
                    let part = self.text_of(&part, "part")?;
                    let found = match name {
                        "startswith" => text[within.clone()].starts_with(&part),
                        _ => text[within.clone()].ends_with(&part),
                    };
                    if found {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            "find" | "index" | "rfind" | "rindex" | "count" => self.search(text, name, arguments),
            "format" => self.format(text, &arguments),
            "join" => self.join(text, arguments),
            "strip" | "lstrip" | "rstrip" => {
                let [chars] = self.fixed(arguments, ["chars"], 0)?;
                let chars = match &chars {
                    Value::None => None,
                    chars => Some(self.text_of(chars, "chars")?),
                };
                let (start, end) = stripped(text, chars.as_deref(), name);
                self.heap.text(&text[start..end])
            }
            "partition" | "rpartition" => {
                let [separator] = self.fixed(arguments, ["sep"], 1)?;
                let separator = self.separator(&separator)?;
                let found = match name {
                    "partition" => memmem::find(text, &separator),
                    _ => memmem::rfind(text, &separator),
                };
                let parts: [&[u8]; 3] = match found {
                    Some(at) => [&text[..at], &separator, &text[at + separator.len()..]],
                    None if name == "partition" => [text, b"", b""],
                    None => [b"", b"", text],
                };
                let mut items = Vec::new();
                for part in parts {
                    items.push(self.heap.text(part)?);
                }
                self.heap.tuple(items)
            }
            "removeprefix" | "removesuffix" => {
                let [part] = self.fixed(arguments, ["part"], 1)?;
                let part = self.text_of(&part, "part")?;
                let rest = match name {
                    "removeprefix" => text.strip_prefix(&*part),
                    _ => text.strip_suffix(&*part),
                };
                self.heap.text(rest.unwrap_or(text))
            }
            "replace" => self.replace(text, arguments),
            "split" | "rsplit" => self.split(text, name, arguments),
            // What is left is `splitlines`.
            _ => {
                let [keep] = self.fixed(arguments, ["keepends"], 0)?;
                let keep = self.heap.truth(&keep);
                let mut lines = Vec::new();
                for line in text.split_inclusive(|b| *b == b'\n') {
                    let bare = line.strip_suffix(b"\n").unwrap_or(line);
                    lines.push(self.heap.text(if keep { line } else { bare })?);
                }
                self.heap.list(lines)
            }
        }
    }

    fn separator(&mut self, value: &Value) -> Outcome<Text> {
        let separator = self.text_of(value, "sep")?;
        if separator.is_empty() {
            return self.heap.value_error("a separator cannot be empty");
        }
        Ok(separator)
    }

    fn elements(&mut self, text: &Text, name: &str) -> Outcome {
        let mut items = Vec::new();
        let numbers = name.ends_with("_ords");
        if name.starts_with("elem") {
            for byte in text.iter() {
                items.push(if numbers {
                    Value::Int(i64::from(*byte))
                } else {
                    self.heap.text([*byte])?
                });
                self.heap.charge_values(1)?;
            }
        } else {
            for c in String::from_utf8_lossy(text).chars() {
                items.push(if numbers {
                    Value::Int(i64::from(u32::from(c)))
                } else {
                    self.heap.text(c.encode_utf8(&mut [0; 4]).as_bytes())?
                });
                self.heap.charge_values(1)?;
            }
        }
        self.heap.list(items)
    }

    /// The part of a text that `start` and `end` name.
    fn window(&mut self, text: &Text, start: Value, end: Value) -> Outcome<std::ops::Range<usize>> {
        let range = self.slice_range(&[start, end, Value::None], text.len())?;
        let start = usize::try_from(range.start).unwrap_or(0);
        Ok(start..start + usize::try_from(range.length).unwrap_or(0))
    }

    fn search(&mut self, text: &Text, name: &str, arguments: Arguments) -> Outcome {
        let [part, start, end] = self.fixed(arguments, ["sub", "start", "end"], 1)?;
        let part = self.text_of(&part, "sub")?;
        let window = self.window(text, start, end)?;
        let within = &text[window.clone()];
        if name == "count" {
            let count = if part.is_empty() {
                String::from_utf8_lossy(within).chars().count() + 1
            } else {
                memmem::find_iter(within, &part).count()
            };
            return self.heap.number(i64::try_from(count).ok());
        }
        let found = match name {
            "find" | "index" => memmem::find(within, &part),
            _ => memmem::rfind(within, &part),
        };
        match found {
            Some(at) => self.heap.number(i64::try_from(window.start + at).ok()),
            None if name.ends_with("index") => self.heap.value_error("the text has no such part"),
            None => Ok(Value::Int(-1)),
        }
    }

    fn join(&mut self, separator: &Text, arguments: Arguments) -> Outcome {
        let [items] = self.fixed(arguments, ["iterable"], 1)?;
        let mut joined = Vec::new();
        for (at, item) in self.items(&items)?.enumerate() {
            let Value::Text(text) = &item else {
                let name = item.type_name();
                return self
                    .heap
                    .type_error(format!("only texts can be joined, not a {name}"));
            };
            let between: &[u8] = if at > 0 { separator } else { b"" };
            self.heap.charge(between.len() + text.len())?;
            joined.extend_from_slice(between);
            joined.extend_from_slice(text);
        }
        Ok(Value::Text(joined.into()))
    }

    fn replace(&mut self, text: &Text, arguments: Arguments) -> Outcome {
        let [old, new, count] = self.fixed(arguments, ["old", "new", "count"], 2)?;
        let (old, new) = (self.text_of(&old, "old")?, self.text_of(&new, "new")?);
        let count = self.number_or(&count, "count", -1)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let places: Vec<usize> = if old.is_empty() {
            // Before every character, and at the end.
            let chars = String::from_utf8_lossy(text);
            let starts = chars.char_indices().map(|(at, _)| at).chain([text.len()]);
            starts.take(count).filter(|at| *at <= text.len()).collect()
        } else {
            memmem::find_iter(text, &old).take(count).collect()
        };
        self.heap
            .charge(places.len().saturating_mul(size_of::<usize>()))?;
        self.heap.charge(
            places
                .len()
                .saturating_mul(new.len())
                .saturating_add(text.len()),
        )?;
        let mut replaced = Vec::new();
        let mut from = 0;
        for at in places {
            replaced.extend_from_slice(&text[from..at]);
            replaced.extend_from_slice(&new);
            from = at + old.len();
        }
        replaced.extend_from_slice(&text[from..]);
        Ok(Value::Text(replaced.into()))
    }

    fn split(&mut self, text: &Text, name: &str, arguments: Arguments) -> Outcome {
        let [separator, most] = self.fixed(arguments, ["sep", "maxsplit"], 0)?;
        let most = self.number_or(&most, "maxsplit", -1)?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let from_end = name == "rsplit";
        let parts: Vec<std::ops::Range<usize>> = match &separator {
            Value::None => words(text, most, from_end),
            separator => {
                let separator = self.separator(separator)?;
                let finder = memmem::find_iter(text, &separator);
                let mut cuts: Vec<usize> = if from_end {
                    let mut cuts: Vec<usize> =
                        memmem::rfind_iter(text, &separator).take(most).collect();
                    cuts.reverse();
                    cuts
                } else {
                    finder.take(most).collect()
                };
                cuts.push(text.len());
                let mut start = 0;
                let parts = cuts.into_iter().map(|cut| {
                    let part = start..cut;
                    start = cut + separator.len();
                    part
                });
                parts.collect()
            }
        };
        self.heap
            .charge(parts.len().saturating_mul(size_of::<usize>() * 2))?;
        let mut items = Vec::with_capacity(parts.len());
        for part in parts {
            items.push(self.heap.text(&text[part])?);
        }
        self.heap.list(items)
    }
}

/// Words between blanks: at most `most` cuts, from the front or from the end.
fn words(text: &[u8], most: usize, from_end: bool) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut end) = stripped_range(text, 0, text.len());
    while start < end && found.len() < most {
        let within = &text[start..end];
        let cut = if from_end {
            within.iter().rposition(u8::is_ascii_whitespace)
        } else {
            within.iter().position(u8::is_ascii_whitespace)
        };
        let Some(cut) = cut.map(|cut| start + cut) else {
            break;
        };
        if from_end {
            found.push(cut + 1..end);
            end = cut;
        } else {
            found.push(start..cut);
            start = cut;
        }
        (start, end) = stripped_range(text, start, end);
    }
    if start < end {
        found.push(start..end);
    }
    if from_end {
        found.reverse();
    }
    found
}

fn stripped_range(text: &[u8], start: usize, end: usize) -> (usize, usize) {
    let within = &text[start..end];
    let front = within.len() - within.trim_ascii_start().len();
    (start + front, start + front + within.trim_ascii().len())
}

/// What is left of a text without `chars` (blanks when none are given) at its ends.
fn stripped(text: &[u8], chars: Option<&[u8]>, name: &str) -> (usize, usize) {
    let set: Option<Vec<char>> =
        chars.map(|chars| String::from_utf8_lossy(chars).chars().collect());
    let gone = |c: char| match &set {
        Some(set) => set.contains(&c),
        None => c.is_whitespace(),
    };
    // Only the valid text at the ends can go.
    let mut start = 0;
    if name != "rstrip"
        && let Some(chunk) = text.utf8_chunks().next()
    {
        start = chunk.valid().len() - chunk.valid().trim_start_matches(gone).len();
    }
    let mut end = text.len();
    if name != "lstrip"
        && let Some(chunk) = text[start..].utf8_chunks().last()
        && chunk.invalid().is_empty()
    {
        end -= chunk.valid().len() - chunk.valid().trim_end_matches(gone).len();
    }
    (start, end.max(start))
}

fn cased(text: &[u8], name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut first = true;
    let mut in_word = false;
    for chunk in text.utf8_chunks() {
        let mut changed = String::with_capacity(chunk.valid().len());
        for c in chunk.valid().chars() {
            let up = match name {
                "upper" => true,
                "lower" => false,
                "capitalize" => first,
                _ => !in_word,
            };
            if up {
                changed.extend(c.to_uppercase());
            } else {
                changed.extend(c.to_lowercase());
            }
            first = false;
            in_word = c.is_alphabetic();
        }
        out.extend_from_slice(changed.as_bytes());
        out.extend_from_slice(chunk.invalid());
    }
    out
}

fn is_all(text: &[u8], name: &str) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let cased = text.chars().any(|c| c.is_uppercase() || c.is_lowercase());
    match name {
        "isalnum" => !text.is_empty() && text.chars().all(char::is_alphanumeric),
        "isalpha" => !text.is_empty() && text.chars().all(char::is_alphabetic),
        "isdigit" => !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()),
        "isspace" => !text.is_empty() && text.chars().all(char::is_whitespace),
        "islower" => cased && !text.chars().any(char::is_uppercase),
        "isupper" => cased && !text.chars().any(char::is_lowercase),
        _ => {
            let mut in_word = false;
            let fits = text.chars().all(|c| {
                let fits = match (c.is_uppercase(), c.is_lowercase()) {
                    (true, _) => !in_word,
                    (_, true) => in_word,
                    _ => true,
                };
                in_word = c.is_uppercase() || c.is_lowercase();
                fits
            });
            cased && fits
        }
    }
}
