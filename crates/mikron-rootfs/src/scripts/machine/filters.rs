//! What filters make of a text: cut(1), sort(1), uniq(1), wc(1), tr(1). `None` where an option is not read.

use crate::finalizers::options::Arguments;

pub(super) fn cut(arguments: &Arguments<'_>, text: &str) -> Option<String> {
    let (list, by_fields) = match (arguments.value(&["-f"]), arguments.value(&["-c", "-b"])) {
        (Some(list), None) => (list, true),
        (None, Some(list)) => (list, false),
        _ => return None,
    };
    let mut ranges = Vec::new();
    for range in list.split(',') {
        let (first, end) = range.split_once('-').unwrap_or((range, range));
        let first: usize = if first.is_empty() {
            1
        } else {
            first.parse().ok()?
        };
        let end: usize = if end.is_empty() {
            usize::MAX
        } else {
            end.parse().ok()?
        };
        ranges.push((first, end));
    }
    let chosen = |at: usize| {
        ranges
            .iter()
            .any(|(first, end)| (*first..=*end).contains(&(at + 1)))
    };
    let delimiter = arguments.value(&["-d"]).unwrap_or("\t");
    let mut out = String::new();
    for line in text.lines() {
        if by_fields && !line.contains(delimiter) {
            if !arguments.has(&["-s"]) {
                out.push_str(line);
                out.push('\n');
            }
            continue;
        }
        if by_fields {
            let fields = line
                .split(delimiter)
                .enumerate()
                .filter(|(at, _)| chosen(*at));
            let fields: Vec<&str> = fields.map(|(_, field)| field).collect();
            out.push_str(&fields.join(delimiter));
        } else {
            out.extend(
                line.chars()
                    .enumerate()
                    .filter(|(at, _)| chosen(*at))
                    .map(|(_, c)| c),
            );
        }
        out.push('\n');
    }
    Some(out)
}

pub(super) fn sort(arguments: &Arguments<'_>, text: &str) -> Option<String> {
    if arguments.has(&["-k", "-t", "-o", "-V", "-h", "-R"]) {
        return None;
    }
    let mut lines: Vec<&str> = text.lines().collect();
    if arguments.has(&["-n"]) {
        let number = |line: &str| {
            let digits: String = line
                .trim()
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse::<u64>().unwrap_or(0)
        };
        lines.sort_by(|a, b| number(a).cmp(&number(b)).then(a.cmp(b)));
    } else {
        lines.sort_unstable();
    }
    if arguments.has(&["-u"]) {
        lines.dedup();
    }
    if arguments.has(&["-r"]) {
        lines.reverse();
    }
    Some(lines.iter().flat_map(|line| [line, "\n"]).collect())
}

pub(super) fn uniq(arguments: &Arguments<'_>, text: &str) -> Option<String> {
    if arguments.has(&["-d", "-u", "-f", "-s", "-w", "-i"]) {
        return None;
    }
    let lines: Vec<&str> = text.lines().collect();
    let groups = lines.chunk_by(|a, b| a == b);
    let counted = arguments.has(&["-c"]);
    let line = |group: &[&str]| match group {
        [line, ..] if counted => format!("{:7} {line}\n", group.len()),
        _ => format!("{}\n", group.first().unwrap_or(&"")),
    };
    Some(groups.map(line).collect())
}

pub(super) fn wc(arguments: &Arguments<'_>, text: &str) -> Option<String> {
    let count = if arguments.has(&["-l"]) {
        text.matches('\n').count()
    } else if arguments.has(&["-w"]) {
        text.split_whitespace().count()
    } else if arguments.has(&["-c", "-m"]) {
        text.len()
    } else {
        return None;
    };
    Some(format!("{count}\n"))
}

pub(super) fn translate(arguments: &Arguments<'_>, sets: &[&str], text: &str) -> Option<String> {
    let complement = arguments.has(&["-c", "-C"]);
    let first: Vec<char> = set(sets.first()?)?;
    let inside = |c: char| first.contains(&c) != complement;
    if arguments.has(&["-d"]) {
        return Some(text.chars().filter(|c| !inside(*c)).collect());
    }
    let second = match sets.get(1) {
        Some(text) => set(text)?,
        None if arguments.has(&["-s"]) => Vec::new(),
        None => return None,
    };
    let mut out = String::new();
    for c in text.chars() {
        let changed = if !inside(c) || second.is_empty() {
            c
        } else if complement {
            *second.last()?
        } else {
            let at = first.iter().position(|known| *known == c)?;
            *second.get(at).or(second.last())?
        };
        let squeezed = arguments.has(&["-s"]) && inside(c) && out.ends_with(changed);
        if !squeezed {
            out.push(changed);
        }
    }
    Some(out)
}

/// The characters of a set of tr(1).
fn set(text: &str) -> Option<Vec<char>> {
    let text = text
        .replace("[:lower:]", "a-z")
        .replace("[:upper:]", "A-Z")
        .replace("[:digit:]", "0-9")
        .replace("[:alnum:]", "0-9A-Za-z")
        .replace("[:alpha:]", "A-Za-z")
        .replace("[:space:]", " \\t\\n\\r");
    let mut chars = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let c = match c {
            '\\' => match rest.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                other => other,
            },
            c => c,
        };
        let range = rest.peek() == Some(&'-') && rest.clone().nth(1).is_some();
        if range {
            rest.next();
            chars.extend(c..=rest.next()?);
        } else {
            chars.push(c);
        }
    }
    Some(chars)
}
