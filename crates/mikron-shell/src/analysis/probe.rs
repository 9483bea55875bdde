//! How scripts look whether a command is there.

use crate::call::Word;

/// The commands that a call looks for: `command -v x`, `type x`, `which x`, `hash x`, `[ -x /bin/x ]`.
pub(super) fn probed(words: &[Word]) -> Vec<String> {
    let Some((name, arguments)) = words.split_first().filter(|(name, _)| name.literal) else {
        return Vec::new();
    };
    let option = |word: &&Word| word.text.starts_with('-');
    let looks = match name.text.rsplit('/').next().unwrap_or_default() {
        "command" => arguments.iter().take_while(option).any(|word| {
            let letters = word.text.trim_start_matches('-');
            word.text != "--" && letters.contains(['v', 'V'])
        }),
        "type" | "which" => true,
        // `hash -r` forgets what was found.
        "hash" => !arguments.iter().any(|word| option(&word)),
        "[" | "test" => {
            let executable = arguments.iter().position(|word| word.text == "-x");
            let path = executable.and_then(|at| arguments.get(at + 1));
            let path = path.filter(|word| word.literal && word.text.starts_with('/'));
            return path.map(|word| word.text.clone()).into_iter().collect();
        }
        _ => false,
    };
    if !looks {
        return Vec::new();
    }
    let operands = arguments
        .iter()
        .filter(|word| !option(word) && word.literal && !word.text.is_empty());
    operands.map(|word| word.text.clone()).collect()
}

/// Whether a command of this name is there when `present` is.
pub(super) fn covers(present: &str, name: &str) -> bool {
    if present == name {
        return true;
    }
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    match present.rsplit_once('/') {
        // A path of a program stands for its name, and not that of any file.
        Some((directory, file)) => directory.ends_with("bin") && file == name,
        None => present == base(name),
    }
}
