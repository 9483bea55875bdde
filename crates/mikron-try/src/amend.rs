//! Lines for the spec, put where they belong.

use std::path::Path;

use mikron::Reading;
use mikron::spec::{PackageRequest, Spec};

use crate::{Key, Line, TryError};

/// Puts lines into the lists of a spec's file, whose comments and form stay as they are. What comes of it is read, and written only where it is the
/// same spec with these lines.
///
/// # Errors
/// When the file cannot be read or written, or is written in a form that lines cannot be put into.
pub fn amend(file: &Path, reading: &Reading, lines: &[Line]) -> Result<(), TryError> {
    let refused = || TryError::Amend {
        file: file.to_owned(),
        lines: lines.to_vec(),
    };
    let before = reading.file(file)?;
    let mut text = before.text_of_file()?;
    for key in [Key::Packages, Key::Remove] {
        let of_key = lines.iter().filter(|line| line.key == key);
        let items: Vec<&str> = of_key.map(|line| line.value.as_str()).collect();
        if !items.is_empty() {
            let key = key.to_string();
            text = mikron_yaml::append(&text, &key, &items).ok_or_else(refused)?;
        }
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let directory = file.parent().unwrap_or(Path::new(""));
    let after = reading.text(&name, text.as_str(), directory);
    let after = after.map_err(|_| refused())?;
    if !is_amended(before.spec(), after.spec(), lines) {
        return Err(refused());
    }
    Ok(before.write_file(&text)?)
}

/// Whether a spec is another with these lines, and nothing else.
fn is_amended(before: &Spec, after: &Spec, lines: &[Line]) -> bool {
    let (mut packages, mut patterns) = (Vec::new(), Vec::new());
    for line in lines {
        match line.key {
            Key::Packages => match mikron_yaml::read::<PackageRequest>(&line.value) {
                Ok(package) => packages.push(package),
                Err(_) => return false,
            },
            Key::Remove => patterns.push(line.value.clone()),
        }
    }
    let has_all = packages.iter().all(|item| after.packages.contains(item))
        && after.remove.ends_with(&patterns);
    let without = |spec: &Spec| {
        let mut spec = spec.clone();
        spec.packages.retain(|item| !packages.contains(item));
        spec.remove.retain(|item| !patterns.contains(item));
        spec
    };
    has_all && without(before) == without(after)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    use std::fs;

    fn line(key: Key, value: &str) -> Line {
        Line {
            key,
            value: value.to_owned(),
        }
    }

    fn amended(text: &str) -> Result<String, TryError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("image.yaml");
        fs::write(&file, text).unwrap();
        let lines = [
            line(Key::Packages, "libc6:modules"),
            line(Key::Remove, "!/usr/bin/a"),
        ];
        amend(&file, &Reading::default(), &lines)?;
        Ok(fs::read_to_string(file).unwrap())
    }

    const HEAD: &str = "mikron: 1 # the version\nname: a\nsources: { debian: { deb: bookworm } }\n";

    #[test]
    fn comments_and_form_stay_and_lines_come_at_the_end_of_their_lists() {
        let text = format!("{HEAD}packages: [hello] # one\nremove:\n- /usr/bin/*\n# the end\n");
        let expected = format!(
            "{HEAD}packages: [hello, \"libc6:modules\"] # one\nremove:\n- /usr/bin/*\n- \"!/usr/bin/a\"\n# the end\n"
        );
        assert_eq!(amended(&text).unwrap(), expected);
    }

    #[test]
    fn a_spec_of_another_form_is_left_alone_and_the_lines_are_told() {
        let flow =
            "{ mikron: 1, name: a, sources: { debian: { deb: bookworm } }, packages: [hello] }\n";
        let alias = format!("{HEAD}packages: &all [hello]\nwith: *all\n");
        for text in [flow, &alias] {
            let error = amended(text).unwrap_err().to_string();
            assert!(error.contains("packages: [\"libc6:modules\"]"), "{error}");
        }
    }
}
