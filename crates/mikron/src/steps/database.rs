//! What the image says of its own packages: the database of each family, written over the finished tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use mikron_facts::PackageFacts;
use mikron_package::{
    Contents, DatabaseError, DatabaseFile, Entry, EntryKind, Family, Globs, Installed,
    InstalledFile, RootPath,
};
use mikron_rootfs::{Finalizer, FinalizerFault, Owner, RootfsError, Tree, Work};

use crate::Error;
use crate::families::Families;
use crate::steps::closure::Closure;
use crate::steps::contents::WithMade;
use crate::steps::resolved::ResolvedPackage;

/// The packages of an image by family, and what the spec's `remove` patterns will take away.
struct Packages {
    by_family: BTreeMap<Family, Vec<Taken>>,
    families: Families,
    removed: Globs,
    /// The files of the database of the image that is built upon, with its family.
    below: Option<(Family, BTreeMap<RootPath, Vec<u8>>)>,
}

/// A package that the image has something of.
struct Taken {
    facts: Arc<PackageFacts>,
    size: u64,
}

/// Writes the package database of every family that has packages in the image, when everything else is there.
///
/// # Errors
/// When this program was built without what writes the database of a family.
pub(crate) fn database(
    families: &Families,
    closure: &Closure,
    contents: &dyn Contents,
) -> Result<Finalizer, Error> {
    let packages = Packages::new(families, closure, contents)?;
    let written = Finalizer::new("package database", move |work| packages.write(work));
    Ok(written.reads(&[
        "/**",
        "scripts",
        "links of programs",
        "links to what was made",
    ]))
}

impl Packages {
    fn new(families: &Families, closure: &Closure, contents: &dyn Contents) -> Result<Self, Error> {
        let mut packages: BTreeMap<Family, Vec<Taken>> = BTreeMap::new();
        for chosen in &closure.selection.packages {
            // The last input stands for the files of the spec, which no package has.
            let Some(package) = closure.packages.get(chosen.package) else {
                continue;
            };
            let ResolvedPackage { family, record, .. } = package;
            if *family == Family::RPM && !cfg!(feature = "rpmdb") {
                return Err(Error::NotBuiltIn {
                    what: "the database of rpm packages",
                    feature: "rpmdb",
                });
            }
            packages.entry(*family).or_default().push(Taken {
                facts: Arc::clone(&closure.facts[chosen.package]),
                size: record.size,
            });
        }
        for of_family in packages.values_mut() {
            of_family.sort_by(|a, b| name(&a.facts).cmp(name(&b.facts)));
        }
        let lower = closure.lower.as_ref().filter(|_| !packages.is_empty());
        let below = lower.and_then(|lower| {
            let family = lower.family(families)?;
            Some(lower.database(contents).map(|files| (family, files)))
        });
        let below = below.transpose();
        let below = below.map_err(Error::io("read", "the package database of the base image"))?;
        Ok(Self {
            below,
            by_family: packages,
            families: families.clone(),
            removed: closure.wanted.remove.clone(),
        })
    }

    /// What the tree has of a package.
    fn installed<'a>(taken: &'a Taken, tree: &Tree, removed: &Globs) -> Installed<'a> {
        let own = name(&taken.facts);
        let is_present = |path| {
            let Ok(at) = tree.follow(path, false) else {
                return false;
            };
            let node = tree.get(&at);
            // Directories are everybody's; a file is there only as its package has it.
            let is_own = |owner: &Owner| match owner {
                Owner::Base { package } => package == own,
                owner => owner.package() == Some(own),
            };
            node.is_some_and(|node| node.entry.is_directory() || is_own(&node.owner))
                && !removed.matches(&at)
        };
        let file = |file: &'a mikron_facts::FileFacts| InstalledFile {
            entry: &file.entry,
            content: file.digest.as_ref(),
            present: is_present(&file.entry.path),
        };
        Installed {
            metadata: &taken.facts.metadata,
            files: taken.facts.files.iter().map(file).collect(),
            size: taken.size,
        }
    }

    fn write(&self, work: &mut Work<'_>) -> Result<(), RootfsError> {
        for (family, packages) in &self.by_family {
            let format = self.families.format(*family);
            let Some(database) = format.and_then(|format| format.database()) else {
                continue;
            };
            let installed: Vec<Installed<'_>> = packages
                .iter()
                .map(|taken| Self::installed(taken, work.tree, &self.removed))
                // A package whose files finalizers read and nobody has is not in the image.
                .filter(|package| {
                    package
                        .files
                        .iter()
                        .any(|f| f.present && !f.entry.is_directory())
                })
                .collect();
            let Work {
                context,
                tree,
                contents,
                report,
            } = &mut *work;
            let with_made = WithMade {
                made: contents,
                packages: context.contents,
            };
            // What has no place outside memory, and what the tree says when it does not take a file.
            let (mut held, mut refused) = (Vec::new(), None);
            let mut take = |file: DatabaseFile| {
                let size = file.bytes.len() as u64;
                let kept = context.contents.keep(&file.bytes);
                let kept = kept.map_err(|error| DatabaseError::Database(error.to_string()))?;
                let Some(stored) = kept else {
                    held.push(file);
                    return Ok(());
                };
                let mut entry = Entry::new(file.path, EntryKind::File { size }, file.mode);
                entry.mtime = tree.epoch();
                let added = report.place(tree, entry, Some(stored));
                added.map_err(|error| {
                    let reason = error.to_string();
                    refused = Some(error);
                    DatabaseError::Database(reason)
                })
            };
            let epoch = context.epoch;
            let written = match &self.below {
                Some((of, below)) if of == family => {
                    database.write_above(below, &installed, &with_made, epoch, &mut take)
                }
                _ => database.write_each(&installed, &with_made, epoch, &mut take),
            };
            if let Some(error) = refused {
                return Err(error);
            }
            written.map_err(|error| work.failed(FinalizerFault::Other(Arc::new(error))))?;
            for file in held {
                work.write(file.path, file.bytes, file.mode)?;
            }
        }
        Ok(())
    }
}

fn name(facts: &PackageFacts) -> &str {
    facts.metadata.record.name.as_str()
}
