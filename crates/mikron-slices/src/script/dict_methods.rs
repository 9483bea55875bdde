//! Methods of mappings.

use super::heap::Outcome;
use super::interpreter::{Arguments, Interpreter};
use super::value::Value;

pub(crate) const NAMES: [&str; 9] = [
    "clear",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
];

impl Interpreter<'_> {
    pub(crate) fn dict_method(
        &mut self,
        dict: u32,
        name: &'static str,
        mut arguments: Arguments,
    ) -> Outcome {
        match name {
            "clear" => {
                self.heap.dict_mut(dict)?.clear();
                Ok(Value::None)
            }
            "get" => {
                let [key, default] = self.fixed(arguments, ["key", "default"], 1)?;
                let key = self.heap.key(&key)?;
                let found = self.heap.dict_of(dict).get(&key).cloned();
                Ok(found.unwrap_or(default))
            }
            "items" => {
                let mut items = Vec::new();
                for (name, value) in self.pairs(dict)? {
                    items.push(self.heap.tuple(vec![name, value])?);
                }
                self.heap.list(items)
            }
            "keys" => {
                let keys = self
                    .pairs(dict)?
                    .into_iter()
                    .map(|(name, _)| name)
                    .collect();
                self.heap.list(keys)
            }
            "values" => {
                let values = self
                    .pairs(dict)?
                    .into_iter()
                    .map(|(_, value)| value)
                    .collect();
                self.heap.list(values)
            }
            "pop" => {
                let has_default = arguments.plain.len() > 1 || !arguments.named.is_empty();
                let [name, default] = self.fixed(arguments, ["key", "default"], 1)?;
                let key = self.heap.key(&name)?;
                self.heap.step(1 + self.heap.dict_of(dict).len() as u64)?;
                match self.heap.dict_mut(dict)?.remove(&key) {
                    Some((_, value)) => Ok(value),
                    None if has_default => Ok(default),
                    None => {
                        let shown = self.shown(&name)?;
                        self.heap
                            .value_error(format!("the mapping has no key {shown}"))
                    }
                }
            }
            "popitem" => {
                let first = self.heap.dict_of(dict).first();
                self.heap.step(1 + self.heap.dict_of(dict).len() as u64)?;
                let Some(key) = first else {
                    return self.heap.value_error("the mapping is empty");
                };
                match self.heap.dict_mut(dict)?.remove(&key) {
                    Some((name, value)) => self.heap.tuple(vec![name, value]),
                    None => Ok(Value::None),
                }
            }
            "setdefault" => {
                let [name, default] = self.fixed(arguments, ["key", "default"], 1)?;
                let key = self.heap.key(&name)?;
                if let Some(value) = self.heap.dict_of(dict).get(&key) {
                    return Ok(value.clone());
                }
                self.put_into(dict, name, default.clone())?;
                Ok(default)
            }
            // What is left is `update`.
            _ => {
                if arguments.plain.len() > 1 {
                    return self.heap.type_error("there are too many arguments");
                }
                if let Some(items) = arguments.plain.pop() {
                    for (name, value) in self.pairs_of(&items)? {
                        self.put_into(dict, name, value)?;
                    }
                }
                for (name, value) in arguments.named {
                    let name = self.heap.text(name.as_bytes())?;
                    self.put_into(dict, name, value)?;
                }
                Ok(Value::None)
            }
        }
    }
}
