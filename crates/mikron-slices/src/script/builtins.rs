//! Functions that every script has.

use std::cmp::Ordering;

use super::ScriptErrorKind;
use super::heap::Outcome;
use super::interpreter::{Arguments, Interpreter};
use super::value::{Dict, Range, Value};

pub(crate) const NAMES: [&str; 27] = [
    "abs",
    "all",
    "any",
    "bool",
    "chr",
    "dict",
    "dir",
    "enumerate",
    "fail",
    "getattr",
    "hasattr",
    "hash",
    "int",
    "len",
    "list",
    "max",
    "min",
    "ord",
    "print",
    "range",
    "repr",
    "reversed",
    "sorted",
    "str",
    "tuple",
    "type",
    "zip",
];

/// The function of this name.
pub(crate) fn find(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|known| **known == name).copied()
}

impl Interpreter<'_> {
    pub(crate) fn builtin(&mut self, name: &'static str, arguments: Arguments) -> Outcome {
        match name {
            "abs" => {
                let [x] = self.fixed(arguments, ["x"], 1)?;
                let number = self.number_or(&x, "x", 0)?;
                self.heap.number(number.checked_abs())
            }
            "all" | "any" => {
                let [items] = self.fixed(arguments, ["iterable"], 1)?;
                for item in self.items(&items)? {
                    self.heap.step(1)?;
                    if self.heap.truth(&item) != (name == "all") {
                        return Ok(Value::Bool(name == "any"));
                    }
                }
                Ok(Value::Bool(name == "all"))
            }
            "bool" => {
                let [x] = self.fixed(arguments, ["x"], 0)?;
                Ok(Value::Bool(self.heap.truth(&x)))
            }
            "chr" => {
                let [i] = self.fixed(arguments, ["i"], 1)?;
                let code = self.number_or(&i, "i", 0)?;
                let c = u32::try_from(code).ok().and_then(char::from_u32);
                match c {
                    Some(c) => self.heap.text(c.encode_utf8(&mut [0; 4]).as_bytes()),
                    None => self.heap.value_error("there is no such character"),
                }
            }
            "ord" => {
                let [s] = self.fixed(arguments, ["s"], 1)?;
                let text = self.text_of(&s, "s")?;
                let mut chars = std::str::from_utf8(&text).unwrap_or("").chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Ok(Value::Int(i64::from(u32::from(c)))),
                    _ => self.heap.value_error("`ord` takes one character"),
                }
            }
            "dict" => self.make_dict(arguments),
            "dir" => {
                let [x] = self.fixed(arguments, ["x"], 1)?;
                let mut items = Vec::new();
                for name in Self::attributes(&x) {
                    items.push(self.heap.text(name.as_bytes())?);
                }
                self.heap.list(items)
            }
            "enumerate" => {
                let [items, start] = self.fixed(arguments, ["iterable", "start"], 1)?;
                let mut number = self.number_or(&start, "start", 0)?;
                let mut pairs = Vec::new();
                for item in self.items(&items)? {
                    pairs.push(self.heap.tuple(vec![Value::Int(number), item])?);
                    number = number.saturating_add(1);
                }
                self.heap.list(pairs)
            }
            "fail" | "print" => self.say(name, arguments),
            "getattr" => {
                let given = arguments.plain.len();
                let [x, name, default] = self.fixed(arguments, ["x", "name", "default"], 2)?;
                let name = self.text_of(&name, "name")?;
                let name = String::from_utf8_lossy(&name).into_owned();
                if given > 2 && !Self::has_attribute(&x, &name) {
                    return Ok(default);
                }
                self.attribute(x, &name)
            }
            "hasattr" => {
                let [x, name] = self.fixed(arguments, ["x", "name"], 2)?;
                let name = self.text_of(&name, "name")?;
                let name = String::from_utf8_lossy(&name);
                Ok(Value::Bool(Self::has_attribute(&x, &name)))
            }
            "hash" => {
                let [x] = self.fixed(arguments, ["x"], 1)?;
                let text = self.text_of(&x, "x")?;
                self.heap.work(text.len())?;
                // As the language defines it for texts: that of Java, over 32 bits.
                let hash = String::from_utf8_lossy(&text)
                    .encode_utf16()
                    .fold(0_i32, |h, c| h.wrapping_mul(31).wrapping_add(i32::from(c)));
                Ok(Value::Int(i64::from(hash)))
            }
            "int" => self.make_int(arguments),
            "len" => {
                let [x] = self.fixed(arguments, ["x"], 1)?;
                let length = match &x {
                    Value::Text(text) => text.len() as u64,
                    Value::List(list) | Value::Tuple(list) => self.heap.items(*list).len() as u64,
                    Value::Dict(dict) => self.heap.dict_of(*dict).len() as u64,
                    Value::Range(range) => range.length.unsigned_abs(),
                    other => {
                        let name = other.type_name();
                        return self.heap.type_error(format!("a {name} has no length"));
                    }
                };
                self.heap.number(i64::try_from(length).ok())
            }
            "list" | "tuple" => {
                let given = !arguments.plain.is_empty();
                let [items] = self.fixed(arguments, ["iterable"], 0)?;
                let found = if given {
                    self.gather(&items)?
                } else {
                    Vec::new()
                };
                if name == "list" {
                    self.heap.list(found)
                } else {
                    self.heap.tuple(found)
                }
            }
            "max" | "min" => self.extreme(name, arguments),
            "range" => self.make_range(&arguments),
            "repr" | "str" => {
                let [x] = self.fixed(arguments, ["x"], 1)?;
                if let ("str", Value::Text(_)) = (name, &x) {
                    return Ok(x);
                }
                let mut out = Vec::new();
                self.heap.write(&x, &mut out)?;
                Ok(Value::Text(out.into()))
            }
            "reversed" => {
                let [items] = self.fixed(arguments, ["sequence"], 1)?;
                let mut found = self.gather(&items)?;
                found.reverse();
                self.heap.list(found)
            }
            "sorted" => self.sorted(arguments),
            "type" => {
                let [x] = self.fixed(arguments, ["x"], 1)?;
                self.heap.text(x.type_name().as_bytes())
            }
            _ => self.zip(&arguments),
        }
    }

    fn make_dict(&mut self, arguments: Arguments) -> Outcome {
        let mut dict = Dict::default();
        if arguments.plain.len() > 1 {
            return self.heap.type_error("there are too many arguments");
        }
        if let Some(items) = arguments.plain.first() {
            for (name, value) in self.pairs_of(items)? {
                self.put(&mut dict, name, value)?;
            }
        }
        for (name, value) in arguments.named {
            let name = self.heap.text(name.as_bytes())?;
            self.put(&mut dict, name, value)?;
        }
        self.heap.dict(dict)
    }

    /// The pairs of a mapping, or of a list of pairs.
    pub(crate) fn pairs_of(&mut self, value: &Value) -> Outcome<Vec<(Value, Value)>> {
        if let Value::Dict(dict) = value {
            return self.pairs(*dict);
        }
        let mut pairs = Vec::new();
        for item in self.items(value)? {
            let mut parts = self.items(&item)?;
            match (parts.next(), parts.next(), parts.next()) {
                (Some(name), Some(value), None) => pairs.push((name, value)),
                _ => return self.heap.value_error("a mapping is made of pairs"),
            }
        }
        Ok(pairs)
    }

    fn say(&mut self, name: &'static str, mut arguments: Arguments) -> Outcome {
        let separator = match arguments
            .named
            .iter()
            .position(|(name, _)| &**name == "sep")
        {
            Some(at) => {
                let (_, value) = arguments.named.remove(at);
                self.text_of(&value, "sep")?
            }
            None => b" ".as_slice().into(),
        };
        self.no_names(&arguments.named)?;
        let mut out = Vec::new();
        for (at, value) in arguments.plain.iter().enumerate() {
            if at > 0 {
                self.heap.charge(separator.len())?;
                out.extend_from_slice(&separator);
            }
            let text = self.heap.text_for(value)?;
            self.heap.charge(text.len())?;
            out.extend_from_slice(&text);
        }
        if name == "fail" {
            let message = String::from_utf8_lossy(&out);
            let message = mikron_yaml::shown(&message);
            return Err(self.heap.error(ScriptErrorKind::Fail(message)));
        }
        out.push(b'\n');
        self.printed.extend_from_slice(&out);
        Ok(Value::None)
    }

    fn make_int(&mut self, arguments: Arguments) -> Outcome {
        let [x, base] = self.fixed(arguments, ["x", "base"], 1)?;
        match &x {
            Value::Int(number) => Ok(Value::Int(*number)),
            Value::Bool(value) => Ok(Value::Int(i64::from(*value))),
            Value::Text(text) => {
                let base = self.number_or(&base, "base", 10)?;
                let text = String::from_utf8_lossy(text).to_ascii_lowercase();
                let (sign, digits) = match text.strip_prefix('-') {
                    Some(rest) => ("-", rest),
                    None => ("", text.strip_prefix('+').unwrap_or(&text)),
                };
                let prefixes = [("0x", 16), ("0o", 8), ("0b", 2)];
                let prefix = prefixes
                    .iter()
                    .find(|(p, b)| digits.starts_with(p) && (base == 0 || base == *b));
                let (digits, base) = match prefix {
                    Some((prefix, base)) => (&digits[prefix.len()..], *base),
                    None if base == 0 => (digits, 10),
                    None => (digits, base),
                };
                let radix = u32::try_from(base).ok().filter(|b| (2..=36).contains(b));
                let Some(radix) = radix else {
                    return self.heap.value_error("the base of a number is 2 to 36");
                };
                let plain = digits.bytes().all(|b| b.is_ascii_alphanumeric());
                let number = i64::from_str_radix(&format!("{sign}{digits}"), radix);
                match number {
                    Ok(number) if plain => Ok(Value::Int(number)),
                    _ => {
                        let shown = mikron_yaml::shown(&text);
                        self.heap.value_error(format!("`{shown}` is not a number"))
                    }
                }
            }
            other => {
                let name = other.type_name();
                self.heap.type_error(format!("a {name} is not a number"))
            }
        }
    }

    fn make_range(&mut self, arguments: &Arguments) -> Outcome {
        self.no_names(&arguments.named)?;
        let mut numbers = Vec::new();
        for value in &arguments.plain {
            numbers.push(self.number_or(value, "range", 0)?);
        }
        let (start, end, step) = match numbers[..] {
            [end] => (0, end, 1),
            [start, end] => (start, end, 1),
            [start, end, step] => (start, end, step),
            _ => return self.heap.type_error("`range` takes one to three numbers"),
        };
        if step == 0 {
            return self.heap.value_error("a range cannot go in steps of 0");
        }
        let span = if step > 0 {
            i128::from(end) - i128::from(start)
        } else {
            i128::from(start) - i128::from(end)
        };
        let step_size = i128::from(step.unsigned_abs());
        let length = if span <= 0 {
            0
        } else {
            (span - 1) / step_size + 1
        };
        let Ok(length) = i64::try_from(length) else {
            return self.heap.value_error("the range is too long");
        };
        Ok(Value::Range(Range {
            start,
            step,
            length,
        }))
    }

    fn extreme(&mut self, name: &'static str, mut arguments: Arguments) -> Outcome {
        let by = Self::take_named(&mut arguments, "key");
        self.no_names(&arguments.named)?;
        let wanted = if name == "max" {
            Ordering::Greater
        } else {
            Ordering::Less
        };
        let items: Vec<Value> = match &arguments.plain[..] {
            [one] => self.gather(one)?,
            _ => arguments.plain,
        };
        let mut best: Option<(Value, Value)> = None;
        for item in items {
            let key = self.keyed(by.as_ref(), &item)?;
            let better = match &best {
                None => true,
                Some((_, old)) => self.heap.compare(&key, &old.clone())? == wanted,
            };
            if better {
                best = Some((item, key));
            }
        }
        match best {
            Some((item, _)) => Ok(item),
            None => self.heap.value_error(format!("`{name}` of nothing")),
        }
    }

    fn take_named(arguments: &mut Arguments, name: &str) -> Option<Value> {
        let at = arguments
            .named
            .iter()
            .position(|(other, _)| &**other == name)?;
        Some(arguments.named.remove(at).1).filter(|value| !matches!(value, Value::None))
    }

    fn keyed(&mut self, by: Option<&Value>, item: &Value) -> Outcome {
        let Some(by) = by else {
            return Ok(item.clone());
        };
        let arguments = Arguments {
            plain: vec![item.clone()],
            named: Vec::new(),
        };
        self.call(by, arguments)
    }

    fn sorted(&mut self, mut arguments: Arguments) -> Outcome {
        let by = Self::take_named(&mut arguments, "key");
        let reverse = Self::take_named(&mut arguments, "reverse");
        let reverse = reverse.is_some_and(|value| self.heap.truth(&value));
        let [items] = self.fixed(arguments, ["iterable"], 1)?;
        let mut keyed = Vec::new();
        for item in self.items(&items)? {
            self.heap.charge_values(2)?;
            keyed.push((self.keyed(by.as_ref(), &item)?, item));
        }
        // Merged by hand: a comparison can fail, which sorting in the library cannot.
        let sorted = self.merge(keyed, reverse)?;
        let items = sorted.into_iter().map(|(_, item)| item).collect();
        self.heap.list(items)
    }

    /// Sorts pairs by their first parts; equals keep their order.
    fn merge(&mut self, pairs: Vec<(Value, Value)>, reverse: bool) -> Outcome<Vec<(Value, Value)>> {
        let mut runs: Vec<Vec<(Value, Value)>> = pairs.into_iter().map(|pair| vec![pair]).collect();
        while runs.len() > 1 {
            let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
            let mut rest = runs.into_iter();
            while let Some(left) = rest.next() {
                let Some(right) = rest.next() else {
                    merged.push(left);
                    break;
                };
                let mut both = Vec::with_capacity(left.len() + right.len());
                let (mut left, mut right) =
                    (left.into_iter().peekable(), right.into_iter().peekable());
                while let (Some((a, _)), Some((b, _))) = (left.peek(), right.peek()) {
                    let order = self.heap.compare(a, b)?;
                    let right_first = if reverse {
                        order.is_lt()
                    } else {
                        order.is_gt()
                    };
                    both.extend(if right_first {
                        right.next()
                    } else {
                        left.next()
                    });
                }
                both.extend(left);
                both.extend(right);
                merged.push(both);
            }
            runs = merged;
        }
        Ok(runs.pop().unwrap_or_default())
    }

    fn zip(&mut self, arguments: &Arguments) -> Outcome {
        self.no_names(&arguments.named)?;
        let mut lists = Vec::new();
        for value in &arguments.plain {
            lists.push(self.items(value)?);
        }
        let mut rows = Vec::new();
        while !lists.is_empty() {
            let row: Option<Vec<Value>> = lists.iter_mut().map(Iterator::next).collect();
            let Some(row) = row else { break };
            rows.push(self.heap.tuple(row)?);
        }
        self.heap.list(rows)
    }
}
