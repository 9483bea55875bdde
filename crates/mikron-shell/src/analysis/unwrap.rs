//! Commands that run other commands.

use super::tables::{Wrapper, is_shell, wrapper_named};
use crate::call::Word;

/// What a command runs.
pub(super) enum Inner {
    /// Nothing that is told by its words.
    None,
    /// Commands; mostly one.
    Commands(Vec<Vec<Word>>),
    /// Text of the shell.
    Text(String),
}

/// What a command with these words runs.
pub(super) fn unwrap(words: &[Word]) -> Inner {
    let Some((name, arguments)) = words.split_first() else {
        return Inner::None;
    };
    let name = name.text.rsplit('/').next().unwrap_or_default();
    let text = match name {
        "eval" => whole_text(arguments),
        "trap" => trap(arguments),
        "su" | "runuser" | "flock" | "script" | "sg" => value_of(arguments, &["-c", "--command"]),
        _ if is_shell(name) => shell(arguments),
        _ => None,
    };
    if let Some(text) = text {
        return Inner::Text(text);
    }
    let commands = match name {
        "find" => find(arguments),
        "start-stop-daemon" => daemon(arguments),
        "runuser" => after_dashes(arguments),
        "tar" => packer(arguments),
        _ => {
            let wrapper = wrapper_named(name);
            let command = wrapper.map(|wrapper| behind(wrapper, arguments));
            command
                .into_iter()
                .filter(|words| !words.is_empty())
                .collect()
        }
    };
    if commands.is_empty() {
        Inner::None
    } else {
        Inner::Commands(commands)
    }
}

/// The words behind a wrapper's own.
fn behind(wrapper: &Wrapper, arguments: &[Word]) -> Vec<Word> {
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        let text = word.text.as_str();
        if !text.starts_with('-') || text == "-" {
            break;
        }
        at += 1;
        if text == "--" {
            break;
        }
        at += usize::from(wrapper.valued.contains(&text));
    }
    at += wrapper.operands;
    let assigns = |word: &Word| {
        let name = word.text.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
    };
    while wrapper.assignments && arguments.get(at).is_some_and(assigns) {
        at += 1;
    }
    arguments.get(at..).unwrap_or_default().to_vec()
}

fn whole_text(words: &[Word]) -> Option<String> {
    let (first, rest) = words.split_first()?;
    let texts = std::iter::once(script(first)?).chain(rest.iter().map(plain));
    Some(texts.collect::<Vec<_>>().join(" "))
}

/// The text of a word as a script for a shell. `None` where it begins with what is not known, and so with a command that nobody
/// knows.
fn script(word: &Word) -> Option<String> {
    let is_known = word.literal || !word.text.starts_with(['$', '<', '(']);
    is_known.then(|| plain(word))
}

/// The text of a word; for substitutions, which [`Word::text`] has as `$(…)`, a variable that nobody knows.
fn plain(word: &Word) -> String {
    if word.literal {
        return word.text.clone();
    }
    let marks = ["$((…))", "$(…)", "<(…)", "(…)"];
    marks
        .iter()
        .fold(word.text.clone(), |text, mark| text.replace(mark, "$_"))
}

/// `trap 'commands' SIGNAL…`; `-` and an empty text take a trap away, a lone operand too.
fn trap(words: &[Word]) -> Option<String> {
    let words = match words {
        [first, rest @ ..] if first.text == "--" => rest,
        words => words,
    };
    match words {
        [action, _, ..] => script(action).filter(|text| !text.is_empty() && !text.starts_with('-')),
        _ => None,
    }
}

/// `sh -c text`.
fn shell(words: &[Word]) -> Option<String> {
    let mut text_follows = false;
    let mut at = 0;
    while let Some(word) = words
        .get(at)
        .filter(|word| word.text.starts_with(['-', '+']))
    {
        at += 1;
        match word.text.as_str() {
            "--" | "-" => break,
            "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file" => at += 1,
            text => text_follows |= !text.starts_with("--") && text.contains('c'),
        }
    }
    words.get(at).filter(|_| text_follows).and_then(script)
}

fn value_of(words: &[Word], names: &[&str]) -> Option<String> {
    let at = words
        .iter()
        .position(|word| names.contains(&word.text.as_str()))?;
    words.get(at + 1).and_then(script)
}

fn after_dashes(words: &[Word]) -> Vec<Vec<Word>> {
    let at = words.iter().position(|word| word.text == "--");
    let command = at.and_then(|at| words.get(at + 1..)).unwrap_or_default();
    let command = Some(command.to_vec()).filter(|words| !words.is_empty());
    command.into_iter().collect()
}

/// The commands of find(1): up to `;`, or `{} +`.
fn find(words: &[Word]) -> Vec<Vec<Word>> {
    let runs = |word: &Word| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir");
    let mut commands = Vec::new();
    let mut rest = words;
    while let Some(at) = rest.iter().position(runs) {
        rest = &rest[at + 1..];
        let end = rest.iter().enumerate().position(|(at, word)| {
            let plus = word.text == "+" && at > 0 && rest[at - 1].text == "{}";
            word.text == ";" || plus
        });
        let (command, behind) = rest.split_at(end.unwrap_or(rest.len()));
        rest = behind;
        let files = |word: &Word| Word {
            text: word.text.clone(),
            literal: word.literal && !word.text.contains("{}"),
        };
        if !command.is_empty() {
            commands.push(command.iter().map(files).collect());
        }
    }
    commands
}

/// The program by which tar(1) packs and unpacks: by a letter, a long option, or the name of an archive.
fn packer(words: &[Word]) -> Vec<Vec<Word>> {
    const PROGRAMS: [(&str, char, &str, [&str; 2]); 4] = [
        ("gzip", 'z', "--gzip", [".gz", ".tgz"]),
        ("bzip2", 'j', "--bzip2", [".bz2", ".tbz2"]),
        ("xz", 'J', "--xz", [".xz", ".txz"]),
        ("zstd", '\0', "--zstd", [".zst", ".tzst"]),
    ];
    // Behind one of these letters a word goes on with a value; the first word without a dash has letters alone.
    let letters = |(at, word): (usize, &Word)| {
        let Some(text) = word.text.strip_prefix('-') else {
            return (at == 0).then(|| word.text.clone());
        };
        let end = text.find(['b', 'C', 'f', 'g', 'I', 'K', 'N', 'T', 'V', 'X', '-']);
        Some(text[..end.unwrap_or(text.len())].to_owned())
    };
    let letters: String = words.iter().enumerate().filter_map(letters).collect();
    let program = PROGRAMS.iter().find(|(_, letter, option, endings)| {
        let named = |word: &Word| {
            word.text == *option || endings.iter().any(|ending| word.text.ends_with(ending))
        };
        letters.contains(*letter) || words.iter().any(named)
    });
    let word = |(name, ..): &(&str, char, &str, [&str; 2])| Word {
        text: (*name).to_owned(),
        literal: true,
    };
    program
        .map(|program| vec![word(program)])
        .into_iter()
        .collect()
}

/// The program of start-stop-daemon(8), with the arguments behind `--`.
fn daemon(words: &[Word]) -> Vec<Vec<Word>> {
    let is = |names: [&str; 2]| {
        let at = words
            .iter()
            .position(|word| names.contains(&word.text.as_str()))?;
        words.get(at + 1)
    };
    let starts = words
        .iter()
        .any(|word| matches!(word.text.as_str(), "--start" | "-S"));
    let program = is(["--startas", "-a"]).or_else(|| is(["--exec", "-x"]));
    let mut command: Vec<Word> = program.filter(|_| starts).into_iter().cloned().collect();
    if !command.is_empty() {
        command.extend(after_dashes(words).into_iter().flatten());
        return vec![command];
    }
    Vec::new()
}
