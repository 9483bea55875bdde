//! A finalizer as a value: what it says of itself, what it does, and the order that follows.

use std::sync::Arc;

use mikron_package::MemoryContents;

use crate::error::{OrderError, RootfsError};
use crate::finalize::{Context, Report, Work};
use crate::tree::Tree;

/// Produces, declaratively, what a maintainer script would have produced.
///
/// Finalizers run over the merged tree, before the spec's own `remove` patterns, in the order in which they were added as far as
/// their declarations leave it open. They are functions of what they are given: no clock, no environment, no order of hashing.
///
/// ```
/// use mikron_package::RootPath;
/// use mikron_rootfs::Finalizer;
///
/// /// Writes the time zone that the image uses.
/// fn timezone(zone: &'static str) -> Finalizer {
///     Finalizer::new("timezone", move |work| {
///         let text = format!("{zone}\n").into_bytes();
///         work.write(RootPath::new(b"/etc/timezone")?, text, 0o644)
///     })
///     .provides(&["/etc/timezone"])
/// }
/// assert_eq!(timezone("UTC").name(), "timezone");
/// ```
#[derive(Clone)]
pub struct Finalizer {
    name: &'static str,
    reads: &'static [&'static str],
    provides: &'static [&'static str],
    promises: &'static [&'static str],
    sources: &'static [&'static str],
    takes: &'static [&'static str],
    covers: &'static [&'static str],
    run: Arc<Run>,
}

type Run = dyn Fn(&mut Work<'_>) -> Result<(), RootfsError> + Send + Sync;

impl Finalizer {
    /// A finalizer that reads nothing of others and makes nothing that others read. Its name is unique among those of a build.
    pub fn new(
        name: &'static str,
        run: impl Fn(&mut Work<'_>) -> Result<(), RootfsError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            reads: &[],
            provides: &[],
            promises: &[],
            sources: &[],
            takes: &[],
            covers: &[],
            run: Arc::new(run),
        }
    }

    /// What it looks at that others may have made: globs of paths, or the name of a finalizer for all that this does.
    #[must_use]
    pub const fn reads(mut self, things: &'static [&'static str]) -> Self {
        self.reads = things;
        self
    }

    /// Globs of the paths that it may make. No other finalizer makes one of them.
    #[must_use]
    pub const fn provides(mut self, globs: &'static [&'static str]) -> Self {
        self.provides = globs;
        self
    }

    /// Paths that it makes wherever something in the image counts on them: packages may lead there and bring nothing.
    #[must_use]
    pub const fn promises(mut self, paths: &'static [&'static str]) -> Self {
        self.promises = paths;
        self
    }

    /// Globs of files of packages that it reads wherever they lie, whether the image has them or not.
    #[must_use]
    pub const fn sources(mut self, globs: &'static [&'static str]) -> Self {
        self.sources = globs;
        self
    }

    /// Globs of the paths that it may take out again: it runs behind those that read them and nothing that it makes.
    #[must_use]
    pub const fn takes(mut self, globs: &'static [&'static str]) -> Self {
        self.takes = globs;
        self
    }

    /// The ends of the names of commands whose effect it has produced once it has made something.
    #[must_use]
    pub const fn covers(mut self, commands: &'static [&'static str]) -> Self {
        self.covers = commands;
        self
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The paths of [`Finalizer::promises`].
    pub const fn promised(&self) -> &'static [&'static str] {
        self.promises
    }

    /// The globs of [`Finalizer::sources`].
    pub(crate) fn declared_sources(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.sources.iter().copied()
    }

    /// Runs it.
    pub(crate) fn run(
        &self,
        context: &Context<'_>,
        tree: &mut Tree,
        contents: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        let mut work = Work {
            context,
            tree,
            contents,
            report: Report::new(self.name),
        };
        (self.run)(&mut work)?;
        if !work.report.made.is_empty() && !self.covers.is_empty() {
            let covers = |name: &str| self.covers.iter().any(|end| name.ends_with(end));
            let own = work.calls().filter(|(_, _, call)| covers(call.name()));
            work.report.covered.extend(own.map(|(_, site, _)| site));
        }
        Ok(work.report)
    }

    /// Everything that it makes.
    fn made(&self) -> impl Iterator<Item = &'static str> {
        self.provides.iter().chain(self.promises).copied()
    }

    /// Whether it reads what another makes.
    fn reads_from(&self, other: &Self) -> bool {
        let is_made =
            |thing: &&str| *thing == other.name || other.made().any(|made| overlap(thing, made));
        self.reads.iter().any(is_made)
    }

    /// Whether it has to run behind another: it reads what the other makes, or takes what the other reads.
    fn follows(&self, other: &Self) -> bool {
        let takes = |taken: &&str| other.reads.iter().any(|thing| overlap(thing, taken));
        self.reads_from(other) || (self.takes.iter().any(takes) && !other.reads_from(self))
    }
}

/// Brings finalizers into an order in which each finds what it reads: of those that could run the first of the list does.
///
/// # Errors
/// When two have one name or make the same thing, or each of several waits for another.
pub(crate) fn order(finalizers: &[Finalizer]) -> Result<Vec<&Finalizer>, OrderError> {
    for (at, one) in finalizers.iter().enumerate() {
        for other in &finalizers[..at] {
            if one.name == other.name {
                return Err(OrderError::SameName { name: one.name });
            }
            let same = |path: &&str| other.made().any(|made| overlap(path, made));
            if let Some(path) = one.made().find(same) {
                return Err(OrderError::MadeTwice {
                    path,
                    first: other.name,
                    second: one.name,
                });
            }
        }
    }
    let mut waiting: Vec<&Finalizer> = finalizers.iter().collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let is_free = |one: &&Finalizer| {
            !waiting
                .iter()
                .any(|other| one.follows(other) && one.name != other.name)
        };
        let Some(next) = waiting.iter().position(is_free) else {
            let names = waiting.iter().map(|one| one.name).collect();
            return Err(OrderError::Circle { names });
        };
        ordered.push(waiting.remove(next));
    }
    Ok(ordered)
}

/// Whether two globs match one path, as far as names and stars say. What does not begin with `/` is no glob.
fn overlap(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (one.strip_prefix('/'), other.strip_prefix('/')) else {
        return false;
    };
    let (one, other): (Vec<_>, Vec<_>) = (one.split('/').collect(), other.split('/').collect());
    let is_same = |a: &&str, b: &&str| names_overlap(a.as_bytes(), b.as_bytes());
    meet(&one, &other, &"**", &is_same)
}

fn names_overlap(one: &[u8], other: &[u8]) -> bool {
    meet(one, other, &b'*', &|a, b| {
        a == b || [*a, *b].contains(&b'?')
    })
}

/// Whether two patterns meet in which `any` stands for any number of items.
fn meet<T: PartialEq>(one: &[T], other: &[T], any: &T, is_same: &dyn Fn(&T, &T) -> bool) -> bool {
    match (one.split_first(), other.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == any => {
            let skipped = other
                .split_first()
                .is_some_and(|(_, behind)| meet(one, behind, any, is_same));
            skipped || meet(rest, other, any, is_same)
        }
        (_, Some((first, _))) if first == any => meet(other, one, any, is_same),
        (Some((a, one)), Some((b, other))) => is_same(a, b) && meet(one, other, any, is_same),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finalizer(
        name: &'static str,
        reads: &'static [&'static str],
        provides: &'static [&'static str],
    ) -> Finalizer {
        Finalizer::new(name, |_| Ok(()))
            .reads(reads)
            .provides(provides)
    }

    fn names(finalizers: &[Finalizer]) -> Vec<&'static str> {
        let ordered = order(finalizers).expect("an order");
        ordered.iter().map(|one| one.name).collect()
    }

    #[test]
    fn who_reads_runs_behind_who_makes_and_else_the_list_stands() {
        let all = [
            finalizer("last", &["/etc/**"], &[]),
            finalizer("cache", &["maker", "/usr/lib/*/x.so"], &["/etc/cache"]),
            finalizer("free", &[], &["/usr/share/x"]),
            finalizer("maker", &[], &["/usr/lib/**/x.so"]),
            finalizer("other", &[], &["/usr/lib/*/y.so"]),
        ];
        assert_eq!(names(&all), ["free", "maker", "cache", "last", "other"]);
    }

    #[test]
    fn who_takes_something_away_runs_behind_who_reads_it() {
        let takes = finalizer("takes", &[], &["/made"]).takes(&["/from/**"]);
        let reads = finalizer("reads", &["/from/*.crt"], &[]);
        let last = finalizer("last", &["/**"], &[]);
        assert_eq!(names(&[last, takes, reads]), ["reads", "takes", "last"]);
    }

    #[test]
    fn a_circle_a_name_and_a_path_that_stand_twice_are_refused_by_name() {
        let error = |all: &[Finalizer]| order(all).map(|_| ()).unwrap_err();
        let circle = [
            finalizer("free", &[], &[]),
            finalizer("a", &["b"], &["/a"]),
            finalizer("b", &["/a"], &[]),
        ];
        assert_eq!(
            error(&circle),
            OrderError::Circle {
                names: vec!["a", "b"]
            }
        );
        let twice = [finalizer("a", &[], &[]), finalizer("a", &[], &[])];
        assert_eq!(error(&twice), OrderError::SameName { name: "a" });
        let path = [
            finalizer("a", &[], &["/x/*.conf"]),
            finalizer("b", &[], &["/x/y*"]),
        ];
        let found = error(&path);
        let expected = OrderError::MadeTwice {
            path: "/x/y*",
            first: "a",
            second: "b",
        };
        assert_eq!(found, expected);
        assert!(found.to_string().contains("`a`"), "{found}");
    }
}
