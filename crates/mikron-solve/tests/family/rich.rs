//! Reads the rich dependencies of the tests.

use mikron_package::Requirement;

use super::relation;

/// `(a or b)`, `(a if b else c)`, `(a with b)`, nested; or a relation.
pub(crate) fn parse(text: &str) -> Requirement {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) else {
        return Requirement::One(relation(text));
    };
    let (parts, words) = top(inner);
    let mut parts = parts.into_iter().map(|part| parse(&part));
    let first = parts.next().unwrap();
    let Some(word) = words.first() else {
        return first;
    };
    match word.as_str() {
        "or" => Requirement::Any(std::iter::once(first).chain(parts).collect()),
        "and" => Requirement::All(std::iter::once(first).chain(parts).collect()),
        "with" => parts.fold(first, |a, b| Requirement::With(Box::new(a), Box::new(b))),
        "without" => parts.fold(first, |a, b| Requirement::Without(Box::new(a), Box::new(b))),
        "if" => Requirement::If {
            then: Box::new(first),
            condition: Box::new(parts.next().unwrap()),
            otherwise: parts.next().map(Box::new),
        },
        "unless" => Requirement::Unless {
            then: Box::new(first),
            condition: Box::new(parts.next().unwrap()),
            otherwise: parts.next().map(Box::new),
        },
        other => panic!("no such operator: {other}"),
    }
}

/// The operands and operators outside of all brackets.
fn top(text: &str) -> (Vec<String>, Vec<String>) {
    let operators = ["or", "and", "with", "without", "if", "unless", "else"];
    let (mut parts, mut words) = (vec![String::new()], Vec::new());
    let mut depth = 0;
    for word in text.split_whitespace() {
        if depth == 0 && operators.contains(&word) {
            words.push(word.to_owned());
            parts.push(String::new());
            continue;
        }
        depth += word.matches('(').count();
        depth -= word.matches(')').count();
        let part = parts.last_mut().unwrap();
        if !part.is_empty() {
            part.push(' ');
        }
        part.push_str(word);
    }
    (parts, words)
}
