//! Names in messages: cut to size, listed, and "did you mean".

/// Distance between two words (optimal string alignment: insert, delete, replace, swap two neighbours).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replace = last[j] + usize::from(a[i] != b[j]);
            let mut best = replace.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

/// The one of `known` that resembles `name` most, if any does: case, `_` for `-`, a plural, a typing slip.
///
/// ```
/// use mikron_yaml::nearest;
/// assert_eq!(nearest("pakcages", ["packages", "name"]), Some("packages"));
/// assert_eq!(nearest("entrypoint", ["packages", "name"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer names are nobody's typing slip, and the distance costs their product.
    if name.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let wanted = plain(name);
    let allowed = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Text of a document as it may stand in a message: without control characters, at most eighty characters.
pub fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(80)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

/// Names in backticks, separated by commas, at most thirty-two.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let mut text = names
        .iter()
        .take(32)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > 32 {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name() {
        let known = ["packages", "platforms", "run-as", "name"];
        assert_eq!(nearest("pakcages", known), Some("packages"));
        assert_eq!(nearest("package", known), Some("packages"));
        assert_eq!(nearest("run_as", known), Some("run-as"));
        assert_eq!(nearest("Name", known), Some("name"));
    }

    #[test]
    fn a_different_word_finds_nothing() {
        assert_eq!(nearest("entrypoint", ["packages", "name", "deb"]), None);
        assert_eq!(nearest("x", ["a", "b"]), None);
        assert_eq!(nearest(&"a".repeat(100_000), ["a"]), None);
    }
}
