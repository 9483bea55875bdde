//! Operators, indices and slices.

use std::cmp::Ordering;
use std::rc::Rc;

use super::heap::{Heap, Outcome};
use super::interpreter::Interpreter;
use super::tree::{Binary, Unary};
use super::value::{Range, Value};

fn sign(operator: Binary) -> &'static str {
    match operator {
        Binary::Add => "+",
        Binary::Subtract => "-",
        Binary::Multiply => "*",
        Binary::Divide => "//",
        Binary::Modulo => "%",
        Binary::Equal => "==",
        Binary::Unequal => "!=",
        Binary::Less => "<",
        Binary::AtMost => "<=",
        Binary::Greater => ">",
        Binary::AtLeast => ">=",
        Binary::In => "in",
        Binary::NotIn => "not in",
        Binary::BitOr => "|",
        Binary::BitAnd => "&",
        Binary::BitXor => "^",
        Binary::ShiftLeft => "<<",
        Binary::ShiftRight => ">>",
    }
}

impl Heap {
    pub(crate) fn unary(&self, operator: Unary, value: &Value) -> Outcome {
        match (operator, value) {
            (Unary::Not, value) => Ok(Value::Bool(!self.truth(value))),
            (Unary::Plus, Value::Int(number)) => Ok(Value::Int(*number)),
            (Unary::Invert, Value::Int(number)) => Ok(Value::Int(!number)),
            (Unary::Minus, Value::Int(number)) => self.number(number.checked_neg()),
            (_, other) => {
                let name = other.type_name();
                self.type_error(format!("a {name} has no sign"))
            }
        }
    }

    /// A number, unless it left the range.
    pub(crate) fn number(&self, number: Option<i64>) -> Outcome {
        match number {
            Some(number) => Ok(Value::Int(number)),
            None => self.value_error("the number does not fit into 64 bits"),
        }
    }

    fn arithmetic(&self, operator: Binary, a: i64, b: i64) -> Outcome {
        let shift = || u32::try_from(b).ok().filter(|bits| *bits < 64);
        let result = match operator {
            Binary::Add => a.checked_add(b),
            Binary::Subtract => a.checked_sub(b),
            Binary::Multiply => a.checked_mul(b),
            Binary::Divide | Binary::Modulo if b == 0 => {
                return self.value_error("nothing is divided by zero");
            }
            // Towards minus infinity, so that the remainder has the sign of the divisor.
            Binary::Divide => a
                .checked_div(b)
                .map(|quotient| quotient - i64::from(a.wrapping_rem(b) != 0 && (a < 0) != (b < 0))),
            Binary::Modulo => a.checked_rem(b).map(|rest| {
                if rest != 0 && (rest < 0) != (b < 0) {
                    rest + b
                } else {
                    rest
                }
            }),
            Binary::BitOr => Some(a | b),
            Binary::BitAnd => Some(a & b),
            Binary::BitXor => Some(a ^ b),
            Binary::ShiftLeft => shift().and_then(|bits| {
                a.checked_mul(1_i64.checked_shl(bits)?)
                    .filter(|_| bits < 63)
            }),
            Binary::ShiftRight if b >= 0 => Some(a >> b.min(63)),
            _ => None,
        };
        self.number(result)
    }

    fn repeat_count(&mut self, times: i64, length: usize) -> Outcome<usize> {
        let times = usize::try_from(times).unwrap_or(0);
        let size = times.saturating_mul(length.max(1));
        self.charge(size)?;
        Ok(times)
    }

    /// The place of an index, counted from the end when it is negative.
    pub(crate) fn place_of(&self, index: &Value, length: usize) -> Outcome<usize> {
        let Value::Int(index) = index else {
            let name = index.type_name();
            return self.type_error(format!("a {name} is no index"));
        };
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let place = if *index < 0 { index + length } else { *index };
        match usize::try_from(place) {
            Ok(at) if place < length => Ok(at),
            _ => self.value_error(format!("there is no item {index} among {length}")),
        }
    }
}

impl Interpreter<'_> {
    pub(crate) fn binary(&mut self, operator: Binary, left: &Value, right: &Value) -> Outcome {
        let heap = &mut self.heap;
        let order = |heap: &mut Heap| heap.compare(left, right);
        match operator {
            Binary::Equal => return Ok(Value::Bool(heap.equal(left, right)?)),
            Binary::Unequal => return Ok(Value::Bool(!heap.equal(left, right)?)),
            Binary::Less => return Ok(Value::Bool(order(heap)? == Ordering::Less)),
            Binary::AtMost => return Ok(Value::Bool(order(heap)? != Ordering::Greater)),
            Binary::Greater => return Ok(Value::Bool(order(heap)? == Ordering::Greater)),
            Binary::AtLeast => return Ok(Value::Bool(order(heap)? != Ordering::Less)),
            Binary::In => return Ok(Value::Bool(self.contains(right, left)?)),
            Binary::NotIn => return Ok(Value::Bool(!self.contains(right, left)?)),
            _ => {}
        }
        match (operator, left, right) {
            (Binary::Modulo, Value::Text(text), values) => self.percent(&Rc::clone(text), values),
            (_, Value::Int(a), Value::Int(b)) => heap.arithmetic(operator, *a, *b),
            (Binary::Add, Value::Text(a), Value::Text(b)) => {
                heap.charge(a.len() + b.len())?;
                Ok(Value::Text([&**a, &**b].concat().into()))
            }
            (Binary::Add, Value::List(a), Value::List(b)) => {
                heap.charge_values(heap.items(*a).len() + heap.items(*b).len())?;
                let items = [heap.items(*a), heap.items(*b)].concat();
                heap.list(items)
            }
            (Binary::Add, Value::Tuple(a), Value::Tuple(b)) => {
                heap.charge_values(heap.items(*a).len() + heap.items(*b).len())?;
                let items = [heap.items(*a), heap.items(*b)].concat();
                heap.tuple(items)
            }
            (Binary::Multiply, Value::Text(text), Value::Int(times))
            | (Binary::Multiply, Value::Int(times), Value::Text(text)) => {
                let times = heap.repeat_count(*times, text.len())?;
                Ok(Value::Text(text.repeat(times).into()))
            }
            (Binary::Multiply, list @ (Value::List(n) | Value::Tuple(n)), Value::Int(times))
            | (Binary::Multiply, Value::Int(times), list @ (Value::List(n) | Value::Tuple(n))) => {
                let size = heap.items(*n).len().saturating_mul(size_of::<Value>());
                let times = heap.repeat_count(*times, size)?;
                let items = heap.items(*n);
                let items: Vec<Value> = if items.is_empty() {
                    Vec::new()
                } else {
                    let total = items.len() * times;
                    items.iter().cycle().take(total).cloned().collect()
                };
                match list {
                    Value::List(_) => heap.list(items),
                    _ => heap.tuple(items),
                }
            }
            (Binary::BitOr, Value::Dict(a), Value::Dict(b)) => {
                let mut union = super::value::Dict::default();
                for dict in [*a, *b] {
                    for (name, value) in self.pairs(dict)? {
                        self.put(&mut union, name, value)?;
                    }
                }
                self.heap.dict(union)
            }
            _ => {
                let (a, b, sign) = (left.type_name(), right.type_name(), sign(operator));
                heap.type_error(format!("`{sign}` does not work on a {a} and a {b}"))
            }
        }
    }

    /// `+=` and its like: lists and mappings change in place.
    pub(crate) fn augmented(&mut self, operator: Binary, old: Value, value: &Value) -> Outcome {
        match (operator, &old) {
            (Binary::Add, Value::List(list)) => {
                let more = self.gather(value)?;
                self.heap.items_mut(*list)?.extend(more);
                Ok(old)
            }
            (Binary::BitOr, Value::Dict(dict)) => {
                let Value::Dict(other) = *value else {
                    return self.heap.type_error("only a mapping joins a mapping");
                };
                for (name, value) in self.pairs(other)? {
                    self.put_into(*dict, name, value)?;
                }
                Ok(old)
            }
            _ => self.binary(operator, &old, value),
        }
    }

    pub(crate) fn pairs(&mut self, dict: u32) -> Outcome<Vec<(Value, Value)>> {
        self.heap.charge_values(2 * self.heap.dict_of(dict).len())?;
        let items = self.heap.dict_of(dict).items();
        Ok(items
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect())
    }

    pub(crate) fn put_into(&mut self, dict: u32, name: Value, value: Value) -> Outcome<()> {
        let key = self.heap.key(&name)?;
        self.heap.charge_values(6)?;
        self.heap.dict_mut(dict)?.insert(key, name, value);
        Ok(())
    }

    fn contains(&mut self, within: &Value, item: &Value) -> Outcome<bool> {
        match (within, item) {
            (Value::Text(text), Value::Text(part)) => {
                self.heap.work(text.len())?;
                Ok(memchr::memmem::find(text, part).is_some())
            }
            (Value::Text(_), other) => {
                let name = other.type_name();
                self.heap
                    .type_error(format!("a {name} cannot stand in a text"))
            }
            (Value::Dict(dict), item) => {
                let key = self.heap.key(item)?;
                Ok(self.heap.dict_of(*dict).get(&key).is_some())
            }
            (within, item) => {
                for other in self.items(within)? {
                    if self.heap.equal(&other, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    pub(crate) fn index(&mut self, of: &Value, index: &Value) -> Outcome {
        match of {
            Value::Text(text) => {
                let at = self.heap.place_of(index, text.len())?;
                self.heap.text(&text[at..=at])
            }
            Value::List(list) | Value::Tuple(list) => {
                let items = self.heap.items(*list);
                let at = self.heap.place_of(index, items.len())?;
                Ok(items.get(at).cloned().unwrap_or(Value::None))
            }
            Value::Range(range) => {
                let length = usize::try_from(range.length).unwrap_or(0);
                let at = self.heap.place_of(index, length)?;
                Ok(Value::Int(range.get(i64::try_from(at).unwrap_or(0))))
            }
            Value::Dict(dict) => {
                let key = self.heap.key(index)?;
                if let Some(value) = self.heap.dict_of(*dict).get(&key) {
                    return Ok(value.clone());
                }
                let shown = self.shown(index)?;
                self.heap
                    .value_error(format!("the mapping has no key {shown}"))
            }
            other => {
                let name = other.type_name();
                self.heap.type_error(format!("a {name} has no items"))
            }
        }
    }

    /// A value as it may stand in a message.
    pub(crate) fn shown(&mut self, value: &Value) -> Outcome<String> {
        let mut out = Vec::new();
        self.heap.write(value, &mut out)?;
        Ok(mikron_yaml::shown(&String::from_utf8_lossy(&out)))
    }

    pub(crate) fn set_index(&mut self, of: &Value, index: &Value, value: Value) -> Outcome<()> {
        match of {
            Value::List(list) => {
                let at = self.heap.place_of(index, self.heap.items(*list).len())?;
                self.heap.items_mut(*list)?[at] = value;
                Ok(())
            }
            Value::Dict(dict) => self.put_into(*dict, index.clone(), value),
            other => {
                let name = other.type_name();
                self.heap
                    .type_error(format!("the items of a {name} cannot be set"))
            }
        }
    }

    pub(crate) fn slice(&mut self, of: &Value, parts: &[Value; 3]) -> Outcome {
        let length = match of {
            Value::Text(text) => text.len(),
            Value::List(list) | Value::Tuple(list) => self.heap.items(*list).len(),
            Value::Range(range) => usize::try_from(range.length).unwrap_or(0),
            other => {
                let name = other.type_name();
                return self.heap.type_error(format!("a {name} has no parts"));
            }
        };
        let range = self.slice_range(parts, length)?;
        let count = usize::try_from(range.length).unwrap_or(0);
        let places = (0..range.length).map(|at| usize::try_from(range.get(at)).unwrap_or(0));
        match of {
            Value::Text(text) => {
                self.heap.charge(count)?;
                let bytes: Vec<u8> = match (range.step, places.clone().next()) {
                    (1, Some(start)) => text[start..start + count].to_vec(),
                    _ => places.filter_map(|at| text.get(at).copied()).collect(),
                };
                Ok(Value::Text(bytes.into()))
            }
            Value::Range(inner) => {
                let first = inner.get(range.start);
                let step = self.heap.number(inner.step.checked_mul(range.step))?;
                let Value::Int(step) = step else {
                    return Ok(Value::None);
                };
                Ok(Value::Range(Range {
                    start: first,
                    step,
                    length: range.length,
                }))
            }
            Value::List(list) | Value::Tuple(list) => {
                self.heap.charge_values(count)?;
                let items = self.heap.items(*list);
                let items: Vec<Value> = places.filter_map(|at| items.get(at).cloned()).collect();
                match of {
                    Value::List(_) => self.heap.list(items),
                    _ => self.heap.tuple(items),
                }
            }
            _ => Ok(Value::None),
        }
    }

    /// The places that a slice names.
    pub(crate) fn slice_range(&mut self, parts: &[Value; 3], length: usize) -> Outcome<Range> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let number = |heap: &Heap, part: &Value| match part {
            Value::None => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            other => {
                let name = other.type_name();
                heap.type_error(format!("a {name} is no index"))
            }
        };
        let step = number(&self.heap, &parts[2])?.unwrap_or(1);
        if step == 0 {
            return self.heap.value_error("a slice cannot go in steps of 0");
        }
        let (low, high) = if step > 0 {
            (0, length)
        } else {
            (-1, length - 1)
        };
        let bound = |part: Option<i64>, default: i64| match part {
            None => default,
            Some(at) if at < 0 => at.saturating_add(length).clamp(low, high),
            Some(at) => at.clamp(low, high),
        };
        let (from, to) = if step > 0 { (low, high) } else { (high, low) };
        let start = bound(number(&self.heap, &parts[0])?, from);
        let end = bound(number(&self.heap, &parts[1])?, to);
        let span = if step > 0 {
            end.saturating_sub(start)
        } else {
            start.saturating_sub(end)
        };
        let step_size = i64::try_from(step.unsigned_abs()).unwrap_or(i64::MAX);
        let length = if span <= 0 {
            0
        } else {
            (span - 1) / step_size + 1
        };
        Ok(Range {
            start,
            step,
            length,
        })
    }
}
