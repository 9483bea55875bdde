//! The links that update-alternatives(1) manages.

use std::collections::BTreeMap;

use mikron_package::{ArchiveMetadata, RootPath};

use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::scripts::ScannedScript;
use mikron_shell::Call;

/// A link that update-alternatives(1) would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// The link: `/usr/bin/awk`.
    pub link: RootPath,
    /// Where it leads in the end: `/usr/bin/mawk`.
    pub path: RootPath,
    /// The package whose script installs it.
    pub package: String,
}

/// The links that the scripts of these packages would have update-alternatives(1) make, were all of their files there: of
/// several candidates for one link that of the highest priority, then the first. In order of link.
pub fn alternatives<'a>(
    packages: impl IntoIterator<Item = &'a ArchiveMetadata>,
) -> Vec<Alternative> {
    let mut best: BTreeMap<RootPath, (i64, Alternative)> = BTreeMap::new();
    for metadata in packages {
        for script in ScannedScript::of(metadata) {
            for (_, call) in script.installing() {
                let Some(candidate) = candidate(call) else {
                    continue;
                };
                let own = (&candidate.link, &candidate.path);
                let slaves = candidate.slaves.iter().map(|(link, _, path)| (link, path));
                for (link, path) in [own].into_iter().chain(slaves) {
                    let alternative = Alternative {
                        link: link.clone(),
                        path: path.clone(),
                        package: script.package.clone(),
                    };
                    let known = best.get(link).map(|(priority, _)| *priority);
                    if known.is_none_or(|known| candidate.priority > known) {
                        best.insert(link.clone(), (candidate.priority, alternative));
                    }
                }
            }
        }
    }
    best.into_values()
        .map(|(_, alternative)| alternative)
        .collect()
}

/// One candidate for a name.
#[derive(Clone, Debug)]
struct Candidate {
    name: String,
    link: RootPath,
    path: RootPath,
    priority: i64,
    /// (link, name, path) of what goes with it.
    slaves: Vec<(RootPath, String, RootPath)>,
}

/// Makes the links of literal `update-alternatives --install` calls whose program is in the image: `/etc/alternatives/NAME` and
/// the link to it. Of several candidates the one of highest priority wins, then the first in order of package.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("alternatives", run)
        .reads(&["scripts"])
        .provides(&["/etc/alternatives/*"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let mut best: BTreeMap<String, Candidate> = BTreeMap::new();
    for (_, site, call) in work.calls() {
        let Some(candidate) = candidate(call) else {
            continue;
        };
        let there = work.tree.lookup(&candidate.path).is_some();
        let reason = format!("{} is not in the image", candidate.path);
        work.report
            .settle([site], Some(&*reason).filter(|_| !there));
        let better = |known: &Candidate| candidate.priority > known.priority;
        if there && best.get(&candidate.name).is_none_or(better) {
            best.insert(candidate.name.clone(), candidate);
        }
    }
    for candidate in best.into_values() {
        let Candidate {
            link: at,
            name,
            path,
            slaves,
            ..
        } = &candidate;
        link(work, at, name, path)?;
        for (at, name, path) in slaves {
            if work.tree.lookup(path).is_some() {
                link(work, at, name, path)?;
            }
        }
    }
    Ok(())
}

/// Makes the two links of one name, where no package has something there.
fn link(
    work: &mut Work<'_>,
    at: &RootPath,
    name: &str,
    path: &RootPath,
) -> Result<(), RootfsError> {
    let middle = RootPath::new(b"etc/alternatives")?.join(name.as_bytes())?;
    for (at, to) in [(&middle, path), (at, &middle)] {
        work.link(at, [b"/", to.as_bytes()].concat())?;
    }
    Ok(())
}

/// Reads `--install LINK NAME PATH PRIORITY [--slave LINK NAME PATH]…`.
fn candidate(call: &Call) -> Option<Candidate> {
    if call.name() != "update-alternatives" {
        return None;
    }
    let words = call.literal_arguments()?;
    let start = words.iter().position(|word| *word == "--install")?;
    let [link, name, path, priority] = words.get(start + 1..start + 5)? else {
        return None;
    };
    let path_of = |text: &str| RootPath::new(text.as_bytes()).ok().filter(|p| !p.is_root());
    let name_of = |name: &str| (!name.contains('/') && !name.is_empty()).then(|| name.to_owned());
    let mut slaves = Vec::new();
    for (at, word) in words.iter().enumerate().skip(start) {
        if *word == "--slave" || *word == "--follower" {
            let [link, name, path] = words.get(at + 1..at + 4)? else {
                return None;
            };
            slaves.push((path_of(link)?, name_of(name)?, path_of(path)?));
        }
    }
    Some(Candidate {
        name: name_of(name)?,
        link: path_of(link)?,
        path: path_of(path)?,
        priority: priority.parse().ok()?,
        slaves,
    })
}
