//! Canonical JSON out, strict JSON in.
//!
//! Types that keep annotations in hash maps serialize differently in two runs; and JSON readers that take the
//! last of two equal keys let two tools see two images in one manifest. So everything is written by [`canonical`] and
//! read by [`parse`].

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// JSON that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON, or not of the expected shape. The message says the line and the column.
    #[error("{0}")]
    Syntax(#[from] serde_json::Error),
    /// A number of which a reader keeps less than was written: beyond 2^53, or no number of 64 bits.
    #[error("the number {0} is too large to be kept as it is")]
    Number(String),
}

/// The integers below are all numbers of 64 bits with a binary point.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes a value in canonical form: keys sorted by their bytes, no white space, numbers with the fewest digits that mean them. Nothing of
/// ours has fractions; documents of others may, in fields that we keep.
///
/// ```
/// # use std::collections::HashMap;
/// let map = HashMap::from([("b", 1), ("a", 2)]);
/// assert_eq!(mikron_oci::json::canonical(&map)?, br#"{"a":2,"b":1}"#);
/// # Ok::<(), mikron_oci::json::JsonError>(())
/// ```
///
/// # Errors
/// When the value does not serialize, or holds a number that cannot be kept.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, JsonError> {
    let value = serde_json::to_value(value)?;
    let mut out = Vec::new();
    write(&value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => serde_json::to_writer(out, value)?,
        Value::Number(number) if number.is_f64() && !number.as_f64().is_some_and(is_kept) => {
            return Err(JsonError::Number(number.to_string()));
        }
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            // Sorted here and not left to the map, whose order depends on a feature of serde_json.
            let mut members: Vec<_> = map.iter().collect();
            members.sort_unstable_by_key(|(key, _)| key.as_bytes());
            out.push(b'{');
            for (i, (key, member)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, key)?;
                out.push(b':');
                write(member, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn is_kept(number: f64) -> bool {
    number.abs() < EXACT
}

/// Reads one JSON document; a key that stands twice in one object is an error, and so is anything behind the document.
///
/// ```
/// assert!(mikron_oci::json::parse(br#"{"a":1,"a":2}"#).is_err());
/// ```
///
/// # Errors
/// When the bytes are not such a document. Nesting is bounded to 128 levels.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads one JSON document into a type, as strictly as [`parse`].
///
/// # Errors
/// As [`parse`], and when the document has another shape.
pub fn from_slice<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, JsonError> {
    Ok(serde_json::from_value(parse(bytes)?)?)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number out of range"))?;
        Ok(Value::Number(number))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key `{}` stands twice in one object",
                    key.escape_debug()
                )));
            }
            let member = members.next_value_seed(Strict)?;
            map.insert(key, member);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_keys_and_has_no_white_space() {
        let value = serde_json::json!({"b": [1, {"d": null, "c": "x\n"}], "a": true});
        let text = canonical(&value).unwrap();
        assert_eq!(text, br#"{"a":true,"b":[1,{"c":"x\n","d":null}]}"#);
    }

    #[test]
    fn a_fraction_is_written_as_it_was_and_one_that_would_lose_digits_not_at_all() {
        for text in ["1.5", "-0.25", "1.0"] {
            let value = parse(text.as_bytes()).unwrap();
            assert_eq!(canonical(&value).unwrap(), text.as_bytes());
        }
        for text in ["18446744073709551617", "1e300"] {
            let value = parse(text.as_bytes()).unwrap();
            assert!(
                matches!(canonical(&value), Err(JsonError::Number(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_was_written_reads_back() {
        let value = serde_json::json!({"a": [-1, 18_446_744_073_709_551_615_u64, "ü"]});
        assert_eq!(parse(&canonical(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn bad_114_duplicate_json_key() {
        let message = parse(b"{\"a\": {\n\"k\": 1, \"k\": 2}}")
            .unwrap_err()
            .to_string();
        assert!(message.contains("`k` stands twice"), "{message}");
        assert!(message.contains("line 2"), "{message}");
    }

    #[test]
    fn deep_nesting_and_trailing_bytes_are_refused() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
        assert!(parse(b"{} {}").is_err());
    }
}
