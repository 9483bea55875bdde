//! What the spec's own files need, and the program that the image starts: nothing says what its packages are called.

use mikron_facts::LibcFlavour;
use mikron_package::{PackageName, Sought, merged_usr};
use mikron_select::{Loader, Missing, MissingCause, PATH, PackageInput, Selection, Token, Wanted};

use crate::error::{Candidate, Unfound, UnfoundCause};

/// Something that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) sought: Sought,
    pub(crate) kind: Kind,
    /// The file of the spec that needs it; `None` for what the image starts.
    by: Option<String>,
    /// Of a library: where the loader looks for it.
    directories: Vec<String>,
    /// The C library that the file is made for.
    libc: Option<LibcFlavour>,
}

/// What a need is looked for at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Libraries and their loader: an index knows them, and so Essential packages need not be looked through.
    Libraries,
    /// Programs: those of Essential packages come first.
    Programs,
}

/// What of a selection's open ends the sources are to be asked for, each thing once. The last of the inputs has the spec's own files.
pub(crate) fn needs(
    selection: &Selection,
    inputs: &[PackageInput],
    wanted: &Wanted,
    kind: Kind,
) -> Vec<Need> {
    let own = inputs.len().saturating_sub(1);
    let mut needs: Vec<Need> = Vec::new();
    for missing in &selection.missing {
        let of_spec = missing.by.is_none_or(|by| by.package == own);
        let open = matches!(
            missing.cause,
            MissingCause::Absent | MissingCause::Elsewhere { .. }
        );
        if !of_spec || !open {
            continue;
        }
        if let Some(need) = need(missing, inputs, wanted, kind)
            && needs.iter().all(|known| known.sought != need.sought)
        {
            needs.push(need);
        }
    }
    needs
}

fn need(missing: &Missing, inputs: &[PackageInput], wanted: &Wanted, kind: Kind) -> Option<Need> {
    let file = missing
        .by
        .map(|by| &inputs[by.package].facts.files[by.entry]);
    let sought = match &missing.token {
        Token::Soname(name) if !name.contains('/') => Sought::Library(name.clone()),
        Token::Command(name) => Sought::Command(name.clone()),
        Token::Path(path) => Sought::Path(path.clone()),
        _ => return None,
    };
    let loads = file.is_some_and(|file| file.elf.is_some());
    let is_library = loads && !matches!(sought, Sought::Command(_));
    if is_library != (kind == Kind::Libraries) {
        return None;
    }
    let elf = file.and_then(|file| Some((file.elf.as_deref()?, file.entry.path.as_bytes())));
    let mut directories = elf.map_or_else(Vec::new, |(elf, path)| Loader::directories(elf, path));
    directories.extend(wanted.library_path.iter().cloned());
    Some(Need {
        sought,
        kind,
        by: file.map(|file| file.entry.path.to_string()),
        directories,
        libc: elf.and_then(|(elf, _)| elf.libc()),
    })
}

impl Need {
    /// Whether a file at this path is what is needed.
    fn is_met_by(&self, path: &str) -> bool {
        let real = |path: &str| merged_usr(path.trim_start_matches('/').as_bytes()).into_owned();
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let lies_in = |one: &str| real(one.trim_end_matches('/')) == real(directory);
        match &self.sought {
            Sought::Library(_) => self.directories.iter().any(|one| lies_in(one)),
            Sought::Command(_) => PATH.iter().any(|one| lies_in(one)),
            Sought::Path(wanted) => real(wanted) == real(path),
        }
    }

    /// The need as one that nobody meets.
    pub(crate) fn unfound(&self, cause: UnfoundCause) -> Unfound {
        Unfound {
            sought: self.sought.clone(),
            by: self.by.clone(),
            libc: self.libc,
            cause,
        }
    }

    /// The one package that meets it. Of several one that is `preferred` will do.
    pub(crate) fn choose(
        &self,
        candidates: Vec<Candidate>,
        preferred: &dyn Fn(&PackageName) -> bool,
        unlisted: Vec<String>,
    ) -> Result<PackageName, UnfoundCause> {
        let (mut meet, elsewhere): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .partition(|one| one.path.as_deref().is_none_or(|path| self.is_met_by(path)));
        meet.dedup_by(|a, b| a.package == b.package);
        let mut liked = meet.iter().filter(|one| preferred(&one.package));
        match (meet.as_slice(), liked.next(), liked.next()) {
            ([one], ..) | (_, Some(one), None) => Ok(one.package.clone()),
            ([], ..) if elsewhere.is_empty() => Err(UnfoundCause::Nobody { unlisted }),
            ([], ..) => Err(UnfoundCause::Elsewhere(elsewhere)),
            _ => Err(UnfoundCause::Several(meet)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn need(sought: Sought) -> Need {
        Need {
            sought,
            kind: Kind::Libraries,
            by: Some("/app".to_owned()),
            directories: vec!["/usr/lib/x86_64-linux-gnu".to_owned()],
            libc: None,
        }
    }

    fn choose(
        need: &Need,
        candidates: &[(&str, &str)],
        liked: &str,
    ) -> Result<String, UnfoundCause> {
        let candidate = |(package, path): &(&str, &str)| Candidate {
            package: package.parse().unwrap(),
            path: Some((*path).to_owned()).filter(|path| !path.is_empty()),
        };
        let all = candidates.iter().map(candidate).collect();
        let chosen = need.choose(all, &|name| name.as_str() == liked, Vec::new());
        chosen.map(|name| name.to_string())
    }

    #[test]
    fn a_library_is_taken_from_where_the_loader_looks() {
        let need = need(Sought::Library("libgl.so.1".to_owned()));
        let private = ("primus", "/usr/lib/x86_64-linux-gnu/primus/libgl.so.1");
        let usual = ("libgl1", "/lib/x86_64-linux-gnu/libgl.so.1");
        assert_eq!(choose(&need, &[private, usual], "").unwrap(), "libgl1");
        let error = choose(&need, &[private], "").unwrap_err();
        assert!(matches!(error, UnfoundCause::Elsewhere(all) if all.len() == 1));
    }

    #[test]
    fn of_several_none_is_taken_but_one_that_is_there() {
        let need = need(Sought::Command("mail".to_owned()));
        let both = [("bsd-mailx", "/usr/bin/mail"), ("mailutils", "/bin/mail")];
        let error = choose(&need, &both, "").unwrap_err();
        assert!(matches!(error, UnfoundCause::Several(all) if all.len() == 2));
        assert_eq!(choose(&need, &both, "mailutils").unwrap(), "mailutils");
    }

    #[test]
    fn what_a_record_says_needs_no_path() {
        let need = need(Sought::Library("libpq.so.5".to_owned()));
        assert_eq!(choose(&need, &[("libpq", "")], "").unwrap(), "libpq");
        let error = choose(&need, &[], "").unwrap_err();
        assert_eq!(
            error,
            UnfoundCause::Nobody {
                unlisted: Vec::new()
            }
        );
    }
}
