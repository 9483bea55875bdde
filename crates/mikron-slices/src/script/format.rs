//! Texts with values put into them: `%` and `format`.

use std::rc::Rc;

use super::heap::Outcome;
use super::interpreter::{Arguments, Interpreter};
use super::value::Value;

impl Interpreter<'_> {
    /// `text % values`.
    pub(crate) fn percent(&mut self, text: &Rc<[u8]>, values: &Value) -> Outcome {
        let mut plain = match values {
            Value::Tuple(_) => self.gather(values)?,
            other => vec![other.clone()],
        }
        .into_iter();
        let mut out = Vec::new();
        let mut rest: &[u8] = text;
        let mut named = false;
        self.heap.charge(text.len())?;
        while let Some(at) = memchr::memchr(b'%', rest) {
            out.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(b"%") {
                out.push(b'%');
                rest = after;
                continue;
            }
            let value = if let Some(after) = rest.strip_prefix(b"(") {
                let Some(end) = memchr::memchr(b')', after) else {
                    return self.heap.value_error("`%(` is not closed");
                };
                named = true;
                let key = self.heap.text(&after[..end])?;
                rest = &after[end + 1..];
                Some(self.index(values, &key)?)
            } else {
                plain.next()
            };
            let Some(value) = value else {
                return self
                    .heap
                    .value_error("there are too few values for the `%` in the text");
            };
            let Some((kind, after)) = rest.split_first() else {
                return self.heap.value_error("nothing follows `%`");
            };
            rest = after;
            self.converted(*kind, &value, &mut out)?;
        }
        out.extend_from_slice(rest);
        if !named && plain.next().is_some() {
            return self
                .heap
                .value_error("there are more values than `%` in the text");
        }
        Ok(Value::Text(out.into()))
    }

    fn converted(&mut self, kind: u8, value: &Value, out: &mut Vec<u8>) -> Outcome<()> {
        let text = match (kind, value) {
            (b's', value) => {
                let text = self.heap.text_for(value)?;
                self.heap.charge(text.len())?;
                out.extend_from_slice(&text);
                return Ok(());
            }
            (b'r', value) => return self.heap.write(value, out),
            (b'd' | b'i', Value::Int(number)) => number.to_string(),
            (b'o', Value::Int(number)) => signed(*number, &format!("{:o}", number.unsigned_abs())),
            (b'x', Value::Int(number)) => signed(*number, &format!("{:x}", number.unsigned_abs())),
            (b'X', Value::Int(number)) => signed(*number, &format!("{:X}", number.unsigned_abs())),
            (b'c', Value::Int(code)) => match u32::try_from(*code).ok().and_then(char::from_u32) {
                Some(c) => c.to_string(),
                None => return self.heap.value_error("there is no such character"),
            },
            (b'c', Value::Text(text)) => {
                out.extend_from_slice(text);
                return Ok(());
            }
            (kind, value) => {
                let name = value.type_name();
                let kind = char::from(kind).escape_default();
                return self
                    .heap
                    .type_error(format!("`%{kind}` does not take a {name}"));
            }
        };
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// `text.format(...)`: `{}`, `{0}`, `{name}`, with `!r` or `!s` behind.
    pub(crate) fn format(&mut self, text: &Rc<[u8]>, arguments: &Arguments) -> Outcome {
        let mut out = Vec::new();
        let mut rest: &[u8] = text;
        let mut next = 0;
        self.heap.charge(text.len())?;
        while let Some(at) = memchr::memchr2(b'{', b'}', rest) {
            out.extend_from_slice(&rest[..at]);
            let brace = rest[at];
            rest = &rest[at + 1..];
            if rest.first() == Some(&brace) {
                out.push(brace);
                rest = &rest[1..];
                continue;
            }
            if brace == b'}' {
                return self.heap.value_error("`}` stands alone; write `}}`");
            }
            let Some(end) = memchr::memchr(b'}', rest) else {
                return self.heap.value_error("`{` is not closed");
            };
            let field = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = &rest[end + 1..];
            let (name, conversion) = match field.split_once('!') {
                Some((name, conversion)) => (name, conversion),
                None => (field.as_str(), "s"),
            };
            let value = if name.is_empty() {
                next += 1;
                arguments.plain.get(next - 1)
            } else if let Ok(number) = name.parse::<usize>() {
                arguments.plain.get(number)
            } else {
                let named = arguments.named.iter().find(|(known, _)| &**known == name);
                named.map(|(_, value)| value)
            };
            let Some(value) = value else {
                let shown = mikron_yaml::shown(name);
                return self
                    .heap
                    .value_error(format!("there is no value for `{{{shown}}}`"));
            };
            let kind = match conversion {
                "s" => b's',
                "r" => b'r',
                _ => return self.heap.value_error("`!r` and `!s` are known"),
            };
            self.converted(kind, &value.clone(), &mut out)?;
        }
        out.extend_from_slice(rest);
        Ok(Value::Text(out.into()))
    }
}

fn signed(number: i64, digits: &str) -> String {
    if number < 0 {
        format!("-{digits}")
    } else {
        digits.to_owned()
    }
}
