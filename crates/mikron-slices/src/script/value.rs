//! Values: what they are, how they compare, and how they are written.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use super::heap::{Heap, Outcome};

/// One value. What has parts lives in the [`Heap`] and is named by its number.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// Bytes, which are text as a rule: a file's content goes through a script unchanged.
    Text(Rc<[u8]>),
    List(u32),
    Tuple(u32),
    Dict(u32),
    Range(Range),
    Function(u32),
    /// A function of the language, by its name.
    Builtin(&'static str),
    /// A method of a value, by its name.
    Method(Rc<(Value, &'static str)>),
    /// The host object.
    Content,
}

/// `range(start, stop, step)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) step: i64,
    pub(crate) length: i64,
}

impl Range {
    pub(crate) fn get(&self, index: i64) -> i64 {
        self.start.wrapping_add(index.wrapping_mul(self.step))
    }
}

impl Value {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Range(_) => "range",
            Self::Function(_) => "function",
            Self::Builtin(_) | Self::Method(_) => "builtin_function_or_method",
            Self::Content => "Content",
        }
    }
}

/// A value that can be a key: it never changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    None,
    Bool(bool),
    Int(i64),
    Text(Rc<[u8]>),
    Tuple(Vec<Key>),
    Builtin(&'static str),
    Function(u32),
}

/// A mapping that keeps the order in which its keys came.
#[derive(Debug, Default)]
pub(crate) struct Dict {
    places: HashMap<Key, usize>,
    entries: Vec<(Key, Value, Value)>,
}

impl Dict {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        let place = self.places.get(key)?;
        self.entries.get(*place).map(|(_, _, value)| value)
    }

    pub(crate) fn insert(&mut self, key: Key, name: Value, value: Value) {
        let place = self.places.get(&key).copied();
        if let Some((_, _, old)) = place.and_then(|place| self.entries.get_mut(place)) {
            *old = value;
            return;
        }
        self.places.insert(key.clone(), self.entries.len());
        self.entries.push((key, name, value));
    }

    /// Takes a key out; the others move up.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<(Value, Value)> {
        let place = self.places.remove(key)?;
        let (_, name, value) = self.entries.remove(place);
        for other in self.places.values_mut() {
            if *other > place {
                *other -= 1;
            }
        }
        Some((name, value))
    }

    pub(crate) fn first(&self) -> Option<Key> {
        self.entries.first().map(|(key, ..)| key.clone())
    }

    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.entries.clear();
    }

    pub(crate) fn items(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> {
        self.entries.iter().map(|(_, name, value)| (name, value))
    }
}

impl Heap {
    pub(crate) fn truth(&self, value: &Value) -> bool {
        match value {
            Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(number) => *number != 0,
            Value::Text(text) => !text.is_empty(),
            Value::List(list) | Value::Tuple(list) => !self.items(*list).is_empty(),
            Value::Dict(dict) => self.dict_of(*dict).len() > 0,
            Value::Range(range) => range.length > 0,
            _ => true,
        }
    }

    pub(crate) fn key(&mut self, value: &Value) -> Outcome<Key> {
        self.step(1)?;
        Ok(match value {
            Value::None => Key::None,
            Value::Bool(value) => Key::Bool(*value),
            Value::Int(number) => Key::Int(*number),
            Value::Text(text) => {
                self.work(text.len())?;
                Key::Text(Rc::clone(text))
            }
            Value::Tuple(tuple) => {
                let items = self.tuple_items(*tuple);
                self.charge(items.len().saturating_mul(size_of::<Key>()))?;
                self.down()?;
                let keys: Outcome<Vec<Key>> = items.iter().map(|item| self.key(item)).collect();
                self.up();
                Key::Tuple(keys?)
            }
            Value::Builtin(name) => Key::Builtin(name),
            Value::Function(number) => Key::Function(*number),
            other => {
                let name = other.type_name();
                return self.type_error(format!("a {name} cannot be a key"));
            }
        })
    }

    pub(crate) fn equal(&mut self, a: &Value, b: &Value) -> Outcome<bool> {
        self.step(1)?;
        match (a, b) {
            (Value::None, Value::None) | (Value::Content, Value::Content) => Ok(true),
            (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
            (Value::Int(a), Value::Int(b)) => Ok(a == b),
            (Value::Text(a), Value::Text(b)) => {
                self.work(a.len().min(b.len()))?;
                Ok(a == b)
            }
            (Value::Range(a), Value::Range(b)) => Ok(a.length == b.length
                && (a.length == 0 || a.start == b.start)
                && (a.length < 2 || a.step == b.step)),
            (Value::Function(a), Value::Function(b)) => Ok(a == b),
            (Value::Builtin(a), Value::Builtin(b)) => Ok(a == b),
            (Value::List(x), Value::List(y)) | (Value::Tuple(x), Value::Tuple(y)) => {
                if x == y {
                    return Ok(true);
                }
                let length = self.items(*x).len();
                if length != self.items(*y).len() {
                    return Ok(false);
                }
                self.down()?;
                for at in 0..length {
                    let (Some(a), Some(b)) = (
                        self.items(*x).get(at).cloned(),
                        self.items(*y).get(at).cloned(),
                    ) else {
                        break;
                    };
                    if !self.equal(&a, &b)? {
                        self.up();
                        return Ok(false);
                    }
                }
                self.up();
                Ok(true)
            }
            (Value::Dict(x), Value::Dict(y)) => self.equal_dicts(*x, *y),
            _ => Ok(false),
        }
    }

    fn equal_dicts(&mut self, x: u32, y: u32) -> Outcome<bool> {
        if x == y {
            return Ok(true);
        }
        if self.dict_of(x).len() != self.dict_of(y).len() {
            return Ok(false);
        }
        self.charge_values(2 * self.dict_of(x).len())?;
        let pairs: Vec<(Value, Option<Value>)> = {
            let (x, y) = (self.dict_of(x), self.dict_of(y));
            let entries = x.entries.iter();
            entries
                .map(|(key, _, value)| (value.clone(), y.get(key).cloned()))
                .collect()
        };
        self.down()?;
        for (a, b) in pairs {
            let same = match b {
                Some(b) => self.equal(&a, &b)?,
                None => false,
            };
            if !same {
                self.up();
                return Ok(false);
            }
        }
        self.up();
        Ok(true)
    }

    /// The order of two values; only those of one kind have one.
    pub(crate) fn compare(&mut self, a: &Value, b: &Value) -> Outcome<Ordering> {
        self.step(1)?;
        match (a, b) {
            (Value::Bool(a), Value::Bool(b)) => Ok(a.cmp(b)),
            (Value::Int(a), Value::Int(b)) => Ok(a.cmp(b)),
            (Value::Text(a), Value::Text(b)) => {
                self.work(a.len().min(b.len()))?;
                Ok(a.cmp(b))
            }
            (Value::List(x), Value::List(y)) | (Value::Tuple(x), Value::Tuple(y)) => {
                let lengths = (self.items(*x).len(), self.items(*y).len());
                self.down()?;
                for at in 0..lengths.0.min(lengths.1) {
                    let (Some(a), Some(b)) = (
                        self.items(*x).get(at).cloned(),
                        self.items(*y).get(at).cloned(),
                    ) else {
                        break;
                    };
                    if !self.equal(&a, &b)? {
                        let order = self.compare(&a, &b)?;
                        self.up();
                        return Ok(order);
                    }
                }
                self.up();
                Ok(lengths.0.cmp(&lengths.1))
            }
            (a, b) => {
                let (a, b) = (a.type_name(), b.type_name());
                self.type_error(format!("a {a} and a {b} have no order"))
            }
        }
    }

    /// The value as text: texts as they are, all others as they would be written.
    pub(crate) fn text_for(&mut self, value: &Value) -> Outcome<Rc<[u8]>> {
        if let Value::Text(text) = value {
            return Ok(Rc::clone(text));
        }
        let mut out = Vec::new();
        self.write(value, &mut out)?;
        Ok(out.into())
    }

    /// Writes a value as the language would.
    pub(crate) fn write(&mut self, value: &Value, out: &mut Vec<u8>) -> Outcome<()> {
        let before = out.len();
        match value {
            Value::None => out.extend_from_slice(b"None"),
            Value::Bool(true) => out.extend_from_slice(b"True"),
            Value::Bool(false) => out.extend_from_slice(b"False"),
            Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Value::Text(text) => {
                self.charge(text.len())?;
                quote(text, out);
            }
            Value::List(list) => self.write_items(*list, b"[", b"]", false, out)?,
            Value::Tuple(tuple) => self.write_items(*tuple, b"(", b")", true, out)?,
            Value::Dict(dict) => {
                self.charge_values(2 * self.dict_of(*dict).len())?;
                let pairs = self.dict_of(*dict).items();
                let pairs: Vec<(Value, Value)> =
                    pairs.map(|(k, v)| (k.clone(), v.clone())).collect();
                self.down()?;
                out.push(b'{');
                for (at, (key, value)) in pairs.iter().enumerate() {
                    if at > 0 {
                        out.extend_from_slice(b", ");
                    }
                    self.write(key, out)?;
                    out.extend_from_slice(b": ");
                    self.write(value, out)?;
                }
                out.push(b'}');
                self.up();
            }
            Value::Range(range) => {
                let end = range.get(range.length);
                let text = match range.step {
                    1 => format!("range({}, {end})", range.start),
                    step => format!("range({}, {end}, {step})", range.start),
                };
                out.extend_from_slice(text.as_bytes());
            }
            Value::Function(number) => {
                let name = self.function_of(*number).map(|(f, ..)| Rc::clone(&f.name));
                let name = name.unwrap_or_else(|| "?".into());
                out.extend_from_slice(format!("<function {name}>").as_bytes());
            }
            Value::Builtin(name) => {
                out.extend_from_slice(format!("<built-in function {name}>").as_bytes());
            }
            Value::Method(method) => {
                let (of, name) = (method.0.type_name(), method.1);
                let text = format!("<built-in method {name} of {of} value>");
                out.extend_from_slice(text.as_bytes());
            }
            Value::Content => out.extend_from_slice(b"<content>"),
        }
        self.charge(out.len() - before)
    }

    fn write_items(
        &mut self,
        list: u32,
        open: &[u8],
        close: &[u8],
        tuple: bool,
        out: &mut Vec<u8>,
    ) -> Outcome<()> {
        self.charge_values(self.items(list).len())?;
        let items = self.items(list).to_vec();
        self.down()?;
        out.extend_from_slice(open);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(b", ");
            }
            self.write(item, out)?;
        }
        if tuple && items.len() == 1 {
            out.push(b',');
        }
        out.extend_from_slice(close);
        self.up();
        Ok(())
    }
}

/// A text in quotes.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                c if c.is_control() && c.is_ascii() => {
                    out.extend_from_slice(format!("\\x{:02x}", c as u32).as_bytes());
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    out.push(b'"');
}
