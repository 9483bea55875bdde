//! What to do where what a file of the spec needs was found in no package, or in several.

use mikron::facts::LibcFlavour;
use mikron::package::Sought;
use mikron::{Candidate, Unfound, UnfoundCause};

/// The lines for the spec, or what else helps; `None` where nothing more is to be said than that it is missing.
pub(super) fn help(unfound: &[Unfound]) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for need in unfound {
        let part = of_need(need);
        parts.extend(part.filter(|part| !parts.contains(part)));
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn of_need(need: &Unfound) -> Option<String> {
    let what = match &need.by {
        Some(by) => format!("{}, which {by} needs", need.sought),
        None => format!("{}, which the image starts", need.sought),
    };
    Some(match &need.cause {
        UnfoundCause::NoSource => "the spec has no source of packages; add one:\n    sources:\n      debian: { deb: bookworm }".to_owned(),
        UnfoundCause::Locked => format!(
            "the lock has no package with {what}; `mikron lock` looks for one"
        ),
        UnfoundCause::Several(candidates) => format!(
            "several packages have {what}; name the one that is meant:{}",
            lines(candidates)
        ),
        UnfoundCause::Elsewhere(candidates) => format!(
            "packages have {what}, where nobody looks for it; name the one that is meant, and where the loader has to look\n  in `LD_LIBRARY_PATH` of `image.env`, unless an alternative of it leads there:{}",
            lines(candidates)
        ),
        UnfoundCause::Nobody { .. } if need.libc == Some(LibcFlavour::Musl) => format!(
            "{} is made for musl, and no package of the sources has what it loads; take a source of packages that are made for musl (Alpine's),\n  or link it statically",
            need.by.as_deref().unwrap_or("the program")
        ),
        UnfoundCause::Nobody { .. } if environment(need).is_some() => environment(need)?,
        UnfoundCause::Nobody { unlisted } if !unlisted.is_empty() => format!(
            "name the package that has {what}, among `packages`: {} not say which files its packages have",
            match unlisted.as_slice() {
                [one] => format!("the source `{one}` does"),
                all => format!("the sources {} do", all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")),
            }
        ),
        UnfoundCause::Nobody { .. } if need.by.is_some() => format!(
            "no package of the sources has {what}; add a source whose packages have it, or bring it with `files`"
        ),
        _ => return None,
    })
}

/// What to do where a file of a virtual environment names the Python of the machine that it was made on.
fn environment(need: &Unfound) -> Option<String> {
    let (Sought::Path(python), Some(by)) = (&need.sought, &need.by) else {
        return None;
    };
    let (home, python) = python.rsplit_once('/')?;
    let (own, name) = by.rsplit_once('/')?;
    let (made, at) = (home.strip_suffix("/bin")?, own.strip_suffix("/bin")?);
    if !python.starts_with("python") {
        return None;
    }
    Some(if name.starts_with("python") {
        format!(
            "the environment {at} was made by the Python of {made}; make it by that of the image (`/usr/bin/python3 -m venv`)"
        )
    } else {
        format!(
            "the programs of {own} were written for an environment at {made}; make it where the image has it (`python3 -m venv {at}`),\n  or start their modules (`{own}/python -m …`) and leave the programs out with `exclude`"
        )
    })
}

/// A line for the spec for each package.
fn lines(candidates: &[Candidate]) -> String {
    const SHOWN: usize = 12;
    let line = |one: &Candidate| {
        let path = one.path.as_ref().map(|path| format!("    # {path}"));
        format!(
            "\n    packages: [{}]{}",
            one.package,
            path.unwrap_or_default()
        )
    };
    let more = candidates.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!("\n    and {more} more")
    } else {
        String::new()
    };
    candidates.iter().take(SHOWN).map(line).collect::<String>() + &more
}
