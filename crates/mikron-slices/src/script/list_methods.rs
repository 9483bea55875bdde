//! Methods of lists.

use super::heap::Outcome;
use super::interpreter::{Arguments, Interpreter};
use super::value::Value;

pub(crate) const NAMES: [&str; 7] = [
    "append", "clear", "extend", "index", "insert", "pop", "remove",
];

impl Interpreter<'_> {
    pub(crate) fn list_method(
        &mut self,
        list: u32,
        name: &'static str,
        arguments: Arguments,
    ) -> Outcome {
        let length = self.heap.items(list).len();
        match name {
            "append" => {
                let [x] = self.fixed(arguments, ["x"], 1)?;
                self.heap.charge_values(1)?;
                self.heap.items_mut(list)?.push(x);
            }
            "clear" => self.heap.items_mut(list)?.clear(),
            "extend" => {
                let [x] = self.fixed(arguments, ["x"], 1)?;
                let more = self.gather(&x)?;
                self.heap.items_mut(list)?.extend(more);
            }
            "insert" => {
                let [i, x] = self.fixed(arguments, ["i", "x"], 2)?;
                let i = self.number_or(&i, "i", 0)?;
                self.heap.charge_values(1)?;
                self.heap.work(size_of_val(self.heap.items(list)))?;
                let end = i64::try_from(length).unwrap_or(i64::MAX);
                let at = if i < 0 { i.saturating_add(end) } else { i }.clamp(0, end);
                let at = usize::try_from(at).unwrap_or(0);
                self.heap.items_mut(list)?.insert(at, x);
            }
            "pop" => {
                let [i] = self.fixed(arguments, ["i"], 0)?;
                let place = if matches!(i, Value::None) {
                    Value::Int(-1)
                } else {
                    i
                };
                let at = self.heap.place_of(&place, length)?;
                self.heap.work((length - at) * size_of::<Value>())?;
                return Ok(self.heap.items_mut(list)?.remove(at));
            }
            // What is left looks for an item.
            _ => {
                let [x, start, end] = self.fixed(arguments, ["x", "start", "end"], 1)?;
                let range = self.slice_range(&[start, end, Value::None], length)?;
                for at in range.start..range.start.saturating_add(range.length) {
                    let place = usize::try_from(at).unwrap_or(0);
                    let Some(item) = self.heap.items(list).get(place).cloned() else {
                        break;
                    };
                    if self.heap.equal(&item, &x)? {
                        if name == "index" {
                            return Ok(Value::Int(at));
                        }
                        self.heap.work(size_of_val(self.heap.items(list)))?;
                        self.heap.items_mut(list)?.remove(place);
                        return Ok(Value::None);
                    }
                }
                let shown = self.shown(&x)?;
                return self.heap.value_error(format!("the list has no {shown}"));
            }
        }
        Ok(Value::None)
    }
}
