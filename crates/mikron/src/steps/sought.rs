//! Packages for what the spec's own files need, and the program that the image starts: nothing says what these packages are called,
//! and so the sources are asked who has a library, a loader, an interpreter or a command.

use std::collections::BTreeSet;

use mikron_facts::LibcFlavour;
use mikron_package::{PackageName, Platform, Sought, Universe, merged_usr};
use mikron_select::{Loader, Missing, MissingCause, PATH, PackageInput, Selection, Token, Wanted};

use crate::Error;
use crate::error::{Candidate, Unfound, UnfoundCause};
use crate::steps::sources::{Published, Sources};
use crate::steps::universes::Universes;

/// Something that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) sought: Sought,
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
    fn choose(
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

/// Who looks.
pub(crate) struct Seeker<'a> {
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) published: &'a Published,
    pub(crate) universes: &'a Universes<'a>,
    pub(crate) platform: Platform,
}

impl Seeker<'_> {
    /// The package that has what is needed, or why there is not one. Of several a package that is `there`, or that every
    /// installation has, will do.
    ///
    /// # Errors
    /// When a source cannot be asked.
    pub(crate) fn seek(
        &self,
        need: &Need,
        there: &BTreeSet<PackageName>,
    ) -> Result<Result<PackageName, UnfoundCause>, Error> {
        if self.universes.iter().next().is_none() {
            return Ok(Err(UnfoundCause::NoSource));
        }
        let mut candidates: BTreeSet<Candidate> = BTreeSet::new();
        for universe in self.universes.iter() {
            candidates.extend(self.providers(universe, &need.sought));
        }
        let (holders, unlisted) =
            self.sources
                .holders(self.published, self.platform, &need.sought)?;
        for holder in holders {
            // A package that is listed with its files and not in the index cannot be had.
            let mut universes = self.universes.iter();
            if is_shown(&holder.path)
                && universes.any(|universe| !universe.named(holder.package.as_str()).is_empty())
            {
                candidates.insert(Candidate {
                    package: holder.package,
                    path: Some(holder.path).filter(|path| !path.is_empty()),
                });
            }
        }
        let mut preferred = there.clone();
        for universe in self.universes.iter() {
            let essential = universe.essential().into_iter();
            preferred.extend(essential.map(|id| universe.record(id).name));
        }
        let is_preferred = |name: &PackageName| preferred.contains(name);
        Ok(need.choose(candidates.into_iter().collect(), &is_preferred, unlisted))
    }

    /// The packages whose records say that they have it.
    fn providers(&self, universe: &dyn Universe, sought: &Sought) -> Vec<Candidate> {
        let provided = (universe.family().provided_as)(sought, self.platform.architecture);
        let ids = provided.iter().flat_map(|name| universe.providers(name));
        let candidate = |id| Candidate {
            package: universe.record(id).name,
            path: None,
        };
        ids.map(candidate).collect()
    }
}

/// Whether a file is for programs to use, and not for debuggers.
fn is_shown(path: &str) -> bool {
    !path.starts_with("/usr/lib/debug/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn need(sought: Sought) -> Need {
        Need {
            sought,
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
