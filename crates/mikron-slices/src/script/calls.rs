//! Attributes and methods, and how built-in functions take their arguments.

use std::rc::Rc;

use super::heap::Outcome;
use super::interpreter::{Arguments, Interpreter};
use super::tree::Name;
use super::value::Value;
use super::{ScriptErrorKind, StageError, dict_methods, list_methods, string_methods};

const CONTENT: [&str; 3] = ["read", "write", "list"];

fn methods(of: &Value) -> &'static [&'static str] {
    match of {
        Value::Text(_) => &string_methods::NAMES,
        Value::List(_) => &list_methods::NAMES,
        Value::Dict(_) => &dict_methods::NAMES,
        Value::Content => &CONTENT,
        _ => &[],
    }
}

impl Interpreter<'_> {
    pub(crate) fn attribute(&mut self, of: Value, name: &str) -> Outcome {
        let known = methods(&of);
        if let Some(name) = known.iter().find(|known| **known == name) {
            self.heap.charge_values(2)?;
            return Ok(Value::Method(Rc::new((of, name))));
        }
        let message = format!("a {} has no `{name}`", of.type_name());
        let mut error = self.heap.error(ScriptErrorKind::Type(message));
        let near = mikron_yaml::nearest(name, known.iter().copied());
        error.help = near.map(|name| format!("did you mean `{name}`?"));
        Err(error)
    }

    pub(crate) fn has_attribute(of: &Value, name: &str) -> bool {
        methods(of).contains(&name)
    }

    pub(crate) fn attributes(of: &Value) -> Vec<&'static str> {
        let mut names = methods(of).to_vec();
        names.sort_unstable();
        names
    }

    pub(crate) fn method(
        &mut self,
        of: &Value,
        name: &'static str,
        arguments: Arguments,
    ) -> Outcome {
        match of {
            Value::Text(text) => self.string_method(&Rc::clone(text), name, arguments),
            Value::List(list) => self.list_method(*list, name, arguments),
            Value::Dict(dict) => self.dict_method(*dict, name, arguments),
            _ => self.content(name, arguments),
        }
    }

    fn content(&mut self, name: &'static str, arguments: Arguments) -> Outcome {
        let refused = |this: &Self, path: &[u8], error: StageError| {
            let path = mikron_yaml::shown(&String::from_utf8_lossy(path));
            this.heap.error(ScriptErrorKind::Stage { path, error })
        };
        match name {
            "write" => {
                let [path, data] = self.fixed(arguments, ["path", "data"], 2)?;
                let path = self.text_of(&path, "path")?;
                let data = self.text_of(&data, "data")?;
                let limit = self.heap.limits().file;
                if data.len() as u64 > limit {
                    return Err(refused(self, &path, StageError::TooLarge(limit)));
                }
                self.heap.charge(data.len())?;
                let written = self.host.write(&path, &data);
                written.map_err(|error| refused(self, &path, error))?;
                Ok(Value::None)
            }
            "read" => {
                let [path] = self.fixed(arguments, ["path"], 1)?;
                let path = self.text_of(&path, "path")?;
                let limit = self.heap.limits().file;
                let data = self.host.read(&path, limit);
                let data = data.map_err(|error| refused(self, &path, error))?;
                self.heap.text(data)
            }
            _ => {
                let [path] = self.fixed(arguments, ["path"], 1)?;
                let path = self.text_of(&path, "path")?;
                let names = self.host.list(&path);
                let names = names.map_err(|error| refused(self, &path, error))?;
                let mut items = Vec::with_capacity(names.len());
                for name in names {
                    items.push(self.heap.text(name)?);
                }
                self.heap.list(items)
            }
        }
    }

    /// The arguments of a built-in function by the names of its parameters; the first `needed` have to be there, the others
    /// are `None` when they are not.
    pub(crate) fn fixed<const N: usize>(
        &mut self,
        arguments: Arguments,
        names: [&str; N],
        needed: usize,
    ) -> Outcome<[Value; N]> {
        let mut values: [Option<Value>; N] = std::array::from_fn(|_| None);
        if arguments.plain.len() > N {
            return self.heap.type_error("there are too many arguments");
        }
        for (slot, value) in values.iter_mut().zip(arguments.plain) {
            *slot = Some(value);
        }
        for (name, value) in arguments.named {
            let slot = names.iter().position(|known| *known == &*name);
            match slot.and_then(|at| values.get_mut(at)) {
                Some(slot @ None) => *slot = Some(value),
                Some(_) => {
                    return self
                        .heap
                        .type_error(format!("the argument `{name}` is given twice"));
                }
                None => {
                    return self
                        .heap
                        .type_error(format!("there is no argument `{name}`"));
                }
            }
        }
        if let Some(at) = values.iter().take(needed).position(Option::is_none) {
            return self
                .heap
                .type_error(format!("the argument `{}` is missing", names[at]));
        }
        Ok(values.map(|value| value.unwrap_or(Value::None)))
    }

    /// Refuses named arguments.
    pub(crate) fn no_names(&mut self, named: &[(Name, Value)]) -> Outcome<()> {
        match named.first() {
            Some((name, _)) => self
                .heap
                .type_error(format!("there is no argument `{name}`")),
            None => Ok(()),
        }
    }

    pub(crate) fn text_of(&mut self, value: &Value, what: &str) -> Outcome<Rc<[u8]>> {
        match value {
            Value::Text(text) => Ok(Rc::clone(text)),
            other => {
                let name = other.type_name();
                self.heap
                    .type_error(format!("`{what}` is a text, not a {name}"))
            }
        }
    }

    /// A number, or `default` for `None`.
    pub(crate) fn number_or(&mut self, value: &Value, what: &str, default: i64) -> Outcome<i64> {
        match value {
            Value::None => Ok(default),
            Value::Int(number) => Ok(*number),
            other => {
                let name = other.type_name();
                self.heap
                    .type_error(format!("`{what}` is a number, not a {name}"))
            }
        }
    }
}
